// What each worker and each NUMA node has done so far, and what waits there: `rt.figures()`, readable while everything runs.
//
//     const auto before = rt.figures();
//     ...
//     std::cout << to_string(rt.figures() - before); // a table of what happened meanwhile
//
// A reading is no instant: each number is right for one, and numbers that were read one after another may differ by what happened between.
// Reading costs a worker nothing.
#ifndef BASTION_RUNTIME_FIGURES_HPP
#define BASTION_RUNTIME_FIGURES_HPP

#include <bastion/base/compiler.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bastion {

struct activity {
    std::uint64_t resumes = 0; // turns of processes, and forked tasks
    std::uint64_t messages = 0; // that processes have taken, questions, too
    // Of these, sent from another NUMA node, as their memory shows; counted where there are several. A few that were sent from there lie in memory
    // from here, and the other way round: what a worker frees it uses again, up to 64 blocks of each size.
    std::uint64_t far_messages = 0;
    std::uint64_t steals = 0;
    std::uint64_t far_steals = 0; // of these, from another NUMA node
    std::uint64_t parks = 0; // how often there was nothing to do
    std::uint64_t wakes = 0; // of these, how often somebody woke it before a timer did
    std::chrono::nanoseconds time{0}; // of workers: two that were there for 1 s are 2 s
    std::chrono::nanoseconds idle{0}; // of this, with nothing to do
    std::size_t queued = 0; // what waits to run there now, about

    // What part of its time it had something to do: 0 to 1. Of no time: 0.
    [[nodiscard]] double busy() const noexcept {
        if (time.count() <= 0) return 0;
        return std::clamp(1 - static_cast<double>(idle.count()) / static_cast<double>(time.count()), 0.0, 1.0);
    }
};

struct worker_figures : activity {
    std::size_t worker =
        0; // as ctx.worker() says it; from runtime::workers() on it is a spare worker (config::with_max_spare_workers)
    int node = 0; // as ctx.node() says it
};

// Of its workers together; `queued` with what waits for any of them.
struct node_figures : activity {
    int node = 0;
    std::size_t workers = 0;
    // Memory that the library has taken for this node, in bytes: which lies there, and which the system had to put elsewhere. Of a machine with
    // one node, or one that is only described, all of it lies at home. Of the whole program: runtimes share it.
    std::uint64_t bytes_at_home = 0;
    std::uint64_t bytes_away = 0;
};

struct runtime_figures {
    std::vector<worker_figures> workers; // by their numbers; last the spare ones that were ever there
    std::vector<node_figures> nodes; // those that have workers
};

// What happened between two readings of one runtime: counts and times are differences; what waits and what memory there is are those of
// the later one.
[[nodiscard]] BASTION_API runtime_figures operator-(runtime_figures later, const runtime_figures& earlier);

// A table with a line for each node and each worker.
[[nodiscard]] BASTION_API std::string to_string(const runtime_figures& figures);

} // namespace bastion

#endif
