// Row 6: spawn n processes that finish at once, and wait for all. The op is a process.
// The last act of each is to count itself off; the last one tells the spawner.
// spawn_flood: the spawner never yields, so that all n wait before the first runs.

#include "rows.hpp"

#include <atomic>

namespace bench {
namespace {

std::atomic<std::uint64_t> left{0};
bastion::child_ref spawner; // Written before the first spawn.

bastion::process leaf(bastion::context) {
    if (left.fetch_sub(1, std::memory_order_relaxed) == 1) spawner.tell(number{0});
    co_return;
}

template <std::uint64_t batch>  // operations between two yields; 0: never
bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    left = n;
    spawner = ctx.self();
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        ctx.spawn(leaf);
        if constexpr (batch != 0)
            if (i % batch == 0) co_await ctx.yield();
    }
    auto m = co_await ctx.recv();
    check(value_of(m) == 0 && left == 0, "spawn: the number of processes");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure spawn(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure<100>); }
figure spawn_flood(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure<0>); }

} // namespace bench
