// Row 1: two processes, one message in flight, n round trips; each adds one. The op is a hop.

#include "rows.hpp"

namespace bench {
namespace {

bastion::process pong(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        const auto value = value_of(m);
        m.sender().tell(number{value + 1});
    }
}

bastion::task<figure> play(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto peer = ctx.spawn(pong);
    ctx.spawn([me, peer, n](bastion::context self) -> bastion::process {
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < n; ++i) {
            peer.tell(number{value + 1});
            auto m = co_await self.recv();
            value = value_of(m);
        }
        me.tell(number{value});
    });
    co_return co_await finish(ctx, clock, 2 * n, 2 * n, "pingpong: the number of hops");
}

} // namespace

figure pingpong(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, play); }

} // namespace bench
