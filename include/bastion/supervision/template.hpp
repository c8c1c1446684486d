// What takes arguments, bodies and descriptions of supervisors: the template of a supervisor with dynamic children
// (dynamic.hpp).
#ifndef BASTION_SUPERVISION_TEMPLATE_HPP
#define BASTION_SUPERVISION_TEMPLATE_HPP

#include <bastion/base/type_name.hpp>
#include <bastion/mailbox/fiber.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/context.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bastion {

class supervisor;

namespace detail {

struct supervisor_spec;

// What start_child gives to the template. Shared by the request, then by the child's body.
class start_arguments : public ref_counted {
public:
    start_arguments(const void* tag, std::string_view name) noexcept : type(tag), type_name(name) {}
    const void* const type;
    const std::string_view type_name;
};
template <class Tuple>
class arguments_of final : public start_arguments {
public:
    template <class... Args>
    explicit arguments_of(std::in_place_t, Args&&... args)
        : start_arguments(&data_type_tag<Tuple>, bastion::type_name<Tuple>()), values(std::forward<Args>(args)...) {}
    Tuple values;
};

// A template, and what it takes.
class takes_arguments : public ref_counted {
public:
    takes_arguments(const void* tag, std::string_view name) noexcept : type(tag), type_name(name) {}
    const void* const type;
    const std::string_view type_name;
};

// A body that takes arguments. Shared by the group and its elements.
class child_template : public takes_arguments {
public:
    child_template(const void* tag, std::string_view name, bool may_repeat) noexcept
        : takes_arguments(tag, name), repeats(may_repeat) {}
    // The body of a child with these arguments, which are of its type. `keeps`: it may be started again; otherwise the arguments go with
    // its first start.
    [[nodiscard]] virtual shared<process_body> bind(shared<start_arguments> arguments, bool keeps) = 0;

    const bool repeats; // the arguments can be copied
};

template <class F, class Tuple>
class bound_body;
template <class F, class... Args>
class bound_body<F, std::tuple<Args...>> final : public process_body {
public:
    using arguments = arguments_of<std::tuple<Args...>>;
    bound_body(shared<const F> function, shared<arguments> given, bool keeps) noexcept
        : function_(std::move(function)), arguments_(std::move(given)), keeps_(keeps) {}

    void start(control_block& block) override {
        if constexpr (is_fiber) {
            install_frame(block, run_on_fiber(context(block), &run, this, 0));
        } else {
            apply([&](auto&&... args) {
                install_frame(
                    block, std::invoke(function_->call, context(block), std::forward<decltype(args)>(args)...));
            });
        }
    }

private:
    static constexpr bool is_fiber =
        std::is_invocable_r_v<void, decltype((std::declval<const F&>().call)), fiber_context, Args...> &&
        !std::is_invocable_v<decltype((std::declval<const F&>().call)), context, Args...>;

    // On the fiber: the arguments that it is called with stay until it has returned.
    static void run(const void* body, const fiber_context& ctx) {
        const auto& mine = *static_cast<const bound_body*>(body);
        mine.apply(
            [&](auto&&... args) { std::invoke(mine.function_->call, ctx, std::forward<decltype(args)>(args)...); });
    }
    template <class Call>
    void apply(Call call) const {
        if constexpr ((std::is_copy_constructible_v<Args> && ...)) {
            if (keeps_) return std::apply(call, std::as_const(arguments_->values));
        }
        const shared<arguments> last = std::exchange(arguments_, {});
        std::apply(call, std::move(last->values));
    }

    const shared<const F> function_;
    mutable shared<arguments> arguments_; // the running incarnation's
    const bool keeps_;
};

template <class F>
class shared_function final : public ref_counted {
public:
    explicit shared_function(F f) : call(std::move(f)) {}
    const F call;
};

template <class F, class Tuple>
class template_of;
template <class F, class... Args>
class template_of<F, std::tuple<Args...>> final : public child_template {
public:
    using tuple = std::tuple<Args...>;
    using function = shared_function<F>;
    explicit template_of(F f)
        : child_template(
              &data_type_tag<tuple>, bastion::type_name<tuple>(), (std::is_copy_constructible_v<Args> && ...)),
          function_(new function(std::move(f))) {}
    [[nodiscard]] shared<process_body> bind(shared<start_arguments> given, bool keeps) override {
        // Safety: its type is the template's, which whoever calls has compared.
        shared<arguments_of<tuple>> mine(static_cast<arguments_of<tuple>*>(given.get()));
        return shared<process_body>(new bound_body<function, tuple>(function_, std::move(mine), keeps));
    }

private:
    const shared<const function> function_;
};

// The arguments of a body behind its context, as they are kept.
template <class F>
struct arguments_behind_context {}; // it is none
template <class F>
    requires requires { &F::operator(); }
struct arguments_behind_context<F> : arguments_behind_context<decltype(&F::operator())> {};
template <class... Args>
struct arguments_behind_context<process (*)(context, Args...)> {
    using type = std::tuple<std::decay_t<Args>...>;
};
template <class C, class... Args>
struct arguments_behind_context<process (C::*)(context, Args...) const> {
    using type = std::tuple<std::decay_t<Args>...>;
};
template <class... Args>
struct arguments_behind_context<void (*)(fiber_context, Args...)> {
    using type = std::tuple<std::decay_t<Args>...>;
};
template <class C, class... Args>
struct arguments_behind_context<void (C::*)(fiber_context, Args...) const> {
    using type = std::tuple<std::decay_t<Args>...>;
};

template <class F>
[[nodiscard]] shared<child_template> make_template(F&& f) {
    using given = std::decay_t<F>;
    constexpr bool is_one = requires { typename arguments_behind_context<given>::type; };
    static_assert(is_one,
        "bastion: a template is a coroutine bastion::process f(bastion::context, arguments...), "
        "called as const, with its "
        "arguments by value; not overloaded, not generic. Or void f(bastion::fiber_context, arguments...)");
    if constexpr (is_one)
        return shared<child_template>(
            new template_of<given, typename arguments_behind_context<given>::type>(std::forward<F>(f)));
    else return shared<child_template>();
}

// A function that describes supervisors.
class supervisor_template : public takes_arguments {
public:
    using takes_arguments::takes_arguments;
    // With these arguments, which are of its type and go with it.
    [[nodiscard]] virtual std::unique_ptr<supervisor_spec> make(start_arguments& arguments) = 0;
};

template <class F, class Tuple>
class supervisor_template_of final : public supervisor_template {
public:
    explicit supervisor_template_of(F f)
        : supervisor_template(&data_type_tag<Tuple>, bastion::type_name<Tuple>()), function_(std::move(f)) {}
    [[nodiscard]] std::unique_ptr<supervisor_spec> make(start_arguments& arguments) override {
        // Safety: its type is the template's, which whoever calls has compared.
        return std::apply(function_, std::move(static_cast<arguments_of<Tuple>&>(arguments).values)).release();
    }

private:
    const F function_;
};

template <class F>
struct arguments_of_maker {}; // it is none
template <class F>
    requires requires { &F::operator(); }
struct arguments_of_maker<F> : arguments_of_maker<decltype(&F::operator())> {};
template <class... Args>
struct arguments_of_maker<supervisor (*)(Args...)> {
    using type = std::tuple<std::decay_t<Args>...>;
};
template <class C, class... Args>
struct arguments_of_maker<supervisor (C::*)(Args...) const> {
    using type = std::tuple<std::decay_t<Args>...>;
};

template <class F>
[[nodiscard]] shared<supervisor_template> make_supervisor_template(F&& f) {
    using given = std::decay_t<F>;
    constexpr bool is_one = requires { typename arguments_of_maker<given>::type; };
    static_assert(is_one,
        "bastion: a template of supervisors is a function bastion::supervisor f(arguments...), called as "
        "const; not overloaded, not generic");
    if constexpr (is_one)
        return shared<supervisor_template>(
            new supervisor_template_of<given, typename arguments_of_maker<given>::type>(std::forward<F>(f)));
    else return shared<supervisor_template>();
}

} // namespace detail
} // namespace bastion

#endif
