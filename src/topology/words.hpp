// What both the table and the picture of a machine say.
#ifndef BASTION_TOPOLOGY_WORDS_HPP
#define BASTION_TOPOLOGY_WORDS_HPP

#include <bastion/topology/worker_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bastion::topology::words {

[[nodiscard]] std::string size_of(std::uint64_t bytes);
// "machine: 1 package, 2 NUMA nodes, 4 cores, 8 CPUs".
[[nodiscard]] std::string summary(const machine& on);
[[nodiscard]] std::string quota_of(const machine& on);
// "distances 10 20".
[[nodiscard]] std::string distances_of(const machine& on, std::size_t node);
// Those that a worker turns to, in that order: in one text, "2 3", who is as far as one another.
[[nodiscard]] std::vector<std::string> turns_to(const machine& on, const worker_plan& plan, std::size_t worker);

} // namespace bastion::topology::words

#endif
