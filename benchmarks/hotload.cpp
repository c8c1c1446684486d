// Row 12: n processes get 100 messages each from one plain OS thread (the program's first), round robin. The op is a
// message.

#include "rows.hpp"

#include <atomic>
#include <future>
#include <vector>

namespace bench {
namespace {

constexpr std::uint64_t rounds = 100;

std::atomic<std::uint64_t> left{0};
std::atomic<std::uint64_t> sum{0};
std::promise<void> all_done;

bastion::process receiver(bastion::context ctx) {
    std::uint64_t mine = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        auto m = co_await ctx.recv();
        mine += value_of(m);
    }
    sum.fetch_add(mine, std::memory_order_relaxed);
    // release and acquire: who is last has seen all sums.
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) all_done.set_value();
}

} // namespace

figure hotload(unsigned threads, std::uint64_t n) {
    left = n;
    std::vector<bastion::child_ref> receivers(n);
    bastion::runtime rt(card_config(threads));
    const stopwatch clock;
    for (auto& ref : receivers) ref = rt.spawn(receiver);
    for (std::uint64_t round = 1; round <= rounds; ++round)
        for (const auto& ref : receivers) ref.tell(number{round});
    all_done.get_future().wait();
    check(sum == n * (rounds * (rounds + 1) / 2), "hotload: the sum");
    const double ns = clock.ns();
    rt.stop();
    check(rt.wait() == 0, "hotload: the exit code of the runtime");
    return figure{.ops = n * rounds, .ns = ns};
}

} // namespace bench
