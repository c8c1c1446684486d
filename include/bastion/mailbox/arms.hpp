// Arms: `on_tell(f)`, `on_question(f)`, `on_broadcast(f)`, `otherwise(f)`, for `msg.match(...)` and `with_handlers(...)`.
//
// An arm's message type is its function's last parameter; forms are f(message) and f(context, message), and member
// functions of the handlers' state. A question's function returns the answer, or takes question<T> and returns void.
#ifndef BASTION_MAILBOX_ARMS_HPP
#define BASTION_MAILBOX_ARMS_HPP

#include <bastion/mailbox/message.hpp>

#include <functional>
#include <tuple>
#include <type_traits>

namespace bastion {
namespace detail {

// The signature of a function object, function pointer or member function.
template <class F, class = void>
struct signature {
    static constexpr bool known = false;
    using arguments = void;
};
template <class C, class R, class... A>
struct signature_of_member {
    static constexpr bool known = true;
    using state = C;
    using result = R;
    using arguments = std::tuple<A...>;
};
template <class C, class R, class... A>
struct signature<R (C::*)(A...)> : signature_of_member<C, R, A...> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const> : signature_of_member<C, R, A...> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) noexcept> : signature_of_member<C, R, A...> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const noexcept> : signature_of_member<C, R, A...> {};
template <class R, class... A>
struct signature<R (*)(A...)> : signature_of_member<void, R, A...> {};
template <class R, class... A>
struct signature<R (*)(A...) noexcept> : signature_of_member<void, R, A...> {};
template <class F>
struct signature<F, std::void_t<decltype(&F::operator())>> : signature<decltype(&F::operator())> {};

template <class T>
struct question_value {
    static constexpr bool is_question = false;
    using type = T;
};
template <class T>
struct question_value<question<T>> {
    static constexpr bool is_question = true;
    using type = T;
};

// The two forms of parameters: (message) and (context, message).
template <class Arguments>
struct arm_form {
    static constexpr bool good = false;
    static constexpr bool with_context = false;
    using parameter = int;
};
template <class M>
struct arm_form<std::tuple<M>> {
    static constexpr bool good = !std::is_same_v<std::remove_cvref_t<M>, context>;
    static constexpr bool with_context = false;
    using parameter = M;
};
template <class C, class M>
struct arm_form<std::tuple<C, M>> {
    static constexpr bool good = std::is_same_v<std::remove_cvref_t<C>, context>;
    static constexpr bool with_context = true;
    using parameter = M;
};

// What all arms know of their function: whether it wants the context, and which message.
template <class F>
struct arm_traits {
    using sig = signature<std::decay_t<F>>;
    static constexpr bool known = sig::known;
    static constexpr bool is_member = std::is_member_function_pointer_v<std::decay_t<F>>;

    using form = arm_form<typename sig::arguments>;
    static constexpr bool good = form::good;
    using parameter = typename form::parameter;
    using value = std::remove_cvref_t<parameter>;
};

// Calls f with the state (member functions), the context when wanted, and the message.
template <class F, class State, class Arg>
decltype(auto) call_arm(F& f, State* state, context ctx, Arg&& arg) {
    using traits = arm_traits<F>;
    if constexpr (traits::is_member) {
        if constexpr (traits::form::with_context) return std::invoke(f, *state, ctx, std::forward<Arg>(arg));
        else return std::invoke(f, *state, std::forward<Arg>(arg));
    } else if constexpr (traits::form::with_context) {
        return std::invoke(f, ctx, std::forward<Arg>(arg));
    } else {
        return std::invoke(f, std::forward<Arg>(arg));
    }
}

template <class F>
consteval bool check_arm() {
    static_assert(arm_traits<F>::known,
        "bastion: a handler must not be generic or overloaded: its parameter names the message type");
    static_assert(
        !arm_traits<F>::known || arm_traits<F>::good, "bastion: a handler is f(message) or f(context, message)");
    return arm_traits<F>::good;
}

// What all arms have in common. Invariant: arms are called as const by all elements of a group, functions may be mutable.
template <class F>
class arm {
public:
    using function = F;
    explicit arm(F f) : function_(std::move(f)) {}

protected:
    mutable F function_;
};

template <class F>
class tell_arm : public arm<F> {
public:
    using arm<F>::arm;

    template <class State>
    bool try_handle(message& m, State* state, context ctx) const {
        using T = typename arm_traits<F>::value;
        T* value = m.told<T>();
        if (value == nullptr) return false;
        if constexpr (std::is_lvalue_reference_v<typename arm_traits<F>::parameter>)
            call_arm(this->function_, state, ctx, *value);
        else call_arm(this->function_, state, ctx, std::move(*value));
        return true;
    }
};

template <class F>
class question_arm : public arm<F> {
public:
    using arm<F>::arm;

    template <class State>
    bool try_handle(message& m, State* state, context ctx) const {
        using parameter = typename arm_traits<F>::value;
        using T = typename question_value<parameter>::type;
        question<T> q = m.asked<T>();
        if (!q) return false;
        if constexpr (question_value<parameter>::is_question) {
            call_arm(this->function_, state, ctx, std::move(q));
        } else if constexpr (std::is_lvalue_reference_v<typename arm_traits<F>::parameter>) {
            q.reply(call_arm(this->function_, state, ctx, *q));
        } else {
            q.reply(call_arm(this->function_, state, ctx, std::move(*q)));
        }
        return true;
    }
};

template <class F>
class broadcast_arm : public arm<F> {
public:
    using arm<F>::arm;

    template <class State>
    bool try_handle(message& m, State* state, context ctx) const {
        const auto* value = m.broadcast<typename arm_traits<F>::value>();
        if (value == nullptr) return false;
        call_arm(this->function_, state, ctx, *value);
        return true;
    }
};

template <class F>
class otherwise_arm : public arm<F> {
public:
    using arm<F>::arm;

    template <class State>
    bool try_handle(message& m, State* state, context ctx) const {
        call_arm(this->function_, state, ctx, m);
        return true;
    }
};

template <class A>
inline constexpr bool is_arm = false;
template <class F>
inline constexpr bool is_arm<tell_arm<F>> = true;
template <class F>
inline constexpr bool is_arm<question_arm<F>> = true;
template <class F>
inline constexpr bool is_arm<broadcast_arm<F>> = true;
template <class F>
inline constexpr bool is_arm<otherwise_arm<F>> = true;

struct no_state {};

// Whether an arm can be called with the state: any function, or a member function of the state's class.
template <class State, class Arm>
consteval bool fits_state() {
    using traits = arm_traits<typename Arm::function>;
    if constexpr (traits::is_member) return std::is_base_of_v<typename traits::sig::state, State>;
    else return true;
}

} // namespace detail

// Handles a told T: void f([context,] T), T&, const T&.
template <class F>
[[nodiscard]] auto on_tell(F f) {
    if constexpr (detail::check_arm<F>()) {
        using traits = detail::arm_traits<F>;
        static_assert(!detail::question_value<typename traits::value>::is_question,
            "bastion: on_tell handles told messages; a question<T> is handled by on_question");
        static_assert(std::is_void_v<typename traits::sig::result>,
            "bastion: an on_tell handler returns void: nobody waits for an answer; use on_question");
        return detail::tell_arm<F>(std::move(f));
    }
}

// Handles an asked T: R f([context,] T) answers with R; void f([context,] question<T>) answers when it likes.
template <class F>
[[nodiscard]] auto on_question(F f) {
    if constexpr (detail::check_arm<F>()) {
        using traits = detail::arm_traits<F>;
        if constexpr (detail::question_value<typename traits::value>::is_question)
            static_assert(std::is_void_v<typename traits::sig::result>,
                "bastion: an on_question handler that takes question<T> returns void and calls q.reply(x)");
        else
            static_assert(!std::is_void_v<typename traits::sig::result>,
                "bastion: an on_question handler returns the answer, or takes bastion::question<T>");
        return detail::question_arm<F>(std::move(f));
    }
}

// Handles a broadcast T: void f([context,] T) or const T&.
template <class F>
[[nodiscard]] auto on_broadcast(F f) {
    if constexpr (detail::check_arm<F>()) {
        using parameter = typename detail::arm_traits<F>::parameter;
        static_assert(!std::is_lvalue_reference_v<parameter> || std::is_const_v<std::remove_reference_t<parameter>>,
            "bastion: a broadcast value is shared: take it as T or const T&");
        return detail::broadcast_arm<F>(std::move(f));
    }
}

// Handles what no other arm did: void f([context,] bastion::message&).
template <class F>
[[nodiscard]] auto otherwise(F f) {
    if constexpr (detail::check_arm<F>()) {
        static_assert(std::is_same_v<typename detail::arm_traits<F>::parameter, message&>,
            "bastion: an otherwise handler takes bastion::message&");
        return detail::otherwise_arm<F>(std::move(f));
    }
}

template <class... Arms>
bool message::match(Arms&&... arms) {
    static_assert((detail::is_arm<std::remove_cvref_t<Arms>> && ...),
        "bastion: match takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)");
    detail::control_block* running = detail::running_block();
    if (running == nullptr) throw usage_error("bastion: match was called outside a process");
    const bool done = (arms.try_handle(*this, static_cast<detail::no_state*>(nullptr), context(*running)) || ...);
    if (!done) unhandled();
    return done;
}

} // namespace bastion

#endif
