// The machine as the runtime sees it: which CPUs this process may use and how they share caches and memory.
//
// Detected once by hwloc (in the .cpp, nowhere else) and cached; reading it is free and safe from any thread. With a
// synthetic topology (HWLOC_SYNTHETIC and the like) the description is believed but nothing is ever pinned: binding
// would succeed and do nothing.
#ifndef BASTION_TOPOLOGY_MACHINE_HPP
#define BASTION_TOPOLOGY_MACHINE_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bastion::topology {

// One logical CPU. The numbers of core, caches, node and package are indexes within the machine; -1: unknown.
struct cpu {
    int os_index = 0;
    int core = -1;
    int l2 = -1;
    int l3 = -1;
    int node = 0;
    int package = 0;
};

class machine {
public:
    // What this process may use, in hwloc's logical order; never empty.
    std::vector<cpu> cpus;
    int nodes = 1;
    int packages = 1;
    // CPUs worth of time that the cgroup grants; 0: no quota.
    double quota = 0;
    bool synthetic = false;

    // How many workers fit: one per allowed CPU, no more than the quota rounded up, at least 1.
    [[nodiscard]] BASTION_API int workers() const noexcept;
    // On how many NUMA nodes so many workers are: the i-th has the i-th CPU. At least 1.
    [[nodiscard]] BASTION_API std::size_t nodes_of(std::size_t workers) const;
};

// Detects on first use. Never throws: when hwloc fails, the kernel's affinity mask is believed.
[[nodiscard]] BASTION_API const machine& this_machine();

// Binds the calling thread to one CPU; false when refused or the topology is synthetic.
BASTION_API bool pin_this_thread(const cpu& where) noexcept;

// Reads the quota from a cgroup v2 `cpu.max` line ("max 100000" or "150000 100000"); 0: none or unreadable.
[[nodiscard]] BASTION_API double parse_cpu_max(const std::string& line) noexcept;

} // namespace bastion::topology

#endif
