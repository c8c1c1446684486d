// Where processes run: bound to a node, at home on one, spread over all, near another one; and what is refused.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Two nodes with two workers each, which run wherever the system has them.
config two_nodes() { return config().with_machine("numa:2 core:2 pu:1").with_signals(false); }

struct die {};
struct where {
    using answer_type = int;
};
struct work {
    int rounds;
};

// Says on which node it began, and counts when it finds itself on another one.
auto at_home(std::atomic<int>& elsewhere) {
    return [&elsewhere](context ctx) -> process {
        const int home = ctx.node();
        for (;;) {
            auto m = co_await ctx.recv();
            if (ctx.node() != home) ++elsewhere;
            if (auto* w = m.told<work>()) {
                for (int i = 0; i < w->rounds; ++i) {
                    if (i % 3 == 0) co_await ctx.sleep_for(10us);
                    else co_await ctx.yield();
                    if (ctx.node() != home) ++elsewhere;
                }
            }
            if (auto q = m.asked<where>()) q.reply(home);
        }
    };
}

int node_of(runtime& rt, const child_ref& who) {
    const auto r = rt.run(who.ask(where{}));
    REQUIRE(r);
    return *r;
}

int node_here() { return detail::this_thread().current_worker->node().number; }

// The node of a task; -1: it was on another one, too.
task<int> wanders() {
    const int first = node_here();
    for (int i = 0; i < 20; ++i) {
        if (i % 3 == 0) co_await sleep_wait(10us);
        else co_await yield_wait();
        if (node_here() != first) co_return -1;
    }
    co_return first;
}

struct spawn_all {
    using answer_type = std::vector<int>;
    placement at;
};

// Each way that there is in a process, for a body and for a task.
template <class F>
std::vector<child_ref> processes_at(context ctx, const F& body, placement at) {
    std::vector<child_ref> all;
    all.push_back(ctx.spawn(body, at));
    all.push_back(ctx.spawn_child(body, at));
    all.push_back(ctx.supervisor().spawn(body, at));
    return all;
}
std::vector<join_handle<int>> tasks_at(context ctx, placement at) {
    std::vector<join_handle<int>> all;
    all.push_back(ctx.spawn(wanders(), at));
    all.push_back(ctx.spawn_child(wanders(), at));
    all.push_back(ctx.supervisor().spawn(wanders(), at));
    all.push_back(bastion::spawn(wanders(), at));
    return all;
}

// Spawns in each of them, and answers on which nodes they are.
process spawner(context ctx, std::atomic<int>& elsewhere) {
    auto m = co_await ctx.recv();
    auto q = m.asked<spawn_all>();
    const placement at = q->at;
    const auto body = at_home(elsewhere);
    std::vector<child_ref> processes = processes_at(ctx, body, at);
    const auto linked = ctx.spawn_link(body, at);
    processes.push_back(linked);
    const auto watched = ctx.spawn_monitor(body, at);
    processes.push_back(watched.first);
    auto tasks = tasks_at(ctx, at);
    std::vector<int> nodes;
    for (const child_ref& p : processes) {
        const auto r = co_await p.ask(where{});
        nodes.push_back(r ? *r : -2);
    }
    for (join_handle<int>& t : tasks) {
        const auto r = co_await t;
        nodes.push_back(r ? *r : -2);
    }
    // The one is watched, and the other is linked.
    ctx.trap_exit();
    watched.first.kill();
    const auto down = co_await ctx.recv<bastion::down>();
    nodes.push_back(down.is_of(watched.second) ? 0 : -3);
    linked.kill();
    const auto gone = co_await ctx.recv<exited>();
    nodes.push_back(gone.who() == linked ? 0 : -3);
    q.reply(nodes);
    (void)co_await ctx.recv<stop_request>(); // until then its child lives
}

task<int> stands() { co_return node_here(); }

// Ends when so many of them run at the same time. The nodes where it has been.
task<std::vector<int>> meets(std::atomic<int>& there, int all) {
    std::vector<int> nodes = {node_here()};
    for (++there; there < all;) std::this_thread::yield();
    scope inner;
    auto below = inner.fork(stands());
    co_await inner.join();
    nodes.push_back(*below);
    co_await blocking([] {});
    nodes.push_back(node_here());
    co_return nodes;
}

// Of so many tasks that it forks, which meet.
task<std::vector<int>> nodes_of_forks(int all) {
    std::atomic<int> there{0};
    std::vector<int> nodes;
    scope s;
    auto a = s.fork(meets(there, all));
    auto b = s.fork(meets(there, all));
    if (all == 3) {
        auto c = s.fork(meets(there, all));
        co_await s.join();
        nodes = *c;
    } else {
        co_await s.join();
    }
    for (const auto* some : {&*a, &*b}) nodes.insert(nodes.end(), some->begin(), some->end());
    co_return nodes;
}

// Two of which the second ends behind the first, on another worker: each runs while the other does.
task<void> ends_first(std::atomic<int>& step) {
    while (step != 1) std::this_thread::yield();
    step = 2;
    co_return;
}
task<void> ends_last(std::atomic<int>& step) {
    step = 1;
    while (step != 2) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    co_return;
}

// A forked task that goes on where the last that it has forked itself has ended, and waits for a function then.
task<int> goes_on_elsewhere() {
    std::atomic<int> step{0};
    scope s;
    auto last = s.fork(ends_last(step)); // the eldest is stolen first
    auto first = s.fork(ends_first(step));
    co_await s.join();
    co_await blocking([] {});
    co_return node_here();
}

struct refusals {
    using answer_type = std::vector<std::string>;
};

std::string what_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const bad_spec& e) { return e.what(); }
    return "no bad_spec";
}

// What each way to spawn in a process says.
std::vector<std::string> refused_in(context ctx, placement at) {
    const auto body = [](context own) -> process { (void)co_await own.recv(); };
    std::vector<std::string> said;
    const auto note = [&said](const std::function<void()>& f) { said.push_back(what_of(f)); };
    note([&] { (void)ctx.spawn_child(body, at); });
    note([&] { (void)ctx.spawn_link(body, at); });
    note([&] { (void)ctx.spawn_monitor(body, at); });
    note([&] { (void)ctx.spawn(wanders(), at); });
    note([&] { (void)ctx.spawn_child(wanders(), at); });
    note([&] { (void)ctx.supervisor().spawn(wanders(), at); });
    note([&] { (void)bastion::spawn(wanders(), at); });
    return said;
}

} // namespace

TEST_CASE("A process that is bound to a node runs nowhere else, whoever wakes it") {
    test::acceptance("B12");
    std::atomic<int> elsewhere{0};
    runtime rt(two_nodes());
    std::vector<children_ref> groups;
    for (const int node : {0, 1})
        groups.push_back(rt.spawn(
            children().with_redundancy(50).with_exec(at_home(elsewhere)).with_placement(placement::node(node))));
    const auto anywhere = rt.spawn(children().with_redundancy(20).with_exec([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* to = m.told<child_ref>()) {
                to->tell(work{5});
                (void)co_await to->ask(where{});
                to->tell(work{5});
            }
        }
    }));
    for (std::size_t i = 0; i < 50; ++i)
        for (const auto& group : groups) anywhere[i % 20].tell(group[i]);
    for (const auto& group : groups) group.broadcast(work{20});
    for (const int node : {0, 1})
        for (std::size_t i = 0; i < 50; ++i) CHECK(node_of(rt, groups[static_cast<std::size_t>(node)][i]) == node);
    CHECK(elsewhere == 0);
    // Restarted it is where it was.
    groups[1][0].exit(exit_reason::error("again"));
    CHECK(node_of(rt, groups[1][0]) == 1);
    const auto function = rt.spawn(at_home(elsewhere), placement::node(1));
    CHECK(node_of(rt, function) == 1);
    rt.stop();
    CHECK(elsewhere == 0);
}

TEST_CASE("What a bound process forks stays on its node, also behind a blocking function, and is shared there") {
    runtime rt(two_nodes().with_max_spare_workers(0).with_slice_log([](const long_slice&) {}));
    for (int node : {0, 1, 1, 0}) {
        std::atomic<int> elsewhere{-1};
        const auto forks = [&](context ctx) -> process {
            int others = 0;
            for (int round = 0; round < 20; ++round) {
                const std::vector<int> nodes = co_await nodes_of_forks(2);
                for (int seen : nodes) others += seen != ctx.node();
            }
            elsewhere = others;
        };
        const auto who = rt.spawn(forks, placement::node(node).bound());
        while (who.alive()) std::this_thread::yield();
        CHECK(elsewhere == 0);
    }
    for (int node : {0, 1}) {
        std::atomic<int> elsewhere{-1};
        const auto forks = [&](context ctx) -> process {
            int others = 0;
            for (int round = 0; round < 20; ++round) {
                scope s;
                auto one = s.fork(goes_on_elsewhere());
                co_await s.join();
                others += *one != ctx.node();
            }
            elsewhere = others;
        };
        const auto who = rt.spawn(forks, placement::node(node).bound());
        while (who.alive()) std::this_thread::yield();
        CHECK(elsewhere == 0);
    }
    // Three that meet need a worker of the other node: this test would see it.
    std::atomic<int> kinds{0};
    const auto forks = [&](context) -> process {
        const auto nodes = co_await nodes_of_forks(3);
        kinds = static_cast<int>(std::set<int>(nodes.begin(), nodes.end()).size());
    };
    const auto who = rt.spawn(forks);
    while (who.alive()) std::this_thread::yield();
    CHECK(kinds > 1);
}

TEST_CASE("spread deals processes out to the nodes and near puts them beside another") {
    test::acceptance("B12");
    std::atomic<int> elsewhere{0};
    std::atomic<int> left{0}; // by one that may leave its home
    runtime rt(two_nodes());
    const auto body = at_home(elsewhere);
    const auto count = [&rt](const children_ref& group) {
        std::map<int, int> n;
        for (std::size_t i = 0; i < group.size(); ++i) ++n[node_of(rt, group[i])];
        return n;
    };
    const auto spread =
        rt.spawn(children().with_redundancy(101).with_exec(body).with_placement(placement::spread().bound()));
    const auto n = count(spread);
    CHECK(std::abs(n.at(0) - n.at(1)) == 1);
    // The next goes where fewer are.
    const auto one = rt.spawn(body, placement::spread().bound());
    CHECK(node_of(rt, one) == (n.at(0) < n.at(1) ? 0 : 1));
    for (const int node : {0, 1}) {
        const auto of = rt.spawn(body, placement::node(node));
        const auto beside =
            rt.spawn(children().with_redundancy(20).with_exec(body).with_placement(placement::near(of).bound()));
        CHECK(count(beside) == std::map<int, int>{{node, 20}});
        const auto child = rt.spawn([&body, of](context ctx) -> process {
            auto m = co_await ctx.recv();
            auto q = m.asked<where>();
            const auto made = ctx.spawn(body, placement::near(of).bound());
            auto r = co_await made.ask(where{});
            q.reply(*r);
        });
        CHECK(node_of(rt, child) == node);
    }
    // Of one that has gone its memory is left; of one that was nowhere at home, too. Both are somewhere.
    const auto gone = rt.spawn([](context) -> process { co_return; });
    const auto after = rt.spawn(at_home(left), placement::near(gone));
    const int there = node_of(rt, after);
    CHECK((there == 0 || there == 1));
    // Near one that was never at home anywhere, and is not: all on one node, and bound as they are to be.
    const auto nowhere = rt.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    const auto beside =
        rt.spawn(children().with_redundancy(20).with_exec(body).with_placement(placement::near(nowhere).bound()));
    CHECK(count(beside).size() == 1);
    for (int i = 0; i < 20; ++i) CHECK(beside[static_cast<std::size_t>(i)].where().block->bound);
    const auto later = rt.spawn(body, placement::near(nowhere).bound());
    CHECK(node_of(rt, later) == count(beside).begin()->first);
    rt.stop();
    CHECK(elsewhere == 0);
}

TEST_CASE("A placement goes with each way to spawn a process or a task") {
    std::atomic<int> elsewhere{0};
    runtime rt(two_nodes());
    for (const int node : {0, 1}) {
        // From the other node, where all would be that is put nowhere in particular.
        const auto from =
            rt.spawn([&elsewhere](context ctx) { return spawner(ctx, elsewhere); }, placement::node(1 - node));
        const auto nodes = rt.run(from.ask(spawn_all{placement::node(node)}));
        REQUIRE(nodes.has_value());
        CHECK(*nodes == std::vector<int>{node, node, node, node, node, node, node, node, node, 0, 0});
        const auto by_runtime = rt.run(rt.spawn(wanders(), placement::node(node)));
        CHECK(by_runtime.value_or(-2) == node);
    }
    rt.stop();
    CHECK(elsewhere == 0);
}

TEST_CASE("Children of a template are where it says, also after a restart, and so is what restart_child starts") {
    std::atomic<int> elsewhere{0};
    runtime rt(two_nodes());
    const auto body = at_home(elsewhere);
    const auto beside = rt.spawn(body, placement::node(1));
    const auto nodes_of = [&](const auto& all) {
        std::map<int, int> n;
        for (const child_ref& who : all) ++n[node_of(rt, who)];
        return n;
    };
    struct expected {
        placement at;
        std::map<int, int> nodes; // of four
    };
    for (const expected& e : {expected{placement::node(0), {{0, 4}}}, expected{placement::node(1), {{1, 4}}},
             expected{placement::spread().bound(), {{0, 2}, {1, 2}}},
             expected{placement::near(beside).bound(), {{1, 4}}}}) {
        const auto simple = rt.spawn(supervisor()
                .with_strategy(strategy::simple_one_for_one)
                .with_intensity(10, 1h)
                .with_children(children().with_placement(e.at).with_template(
                    [body](context ctx, int) -> process { return body(ctx); })));
        std::vector<child_ref> made;
        for (int i = 0; i < 4; ++i) {
            const auto child = rt.run(simple.start_child(i));
            REQUIRE(child.has_value());
            made.push_back(child->element);
        }
        CHECK(nodes_of(made) == e.nodes);
        std::vector<int> before;
        for (const child_ref& who : made) before.push_back(node_of(rt, who));
        for (const child_ref& who : made) who.exit(exit_reason::error("again"));
        for (std::size_t i = 0; i < made.size(); ++i) CHECK(node_of(rt, made[i]) == before[i]);

        const auto named = rt.spawn(supervisor().with_specs_kept().with_children(
            children().with_name("a").with_redundancy(4).with_exec(body).with_placement(e.at)));
        const auto terminated = rt.run(named.terminate_child("a"));
        REQUIRE(terminated.has_value());
        const auto again = rt.run(named.restart_child("a"));
        REQUIRE(again.has_value());
        CHECK(nodes_of(again->group.current()) == e.nodes);
    }
    rt.stop();
    CHECK(elsewhere == 0);
}

TEST_CASE("A snapshot says where processes are at home, and what their groups' placements are") {
    const auto body = [](context ctx) -> process { (void)co_await ctx.recv<die>(); };
    testing::simulation sim(1, testing::settings().with_workers(2).with_nodes(2));
    runtime& rt = sim.runtime();
    const auto beside = rt.spawn(body, placement::node(1));
    const auto group_at = [&](placement at) {
        const auto above =
            rt.spawn(supervisor().with_children(children().with_redundancy(2).with_exec(body).with_placement(at)));
        sim.settle();
        const auto seen = rt.run(above.snapshot());
        REQUIRE(seen.has_value());
        CHECK_FALSE(seen->root.placement);
        CHECK_FALSE(seen->root.children[0].placement); // bare functions
        REQUIRE(seen->root.children[1].children.size() == 2);
        return seen->root.children[1];
    };
    snapshot_entry g = group_at(placement::node(1));
    CHECK(g.placement == placement::node(1));
    for (const auto& e : g.children) CHECK(e.placement == placement::node(1));
    g = group_at(placement::node(0).soft());
    CHECK(g.placement == placement::node(0).soft());
    for (const auto& e : g.children) CHECK(e.placement == placement::node(0).soft());
    g = group_at(placement::spread().bound());
    CHECK(g.placement == placement::spread().bound());
    REQUIRE(g.children[0].placement);
    REQUIRE(g.children[1].placement);
    CHECK(g.children[0].placement->number() == 1 - g.children[1].placement->number());
    CHECK(g.children[0].placement->is_bound());
    g = group_at(placement::near(beside));
    CHECK(g.placement == placement::near(beside));
    for (const auto& e : g.children) CHECK(e.placement == placement::node(1).soft());
    g = group_at(placement::any());
    CHECK_FALSE(g.placement);
    for (const auto& e : g.children) CHECK_FALSE(e.placement);

    rt.spawn(body);
    sim.settle();
    const snapshot bare = rt.snapshot();
    REQUIRE(bare.root.children.at(0).children.size() == 2);
    CHECK(bare.root.children[0].children[0].placement == placement::node(1));
    CHECK_FALSE(bare.root.children[0].children[1].placement);
}

TEST_CASE("A placement that cannot be is refused, by whom it is and what there is") {
    runtime rt(two_nodes());
    const auto body = [](context ctx) -> process { (void)co_await ctx.recv(); };
    const auto group = [&body](const char* name, placement p) {
        return children().with_name(name).with_exec(body).with_placement(p);
    };
    const std::string says = "placement::node(9): the runtime has workers on nodes 0, 1";
    const auto contains = [](const std::string& text) { return BASTION_CATCH_CONTAINS(text); };
    CHECK_THAT(what_of([&] { (void)rt.spawn(group("c", placement::node(9))); }),
        contains("children(\"c\")") && contains("with_placement: " + says));
    CHECK_THAT(what_of([&] {
        (void)rt.spawn(supervisor().with_supervisor(supervisor().with_children(group("d", placement::node(9)))));
    }),
        contains("children(\"d\")") && contains(says));
    CHECK_THAT(
        what_of([&] { (void)rt.spawn(body, placement::node(9)); }), contains("a process spawned at") && contains(says));
    CHECK_THAT(
        what_of([&] { (void)rt.spawn(body, placement::near(child_ref())); }), contains("near a ref that names nobody"));
    CHECK_THAT(what_of([&] { (void)rt.spawn(wanders(), placement::node(9)); }),
        contains("a process spawned at placement_test.cpp") && contains(says));
    const auto asked = rt.spawn([](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<refusals>();
        q.reply(refused_in(ctx, placement::node(9)));
    });
    const auto inside = rt.run(asked.ask(refusals{}));
    REQUIRE(inside.has_value());
    CHECK(inside->size() == 7);
    for (const std::string& text : *inside)
        CHECK_THAT(text, contains("a process spawned at placement_test.cpp") && contains(says));
    const auto sup = rt.spawn(supervisor());
    CHECK_THAT(what_of([&] { (void)sup.start_child(group("e", placement::node(9))); }), contains(says));
    CHECK_THAT(what_of([&] {
        (void)sup.reconfigure(supervisor().with_specs_kept().with_children(group("f", placement::node(9))));
    }),
        contains(says));
    rt.stop();

    std::atomic<int> elsewhere{0};
    runtime small(config().with_machine("numa:2 core:2 pu:1").with_workers(1).with_signals(false));
    CHECK_THAT(
        what_of([&] { (void)small.spawn(body, placement::node(1)); }), contains("the runtime has workers on node 0"));
    CHECK(node_of(small, small.spawn(at_home(elsewhere), placement::node(0))) == 0);
}

TEST_CASE("Every seed: who is bound stays where it is, and nobody waits for ever") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        std::atomic<int> bound_elsewhere{0};
        std::atomic<int> moves{0};
        testing::simulation sim(seed, testing::settings().with_workers(1 + seed % 5).with_nodes(1 + seed % 3));
        std::atomic<int> forks_elsewhere{0};
        const auto forks = [&](context ctx) -> process {
            for (int i = 0; i < 4; ++i) {
                scope s;
                auto a = s.fork(stands());
                auto b = s.fork(stands());
                co_await s.join();
                for (int seen : {*a, *b}) forks_elsewhere += seen != ctx.node();
                co_await ctx.yield();
            }
        };
        for (int i = 0; i < 3; ++i) sim.runtime().spawn(forks, placement::spread().bound());
        const auto wishes = {placement::spread().bound(), placement::spread(), placement::any(), placement::node(0)};
        std::vector<child_ref> all;
        for (int i = 0; i < 4; ++i)
            for (const placement& p : wishes)
                all.push_back(sim.runtime().spawn(at_home(p.is_bound() ? bound_elsewhere : moves), p));
        for (int round = 0; round < 5; ++round)
            for (const auto& r : all) r.tell(work{4});
        sim.advance(1s);
        for (const auto& r : all) (void)node_of(sim.runtime(), r);
        const auto beside = sim.runtime().spawn(at_home(bound_elsewhere), placement::near(all.front()).bound());
        CHECK(node_of(sim.runtime(), beside) == node_of(sim.runtime(), all.front()));
        CHECK(bound_elsewhere == 0);
        CHECK(forks_elsewhere == 0);
    }
}
