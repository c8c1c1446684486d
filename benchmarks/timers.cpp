// n timers that a process arms, each for a message in an hour, and takes back at once. The op is a timer.

#include "rows.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        auto late = ctx.tell_after(1h, ctx.self(), number{i});
        check(late.cancel(), "timers: it was too late to take one back");
        if (i % 100 == 0) co_await ctx.yield();
    }
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure timers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
