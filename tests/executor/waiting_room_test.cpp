// Processes that have not begun and find no room in a worker's ring.
#include "executor/driven.hpp"
#include "support/catch.hpp"

#include <bastion/executor/waiting_room.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <vector>

using namespace driven;

namespace {

struct item {
    item* next = nullptr;
    int number = 0;
};
using room = waiting_room<item>;

std::vector<int> numbers_in(const room::chain& some) {
    std::vector<int> all;
    for (const item* one = some.first; one != nullptr; one = one->next) all.push_back(one->number);
    return all;
}

// Jobs that note their numbers when they run.
struct crew {
    std::vector<std::unique_ptr<job>> all;
    std::vector<int> ran;

    runnable& born(int number, bool has_begun = false) {
        job& one = *all.emplace_back(std::make_unique<job>([this, number](worker&) { ran.push_back(number); }));
        one.unbegun = !has_begun;
        return one;
    }
    [[nodiscard]] std::set<int> who() const { return {ran.begin(), ran.end()}; }
};

} // namespace

TEST_CASE("waiting room: the worker takes the last batch, others the first, and it grows") {
    room r;
    std::deque<item> all;
    for (int batch = 0; batch < 100; ++batch) {
        room::chain some;
        for (int i = 0; i < 3; ++i) {
            all.push_back({nullptr, 3 * batch + i});
            some.push_back(&all.back());
        }
        REQUIRE(r.put(some));
    }
    CHECK(r.size() == 300);
    CHECK(numbers_in(r.take_last()) == std::vector<int>{297, 298, 299});
    CHECK(numbers_in(r.take_first()) == std::vector<int>{0, 1, 2});
    CHECK(r.take_one()->number == 3);
    CHECK(numbers_in(r.take_first()) == std::vector<int>{4, 5});
    CHECK(r.size() == 291);
    int left = 0;
    while (item* const one = r.take_one()) {
        CHECK(one->number == 6 + left++);
        CHECK(one->next == nullptr);
    }
    CHECK(left == 291);
    CHECK(r.empty());
    CHECK(r.empty_for_sure());
    CHECK(r.take_last().size == 0);
    CHECK(r.take_first().first == nullptr);
}

TEST_CASE("waiting room: a worker goes on with what came last, and runs everything") {
    first_choices chooser;
    executor e(on("numa:1 core:1 pu:1", &chooser));
    crew c;
    for (int i = 0; i < 2000; ++i) e.worker_at(0).push_last(c.born(i));
    CHECK(e.worker_at(0).node().work.empty());
    CHECK(e.worker_at(0).queued() == 2000);
    for (int turns = 0; c.ran.size() < 2000 && turns < 4000; ++turns) e.worker_at(0).take_turn();
    REQUIRE(c.ran.size() == 2000);
    CHECK(c.who().size() == 2000);
    // Those in the ring first, then batch after batch; but the eldest, which is looked at now and then.
    CHECK(c.ran.front() >= 1700);
    CHECK(std::find(c.ran.begin(), c.ran.end(), 0) - c.ran.begin() < 1100);
    CHECK(std::find(c.ran.begin(), c.ran.end(), 100) - c.ran.begin() > 1700);
    CHECK(e.worker_at(0).queued() == 0);
}

TEST_CASE("waiting room: who has begun waits in the queue of the node, and comes in turn with who has not") {
    first_choices chooser;
    executor e(on("numa:1 core:1 pu:1", &chooser));
    crew c;
    for (int i = 0; i < 1000; ++i) e.worker_at(0).push_last(c.born(i, i % 2 == 0));
    const std::size_t begun = e.worker_at(0).node().work.size();
    CHECK(begun >= 370);
    CHECK(e.worker_at(0).queued() >= 500);
    for (int turns = 0; c.ran.size() < 1000 && turns < 4000; ++turns) e.worker_at(0).take_turn();
    CHECK(c.who().size() == 1000);
    // The first of those that have begun does not wait for all that have not.
    CHECK(std::find(c.ran.begin(), c.ran.end(), 0) - c.ran.begin() < 400);
}

TEST_CASE("waiting room: who is always there again keeps nobody out, begun or not, bound or not") {
    struct mix {
        const char* name;
        bool begun;
        bool bound;
    };
    const auto [name, begun, bound] =
        GENERATE(mix{"not begun", false, false}, mix{"begun", true, false}, mix{"bound", true, true});
    const int restless = GENERATE(1, 200, 1000);
    INFO(name << ", beside " << restless);
    constexpr int n = 3000;
    first_choices chooser;
    executor e(on("numa:2 core:1 pu:1", &chooser)); // with one node nothing is bound
    worker& w = e.worker_at(0);
    crew c;
    std::vector<std::unique_ptr<job>> busy;
    std::vector<int> turns_of(static_cast<std::size_t>(restless), 0);
    for (int i = 0; i < restless; ++i) {
        job& one = *busy.emplace_back(std::make_unique<job>([](worker&) {}));
        one.work = [&one, &its = turns_of[static_cast<std::size_t>(i)]](worker& here) {
            ++its;
            here.push_last(one);
        };
        one.bound = bound;
        one.node = bound ? 1 : 0;
        w.push_last(one);
    }
    for (int i = 0; i < n; ++i) {
        runnable& one = c.born(i, begun);
        one.bound = bound;
        one.node = bound ? 1 : 0;
        w.push_last(one);
    }
    int turns = 0;
    for (; c.ran.size() < n && turns < 500'000; ++turns) w.take_turn();
    CHECK(c.who().size() == n);
    CHECK(turns < 4 * (n + restless));
    // Nor do they keep out one another.
    for (int more = 0; more < 20 * restless + 1000; ++more) w.take_turn();
    CHECK(*std::min_element(turns_of.begin(), turns_of.end()) > 1);
}

TEST_CASE("waiting room: the eldest begins, though ever more are born") {
    first_choices chooser;
    executor e(on("numa:1 core:1 pu:1", &chooser));
    worker& w = e.worker_at(0);
    crew c;
    for (int i = 0; i < 300; ++i) w.push_last(c.born(i));
    std::deque<job> born;
    std::function<void(worker&)> bears = [&](worker& here) {
        for (int i = 0; i < 2; ++i) {
            born.emplace_back(bears).unbegun = true;
            here.push_last(born.back());
        }
    };
    w.push_last(born.emplace_back(bears));
    for (int turns = 0; c.ran.size() < 300 && turns < 1024 * 310; ++turns) w.take_turn();
    CHECK(c.who().size() == 300);
}

TEST_CASE("waiting room: a thief takes the eldest batch, also from another node") {
    for (const char* machine : {"numa:1 core:2 pu:1", "numa:2 core:1 pu:1"}) {
        first_choices chooser;
        executor e(on(machine, &chooser));
        crew c;
        for (int i = 0; i < 1000; ++i) e.worker_at(1).push_last(c.born(i));
        CHECK(e.worker_at(0).may_turn());
        e.worker_at(0).take_turn();
        CHECK(c.ran == std::vector<int>{0});
        for (int turns = 0; c.ran.size() < 100 && turns < 200; ++turns) e.worker_at(0).take_turn();
        CHECK(*std::max_element(c.ran.begin(), c.ran.end()) < 130);
        for (int turns = 0; c.ran.size() < 999 && turns < 10'000; ++turns) e.worker_at(0).take_turn();
        e.worker_at(1).take_turn(); // the last one was left to it
        CHECK(c.who().size() == 1000);
    }
}

TEST_CASE(
    "waiting room: a worker that goes to sleep looks into those of the others, and one that leaves empties its own") {
    first_choices chooser;
    executor e(on("numa:1 core:2 pu:1", &chooser));
    crew c;
    while (e.worker_at(0).may_turn()) e.worker_at(0).take_turn();
    for (int i = 0; i < 257; ++i) e.worker_at(1).push_last(c.born(i));
    CHECK(e.worker_at(0).may_turn());
}
