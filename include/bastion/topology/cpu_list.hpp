// Numbers of CPUs as the system writes them: "0,2-5".
#ifndef BASTION_TOPOLOGY_CPU_LIST_HPP
#define BASTION_TOPOLOGY_CPU_LIST_HPP

#include <bastion/base/compiler.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bastion::topology {

// Throws std::invalid_argument, whose text is the part that is none. The numbers are not sorted, and may come twice.
[[nodiscard]] BASTION_API std::vector<int> cpus_of(std::string_view list);

// Sorted, without those that come twice. No numbers: "".
[[nodiscard]] BASTION_API std::string to_list(std::vector<int> cpus);

} // namespace bastion::topology

#endif
