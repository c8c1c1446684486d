// Whether the n-th costs what the first costs: restarts, spawns, monitors, questions and timers, n of each in ten parts. The op is one of them;
// `drift` says how many times as long the last three parts took as the first three, in which the memory of all is taken; `bytes_grown` how many bytes the
// resident set has grown from the end of those to the end of all.

#include "rows.hpp"

#include <array>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t parts = 10;
constexpr std::size_t some = 3;

// `one` does so many.
template <class Some>
bastion::task<figure> in_parts(std::uint64_t n, Some one) {
    const std::uint64_t each = n / parts + 1;
    std::array<double, parts> took{};
    double before = 0;
    for (std::size_t i = 0; i < parts; ++i) {
        if (i == some) before = resident_bytes();
        const stopwatch clock;
        co_await one(each);
        took[i] = clock.ns();
    }
    figure f{.ops = each * parts};
    for (const double ns : took) f.ns += ns;
    f.grown = resident_bytes() - before;
    double first = 0;
    double last = 0;
    for (std::size_t i = 0; i < some; ++i) {
        first += took[i];
        last += took[parts - 1 - i];
    }
    f.drift = last / first;
    co_return f;
}

struct asked_number {
    using answer_type = std::uint64_t;
    std::uint64_t value;
};

bastion::process echo(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<asked_number>()) q.reply(q->value);
    }
}

bastion::process ends(bastion::context) { co_return; }

bastion::process says_and_fails(bastion::context ctx, bastion::child_ref driver) {
    driver.tell(number{1});
    (void)co_await ctx.recv();
    co_return ctx.fail("told to fail");
}

bastion::task<figure> restarts(bastion::context ctx, std::uint64_t n) {
    const auto me = ctx.self();
    const auto sup =
        ctx.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate()));
    const auto group =
        sup.spawn(bastion::children().with_exec([me](bastion::context self) { return says_and_fails(self, me); }));
    const auto child = group[0];
    const auto some_restarts = [ctx, child](std::uint64_t k) -> bastion::task<> {
        for (std::uint64_t i = 0; i < k; ++i) {
            (void)co_await ctx.recv();
            child.tell(number{1});
        }
    };
    auto f = co_await in_parts(n, some_restarts);
    sup.stop();
    co_return f;
}

bastion::task<figure> spawns(bastion::context ctx, std::uint64_t n) {
    const auto some_spawns = [ctx](std::uint64_t k) -> bastion::task<> {
        for (std::uint64_t i = 0; i < k; ++i) {
            (void)ctx.spawn(ends);
            if (i % 100 == 0) co_await ctx.yield();
        }
    };
    auto f = co_await in_parts(n, some_spawns);
    co_return f;
}

bastion::task<figure> monitors(bastion::context ctx, std::uint64_t n) {
    const auto some_monitors = [ctx](std::uint64_t k) -> bastion::task<> {
        for (std::uint64_t i = 0; i < k; ++i) {
            const auto watched = ctx.spawn_monitor(ends);
            auto m = co_await ctx.recv();
            check(m.told<bastion::down>() != nullptr, "flat: the end of who is watched");
        }
    };
    auto f = co_await in_parts(n, some_monitors);
    co_return f;
}

bastion::task<figure> asks(bastion::context ctx, std::uint64_t n) {
    const auto other = ctx.spawn(echo);
    const auto some_asks = [other](std::uint64_t k) -> bastion::task<> {
        for (std::uint64_t i = 0; i < k; ++i) {
            const auto answer = co_await other.ask<asked_number>(i);
            check(answer.has_value() && *answer == i, "flat: an answer");
        }
    };
    auto f = co_await in_parts(n, some_asks);
    other.kill();
    co_return f;
}

bastion::task<figure> timers_of(bastion::context ctx, std::uint64_t n) {
    const auto some_timers = [ctx](std::uint64_t k) -> bastion::task<> {
        for (std::uint64_t i = 0; i < k; ++i) {
            auto kept = ctx.tell_after(1h, ctx.self(), number{i});
            (void)ctx.tell_after(0ns, ctx.self(), number{i}); // this one fires
            auto m = co_await ctx.recv();
            check(value_of(m) == i, "flat: a timer");
            check(kept.cancel(), "flat: it was too late to take a timer back");
        }
    };
    auto f = co_await in_parts(n, some_timers);
    co_return f;
}

} // namespace

figure flat_restart(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, restarts, faults::expected);
}
figure flat_spawn(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, spawns); }
figure flat_monitor(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, monitors); }
figure flat_ask(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, asks); }
figure flat_timer(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, timers_of); }

} // namespace bench
