// What the library keeps per thread.
//
// Thread-locals may be cached across a suspension, and a coroutine may wake on another thread: so the state is reached
// only through one function that is never inlined, and nobody keeps the reference across a co_await.
#ifndef BASTION_EXECUTOR_THIS_THREAD_HPP
#define BASTION_EXECUTOR_THIS_THREAD_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/runnable.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>

namespace bastion::detail {

struct thread_state {
    worker* current_worker = nullptr;   // null on plain threads
    strand* current = nullptr;          // the strand that runs on this thread now
    const void* home = nullptr;         // of a worker: what its executor serves, by address
    std::coroutine_handle<> bounced;    // a transfer that goes through the worker loop instead of the stack
    std::uint32_t transfers = 0;        // symmetric transfers since the stack was last known to be flat
    pool_cache* pool = nullptr;         // a worker's own cache; null on plain threads
    const unsigned* uncaught = nullptr; // a worker's count of exceptions in flight, where the ABI shows it

    [[nodiscard]] pool_cache& blocks() const noexcept { return pool != nullptr ? *pool : this_thread_pool(); }
    [[nodiscard]] bool unwinding() const noexcept {
        return uncaught != nullptr ? *uncaught != 0 : std::uncaught_exceptions() != 0;
    }
};

[[nodiscard]] BASTION_API thread_state& this_thread() noexcept;

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
