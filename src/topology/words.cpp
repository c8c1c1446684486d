#include "topology/words.hpp"

#include <bastion/base/counted.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <set>

namespace bastion::topology::words {

using bastion::detail::counted;

std::string size_of(std::uint64_t bytes) {
    if (bytes == 0) return "unknown";
    return bytes >= std::uint64_t{1} << 30 ? fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30))
                                           : fmt::format("{} MiB", bytes >> 20);
}

std::vector<std::string> turns_to(const machine& on, const worker_plan& plan, std::size_t worker) {
    const planned_worker& self = plan.workers[worker];
    const auto remoteness_of = [&](std::uint32_t other) {
        return remoteness(on, self.where, plan.workers[other].where);
    };
    std::vector<std::string> groups;
    for (std::size_t i = 0; i < self.nearest.size(); ++i) {
        const bool farther = i == 0 || remoteness_of(self.nearest[i - 1]) < remoteness_of(self.nearest[i]);
        if (farther) groups.push_back(std::to_string(self.nearest[i]));
        else groups.back() += " " + std::to_string(self.nearest[i]);
    }
    return groups;
}

std::string summary(const machine& on) {
    std::set<int> cores;
    for (const cpu& c : on.cpus) cores.insert(c.core);
    return fmt::format("machine: {}, {}, {}, {}{}", counted(static_cast<std::size_t>(on.packages), "package"),
        counted(on.nodes.size(), "NUMA node"), counted(cores.size(), "core"), counted(on.cpus.size(), "CPU"),
        on.synthetic ? "; it is only described: nothing is pinned" : "");
}

std::string quota_of(const machine& on) {
    if (on.quota <= 0) return "quota: none";
    return fmt::format("quota: {} {}", on.quota, on.quota == 1 ? "CPU" : "CPUs");
}

std::string distances_of(const machine& on, std::size_t node) {
    std::string text = "distances";
    for (std::size_t k = 0; k < on.nodes.size(); ++k)
        text += fmt::format(" {}", on.distance(static_cast<int>(node), static_cast<int>(k)));
    return text;
}

} // namespace bastion::topology::words
