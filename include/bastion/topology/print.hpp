// A machine and a plan of workers for people: as a table, and as a picture.
#ifndef BASTION_TOPOLOGY_PRINT_HPP
#define BASTION_TOPOLOGY_PRINT_HPP

#include <bastion/topology/worker_plan.hpp>

#include <string>

namespace bastion::topology {

// Several lines: the machine, its nodes, and each worker with whom it turns to; "1 | 2 3": first to 1, then to 2 and 3, which are farther.
[[nodiscard]] BASTION_API std::string to_table(const machine& on, const worker_plan& plan);

// An SVG document: nodes, in them cores, in these CPUs, with the workers on them and what they are bound to; below, for each worker, whom it
// turns to, with a box for all that are as far.
[[nodiscard]] BASTION_API std::string to_svg(const machine& on, const worker_plan& plan);

} // namespace bastion::topology

#endif
