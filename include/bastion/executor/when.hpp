// `when_all` and `when_any`: several things awaited at once by one process.
//
// Arguments are awaitables of the library (moved in, or answers by reference) and tasks; tasks take turns on the same
// strand, each goes on when what it waits for is ready. `when_all` gives a std::tuple of the results, `when_any` a
// std::variant of the first (void counts as std::monostate); when_any abandons the others: their frames are destroyed,
// their cells given up. A branch in which a blocking function runs is waited for first. No allocation beyond the
// arguments' own.
#ifndef BASTION_EXECUTOR_WHEN_HPP
#define BASTION_EXECUTOR_WHEN_HPP

#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/task.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace bastion {
namespace detail {

template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// A branch over an awaitable: owned when it was given as an rvalue, referred to when as an lvalue.
template <class A>
class awaitable_branch {
    using object = std::remove_reference_t<A>;

public:
    using value_type = value_or_monostate<std::remove_cvref_t<decltype(std::declval<object&>().take())>>;
    static constexpr bool asks = object::asks;
    explicit awaitable_branch(A&& a) : awaitable_(std::forward<A>(a)) {}
    awaitable_branch(awaitable_branch&&) = default; // before its start only
    awaitable_branch& operator=(awaitable_branch&&) = delete;
    ~awaitable_branch() {
        if constexpr (object::mail)
            if (taken_ && !given_) awaitable_.never_read();
    }
    void start() { awaitable_.start(); }
    // Mail is taken as soon as it is there: another branch may wait for the same.
    [[nodiscard]] bool advance() {
        if constexpr (object::mail) {
            if (!wants_mail()) return true;
            if (!awaitable_.poll()) return false;
            strand& s = *this_thread().current;
            if (s.budget <= 0) {
                s.again = true;
                return false;
            }
            try {
                taken_.emplace(awaitable_.take());
            } catch (...) { failed_ = std::current_exception(); }
            return true;
        } else {
            return awaitable_.poll();
        }
    }
    [[nodiscard]] bool wants_mail() const noexcept {
        if constexpr (object::resumes_branches) return awaitable_.wants_mail();
        else return object::mail && !taken_ && !failed_;
    }
    [[nodiscard]] bool leave() {
        if constexpr (asks) return awaitable_.leave();
        else return true;
    }
    [[nodiscard]] value_type take() {
        if constexpr (object::mail) {
            if (failed_) std::rethrow_exception(failed_);
            given_ = true;
            return std::move(*taken_);
        } else if constexpr (std::is_void_v<decltype(awaitable_.take())>) {
            awaitable_.take();
            return {};
        } else {
            return awaitable_.take();
        }
    }

private:
    A awaitable_;
    std::optional<value_type> taken_;
    bool given_ = false; // the body has it
    std::exception_ptr failed_;
};

// A branch over a task, with a wait slot of its own. Stays where it is from its start on.
template <class T>
class task_branch {
public:
    using value_type = value_or_monostate<T>;
    static constexpr bool asks = true; // what it awaits may
    explicit task_branch(task<T>&& t) noexcept : task_(std::move(t)) {}
    task_branch(task_branch&& other) noexcept : task_(std::move(other.task_)) {}

    void start() noexcept {
        auto& promise = task_.handle().promise();
        promise.done_ = [](task_promise_base& p) -> std::coroutine_handle<> {
            static_cast<task_branch*>(p.done_object_)->done_ = true;
            return std::noop_coroutine();
        };
        promise.done_object_ = this;
        slot_.set(task_.handle(), nullptr, nullptr);
    }
    // Called by the worker loop only (through the combinator's readiness): it resumes the branch's leaf.
    [[nodiscard]] bool advance() {
        if (done_) return true;
        thread_state& thread = this_thread();
        strand& s = *thread.current;
        wait_slot* const outer = std::exchange(s.slot, &slot_);
        while (!done_ && slot_.is_ready()) {
            if (s.budget <= 0) {
                s.again = true;
                break;
            }
            resume_flat(slot_.leaf, thread);
        }
        s.slot = outer;
        return done_;
    }
    [[nodiscard]] bool wants_mail() const noexcept { return !done_ && slot_.mail; }
    [[nodiscard]] bool leave() const { return done_ || slot_.may_leave(); }
    [[nodiscard]] value_type take() {
        if constexpr (std::is_void_v<T>) {
            task_.handle().promise().take();
            return {};
        } else {
            return task_.handle().promise().take();
        }
    }

private:
    task<T> task_;
    wait_slot slot_;
    bool done_ = false;
};

template <class A>
struct branch_of {
    using type = awaitable_branch<A>;
};
template <class T>
struct branch_of<task<T>> {
    using type = task_branch<T>;
};

// A task with a bound, `f(x).within(d)`: when the bound is met first, its frame is destroyed.
template <class T>
class [[nodiscard]] task_wait : public awaitable<task_wait<T>> {
public:
    static constexpr bool mail = false;
    static constexpr bool resumes_branches = true;
    static constexpr bool asks = true;

    explicit task_wait(task<T>&& t) noexcept : branch_(std::move(t)) {}
    void start() noexcept { branch_.start(); }
    [[nodiscard]] bool poll() {
        const bool done = branch_.advance();
        this_thread().current->slot->mail = wants_mail();
        return done;
    }
    [[nodiscard]] bool wants_mail() const noexcept { return branch_.wants_mail(); }
    [[nodiscard]] bool leave() const { return branch_.leave(); }
    T take() {
        if constexpr (std::is_void_v<T>) (void)branch_.take();
        else return branch_.take();
    }

private:
    task_branch<T> branch_;
};

template <bool All, class... Branches>
class [[nodiscard]] combination : public awaitable<combination<All, Branches...>> {
public:
    static constexpr bool mail = false;
    static constexpr bool resumes_branches = true;
    static constexpr bool asks = (Branches::asks || ...);
    using value_type = std::conditional_t<All, std::tuple<typename Branches::value_type...>,
        std::variant<typename Branches::value_type...>>;

    explicit combination(Branches&&... branches) : branches_(std::move(branches)...) {}
    combination(combination&&) = default;

    void start() {
        (void)running_strand("when_all or when_any");
        std::apply([](auto&... b) { (b.start(), ...); }, branches_);
    }
    [[nodiscard]] bool poll() {
        const bool done = advance_branches() && (All || leave());
        // What mail can do (and whether a stop may take effect) depends on where the branches stand.
        this_thread().current->slot->mail = wants_mail();
        return done;
    }
    [[nodiscard]] bool wants_mail() const noexcept {
        if (has_first()) return false;
        return std::apply([](const auto&... b) { return (b.wants_mail() || ...); }, branches_);
    }
    // Whether those may be destroyed that are not done; each is asked.
    [[nodiscard]] bool leave() {
        if constexpr (!asks) return true;
        else return leave_all(std::index_sequence_for<Branches...>());
    }
    // Not [[nodiscard]]: there may be nothing in it but that everything is done.
    value_type take() {
        if constexpr (All) return std::apply([](auto&... b) { return value_type{b.take()...}; }, branches_);
        else return take_first(std::index_sequence_for<Branches...>());
    }

private:
    [[nodiscard]] bool has_first() const noexcept { return !All && first_ != sizeof...(Branches); }
    template <std::size_t... I>
    [[nodiscard]] bool leave_all(std::index_sequence<I...>) {
        return (static_cast<unsigned>(I == first_ || std::get<I>(branches_).leave()) & ... & 1u) != 0;
    }
    [[nodiscard]] bool advance_branches() {
        if constexpr (All) {
            return std::apply(
                [](auto&... b) { return (static_cast<unsigned>(b.advance()) & ... & 1u) != 0; }, branches_);
        } else {
            if (has_first()) return true;
            std::size_t index = 0;
            std::apply(
                [&](auto&... b) {
                    ((first_ == sizeof...(Branches) && b.advance() ? void(first_ = index) : void(), ++index), ...);
                },
                branches_);
            return first_ != sizeof...(Branches);
        }
    }
    template <std::size_t... I>
    [[nodiscard]] value_type take_first(std::index_sequence<I...>) {
        std::optional<value_type> value;
        ((I == first_ ? void(value.emplace(std::in_place_index<I>, std::get<I>(branches_).take())) : void()), ...);
        return std::move(*value);
    }

    std::tuple<Branches...> branches_;
    std::size_t first_ = sizeof...(Branches);
};

} // namespace detail

template <class T>
auto task<T>::within(std::chrono::nanoseconds d) && {
    return detail::task_wait<T>(std::move(*this)).within(d);
}
template <class T>
auto task<T>::until(std::stop_token token) && {
    return detail::task_wait<T>(std::move(*this)).until(std::move(token));
}

namespace detail {

template <class... A>
consteval bool check_branches() {
    static_assert(((awaitable_object<A> || is_task<std::remove_cvref_t<A>>) && ...),
        "bastion: when_all and when_any take the library's awaitables and tasks");
    static_assert(((awaitable_object<A> || !std::is_lvalue_reference_v<A>) && ...),
        "bastion: a task is given away: when_all(std::move(t), ...)");
    return ((awaitable_object<A> || (is_task<std::remove_cvref_t<A>> && !std::is_lvalue_reference_v<A>)) && ...);
}

} // namespace detail

// Waits for all; the results in a std::tuple.
template <class... A>
[[nodiscard]] auto when_all(A&&... a) {
    if constexpr (detail::check_branches<A...>())
        return detail::combination<true, typename detail::branch_of<A>::type...>(
            typename detail::branch_of<A>::type(std::forward<A>(a))...);
}

// Waits for the first; its result in a std::variant, at the index of its argument.
template <class... A>
[[nodiscard]] auto when_any(A&&... a) {
    static_assert(sizeof...(A) > 0, "bastion: when_any needs at least one argument");
    if constexpr (detail::check_branches<A...>())
        return detail::combination<false, typename detail::branch_of<A>::type...>(
            typename detail::branch_of<A>::type(std::forward<A>(a))...);
}

} // namespace bastion

#endif
