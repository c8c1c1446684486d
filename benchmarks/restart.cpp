// Row 10: a supervised child fails at each message and is started again at once, n times. The op is a cycle: a new
// incarnation says that it is there, it gets a message, it fails. restart_error: it returns an error; restart_panic: it
// panics.

#include "rows.hpp"

namespace bench {
namespace {

bastion::process fail_by_error(bastion::context ctx, bastion::child_ref driver) {
    driver.tell(number{static_cast<std::uint64_t>(ctx.incarnation())});
    auto m = co_await ctx.recv();
    check(value_of(m) == static_cast<std::uint64_t>(ctx.incarnation()), "restart: whose message it is");
    co_return ctx.fail("told to fail");
}

bastion::process fail_by_panic(bastion::context ctx, bastion::child_ref driver) {
    driver.tell(number{static_cast<std::uint64_t>(ctx.incarnation())});
    auto m = co_await ctx.recv();
    check(value_of(m) == static_cast<std::uint64_t>(ctx.incarnation()), "restart: whose message it is");
    bastion::panic("told to fail");
}

using failing_body = bastion::process (*)(bastion::context, bastion::child_ref);

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n, failing_body body) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto sup =
        ctx.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate()));
    const auto group =
        sup.spawn(bastion::children().with_exec([me, body](bastion::context self) { return body(self, me); }));
    const auto child = group[0];
    for (std::uint64_t i = 0; i < n; ++i) {
        auto up = co_await ctx.recv();
        check(value_of(up) == i, "restart: the incarnation");
        child.tell(number{i});
    }
    auto up = co_await ctx.recv();
    check(value_of(up) == n, "restart: the last incarnation");
    const double ns = clock.ns();
    check(log_lines() != 0, "restart: the log saw no fault");
    co_return figure{.ops = n, .ns = ns};
}

bastion::task<figure> by_error(bastion::context ctx, std::uint64_t n) { return measure(ctx, n, fail_by_error); }
bastion::task<figure> by_panic(bastion::context ctx, std::uint64_t n) { return measure(ctx, n, fail_by_panic); }

} // namespace

figure restart_error(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, by_error, faults::expected);
}
figure restart_panic(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, by_panic, faults::expected);
}

} // namespace bench
