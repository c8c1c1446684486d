// Row 4: 100 producers send n each to one consumer, which counts them all. The op is a message.

#include "rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t producers = 100;
constexpr std::uint64_t batch = 100;

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto consumer = ctx.spawn([me, n](bastion::context self) -> bastion::process {
        std::uint64_t sum = 0;
        for (std::uint64_t left = producers * n; left > 0; --left) {
            auto m = co_await self.recv();
            sum += value_of(m);
        }
        me.tell(number{sum});
    });
    for (std::uint64_t p = 0; p < producers; ++p) {
        ctx.spawn([consumer, n](bastion::context self) -> bastion::process {
            for (std::uint64_t i = 1; i <= n; ++i) {
                consumer.tell(number{i});
                if (i % batch == 0) co_await self.yield();
            }
        });
    }
    auto m = co_await ctx.recv();
    check(value_of(m) == producers * (n * (n + 1) / 2), "fanin: the sum");
    const double ns = clock.ns();
    co_return figure{.ops = producers * n, .ns = ns};
}

} // namespace

figure fanin(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
