// How much time of CPUs a cgroup grants.
#include <bastion/topology/machine.hpp>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace bastion::topology {
namespace {

using path = std::filesystem::path;

std::optional<std::string> first_line(const path& file) {
    std::ifstream in(file);
    std::string line;
    if (!std::getline(in, line)) return {};
    return line;
}

// CPUs worth of time; 0: "max", "-1" or nonsense.
double cpus_of(const std::string& quota, const std::string& period) noexcept {
    const double q = std::strtod(quota.c_str(), nullptr);
    const double p = std::strtod(period.c_str(), nullptr);
    return q > 0 && p > 0 ? q / p : 0;
}

// cpu.max holds "150000 100000" or "max 100000".
double quota_of_v2(const path& group) {
    const auto line = first_line(group / "cpu.max");
    if (!line) return 0;
    const auto space = line->find(' ');
    return space == std::string::npos ? 0 : cpus_of(line->substr(0, space), line->substr(space + 1));
}

double quota_of_v1(const path& group) {
    const auto quota = first_line(group / "cpu.cfs_quota_us");
    const auto period = first_line(group / "cpu.cfs_period_us");
    return quota && period ? cpus_of(*quota, *period) : 0;
}

// Of that group, and of those that it is in, up to the mount.
double tightest(const path& mount, std::string_view group, double (*quota_of)(const path&)) {
    double found = 0;
    for (;;) {
        while (!group.empty() && group.back() == '/') group.remove_suffix(1);
        const double here = quota_of(group.empty() ? mount : mount / group.substr(1));
        if (here > 0 && (found <= 0 || here < found)) found = here;
        if (group.empty()) return found;
        group = group.substr(0, group.rfind('/'));
    }
}

bool has_controller(std::string_view list, std::string_view name) {
    for (;;) {
        const auto comma = list.find(',');
        if (list.substr(0, comma) == name) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
}

// Of version 1: the mount is called after its controllers, in any order, or after one of them, and has links of other names.
std::vector<path> mounts_of_v1(const path& mounts) {
    std::vector<path> found;
    std::error_code unreadable;
    for (std::filesystem::directory_iterator at(mounts, unreadable), end; !unreadable && at != end;
        at.increment(unreadable))
        if (has_controller(at->path().filename().native(), "cpu")) found.push_back(at->path());
    return found;
}

// A line of /proc/self/cgroup is "0::/group" (version 2) or "4:cpu,cpuacct:/group".
double quota_below(const path& root) {
    std::ifstream membership(root / "proc/self/cgroup");
    const path mounts = root / "sys/fs/cgroup";
    double found = 0;
    const auto keep = [&found](double here) {
        if (here > 0 && (found <= 0 || here < found)) found = here;
    };
    for (std::string line; std::getline(membership, line);) {
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos || line.size() == second + 1 || line[second + 1] != '/') continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string_view group = std::string_view(line).substr(second + 1);
        if (controllers.empty())
            for (const path& mount : {mounts, mounts / "unified"}) keep(tightest(mount, group, quota_of_v2));
        else if (has_controller(controllers, "cpu"))
            for (const path& mount : mounts_of_v1(mounts)) keep(tightest(mount, group, quota_of_v1));
    }
    return found;
}

} // namespace

double read_quota(const path& root) noexcept {
    try {
        return quota_below(root);
    } catch (...) { return 0; } // no memory, or no such name
}

} // namespace bastion::topology
