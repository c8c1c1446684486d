// The node's queue: order, batches, and several threads at once.
#include <bastion/executor/node_queue.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

using namespace bastion::detail;

namespace {

struct item {
    item* next = nullptr;
    std::size_t id = 0;
    std::size_t value = 0; // Plain: the lock must hand it over.
};

} // namespace

TEST_CASE("node_queue: items, chains and batches keep their order", "[executor]") {
    std::vector<item> items(10);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].id = i;
    node_queue<item> queue;
    REQUIRE(queue.empty());
    REQUIRE(queue.empty_for_sure());
    REQUIRE(queue.pop_front() == nullptr);

    queue.push_back(&items[0]);
    for (std::size_t i = 1; i < 5; ++i) items[i].next = &items[i + 1];
    items[5].next = &items[9]; // Must not be followed.
    queue.push_chain(&items[1], &items[5], 5);
    queue.push_back(&items[6]);
    REQUIRE(queue.size() == 7);
    REQUIRE_FALSE(queue.empty_for_sure());

    REQUIRE(queue.pop_front() == &items[0]);
    REQUIRE(items[0].next == nullptr);
    node_queue<item>::chain batch;
    REQUIRE(queue.pop_batch(3, batch) == 3);
    REQUIRE(batch.size == 3);
    REQUIRE(batch.first == &items[1]);
    REQUIRE(batch.last == &items[3]);
    REQUIRE(batch.last->next == nullptr);
    REQUIRE(queue.pop_batch(0, batch) == 0);
    REQUIRE(queue.pop_batch(100, batch) == 3);
    REQUIRE(batch.last == &items[6]);
    REQUIRE(queue.pop_batch(100, batch) == 0);
    REQUIRE(batch.first == nullptr);
    REQUIRE(queue.empty_for_sure());
    items[7].next = &items[8];
    items[8].next = &items[9]; // Must not be followed either.
    queue.push_chain(&items[7], &items[8], 2);
    REQUIRE(queue.pop_batch(100, batch) == 2);
    REQUIRE(batch.last == &items[8]);
    REQUIRE(queue.empty());
}

TEST_CASE("node_queue: many threads, every item once, each pusher's in order", "[executor]") {
    constexpr std::size_t pushers = 2;
    constexpr std::size_t each = 10'000;
    std::vector<item> items(pushers * each);
    std::vector<unsigned char> taken(items.size()); // Each byte is written by the one thread that got the item.
    node_queue<item> queue;
    std::atomic<std::size_t> left{items.size()};
    std::atomic<bool> wrong{false};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p < pushers; ++p) {
        threads.emplace_back([&, p] {
            for (std::size_t i = 0; i < each; i += 2) {
                item* const a = &items[p * each + i];
                item* const b = a + 1;
                a->id = a->value = p * each + i;
                b->id = b->value = a->id + 1;
                if (i % 4 == 0) {
                    a->next = b;
                    queue.push_chain(a, b, 2);
                } else {
                    queue.push_back(a);
                    queue.push_back(b);
                }
            }
        });
    }
    for (int c = 0; c < 2; ++c) {
        threads.emplace_back([&, c] {
            std::vector<std::size_t> last(pushers, 0);
            const std::size_t max = c == 0 ? 1 : 7;
            while (left.load(std::memory_order_relaxed) != 0) {
                node_queue<item>::chain batch;
                if (queue.pop_batch(max, batch) == 0) std::this_thread::yield();
                for (item* i = batch.first; i != nullptr; i = i->next) {
                    const std::size_t p = i->id / each;
                    if (i->id != i->value || taken[i->id]++ != 0 || (last[p] != 0 && i->id <= last[p])) wrong = true;
                    last[p] = i->id;
                    left.fetch_sub(1, std::memory_order_relaxed);
                }
            }
        });
    }
    for (std::thread& t : threads) t.join();
    REQUIRE_FALSE(wrong.load());
    REQUIRE(queue.empty_for_sure());
    REQUIRE(queue.empty());
    for (const unsigned char n : taken) REQUIRE(n == 1);
}
