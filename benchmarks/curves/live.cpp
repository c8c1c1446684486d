// Curves over the number of live processes, all of which wait for a message.
// live_message: one process tells each of them in turn, in the order of their spawns; the op is a message.
// live_shuffled: the same in no order. live_ring: a token goes through all of them, in no order; the op is a hop.
// live_spawn: beside them others are spawned that finish at once; the op is a process. live_churn: each of them in turn is told to end,
// and another takes its place; the op is such a change. live_restart: beside them one fails and is restarted; the op is a restart.

#include "curves.hpp"

#include <atomic>
#include <random>

namespace curves {
namespace {

constexpr std::uint64_t batch = 100; // operations between two yields

// All are written before the first spawn, but for the refs themselves.
bastion::child_ref driver;
std::vector<bastion::child_ref> visited; // in the order of the visits
std::atomic<std::uint64_t> coming{0};
std::atomic<std::uint64_t> left{0}; // messages to be read

void come() {
    if (coming.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{0});
}
void read_one(bastion::message& m) {
    check(value_of(m) == 1, "live: what was told");
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{0});
}

bastion::process stay(bastion::context ctx) {
    come();
    for (;;) {
        auto m = co_await ctx.recv();
        read_one(m);
    }
}

bastion::process stay_for_one(bastion::context ctx) {
    come();
    auto m = co_await ctx.recv();
    read_one(m);
}

bastion::process leaf(bastion::context) {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{0});
    co_return;
}

// Passes the token on to the next place, as long as it has hops to go.
bastion::process pass_on(bastion::context ctx, std::size_t next) {
    come();
    for (;;) {
        auto m = co_await ctx.recv();
        const std::uint64_t hops = value_of(m);
        (hops == 0 ? driver : visited[next]).tell(number{hops == 0 ? 0 : hops - 1});
    }
}

bastion::task<void> wait_for_the_last(bastion::context ctx) {
    auto m = co_await ctx.recv();
    check(value_of(m) == 0 && coming == 0 && left == 0, "live: not all have come");
}

// Spawns what `body_of` gives for each place, and waits until all wait.
template <class BodyOf>
bastion::task<void> spawn_all(bastion::context ctx, std::vector<std::uint32_t> order, BodyOf body_of) {
    driver = ctx.self();
    visited.assign(order.size(), bastion::child_ref());
    coming = order.size();
    std::uint64_t made = 0;
    for (const std::uint32_t at : order) {
        visited[at] = ctx.spawn(body_of(at));
        if (++made % batch == 0) co_await ctx.yield();
    }
    co_await wait_for_the_last(ctx);
}

template <class BodyOf>
bastion::task<double> weigh_all(bastion::context ctx, std::uint64_t n, BodyOf body_of) {
    visited.reserve(n);
    visited.assign(n, bastion::child_ref()); // Its pages are there before the first reading.
    const double before = bench::resident_bytes();
    co_await spawn_all(ctx, places_in_line(n), body_of);
    co_return (bench::resident_bytes() - before) / static_cast<double>(n);
}

auto body_stay(std::uint32_t) { return stay; }
auto body_stay_for_one(std::uint32_t) { return stay_for_one; }
auto body_passer(std::uint32_t at) {
    const std::size_t next = at + 1 < visited.size() ? at + 1 : 0;
    return [next](bastion::context ctx) { return pass_on(ctx, next); };
}

bastion::task<double> weigh_stay(bastion::context ctx, std::uint64_t n) { return weigh_all(ctx, n, body_stay); }
bastion::task<double> weigh_passer(bastion::context ctx, std::uint64_t n) { return weigh_all(ctx, n, body_passer); }

std::vector<std::uint32_t> no_order(std::uint64_t n) {
    auto order = places_in_line(n);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    return order;
}

// Visits before the clock starts: each once, but no more than would fill any cache.
std::uint64_t before(const request& r) { return std::min<std::uint64_t>(r.x, 1'000'000); }
// Those that are timed: fewer where each waits for memory.
std::uint64_t messages(const request& r) { return r.share(r.x < 100'000 ? 5'000'000 : 2'000'000); }

// ---- messages

// `at`: whose turn it is.
bastion::task<double> tell_in_turn(bastion::context ctx, std::uint64_t n, std::size_t& at) {
    left = n;
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        visited[at].tell(number{1});
        if (++at == visited.size()) at = 0;
        if (i % batch == 0) co_await ctx.yield();
    }
    co_await wait_for_the_last(ctx);
    co_return clock.ns() / static_cast<double>(n);
}

bastion::task<point> tell_all(bastion::context ctx, request r, std::vector<std::uint32_t> order) {
    co_await spawn_all(ctx, std::move(order), body_stay);
    std::size_t at = 0;
    co_await tell_in_turn(ctx, before(r), at);
    const std::uint64_t ops = messages(r);
    const double ns = co_await tell_in_turn(ctx, ops, at);
    co_return point{.ns = ns, .ops = ops};
}

bastion::task<point> in_order(bastion::context ctx, request r) { return tell_all(ctx, r, places_in_line(r.x)); }
bastion::task<point> in_no_order(bastion::context ctx, request r) { return tell_all(ctx, r, no_order(r.x)); }

bastion::task<double> pass(bastion::context ctx, std::size_t first, std::uint64_t hops) {
    const stopwatch clock;
    visited[first].tell(number{hops - 1});
    co_await wait_for_the_last(ctx);
    co_return clock.ns() / static_cast<double>(hops);
}

bastion::task<point> pass_around(bastion::context ctx, request r) {
    co_await spawn_all(ctx, no_order(r.x), body_passer);
    co_await pass(ctx, 0, before(r));
    const std::uint64_t ops = messages(r);
    const double ns = co_await pass(ctx, before(r) % r.x, ops);
    co_return point{.ns = ns, .ops = ops};
}

// ---- others beside them

bastion::task<double> spawn_beside(bastion::context ctx, std::uint64_t n) {
    left = n;
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        ctx.spawn(leaf);
        if (i % batch == 0) co_await ctx.yield();
    }
    co_await wait_for_the_last(ctx);
    co_return clock.ns() / static_cast<double>(n);
}

bastion::task<point> spawn_among(bastion::context ctx, request r) {
    co_await spawn_all(ctx, places_in_line(r.x), body_stay);
    const std::uint64_t ops = r.share(3'000'000);
    co_await spawn_beside(ctx, ops / 10 + 1);
    const double ns = co_await spawn_beside(ctx, ops);
    co_return point{.ns = ns, .ops = ops};
}

bastion::task<double> change_in_turn(bastion::context ctx, std::uint64_t n, std::size_t& at) {
    left = n;
    coming = n;
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        visited[at].tell(number{1});
        visited[at] = ctx.spawn(stay_for_one);
        if (++at == visited.size()) at = 0;
        if (i % batch == 0) co_await ctx.yield();
    }
    for (int told = 0; told < 2; ++told) { // that all have ended, and that all have come
        auto m = co_await ctx.recv();
        check(value_of(m) == 0, "live_churn: what was told");
    }
    const double ns = clock.ns() / static_cast<double>(n);
    check(coming == 0 && left == 0, "live_churn: not all have come and gone");
    co_return ns;
}

bastion::task<point> change_all(bastion::context ctx, request r) {
    co_await spawn_all(ctx, places_in_line(r.x), body_stay_for_one);
    std::size_t at = 0;
    co_await change_in_turn(ctx, before(r), at);
    const std::uint64_t ops = r.share(2'000'000);
    const double ns = co_await change_in_turn(ctx, ops, at);
    co_return point{.ns = ns, .ops = ops};
}

bastion::process fail_when_told(bastion::context ctx) {
    driver.tell(number{static_cast<std::uint64_t>(ctx.incarnation())});
    auto m = co_await ctx.recv();
    check(value_of(m) == static_cast<std::uint64_t>(ctx.incarnation()), "live_restart: whose message it is");
    co_return ctx.fail("told to fail");
}

bastion::task<double> fail_often(bastion::context ctx, bastion::child_ref child, std::uint64_t from, std::uint64_t to) {
    const stopwatch clock;
    for (std::uint64_t i = from; i < to; ++i) {
        child.tell(number{i});
        auto up = co_await ctx.recv();
        check(value_of(up) == i + 1, "live_restart: the incarnation");
    }
    co_return clock.ns() / static_cast<double>(to - from);
}

bastion::task<point> fail_among(bastion::context ctx, request r) {
    co_await spawn_all(ctx, places_in_line(r.x), body_stay);
    const auto sup =
        ctx.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate()));
    const auto group = sup.spawn(bastion::children().with_exec(fail_when_told));
    auto up = co_await ctx.recv();
    check(value_of(up) == 0, "live_restart: the first incarnation");
    const std::uint64_t ops = r.share(600'000);
    const std::uint64_t first = ops / 10 + 1;
    co_await fail_often(ctx, group[0], 0, first);
    const double ns = co_await fail_often(ctx, group[0], first, first + ops);
    check(bench::log_lines() == first + ops, "live_restart: the faults that the log saw");
    co_return point{.ns = ns, .ops = ops};
}

// ----

constexpr std::uint64_t enough = 200'000; // that huge pages do not show in what one weighs

// All of the x are visited, so many lines of each.
point visit_all(const request& r, weighing weight, int lines, work body) {
    const double bytes = touched(weigh(r, enough, weight), lines);
    point p = run(r, body);
    p.bytes = bytes;
    p.elements = static_cast<double>(r.x);
    p.list_ns = walk_ns(places(visited), bytes, p.ops);
    return p;
}

// Only `some` are, and not of those x.
point visit_others(const request& r, std::uint64_t some, work body, faults expected = faults::none) {
    const double bytes = weigh(r, enough, weigh_stay);
    point p = run(r, body, expected);
    p.bytes = bytes;
    p.elements = static_cast<double>(some);
    p.list_ns = walk_ns(places_in_line(some), bytes, p.ops);
    return p;
}

} // namespace

point live_message(const request& r) { return visit_all(r, weigh_stay, 6, in_order); }
point live_shuffled(const request& r) { return visit_all(r, weigh_stay, 6, in_no_order); }
point live_ring(const request& r) { return visit_all(r, weigh_passer, 7, pass_around); }
point live_churn(const request& r) { return visit_all(r, weigh_stay, 8, change_all); }
point live_spawn(const request& r) { return visit_others(r, batch, spawn_among); }
point live_restart(const request& r) { return visit_others(r, 1, fail_among, faults::expected); }

} // namespace curves
