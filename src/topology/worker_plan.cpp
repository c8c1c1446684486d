#include <bastion/topology/worker_plan.hpp>

#include <bastion/base/counted.hpp>
#include <bastion/topology/cpu_list.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <tuple>

namespace bastion::topology {
namespace {

using detail::counted;

// Indexes into the machine's CPUs, in its order.
using chosen = std::vector<std::size_t>;

[[nodiscard]] std::vector<int> numbers_of(const machine& on, const chosen& from) {
    std::vector<int> numbers;
    for (const std::size_t i : from) numbers.push_back(on.cpus[i].os_index);
    return numbers;
}

// "CPUs 0,2-5".
[[nodiscard]] std::string named(const std::vector<int>& cpus) {
    return (cpus.size() == 1 ? "CPU " : "CPUs ") + to_list(cpus);
}

[[nodiscard]] bool contains(const std::vector<int>& all, int n) {
    return std::find(all.begin(), all.end(), n) != all.end();
}

template <class Condition>
[[nodiscard]] chosen those_of(const chosen& from, Condition condition) {
    chosen kept;
    std::copy_if(from.begin(), from.end(), std::back_inserter(kept), condition);
    return kept;
}

chosen wished_cpus(const machine& on, const worker_wishes& w) {
    chosen all;
    for (std::size_t i = 0; i < on.cpus.size(); ++i)
        if (w.cpus.empty() || contains(w.cpus, on.cpus[i].os_index)) all.push_back(i);
    for (const int number : w.cpus)
        if (std::none_of(on.cpus.begin(), on.cpus.end(), [&](const cpu& c) { return c.os_index == number; }))
            throw bad_wish("cpus", "there is no CPU " + std::to_string(number) + ": this process may use the " +
                                       named(numbers_of(on, wished_cpus(on, {}))));
    return all;
}

// A CPU of which nobody knows the core has one of its own.
[[nodiscard]] int core_of(const cpu& c) noexcept { return c.core >= 0 ? c.core : -1 - c.os_index; }

// The first of each core that is among them.
chosen one_per_core(const machine& on, const chosen& from) {
    std::set<int> cores;
    return those_of(from, [&](std::size_t i) { return cores.insert(core_of(on.cpus[i])).second; });
}

// Without the last `n` cores, of the slowest kind first.
chosen without_cores(const machine& on, const chosen& from, std::size_t n) {
    chosen firsts = one_per_core(on, from);
    if (n >= firsts.size())
        throw bad_wish("cores_left_free", counted(n, "core") + " left free of the " + std::to_string(firsts.size()) +
                                              " that workers may have: none is left for a worker");
    std::sort(firsts.begin(), firsts.end(),
        [&](std::size_t a, std::size_t b) { return std::pair(on.cpus[a].kind, b) < std::pair(on.cpus[b].kind, a); });
    std::set<int> free;
    for (std::size_t k = 0; k < n; ++k) free.insert(core_of(on.cpus[firsts[k]]));
    return those_of(from, [&](std::size_t i) { return free.count(core_of(on.cpus[i])) == 0; });
}

// The best `n`, in the machine's order.
chosen best(const machine& on, const worker_wishes& w, chosen from, std::size_t n) {
    std::sort(from.begin(), from.end(), [&](std::size_t a, std::size_t b) {
        const auto rank = [&](std::size_t i) {
            const cpu& c = on.cpus[i];
            return std::tuple(contains(w.taken, c.os_index), c.smt, -c.kind, i);
        };
        return rank(a) < rank(b);
    });
    from.resize(std::min(n, from.size()));
    std::sort(from.begin(), from.end());
    return from;
}

chosen best_of_each_node(const machine& on, const worker_wishes& w, const chosen& from) {
    std::set<int> nodes;
    for (const std::size_t i : from) nodes.insert(on.cpus[i].node);
    chosen all;
    for (const int node : nodes) {
        const chosen here = those_of(from, [&](std::size_t i) { return on.cpus[i].node == node; });
        if (here.size() < w.workers_per_node)
            throw bad_wish("workers_per_node", counted(w.workers_per_node, "worker") + " on each node: node " +
                                                   std::to_string(node) + " has " + counted(here.size(), "CPU"));
        const chosen best_here = best(on, w, here, w.workers_per_node);
        all.insert(all.end(), best_here.begin(), best_here.end());
    }
    std::sort(all.begin(), all.end());
    return all;
}

// What each worker is bound to; empty: nothing. `may_have`: the CPUs that the wishes leave; `have`: those of the workers.
void bind(const machine& on, const worker_wishes& w, const chosen& may_have, const chosen& have, worker_plan& plan) {
    const std::size_t count = plan.workers.size();
    if (w.pinning == pinning::always && count > may_have.size())
        throw bad_wish("pinning",
            counted(count, "worker") + ", each on a CPU of its own: they may have " + counted(may_have.size(), "CPU"));
    const bool any_taken =
        std::any_of(have.begin(), have.end(), [&](std::size_t i) { return contains(w.taken, on.cpus[i].os_index); });
    if (w.pinning == pinning::always && any_taken)
        throw bad_wish("pinning", counted(count, "worker") + ", each on a CPU of its own: of the " +
                                      named(numbers_of(on, may_have)) + " other runtimes of this program have " +
                                      to_list(w.taken));
    if (w.pinning == pinning::never || on.synthetic) return;
    const bool one_each = count == may_have.size() && have.size() == may_have.size();
    const bool pins = w.pinning == pinning::always || (one_each && !any_taken);
    for (planned_worker& worker : plan.workers) {
        if (pins) {
            worker.bound_to = {worker.where.os_index};
            continue;
        }
        const chosen near = those_of(may_have, [&](std::size_t i) { return on.cpus[i].node == worker.where.node; });
        // Other runtimes keep what they have, as long as each worker of this one may have a CPU of its own.
        const chosen left = those_of(near, [&](std::size_t i) { return !contains(w.taken, on.cpus[i].os_index); });
        const auto here = std::count_if(plan.workers.begin(), plan.workers.end(),
            [&](const planned_worker& other) { return other.where.node == worker.where.node; });
        const chosen& its = left.size() >= static_cast<std::size_t>(here) ? left : near;
        if (its.size() < on.cpus.size()) worker.bound_to = numbers_of(on, its);
    }
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

std::string_view to_string(pinning p) noexcept {
    constexpr std::string_view names[] = {"never", "automatic", "always"};
    return names[static_cast<std::size_t>(p)];
}

std::optional<pinning> pinning_of(std::string_view word) noexcept {
    for (const pinning p : {pinning::never, pinning::automatic, pinning::always})
        if (word == to_string(p)) return p;
    return {};
}

std::pair<unsigned, int> remoteness(const machine& on, const cpu& a, const cpu& b) noexcept {
    const unsigned far = a.node == b.node ? 0 : std::max(1u, on.distance(a.node, b.node));
    const auto same = [](int x, int y) { return x >= 0 && x == y; };
    if (same(a.core, b.core)) return {far, 0};
    if (same(a.l2, b.l2)) return {far, 1};
    if (same(a.l3, b.l3)) return {far, 2};
    return {far, 3};
}

std::size_t worker_plan::nodes() const {
    std::set<int> all;
    for (const planned_worker& w : workers) all.insert(w.where.node);
    return all.size();
}

worker_plan plan_workers(const machine& on, const worker_wishes& wishes) {
    if (wishes.workers != 0 && wishes.workers_per_node != 0)
        throw bad_wish("workers_per_node", "a number of workers, and a number for each node: say one of them");
    chosen may_have = wished_cpus(on, wishes);
    if (wishes.spare_smt) may_have = one_per_core(on, may_have);
    if (wishes.cores_left_free > 0) may_have = without_cores(on, may_have, wishes.cores_left_free);
    const auto granted = std::min(static_cast<std::size_t>(on.workers()), most_workers);
    const chosen have = wishes.workers_per_node != 0
                            ? best_of_each_node(on, wishes, may_have)
                            : best(on, wishes, may_have, wishes.workers != 0 ? wishes.workers : granted);
    const std::size_t count = wishes.workers != 0 ? wishes.workers : have.size();
    if (count > most_workers)
        throw bad_wish(wishes.workers != 0 ? "workers" : "workers_per_node",
            counted(count, "worker") + ": a runtime has at most " + std::to_string(most_workers));
    worker_plan plan;
    plan.workers.resize(count);
    for (std::size_t i = 0; i < count; ++i) plan.workers[i].where = on.cpus[have[i % have.size()]];
    bind(on, wishes, may_have, have, plan);
    for (std::size_t i = 0; i < count; ++i) {
        planned_worker& w = plan.workers[i];
        w.nearest = order_of(on, plan.workers, i);
        w.near = static_cast<std::size_t>(std::count_if(w.nearest.begin(), w.nearest.end(),
            [&](std::uint32_t other) { return plan.workers[other].where.node == w.where.node; }));
    }
    return plan;
}

} // namespace bastion::topology
