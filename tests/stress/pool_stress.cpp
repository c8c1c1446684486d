// Threads that come and go pass blocks around: nobody else's bytes change, and in the end all are back.
#include <bastion/base/random.hpp>
#include <bastion/executor/blocks.hpp>

#include "support/catch.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

using namespace bastion::detail;

namespace {

struct header {
    std::size_t bytes;
    unsigned char mark;
};

header* make(bastion::random_source& random) {
    // Mostly small; now and then beyond the classes.
    const std::size_t bytes = sizeof(header) + random.below(random.below(16) == 0 ? 5000 : 600);
    auto* const h = ::new (pool_allocate(bytes)) header{bytes, static_cast<unsigned char>(random.next())};
    std::memset(h + 1, h->mark, bytes - sizeof(header));
    return h;
}

// False: somebody else has written into it.
bool drop(header* h) {
    const auto* const body = reinterpret_cast<const unsigned char*>(h + 1);
    bool good = true;
    for (std::size_t i = 0; i < h->bytes - sizeof(header); ++i) good = good && body[i] == h->mark;
    pool_free(h, h->bytes);
    return good;
}

void run(std::uint64_t seed) {
    const pool_stats before = read_pool_stats();
    std::array<std::atomic<header*>, 64> exchange{}; // Where blocks change hands.
    std::atomic<int> wrong{0};
    for (int generation = 0; generation < 4; ++generation) {
        std::vector<std::thread> threads;
        for (std::uint64_t t = 0; t < 3; ++t) {
            threads.emplace_back([&, t] {
                bastion::random_source random(seed * 1000 + static_cast<std::uint64_t>(generation) * 10 + t);
                std::vector<header*> own;
                for (int step = 0; step < 4'000; ++step) {
                    // Long swings of making and freeing send whole lists through the depots.
                    const bool making = (step / 400) % 2 == 0;
                    if (random.below(8) < (making ? 6u : 2u)) {
                        own.push_back(make(random));
                    } else if (!own.empty()) {
                        if (!drop(own.back())) wrong.fetch_add(1, std::memory_order_relaxed);
                        own.pop_back();
                    }
                    if (random.below(2) == 0 && !own.empty()) {
                        header* const other =
                            exchange[random.below(64)].exchange(own.back(), std::memory_order_acq_rel);
                        own.pop_back();
                        if (other != nullptr) own.push_back(other);
                    }
                }
                for (header* h : own) {
                    if (!drop(h)) wrong.fetch_add(1, std::memory_order_relaxed);
                }
            });
        }
        for (std::thread& t : threads) t.join();
    }
    for (auto& slot : exchange) {
        if (header* h = slot.exchange(nullptr)) {
            if (!drop(h)) wrong.fetch_add(1, std::memory_order_relaxed);
        }
    }
    REQUIRE(wrong.load() == 0);
    REQUIRE(read_pool_stats().live_blocks == before.live_blocks);
    REQUIRE(read_pool_stats().live_bytes == before.live_bytes);
}

} // namespace

TEST_CASE("pool stress: blocks wander between threads that come and go", "[stress]") {
    std::uint64_t reserved = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        INFO("seed " << seed);
        run(seed);
        if (seed == 1) reserved = read_pool_stats().reserved_bytes;
    }
    // What came back is used again: later rounds need little more than the first.
    REQUIRE(read_pool_stats().reserved_bytes <= 2 * reserved);
}
