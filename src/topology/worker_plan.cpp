#include <bastion/topology/worker_plan.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

namespace bastion::topology {
namespace {

[[nodiscard]] std::string cpus_as_text(const std::vector<cpu>& cpus) {
    std::vector<int> numbers;
    numbers.reserve(cpus.size());
    for (const cpu& c : cpus) numbers.push_back(c.os_index);
    std::sort(numbers.begin(), numbers.end());
    std::string text;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(numbers[i]);
        if (last > i) text += "-" + std::to_string(numbers[last]);
        i = last + 1;
    }
    return text;
}

[[nodiscard]] std::string counted(std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

// Indexes into the machine's CPUs, in its order.
using chosen = std::vector<std::size_t>;

chosen wished_cpus(const machine& on, const worker_wishes& w) {
    chosen all;
    for (std::size_t i = 0; i < on.cpus.size(); ++i) {
        const bool wished =
            w.cpus.empty() || std::find(w.cpus.begin(), w.cpus.end(), on.cpus[i].os_index) != w.cpus.end();
        if (wished) all.push_back(i);
    }
    for (const int number : w.cpus)
        if (std::none_of(on.cpus.begin(), on.cpus.end(), [&](const cpu& c) { return c.os_index == number; }))
            throw bad_wish("bastion: a worker on CPU " + std::to_string(number) + ": this process may use the CPUs " +
                           cpus_as_text(on.cpus));
    return all;
}

// The first of each core that is among them.
chosen one_per_core(const machine& on, const chosen& from) {
    chosen kept;
    std::set<int> cores;
    for (const std::size_t i : from)
        if (on.cpus[i].core < 0 || cores.insert(on.cpus[i].core).second) kept.push_back(i);
    return kept;
}

// The best `n`, in the machine's order.
chosen best(const machine& on, chosen from, std::size_t n) {
    std::sort(from.begin(), from.end(), [&](std::size_t a, std::size_t b) {
        const auto rank = [&](std::size_t i) { return std::tuple(on.cpus[i].smt, -on.cpus[i].kind, i); };
        return rank(a) < rank(b);
    });
    from.resize(std::min(n, from.size()));
    std::sort(from.begin(), from.end());
    return from;
}

chosen best_of_each_node(const machine& on, const chosen& from, std::size_t n) {
    std::set<int> nodes;
    for (const std::size_t i : from) nodes.insert(on.cpus[i].node);
    chosen all;
    for (const int node : nodes) {
        chosen here;
        std::copy_if(
            from.begin(), from.end(), std::back_inserter(here), [&](std::size_t i) { return on.cpus[i].node == node; });
        if (here.size() < n)
            throw bad_wish("bastion: " + counted(n, "worker") + " on each node: node " + std::to_string(node) +
                           " has " + counted(here.size(), "CPU"));
        const chosen best_here = best(on, std::move(here), n);
        all.insert(all.end(), best_here.begin(), best_here.end());
    }
    std::sort(all.begin(), all.end());
    return all;
}

// Of those that are as near the next one first, and round: else all would turn to the same.
std::vector<std::uint32_t> order_of(const machine& on, const std::vector<planned_worker>& all, std::size_t self) {
    const std::size_t n = all.size();
    std::vector<std::uint32_t> others;
    for (std::size_t k = 1; k < n; ++k) others.push_back(static_cast<std::uint32_t>((self + k) % n));
    std::sort(others.begin(), others.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto rank = [&](std::uint32_t i) {
            return std::pair(remoteness(on, all[self].where, all[i].where), (i + n - self) % n);
        };
        return rank(a) < rank(b);
    });
    return others;
}

} // namespace

std::pair<int, unsigned> remoteness(const machine& on, const cpu& a, const cpu& b) noexcept {
    const auto same = [](int x, int y) { return x >= 0 && x == y; };
    if (same(a.core, b.core)) return {0, 0};
    if (same(a.l2, b.l2)) return {1, 0};
    if (same(a.l3, b.l3)) return {2, 0};
    if (a.node == b.node) return {3, 0};
    return {4, on.distance(a.node, b.node)};
}

std::size_t worker_plan::nodes() const {
    std::set<int> all;
    for (const planned_worker& w : workers) all.insert(w.where.node);
    return all.size();
}

worker_plan plan_workers(const machine& on, const worker_wishes& wishes) {
    if (wishes.count != 0 && wishes.per_node != 0)
        throw bad_wish("bastion: a number of workers, and a number for each node: say one of them");
    chosen from = wished_cpus(on, wishes);
    if (wishes.spare_smt) from = one_per_core(on, from);
    if (wishes.leave_free >= from.size())
        throw bad_wish("bastion: " + counted(wishes.leave_free, "CPU") + " left free of the " +
                       std::to_string(from.size()) + " that workers may have: none is left for a worker");
    if (wishes.leave_free > 0) from = best(on, from, from.size() - wishes.leave_free);
    if (wishes.per_node != 0) from = best_of_each_node(on, from, wishes.per_node);
    else if (wishes.count == 0) from = best(on, from, static_cast<std::size_t>(on.workers()));
    const std::size_t count = wishes.count != 0 ? wishes.count : from.size();
    if (wishes.pin == pinning::always && count > from.size())
        throw bad_wish("bastion: " + counted(count, "worker") + ", each on a CPU of its own: they may have " +
                       counted(from.size(), "CPU"));
    if (count < from.size()) from = best(on, from, count);
    worker_plan plan;
    for (std::size_t i = 0; i < count; ++i) {
        planned_worker& w = plan.workers.emplace_back();
        w.where = on.cpus[from[i % from.size()]];
        w.pinned = wishes.pin != pinning::never && count <= from.size() && !on.synthetic;
    }
    for (std::size_t i = 0; i < count; ++i) plan.workers[i].nearest = order_of(on, plan.workers, i);
    return plan;
}

} // namespace bastion::topology
