// Row 3: one producer sends n as fast as it can; the consumer counts, then answers. The op is a message.
// counting_flood: the producer never yields, so that all n messages wait before the first is read.

#include "counting.hpp"
#include "rows.hpp"

namespace bench {

bastion::task<void> produce(bastion::context ctx, bastion::child_ref consumer, std::uint64_t n, std::uint64_t batch) {
    for (std::uint64_t i = 1; i <= n; ++i) {
        consumer.tell(number{i});
        if (batch != 0 && i % batch == 0) co_await ctx.yield();
    }
    auto sum = co_await consumer.ask<total>(n);
    check(sum.has_value() && sum->value == n * (n + 1) / 2, "counting: the sum");
}

namespace {

bastion::process count(bastion::context ctx) {
    std::uint64_t counted = 0;
    std::uint64_t sum = 0;
    for (;;) {
        auto m = co_await ctx.recv();
        if (const auto* told = m.told<number>()) {
            ++counted;
            sum += told->value;
        } else if (auto asked = m.asked<total>()) {
            check(counted == asked->count, "counting: the count");
            asked.reply(number{sum});
        } else {
            m.unhandled();
        }
    }
}

template <std::uint64_t batch>  // operations between two yields; 0: never
bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto consumer = ctx.spawn(count);
    ctx.spawn([me, consumer, n](bastion::context self) -> bastion::process {
        co_await produce(self, consumer, n, batch);
        me.tell(number{n});
    });
    co_return co_await finish(ctx, clock, n, n, "counting: the producer's end");
}

} // namespace

figure counting(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure<100>); }
figure counting_flood(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure<0>); }

} // namespace bench
