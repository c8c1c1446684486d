#include <bastion/topology/machine.hpp>

#include <hwloc.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>

namespace bastion::topology {
namespace {

int index_of_ancestor(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_type_t type) {
    const auto* ancestor = hwloc_get_ancestor_obj_by_type(topology, type, pu);
    return ancestor ? static_cast<int>(ancestor->logical_index) : -1;
}

int node_of(hwloc_topology_t topology, hwloc_obj_t pu) {
    for (hwloc_obj_t node = nullptr; (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node));)
        if (hwloc_bitmap_intersects(node->cpuset, pu->cpuset)) return static_cast<int>(node->logical_index);
    return 0;
}

bool read_by_hwloc(machine& found) {
    hwloc_topology_t topology = nullptr;
    if (hwloc_topology_init(&topology) != 0) return false;
    if (hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        return false;
    }
    found.synthetic = hwloc_topology_is_thissystem(topology) == 0;
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    if (found.synthetic || hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS) != 0)
        hwloc_bitmap_copy(allowed, hwloc_topology_get_allowed_cpuset(topology));
    for (hwloc_obj_t pu = nullptr; (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu));) {
        if (!hwloc_bitmap_isset(allowed, pu->os_index)) continue;
        cpu one;
        one.os_index = static_cast<int>(pu->os_index);
        one.core = index_of_ancestor(topology, pu, HWLOC_OBJ_CORE);
        one.l2 = index_of_ancestor(topology, pu, HWLOC_OBJ_L2CACHE);
        one.l3 = index_of_ancestor(topology, pu, HWLOC_OBJ_L3CACHE);
        one.package = std::max(0, index_of_ancestor(topology, pu, HWLOC_OBJ_PACKAGE));
        one.node = node_of(topology, pu);
        found.cpus.push_back(one);
    }
    found.nodes = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE));
    found.packages = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE));
    hwloc_bitmap_free(allowed);
    hwloc_topology_destroy(topology);
    return !found.cpus.empty();
}

void read_by_affinity(machine& found) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(0, sizeof mask, &mask) == 0)
        for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &mask)) found.cpus.push_back(cpu{.os_index = i, .core = i});
    if (found.cpus.empty()) found.cpus.push_back(cpu{});
}

// The tightest quota from this process' cgroup up to the root.
double read_quota() {
    std::ifstream membership("/proc/self/cgroup");
    std::string line;
    std::string path;
    while (std::getline(membership, line))
        if (line.rfind("0::", 0) == 0) path = line.substr(3);
    double tightest = 0;
    while (true) {
        std::ifstream file("/sys/fs/cgroup" + (path == "/" ? std::string() : path) + "/cpu.max");
        if (std::getline(file, line)) {
            const double quota = parse_cpu_max(line);
            if (quota > 0 && (tightest == 0 || quota < tightest)) tightest = quota;
        }
        const auto slash = path.rfind('/');
        if (path.size() <= 1 || slash == std::string::npos) break;
        path.erase(slash == 0 ? 1 : slash);
    }
    return tightest;
}

machine detect() {
    machine found;
    if (!read_by_hwloc(found)) {
        found = machine{};
        read_by_affinity(found);
    }
    found.quota = read_quota();
    return found;
}

} // namespace

int machine::workers() const noexcept {
    auto count = static_cast<int>(cpus.size());
    if (quota > 0) count = std::min(count, static_cast<int>(std::ceil(quota)));
    return std::max(1, count);
}

std::size_t machine::nodes_of(std::size_t workers) const {
    std::vector<int> seen;
    for (std::size_t i = 0; i < std::min(workers, cpus.size()); ++i)
        if (std::find(seen.begin(), seen.end(), cpus[i].node) == seen.end()) seen.push_back(cpus[i].node);
    return std::max<std::size_t>(1, seen.size());
}

const machine& this_machine() {
    static const machine found = detect();
    return found;
}

bool pin_this_thread(const cpu& where) noexcept {
    if (this_machine().synthetic) return false;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<std::size_t>(where.os_index), &mask);
    return sched_setaffinity(0, sizeof mask, &mask) == 0;
}

double parse_cpu_max(const std::string& line) noexcept {
    char* end = nullptr;
    const double quota = std::strtod(line.c_str(), &end);
    if (end == line.c_str()) return 0;
    const double period = std::strtod(end, nullptr);
    return period > 0 && quota > 0 ? quota / period : 0;
}

} // namespace bastion::topology
