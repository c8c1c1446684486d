#include <bastion/topology/machine.hpp>

#include <bastion/base/counted.hpp>

#include <hwloc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <linux/mempolicy.h>
#include <memory>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace bastion::topology {
namespace {

constexpr unsigned distance_within = 10;
constexpr unsigned distance_unknown = 20;

struct topology_deleter {
    void operator()(hwloc_topology_t t) const noexcept { hwloc_topology_destroy(t); }
};
using topology_ptr = std::unique_ptr<hwloc_topology, topology_deleter>;

struct bitmap_deleter {
    void operator()(hwloc_bitmap_t b) const noexcept { hwloc_bitmap_free(b); }
};
using bitmap_ptr = std::unique_ptr<hwloc_bitmap_s, bitmap_deleter>;

// Null: hwloc cannot.
topology_ptr new_topology() {
    hwloc_topology_t made = nullptr;
    return topology_ptr(hwloc_topology_init(&made) == 0 ? made : nullptr);
}

int index_of_ancestor(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_type_t type) {
    const auto* ancestor = hwloc_get_ancestor_obj_by_type(topology, type, pu);
    return ancestor != nullptr ? static_cast<int>(ancestor->logical_index) : -1;
}

// The nearest node that has memory for it: of all that contain it, the smallest.
int node_of(hwloc_topology_t topology, hwloc_obj_t pu) {
    int best = 0;
    int fewest = -1;
    for (hwloc_obj_t n = nullptr; (n = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, n)) != nullptr;) {
        if (hwloc_bitmap_intersects(n->cpuset, pu->cpuset) == 0) continue;
        const int many = hwloc_bitmap_weight(n->cpuset);
        if (fewest >= 0 && many >= fewest) continue;
        fewest = many;
        best = static_cast<int>(n->logical_index);
    }
    return best;
}

// What the firmware says; where it does not, all other nodes are as far.
void read_distances(hwloc_topology_t topology, std::vector<numa_node>& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].distances.assign(nodes.size(), distance_unknown);
        nodes[i].distances[i] = distance_within;
    }
    unsigned n = 1;
    hwloc_distances_s* found = nullptr;
    const bool known = hwloc_distances_get_by_type(
                           topology, HWLOC_OBJ_NUMANODE, &n, &found, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) == 0;
    if (!known || n == 0) return;
    for (unsigned i = 0; i < found->nbobjs; ++i)
        for (unsigned k = 0; k < found->nbobjs; ++k)
            nodes.at(found->objs[i]->logical_index).distances.at(found->objs[k]->logical_index) =
                static_cast<unsigned>(found->values[i * found->nbobjs + k]);
    hwloc_distances_release(topology, found);
}

void read_nodes(hwloc_topology_t topology, machine& found) {
    std::vector<numa_node> nodes;
    for (hwloc_obj_t n = nullptr; (n = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, n)) != nullptr;) {
        numa_node& one = nodes.emplace_back();
        one.os_index = static_cast<int>(n->os_index);
        one.bytes = n->attr->numanode.local_memory;
    }
    if (nodes.empty()) nodes.emplace_back();
    read_distances(topology, nodes);
    found.nodes = std::move(nodes);
}

// Of those that are allowed.
void read_cpus(hwloc_topology_t topology, hwloc_const_bitmap_t allowed, machine& found) {
    std::vector<int> seen_of_core;
    for (hwloc_obj_t pu = nullptr; (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != nullptr;) {
        if (hwloc_bitmap_isset(allowed, pu->os_index) == 0) continue;
        cpu one;
        one.os_index = static_cast<int>(pu->os_index);
        one.core = index_of_ancestor(topology, pu, HWLOC_OBJ_CORE);
        one.smt = static_cast<int>(std::count(seen_of_core.begin(), seen_of_core.end(), one.core));
        if (one.core < 0) one.smt = 0;
        seen_of_core.push_back(one.core);
        one.l2 = index_of_ancestor(topology, pu, HWLOC_OBJ_L2CACHE);
        one.l3 = index_of_ancestor(topology, pu, HWLOC_OBJ_L3CACHE);
        one.package = std::max(0, index_of_ancestor(topology, pu, HWLOC_OBJ_PACKAGE));
        one.node = node_of(topology, pu);
        one.kind = hwloc_cpukinds_get_by_cpuset(topology, pu->cpuset, 0); // -1, too, when it does not know
        found.cpus.push_back(one);
    }
    const bool all_alike = std::all_of(
        found.cpus.begin(), found.cpus.end(), [&](const cpu& c) { return c.kind == found.cpus.front().kind; });
    if (all_alike)
        for (cpu& c : found.cpus) c.kind = -1;
}

void read_all(hwloc_topology_t topology, hwloc_const_bitmap_t allowed, machine& found) {
    read_cpus(topology, allowed, found);
    read_nodes(topology, found);
    found.packages = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE));
}

// Null: it is not set, or empty.
const char* variable(const char* name) noexcept {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

// Whether hwloc says that of the whole machine. `value` null: any.
bool says(hwloc_topology_t topology, std::string_view name, const char* value) {
    const hwloc_obj_t root = hwloc_get_root_obj(topology);
    return std::any_of(root->infos, root->infos + root->infos_count, [&](const hwloc_info_s& i) {
        return i.name == name && (value == nullptr || std::strcmp(i.value, value) == 0);
    });
}

bool is_readable_xml(const char* file) {
    const topology_ptr probe = new_topology();
    return probe && hwloc_topology_set_xml(probe.get(), file) == 0;
}

// hwloc passes over in silence what it cannot read. HWLOC_THISSYSTEM says that a description is of this machine: it may be one, if it is
// XML, and is believed then.
bool read_by_hwloc(machine& found) {
    const topology_ptr topology = new_topology();
    if (!topology || hwloc_topology_load(topology.get()) != 0) return false;
    const bool foreign = hwloc_topology_is_thissystem(topology.get()) == 0;
    found.synthetic = foreign || says(topology.get(), "SyntheticDescription", nullptr);
    const auto passed_over = [&found](const char* name, const char* value) {
        found.warning += (found.warning.empty() ? "" : "; ") + std::string(name) + "=" + value +
                         " is no description that hwloc reads: " +
                         (found.synthetic ? "another machine is used" : "this machine is used");
    };
    const char* const synthetic = variable("HWLOC_SYNTHETIC");
    const char* const xml = variable("HWLOC_XMLFILE");
    if (synthetic != nullptr && !says(topology.get(), "SyntheticDescription", synthetic))
        passed_over("HWLOC_SYNTHETIC", synthetic);
    const bool from_xml = xml != nullptr && (foreign || is_readable_xml(xml));
    if (xml != nullptr && !from_xml && !found.synthetic) passed_over("HWLOC_XMLFILE", xml);
    // Without /sys it asks the processor, and knows neither nodes nor what is allowed.
    if (!found.synthetic && !from_xml && !says(topology.get(), "Backend", "Linux")) return false;
    const bitmap_ptr allowed(hwloc_bitmap_alloc());
    if (!allowed) return false;
    if (found.synthetic || hwloc_get_cpubind(topology.get(), allowed.get(), HWLOC_CPUBIND_PROCESS) != 0)
        hwloc_bitmap_copy(allowed.get(), hwloc_topology_get_allowed_cpuset(topology.get()));
    read_all(topology.get(), allowed.get(), found);
    return !found.cpus.empty();
}

// The kernel's set of CPUs, large enough for every machine that it knows.
class cpu_mask {
public:
    void add(int number) noexcept {
        if (number >= 0 && number < most) words_[word_of(number)] |= bit_of(number);
    }
    [[nodiscard]] bool has(int number) const noexcept { return (words_[word_of(number)] & bit_of(number)) != 0; }
    [[nodiscard]] bool read() noexcept { return sched_getaffinity(0, sizeof words_, as_set()) == 0; }
    [[nodiscard]] bool apply() noexcept { return sched_setaffinity(0, sizeof words_, as_set()) == 0; }

    static constexpr int most = 8192;

private:
    static constexpr int word_bits = 64;
    static_assert(most % word_bits == 0);
    [[nodiscard]] static std::size_t word_of(int n) noexcept { return static_cast<std::size_t>(n / word_bits); }
    [[nodiscard]] static std::uint64_t bit_of(int n) noexcept { return std::uint64_t{1} << (n % word_bits); }
    // The kernel takes a set of any size; the type is only that of the C library's own sets.
    [[nodiscard]] cpu_set_t* as_set() noexcept { return reinterpret_cast<cpu_set_t*>(words_.data()); }

    std::array<std::uint64_t, most / word_bits> words_{};
};

template <class Fill>
bool bind(Fill fill) noexcept {
    if (this_machine().synthetic) return false;
    cpu_mask to;
    fill(to);
    return to.apply();
}

void read_by_affinity(machine& found) {
    cpu_mask mask;
    if (mask.read())
        for (int i = 0; i < cpu_mask::most; ++i)
            if (mask.has(i)) found.cpus.push_back(cpu{.os_index = i, .core = i});
    if (found.cpus.empty()) found.cpus.push_back(cpu{});
    const char* const xml = variable("HWLOC_XMLFILE");
    found.warning = "hwloc cannot read " +
                    (xml != nullptr ? "HWLOC_XMLFILE=" + std::string(xml) + ": this machine" : "this machine: it") +
                    " is taken for one node of " + bastion::detail::counted(found.cpus.size(), "CPU") +
                    ", and what they share is not known";
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

unsigned machine::distance(int from, int to) const noexcept {
    if (from == to) return distance_within;
    const auto row = static_cast<std::size_t>(from);
    const auto column = static_cast<std::size_t>(to);
    if (from < 0 || to < 0 || row >= nodes.size() || column >= nodes[row].distances.size()) return distance_unknown;
    return nodes[row].distances[column];
}

machine this_machine_now() {
    machine now = this_machine();
    if (now.synthetic) return now;
    now.quota = read_quota();
    // As large as the largest CPU number asks for: a set of fixed size ends at 1,024.
    int most = 0;
    for (const cpu& c : now.cpus) most = std::max(most, c.os_index);
    for (std::size_t bits = static_cast<std::size_t>(most) + 1;; bits *= 2) {
        const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> allowed(
            CPU_ALLOC(bits), [](cpu_set_t* s) { CPU_FREE(s); });
        if (!allowed) throw std::bad_alloc();
        const std::size_t bytes = CPU_ALLOC_SIZE(bits);
        if (sched_getaffinity(0, bytes, allowed.get()) != 0) {
            if (errno == EINVAL && bits < (std::size_t{1} << 20)) continue; // the system has more CPUs than that
            return now;
        }
        std::erase_if(now.cpus,
            [&](const cpu& c) { return CPU_ISSET_S(static_cast<std::size_t>(c.os_index), bytes, allowed.get()) == 0; });
        return now;
    }
}

const machine& this_machine() {
    static const machine found = detect();
    return found;
}

machine described_machine(const std::string& description) {
    const auto refused = [&description](const char* why) {
        return std::invalid_argument("bastion: the machine \"" + description.substr(0, 80) + "\" " + why);
    };
    const topology_ptr topology = new_topology();
    if (!topology) throw refused("cannot be read: hwloc does not start");
    const bool is_xml = description.find('<') != std::string::npos;
    const int taken = is_xml ? hwloc_topology_set_xmlbuffer(
                                   topology.get(), description.c_str(), static_cast<int>(description.size()) + 1)
                             : hwloc_topology_set_synthetic(topology.get(), description.c_str());
    if (taken != 0 || hwloc_topology_load(topology.get()) != 0)
        throw refused(
            is_xml ? "is no XML of hwloc" : "is no synthetic description of hwloc, as \"numa:2 core:4 pu:2\"");
    machine found;
    found.synthetic = true;
    read_all(topology.get(), hwloc_topology_get_allowed_cpuset(topology.get()), found);
    if (found.cpus.empty()) throw refused("has no CPU that may be used");
    return found;
}

bool pin_this_thread(const cpu& where) noexcept {
    return bind([&where](cpu_mask& to) { to.add(where.os_index); });
}

bool bind_this_thread(const std::vector<int>& cpus) noexcept {
    return bind([&cpus](cpu_mask& to) {
        for (const int number : cpus) to.add(number);
    });
}

// Preferred, not bound: a node that is full must not end the program. The C library has no function for it.
bool prefer_memory_of_node(void* begin, std::size_t bytes, int os_node) noexcept {
    constexpr int most_nodes = 1024;
    constexpr int word_bits = 8 * sizeof(unsigned long);
    if (os_node < 0 || os_node >= most_nodes) return false;
    std::array<unsigned long, most_nodes / word_bits> nodes{};
    nodes[static_cast<std::size_t>(os_node / word_bits)] = 1ul << (os_node % word_bits);
    return syscall(SYS_mbind, begin, bytes, MPOL_PREFERRED, nodes.data(), most_nodes + 1ul, 0u) == 0;
}

bool unbind_this_thread() noexcept {
    return bind([](cpu_mask& to) {
        for (const cpu& c : this_machine().cpus) to.add(c.os_index);
    });
}

} // namespace bastion::topology
