// `blocking(fn)` and `blocking_detached(fn)`: run a function that blocks, or computes for long, off the workers.
//
// Awaited in processes and tasks, forked ones too; the function runs on a thread of the runtime's pool
// (executor/blocking_pool.hpp) and its value comes back, or its exception, with its type. The function is no process: it cannot await; it may tell.
// While it is queued it can be cancelled: by a kill, a bound, a when_any that has its first. Once it runs,
//   blocking           keeps the frame until it has returned, so that it may use what lies in the frame;
//   blocking_detached  lets the frame go: the function goes on with what it owns, and what it gives is dropped.
// Under a driver (bastion::testing) there are no threads: the function runs within the turn of whoever awaits it.
// Cost: an allocation, two switches of thread, some microseconds.
#ifndef BASTION_EXECUTOR_BLOCKING_HPP
#define BASTION_EXECUTOR_BLOCKING_HPP

#include <bastion/base/source_location.hpp>
#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/blocking_job.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/executor/when.hpp>

#include <coroutine>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace bastion {
namespace detail {

template <class F>
using blocking_result = std::invoke_result_t<std::decay_t<F>&&>;

template <class F>
consteval bool check_blocking() {
    using function = std::decay_t<F>;
    static_assert(std::is_invocable_v<function&&>,
        "bastion: blocking and blocking_detached take a function that is called without arguments");
    if constexpr (std::is_invocable_v<function&&>) {
        static_assert(!std::is_reference_v<blocking_result<F>>,
            "bastion: a blocking function must not return a reference: return a value or a pointer");
        static_assert(!awaitable_object<blocking_result<F>> && !is_task<std::remove_cvref_t<blocking_result<F>>>,
            "bastion: a blocking function cannot await: it must not return a task or another awaitable");
        return !std::is_reference_v<blocking_result<F>>;
    }
    return false;
}

// A forked task that waits for a function: it has no strand, so it is resumed as a runnable of its own.
struct forked_wait : runnable {
    executor* workers = nullptr;
    std::coroutine_handle<> leaf;
    strand* forked_by = nullptr;

    BASTION_API forked_wait() noexcept;
};

// The function, and what it gave.
template <class F>
struct blocking_call final : blocking_job {
    using value = value_or_monostate<blocking_result<F>>;

    blocking_call(F&& f, source_location where) : blocking_job(&run, &free, where), function(std::move(f)) {}
    blocking_call(const F& f, source_location where) : blocking_job(&run, &free, where), function(f) {}

    static void run(blocking_job& job) noexcept {
        auto& self = static_cast<blocking_call&>(job);
        try {
            if constexpr (std::is_void_v<blocking_result<F>>) {
                std::invoke(std::move(self.function));
                self.outcome.template emplace<1>();
            } else {
                self.outcome.template emplace<1>(std::invoke(std::move(self.function)));
            }
        } catch (...) { self.outcome.template emplace<2>(std::current_exception()); }
    }
    static void free(blocking_job& job) noexcept { pool_delete(&static_cast<blocking_call&>(job)); }

    F function;
    // Invariant: the thread's until the word says `completed`, then the asker's.
    std::variant<std::monostate, value, std::exception_ptr> outcome;
    forked_wait forked;
};

// The asker's side, without the types. Movable while it has not begun to wait.
class blocking_ticket {
public:
    explicit blocking_ticket(blocking_job& job, forked_wait& forked) noexcept : job_(&job), forked_(&forked) {}
    blocking_ticket(blocking_ticket&& other) noexcept
        : job_(std::exchange(other.job_, nullptr)), forked_(other.forked_), pool_(other.pool_), asker_(other.asker_) {}
    blocking_ticket& operator=(blocking_ticket&&) = delete;

    // Submits it, if a strand awaits; runs it at once under a driver. False: a forked task awaits, see wait_as_fork.
    BASTION_API bool start();
    // The last step of a suspension: `leaf` may be resumed on another thread before this returns.
    BASTION_API void wait_as_fork(std::coroutine_handle<> leaf);
    [[nodiscard]] bool over() const noexcept { return job_->word.load() == cell_state::completed; }
    // True: it will not run, or has returned.
    [[nodiscard]] BASTION_API bool leave() noexcept;
    // The end of the waiting, with or without a result; waits for the function unless it may be `left` running.
    BASTION_API void end(bool left) noexcept;
    [[nodiscard]] blocking_job* job() const noexcept { return job_; }

private:
    blocking_job* job_; // null: moved away, or over
    forked_wait* forked_;
    blocking_pool* pool_ = nullptr; // null: not started, or it ran under a driver
    strand* asker_ = nullptr; // for whom it is counted; null: a forked task's, or not started
};

} // namespace detail

// What `blocking` and `blocking_detached` return. Awaited once.
template <class F, bool Detached>
class [[nodiscard]] blocking_wait : public awaitable<blocking_wait<F, Detached>> {
    using call = detail::blocking_call<F>;

public:
    using value_type = detail::blocking_result<F>;
    static constexpr bool mail = false;
    static constexpr bool asks = !Detached;

    template <class G>
    blocking_wait(G&& f, source_location where) : blocking_wait(detail::pool_new<call>(std::forward<G>(f), where)) {}
    blocking_wait(blocking_wait&&) noexcept = default;
    blocking_wait& operator=(blocking_wait&&) = delete;
    ~blocking_wait() { ticket_.end(Detached); }

    void start() { (void)ticket_.start(); }
    [[nodiscard]] bool poll() const noexcept { return ticket_.over(); }
    [[nodiscard]] bool leave() noexcept { return ticket_.leave(); }
    value_type take() {
        auto& outcome = static_cast<call&>(*ticket_.job()).outcome;
        if (outcome.index() == 2) std::rethrow_exception(std::exchange(std::get<2>(outcome), nullptr));
        if constexpr (!std::is_void_v<value_type>) return std::move(std::get<1>(outcome));
    }

    // In a forked task it waits without a strand.
    [[nodiscard]] bool await_ready() {
        if (!ticket_.start()) return false;
        const detail::strand* const s = detail::this_thread().current;
        return (s == nullptr || s->budget > 0) && ticket_.over();
    }
    void await_suspend(std::coroutine_handle<> h) {
        if (detail::this_thread().current == nullptr) ticket_.wait_as_fork(h);
        else awaitable<blocking_wait>::await_suspend(h);
    }

private:
    explicit blocking_wait(call* made) noexcept : ticket_(*made, made->forked) {}

    detail::blocking_ticket ticket_;
};

// What they return for a temporary closure with captures that need destructors: this compiler destroys such a temporary
// twice inside co_await. Name it first, then await it.
template <class F, bool Detached>
class [[nodiscard]] named_blocking : public blocking_wait<F, Detached> {
    using base = blocking_wait<F, Detached>;

public:
    using base::base;
    named_blocking(named_blocking&&) noexcept = default;
    named_blocking& operator=(named_blocking&&) = delete;

    [[nodiscard]] detail::referred_wait<base> operator co_await() & noexcept { // lint-allow: a declaration
        return detail::referred_wait<base>(*this);
    }
    template <class Self = named_blocking>
    detail::referred_wait<base> operator co_await() && {
        refuse<Self>();
        return detail::referred_wait<base>(*this);
    }
    template <class Self = named_blocking>
    auto within(std::chrono::nanoseconds d) && {
        refuse<Self>();
        return static_cast<base&&>(*this).within(d);
    }
    template <class Self = named_blocking>
    auto until(std::stop_token token) && {
        refuse<Self>();
        return static_cast<base&&>(*this).until(std::move(token));
    }

private:
    template <class Self>
    static consteval void refuse() {
        static_assert(!std::is_same_v<Self, Self>,
            "bastion: this compiler destroys a closure with such captures inside co_await twice: name the waiting "
            "first: auto b = blocking([...] {...}); co_await b (with a bound: name the closure, and pass std::ref(f))");
    }
};

namespace detail {

// A closure, perhaps, that this compiler would destroy twice. `F` with its value category.
template <class F>
inline constexpr bool is_hazardous_function = BASTION_BROKEN_AWAIT_TEMPORARIES != 0 && !std::is_lvalue_reference_v<F> &&
                                              !std::is_trivially_destructible_v<std::decay_t<F>>;

template <bool Detached, class F>
[[nodiscard]] auto make_blocking(F&& f, source_location where) {
    using function = std::decay_t<F>;
    using wait = std::conditional_t<is_hazardous_function<F>, named_blocking<function, Detached>,
        blocking_wait<function, Detached>>;
    return wait(std::forward<F>(f), where);
}

template <class A>
class awaitable_branch;
template <class A>
struct branch_of;
template <class F, bool Detached>
struct branch_of<named_blocking<F, Detached>> {
    static_assert(!std::is_same_v<F, F>, "bastion: this compiler destroys a closure with such captures inside co_await "
                                         "twice: name the waiting first, and pass it by its name");
    using type = awaitable_branch<blocking_wait<F, Detached>>;
};

} // namespace detail

// Calls `fn()` on a thread of the pool: `auto r = co_await bastion::blocking([&] { return read(file); });`. Gives what it
// returns, or throws what it throws; std::system_error when no thread can be started. `fn` may use the frame of the
// process by reference: the frame stays until it has returned, also when the process is killed (its exit reason then
// `was_delayed`) or the waiting is given up by `.within(d)` or `.until(token)` (the result is then errc::timeout or
// errc::cancelled, and what it gave is dropped). One that has not begun never does. A stop waits for it.
// Errors of use: usage_error outside a process or task, and when awaited twice.
template <class F>
[[nodiscard]] auto blocking(F&& fn, source_location where = source_location::current()) {
    if constexpr (detail::check_blocking<F>()) return detail::make_blocking<false>(std::forward<F>(fn), where);
}

// The same for a function that owns what it uses (captures by value; this is not checked): a kill or a bound lets the frame
// go at once while it runs on, and drops what it gives, exceptions too. The runtime's end waits for it.
template <class F>
[[nodiscard]] auto blocking_detached(F&& fn, source_location where = source_location::current()) {
    if constexpr (detail::check_blocking<F>()) return detail::make_blocking<true>(std::forward<F>(fn), where);
}

} // namespace bastion

#endif
