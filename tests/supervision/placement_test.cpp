// Where processes run: bound to a node, at home on one, spread over all, near another one; and what is refused.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Two nodes with two workers each, which run wherever the system has them.
config two_nodes() { return config().with_machine("numa:2 core:2 pu:1").with_signals(false); }

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

std::string what_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const bad_spec& e) { return e.what(); }
    return "no bad_spec";
}

} // namespace

TEST_CASE("A process that is bound to a node runs nowhere else, whoever wakes it") {
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

TEST_CASE("spread deals processes out to the nodes and near puts them beside another") {
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
    rt.stop();
    CHECK(elsewhere == 0);
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
    }
}
