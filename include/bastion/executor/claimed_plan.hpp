// The plan of one runtime's workers, and its claim on their CPUs: while it lives, the other runtimes of this program take these CPUs
// last, and pin no worker to them.
//
// Made by whoever makes an executor, which keeps it. Thread safety: plans may be made and destroyed on any thread.
#ifndef BASTION_EXECUTOR_CLAIMED_PLAN_HPP
#define BASTION_EXECUTOR_CLAIMED_PLAN_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace bastion::detail {

class claimed_plan {
public:
    // Throws topology::bad_wish. A machine that is only described has no CPUs to claim. What `wishes` say of CPUs that are taken does not count.
    BASTION_API claimed_plan(const topology::machine& on, topology::worker_wishes wishes);
    // Of workers that have no threads: on no CPU, the nodes as large and as far from one another. Memory has no home.
    [[nodiscard]] BASTION_API static claimed_plan without_threads(std::size_t workers, std::size_t nodes = 1);

    claimed_plan(claimed_plan&& from) noexcept = default; // `from` claims nothing any more
    claimed_plan& operator=(claimed_plan&&) = delete;
    BASTION_API ~claimed_plan();

    [[nodiscard]] const std::vector<topology::planned_worker>& workers() const noexcept { return plan_.workers; }
    // Where a worker's memory comes from; no_home on a machine with one node.
    [[nodiscard]] memory_home home_of(std::size_t worker) const noexcept {
        return homes_.empty() ? no_home : homes_[worker];
    }

private:
    topology::worker_plan plan_;
    std::vector<int> claimed_;
    std::vector<memory_home> homes_; // empty: nobody has one
};

} // namespace bastion::detail

#endif
