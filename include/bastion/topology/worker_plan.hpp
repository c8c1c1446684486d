// Which CPUs the workers of a runtime have, and in what order they turn to one another: whom one steals from first, and wakes.
//
// A value, made once from a machine and from what is wished; plain functions, any thread.
#ifndef BASTION_TOPOLOGY_WORKER_PLAN_HPP
#define BASTION_TOPOLOGY_WORKER_PLAN_HPP

#include <bastion/topology/machine.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion::topology {

// Workers of one runtime, at most.
inline constexpr std::size_t most_workers = 1024;

// A wish that the machine cannot fulfil. The text says what was wished and what there is.
class bad_wish : public std::invalid_argument {
public:
    bad_wish(const char* wish, const std::string& why) : std::invalid_argument(why), wish_(wish) {}
    // Which of them, by its name in worker_wishes.
    [[nodiscard]] const char* wish() const noexcept { return wish_; }

private:
    const char* wish_;
};

enum class pinning : std::uint8_t {
    never, // the system moves workers as it likes
    // Each to a CPU of its own, if there is a worker for every CPU that they may have, and no other runtime of this program has one of
    // these. Else each stays on its node, and on the CPUs that were wished.
    automatic,
    always, // each to a CPU of its own, which no other runtime of this program has; or it is a bad wish
};

// "never", "automatic", "always".
[[nodiscard]] BASTION_API std::string_view to_string(pinning p) noexcept;
// The other way; nothing: it is none of these words.
[[nodiscard]] BASTION_API std::optional<pinning> pinning_of(std::string_view word) noexcept;

struct worker_wishes {
    std::size_t workers = 0; // 0: one for each CPU that they may have, no more than the quota grants
    std::vector<int> cpus = {}; // only these, by the system's numbers; empty: all that the process may use
    std::size_t workers_per_node = 0; // so many on each node that has CPUs, instead of a number in all; 0: no matter
    std::size_t cores_left_free = 0; // so many cores are for others
    bool spare_smt = false; // at most one on each core
    bastion::topology::pinning pinning = bastion::topology::pinning::automatic;
    std::vector<int> taken = {}; // CPUs of other runtimes of this program: the last to be taken
};

struct planned_worker {
    cpu where; // where it is, or would be if it were bound
    std::vector<int> bound_to =
        {}; // the CPUs that it may run on, by the system's numbers; empty: the system moves it as it likes
    // All others: of its node, then by the distance of nodes; there of the same core, L2 and L3 first.
    std::vector<std::uint32_t> nearest = {};
    std::size_t near = 0; // how many of these are on its node

    [[nodiscard]] bool pinned() const noexcept { return bound_to.size() == 1; }
};

struct worker_plan {
    std::vector<planned_worker> workers; // never empty

    // On how many NUMA nodes they are.
    [[nodiscard]] BASTION_API std::size_t nodes() const;
};

// How far it is from one CPU to another: the smaller the nearer. First: 0 the same node, else how far the nodes are from one another, for a
// cache may span nodes; second: 0 the same core, 1 the same L2, 2 the same L3, 3 none of these.
[[nodiscard]] BASTION_API std::pair<unsigned, int> remoteness(const machine& on, const cpu& a, const cpu& b) noexcept;

// Of a machine with several kinds of CPUs the fastest are taken first, of a core its first CPU. Workers that have no CPU of their own
// share them in turn. Nobody is bound on a machine that is only described. Throws bad_wish. Cost: O(n^2 log n) of n workers.
[[nodiscard]] BASTION_API worker_plan plan_workers(const machine& on, const worker_wishes& wishes = {});

} // namespace bastion::topology

#endif
