// Curves over the number of timers that are armed, each for a message in an hour.
// timers_one: beside them one is armed and taken back. timers_turn: each of them in turn, the eldest first, is taken back and armed
// anew. timers_expire: all of them are due, and are told and read; their time has come before the clock starts. The op is a timer.

#include "curves.hpp"

namespace curves {
namespace {

using namespace std::chrono_literals;

std::vector<bastion::scheduled_tell> armed;

bastion::task<void> arm_all(bastion::context ctx, std::uint64_t n) {
    armed.clear();
    armed.resize(n);
    for (std::uint64_t i = 0; i < n; ++i) {
        armed[i] = ctx.tell_after(1h, ctx.self(), number{i});
        if (i % 100 == 99) co_await ctx.yield();
    }
}

bastion::task<double> weigh_timer(bastion::context ctx, std::uint64_t n) {
    armed.resize(n);
    const double before = bench::resident_bytes();
    co_await arm_all(ctx, n);
    const double bytes = (bench::resident_bytes() - before) / static_cast<double>(n);
    armed.clear();
    co_return bytes;
}

bastion::task<double> arm_beside(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        auto late = ctx.tell_after(1h, ctx.self(), number{i});
        check(late.cancel(), "timers_one: it was too late to take one back");
        if (i % 100 == 0) co_await ctx.yield();
    }
    co_return clock.ns() / static_cast<double>(n);
}

bastion::task<double> arm_in_turn(bastion::context ctx, std::uint64_t n, std::size_t& at) {
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        check(armed[at].cancel(), "timers_turn: it was too late to take one back");
        armed[at] = ctx.tell_after(1h, ctx.self(), number{i});
        if (++at == armed.size()) at = 0;
        if (i % 100 == 0) co_await ctx.yield();
    }
    co_return clock.ns() / static_cast<double>(n);
}

void take_all_back() {
    for (auto& one : armed) check(one.cancel(), "timers: one was sent that is armed for an hour");
    armed.clear();
}

bastion::task<point> one(bastion::context ctx, request r) {
    co_await arm_all(ctx, r.x);
    const std::uint64_t ops = r.share(6'000'000);
    co_await arm_beside(ctx, ops / 10 + 1);
    const double ns = co_await arm_beside(ctx, ops);
    take_all_back();
    co_return point{.ns = ns, .ops = ops};
}

bastion::task<point> in_turn(bastion::context ctx, request r) {
    co_await arm_all(ctx, r.x);
    const std::uint64_t ops = r.share(5'000'000);
    std::size_t at = 0;
    co_await arm_in_turn(ctx, r.x, at);
    const double ns = co_await arm_in_turn(ctx, ops, at);
    take_all_back();
    co_return point{.ns = ns, .ops = ops};
}

// Keeps the only worker until all n are due, so that none is told before the clock starts. Negative: some were, the time was too short.
bastion::task<double> expire_once(bastion::context ctx, std::uint64_t n, std::chrono::nanoseconds time) {
    for (std::uint64_t i = 0; i < n; ++i) {
        (void)ctx.tell_after(time, ctx.self(), number{i});
        if (i % 100 == 99) co_await ctx.yield();
    }
    for (int i = 0; i < 200; ++i) co_await ctx.yield(); // A timer counts from its worker's next look at the clock.
    const bool early = ctx.try_recv().has_value();
    const stopwatch wait;
    while (wait.ns() < static_cast<double>((time + 1ms).count())) {}
    std::uint64_t sum = 0;
    const stopwatch clock;
    for (std::uint64_t i = early ? 1 : 0; i < n; ++i) {
        auto m = co_await ctx.recv();
        sum += value_of(m);
    }
    const double ns = clock.ns();
    check(early || sum == n * (n - 1) / 2, "timers_expire: the sum");
    co_return early ? -1 : ns;
}

bastion::task<point> expire(bastion::context ctx, request r) {
    const std::uint64_t rounds = std::clamp<std::uint64_t>(r.share(200'000) / r.x, 2, 100);
    std::chrono::nanoseconds time = 2ms + 1us * r.x;
    double ns = 0;
    for (std::uint64_t good = 0; good <= rounds;) { // the first is not timed
        const double took = co_await expire_once(ctx, r.x, time);
        if (took < 0) {
            time *= 2;
            continue;
        }
        if (good++ > 0) ns += took;
    }
    co_return point{.ns = ns / static_cast<double>(rounds * r.x), .ops = rounds * r.x};
}

// Of the armed timers `some` are visited.
point visit(const request& r, std::uint64_t some, work body) {
    const double bytes = weigh(r, 200'000, weigh_timer);
    point p = run(r, body);
    p.bytes = bytes;
    p.elements = static_cast<double>(some);
    p.list_ns = walk_ns(places_in_line(some), bytes, p.ops);
    return p;
}

} // namespace

point timers_one(const request& r) { return visit(r, 1, one); }
point timers_turn(const request& r) { return visit(r, r.x, in_turn); }
point timers_expire(const request& r) {
    check(r.workers == 1, "timers_expire: with one worker only; others would tell what is due");
    return visit(r, r.x, expire);
}

} // namespace curves
