// Beside a process that keeps its worker for a second at a time: how late is what others do? The op is a probe, and its time the 99th
// percentile of N: so many times a process sleeps for 1 ms and asks another, and what that takes beyond the millisecond counts.

#include "rows.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

struct probe {
    using answer_type = std::uint64_t;
};

std::atomic<bool> over{false};

bastion::process answers(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<probe>()) q.reply(std::uint64_t{1});
    }
}

// Never comes back before its second is over.
bastion::process spins(bastion::context ctx) {
    while (!over.load(std::memory_order_relaxed)) {
        const stopwatch clock;
        while (clock.ns() < 1e9 && !over.load(std::memory_order_relaxed)) {}
        co_await ctx.sleep_for(5ms);
    }
}

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    over = false;
    const bastion::child_ref other = ctx.spawn(answers);
    std::vector<double> late(n);
    bool begun = false;
    for (double& one : late) {
        if (!std::exchange(begun, true)) (void)ctx.spawn(spins);
        const stopwatch clock;
        co_await ctx.sleep_for(1ms);
        const auto answer = co_await other.ask(probe());
        check(answer.has_value(), "probes: an answer");
        one = clock.ns() - 1e6;
    }
    over = true;
    other.kill();
    const auto at = late.begin() + static_cast<std::ptrdiff_t>(n - 1 - n / 100);
    std::nth_element(late.begin(), at, late.end());
    co_return figure{.ops = 1, .ns = *at};
}

} // namespace

figure probes(unsigned threads, std::uint64_t n) {
    return run_in(card_config(threads).with_max_spare_workers(threads), n, measure);
}

} // namespace bench
