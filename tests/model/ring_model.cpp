// The queues of a worker in all interleavings: its ring against thieves, its forked jobs against thieves, the node's queue.
#include "model/checked.hpp"

#include <bastion/executor/fork_deque.hpp>
#include <bastion/executor/node_queue.hpp>
#include <bastion/executor/ring.hpp>

#include <array>

namespace {

struct item {
    model::plain<int> written = 0;
    model::plain<int> taken = 0;
    model::plain<item*> next = nullptr;
};

// Whoever gets an item sees what was written before it was pushed, and is the only one.
void take(item* i) {
    if (i == nullptr) return;
    model::require(i->written == 1, "written before the push");
    i->taken = i->taken + 1;
}
template <std::size_t N>
void all_taken_once(std::array<item, N>& items) {
    for (item& i : items) model::require(i.taken == 1, "every item comes out once");
}

using ring = bastion::detail::fifo_ring<item, 2, model::atomics>;

// The owner pushes three through a ring of two, takes half out where it is full, and pops; two thieves take half.
void ring_against_thieves(model::run& r) {
    auto& own = r.make<ring>();
    auto& rings = r.make<std::array<ring, 2>>();
    auto& items = r.make<std::array<item, 3>>();
    r.thread([&] {
        for (item& i : items) {
            i.written = 1;
            while (!own.push(&i)) {
                std::array<item*, ring::capacity / 2> half{};
                const std::size_t n = own.pop_half(half.data());
                for (std::size_t h = 0; h < n; ++h) take(half[h]);
            }
        }
        take(own.pop());
    });
    for (std::size_t t : {0u, 1u})
        r.thread([&, t] {
            item* first = nullptr;
            if (own.steal_half(rings[t], first, true) != 0) take(first);
            take(rings[t].pop());
        });
    r.at_end([&] {
        while (item* i = own.pop()) take(i);
        all_taken_once(items);
    });
}

// The same without taking half out where it is full: what an owner copies by a head that was never there has no end.
void ring_that_is_full(model::run& r) {
    auto& own = r.make<ring>();
    auto& rings = r.make<std::array<ring, 2>>();
    auto& items = r.make<std::array<item, 3>>();
    r.thread([&] {
        for (item& i : items) {
            i.written = 1;
            if (!own.push(&i)) take(&i);
        }
        take(own.pop());
    });
    for (std::size_t t : {0u, 1u})
        r.thread([&, t] {
            item* first = nullptr;
            if (own.steal_half(rings[t], first, true) != 0) take(first);
            take(rings[t].pop());
        });
    r.at_end([&] {
        while (item* i = own.pop()) take(i);
        all_taken_once(items);
    });
}

using deque = bastion::detail::fork_deque<item, 2, model::atomics>;

// The owner pushes three (the deque grows), pops two; two thieves steal one each.
void deque_against_thieves(model::run& r) {
    auto& jobs = r.make<deque>();
    auto& items = r.make<std::array<item, 3>>();
    r.thread([&] {
        for (item& i : items) {
            i.written = 1;
            jobs.push(&i);
        }
        take(jobs.pop());
        take(jobs.pop());
    });
    for (int t = 0; t < 2; ++t) r.thread([&] { take(jobs.steal()); });
    r.at_end([&] {
        while (item* i = jobs.pop()) take(i);
        all_taken_once(items);
    });
}

using shared_queue = bastion::detail::node_queue<item, model::atomics>;

// Two push one and two, one takes a batch; what is left comes out in the end.
void queue_of_the_node(model::run& r) {
    auto& q = r.make<shared_queue>();
    auto& items = r.make<std::array<item, 3>>();
    r.thread([&] {
        items[0].written = 1;
        q.push_back(&items[0]);
    });
    r.thread([&] {
        for (std::size_t i : {1u, 2u}) {
            items[i].written = 1;
            q.push_back(&items[i]);
        }
    });
    r.thread([&] {
        for (int n = 0; n < 2; ++n) take(q.pop_front());
    });
    r.at_end([&] {
        while (item* i = q.pop_front()) take(i);
        model::require(q.empty_for_sure(), "empty");
        all_taken_once(items);
    });
}

constexpr model::limits late{.stale_reads = 1, .late_reads = true};

} // namespace

TEST_CASE("model: a ring against two thieves") { model::check(ring_against_thieves, {.stale_reads = 2}, 3, -1); }
TEST_CASE("model: forked jobs against two thieves") { model::check(deque_against_thieves, {.stale_reads = 2}); }
TEST_CASE("model: the queue of a node") { model::check(queue_of_the_node); }
TEST_CASE("model: late reads: a ring against two thieves") { model::check(ring_that_is_full, late, 2); }
TEST_CASE("model: late reads: forked jobs against two thieves") { model::check(deque_against_thieves, late, 2); }
TEST_CASE("model: late reads: the queue of a node") { model::check(queue_of_the_node, late, 2); }
