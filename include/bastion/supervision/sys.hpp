// Debugging a live process, after OTP's sys: suspend and resume it, count what it does, see and change its state, give it other
// handlers, trace it.
//
//     auto held = co_await bastion::sys::suspend(ref); // it takes no message until it is resumed
//     auto tally = co_await bastion::sys::get_state<counter>(ref);
//     auto on = co_await bastion::sys::trace(ref, ctx.self(), 100); // its next 100 steps come as told bastion::sys::traced
//
// Each call is a question that the process answers itself, before its mail, between two of its steps: one that computes answers when it
// next waits, one that waits for something else than mail at once. get_state and replace_state wait while a function that it awaits
// (`blocking`) or a task that it has forked may use its data: until it joins the scope of that. All of it concerns the
// incarnation alive now, and goes with it. Errors of all: noproc: it has ended, or waits to be restarted; invalid: it is a group or a supervisor; timeout. Any thread (`rt.run`
// on a plain one). Cost: one hop and a half; a process that nobody debugs pays one test for each message it takes or sends.
#ifndef BASTION_SUPERVISION_SYS_HPP
#define BASTION_SUPERVISION_SYS_HPP

#include <bastion/base/type_name.hpp>
#include <bastion/mailbox/answer.hpp>
#include <bastion/mailbox/handlers.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/debugging.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace bastion::detail {

// What is done with a process' state, in the turn of that process; may throw.
class BASTION_API state_visit {
public:
    state_visit() = default;
    state_visit(const state_visit&) = delete;
    state_visit& operator=(const state_visit&) = delete;
    virtual ~state_visit() = default;
    [[nodiscard]] virtual envelope* visit(void* state) = 0; // the answer
};

// What other handlers need: themselves, and their state made from the one there is.
class BASTION_API code_change {
public:
    code_change() = default;
    code_change(const code_change&) = delete;
    code_change& operator=(const code_change&) = delete;
    virtual ~code_change() = default;
    // The new state, or the same; the old one is destroyed then. May throw: nothing has changed.
    [[nodiscard]] virtual void* convert(void* old) = 0;
    shared<process_body> body;
};

struct type_wanted {
    const void* tag;
    std::string_view name;
};
template <class T>
inline constexpr type_wanted type_wanted_of{&data_type_tag<T>, type_name<T>()};

[[nodiscard]] BASTION_API pending_answer order_hold(address to, bool on);
[[nodiscard]] BASTION_API pending_answer order_count(address to, bool on);
[[nodiscard]] BASTION_API pending_answer order_counts(address to);
[[nodiscard]] BASTION_API pending_answer order_visit(
    address to, const type_wanted& type, std::unique_ptr<state_visit> v);
[[nodiscard]] BASTION_API pending_answer order_change(
    address to, const type_wanted& type, std::unique_ptr<code_change> change);
[[nodiscard]] BASTION_API pending_answer order_trace(address to, const child_ref& reader, std::uint64_t limit);
[[nodiscard]] BASTION_API pending_answer order_no_trace(address to);

template <class T, class... Args>
[[nodiscard]] envelope* make_answer(Args&&... args) {
    envelope* e = make_envelope<T>(envelope_kind::answer, std::forward<Args>(args)...);
    e->generation = envelope_bytes<T>;
    return e;
}

template <class State, class F>
class state_visit_by final : public state_visit {
public:
    explicit state_visit_by(F f) : function_(std::move(f)) {}
    envelope* visit(void* state) override { return function_(*static_cast<State*>(state)); }

private:
    F function_;
};
template <class State, class F>
[[nodiscard]] std::unique_ptr<state_visit> make_visit(F f) {
    return std::make_unique<state_visit_by<State, F>>(std::move(f));
}

class same_state final : public code_change {
public:
    void* convert(void* old) override { return old; }
};
template <class Old, class New, class F>
class code_change_by final : public code_change {
public:
    explicit code_change_by(F f) : function_(std::move(f)) {}
    void* convert(void* old) override {
        Old& state = *static_cast<Old*>(old);
        if constexpr (std::is_invocable_v<F&, const Old&>) return pool_new<New>(function_(std::as_const(state)));
        else return pool_new<New>(function_(std::move(state)));
    }

private:
    F function_;
};

template <class State, class... Arms>
[[nodiscard]] std::unique_ptr<code_change> with_body(std::unique_ptr<code_change> change, Arms... arms) {
    static_assert((fits_state<State, Arms>() && ...),
        "bastion: an arm is a member function of another class than the handlers' state");
    if constexpr ((fits_state<State, Arms>() && ...))
        change->body = shared<process_body>(new handlers_body<State, Arms...>(std::move(arms)...));
    return change;
}

} // namespace bastion::detail

namespace bastion::sys {

// From now on it takes no message: they wait in its mailbox, whose bounds hold. What it is doing it goes on with until it would take
// one. A stop or a kill ends it all the same; one that traps stops is resumed by it. Good, too, if it is suspended already.
[[nodiscard]] inline answer<void> suspend(const child_ref& who) {
    return answer<void>(detail::order_hold(who.where(), true));
}
[[nodiscard]] inline answer<void> resume(const child_ref& who) {
    return answer<void>(detail::order_hold(who.where(), false));
}

// What it has done since they were switched on.
struct process_statistics {
    std::chrono::nanoseconds counted_for{0};
    std::uint64_t received = 0; // messages taken
    std::uint64_t sent = 0; // told, asked, broadcast
    std::uint64_t answered = 0; // questions
};
// Switches them on, from nothing, or off.
[[nodiscard]] inline answer<void> statistics(const child_ref& who, bool on) {
    return answer<void>(detail::order_count(who.where(), on));
}
// Error: invalid: they are off.
[[nodiscard]] inline answer<process_statistics> get_statistics(const child_ref& who) {
    return answer<process_statistics>(detail::order_counts(who.where()));
}

// A copy of its state: of handlers, the state they have; of a coroutine, its own object of with_data, as it is where the coroutine waits.
// Errors: wrong_type: it has another, or none, which is named; failed: the copy has thrown.
template <class State>
[[nodiscard]] answer<State> get_state(const child_ref& who) {
    static_assert(std::is_copy_constructible_v<State>, "bastion: sys::get_state copies the state: it must be copyable");
    static_assert(detail::check_message<State>());
    return answer<State>(detail::order_visit(who.where(), detail::type_wanted_of<State>,
        detail::make_visit<State>([](const State& state) { return detail::make_answer<State>(state); })));
}
// Calls `change`, as void(State&), in the turn of the process. Errors as above; what has thrown may have changed it.
template <class State, class F>
    requires std::is_invocable_v<F&, State&>
[[nodiscard]] answer<void> replace_state(const child_ref& who, F change) {
    return answer<void>(detail::order_visit(who.where(), detail::type_wanted_of<State>,
        detail::make_visit<State>([f = std::move(change)](State& state) mutable {
            f(state);
            return detail::make_answer<detail::done_mark>();
        })));
}

// Gives a process of handlers other ones over the same state, for its next message. They go with the incarnation: the next one has those
// of its group again, which `reconfigure` changes. Error: wrong_type.
template <class State, class... Arms>
    requires(detail::is_arm<Arms> && ...)
[[nodiscard]] answer<void> replace_handlers(const child_ref& who, Arms... arms);
// The same with a new state made from the old one, as New(const Old&), or as New(Old&&) if it cannot be called so; after OTP's
// code_change. Error, too: failed: that has thrown, and the process goes on as it was. Who takes Old&& must not throw once it has
// taken something away.
template <class Old, class New, class F, class... Arms>
    requires((std::is_invocable_r_v<New, F&, const Old&> || std::is_invocable_r_v<New, F&, Old &&>) &&
             (detail::is_arm<Arms> && ...))
[[nodiscard]] answer<void> replace_handlers(const child_ref& who, F convert, Arms... arms);

enum class step : std::uint8_t {
    received, // it has taken a message of `peer`; nobody: of a plain thread
    sent, // it sends one to `peer`
    answered, // it answers a question of `peer`
};
// Told to who traces, for each step.
struct traced {
    child_ref who;
    sys::step step;
    std::string_view type; // of the message; stays for ever
    child_ref peer;
    std::uint64_t number; // from 1
};
// Told at last.
struct trace_ended {
    enum class cause : std::uint8_t { limit, stopped, replaced, ended };
    child_ref who;
    cause why;
    std::uint64_t steps; // told
    exit_reason reason; // of one that has ended
};

// Tells `reader` the next steps of `who`, at most `limit`; then, or when `who` ends, it says that it is over. It ends by itself when the
// reader has gone. One reader at a time: another takes over. Steps that a bounded mailbox of the reader does not take are dead letters.
// Error: invalid: a process cannot trace itself, the reader is a process, and the limit is at least 1.
[[nodiscard]] inline answer<void> trace(const child_ref& who, const child_ref& reader, std::uint64_t limit) {
    return answer<void>(detail::order_trace(who.where(), reader, limit));
}
[[nodiscard]] inline answer<void> no_trace(const child_ref& who) {
    return answer<void>(detail::order_no_trace(who.where()));
}

template <class State, class... Arms>
    requires(detail::is_arm<Arms> && ...)
answer<void> replace_handlers(const child_ref& who, Arms... arms) {
    return answer<void>(detail::order_change(who.where(), detail::type_wanted_of<State>,
        detail::with_body<State>(std::make_unique<detail::same_state>(), std::move(arms)...)));
}

template <class Old, class New, class F, class... Arms>
    requires((std::is_invocable_r_v<New, F&, const Old&> || std::is_invocable_r_v<New, F&, Old &&>) &&
             (detail::is_arm<Arms> && ...))
answer<void> replace_handlers(const child_ref& who, F convert, Arms... arms) {
    return answer<void>(detail::order_change(who.where(), detail::type_wanted_of<Old>,
        detail::with_body<New>(
            std::make_unique<detail::code_change_by<Old, New, F>>(std::move(convert)), std::move(arms)...)));
}

} // namespace bastion::sys

#endif
