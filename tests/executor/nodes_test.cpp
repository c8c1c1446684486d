// Workers on several NUMA nodes, as a described machine has them: whom they rob, whose queue they take from, what they claim.
#include "executor/driven.hpp"
#include "support/catch.hpp"

#include <bastion/executor/executor.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace driven;

namespace {

void sleep_well(worker& w) {
    for (int turns = 0; w.may_turn() && turns < 100; ++turns) w.take_turn();
    REQUIRE_FALSE(w.may_turn());
}

} // namespace

TEST_CASE("nodes: workers of one node share a queue") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    CHECK(e.nodes() == 2);
    CHECK(&e.worker_at(0).node() == &e.worker_at(1).node());
    CHECK(&e.worker_at(2).node() == &e.worker_at(3).node());
    CHECK(&e.worker_at(0).node() != &e.worker_at(2).node());
    CHECK(e.worker_at(3).node().number == 1);
    CHECK(e.worker_at(2).node().nearest == std::vector<std::uint32_t>{2, 3, 0, 1});
}

TEST_CASE("nodes: a thief robs its own node first") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    int near = 0;
    int far = 0;
    for (int i = 0; i < 4; ++i) {
        e.worker_at(1).push_last(*jobs.emplace_back(std::make_unique<job>([&near](worker&) { ++near; })));
        e.worker_at(2).push_last(*jobs.emplace_back(std::make_unique<job>([&far](worker&) { ++far; })));
    }
    // The last one of a worker that moves is its own next step: a thief leaves it alone, and looks farther.
    int turns = 0;
    for (; near < 3 && turns < 20; ++turns) {
        e.worker_at(0).take_turn();
        CHECK(far == 0);
    }
    CHECK(near == 3);
    CHECK(e.counters().far_steals == 0);
    CHECK(e.counters().steals >= 2);
    for (; far < 3 && turns < 40; ++turns) e.worker_at(0).take_turn();
    CHECK(far == 3);
    CHECK(near == 3);
    CHECK(e.counters().far_steals >= 2);
    e.worker_at(1).take_turn();
    e.worker_at(2).take_turn();
    CHECK(near == 4);
    CHECK(far == 4);
}

TEST_CASE("nodes: what overflows stays in the queue of its node until the other has nothing") {
    first_choices chooser;
    executor e(on("numa:2 core:1 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    std::vector<std::size_t> ran_on;
    for (int i = 0; i < 1000; ++i)
        e.worker_at(1).push_last(
            *jobs.emplace_back(std::make_unique<job>([&ran_on](worker& w) { ran_on.push_back(w.index()); })));
    CHECK(e.worker_at(1).node().work.size() >= 700);
    CHECK(e.worker_at(0).node().work.empty());
    // Worker 0 alone: everything can be reached from the other node.
    for (int turns = 0; ran_on.size() < jobs.size() - 1 && turns < 10'000; ++turns) e.worker_at(0).take_turn();
    CHECK(ran_on == std::vector<std::size_t>(jobs.size() - 1, 0));
    e.worker_at(1).take_turn(); // the last one was left to it
    CHECK(ran_on.size() == jobs.size());
    CHECK(e.counters().far_steals >= 700);
    CHECK(e.counters().far_steals == e.counters().steals);
}

// A worker looks at the clock between its last look around and its announcement that it sleeps.
TEST_CASE("nodes: a worker that goes to sleep looks into the queues of all nodes once more") {
    struct clock_with_a_surprise final : bastion::clock {
        std::int64_t now_ns() noexcept override {
            if (surprise) std::exchange(surprise, {})();
            return 0;
        }
        bool runs() const noexcept override { return false; }
        std::function<void()> surprise;
    };
    const auto clock = std::make_shared<clock_with_a_surprise>();
    first_choices chooser;
    auto options = on("numa:2 core:1 pu:1", &chooser);
    options.time = clock;
    executor e(std::move(options));
    int ran = 0;
    for (const std::size_t node : {0u, 1u}) {
        job late([&ran](worker&) { ++ran; });
        clock->surprise = [&] { e.worker_at(node).node().work.push_back(&late); };
        e.worker_at(0).take_turn();
        CHECK_FALSE(clock->surprise);
        CHECK(ran == static_cast<int>(node));
        CHECK(e.worker_at(0).may_turn());
        e.worker_at(0).take_turn();
        CHECK(ran == static_cast<int>(node) + 1);
    }
    // What is bound there is the other's.
    for (const std::size_t node : {0u, 1u}) {
        job late([&ran](worker&) { ++ran; });
        late.node = static_cast<std::uint16_t>(node + 1);
        late.bound = true;
        clock->surprise = [&] { e.worker_at(node).node().bound.push_back(&late); };
        e.worker_at(0).take_turn();
        CHECK_FALSE(clock->surprise);
        CHECK(e.worker_at(0).may_turn() == (node == 0));
        e.worker_at(node).take_turn();
        CHECK(ran == static_cast<int>(node) + 3);
    }
    sleep_well(e.worker_at(0));
}

TEST_CASE("nodes: work of a worker that stands still is done by another node") {
    executor e(on("numa:2 core:1 pu:1"));
    constexpr int count = 2000;
    std::atomic<int> done{0};
    std::vector<std::unique_ptr<job>> jobs;
    for (int i = 0; i < count; ++i) jobs.push_back(std::make_unique<job>([&done](worker&) { ++done; }));
    std::atomic<bool> over{false};
    job spill([&](worker& w) {
        for (auto& j : jobs) w.push_last(*j);
        while (done != count) std::this_thread::yield();
        over = true;
    });
    e.schedule(spill);
    while (!over) std::this_thread::yield();
    CHECK(e.counters().far_steals >= 1);
    e.stop();
}

TEST_CASE("nodes: what comes from outside is dealt out to the nodes") {
    first_choices chooser;
    executor e(on("numa:2 core:1 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    for (int i = 0; i < 10; ++i) e.schedule(*jobs.emplace_back(std::make_unique<job>([](worker&) {})));
    CHECK(e.worker_at(0).node().work.size() == 5);
    CHECK(e.worker_at(1).node().work.size() == 5);
    while (!e.worker_at(0).node().work.empty()) e.worker_at(0).take_turn();
    while (!e.worker_at(1).node().work.empty()) e.worker_at(1).take_turn();
    CHECK(e.counters().steals == 0);
}

namespace {

// A job at home on one of the nodes, numbered from 1.
std::unique_ptr<job> job_at(std::uint16_t node, bool bound, std::function<void(worker&)> work) {
    auto made = std::make_unique<job>(std::move(work));
    made->node = node;
    made->bound = bound;
    return made;
}

} // namespace

TEST_CASE("nodes: what is at home on a node is queued and woken there") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    for (std::size_t i = 0; i < 4; ++i) sleep_well(e.worker_at(i));
    const bool bound = GENERATE(false, true);
    const int by = GENERATE(0, 1, 2); // next, last, from outside
    CAPTURE(bound, by);
    std::vector<std::size_t> ran_on;
    const auto at_1 = job_at(2, bound, [&ran_on](worker& w) { ran_on.push_back(w.index()); });
    if (by == 0) e.worker_at(0).push_next(*at_1);
    else if (by == 1) e.worker_at(0).push_last(*at_1);
    else e.schedule(*at_1);
    CHECK((bound ? e.worker_at(2).node().bound : e.worker_at(2).node().work).size() == 1);
    CHECK_FALSE(e.worker_at(0).may_turn());
    CHECK_FALSE(e.worker_at(1).may_turn());
    CHECK(e.worker_at(2).may_turn()); // the first that sleeps there
    e.worker_at(2).take_turn();
    CHECK(ran_on == std::vector<std::size_t>{2});
    e.worker_at(2).push_next(*at_1); // at home it goes the way of all
    CHECK(e.worker_at(2).node().empty_for_sure());
    e.worker_at(2).take_turn();
    CHECK(ran_on == std::vector<std::size_t>{2, 2});
}

TEST_CASE("nodes: what is bound is never taken by another node") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    std::vector<std::size_t> ran_on;
    const auto work = [&ran_on](worker& w) { ran_on.push_back(w.index()); };
    constexpr std::size_t count = 1000; // more than a ring holds
    for (std::size_t i = 0; i < count; ++i) e.worker_at(2).push_last(*jobs.emplace_back(job_at(2, true, work)));
    e.worker_at(2).push_next(*jobs.emplace_back(job_at(2, true, work)));
    CHECK_FALSE(e.worker_at(2).node().bound.empty());
    sleep_well(e.worker_at(0));
    sleep_well(e.worker_at(1));
    CHECK(ran_on.empty());
    CHECK(e.counters().steals == 0);
    // The neighbour helps.
    for (int turns = 0; ran_on.size() < count - 10 && turns < 10'000; ++turns) e.worker_at(3).take_turn();
    CHECK(e.counters().steals >= 1);
    CHECK(e.counters().far_steals == 0);
    for (int turns = 0; ran_on.size() <= count && turns < 10'000; ++turns)
        e.worker_at(2 + static_cast<std::size_t>(turns % 2)).take_turn();
    CHECK(ran_on.size() == count + 1);
    CHECK(std::count(ran_on.begin(), ran_on.end(), 2u) + std::count(ran_on.begin(), ran_on.end(), 3u) ==
          static_cast<std::ptrdiff_t>(count + 1));
}

TEST_CASE("nodes: what is bound in the slot of a worker that stands still goes home") {
    struct last_items final : first_choices { // a thief takes those, too
        std::size_t choose(decision what, std::size_t) noexcept override { return what == decision::last_item ? 1 : 0; }
    } chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    std::vector<std::size_t> ran_on;
    const auto bound = job_at(2, true, [&ran_on](worker& w) { ran_on.push_back(w.index()); });
    e.worker_at(2).push_next(*bound);
    for (int i = 0; i < 3; ++i) e.worker_at(0).take_turn();
    CHECK(ran_on.empty());
    CHECK(e.worker_at(2).node().bound.size() == 1);
    e.worker_at(3).take_turn();
    CHECK(ran_on == std::vector<std::size_t>{3});
}

TEST_CASE("nodes: of what is bound and of what is not now the one and now the other comes first") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    std::string order;
    for (int i = 0; i < 6; ++i) {
        e.worker_at(2).push_last(*jobs.emplace_back(job_at(2, true, [&order](worker&) { order += 'b'; })));
        e.worker_at(2).push_last(*jobs.emplace_back(job_at(0, false, [&order](worker&) { order += 'a'; })));
    }
    for (int i = 0; i < 12; ++i) e.worker_at(2).take_turn();
    CHECK(order == "babababababa");
    order.clear();
    for (int i = 0; i < 6; ++i) {
        e.worker_at(2).node().bound.push_back(jobs[static_cast<std::size_t>(2 * i)].get());
        e.worker_at(2).node().work.push_back(jobs[static_cast<std::size_t>(2 * i + 1)].get());
    }
    for (int i = 0; i < 12; ++i) e.worker_at(2).take_turn();
    CHECK(order == "babababababa");
}

TEST_CASE("nodes: a thief from afar leaves work to a worker there that sleeps") {
    first_choices chooser;
    executor e(on("numa:2 core:2 pu:1", &chooser));
    std::vector<std::unique_ptr<job>> jobs;
    std::vector<std::size_t> ran_on;
    const auto work = [&ran_on](worker& w) { ran_on.push_back(w.index()); };
    sleep_well(e.worker_at(3));
    for (int i = 0; i < 10; ++i) e.worker_at(2).push_last(*jobs.emplace_back(job_at(2, false, work)));
    e.worker_at(0).take_turn();
    CHECK(ran_on.empty());
    CHECK(e.worker_at(3).may_turn());
    e.worker_at(0).take_turn(); // nobody sleeps there any more: the node has more than it can do
    CHECK(ran_on == std::vector<std::size_t>{0});
    CHECK(e.counters().far_steals == 1);
    // What was taken along goes home when it is woken here.
    e.worker_at(0).push_next(*jobs[0]);
    CHECK(e.worker_at(2).node().work.size() == 1);
    sleep_well(e.worker_at(0));
    for (const std::size_t last : {3u, 2u}) sleep_well(e.worker_at(last));
    CHECK(ran_on.size() == 11);
}

TEST_CASE("plans of one program share out the CPUs of its machine") {
    machine m = described_machine("core:4 pu:1");
    m.synthetic = false; // it is taken for one that is there, and nobody else has its CPUs
    for (cpu& c : m.cpus) c.os_index += 5000;
    const auto cpus = [](const claimed_plan& plan) {
        std::vector<int> all;
        for (const planned_worker& w : plan.workers()) all.push_back(w.where.os_index - 5000);
        return all;
    };
    const auto pinned = [](const claimed_plan& plan) { return plan.workers().front().pinned(); };
    {
        claimed_plan first(m, {.workers = 1});
        CHECK(cpus(first) == std::vector{0});
        const claimed_plan second(m, {.workers = 2, .pinning = pinning::always});
        CHECK(cpus(second) == std::vector{1, 2});
        CHECK(pinned(second));
        const claimed_plan all(m, {});
        CHECK(cpus(all) == std::vector{0, 1, 2, 3});
        CHECK_FALSE(pinned(all));
        CHECK_THROWS_AS(claimed_plan(m, {.workers = 1, .pinning = pinning::always}), bad_wish);
        const claimed_plan moved(std::move(first));
        CHECK(cpus(moved) == std::vector{0});
    }
    CHECK(pinned(claimed_plan(m, {})));
    CHECK(pinned(claimed_plan(m, {}))); // the one before has left
}
