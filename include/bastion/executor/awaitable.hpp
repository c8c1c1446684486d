// What all awaitables of the library share: readiness that can be polled, `.within(d)`, `.until(stop_token)`.
//
// An awaitable A derives from `awaitable<A>` and has
//   start()  arms timers, sends requests; called once, before the first poll
//   poll()   true when `take` would not wait; changes nothing that matters, may be called again and again
//   take()   the result
//   mail     static: whether mail can make it ready
// One whose poll resumes coroutines (tasks as branches) is `resumes_branches`: it is polled by the worker loop only,
// never inside a resume, keeps what it found, and says by `wants_mail()` whether mail can help.
// Awaiting something ready does not suspend, unless the strand has overspent its budget: then it yields.
// One with `mail` has
//   never_read()  what `take` gave was destroyed with a combinator, and nobody has seen it
// They are detachable: destroyed while waiting, they abandon their cells in their destructors. One that may have to stay
// `asks`, and has
//   leave()  true: it may be destroyed now. Asked when it shall be left; cancels what has not begun
// Whoever gives it up (a kill, a bound, a when_any that has its first) asks until it says so.
#ifndef BASTION_EXECUTOR_AWAITABLE_HPP
#define BASTION_EXECUTOR_AWAITABLE_HPP

#include <bastion/base/result.hpp>
#include <bastion/executor/cell.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/executor/this_thread.hpp>
#include <bastion/executor/worker.hpp>

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace bastion {

// Thrown when something is awaited where it cannot work: outside its process, on a plain thread.
class usage_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

namespace detail {

[[noreturn]] BASTION_API BASTION_COLD void throw_not_in_process(const char* what);

// The strand that runs here; awaiting outside one is an error that says so.
[[nodiscard]] inline strand& running_strand(const char* what) {
    strand* s = this_thread().current;
    if (s == nullptr) [[unlikely]]
        throw_not_in_process(what);
    return *s;
}

template <class T>
struct plain_result {
    using type = T;
};
template <class T>
struct plain_result<result<T>> {
    using type = T;
};

struct awaitable_base {
    static constexpr bool resumes_branches = false;
    static constexpr bool asks = false;
};

template <class A>
concept awaitable_object = std::derived_from<std::remove_cvref_t<A>, awaitable_base>;

// The deadline of a cell, on the wheel of the worker that the waiting strand was on when it began to wait.
class cell_timer {
public:
    cell_timer() noexcept {}
    cell_timer(cell_timer&& other) noexcept : wheel_(std::exchange(other.wheel_, nullptr)) {}
    cell_timer& operator=(cell_timer&& other) noexcept {
        std::swap(wheel_, other.wheel_);
        return *this;
    }

    [[nodiscard]] bool armed() const noexcept { return wheel_ != nullptr; }
    // On a worker, by the strand that the cell wakes.
    void arm(completion_cell& cell, worker& here, std::int64_t duration_ns) noexcept {
        wheel_ = &here;
        here.arm_own(cell.timer, duration_ns);
    }
    // When it returns nobody but the two sides knows the cell.
    void cancel(completion_cell& cell) noexcept {
        if (wheel_ != nullptr) (void)std::exchange(wheel_, nullptr)->cancel(cell.timer);
    }

private:
    worker* wheel_ = nullptr;
};

// A timer that a strand waits for. Cost: a cell from the pool, a load and a store; no clock is read.
class timer_wait {
public:
    explicit timer_wait(std::chrono::nanoseconds d) noexcept : duration_(d) {}
    timer_wait(timer_wait&& other) noexcept
        : duration_(other.duration_), cell_(std::exchange(other.cell_, nullptr)), timer_(std::move(other.timer_)) {}
    timer_wait& operator=(timer_wait&&) = delete;
    ~timer_wait() { end(); }

    void start() {
        cell_ = completion_cell::make(&running_strand("a timer"));
        timer_.arm(*cell_, *this_thread().current_worker, duration_.count());
    }
    [[nodiscard]] bool started() const noexcept { return cell_ != nullptr; }
    [[nodiscard]] bool over() const noexcept { return cell_ != nullptr && cell_->word.load() != cell_state::pending; }
    void end() noexcept {
        if (cell_ == nullptr) return;
        timer_.cancel(*cell_);
        completion_cell::recycle(std::exchange(cell_, nullptr)); // no completer: the timer was the other side
    }

private:
    std::chrono::nanoseconds duration_;
    completion_cell* cell_ = nullptr;
    cell_timer timer_;
};

// A stop_token that a strand waits for: its callback completes a cell.
class stop_wait {
public:
    explicit stop_wait(std::stop_token token) noexcept : token_(std::move(token)) {}
    stop_wait(stop_wait&& other) noexcept
        : token_(std::move(other.token_)), cell_(std::exchange(other.cell_, nullptr)) {}
    stop_wait& operator=(stop_wait&&) = delete;
    ~stop_wait() { end(); }

    void start() {
        cell_ = completion_cell::make(&running_strand("a stop_token"));
        callback_.emplace(token_, complete_cell{cell_});
    }
    [[nodiscard]] bool started() const noexcept { return cell_ != nullptr; }
    [[nodiscard]] bool over() const noexcept { return cell_ != nullptr && cell_->word.load() != cell_state::pending; }
    void end() noexcept {
        if (cell_ == nullptr) return;
        callback_.reset(); // returns when the callback does not run (any more)
        completion_cell::recycle(std::exchange(cell_, nullptr));
    }

private:
    class complete_cell {
    public:
        explicit complete_cell(completion_cell* cell) noexcept : cell_(cell) {}
        void operator()() const noexcept {
            runnable* owner = cell_->owner;
            if (cell_->word.complete() == cell_event::wake_owner) wake_cell_owner(cell_, owner);
        }

    private:
        completion_cell* cell_;
    };

    std::stop_token token_;
    completion_cell* cell_ = nullptr;
    std::optional<std::stop_callback<complete_cell>> callback_;
};

} // namespace detail

template <class Inner, class Bound>
class bounded_wait;

namespace detail {

// An awaitable awaited by its name: refers to it. g++ 12 copies an awaiter that it reaches through a reference (an
// element of a container, a captured variable).
template <class A>
class [[nodiscard]] referred_wait {
public:
    explicit referred_wait(A& a) noexcept : awaitable_(&a) {}
    [[nodiscard]] bool await_ready() { return awaitable_->await_ready(); }
    void await_suspend(std::coroutine_handle<> h) { awaitable_->await_suspend(h); }
    decltype(auto) await_resume() { return awaitable_->await_resume(); }

private:
    A* awaitable_;
};

} // namespace detail

template <class Derived>
class awaitable : public detail::awaitable_base {
public:
    [[nodiscard]] bool await_ready() {
        self().start();
        detail::strand& s = detail::running_strand("an awaitable");
        // What a process is told otherwise than by mail takes effect before it takes any: the run loop looks. Charged as a receive.
        if constexpr (Derived::resumes_branches || Derived::mail) {
            --s.budget;
            return false;
        } else {
            return s.budget > 0 && self().poll();
        }
    }
    void await_suspend(std::coroutine_handle<> h) {
        detail::wait_slot& slot = *detail::running_strand("an awaitable").slot;
        slot.set(h, &self(), &awaitable::look, Derived::mail);
        slot.asks = Derived::asks;
    }
    decltype(auto) await_resume() { return self().take(); }

    // Gives up after `d`: the result becomes result<T>, with errc::timeout.
    [[nodiscard]] auto within(std::chrono::nanoseconds d) && {
        return bounded_wait<Derived, detail::timer_wait>(std::move(self()), detail::timer_wait(d));
    }
    // Gives up when the token is asked to stop: the result becomes result<T>, with errc::cancelled.
    [[nodiscard]] auto until(std::stop_token token) && {
        return bounded_wait<Derived, detail::stop_wait>(std::move(self()), detail::stop_wait(std::move(token)));
    }

protected:
    awaitable() noexcept {}

private:
    [[nodiscard]] Derived& self() noexcept { return static_cast<Derived&>(*this); }
    [[nodiscard]] static bool look(void* a, [[maybe_unused]] detail::wait_query q) {
        auto& waited = *static_cast<Derived*>(a);
        if constexpr (Derived::asks)
            if (q == detail::wait_query::may_leave) return waited.leave();
        return waited.poll();
    }
};

// Temporaries are their own awaiters; named awaitables are referred to. (A template over the value category, because
// g++ 12 takes a member or a plain `A&` for temporaries, too, and then complains.)
template <class A>
    requires(
        std::is_lvalue_reference_v<A> && !std::is_const_v<std::remove_reference_t<A>> && detail::awaitable_object<A>)
[[nodiscard]] auto operator co_await(A&& a) noexcept {
    return detail::referred_wait<std::remove_reference_t<A>>(a);
}

// An awaitable with a bound: a time or a stop_token.
template <class Inner, class Bound>
class [[nodiscard]] bounded_wait : public awaitable<bounded_wait<Inner, Bound>> {
    using inner_result = decltype(std::declval<Inner&>().take());

public:
    using value_type = result<typename detail::plain_result<std::remove_cvref_t<inner_result>>::type>;
    static constexpr bool mail = Inner::mail;
    static constexpr bool resumes_branches = Inner::resumes_branches;
    static constexpr bool asks = Inner::asks;

    bounded_wait(Inner inner, Bound bound) noexcept : inner_(std::move(inner)), bound_(std::move(bound)) {}

    void start() { inner_.start(); }
    // The bound is armed when there is something to wait for; in a when_all another branch may take the mail that was
    // there first.
    [[nodiscard]] bool poll() {
        if (late_) return leave();
        in_time_ = inner_.poll();
        if (in_time_) return true;
        if (!bound_.started()) {
            const detail::must_not_fail certain; // the run loop may be asking, where nobody would catch
            bound_.start();
        }
        if (!bound_.over()) return false;
        late_ = asks;
        return leave();
    }
    [[nodiscard]] bool leave() {
        if constexpr (asks) return inner_.leave();
        else return true;
    }
    [[nodiscard]] bool wants_mail() const noexcept
        requires(resumes_branches)
    {
        return inner_.wants_mail();
    }
    void never_read() noexcept
        requires(mail)
    {
        if (in_time_) inner_.never_read();
    }
    [[nodiscard]] value_type take() {
        if (!inner_is_ready()) return fail(std::is_same_v<Bound, detail::timer_wait> ? errc::timeout : errc::cancelled);
        if constexpr (std::is_void_v<inner_result>) {
            inner_.take();
            return value_type();
        } else {
            return inner_.take();
        }
    }

private:
    [[nodiscard]] bool inner_is_ready() {
        if constexpr (resumes_branches || asks) return in_time_;
        else return inner_.poll();
    }

    Inner inner_;
    Bound bound_;
    bool in_time_ = false;
    bool late_ = false; // given up, and something in it may have to be waited for
};

// What `ctx.sleep_for(d)` returns.
class [[nodiscard]] sleep_wait : public awaitable<sleep_wait> {
public:
    static constexpr bool mail = false;
    explicit sleep_wait(std::chrono::nanoseconds d) noexcept : timer_(d) {}
    void start() { timer_.start(); }
    [[nodiscard]] bool poll() const noexcept { return timer_.over(); }
    void take() noexcept { timer_.end(); }

private:
    detail::timer_wait timer_;
};

// What `ctx.yield()` returns: goes to the end of the line once.
class [[nodiscard]] yield_wait {
public:
    yield_wait() noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const {
        detail::strand& s = detail::running_strand("yield");
        s.budget = 0;
        s.slot->set(h, nullptr, nullptr);
    }
    void await_resume() const noexcept {}
    template <class Duration>
    void within(Duration) {
        static_assert(
            !std::is_same_v<Duration, Duration>, "bastion: a yield waits for nothing that could take too long");
    }
};

} // namespace bastion

#endif
