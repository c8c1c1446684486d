// The queues of a worker where loads return what is stored later, which the orders of the ring and of the forked jobs are
// there to forbid: a thief's read of a slot that takes effect after its theft, and thieves whose view of top is ahead of
// their view of bottom. And what a stranger is told about their sizes.
#include "model/checked.hpp"

#include <bastion/executor/fork_deque.hpp>
#include <bastion/executor/ring.hpp>

#include <array>

namespace {

struct item {
    model::plain<int> taken = 0;
};

void take(item* i) {
    if (i != nullptr) i->taken = i->taken + 1;
}
template <std::size_t N>
void all_taken_once(std::array<item, N>& items) {
    for (item& i : items) model::require(i.taken == 1, "every item comes out once");
}

template <std::size_t Capacity>
using ring = bastion::detail::fifo_ring<item, Capacity, model::atomics>;
using deque = bastion::detail::fork_deque<item, 2, model::atomics>;

template <class Queue, std::size_t N>
void push_all(Queue& q, std::array<item, N>& items, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) model::require(q.push(&items[i]), "there is room");
}

// A full ring: the owner pushes where a thief may have taken the oldest.
void slot_used_again(model::run& r) {
    auto& own = r.make<ring<2>>();
    auto& thiefs = r.make<ring<2>>();
    auto& items = r.make<std::array<item, 3>>();
    push_all(own, items, 0, 2);
    r.thread([&] {
        if (!own.push(&items[2])) take(&items[2]);
    });
    r.thread([&] {
        item* first = nullptr;
        if (own.steal_half(thiefs, first) != 0) take(first);
    });
    r.at_end([&] {
        while (item* i = own.pop()) take(i);
        all_taken_once(items);
    });
}

// Two full rings: the owner of the second steals from the first into slots that a third worker has just stolen from.
void slot_of_a_thief_used_again(model::run& r) {
    auto& rings = r.make<std::array<ring<4>, 3>>();
    auto& items = r.make<std::array<item, 8>>();
    push_all(rings[0], items, 0, 4);
    push_all(rings[1], items, 4, 8);
    for (std::size_t thief : {1u, 2u})
        r.thread([&, thief] {
            item* first = nullptr;
            if (rings[thief - 1].steal_half(rings[thief], first) != 0) take(first);
        });
    r.at_end([&] {
        for (auto& q : rings)
            while (item* i = q.pop()) take(i);
        all_taken_once(items);
    });
}

// What a thief has moved into its own ring is stolen by the next.
void stolen_twice(model::run& r) {
    auto& rings = r.make<std::array<ring<4>, 3>>();
    auto& items = r.make<std::array<item, 4>>();
    push_all(rings[0], items, 0, 4);
    for (std::size_t thief : {1u, 2u})
        r.thread([&, thief] {
            item* first = nullptr;
            if (rings[thief - 1].steal_half(rings[thief], first, true) != 0) take(first);
        });
    r.at_end([&] {
        for (auto& q : rings)
            while (item* i = q.pop()) take(i);
        all_taken_once(items);
    });
}

// Never empty: a stranger is never told so. (It may be told of more than there ever were: head may be older than tail.)
void size_of_a_ring(model::run& r, bool has_thieves) {
    auto& own = r.make<ring<4>>();
    auto& items = r.make<std::array<item, 4>>();
    push_all(own, items, 0, 1);
    r.thread([&, has_thieves] {
        push_all(own, items, 1, 2);
        take(own.pop(has_thieves));
        push_all(own, items, 2, 4);
        if (!has_thieves) return take(own.pop(has_thieves));
        std::array<item*, 2> half{};
        const std::size_t n = own.pop_half(half.data());
        for (std::size_t i = 0; i < n; ++i) take(half[i]);
    });
    r.thread([&] { model::require(!own.empty(), "never empty"); });
}

void size_of_a_ring_that_is_stolen_from(model::run& r) {
    auto& own = r.make<ring<4>>();
    auto& thiefs = r.make<ring<4>>();
    auto& items = r.make<std::array<item, 2>>();
    push_all(own, items, 0, 1);
    r.thread([&] { push_all(own, items, 1, 2); });
    r.thread([&] {
        item* first = nullptr;
        if (own.steal_half(thiefs, first) != 0) take(first); // not the last one
    });
    r.thread([&] { model::require(own.size() != 0, "never empty"); });
}

template <std::size_t N>
void deque_ends(deque& jobs, std::array<item, N>& items) {
    while (item* i = jobs.pop()) take(i);
    all_taken_once(items);
}

// A full buffer: the owner pushes where a thief may have taken the oldest.
void slot_of_the_deque_used_again(model::run& r) {
    auto& jobs = r.make<deque>();
    auto& items = r.make<std::array<item, 3>>();
    jobs.push(&items[0]);
    jobs.push(&items[1]);
    r.thread([&] { jobs.push(&items[2]); });
    r.thread([&] { take(jobs.steal()); });
    r.at_end([&] { deque_ends(jobs, items); });
}

// The owner takes the newest without a CAS while one thief takes the oldest; another sees the new top, and must see the
// claim.
void newest_and_oldest(model::run& r) {
    auto& jobs = r.make<deque>();
    auto& items = r.make<std::array<item, 2>>();
    jobs.push(&items[0]);
    jobs.push(&items[1]);
    r.thread([&] { take(jobs.pop()); });
    for (int t = 0; t < 2; ++t) r.thread([&] { take(jobs.steal()); });
    r.at_end([&] { deque_ends(jobs, items); });
}

// The owner takes all, the last by a CAS: a thief who sees the top that this makes must see the claims before it.
void down_to_the_last(model::run& r) {
    auto& jobs = r.make<deque>();
    auto& items = r.make<std::array<item, 2>>();
    jobs.push(&items[0]);
    jobs.push(&items[1]);
    r.thread([&] {
        take(jobs.pop());
        take(jobs.pop());
    });
    r.thread([&] { take(jobs.steal()); });
    r.at_end([&] { deque_ends(jobs, items); });
}

// Never empty: a stranger is never told so.
void size_of_a_deque(model::run& r) {
    auto& jobs = r.make<deque>();
    auto& items = r.make<std::array<item, 2>>();
    jobs.push(&items[0]);
    r.thread([&] { jobs.push(&items[1]); });
    r.thread([&] {
        if (jobs.size() == 2) take(jobs.steal());
    });
    r.thread([&] { model::require(!jobs.empty(), "never empty"); });
}

constexpr model::limits late{.stale_reads = 2, .late_reads = true};

} // namespace

TEST_CASE("model: late reads: a slot of a ring is used again") { model::check(slot_used_again, late); }
TEST_CASE("model: late reads: a slot of the ring of a thief is used again") {
    model::check(slot_of_a_thief_used_again, late);
}
TEST_CASE("model: late reads: items stolen twice") { model::check(stolen_twice, late); }
TEST_CASE("model: late reads: a slot of forked jobs is used again") {
    model::check(slot_of_the_deque_used_again, late);
}
TEST_CASE("model: late reads: forked jobs taken from both ends") { model::check(newest_and_oldest, late); }
TEST_CASE("model: late reads: forked jobs down to the last") { model::check(down_to_the_last, late); }
TEST_CASE("model: the size of a ring") {
    model::check([](model::run& r) { size_of_a_ring(r, true); }, late);
}
TEST_CASE("model: the size of a ring without thieves") {
    model::check([](model::run& r) { size_of_a_ring(r, false); }, late);
}
TEST_CASE("model: the size of a ring that is stolen from") { model::check(size_of_a_ring_that_is_stolen_from, late); }
TEST_CASE("model: the size of forked jobs") { model::check(size_of_a_deque, late); }
