// What a worker counts: written by its own thread alone, read at any time by whoever wants figures.
//
// relaxed everywhere, without a partner: numbers, which order nothing.
#ifndef BASTION_EXECUTOR_WORKER_COUNTERS_HPP
#define BASTION_EXECUTOR_WORKER_COUNTERS_HPP

#include <bastion/base/compiler.hpp>

#include <atomic>
#include <cstdint>

namespace bastion::detail {

struct worker_counters {
    std::atomic<std::uint64_t> messages{0}; // that processes have taken here
    std::atomic<std::uint64_t> far_messages{0}; // of these, from another node's memory
    std::atomic<std::uint64_t> steals{0};
    std::atomic<std::uint64_t> far_steals{0}; // of these, from another node
    std::atomic<std::uint64_t> parks{0};
    std::atomic<std::uint64_t> wakes{0}; // parks that somebody ended
    std::atomic<std::int64_t> idle_ns{0}; // spent in parks that have ended, and in the searches before them
    std::atomic<std::int64_t> idle_since{0}; // by monotonic_ns; 0: it is not parked

    static BASTION_INLINE void bump(std::atomic<std::uint64_t>& counter) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    // How long it has been idle, at an instant.
    [[nodiscard]] std::int64_t idle_until(std::int64_t now_ns) const noexcept {
        const std::int64_t since = idle_since.load(std::memory_order_relaxed);
        const std::int64_t before = idle_ns.load(std::memory_order_relaxed);
        return before + (since != 0 && now_ns > since ? now_ns - since : 0);
    }
};

// What threads count that are no workers: nobody reads it.
extern BASTION_API constinit worker_counters nobodys_counters;

} // namespace bastion::detail

#endif
