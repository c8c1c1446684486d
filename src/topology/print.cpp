#include "topology/words.hpp"

#include <bastion/topology/cpu_list.hpp>
#include <bastion/topology/print.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion::topology {
namespace {

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
    for (const std::string& group : words::turns_to(on, plan, worker)) text += (text.empty() ? "" : " | ") + group;
    return text;
}

} // namespace

std::string to_table(const machine& on, const worker_plan& plan) {
    std::string out = words::summary(on) + "\n";
    if (!on.warning.empty()) out += "warning: " + on.warning + "\n";
    out += words::quota_of(on) + "\n";
    for (std::size_t i = 0; i < on.nodes.size(); ++i)
        out += fmt::format("node {}: memory {}; CPUs {}; {}\n", i, words::size_of(on.nodes[i].bytes),
            cpus_of_node(on, i), words::distances_of(on, i));
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

} // namespace bastion::topology
