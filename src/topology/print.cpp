#include <bastion/topology/print.hpp>

#include <bastion/base/counted.hpp>
#include <bastion/topology/cpu_list.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion::topology {
namespace {

using detail::counted;

std::string size_of(std::uint64_t bytes) {
    if (bytes == 0) return "unknown";
    return bytes >= std::uint64_t{1} << 30 ? fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30))
                                           : fmt::format("{} MiB", bytes >> 20);
}

std::string or_none(int n) { return n < 0 ? "-" : std::to_string(n); }

std::string bound_to(const planned_worker& w) { return w.bound_to.empty() ? "-" : to_list(w.bound_to); }

std::string cpus_of_node(const machine& on, std::size_t node) {
    std::vector<int> here;
    for (const cpu& c : on.cpus)
        if (static_cast<std::size_t>(c.node) == node) here.push_back(c.os_index);
    return here.empty() ? "none that workers may have" : to_list(std::move(here));
}

// "1 | 2 3": a bar where what follows is farther.
std::string turns_to(const machine& on, const worker_plan& plan, std::size_t worker) {
    std::string text;
    for (std::size_t i = 0; i < plan.workers[worker].nearest.size(); ++i) {
        const auto farther = [&] {
            const auto& all = plan.workers[worker].nearest;
            const cpu& self = plan.workers[worker].where;
            return remoteness(on, self, plan.workers[all[i - 1]].where) <
                   remoteness(on, self, plan.workers[all[i]].where);
        };
        if (i > 0) text += farther() ? " | " : " ";
        text += std::to_string(plan.workers[worker].nearest[i]);
    }
    return text;
}

} // namespace

std::string to_table(const machine& on, const worker_plan& plan) {
    std::set<int> cores;
    for (const cpu& c : on.cpus) cores.insert(c.core);
    std::string out =
        fmt::format("machine: {}, {}, {}, {}{}\n", counted(static_cast<std::size_t>(on.packages), "package"),
            counted(on.nodes.size(), "NUMA node"), counted(cores.size(), "core"), counted(on.cpus.size(), "CPU"),
            on.synthetic ? "; it is only described: nothing is pinned" : "");
    if (!on.warning.empty()) out += "warning: " + on.warning + "\n";
    out += on.quota > 0 ? fmt::format("quota: {} CPUs\n", on.quota) : "quota: none\n";
    for (std::size_t i = 0; i < on.nodes.size(); ++i) {
        out +=
            fmt::format("node {}: memory {}; CPUs {}; distances", i, size_of(on.nodes[i].bytes), cpus_of_node(on, i));
        for (std::size_t k = 0; k < on.nodes.size(); ++k)
            out += fmt::format(" {}", on.distance(static_cast<int>(i), static_cast<int>(k)));
        out += "\n";
    }
    std::size_t widest = std::string_view("bound to").size();
    for (const planned_worker& w : plan.workers) widest = std::max(widest, bound_to(w).size());
    out += fmt::format("\n{:>6}  {:>4}  {:>4}  {:>4}  {:>4}  {:>{}}  {}\n", "worker", "CPU", "core", "node", "kind",
        "bound to", widest, "steals from, and wakes");
    for (std::size_t i = 0; i < plan.workers.size(); ++i) {
        const planned_worker& w = plan.workers[i];
        out += fmt::format("{:>6}  {:>4}  {:>4}  {:>4}  {:>4}  {:>{}}  {}\n", i, w.where.os_index,
            or_none(w.where.core), w.where.node, or_none(w.where.kind), bound_to(w), widest, turns_to(on, plan, i));
    }
    return out;
}

std::string to_svg(const machine& on, const worker_plan& plan) {
    constexpr int box = 64, gap = 10, head = 26; // of a CPU, between things, above what a frame holds
    std::map<int, std::string> workers; // by the CPU
    for (std::size_t i = 0; i < plan.workers.size(); ++i) {
        std::string& here = workers[plan.workers[i].where.os_index];
        here += (here.empty() ? "" : " ") + std::to_string(i);
    }
    std::string body;
    const auto frame = [&body](int x, int y, int width, int height, const char* fill, const std::string& text) {
        body += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" stroke=\"#333\"/>\n", x, y,
            width, height, fill);
        body += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", x + 6, y + 17, text);
    };
    int y = gap;
    int widest = 0;
    for (std::size_t node = 0; node < on.nodes.size(); ++node) {
        std::map<int, std::vector<const cpu*>> cores;
        for (const cpu& c : on.cpus)
            if (static_cast<std::size_t>(c.node) == node) cores[c.core < 0 ? -1 - c.os_index : c.core].push_back(&c);
        int width = gap;
        for (const auto& core : cores) width += static_cast<int>(core.second.size()) * (box + gap) + 2 * gap;
        width = std::max(width, 260);
        const int height = cores.empty() ? head + gap : 2 * head + box + 3 * gap;
        frame(gap, y, width, height, "#eef3fa",
            fmt::format(
                "node {}: {}", node, cores.empty() ? "memory only" : "memory " + size_of(on.nodes[node].bytes)));
        int x = 2 * gap;
        for (const auto& [core, cpus] : cores) {
            const int core_width = static_cast<int>(cpus.size()) * (box + gap) + gap;
            frame(
                x, y + head, core_width, head + box + gap, "#dbe7f5", core < 0 ? "core" : fmt::format("core {}", core));
            for (std::size_t i = 0; i < cpus.size(); ++i) {
                const int at = x + gap + static_cast<int>(i) * (box + gap);
                const auto found = workers.find(cpus[i]->os_index);
                frame(at, y + 2 * head, box, box, found != workers.end() ? "#b8d8b8" : "#ffffff",
                    fmt::format("CPU {}", cpus[i]->os_index));
                if (found != workers.end())
                    body +=
                        fmt::format("<text x=\"{}\" y=\"{}\">w {}</text>\n", at + 6, y + 2 * head + 42, found->second);
            }
            x += core_width + gap;
        }
        y += height + gap;
        widest = std::max(widest, width);
    }
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n{}</svg>\n",
        widest + 2 * gap, y, body);
}

} // namespace bastion::topology
