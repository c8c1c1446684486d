// `process`: the coroutine type of a process body.
//
// `bastion::process f(bastion::context ctx)`: falls off its end or `co_return;`: normal; `co_return ctx.fail("why");`:
// error; an exception: panic. It starts suspended; only the worker loop resumes and destroys it.
#ifndef BASTION_PROCESS_PROCESS_HPP
#define BASTION_PROCESS_PROCESS_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/panic.hpp>

#include <concepts>
#include <coroutine>
#include <functional>
#include <type_traits>
#include <utility>

namespace bastion {

class children;
class context;
class fiber_context;
class partitions;
class process;
class supervisor;

namespace detail {

// Runs when a body throws: keeps the reason in the running block.
BASTION_API void body_threw() noexcept;

class process_promise : public pooled_frame {
public:
    // The catch-all refuses bodies without a context with one readable line.
    template <class... Args>
    explicit process_promise(Args&...) noexcept {
        static_assert((std::is_same_v<std::remove_cv_t<Args>, context> || ...),
            "bastion: a process body must take a bastion::context: "
            "bastion::process body(bastion::context ctx)");
    }
    process_promise(const process_promise&) = delete;
    process_promise& operator=(const process_promise&) = delete;

    [[nodiscard]] inline process get_return_object() noexcept;
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

    class end_of_body {
    public:
        constexpr end_of_body() noexcept {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept { running_block()->body_ended = true; }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] end_of_body final_suspend() const noexcept { return end_of_body(); }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { body_threw(); }
};

} // namespace detail

class [[nodiscard]] process {
public:
    using promise_type = detail::process_promise;

    process(process&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    process& operator=(process&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~process() {
        // Safety: never resumed, or nobody would still own it here.
        if (handle_) handle_.destroy();
    }

    [[nodiscard]] std::coroutine_handle<> release() noexcept { return std::exchange(handle_, nullptr); }

private:
    friend detail::process_promise;
    explicit process(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {

inline process process_promise::get_return_object() noexcept {
    return process(std::coroutine_handle<process_promise>::from_promise(*this));
}

inline void install_frame(control_block& block, process&& made) noexcept {
    const std::coroutine_handle<> frame = made.release();
    block.frame = frame.address();
    block.own_slot.set(frame, nullptr, nullptr);
}

// What describes a part of the tree.
template <class T>
inline constexpr bool is_builder =
    std::is_same_v<std::remove_cvref_t<T>, children> || std::is_same_v<std::remove_cvref_t<T>, supervisor> ||
    std::is_same_v<std::remove_cvref_t<T>, partitions>;

// A behaviour: called as const with a context, gives a process.
template <class F>
concept behaviour = std::invocable<const std::decay_t<F>&, context>;

// A plain function that runs on a stack of its own: called as const with a fiber_context.
template <class F>
concept fiber_function =
    std::invocable<const std::decay_t<F>&, fiber_context> && !std::invocable<const std::decay_t<F>&, context>;

template <class F>
constexpr void check_fiber_function() {
    if constexpr (behaviour<F>)
        static_assert(!behaviour<F>, "bastion: with_fiber takes a plain function; a coroutine is given to with_exec");
    else if constexpr (!fiber_function<F>)
        static_assert(fiber_function<F>, "bastion: a fiber's body is called as const with a bastion::fiber_context: "
                                         "void body(bastion::fiber_context ctx), not mutable, no other arguments");
    else
        static_assert(std::is_void_v<std::invoke_result_t<const std::decay_t<F>&, fiber_context>>,
            "bastion: a fiber's body is a plain function that returns nothing; a coroutine takes a bastion::context");
}

template <class F>
constexpr void check_behaviour() {
    using given = std::remove_cvref_t<F>;
    if constexpr (is_builder<F> && std::is_lvalue_reference_v<F>)
        static_assert(!is_builder<F>, "bastion: spawn uses a builder up: spawn(std::move(group))");
    else if constexpr (is_builder<F>)
        static_assert(!is_builder<F>, "bastion: a builder is spawned alone: where its elements run it says itself, "
                                      "children().with_placement(at)");
    else if constexpr (is_task<given>)
        static_assert(!std::is_same_v<given, given>, "bastion: spawn uses a task up: spawn(std::move(t))");
    else if constexpr (fiber_function<F>) check_fiber_function<F>();
    else if constexpr (!std::is_invocable_v<const std::decay_t<F>&, context>)
        static_assert(std::is_invocable_v<const std::decay_t<F>&, context>,
            "bastion: a body is called as const with a bastion::context: "
            "bastion::process body(bastion::context ctx), not mutable, no other arguments");
    else
        static_assert(std::is_same_v<std::invoke_result_t<const std::decay_t<F>&, context>, process>,
            "bastion: a body must be a coroutine that returns bastion::process; "
            "for plain functions use with_handlers");
}

// True: the behaviour fits in `control_block::entry`, no object is needed.
template <class F>
inline constexpr bool is_plain_behaviour = std::is_convertible_v<std::decay_t<F>, process (*)(context)>;

} // namespace detail
} // namespace bastion

#endif
