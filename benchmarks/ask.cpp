// Row 9: n questions, one after the other, each awaited with the default deadline armed. The op is a round trip.
// ask_handlers: the server has handlers for a body.

#include "rows.hpp"

namespace bench {
namespace {

struct successor {
    using answer_type = number;
    std::uint64_t value;
};

bastion::process serve(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<successor>()) q.reply(number{q->value + 1});
        else m.unhandled();
    }
}

bastion::task<std::uint64_t> ask_often(bastion::child_ref server, std::uint64_t n) {
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        auto next = co_await server.ask<successor>(value);
        check(next.has_value(), "ask: no answer");
        value = next->value;
    }
    co_return value;
}

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto server = ctx.spawn(serve);
    auto last = co_await ask_often(server, n);
    check(last == n, "ask: the last answer");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

bastion::task<figure> measure_handlers(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto servers = ctx.spawn(bastion::children().with_handlers(
        bastion::on_question([](const successor& q) { return number{q.value + 1}; })));
    auto last = co_await ask_often(servers[0], n);
    check(last == n, "ask_handlers: the last answer");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure ask(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }
figure ask_handlers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure_handlers); }

} // namespace bench
