// Sixteen pairs of processes that have nothing to do with one another, one message in flight in each, n round trips in all. The op is a
// hop.

#include "rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t pairs_in_all = 16;

struct finished {
    std::uint64_t hops;
};

bastion::process answer_all(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        const auto value = value_of(m);
        m.sender().tell(number{value + 1});
    }
}

bastion::task<figure> play(bastion::context ctx, std::uint64_t n) {
    const std::uint64_t rounds = n / pairs_in_all + 1;
    const stopwatch clock;
    const auto me = ctx.self();
    for (std::uint64_t i = 0; i < pairs_in_all; ++i)
        ctx.spawn([me, rounds](bastion::context self) -> bastion::process {
            const auto peer = self.spawn_child(answer_all);
            std::uint64_t value = 0;
            for (std::uint64_t round = 0; round < rounds; ++round) {
                peer.tell(number{value + 1});
                auto m = co_await self.recv();
                value = value_of(m);
            }
            me.tell(finished{value});
        });
    std::uint64_t hops = 0;
    for (std::uint64_t i = 0; i < pairs_in_all; ++i) hops += (co_await ctx.recv<finished>()).hops;
    const double ns = clock.ns();
    check(hops == 2 * rounds * pairs_in_all, "pairs: the number of hops");
    co_return figure{.ops = hops, .ns = ns};
}

} // namespace

figure pairs(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, play); }

} // namespace bench
