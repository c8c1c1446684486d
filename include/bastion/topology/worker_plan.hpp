// Which CPUs the workers of a runtime have, and in what order they turn to one another: whom one steals from first, and wakes.
//
// A value, made once from a machine and from what is wished; plain functions, any thread.
#ifndef BASTION_TOPOLOGY_WORKER_PLAN_HPP
#define BASTION_TOPOLOGY_WORKER_PLAN_HPP

#include <bastion/topology/machine.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bastion::topology {

// A wish that the machine cannot fulfil; says which, and what there is.
class bad_wish : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

enum class pinning : std::uint8_t {
    never,
    if_possible, // where each worker has a CPU of its own
    always, // or it is a bad wish
};

struct worker_wishes {
    std::size_t count = 0; // 0: one for each CPU that may be used, no more than the quota grants
    std::vector<int> cpus = {}; // only these, by the system's numbers; empty: all that the process may use
    std::size_t per_node = 0; // so many on each node that has CPUs, instead of a count; 0: no matter
    std::size_t leave_free = 0; // so many CPUs are for others
    bool spare_smt = false; // at most one on each core
    pinning pin = pinning::if_possible;
};

struct planned_worker {
    cpu where; // where it is, or would be if it were pinned
    bool pinned = false;
    std::vector<std::uint32_t> nearest; // all others: of the same core, L2, L3 and node, then by the distance of nodes
};

struct worker_plan {
    std::vector<planned_worker> workers; // never empty

    // On how many NUMA nodes they are.
    [[nodiscard]] BASTION_API std::size_t nodes() const;
};

// How far it is from one CPU to another: the smaller the nearer. First: 0 the same core, 1 the same L2, 2 the same L3, 3 the same node,
// 4 another node; second: of another node, its distance.
[[nodiscard]] BASTION_API std::pair<int, unsigned> remoteness(const machine& on, const cpu& a, const cpu& b) noexcept;

// Of a machine with several kinds of CPUs the fastest are taken first, of a core its first CPU. Workers that have no CPU of their own
// share them in turn. Throws bad_wish. Cost: O(n^2 log n) of n workers.
[[nodiscard]] BASTION_API worker_plan plan_workers(const machine& on, const worker_wishes& wishes = {});

} // namespace bastion::topology

#endif
