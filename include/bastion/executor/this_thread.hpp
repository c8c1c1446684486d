// What the library keeps per thread.
//
// Thread-locals may be cached across a suspension, and a coroutine may wake on another thread: so the state is reached
// only through one function, whose look at the thread pointer the compiler can neither keep nor move (a volatile asm
// where we have one, a call that is never inlined elsewhere), and nobody keeps the reference across a co_await.
#ifndef BASTION_EXECUTOR_THIS_THREAD_HPP
#define BASTION_EXECUTOR_THIS_THREAD_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/runnable.hpp>
#include <bastion/executor/worker_counters.hpp>

#include <coroutine>
#include <cstdint>

namespace bastion::detail {

class fiber;

struct thread_state {
    worker* current_worker = nullptr;   // null on plain threads
    shown_ptr<strand> current; // the strand that runs on this thread now; the watchdog looks at it (turn_mark.hpp)
    strand* forked_by = nullptr; // whose forked task runs on this thread now, when no strand does
    const void* home = nullptr; // of a worker: what its executor serves, by address
    std::coroutine_handle<> bounced; // a transfer that goes through the worker loop instead of the stack
    std::uint32_t transfers = 0; // symmetric transfers since the stack was last known to be flat
    bool debugged = false; // the process that runs on this thread now is suspended or watched
    pool_cache* pool = nullptr; // a worker's own cache; null on plain threads
    const unsigned* uncaught = &nobody_counts; // a worker's count of exceptions in flight, where the ABI shows it
    relaxed_flag callback; // a system process calls what a user gave it
    worker_counters* counters = &nobodys_counters; // a worker's own
    detail::fiber* fiber = nullptr; // the one whose stack this thread is on
    void* exceptions = nullptr; // of a worker: what C++'s runtime keeps for its thread (exceptions_in_flight)
    bool meets_overflows = false; // it has a signal stack (stack_overflow.hpp)

    [[nodiscard]] pool_cache& blocks() const noexcept { return pool != nullptr ? *pool : this_thread_pool(); }
    // Of processes only: a plain thread has nothing in hand.
    [[nodiscard]] bool unwinding() const noexcept { return *uncaught != 0; }

    static constexpr unsigned nobody_counts = 0;
};

#if defined(__x86_64__) && defined(__linux__)
extern BASTION_API thread_local constinit thread_state the_thread_state asm("bastion_thread_state")
    __attribute__((tls_model("initial-exec")));

[[nodiscard]] BASTION_INLINE thread_state& this_thread() noexcept {
    thread_state* state;
    asm volatile("movq bastion_thread_state@gottpoff(%%rip), %0\n\taddq %%fs:0, %0" : "=r"(state) : : "cc");
    return *state;
}
#else
[[nodiscard]] BASTION_API thread_state& this_thread() noexcept;
#endif

// Transfers in a row that may nest on the stack where the compiler makes no tail call of them.
inline constexpr std::uint32_t max_transfers = 64;

// Where a coroutine's await_suspend goes next: directly, or by way of the loop when the stack may have grown.
[[nodiscard]] inline std::coroutine_handle<> transfer(std::coroutine_handle<> to) noexcept {
    thread_state& thread = this_thread();
    if (++thread.transfers < max_transfers) return to;
    thread.bounced = to;
    return std::noop_coroutine();
}

// Resumes `leaf` and whatever it bounced, until everything is suspended. Only worker loops call it.
inline void resume_flat(std::coroutine_handle<> leaf, thread_state& thread) {
    thread.transfers = 0;
    // Safety: the caller holds the right to run the strand, and `leaf` is its suspended leaf.
    leaf.resume();
    while (thread.bounced) {
        const auto next = thread.bounced;
        thread.bounced = nullptr;
        thread.transfers = 0;
        next.resume();
    }
}

} // namespace bastion::detail

#endif
