// Fibers: plain functions on stacks of their own, which wait for whatever a coroutine can await.
//
// To the executor a fiber is a coroutine: `drive(f)`, which runs the fiber until it waits, and then awaits what the fiber does. So the run
// loop, wait slots, signals and combinators know nothing of fibers. Used by the thread that may run its strand, as a coroutine's frame is.
// Cost: a wait switches to the worker's stack and back, some 15 ns beside the wait itself; what is ready does not switch.
//
// Protocol:
//  1. `await` on the fiber's stack asks `await_ready`; if that says no it leaves what it awaits here, and leaves its stack.
//  2. `drive`, suspended now, calls `await_suspend` with its own handle, on the worker's stack. Whoever resumes that handle enters the fiber.
//  3. The owner of a fiber that waits, and is not to go on, enters it so that `await` throws fiber_unwind: its stack unwinds. A body that
//     swallows that and awaits again is thrown it again; the third time it is abandoned: never entered again, its stack never used again.
//  4. While an exception unwinds its stack it cannot wait: what it awaits then gives an error at once.
//
// Each fiber has the exceptions in flight of its own: they are exchanged with the thread's when it is entered and left.
#ifndef BASTION_EXECUTOR_FIBER_HPP
#define BASTION_EXECUTOR_FIBER_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/result.hpp>
#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/stacks.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/executor/this_thread.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace bastion {

// Thrown by what a fiber waits in when its process is ended, or it is given up: destructors run, and its stack is free. Not a
// std::exception: `catch (...)` must rethrow it.
class fiber_unwind {
public:
    fiber_unwind() noexcept {}
};

namespace detail {

// What C++'s runtime keeps for each thread about exceptions; laid out by the Itanium ABI.
struct exceptions_in_flight {
    void* caught = nullptr;
    unsigned uncaught = 0;
};

// What is awaited for `A`: the awaiter, and how long it lives.
template <class A>
[[nodiscard]] decltype(auto) awaiter_of(A&& awaited) {
    // The library's are their own awaiters, and stay where they are: no expression of a coroutine copies them here.
    if constexpr (awaitable_object<A>) return static_cast<std::remove_reference_t<A>&>(awaited);
    else if constexpr (requires { std::forward<A>(awaited).operator co_await(); })
        return std::forward<A>(awaited).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<A>(awaited)); })
        return operator co_await(std::forward<A>(awaited));
    else return static_cast<std::remove_reference_t<A>&>(awaited);
}

// What the sanitizers know a fiber by, and where it was entered from.
struct fiber_marks {
    const void* outside_low = nullptr;
    std::size_t outside_size = 0;
    void* fake_stack = nullptr;
    void* outside_fake_stack = nullptr;
    void* thread = nullptr;
    void* outside_thread = nullptr;
};

template <class A>
using awaited_by_fiber = decltype(awaiter_of(std::declval<A>()).await_resume());

[[noreturn]] BASTION_API BASTION_COLD void throw_outside_fiber();
[[noreturn]] BASTION_API BASTION_COLD void throw_while_unwinding();

// Lies at the top of its own stack.
class BASTION_API fiber {
public:
    // Runs on the fiber's stack; lets no exception out.
    using entry = void (*)(fiber& self, void* data);
    using driver = std::coroutine_handle<task_promise<void>>;
    using suspension = std::coroutine_handle<> (*)(void* awaiter, driver handle);

    // Takes a stack; throws std::bad_alloc. Of 0 bytes: as the runtime of this thread's worker has them.
    [[nodiscard]] static fiber& make(std::size_t stack_bytes, entry start, void* data);
    // Of one that is not entered any more. One that waits is unwound first.
    void destroy() noexcept;
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;

    // ---- by its owner, outside
    // Until it waits or is over.
    inline void run() noexcept;
    [[nodiscard]] bool is_over() const noexcept { return state_ >= state::returned; }
    [[nodiscard]] bool has_overflowed() const noexcept { return state_ == state::overflowed; }
    // It waits: from now on `handle` is what is resumed.
    [[nodiscard]] inline std::coroutine_handle<> begin_waiting(driver handle) noexcept;

    // ---- on its own stack
    template <class A>
    awaited_by_fiber<A> await(A&& awaited);
    // It does not come back.
    [[noreturn]] void leave_for_good(bool overflowed) noexcept;

    // In a signal handler: it may use the grace below its stack. False: it may not.
    [[nodiscard]] bool begin_grace() noexcept {
        in_grace_ = set_grace(stack_, true);
        return in_grace_;
    }
    [[nodiscard]] bool is_in_grace() const noexcept { return in_grace_; }

    [[nodiscard]] bool is_unwinding() const noexcept { return unwinding_; }
    [[nodiscard]] const stack_memory& stack() const noexcept { return stack_; }

private:
    enum class state : std::uint8_t { new_born, running, waiting, returned, abandoned, overflowed };
    struct beginning; // what runs first on its stack; in fiber.cpp, where it is known what a switch hands over
    friend struct beginning;

    fiber(const stack_memory& stack, std::size_t charged, entry start, void* data) noexcept;
    ~fiber() = default;

    // False: an exception unwinds its stack. Throws fiber_unwind again in one that is to end.
    [[nodiscard]] bool may_wait() {
        const thread_state& thread = this_thread();
        if (thread.fiber != this) [[unlikely]]
            throw_outside_fiber();
        if (thread.unwinding()) [[unlikely]]
            return false;
        if (unwinding_) [[unlikely]]
            insist();
        return true;
    }
    BASTION_COLD void insist();
    void wait(suspension how, void* awaiter);
    inline void leave() noexcept;
    inline void look_for_overflow() noexcept;

    stack_memory stack_;
    void* context_ = nullptr; // of the fiber, while it is not running
    void* outside_ = nullptr; // of who has entered it
    fiber* outer_ = nullptr; // the one from whose stack it was entered; null: a thread's
    suspension how_ = nullptr; // what it waits for
    void* awaiter_ = nullptr;
    std::exception_ptr failure_; // of `await_suspend`
    exceptions_in_flight exceptions_;
    entry entry_;
    void* data_;
    std::size_t charged_; // to the memory limit of its strand
    state state_ = state::new_born;
    bool unwinding_ = false;
    bool in_grace_ = false;
    std::uint8_t swallowed_ = 0;
    [[maybe_unused]] fiber_marks marks_;
};

template <class Awaiter>
[[nodiscard]] std::coroutine_handle<> suspend_fiber_in(void* awaiter, fiber::driver handle) {
    auto& in = *static_cast<Awaiter*>(awaiter);
    using given = decltype(in.await_suspend(handle));
    if constexpr (std::is_void_v<given>) {
        in.await_suspend(handle);
        return std::noop_coroutine();
    } else if constexpr (std::is_same_v<given, bool>) {
        return in.await_suspend(handle) ? std::coroutine_handle<>(std::noop_coroutine()) : transfer(handle);
    } else {
        return in.await_suspend(handle);
    }
}

template <class A>
awaited_by_fiber<A> fiber::await(A&& awaited) {
    using given = awaited_by_fiber<A>;
    decltype(auto) in = awaiter_of(std::forward<A>(awaited));
    if (!may_wait()) [[unlikely]] {
        if constexpr (is_result<given>) return given(fail(errc::cancelled));
        else if constexpr (std::is_void_v<given>) return;
        else throw_while_unwinding();
    }
    if (!in.await_ready()) wait(&suspend_fiber_in<std::remove_reference_t<decltype(in)>>, &in);
    return in.await_resume();
}

// Whether what runs here is on its way out because of a fault: not because its fiber is to end.
[[nodiscard]] inline bool unwinds_by_a_fault(const thread_state& thread) noexcept {
    return thread.unwinding() && (thread.fiber == nullptr || !thread.fiber->is_unwinding());
}

// Over when the fiber is. Throws limit_error if that has come to the end of its stack.
[[nodiscard]] BASTION_API task<void> drive(fiber& f);

// Has a fiber, and what it was made from. Lies in the frame of the coroutine that drives it.
class fiber_owner {
public:
    fiber_owner(std::size_t stack_bytes, fiber::entry start, void* data)
        : fiber_(fiber::make(stack_bytes, start, data)) {}
    fiber_owner(const fiber_owner&) = delete;
    fiber_owner& operator=(const fiber_owner&) = delete;
    ~fiber_owner() { fiber_.destroy(); }

    [[nodiscard]] fiber& get() const noexcept { return fiber_; }

private:
    fiber& fiber_;
};

} // namespace detail
} // namespace bastion

#endif
