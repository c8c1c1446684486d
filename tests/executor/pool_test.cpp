// The arena and the pools: alignment, classes, reuse, what wanders between threads, and statistics that add up.
#include <bastion/executor/arena.hpp>
#include <bastion/executor/blocks.hpp>

#include "support/catch.hpp"
#include "support/home_thread.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

using namespace bastion::detail;
using test::on_thread_of;

namespace {

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % bastion::cache_line == 0; }

struct block {
    void* p;
    std::size_t bytes;
};

} // namespace

TEST_CASE("arena: pieces are aligned, zeroed, apart and counted", "[executor]") {
    const std::size_t before = arena_bytes();
    char* const a = static_cast<char*>(arena_reserve(100));
    char* const b = static_cast<char*>(arena_reserve(1));
    REQUIRE(arena_bytes() == before + 128 + 64);
    REQUIRE(aligned(a));
    REQUIRE(aligned(b));
    REQUIRE((a + 128 <= b || b + 64 <= a));
    REQUIRE(std::all_of(a, a + 100, [](char c) { return c == 0; }));
}

TEST_CASE("arena: a piece bigger than a chunk, and impossible ones", "[executor]") {
    const std::size_t big = arena_chunk_bytes + 4096;
    char* const p = static_cast<char*>(arena_reserve(big));
    p[0] = 1;
    p[big - 1] = 1;
    REQUIRE(aligned(p));
    REQUIRE_THROWS_AS(arena_reserve(~std::size_t{0}), std::bad_alloc);
    REQUIRE_THROWS_AS(arena_reserve(std::size_t{1} << 60), std::bad_alloc);
    REQUIRE(aligned(arena_reserve(64))); // It goes on after a refusal.
}

TEST_CASE("pool: the class of a size is the smallest that holds it", "[executor]") {
    for (std::size_t bytes = 0; bytes <= pool_max_bytes; ++bytes) {
        const std::size_t index = pool_class_of(bytes);
        REQUIRE(index < pool_classes);
        REQUIRE(pool_class_bytes[index] >= bytes);
        if (index > 0) REQUIRE(pool_class_bytes[index - 1] < bytes);
    }
}

TEST_CASE("pool: blocks of every size are aligned, writable and apart", "[executor]") {
    std::vector<block> blocks;
    for (std::size_t bytes = 1; bytes <= 5000; bytes += 37) {
        for (int i = 0; i < 3; ++i) {
            void* const p = pool_allocate(bytes);
            REQUIRE(aligned(p));
            std::memset(p, static_cast<int>(blocks.size() & 0xff), bytes);
            blocks.push_back({p, bytes});
        }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto* const p = static_cast<const unsigned char*>(blocks[i].p);
        const auto mark = static_cast<unsigned char>(i & 0xff);
        REQUIRE(std::all_of(p, p + blocks[i].bytes, [mark](unsigned char c) { return c == mark; }));
    }
    for (const block& b : blocks) pool_free(b.p, b.bytes);
}

TEST_CASE("pool: the block freed last is the next one", "[executor]") {
    void* const a = pool_allocate(200);
    pool_free(a, 200);
    void* const b = pool_allocate(256); // The same class.
    REQUIRE(a == b);
    pool_free(b, 256);
}

TEST_CASE("pool: fresh blocks lie one after another", "[executor]") {
    std::thread([] {
        std::vector<char*> blocks;
        for (int i = 0; i < 40; ++i) blocks.push_back(static_cast<char*>(pool_allocate(2048)));
        int neighbours = 0;
        for (std::size_t i = 1; i < blocks.size(); ++i) neighbours += blocks[i] == blocks[i - 1] + 2048;
        for (char* p : blocks) pool_free(p, 2048);
        REQUIRE(neighbours >= 30);
    }).join();
}

TEST_CASE("pool: statistics are exact when nobody else is at work", "[executor]") {
    const pool_stats before = read_pool_stats();
    std::vector<block> blocks;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const std::size_t size = 1 + (i * 97) % 6000;
        blocks.push_back({pool_allocate(size), size});
        bytes += size > pool_max_bytes ? size : pool_class_bytes[pool_class_of(size)];
        const pool_stats now = read_pool_stats();
        REQUIRE(now.live_blocks - before.live_blocks == blocks.size());
        REQUIRE(now.live_bytes - before.live_bytes == bytes);
        REQUIRE(now.reserved_bytes <= arena_bytes());
    }
    // Half is freed by another thread, that then ends.
    std::thread([&blocks] {
        for (std::size_t i = 0; i < 500; ++i) pool_free(blocks[i].p, blocks[i].bytes);
    }).join();
    REQUIRE(read_pool_stats().live_blocks - before.live_blocks == 500);
    for (std::size_t i = 500; i < 1000; ++i) pool_free(blocks[i].p, blocks[i].bytes);
    REQUIRE(read_pool_stats().live_blocks == before.live_blocks);
    REQUIRE(read_pool_stats().live_bytes == before.live_bytes);
}

TEST_CASE("pool: what an ended thread held is used again", "[executor]") {
    constexpr std::size_t size = 3072;
    constexpr std::size_t count = 40; // Few enough to be all in the thread's own cache when it ends.
    const auto round = [] {
        std::set<void*> seen;
        std::thread([&seen] {
            while (seen.size() < count) seen.insert(pool_allocate(size));
            for (void* p : seen) pool_free(p, size);
        }).join();
        return seen;
    };
    const std::set<void*> theirs = round();
    std::vector<void*> here;
    std::size_t again = 0;
    for (int i = 0; i < 300; ++i) {
        here.push_back(pool_allocate(size));
        again += theirs.count(here.back());
    }
    REQUIRE(again == count);
    for (void* p : here) pool_free(p, size);
    const std::uint64_t reserved = read_pool_stats().reserved_bytes;
    for (int i = 0; i < 100; ++i) REQUIRE(round().size() == count);
    REQUIRE(read_pool_stats().reserved_bytes == reserved);
}

namespace {

// Frees in the destructor of a thread-local that was made before the thread's first use of the pool, so that it is
// destroyed after everything the pool could have hung there.
struct late {
    void* p = nullptr;
    ~late() {
        if (p != nullptr) pool_free(p, 64);
        pool_free(pool_allocate(128), 128);
    }
};
thread_local late last_words;

} // namespace

TEST_CASE("pool: a thread may free and allocate until its very end", "[executor]") {
    const std::uint64_t before = read_pool_stats().live_blocks;
    for (int i = 0; i < 50; ++i) {
        std::thread([] {
            last_words.p = nullptr;
            last_words.p = pool_allocate(64);
        }).join();
    }
    REQUIRE(read_pool_stats().live_blocks == before);
}

TEST_CASE("pool: sizes above the classes, and nothing", "[executor]") {
    const pool_stats before = read_pool_stats();
    void* const p = pool_allocate(pool_max_bytes + 1);
    REQUIRE(aligned(p));
    std::memset(p, 1, pool_max_bytes + 1);
    REQUIRE(read_pool_stats().live_bytes == before.live_bytes + pool_max_bytes + 1);
    pool_free(p, pool_max_bytes + 1);
    pool_free(nullptr, 64);
    pool_free(nullptr, 10'000);
    REQUIRE(read_pool_stats().live_blocks == before.live_blocks);
}

#if BASTION_ASAN
TEST_CASE("pool: free memory is poisoned", "[executor]") {
    void* const p = pool_allocate(128);
    REQUIRE_FALSE(__asan_region_is_poisoned(p, 128));
    pool_free(p, 128);
    REQUIRE(__asan_address_is_poisoned(p));
    REQUIRE(__asan_address_is_poisoned(static_cast<char*>(p) + 127));
    void* const q = pool_allocate(128);
    REQUIRE(q == p);
    REQUIRE_FALSE(__asan_region_is_poisoned(q, 128));
    pool_free(q, 128);
}
#endif

namespace {

// What a thread of a home takes and others free. Nodes that no test machine has.
constexpr int some_node = 100;
constexpr int other_node = 101;

std::vector<void*> take(pool_cache& pool, std::size_t bytes, std::size_t n) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < n; ++i) blocks.push_back(pool.allocate(bytes));
    return blocks;
}

} // namespace

TEST_CASE("homes: the memory of a node is its own, whatever its size") {
    const memory_home here = home_of_node(some_node, -1);
    const memory_home there = home_of_node(other_node, -1);
    REQUIRE(here != no_home);
    REQUIRE(there != no_home);
    CHECK(here != there);
    CHECK(here == home_of_node(some_node, -1));
    CHECK(anybody_has_a_home());
    on_thread_of(here, [here](pool_cache& pool) {
        for (const std::size_t bytes : pool_class_bytes) {
            const auto blocks = take(pool, bytes, 1000);
            for (void* const p : blocks) CHECK(home_of(p) == here);
            for (void* const p : blocks) pool.free(p, bytes);
        }
    });
    on_thread_of(there, [there](pool_cache& pool) {
        void* const p = pool.allocate(100);
        CHECK(home_of(p) == there);
        pool.free(p, 100);
    });
    void* const p = this_thread_pool().allocate(100);
    CHECK(home_of(p) == no_home);
    this_thread_pool().free(p, 100);
    CHECK(home_of(&p) == no_home);
    CHECK(stretches_of(no_home).empty());
    std::size_t bytes = 0;
    for (const arena_stretch& s : stretches_of(here)) {
        CHECK(home_of(s.begin) == here);
        CHECK(home_of(s.end - 1) == here);
        bytes += static_cast<std::size_t>(s.end - s.begin);
    }
    CHECK(bytes >= 1000 * 15'000);
}

TEST_CASE("homes: a block that another node frees goes home") {
    const memory_home here = home_of_node(some_node, -1);
    const memory_home there = home_of_node(other_node, -1);
    constexpr std::size_t bytes = 320;
    constexpr std::size_t n = 2000;
    const pool_stats before = read_pool_stats();
    std::vector<void*> blocks;
    on_thread_of(here, [&](pool_cache& pool) { blocks = take(pool, bytes, n); });
    CHECK(read_pool_stats().live_blocks == before.live_blocks + n);
    on_thread_of(there, [&](pool_cache& pool) {
        for (void* const p : blocks) pool.free(p, bytes);
        // What lies in its hand it may use again; all others have gone, and it takes its own.
        const auto its = take(pool, bytes, n);
        const auto away = std::count_if(its.begin(), its.end(), [&](void* p) { return home_of(p) == here; });
        CHECK(away < static_cast<std::ptrdiff_t>(pool_batch));
        for (void* const p : its) pool.free(p, bytes);
    });
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
    const std::uint64_t reserved = read_pool_stats().reserved_bytes;
    on_thread_of(here, [&](pool_cache& pool) {
        const auto again = take(pool, bytes, n);
        CHECK(read_pool_stats().reserved_bytes == reserved); // there was enough
        for (void* const p : again) CHECK(home_of(p) == here);
        for (void* const p : again) pool.free(p, bytes);
    });
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
}

TEST_CASE("homes: a thread with another home leaves what it has not used") {
    const memory_home here = home_of_node(some_node, -1);
    const memory_home there = home_of_node(other_node, -1);
    const pool_stats before = read_pool_stats();
    on_thread_of(here, [&](pool_cache& pool) {
        pool.free(pool.allocate(64), 64);
        pool.set_home(there);
        CHECK(pool.home() == there);
        for (int i = 0; i < 300; ++i) {
            void* const p = pool.allocate(64);
            CHECK(home_of(p) == there);
            pool.free(p, 64);
        }
        const auto held = take(pool, 64, 300);
        for (void* const p : held) CHECK(home_of(p) == there);
        for (void* const p : held) pool.free(p, 64);
    });
    const pool_stats after = read_pool_stats();
    CHECK(after.live_blocks == before.live_blocks);
    CHECK(after.live_bytes == before.live_bytes);
}

namespace {

constexpr std::size_t swept_bytes = 448; // a class that no other test fills

// Blocks of that class, and as many free ones when they are freed, in an order of its own.
struct burst {
    explicit burst(std::size_t n) : blocks(take(this_thread_pool(), swept_bytes, n)) {
        for (std::size_t i = 0; i < n; ++i) std::memset(blocks[i], static_cast<int>(i), swept_bytes);
    }
    void shuffle() {
        std::uint64_t x = 1;
        for (std::size_t i = blocks.size(); i > 1; --i) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            std::swap(blocks[i - 1], blocks[(x >> 33) % i]);
        }
    }
    // All but each `keep`-th; 0: all.
    std::vector<void*> free(std::size_t keep = 0) {
        std::vector<void*> kept;
        for (std::size_t i = 0; i < blocks.size(); ++i)
            if (keep != 0 && i % keep == 0) kept.push_back(blocks[i]);
            else this_thread_pool().free(blocks[i], swept_bytes);
        blocks.clear();
        return kept;
    }
    std::vector<void*> blocks;
};

} // namespace

TEST_CASE("giving back: a burst leaves no pages, and its addresses are used again") {
    constexpr std::size_t n = 200'000;
    const pool_stats before = read_pool_stats();
    std::set<void*> all;
    {
        burst b(n);
        all = {b.blocks.begin(), b.blocks.end()};
        b.shuffle();
        (void)b.free();
    }
    CHECK(has_pages_to_give_back());
    const std::uint64_t reserved = read_pool_stats().reserved_bytes;
    CHECK(reserved >= before.reserved_bytes + n * swept_bytes);
    const std::size_t given = give_pages_back();
    CHECK(given >= n * swept_bytes * 9 / 10);
    CHECK(read_pool_stats().given_back_bytes >= given);
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
    CHECK(read_pool_stats().live_bytes == before.live_bytes);
    CHECK_FALSE(has_pages_to_give_back());
    burst again(n);
    const auto same =
        std::count_if(again.blocks.begin(), again.blocks.end(), [&](void* p) { return all.count(p) == 1; });
    CHECK(same >= static_cast<std::ptrdiff_t>(n * 9 / 10));
    CHECK(std::set<void*>(again.blocks.begin(), again.blocks.end()).size() == n);
    CHECK(read_pool_stats().reserved_bytes == reserved);
    CHECK(read_pool_stats().live_blocks == before.live_blocks + n);
    (void)again.free();
}

TEST_CASE("giving back: what is in use stays, and keeps what it holds") {
    constexpr std::size_t n = 100'000;
    const pool_stats before = read_pool_stats();
    burst b(n);
    std::size_t number = 0;
    for (void* const p : b.blocks) std::memset(p, static_cast<int>(++number % 251), swept_bytes);
    // One in 20,000 keeps its slab: most are given back.
    constexpr std::size_t keep = 20'000;
    const std::vector<void*> kept = b.free(keep);
    const std::size_t given = give_pages_back();
    CHECK(given >= n * swept_bytes / 2);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        const auto* const bytes = static_cast<const unsigned char*>(kept[i]);
        const auto expected = static_cast<unsigned char>((i * keep + 1) % 251);
        CHECK(std::all_of(bytes, bytes + swept_bytes, [expected](unsigned char c) { return c == expected; }));
    }
    CHECK(read_pool_stats().live_blocks == before.live_blocks + kept.size());
    burst again(n);
    for (void* const p : again.blocks) CHECK(std::find(kept.begin(), kept.end(), p) == kept.end());
    (void)again.free();
    for (void* const p : kept) this_thread_pool().free(p, swept_bytes);
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
}

TEST_CASE("giving back: who is asked to stop leaves everything as it was") {
    constexpr std::size_t n = 100'000;
    const pool_stats before = read_pool_stats();
    burst b(n);
    b.shuffle();
    (void)b.free();
    const std::uint64_t reserved = read_pool_stats().reserved_bytes;
    const std::uint64_t given = read_pool_stats().given_back_bytes;
    int asked = 0;
    const auto ask = [](void* p) { return ++*static_cast<int*>(p) < 100; };
    CHECK(give_pages_back({ask, &asked}) == 0);
    CHECK(asked >= 100);
    CHECK(read_pool_stats().given_back_bytes == given);
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
    burst again(n);
    CHECK(read_pool_stats().reserved_bytes == reserved);
    (void)again.free();
}

TEST_CASE("giving back: others may use the pool meanwhile") {
    constexpr std::size_t n = 20'000;
    const pool_stats before = read_pool_stats();
    std::atomic<bool> over{false};
    std::vector<std::thread> users;
    for (unsigned t = 0; t < 2; ++t)
        users.emplace_back([&over, t] {
            while (!over) {
                burst b(n);
                for (std::size_t i = 0; i < b.blocks.size(); ++i) {
                    const auto* const bytes = static_cast<const unsigned char*>(b.blocks[i]);
                    if (bytes[0] != static_cast<unsigned char>(i) || bytes[swept_bytes - 1] != bytes[0]) std::abort();
                }
                if (t == 0) b.shuffle();
                (void)b.free();
            }
        });
    for (int i = 0; i < 50; ++i) (void)give_pages_back();
    over = true;
    for (auto& user : users) user.join();
    CHECK(read_pool_stats().live_blocks == before.live_blocks);
    CHECK(read_pool_stats().live_bytes == before.live_bytes);
}
