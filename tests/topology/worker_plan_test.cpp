// Plans over machines that are described: which CPUs workers have, and the order in which they turn to one another.
#include "support/catch.hpp"

#include <bastion/topology/cpu_list.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace bastion::topology;

namespace {

// The CPUs of the workers, by the system's numbers.
std::string cpus(const worker_plan& plan) {
    std::string text;
    for (const planned_worker& w : plan.workers) text += (text.empty() ? "" : " ") + std::to_string(w.where.os_index);
    return text;
}
std::string cpus(const std::string& machine, const worker_wishes& wishes = {}) {
    return cpus(plan_workers(described_machine(machine), wishes));
}
// Of each worker the others, the nearest first: "1 2, 0 2, 0 1".
std::string order(const worker_plan& plan) {
    std::string text;
    for (const planned_worker& w : plan.workers) {
        if (!text.empty()) text += ",";
        for (const auto other : w.nearest) text += (text.empty() ? "" : " ") + std::to_string(other);
    }
    return text;
}
std::string order(const std::string& machine) { return order(plan_workers(described_machine(machine))); }

// What the workers are bound to, each; "-": nothing.
std::string bound(const worker_plan& plan) {
    std::string text;
    for (const planned_worker& w : plan.workers)
        text += (text.empty() ? "" : " ") + (w.bound_to.empty() ? "-" : to_list(w.bound_to));
    return text;
}
// A machine that is taken for one that is there.
machine there(const std::string& description) {
    machine m = described_machine(description);
    m.synthetic = false;
    return m;
}

// Of two kinds: the first `fast` CPUs are the faster.
machine hybrid(int fast, int slow) {
    machine m = described_machine("core:" + std::to_string(fast + slow) + " pu:1");
    for (cpu& c : m.cpus) c.kind = c.os_index < fast ? 1 : 0;
    return m;
}

} // namespace

TEST_CASE("plan: one worker for each CPU, in the machine's order") {
    CHECK(cpus("pu:1") == "0");
    CHECK(cpus("core:2 pu:1") == "0 1");
    CHECK(cpus("core:2 pu:2") == "0 1 2 3");
    CHECK(cpus("numa:2 core:4 pu:1") == "0 1 2 3 4 5 6 7");
    CHECK(cpus("numa:8 core:1 pu:2") == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
}

TEST_CASE("plan: fewer workers have cores of their own, on as few nodes as can be") {
    CHECK(cpus("core:4 pu:2", {.workers = 3}) == "0 2 4");
    CHECK(cpus("core:4 pu:2", {.workers = 5}) == "0 1 2 4 6");
    CHECK(cpus("numa:4 core:2 pu:1", {.workers = 3}) == "0 1 2");
    CHECK(plan_workers(described_machine("numa:4 core:2 pu:1"), {.workers = 3}).nodes() == 2);
    CHECK(cpus(plan_workers(hybrid(2, 4), {.workers = 3})) == "0 1 2");
    machine slow_first = hybrid(2, 2);
    for (cpu& c : slow_first.cpus) c.kind = 1 - c.kind;
    CHECK(cpus(plan_workers(slow_first, {.workers = 2})) == "2 3");
}

TEST_CASE("plan: no more workers than the quota grants, unless a number is wished") {
    machine m = described_machine("core:4 pu:2");
    m.quota = 1.5;
    CHECK(cpus(plan_workers(m)) == "0 2");
    CHECK(cpus(plan_workers(m, {.workers = 4})) == "0 2 4 6");
    m.quota = 0.5;
    CHECK(cpus(plan_workers(m)) == "0");
}

TEST_CASE("plan: wishes") {
    CHECK(cpus("core:4 pu:2", {.spare_smt = true}) == "0 2 4 6");
    CHECK(cpus("core:4 pu:2", {.cores_left_free = 1}) == "0 1 2 3 4 5");
    CHECK(cpus("core:4 pu:2", {.cores_left_free = 2, .spare_smt = true}) == "0 2");
    CHECK(cpus("core:4 pu:1", {.cpus = {3, 1}}) == "1 3");
    CHECK(cpus("numa:2 core:4 pu:1", {.workers_per_node = 2}) == "0 1 4 5");
    CHECK(cpus("package:2 [numa] core:2 pu:2", {.workers_per_node = 2}) == "0 2 4 6");
    CHECK(cpus("numa:2 core:4 pu:1", {.cpus = {0, 5, 6}, .workers_per_node = 1}) == "0 5");
    // Slow cores are left to others first, the last ones of a kind first.
    CHECK(cpus(plan_workers(hybrid(2, 2), {.cores_left_free = 1})) == "0 1 2");
    machine slow_first = hybrid(2, 2);
    for (cpu& c : slow_first.cpus) c.kind = 1 - c.kind;
    CHECK(cpus(plan_workers(slow_first, {.cores_left_free = 1})) == "0 2 3");
    // More workers than CPUs share them.
    const worker_plan shared = plan_workers(described_machine("core:2 pu:1"), {.workers = 5});
    CHECK(cpus(shared) == "0 1 0 1 0");
    for (const planned_worker& w : shared.workers) CHECK_FALSE(w.pinned());
}

TEST_CASE("plan: a node with memory only has no workers") {
    const machine m = described_machine("package:2 [numa] [numa] core:2 pu:1");
    CHECK(m.nodes.size() == 4);
    const worker_plan plan = plan_workers(m, {.workers_per_node = 2});
    CHECK(cpus(plan) == "0 1 2 3");
    CHECK(plan.nodes() == 2);
}

TEST_CASE("plan: uneven nodes, and CPUs that may not be used") {
    machine m = described_machine("numa:2 core:4 pu:1");
    std::erase_if(m.cpus, [](const cpu& c) { return c.os_index == 1 || c.os_index >= 5; });
    CHECK(cpus(plan_workers(m)) == "0 2 3 4");
    CHECK(order(plan_workers(m)) == "1 2 3, 2 0 3, 0 1 3, 0 1 2");
    CHECK(cpus(plan_workers(m, {.workers_per_node = 1})) == "0 4");
    CHECK_THROWS_WITH(plan_workers(m, {.workers_per_node = 2}), "2 workers on each node: node 1 has 1 CPU");
    CHECK_THROWS_WITH(plan_workers(m, {.cpus = {0, 5}}), "there is no CPU 5: this process may use the CPUs 0,2-4");
}

TEST_CASE("plan: who is near comes first, and not the same for all") {
    CHECK(order("core:4 pu:1") == "1 2 3, 2 3 0, 3 0 1, 0 1 2");
    CHECK(order("core:2 pu:2") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
    CHECK(order("l3:2 core:2 pu:1") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
    CHECK(order("l3:1 l2:2 core:2 pu:1") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
    CHECK(order("numa:2 core:2 pu:1") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
}

TEST_CASE("plan: far nodes come last, as far as the firmware says") {
    machine m = described_machine("numa:4 core:1 pu:1");
    const unsigned far[4][4] = {{10, 20, 30, 15}, {20, 10, 20, 30}, {30, 20, 10, 20}, {15, 30, 20, 10}};
    for (std::size_t i = 0; i < 4; ++i) m.nodes[i].distances.assign(far[i], far[i] + 4);
    CHECK(order(plan_workers(m)) == "3 1 2, 2 0 3, 3 1 0, 0 2 1");
}

TEST_CASE("plan: who is on another node comes behind one's own also if they share a cache") {
    CHECK(order("package:1 l3:1 numa:2 core:2 pu:1") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
    CHECK(order("l2:1 numa:2 core:2 pu:1") == "1 2 3, 0 2 3, 3 0 1, 2 0 1");
    // Of others the nearer node first, and of those as near who shares a cache.
    const std::string quarters = "l3:2 numa:2 core:2 pu:1";
    CHECK(order(quarters) == "1 2 3 4 5 6 7, 0 2 3 4 5 6 7, 3 0 1 4 5 6 7, 2 0 1 4 5 6 7, "
                             "5 6 7 0 1 2 3, 4 6 7 0 1 2 3, 7 4 5 0 1 2 3, 6 4 5 0 1 2 3");
    machine m = described_machine(quarters);
    const unsigned far[4][4] = {{10, 30, 20, 20}, {30, 10, 20, 20}, {20, 20, 10, 20}, {20, 20, 20, 10}};
    for (std::size_t i = 0; i < 4; ++i) m.nodes[i].distances.assign(far[i], far[i] + 4);
    CHECK(order(plan_workers(m, {.workers_per_node = 1})) == "2 3 1, 2 3 0, 3 0 1, 2 0 1");
}

TEST_CASE("plan: every worker knows all others, and whoever is on its node before who is not") {
    std::vector<std::pair<std::string, machine>> machines;
    for (const char* text : {"pu:1", "core:3 pu:1", "core:4 pu:2", "numa:2 core:2 pu:2",
             "package:2 [numa] l3:2 core:2 pu:2", "numa:4 core:4 pu:1", "package:2 numa:2 l3:1 core:2 pu:2",
             "numa:8 core:2 pu:1", "package:4 [numa] [numa] core:2 pu:1", "group:2 numa:2 core:1 pu:4",
             "numa:3 core:5 pu:1", "package:1 numa:1 l3:8 core:8 pu:2", "package:1 l3:1 numa:2 core:2 pu:1",
             "l2:1 numa:2 core:2 pu:1", "package:2 l3:2 numa:2 core:2 pu:2", "l3:1 numa:4 l2:2 core:2 pu:1"})
        machines.emplace_back(text, described_machine(text));
    machine restricted = described_machine("l3:2 numa:2 core:3 pu:2");
    std::erase_if(restricted.cpus, [](const cpu& c) { return c.os_index % 5 == 1 || c.os_index / 6 == 2; });
    machines.emplace_back("restricted", restricted);
    machine uneven = described_machine("l3:1 numa:2 core:4 pu:1");
    for (cpu& c : uneven.cpus) c.node = c.os_index < 3 ? 0 : 1;
    machines.emplace_back("uneven", uneven);
    // Fast and slow cores in turn, pairs of which share an L2, over two nodes.
    machine mixed = described_machine("l3:1 l2:4 core:2 pu:1");
    mixed.nodes = described_machine("numa:2 core:1 pu:1").nodes;
    for (cpu& c : mixed.cpus) c.kind = c.os_index % 2, c.node = c.os_index / 3 % 2;
    machines.emplace_back("hybrid", mixed);
    for (const auto& [text, m] : machines) {
        INFO(text);
        const worker_plan plan = plan_workers(m);
        REQUIRE(plan.workers.size() == m.cpus.size());
        for (std::size_t i = 0; i < plan.workers.size(); ++i) {
            const planned_worker& w = plan.workers[i];
            CHECK(w.bound_to.empty()); // nobody is, of a machine that is only described
            const std::set<std::uint32_t> others(w.nearest.begin(), w.nearest.end());
            CHECK(others.size() == plan.workers.size() - 1);
            CHECK(others.count(static_cast<std::uint32_t>(i)) == 0);
            bool left = false;
            std::size_t near = 0;
            for (const auto other : w.nearest) {
                const bool here = plan.workers[other].where.node == w.where.node;
                CHECK_FALSE((left && here));
                left = left || !here;
                near += here ? 1u : 0u;
            }
            CHECK(w.near == near);
        }
    }
}

TEST_CASE("plan: workers are pinned where there is one for each CPU that they may have") {
    const machine m = there("numa:2 core:2 pu:2");
    CHECK(bound(plan_workers(m)) == "0 1 2 3 4 5 6 7");
    CHECK(bound(plan_workers(m, {.cpus = {1, 6}})) == "1 6");
    CHECK(bound(plan_workers(m, {.spare_smt = true})) == "0 2 4 6");
    CHECK(bound(plan_workers(m, {.cores_left_free = 1})) == "0 1 2 3 4 5");
    CHECK(bound(plan_workers(m, {.pinning = pinning::never})) == "- - - - - - - -");
}

TEST_CASE("plan: else they stay on their node, and on the CPUs that were wished") {
    const machine m = there("numa:2 core:2 pu:2");
    CHECK(bound(plan_workers(m, {.workers = 2})) == "0-3 0-3");
    CHECK(bound(plan_workers(m, {.workers = 9})) == "0-3 0-3 0-3 0-3 4-7 4-7 4-7 4-7 0-3");
    CHECK(bound(plan_workers(m, {.workers_per_node = 1})) == "0-3 4-7");
    CHECK(bound(plan_workers(m, {.workers = 1, .cpus = {2, 3, 4}})) == "2-3");
    CHECK(bound(plan_workers(m, {.workers = 2, .spare_smt = true})) == "0,2 0,2");
    CHECK(bound(plan_workers(m, {.workers = 2, .pinning = pinning::always})) == "0 2");
    CHECK(bound(plan_workers(m, {.workers = 2, .pinning = pinning::never})) == "- -");
    machine small = m;
    small.quota = 2.5;
    CHECK(bound(plan_workers(small)) == "0-3 0-3 4-7"); // a core each
    // On one node all CPUs are as good.
    CHECK(bound(plan_workers(there("core:4 pu:1"), {.workers = 2})) == "- -");
    CHECK(bound(plan_workers(there("core:4 pu:1"), {.workers = 2, .cores_left_free = 1})) == "0-2 0-2");
}

TEST_CASE("plan: runtimes of one program share out the CPUs") {
    const machine m = there("core:4 pu:1");
    CHECK(cpus(plan_workers(m, {.workers = 2, .taken = {0, 1}})) == "2 3");
    CHECK(cpus(plan_workers(m, {.workers = 2, .taken = {1, 2, 3}})) == "0 1");
    CHECK(bound(plan_workers(m, {.workers = 2, .pinning = pinning::always, .taken = {0, 2}})) == "1 3");
    // Not bound one by one, and yet not to what the other has, while there are enough.
    CHECK(bound(plan_workers(m, {.workers = 2, .taken = {0, 1}})) == "2-3 2-3");
    CHECK(bound(plan_workers(m, {.workers = 1, .taken = {2}})) == "0-1,3");
    CHECK(bound(plan_workers(m, {.workers = 2, .taken = {1, 2, 3}})) == "- -");
    CHECK(bound(plan_workers(m, {.taken = {0}})) == "- - - -");
    CHECK(bound(plan_workers(m, {.cpus = {0, 1}, .taken = {0}})) == "0-1 0-1");
    CHECK(bound(plan_workers(m, {.cpus = {2, 3}, .taken = {0, 1}})) == "2 3");
}

TEST_CASE("plan: wishes that cannot be fulfilled say what there is") {
    const machine m = described_machine("numa:2 core:2 pu:1");
    const auto refuses = [&m](const worker_wishes& wishes, const std::string& wish, const std::string& why) {
        INFO(why);
        try {
            (void)plan_workers(m, wishes);
            FAIL("it is not refused");
        } catch (const bad_wish& e) {
            CHECK(e.wish() == wish);
            CHECK(e.what() == why);
        }
    };
    refuses({.workers = 5, .pinning = pinning::always}, "pinning",
        "5 workers, each on a CPU of its own: they may have 4 CPUs");
    refuses({.workers = 2, .pinning = pinning::always, .taken = {0, 1, 2}}, "pinning",
        "2 workers, each on a CPU of its own: of the CPUs 0-3 other runtimes of this program have 0-2");
    refuses({.workers_per_node = 1, .pinning = pinning::always, .taken = {2, 3}}, "pinning",
        "2 workers, each on a CPU of its own: of the CPUs 0-3 other runtimes of this program have 2-3");
    refuses({.workers = 1025}, "workers", "1025 workers: a runtime has at most 1024");
    refuses({.cpus = {1, 9}}, "cpus", "there is no CPU 9: this process may use the CPUs 0-3");
    refuses({.workers_per_node = 3}, "workers_per_node", "3 workers on each node: node 0 has 2 CPUs");
    refuses({.cores_left_free = 4}, "cores_left_free",
        "4 cores left free of the 4 that workers may have: none is left for a worker");
    refuses({.workers = 2, .workers_per_node = 1}, "workers_per_node",
        "a number of workers, and a number for each node: say one of them");
    // One of them is one.
    CHECK_THROWS_WITH(
        plan_workers(described_machine("pu:1"), {.cpus = {9}}), "there is no CPU 9: this process may use the CPU 0");
    CHECK_THROWS_WITH(plan_workers(m, {.workers = 1, .cpus = {2}, .pinning = pinning::always, .taken = {2}}),
        "1 worker, each on a CPU of its own: of the CPU 2 other runtimes of this program have 2");
}
