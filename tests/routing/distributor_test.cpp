// Distributors: one member in turn, all of them, members that come and go.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <map>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using testing::simulation;

namespace {

struct whoami {
    using answer_type = int;
};
struct number {
    int value;
};
struct die {};

// Says its number in the group, and remembers what it was told.
struct log_of_all {
    std::map<int, std::vector<int>> told;
};
auto member_of(log_of_all& log) {
    return [&log](context ctx) -> process {
        const int me = static_cast<int>(ctx.block().index);
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto q = msg.asked<whoami>()) q.reply(me);
            else if (auto* n = msg.told<number>()) log.told[me].push_back(n->value);
            else if (auto* t = msg.told<std::string>()) log.told[me].push_back(static_cast<int>(t->size()));
            else if (msg.told<die>() != nullptr) co_return;
            else if (auto s = msg.asked<std::string>()) s.reply(*s + "!");
            else msg.unhandled();
        }
    };
}

} // namespace

TEST_CASE("A distributor sends to its members in turn, from the moment that their group is spawned") {
    simulation sim(1);
    log_of_all log;
    auto& rt = sim.runtime();
    (void)rt.spawn(children().with_redundancy(3).with_distributor("staff").with_exec(member_of(log)));
    const auto staff = rt.distributor("staff");
    CHECK(staff.size() == 3);
    CHECK(staff.name() == "staff");
    for (int i = 0; i < 6; ++i) CHECK(staff.tell_one(number{i}) == delivery::accepted);
    sim.settle();
    CHECK(log.told == std::map<int, std::vector<int>>{{0, {0, 3}}, {1, {1, 4}}, {2, {2, 5}}});
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) {
        auto r = rt.run(staff.ask_one(whoami()));
        REQUIRE(r.has_value());
        order.push_back(*r);
    }
    CHECK(std::set<int>(order.begin(), order.end()) == std::set<int>{0, 1, 2});
    auto loud = rt.run(staff.request<std::string>("hello"));
    REQUIRE(loud.has_value());
    CHECK(*loud == "hello!");
}

TEST_CASE("A distributor asks and tells everyone: an answer or an error for each") {
    simulation sim(1);
    log_of_all log;
    auto& rt = sim.runtime();
    auto group = rt.spawn(children().with_redundancy(3).with_distributor("staff").with_exec(member_of(log)));
    const auto staff = rt.distributor("staff");
    CHECK(staff.tell_everyone(number{7}) == 3);
    CHECK(staff.tell_everyone("four") == 3);
    sim.settle();
    CHECK(log.told == std::map<int, std::vector<int>>{{0, {7, 4}}, {1, {7, 4}}, {2, {7, 4}}});

    sim.panic_at(group[1], 1);
    auto answers = staff.ask_everyone(whoami());
    REQUIRE(answers.size() == 3);
    int sum = 0;
    int errors = 0;
    for (auto& a : answers) {
        auto r = rt.run(std::move(a));
        if (r) sum += *r;
        else if (r.error().code() == errc::target_died) ++errors;
    }
    CHECK(sum == 0 + 2);
    CHECK(errors == 1);
    auto typed = staff.ask_everyone<std::string>("x");
    REQUIRE(typed.size() == 3);
    for (auto& a : typed) {
        auto r = rt.run(std::move(a));
        REQUIRE(r.has_value());
        CHECK(*r == "x!");
    }
}

TEST_CASE("Members of a group stay over restarts and leave when they end for good") {
    test::acceptance("B10");
    simulation sim(1);
    log_of_all log;
    auto& rt = sim.runtime();
    auto group = rt.spawn(children()
            .with_redundancy(3)
            .with_distributor("staff")
            .with_restart_scope(restart_scope::element)
            .with_exec(member_of(log)));
    const auto staff = rt.distributor("staff");
    sim.panic_at(group[0], 1);
    group[0].tell(number{1});
    (void)sim.expect_restart(group[0]);
    CHECK(staff.size() == 3);
    CHECK(staff.contains(group[0]));
    group[1].tell(die());
    (void)sim.expect_exit(group[1]);
    CHECK(staff.size() == 2);
    CHECK_FALSE(staff.contains(group[1]));
    group.stop();
    sim.settle();
    CHECK(staff.empty());
    CHECK(staff.tell_one(number{1}) == delivery::noproc);
    auto none = rt.run(staff.ask_one(whoami()));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code() == errc::noproc);
    CHECK(staff.ask_everyone(whoami()).empty());
}

TEST_CASE("Who subscribes itself leaves at its restart, whom others subscribe stays") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto own = rt.distributor("own");
    const auto others = rt.distributor("others");
    auto group =
        rt.spawn(children().with_restart_scope(restart_scope::element).with_exec([own](context ctx) -> process {
            if (ctx.incarnation() == 0) {
                const bool in = own.subscribe(ctx.self());
                testing::expect(in && own.subscribe(ctx.self()), "a member, and still one");
            }
            auto msg = co_await ctx.recv();
            if (msg.told<number>() != nullptr) panic("told");
        }));
    sim.settle();
    CHECK(others.subscribe(group[0]));
    CHECK(others.subscribe(group[0]));
    CHECK(own.size() == 1);
    CHECK(others.size() == 1);
    group[0].tell(number{1});
    (void)sim.expect_restart(group[0]);
    CHECK(own.size() == 0);
    CHECK(others.size() == 1);
    group[0].tell(std::string("an end"));
    (void)sim.expect_exit(group[0]);
    CHECK(others.size() == 0);
    CHECK_FALSE(others.subscribe(group[0]));
    CHECK_FALSE(others.unsubscribe(group[0]));
}

namespace {

// Subscribes itself when its first incarnation starts.
auto joins_itself(distributor set) {
    return [set](context ctx) -> process {
        if (ctx.incarnation() == 0) set.subscribe(ctx.self());
        for (;;) {
            auto msg = co_await ctx.recv();
            if (msg.told<number>() != nullptr) panic("told");
            else if (msg.told<die>() != nullptr) co_return;
            else if (msg.told<std::string>() != nullptr) set.unsubscribe(ctx.self());
            else if (msg.told<long>() != nullptr) set.subscribe(ctx.self());
        }
    };
}
children lone(distributor set) {
    return children().with_restart_scope(restart_scope::element).with_exec(joins_itself(std::move(set)));
}

} // namespace

TEST_CASE("Whom another subscribes stays over restarts, though it had subscribed itself") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto set = rt.distributor("set");
    const auto group = rt.spawn(lone(set));
    const child_ref who = group[0];
    sim.settle();
    REQUIRE(set.size() == 1);

    SECTION("it stays, and leaves when it ends for good") {
        CHECK(set.subscribe(who));
        CHECK(set.size() == 1);
        sim.settle();
        for (int i = 0; i < 3; ++i) {
            who.tell(number{1});
            (void)sim.expect_restart(who);
            CHECK(set.contains(who));
        }
        who.tell(die());
        (void)sim.expect_exit(who);
        CHECK(set.empty());
        CHECK_FALSE(set.subscribe(who));
        CHECK(set.empty());
    }
    SECTION("the giving is not yet known to the process when it fails") {
        who.tell(number{1});
        CHECK(set.subscribe(who));
        (void)sim.expect_restart(who);
        CHECK(set.contains(who));
        who.tell(die());
        (void)sim.expect_exit(who);
        CHECK(set.empty());
    }
    SECTION("another process gives it") {
        auto giver = rt.spawn([set, who](context) -> process {
            const bool given = set.subscribe(who);
            const bool again = set.subscribe(who);
            testing::expect(given && again, "a member");
            co_return;
        });
        (void)sim.expect_exit(giver);
        who.tell(number{1});
        (void)sim.expect_restart(who);
        CHECK(set.size() == 1);
    }
    SECTION("the process ends before it knows of the giving") {
        who.tell(die());
        CHECK(set.subscribe(who));
        (void)sim.expect_exit(who);
        CHECK(set.empty());
    }
    SECTION("it is killed before it knows of the giving") {
        who.kill();
        (void)set.subscribe(who);
        sim.settle();
        CHECK(set.empty());
    }
    SECTION("it is taken out again before the process knows of the giving") {
        CHECK(set.subscribe(who));
        CHECK(set.unsubscribe(who));
        CHECK(set.empty());
        who.tell(number{1});
        (void)sim.expect_restart(who);
        CHECK(set.empty());
        CHECK(set.subscribe(who));
        sim.settle();
        CHECK(set.size() == 1);
    }
    SECTION("it leaves and comes back by itself: then it is its own member again") {
        CHECK(set.subscribe(who));
        sim.settle();
        who.tell(std::string("leave"));
        who.tell(7L);
        sim.settle();
        CHECK(set.size() == 1);
        who.tell(number{1});
        (void)sim.expect_restart(who);
        CHECK(set.empty());
    }
    SECTION("it subscribes itself once more: it stays the element's") {
        CHECK(set.subscribe(who));
        who.tell(7L);
        sim.settle();
        who.tell(number{1});
        (void)sim.expect_restart(who);
        CHECK(set.size() == 1);
    }
    SECTION("it is given between a fault and the restart") {
        sim.settle();
        who.tell(number{1});
        REQUIRE(sim.run_until([&] { return !set.contains(who); }));
        CHECK(set.subscribe(who));
        sim.settle();
        CHECK(set.size() == 1);
        who.tell(number{1});
        (void)sim.expect_restart(who);
        CHECK(set.size() == 1);
    }
}

TEST_CASE("A giving that finds no memory changes nothing") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto set = rt.distributor("set");
    const auto group = rt.spawn(lone(set));
    const child_ref who = group[0];
    sim.settle();
    bool refused = false;
    auto giver = rt.spawn([&, set, who](context) -> process {
        sim.fail_allocation(1);
        try {
            (void)set.subscribe(who);
        } catch (const std::bad_alloc&) { refused = true; }
        co_return;
    });
    (void)sim.expect_exit(giver);
    CHECK(refused);
    CHECK(set.size() == 1);
    who.tell(number{1});
    (void)sim.expect_restart(who);
    CHECK(set.empty()); // still its own
}

TEST_CASE("A giving beside restarts and ends is never lost, and nobody stays behind") {
    runtime rt(config().with_workers(2).with_log([](const log_record&) {}));
    int kept = 0;
    for (int round = 0; round < 300; ++round) {
        const auto set = rt.distributor("round " + std::to_string(round));
        const auto group = rt.spawn(
            children().with_restart_strategy(restart_strategy::always().immediate()).with_exec(joins_itself(set)));
        const child_ref who = group[0];
        for (int i = 0; i < round % 4; ++i) std::this_thread::yield();
        who.tell(number{1});
        bool given = false;
        bool again = false;
        {
            const std::jthread other([&] { given = set.subscribe(who); });
            again = set.subscribe(who);
        }
        who.tell(number{1});
        auto started = rt.run(group.started());
        REQUIRE(started.has_value());
        (void)rt.run(who.tell_acknowledged(1)); // behind both that make it panic: it has been started again
        REQUIRE((given && again));
        REQUIRE(set.size() == 1);
        ++kept;
        if (round % 2 == 0) who.tell(die());
        else who.kill();
        const bool late = set.subscribe(who); // while it ends
        (void)late;
        while (who.alive() || !set.empty()) std::this_thread::yield(); // hangs if one stays behind
    }
    CHECK(kept == 300);
}

TEST_CASE("What a distributor without members is told is one dead letter, whoever tells it") {
    std::string types; // before the simulation, whose end tells of more
    simulation sim(1);
    auto& rt = sim.runtime();
    auto lost = [&rt, before = rt.dead_letters(drop_reason::noproc)]() mutable {
        return rt.dead_letters(drop_reason::noproc) - std::exchange(before, rt.dead_letters(drop_reason::noproc));
    };
    auto listener = rt.spawn([&types](context ctx) -> process {
        for (;;) {
            auto d = co_await ctx.recv<dead_letter>();
            types += std::string(d.type).find("number") != std::string::npos ? "n" : "s";
            if (d.from != child_ref()) types += "!";
        }
    });
    rt.subscribe_dead_letters(listener);
    const auto nobody = rt.distributor("nobody");
    CHECK(nobody.tell_one(number{1}) == delivery::noproc);
    CHECK(lost() == 1);
    CHECK(nobody.tell_everyone(number{1}) == 0);
    CHECK(lost() == 1);
    CHECK(nobody.tell_one("text") == delivery::noproc);
    CHECK(lost() == 1);
    auto teller = rt.spawn([](context ctx) -> process {
        const auto one = ctx.distributor("nobody").tell_one(number{1});
        const auto all = ctx.distributor("nobody").tell_everyone(number{1});
        testing::expect(one == delivery::noproc && all == 0, "nobody");
        co_return;
    });
    (void)sim.expect_exit(teller);
    CHECK(lost() == 2);
    auto none = rt.run(nobody.ask_one(whoami()));
    CHECK_FALSE(none.has_value());
    CHECK(nobody.ask_everyone(whoami()).empty());
    sim.settle();
    CHECK(types == "nnsn!n!s");
    CHECK(lost() == 1);
    CHECK(distributor().tell_one(number{1}) == delivery::noproc); // of no runtime: of the only one that there is
    CHECK(distributor().tell_everyone(number{1}) == 0);
    CHECK(lost() == 2);
}

TEST_CASE("A member may unsubscribe from inside its handler, others may take it out, and it may come back") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto set = rt.distributor("set");
    int handled = 0;
    auto group = rt.spawn(children().with_redundancy(2).with_distributor("set").with_handlers(
        on_tell([&handled, set](context ctx, const number&) {
            ++handled;
            testing::expect(set.unsubscribe(ctx.self()), "it was a member");
            testing::expect(!set.unsubscribe(ctx.self()), "and is none any more");
        })));
    CHECK(set.tell_everyone(number{1}) == 2);
    sim.settle();
    CHECK(handled == 2);
    CHECK(set.empty());
    CHECK(set.subscribe(group[0]));
    CHECK(set.unsubscribe(group[0]));
    CHECK(set.subscribe(group[0]));
    sim.settle();
    CHECK(set.size() == 1);
    group.stop();
    sim.settle();
    CHECK(set.empty());
}

TEST_CASE("A membership is gone when a monitor tells of the end") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto set = rt.distributor("set");
    auto member = rt.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    std::size_t seen = 99;
    auto watcher = rt.spawn([&seen, member, set](context ctx) -> process {
        const auto watch = ctx.monitor(member);
        set.subscribe(member); // after the monitor was made
        member.tell(1);
        auto end = co_await ctx.recv<down>();
        testing::expect(end.who() == member, "the member has ended");
        seen = set.size();
    });
    (void)sim.expect_exit(watcher);
    CHECK(seen == 0);
}

TEST_CASE("Plain threads use distributors, also of a runtime that is gone") {
    distributor set;
    CHECK(set.empty());
    CHECK(set.tell_one(1) == delivery::noproc);
    {
        runtime rt(config().with_workers(2));
        set = rt.distributor("set");
        auto group =
            rt.spawn(children().with_redundancy(8).with_distributor("set").with_exec([](context ctx) -> process {
                for (;;) {
                    auto msg = co_await ctx.recv();
                    if (auto q = msg.asked<whoami>()) q.reply(1);
                }
            }));
        int sum = 0;
        for (auto& a : set.ask_everyone(whoami())) {
            auto r = rt.run(std::move(a));
            REQUIRE(r.has_value());
            sum += *r;
        }
        CHECK(sum == 8);
        rt.stop();
        (void)rt.wait();
        CHECK(set.empty());
    }
    CHECK(set.tell_one(number{1}) == delivery::noproc);
    CHECK(set.tell_everyone(number{1}) == 0);
    CHECK(set.ask_everyone(whoami()).empty());
}

TEST_CASE("A group that is refused leaves nobody behind in its sets") {
    simulation sim(1);
    log_of_all log;
    auto& rt = sim.runtime();
    (void)rt.spawn(children().with_name("pool").with_distributor("a").with_exec(member_of(log)));
    sim.settle();
    (void)rt.spawn(children().with_name("pool").with_redundancy(3).with_distributor("b").with_exec(member_of(log)));
    CHECK(rt.distributor("b").size() == 3);
    sim.settle();
    CHECK(rt.distributor("a").size() == 1);
    CHECK(rt.distributor("b").size() == 0);
}

TEST_CASE("A distributor without a name is a bad spec") {
    CHECK_THROWS_WITH(children().with_distributor(""), "bastion: with_distributor needs a name");
    CHECK_THROWS_WITH(children().with_topic(""), "bastion: with_topic needs a name");
    CHECK_THROWS_WITH(children().with_dispatcher(""), "bastion: with_dispatcher needs a name");
}
