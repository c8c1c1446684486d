// Control blocks of NUMA nodes: where they lie, and where they go when another node frees them.
#include "support/catch.hpp"
#include "support/home_thread.hpp"

#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/placement.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace bastion::detail;
using test::on_thread_of;

namespace {

std::vector<control_block*> make(runtime_home& home, std::size_t n) {
    std::vector<control_block*> blocks;
    for (std::size_t i = 0; i < n; ++i) blocks.push_back(make_block(home));
    return blocks;
}

// As if they had ended.
void recycle(const std::vector<control_block*>& blocks) {
    for (control_block* b : blocks) {
        b->kind = process_kind::system; // it has no body
        (void)b->inbox.close();
        (void)b->lane.close();
        recycle_block(b);
    }
}

} // namespace

TEST_CASE("homes: a control block lies on the node of its maker, and goes home when another frees it") {
    const memory_home here = home_of_node(102, -1); // nodes that no test machine has
    const memory_home there = home_of_node(103, -1);
    runtime_home& home = *make_home();
    constexpr std::size_t n = 2000;
    const std::uint64_t live = live_blocks();
    std::vector<control_block*> blocks;
    on_thread_of(here, [&](pool_cache&) { blocks = make(home, n); });
    for (control_block* b : blocks) CHECK(home_of(b) == here);
    CHECK(live_blocks() == live + n);
    on_thread_of(there, [&](pool_cache&) {
        recycle(blocks);
        // Those that it has freed last it may use itself.
        const auto its = make(home, n);
        CHECK(std::count_if(its.begin(), its.end(), [&](control_block* b) { return home_of(b) == here; }) <= 128);
        recycle(its);
    });
    // Who is to be placed there is, whatever that thread has in hand.
    on_thread_of(here, [&](pool_cache&) { blocks = make(home, 100); });
    on_thread_of(there, [&](pool_cache&) {
        recycle(blocks);
        blocks.clear();
        for (int i = 0; i < 100; ++i) blocks.push_back(make_block(home, placed{1, true, there}));
        for (control_block* b : blocks) CHECK(home_of(b) == there);
        recycle(blocks);
    });
    CHECK(live_blocks() == live);
    const std::size_t bytes = arena_bytes();
    on_thread_of(here, [&](pool_cache&) {
        const auto again = make(home, n);
        for (control_block* b : again) CHECK(home_of(b) == here);
        recycle(again);
    });
    CHECK(arena_bytes() == bytes); // there were enough
    recycle_home(&home);
}
