// In which order the owner of a crowd has those that it takes out.
#include "support/catch.hpp"

#include <bastion/process/block_words.hpp>
#include <bastion/process/crowd.hpp>

#include <deque>
#include <vector>

namespace {

struct member;
using crowd = bastion::detail::basic_crowd<member>;

struct member {
    bastion::detail::list_hook<member> sibling;
    bastion::detail::basic_crowd_place<member> place;
    std::uint32_t index = 0;
    bastion::detail::basic_generation<> generation;
    int number = 0; // the test's own
};

struct scene {
    std::deque<member> all;
    crowd here;
    crowd::list children;

    explicit scene(std::size_t workers, std::uint32_t first_index = 0) : here(workers, first_index) { here.open(); }
    member& born(int worker, member* spawner, int number) {
        member& m = all.emplace_back();
        m.number = number;
        REQUIRE(here.join(m, static_cast<std::size_t>(worker), spawner));
        return m;
    }
    member& by_lane(int number) {
        member& m = all.emplace_back();
        m.number = number;
        m.index = here.index_by_lane();
        children.push_back(&m);
        return m;
    }
    [[nodiscard]] bool speaks_of(member& m) {
        return here.take_if(m, children, [] { return true; });
    }
    std::vector<int> in_order() {
        here.take_all(children);
        std::vector<int> numbers;
        for (const member* m = children.front(); m != nullptr; m = crowd::list::next(m)) numbers.push_back(m->number);
        return numbers;
    }
};

std::vector<int> up_to(int n) {
    std::vector<int> all;
    for (int i = 0; i < n; ++i) all.push_back(i);
    return all;
}

} // namespace

TEST_CASE("crowd: what a process spawns is in order wherever it runs, and comes behind it") {
    scene s(3);
    member& spawner = s.by_lane(0);
    int n = 1;
    for (int turn = 0; turn < 50; ++turn) {
        const int worker = turn * 7 % 3;
        for (int i = 0; i < turn % 5; ++i) (void)s.born(worker, &spawner, n++);
    }
    member& next = s.born(1, &spawner, n++);
    (void)s.born(1, &next, n++);
    (void)s.born(0, &next, n++);
    CHECK(s.in_order() == up_to(n));
}

TEST_CASE("crowd: what a process spawns below others does not change the order of its own") {
    scene s(2);
    scene elsewhere(2);
    member& spawner = s.by_lane(0);
    for (int i = 1; i < 100; ++i) {
        (void)s.born(i / 3 % 2, &spawner, i);
        (void)elsewhere.born(i % 2, &spawner, i - 1);
    }
    CHECK(s.in_order() == up_to(100));
    CHECK(elsewhere.in_order() == up_to(99));
}

TEST_CASE("crowd: those that were spoken of stay where they belong") {
    scene s(2);
    std::vector<member*> all;
    member* const first = &s.by_lane(0);
    for (int i = 1; i < 200; ++i) all.push_back(&s.born(i / 20 % 2, first, i));
    for (std::size_t i : {150u, 3u, 77u, 4u, 198u, 0u}) CHECK(s.speaks_of(*all[i]));
    CHECK(s.in_order() == up_to(200));
    (void)s.by_lane(200);
    CHECK(s.speaks_of(*all[5])); // it is among the children already
    for (int i = 201; i < 260; ++i) (void)s.born(1, first, i);
    CHECK(s.in_order() == up_to(260));
}

TEST_CASE("crowd: the order outlives the last number") {
    scene s(2, 0u - 40);
    member& first = s.by_lane(0);
    for (int i = 1; i < 200; ++i) (void)s.born(i / 10 % 2, &first, i);
    CHECK(first.index > 4'000'000'000u);
    CHECK(s.in_order() == up_to(200));
}

TEST_CASE("crowd: those of many workers are all there, each worker's in order") {
    constexpr int workers = 70;
    scene s(workers);
    std::deque<member> spawners(workers);
    for (int round = 0; round < 30; ++round)
        for (int w = 0; w < workers; ++w) (void)s.born(w, &spawners[static_cast<std::size_t>(w)], w);
    const std::vector<int> all = s.in_order();
    CHECK(all.size() == 30 * workers);
    for (const member* m = s.children.front(); crowd::list::next(m) != nullptr; m = crowd::list::next(m))
        REQUIRE(m->index < crowd::list::next(m)->index);
    CHECK(s.in_order() == all);
}
