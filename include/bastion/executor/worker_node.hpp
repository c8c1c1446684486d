// The workers of one NUMA node, and what any of them may take.
//
// Made by the executor. What plain threads leave and what overflows from a worker's ring lies here; workers of other nodes take from it
// only when theirs has nothing. Thread safety: the queues from any thread; the rest never changes.
#ifndef BASTION_EXECUTOR_WORKER_NODE_HPP
#define BASTION_EXECUTOR_WORKER_NODE_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/node_queue.hpp>
#include <bastion/executor/runnable.hpp>

#include <cstdint>
#include <vector>

namespace bastion::detail {

struct worker_node {
    alignas(cache_line) node_queue<runnable> work;
    alignas(cache_line) node_queue<runnable> system;
    alignas(cache_line) node_queue<runnable> resumed; // forked tasks that waited for blocking functions
    int number = 0; // the machine's
    std::vector<std::uint32_t> nearest = {}; // all workers, its own first

    [[nodiscard]] bool empty_for_sure() noexcept {
        return work.empty_for_sure() && system.empty_for_sure() && resumed.empty_for_sure();
    }
    // What must not wait for long first; null: nothing.
    [[nodiscard]] runnable* take() noexcept {
        if (!system.empty())
            if (runnable* r = system.pop_front()) return r;
        if (!resumed.empty())
            if (runnable* r = resumed.pop_front()) return r;
        return work.empty() ? nullptr : work.pop_front();
    }
};

} // namespace bastion::detail

#endif
