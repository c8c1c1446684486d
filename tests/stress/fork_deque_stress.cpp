// An owner and thieves at one deque: every item exactly once, thieves in order, while it grows and runs empty.
#include <bastion/base/random.hpp>
#include <bastion/executor/fork_deque.hpp>

#include "support/catch.hpp"
#include "support/stolen_item.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace bastion::detail;

namespace {

using item = test::stolen_item;

// Short bursts fight for the last item, long ones make it grow under the thieves' hands.
void run(std::uint64_t seed, std::uint32_t longest_burst) {
    constexpr std::size_t item_count = BASTION_TSAN ? 60'000 : 400'000;
    std::vector<item> items(item_count);
    fork_deque<item, 2> deque;
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    const auto take = [&](item* i) { i->take(wrong); };

    std::vector<std::thread> thieves;
    for (int t = 0; t < 2; ++t) {
        thieves.emplace_back([&] {
            std::int64_t last = -1; // Items are pushed in order of id and the oldest goes first.
            for (;;) {
                const bool last_round = done.load(std::memory_order_acquire);
                bool lost = false;
                if (item* i = deque.steal(&lost)) {
                    if (static_cast<std::int64_t>(i->id) <= last) wrong.fetch_add(1, std::memory_order_relaxed);
                    last = i->id;
                    take(i);
                } else if (!lost) {
                    if (last_round) break;
                    std::this_thread::yield();
                }
            }
        });
    }
    bastion::random_source random(seed);
    for (std::uint32_t next = 0; next < item_count;) {
        for (std::uint64_t burst = 1 + random.below(longest_burst); burst > 0 && next < item_count; --burst) {
            items[next].make(next);
            deque.push(&items[next++]);
        }
        for (std::uint64_t burst = random.below(longest_burst + 2); burst > 0; --burst) {
            if (item* i = deque.pop()) take(i);
        }
    }
    done.store(true, std::memory_order_release);
    while (item* i = deque.pop()) take(i);
    for (std::thread& t : thieves) t.join();
    REQUIRE(wrong.load() == 0);
    std::size_t once = 0;
    for (const item& i : items) once += i.taken == 1;
    REQUIRE(once == item_count);
    REQUIRE(deque.empty());
}

} // namespace

TEST_CASE("fork_deque stress: every item exactly once", "[stress]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        INFO("seed " << seed);
        run(seed, 1);
        run(seed, 3);
        run(seed, 2'000);
    }
}

// The owner takes back the little it has pushed, over and over, while thieves are at it without a pause: a claim that
// is seen too late (by a store that is weaker than it has to be) lets both have the same item.
TEST_CASE("fork_deque stress: the last items go to one of those who want them", "[stress]") {
    constexpr std::size_t item_count = BASTION_TSAN ? 60'000 : 1'000'000;
    for (const std::size_t burst : {2u, 3u, 4u}) {
        INFO("burst " << burst);
        std::vector<std::atomic<unsigned char>> taken(item_count);
        fork_deque<std::atomic<unsigned char>> deque;
        std::atomic<bool> done{false};
        std::vector<std::thread> thieves;
        for (int t = 0; t < 2; ++t) {
            thieves.emplace_back([&] {
                while (!done.load(std::memory_order_relaxed)) {
                    if (auto* i = deque.steal()) i->fetch_add(1, std::memory_order_relaxed);
                }
            });
        }
        for (std::size_t next = 0; next < item_count;) {
            for (std::size_t n = 0; n < burst && next < item_count; ++n) deque.push(&taken[next++]);
            while (auto* i = deque.pop()) i->fetch_add(1, std::memory_order_relaxed);
        }
        done.store(true, std::memory_order_relaxed);
        for (std::thread& t : thieves) t.join();
        std::size_t once = 0;
        for (const auto& n : taken) once += n.load(std::memory_order_relaxed) == 1;
        REQUIRE(once == item_count);
    }
}
