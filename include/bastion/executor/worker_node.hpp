// The workers of one NUMA node, and what any of them may take.
//
// Made by the executor. What plain threads leave, what overflows from a worker's ring and what is at home here and was woken elsewhere
// lies here; workers of other nodes take from it only when theirs has nothing, and never what is bound. Thread safety: the queues from any
// thread; the rest never changes.
#ifndef BASTION_EXECUTOR_WORKER_NODE_HPP
#define BASTION_EXECUTOR_WORKER_NODE_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/naps.hpp>
#include <bastion/executor/node_queue.hpp>
#include <bastion/executor/runnable.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace bastion::detail {

struct worker_node {
    alignas(cache_line) node_queue<runnable> work;
    alignas(cache_line) node_queue<runnable> system;
    alignas(cache_line) node_queue<runnable> resumed; // forked tasks that waited for blocking functions
    alignas(cache_line) node_queue<runnable> resumed_bound; // those of processes that are bound to this node
    alignas(cache_line) node_queue<runnable> bound; // its workers' only
    // How many of its workers look for work. relaxed: a hint for thieves from afar.
    alignas(cache_line) std::atomic<std::uint32_t> searching{0};
    // How many of its workers have had nothing to do since they looked last: who searches, sleeps, naps, or was woken and has not looked yet. As above.
    std::atomic<std::uint32_t> idle{0};
    bastion::detail::naps naps;
    int number = 0; // the machine's
    std::uint16_t home = 0; // of what is at home here (runnable::node)
    std::vector<std::uint32_t> nearest = {}; // all workers, its own first
    std::size_t own = 0; // how many of these are its own

    [[nodiscard]] bool empty_for_sure() noexcept {
        return empty_for_others_for_sure() && bound.empty_for_sure() && resumed_bound.empty_for_sure();
    }
    [[nodiscard]] bool empty_for_others_for_sure() noexcept {
        return work.empty_for_sure() && system.empty_for_sure() && resumed.empty_for_sure();
    }
    // What must not wait for long first; null: nothing. For its own workers; of what is bound and of what is not now the one and now
    // the other comes first.
    [[nodiscard]] runnable* take(bool bound_first) noexcept {
        if (!resumed_bound.empty())
            if (runnable* r = resumed_bound.pop_front()) return r;
        if (bound.empty()) return take_from_afar();
        if (bound_first && system.empty() && resumed.empty())
            if (runnable* r = bound.pop_front()) return r;
        if (runnable* r = take_from_afar()) return r;
        return bound.pop_front();
    }
    // A forked task that waited, for its own workers. Null: none.
    [[nodiscard]] runnable* take_resumed() noexcept {
        if (!resumed_bound.empty())
            if (runnable* r = resumed_bound.pop_front()) return r;
        return resumed.empty() ? nullptr : resumed.pop_front();
    }
    // For all workers.
    [[nodiscard]] runnable* take_from_afar() noexcept {
        if (!system.empty())
            if (runnable* r = system.pop_front()) return r;
        if (!resumed.empty())
            if (runnable* r = resumed.pop_front()) return r;
        return work.empty() ? nullptr : work.pop_front();
    }
    [[nodiscard]] bool seems_empty_from_afar() const noexcept {
        return system.empty() && resumed.empty() && work.empty();
    }
};

} // namespace bastion::detail

#endif
