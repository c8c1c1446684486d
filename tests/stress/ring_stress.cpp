// Several threads at one ring: every item comes out exactly once, in order, with what was written into it before.
#include <bastion/base/random.hpp>
#include <bastion/executor/ring.hpp>

#include "support/catch.hpp"
#include "support/hesitant_atomics.hpp"
#include "support/stolen_item.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace bastion::detail;

namespace {

using item = test::stolen_item;

constexpr std::size_t thief_count = 2;

// One owner, thieves that also steal from each other.
template <std::size_t Capacity, class Atomics>
void run(std::uint64_t seed, std::size_t item_count) {
    using ring_type = fifo_ring<item, Capacity, Atomics>;
    std::vector<item> items(item_count);
    std::array<ring_type, 1 + thief_count> rings;
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};

    const auto take = [&](item* i) { i->take(wrong); };

    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        bastion::random_source random(seed);
        std::array<item*, Capacity / 2> out{};
        std::int64_t last = -1;
        const auto take_in_order = [&](item* i) { // What the owner gets itself comes in its order.
            if (static_cast<std::int64_t>(i->id) <= last) wrong.fetch_add(1, std::memory_order_relaxed);
            last = i->id;
            take(i);
        };
        for (std::uint32_t next = 0; next < item_count || !rings[0].empty();) {
            for (std::uint64_t burst = random.below(6); burst > 0 && next < item_count; --burst) {
                items[next].make(next);
                if (!rings[0].push(&items[next])) {
                    const std::size_t n = rings[0].pop_half(out.data());
                    for (std::size_t i = 0; i < n; ++i) take_in_order(out[i]);
                    break;
                }
                ++next;
            }
            for (std::uint64_t burst = random.below(4); burst > 0; --burst) {
                if (item* i = rings[0].pop()) take_in_order(i);
            }
        }
        done.store(true, std::memory_order_release);
    });
    for (std::size_t self = 1; self <= thief_count; ++self) {
        threads.emplace_back([&, self] {
            bastion::random_source random(seed * 31 + self);
            const auto over = [&] { // What another thief has in hand it brings to an end itself.
                if (!done.load(std::memory_order_acquire)) return false;
                return std::all_of(rings.begin(), rings.end(), [](const ring_type& r) { return r.empty(); });
            };
            while (!over()) {
                const std::size_t victim = (self + 1 + random.below(thief_count)) % (1 + thief_count);
                // What thieves have passed around is in no order; what comes from the owner is.
                const bool in_order = victim == 0 && rings[self].empty();
                item* first = nullptr;
                const std::size_t n = rings[victim].steal_half(rings[self], first, random.below(4) == 0);
                if (n == 0) std::this_thread::yield();
                if (n > 0) {
                    std::int64_t last = first->id;
                    take(first);
                    // Some stay for the other thief, which may take them from the front at any time.
                    for (std::size_t k = 1; k < n && random.below(8) != 0; ++k) {
                        item* const i = rings[self].pop();
                        if (i == nullptr) break;
                        if (in_order && static_cast<std::int64_t>(i->id) <= last) {
                            wrong.fetch_add(1, std::memory_order_relaxed);
                        }
                        last = i->id;
                        take(i);
                    }
                }
                if (random.below(2) == 0) {
                    if (item* i = rings[self].pop()) take(i);
                }
            }
        });
    }
    for (std::thread& t : threads) t.join();
    REQUIRE(wrong.load() == 0);
    std::size_t once = 0;
    for (const item& i : items) once += i.taken == 1;
    REQUIRE(once == item_count);
    for (const ring_type& r : rings) REQUIRE(r.empty());
}

} // namespace

TEST_CASE("fifo_ring stress: every item exactly once", "[stress]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        INFO("seed " << seed);
        run<4, bastion::std_atomics>(seed, BASTION_TSAN ? 50'000 : 300'000);
        run<256, bastion::std_atomics>(seed, BASTION_TSAN ? 50'000 : 300'000);
        run<4, test::hesitant_atomics>(seed, 20'000);
        run<16, test::hesitant_atomics>(seed, 20'000);
    }
}
