// The machine as the runtime sees it: which CPUs this process may use and how they share caches and memory.
//
// Detected once by hwloc (in the .cpp, nowhere else) and cached; reading it is free and safe from any thread. With a
// synthetic topology (HWLOC_SYNTHETIC, whatever HWLOC_THISSYSTEM says, and the like) the description is believed but
// nothing is ever pinned: binding would succeed and do nothing, or bind to CPUs that are others.
#ifndef BASTION_TOPOLOGY_MACHINE_HPP
#define BASTION_TOPOLOGY_MACHINE_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bastion::topology {

// One logical CPU. The numbers of core, caches, node and package are indexes within the machine; -1: unknown.
struct cpu {
    int os_index = 0;
    int core = -1;
    int smt = 0; // which of its core's, from 0
    int l2 = -1;
    int l3 = -1;
    int node = 0;
    int package = 0;
    int kind = -1; // of a hybrid processor, the more the faster; -1: all are alike
};

// Memory that is as near to some CPUs as any, or has none at all.
struct numa_node {
    int os_index = 0;
    std::uint64_t bytes = 0; // 0: unknown
    std::vector<unsigned> distances; // to each node, as the firmware says: 10 to itself
};

class machine {
public:
    // What this process may use, in hwloc's logical order; never empty.
    std::vector<cpu> cpus;
    // By the numbers that the CPUs say; those with memory only, too. Never empty.
    std::vector<numa_node> nodes{1};
    int packages = 1;
    // CPUs worth of time that the cgroup grants; 0: no quota.
    double quota = 0;
    bool synthetic = false;
    // Why not all is known, or a description in the environment is not used, in one line; empty: all is well.
    std::string warning;

    // How many workers fit: one per allowed CPU, no more than the quota rounded up, at least 1.
    [[nodiscard]] BASTION_API int workers() const noexcept;
    // How far it is from the memory of one node to that of another; 10 within one, 20 where nobody says.
    [[nodiscard]] BASTION_API unsigned distance(int from, int to) const noexcept;
};

// Detects on first use. Never throws: when hwloc fails, or has no /sys to read, the kernel's affinity mask is believed.
[[nodiscard]] BASTION_API const machine& this_machine();

// This machine with what it grants now: of its CPUs those that the calling thread may run on, and the quota. One that was not there at the
// program's start does not count. Cost: some 50 us. Throws std::bad_alloc.
[[nodiscard]] BASTION_API machine this_machine_now();

// The machine of a description: hwloc's synthetic format ("package:2 numa:1 core:4 pu:2") or its XML. Throws std::invalid_argument.
[[nodiscard]] BASTION_API machine described_machine(const std::string& description);

// Binds the calling thread to one CPU, or to several by the system's numbers; false when refused, or this machine is synthetic.
BASTION_API bool pin_this_thread(const cpu& where) noexcept;
BASTION_API bool bind_this_thread(const std::vector<int>& cpus) noexcept;
// Gives back to a thread what it has inherited from one that was bound: it may run on each CPU of this machine.
BASTION_API bool unbind_this_thread() noexcept;

// Asks the system to take the pages of this memory, which nobody has touched yet, from a node, by the system's number, as long as it
// has any; on page boundaries. False when refused.
[[nodiscard]] BASTION_API bool prefer_memory_of_node(void* begin, std::size_t bytes, int os_node) noexcept;

// The tightest quota of this process' cgroup and those above it, of version 2 or 1; 0: none or unreadable. `root`: of the file system.
[[nodiscard]] BASTION_API double read_quota(const std::filesystem::path& root = "/") noexcept;

} // namespace bastion::topology

#endif
