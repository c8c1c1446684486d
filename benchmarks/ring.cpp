// Row 2: 503 processes in a ring pass one token on, n times; the op is a hop. The first one makes the others.

#include "rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t ring_size = 503;

struct node {
    bastion::child_ref driver;
    bastion::child_ref next;
    std::uint64_t index;

    bastion::process operator()(bastion::context ctx) const {
        for (;;) {
            auto m = co_await ctx.recv();
            const auto left = value_of(m);
            if (left == 0) driver.tell(number{index});
            else next.tell(number{left - 1});
        }
    }
};

bastion::task<figure> turn(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    ctx.spawn([me, n](bastion::context self) -> bastion::process {
        auto next = self.self();
        for (std::uint64_t i = ring_size - 1; i > 0; --i) next = self.spawn(node{me, next, i});
        next.tell(number{n - 1});
        for (;;) {
            auto m = co_await self.recv();
            const auto left = value_of(m);
            if (left == 0) me.tell(number{0});
            else next.tell(number{left - 1});
        }
    });
    co_return co_await finish(ctx, clock, n, n % ring_size, "ring: where the token stopped");
}

} // namespace

figure ring(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, turn); }

} // namespace bench
