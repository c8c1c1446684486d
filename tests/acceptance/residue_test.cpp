// What a group consists of, and what is left of what it has done: nothing that nobody sees.
#include "support/acceptance.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <bastion/executor/pool.hpp>

#include <malloc.h>

#include <cstdint>

using namespace bastion;

namespace {

process reads(context ctx, int& heard) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (msg.broadcast<int>() != nullptr) ++heard;
    }
}

children group_of(std::uint32_t size, int& heard) {
    return children().with_redundancy(size).with_exec([&heard](context ctx) { return reads(ctx, heard); });
}

// In the pool and on the heap (sanitizers do not tell of theirs). Not the blocks: they are counted.
std::uint64_t bytes_in_use() { return detail::read_pool_stats().live_bytes + mallinfo2().uordblks; }

std::uint64_t bytes_of_group(test::world& w, std::uint32_t size) {
    int heard = 0;
    const auto before = bytes_in_use();
    const auto group = w.rt.spawn(group_of(size, heard));
    w.settle();
    const auto bytes = bytes_in_use() - before;
    group.kill();
    w.settle();
    return bytes;
}

} // namespace

TEST_CASE("residue: a group is itself and its elements, and a broadcast leaves nothing with anybody") {
    test::acceptance("B13");
    int heard = 0;
    test::world w;
    const auto blocks = detail::live_blocks();
    const auto group = w.rt.spawn(group_of(7, heard));
    w.settle();
    CHECK(detail::live_blocks() == blocks + 8);
    CHECK(group.current().size() == 7);
    group.broadcast(0);
    w.settle();
    const auto used = detail::read_pool_stats();
    for (int round = 1; round < 100; ++round) {
        group.broadcast(round);
        w.settle();
    }
    CHECK(heard == 700);
    CHECK(detail::read_pool_stats().live_blocks == used.live_blocks);
    CHECK(detail::read_pool_stats().live_bytes == used.live_bytes);
}

TEST_CASE("residue: four times the elements take four times the memory") {
    test::acceptance("B13");
    test::world w;
    (void)bytes_of_group(w, 4'000); // what is kept for the next one is there
    const auto small = bytes_of_group(w, 1'000);
    const auto big = bytes_of_group(w, 4'000);
    INFO("1,000: " << small << " bytes, 4,000: " << big);
    CHECK(small >= 1'000 * 32); // frames at least
    CHECK(big < 5 * small);
}
