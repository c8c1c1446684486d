// Curves over the size of a group and over the depth of a tree.
// group_one: the members of a group fail in turn, each is restarted alone; the op is a restart. group_all: one fails, and all are
// restarted; the op is a member. group_broadcast: one value to all members; the op is a member, which has read it.
// tree_restart: below so many supervisors a child fails and is restarted. tree_spawn: there, processes are spawned that finish at once.
// tree_chain: so many supervisors, one below the other, are started and stopped; the op is a level.

#include "curves.hpp"

#include <atomic>

namespace curves {
namespace {

// Both are written before the first spawn.
bastion::child_ref driver;
std::vector<bastion::child_ref> visited;
std::atomic<std::uint64_t> left{0};

bastion::supervisor with_immediate_restarts() {
    return bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate());
}

bastion::process fail_when_told(bastion::context ctx) {
    driver.tell(number{static_cast<std::uint64_t>(ctx.incarnation())});
    auto m = co_await ctx.recv();
    check(value_of(m) == static_cast<std::uint64_t>(ctx.incarnation()), "whose message it is");
    co_return ctx.fail("told to fail");
}

// Waits until n incarnations, all the `which`-th of their member, are there.
bastion::task<void> wait_for(bastion::context ctx, std::uint64_t n, std::uint64_t which) {
    for (std::uint64_t i = 0; i < n; ++i) {
        auto up = co_await ctx.recv();
        check(value_of(up) == which, "the incarnation");
    }
}

// ---- groups

bastion::task<bastion::children_ref> start_group(bastion::context ctx, std::uint64_t n, bastion::restart_scope scope) {
    driver = ctx.self();
    const auto sup = ctx.spawn(with_immediate_restarts());
    auto group = sup.spawn(bastion::children()
            .with_redundancy(static_cast<std::uint32_t>(n))
            .with_restart_scope(scope)
            .with_exec(fail_when_told));
    co_await wait_for(ctx, n, 0);
    visited.assign(group.begin(), group.end());
    co_return group;
}

bastion::task<double> weigh_member(bastion::context ctx, std::uint64_t n) {
    const double before = bench::resident_bytes();
    const auto group = co_await start_group(ctx, n, bastion::restart_scope::element);
    co_return (bench::resident_bytes() - before) / static_cast<double>(group.size());
}

bastion::task<double> fail_in_turn(bastion::context ctx, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t size = visited.size();
    const stopwatch clock;
    for (std::uint64_t i = from; i < to; ++i) {
        visited[i % size].tell(number{i / size});
        co_await wait_for(ctx, 1, i / size + 1);
    }
    co_return clock.ns() / static_cast<double>(to - from);
}

bastion::task<point> fail_alone(bastion::context ctx, request r) {
    const auto group = co_await start_group(ctx, r.x, bastion::restart_scope::element);
    const std::uint64_t ops = r.share(600'000);
    const std::uint64_t first = std::min<std::uint64_t>(r.x, 100'000) + ops / 10;
    co_await fail_in_turn(ctx, 0, first);
    const double ns = co_await fail_in_turn(ctx, first, first + ops);
    check(group.alive() && bench::log_lines() == first + ops, "group_one: the faults that the log saw");
    co_return point{.ns = ns, .ops = ops};
}

bastion::task<double> fail_together(bastion::context ctx, std::uint64_t from, std::uint64_t to) {
    const stopwatch clock;
    for (std::uint64_t i = from; i < to; ++i) {
        visited[i % visited.size()].tell(number{i});
        co_await wait_for(ctx, visited.size(), i + 1);
    }
    co_return clock.ns() / static_cast<double>((to - from) * visited.size());
}

bastion::task<point> fail_with_all(bastion::context ctx, request r) {
    const auto group = co_await start_group(ctx, r.x, bastion::restart_scope::group);
    const std::uint64_t rounds = std::max<std::uint64_t>(r.share(1'000'000) / r.x, 2);
    const std::uint64_t first = rounds / 10 + 1;
    co_await fail_together(ctx, 0, first);
    const double ns = co_await fail_together(ctx, first, first + rounds);
    check(group.alive() && bench::log_lines() == first + rounds, "group_all: the faults that the log saw");
    co_return point{.ns = ns, .ops = rounds * r.x};
}

bastion::process hear(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        const number* const heard = m.broadcast<number>();
        check(heard != nullptr && heard->value == 1, "group_broadcast: what was heard");
        if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{0});
    }
}

bastion::task<double> broadcast(bastion::context ctx, bastion::children_ref group, std::uint64_t rounds) {
    const stopwatch clock;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        left = group.size();
        check(group.broadcast(number{1}) == group.size(), "group_broadcast: who took it");
        co_await wait_for(ctx, 1, 0);
    }
    co_return clock.ns() / static_cast<double>(rounds * group.size());
}

bastion::task<point> broadcast_to_all(bastion::context ctx, request r) {
    driver = ctx.self();
    const auto group = ctx.spawn(bastion::children().with_redundancy(static_cast<std::uint32_t>(r.x)).with_exec(hear));
    auto started = co_await group.started();
    check(started.has_value(), "group_broadcast: the group did not start");
    visited.assign(group.begin(), group.end());
    const std::uint64_t rounds = std::max<std::uint64_t>(r.share(5'000'000) / r.x, 2);
    co_await broadcast(ctx, group, rounds / 10 + 1);
    const double ns = co_await broadcast(ctx, group, rounds);
    co_return point{.ns = ns, .ops = rounds * r.x};
}

// ---- trees

// The supervisor at the top of `depth` of them; `lowest` has what is below all.
bastion::supervisor chain(std::uint64_t depth, bastion::supervisor lowest) {
    for (std::uint64_t i = 1; i < depth; ++i) lowest = with_immediate_restarts().with_supervisor(std::move(lowest));
    return lowest;
}

bastion::process wait_below(bastion::context ctx) {
    driver.tell(number{0});
    auto m = co_await ctx.recv();
    m.unhandled();
}

bastion::task<point> fail_below(bastion::context ctx, request r) {
    driver = ctx.self();
    const auto top = ctx.spawn(
        chain(r.x, with_immediate_restarts().with_children(bastion::children().with_exec([](bastion::context self) {
            visited.assign(1, self.self()); // The next message to the driver says that it is there.
            return fail_when_told(self);
        }))));
    co_await wait_for(ctx, 1, 0);
    const std::uint64_t ops = r.share(600'000);
    const std::uint64_t first = ops / 10 + 1;
    co_await fail_in_turn(ctx, 0, first);
    const double ns = co_await fail_in_turn(ctx, first, first + ops);
    check(top.alive() && bench::log_lines() == first + ops, "tree_restart: the faults that the log saw");
    co_return point{.ns = ns, .ops = ops};
}

bastion::process leaf(bastion::context, bastion::child_ref spawner) {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) spawner.tell(number{0});
    co_return;
}

// Waits to be told how many.
bastion::process spawn_often(bastion::context ctx) {
    const bastion::child_ref me = ctx.self();
    driver.tell(number{0});
    for (;;) {
        auto m = co_await ctx.recv();
        const std::uint64_t n = value_of(m);
        left = n;
        for (std::uint64_t i = 1; i <= n; ++i) {
            ctx.spawn([me](bastion::context self) { return leaf(self, me); });
            if (i % 100 == 0) co_await ctx.yield();
        }
        co_await wait_for(ctx, 1, 0);
        driver.tell(number{0});
    }
}

bastion::task<double> spawn_there(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    visited[0].tell(number{n});
    co_await wait_for(ctx, 1, 0);
    co_return clock.ns() / static_cast<double>(n);
}

bastion::task<point> spawn_below(bastion::context ctx, request r) {
    driver = ctx.self();
    const auto top = ctx.spawn(
        chain(r.x, bastion::supervisor().with_children(bastion::children().with_exec([](bastion::context self) {
            visited.assign(1, self.self());
            return spawn_often(self);
        }))));
    co_await wait_for(ctx, 1, 0);
    const std::uint64_t ops = r.share(2'000'000);
    co_await spawn_there(ctx, ops / 10 + 1);
    const double ns = co_await spawn_there(ctx, ops);
    check(top.alive(), "tree_spawn: the tree has ended");
    co_return point{.ns = ns, .ops = ops};
}

bastion::task<double> start_and_stop(bastion::context ctx, std::uint64_t depth, std::uint64_t rounds) {
    double ns = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        auto described = chain(depth, bastion::supervisor().with_children(bastion::children().with_exec(wait_below)));
        const stopwatch clock;
        const auto top = ctx.spawn(std::move(described));
        co_await wait_for(ctx, 1, 0);
        const auto watch = ctx.monitor(top);
        top.stop();
        auto end = co_await ctx.recv();
        check(end.told<bastion::down>() != nullptr, "tree_chain: the end of the tree");
        ns += clock.ns();
    }
    co_return ns / static_cast<double>(rounds * depth);
}

bastion::task<point> start_and_stop_all(bastion::context ctx, request r) {
    driver = ctx.self();
    const std::uint64_t rounds = std::max<std::uint64_t>(r.share(30'000) / r.x, 2);
    co_await start_and_stop(ctx, r.x, rounds / 10 + 1);
    const double ns = co_await start_and_stop(ctx, r.x, rounds);
    co_return point{.ns = ns, .ops = rounds * r.x};
}

// Of supervisors with a child each.
bastion::task<double> weigh_level(bastion::context ctx, std::uint64_t n) {
    driver = ctx.self();
    const double before = bench::resident_bytes();
    for (std::uint64_t i = 0; i < n; ++i) {
        ctx.spawn(bastion::supervisor().with_children(bastion::children().with_exec(wait_below)));
        co_await wait_for(ctx, 1, 0);
    }
    co_return (bench::resident_bytes() - before) / static_cast<double>(n);
}

// ----

constexpr std::uint64_t enough = 100'000;

point visit_members(const request& r, work body, faults expected = faults::expected) {
    const double bytes = weigh(r, enough, weigh_member);
    point p = run(r, body, expected);
    p.bytes = bytes;
    p.elements = static_cast<double>(r.x);
    p.list_ns = walk_ns(places(visited), bytes, p.ops);
    return p;
}

// Of the levels `some` are visited.
point visit_levels(const request& r, std::uint64_t some, work body, faults expected) {
    const double bytes = weigh(r, enough / 5, weigh_level);
    point p = run(r, body, expected);
    p.bytes = bytes;
    p.elements = static_cast<double>(some);
    p.list_ns = walk_ns(places_in_line(some), bytes, p.ops);
    return p;
}

} // namespace

point group_one(const request& r) { return visit_members(r, fail_alone); }
point group_all(const request& r) { return visit_members(r, fail_with_all); }
point group_broadcast(const request& r) { return visit_members(r, broadcast_to_all, faults::none); }
point tree_restart(const request& r) { return visit_levels(r, 1, fail_below, faults::expected); }
point tree_spawn(const request& r) { return visit_levels(r, 1, spawn_below, faults::none); }
point tree_chain(const request& r) { return visit_levels(r, r.x, start_and_stop_all, faults::none); }

} // namespace curves
