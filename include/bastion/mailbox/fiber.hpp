// Ordinary code as a process: `children().with_fiber([](bastion::fiber_context ctx) { auto m = ctx.recv(); ... })`.
//
// For code that cannot be a coroutine: deep recursion, code that was written for threads, a C library that calls back. A plain function of
// any call depth, on a stack of its own; where it waits the process waits, not the thread. Everything else is as for a coroutine: refs,
// mailboxes, supervision, scopes, limits, placement. Costs beside it: a stack (64 KiB of address space, of which a shallow one touches a
// page or two) and two switches for each wait.
//
// A stop takes effect where it receives, a kill where it waits: `bastion::fiber_unwind` is thrown there, and its destructors run.
// `catch (...)` must rethrow it; who swallows it and waits again is thrown it again, and the third time abandoned with its stack.
// It may go on on another thread after each wait: a thread_local, errno too, may be another's then.
// Its stack is guarded, or looked at each time it waits (executor/stacks.hpp). An overflow of a guarded one ends the process with reason
// `limit`; of another one, the program. What lies on the stack is lost then, undestroyed.
#ifndef BASTION_MAILBOX_FIBER_HPP
#define BASTION_MAILBOX_FIBER_HPP

#include <bastion/executor/blocking.hpp>
#include <bastion/executor/fiber.hpp>
#include <bastion/mailbox/answer.hpp>
#include <bastion/mailbox/receive.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/process/context.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace bastion {

class bounded_fiber_context;

// The context of a fiber's process: what a coroutine awaits, it does. 16 bytes, copied freely, valid in this fiber only. Converts to
// bastion::context, for coroutines that it awaits.
class fiber_context : public context {
public:
    fiber_context(const context& ctx, detail::fiber& f) noexcept : context(ctx), fiber_(&f) {}

    // What `co_await awaited` would give: any awaitable, a task too. While an exception unwinds the stack (in a destructor) nothing can be
    // waited for: a result is errc::cancelled then, void returns at once, anything else throws usage_error.
    template <class A>
    detail::awaited_by_fiber<A> await(A&& awaited) const {
        return fiber_->await(std::forward<A>(awaited));
    }
    // The oldest message, or the oldest T that was told.
    [[nodiscard]] message recv() const { return await(context::recv()); }
    template <class T>
    [[nodiscard]] T recv() const {
        return await(context::recv<T>());
    }
    // As ref.ask: result<R>.
    template <class Q>
    [[nodiscard]] auto ask(const child_ref& whom, Q&& q) const {
        auto asked = whom.ask(std::forward<Q>(q));
        return await(asked);
    }
    template <class Q, class... Args>
    [[nodiscard]] auto ask(const child_ref& whom, Args&&... args) const {
        auto asked = whom.template ask<Q>(std::forward<Args>(args)...);
        return await(asked);
    }
    template <class R, class Q>
    [[nodiscard]] auto request(const child_ref& whom, Q&& q) const {
        auto asked = whom.template request<R>(std::forward<Q>(q));
        return await(asked);
    }
    void sleep_for(std::chrono::nanoseconds d) const { await(context::sleep_for(d)); }
    void yield() const { await(context::yield()); }
    // The same with a bound: `ctx.within(1s).recv<T>()` is result<T>, with errc::timeout.
    [[nodiscard]] inline bounded_fiber_context within(std::chrono::nanoseconds d) const noexcept;

    // So many bytes of its stack are free, about: of this frame on.
    [[nodiscard]] std::size_t stack_left() const noexcept {
        const auto* const here = static_cast<const char*>(__builtin_frame_address(0));
        return fiber_->stack().holds(here) ? static_cast<std::size_t>(here - fiber_->stack().low) : 0;
    }
    // Gives the pages of its stack that lie below this frame back to the system: before a long wait, behind a deep call. They come back as they
    // are touched. Cost: a system call.
    void give_stack_back() const noexcept { detail::give_stack_back(fiber_->stack(), __builtin_frame_address(0)); }
    // Whether an overflow of its stack is its own fault only.
    [[nodiscard]] bool has_guarded_stack() const noexcept { return fiber_->stack().guarded; }

private:
    detail::fiber* fiber_;
};
static_assert(sizeof(fiber_context) == 16);

// What fiber_context::within gives: each wait may take so long.
class bounded_fiber_context {
public:
    bounded_fiber_context(const fiber_context& ctx, std::chrono::nanoseconds d) noexcept : context_(ctx), bound_(d) {}

    template <class A>
    auto await(A&& awaited) const {
        static_assert(
            !std::is_lvalue_reference_v<A>, "bastion: a bound uses an awaitable up: within(d).await(std::move(a))");
        return context_.await(std::forward<A>(awaited).within(bound_));
    }
    [[nodiscard]] auto recv() const { return await(unbound().recv()); }
    template <class T>
    [[nodiscard]] auto recv() const {
        return await(unbound().recv<T>());
    }
    template <class Q>
    [[nodiscard]] auto ask(const child_ref& whom, Q&& q) const {
        return await(whom.ask(std::forward<Q>(q)));
    }
    template <class Q, class... Args>
    [[nodiscard]] auto ask(const child_ref& whom, Args&&... args) const {
        return await(whom.template ask<Q>(std::forward<Args>(args)...));
    }
    template <class R, class Q>
    [[nodiscard]] auto request(const child_ref& whom, Q&& q) const {
        return await(whom.template request<R>(std::forward<Q>(q)));
    }

private:
    [[nodiscard]] const context& unbound() const noexcept { return context_; }

    fiber_context context_;
    std::chrono::nanoseconds bound_;
};

inline bounded_fiber_context fiber_context::within(std::chrono::nanoseconds d) const noexcept {
    return bounded_fiber_context(*this, d);
}

// A function for a fiber, with the bytes of stack that it needs: `ctx.spawn(bastion::with_stack(1 << 20, parse))`.
template <class F>
class with_stack {
public:
    with_stack(std::size_t bytes, F f) : bytes_(bytes), function_(std::move(f)) {
        if (bytes > stack_limits::most_bytes) throw std::length_error("bastion: with_stack: a stack has at most 1 GiB");
    }
    void operator()(fiber_context ctx) const { std::invoke(function_, ctx); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    std::size_t bytes_;
    F function_;
};

namespace detail {

// 0: it does not say.
template <class F>
[[nodiscard]] std::size_t stack_bytes_of(const F&) noexcept {
    return 0;
}
template <class F>
[[nodiscard]] std::size_t stack_bytes_of(const with_stack<F>& f) noexcept {
    return f.bytes();
}

// A process that calls `function` on a fiber. No template: g++ 12 warns of coroutines whose frames depend on a closure's type.
using fiber_call = void (*)(const void* function, const fiber_context& ctx);
[[nodiscard]] BASTION_API process run_on_fiber(
    context ctx, fiber_call call, const void* function, std::size_t stack_bytes);

template <class F>
class fiber_body final : public process_body {
public:
    template <class G>
    fiber_body(G&& f, std::size_t stack_bytes) : function_(std::forward<G>(f)), stack_bytes_(stack_bytes) {}
    void start(control_block& block) override {
        install_frame(block, run_on_fiber(context(block), &call, &function_, stack_bytes_));
    }

private:
    static void call(const void* function, const fiber_context& ctx) {
        std::invoke(*static_cast<const F*>(function), ctx);
    }

    F function_;
    std::size_t stack_bytes_;
};

template <class F>
[[nodiscard]] shared<process_body> make_fiber_body(F&& f, std::size_t stack_bytes = 0) {
    const std::size_t bytes = stack_bytes != 0 ? stack_bytes : stack_bytes_of(f);
    return shared<process_body>(new fiber_body<std::decay_t<F>>(std::forward<F>(f), bytes));
}

// What a function gives on a fiber that a coroutine awaits.
template <class T>
class fiber_value {
public:
    template <class F, class... Args>
    void keep(const F& f, const Args&... args) {
        if constexpr (std::is_void_v<T>) std::invoke(f, args...);
        else if constexpr (std::is_reference_v<T>) value_ = &std::invoke(f, args...);
        else value_.emplace(std::invoke(f, args...));
    }
    T take() {
        if constexpr (std::is_reference_v<T>) return *value_;
        else if constexpr (!std::is_void_v<T>) return std::move(*value_);
    }

private:
    struct nothing {};
    std::conditional_t<std::is_void_v<T>, nothing,
        std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, std::optional<T>>>
        value_{};
};

template <class F>
inline constexpr bool takes_fiber_context = std::is_invocable_v<const F&, fiber_context>;

// The running process' context; throws usage_error inside a forked task.
[[nodiscard]] BASTION_API context context_for_fiber();

template <class T, class F>
class awaited_fiber {
public:
    awaited_fiber(const F& f, std::size_t stack_bytes) : function_(&f), owner_(stack_bytes, &run, this) {}

    [[nodiscard]] fiber& get() const noexcept { return owner_.get(); }
    T take() {
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        return value_.take();
    }

private:
    static void run(fiber& self, void* data) {
        auto& mine = *static_cast<awaited_fiber*>(data);
        try {
            if constexpr (takes_fiber_context<F>)
                mine.value_.keep(*mine.function_, fiber_context(context_for_fiber(), self));
            else mine.value_.keep(*mine.function_);
        } catch (const fiber_unwind&) { // nobody waits for it any more
        } catch (...) { mine.failure_ = std::current_exception(); }
    }

    const F* function_;
    fiber_value<T> value_;
    std::exception_ptr failure_;
    fiber_owner owner_;
};

template <class F, bool WithContext>
struct given_on_fiber : std::invoke_result<const F&> {};
template <class F>
struct given_on_fiber<F, true> : std::invoke_result<const F&, fiber_context> {};

#if BASTION_BROKEN_AWAIT_TEMPORARIES // it warns of a coroutine in a header whose frame holds a closure
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif
template <class T, class F>
task<T> call_on_fiber(F f, std::size_t stack_bytes) {
    awaited_fiber<T, F> its(f, stack_bytes);
    auto turns = drive(its.get());
    co_await turns;
    co_return its.take();
}
#if BASTION_BROKEN_AWAIT_TEMPORARIES
#pragma GCC diagnostic pop
#endif

} // namespace detail

// Calls `fn(fiber_context)` or `fn()` on a stack of its own: `int n = co_await bastion::on_fiber([&](bastion::fiber_context ctx) { ... });`,
// so that a recursive parser, or a C library that calls back, waits for messages from any depth. A task as any other: starts when awaited, gives
// what `fn` returns or throws what it throws, takes `.within(d)`. Throws limit_error when the stack is too small. `fn` may use the awaiting frame
// by reference: that stays until it has returned or unwound. Of so many bytes; 0: as the runtime says. In a forked task only `fn()`.
template <class F>
[[nodiscard]] auto on_fiber(F&& fn, std::size_t stack_bytes = 0) {
    using function = std::decay_t<F>;
    constexpr bool with_context = detail::takes_fiber_context<function>;
    static_assert(with_context || std::is_invocable_v<const function&>,
        "bastion: on_fiber takes a function that is called as const with a bastion::fiber_context, or with nothing");
    static_assert(!detail::is_hazardous_function<F>,
        "bastion: this compiler destroys a closure with such captures inside co_await twice: name the function first, "
        "auto f = [...] {...}, and pass it by its name: co_await on_fiber(f)");
    using given = typename detail::given_on_fiber<function, with_context>::type;
    return detail::call_on_fiber<given, function>(std::forward<F>(fn), stack_bytes);
}

} // namespace bastion

#endif
