// Names and paths: registered, found, released before anybody is told of the end.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/testing/simulation.hpp>

#include <atomic>
#include <string>
#include <thread>

using namespace bastion;
using namespace std::chrono_literals;
using testing::expect;
using testing::simulation;

namespace {

process wait_for_mail(context ctx) { (void)co_await ctx.recv(); }
process run_for_ever(context ctx) {
    for (;;) (void)co_await ctx.recv();
}

struct how_many_records { // of names, memberships and monitors
    using answer_type = std::size_t;
};
process counts_records(context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        const detail::cold_part* cold = detail::cold_if_any(ctx.block());
        if (auto q = msg.asked<how_many_records>()) q.reply(cold != nullptr ? cold->monitors_by_number.size() : 0);
    }
}

} // namespace

TEST_CASE("A process registers itself by a name, which is free again when it ends") {
    test::acceptance("C5");
    simulation sim(1);
    auto& rt = sim.runtime();
    std::string second;
    auto first = rt.spawn([](context ctx) -> process {
        auto r = ctx.register_name("cache");
        expect(r.has_value(), "the name was free");
        expect(ctx.whereis("cache") == ctx.self(), "it finds itself");
        auto again = ctx.register_name("cache");
        expect(!again && again.error().code() == errc::name_taken, "once is enough");
        auto more = ctx.register_name("store");
        expect(more.has_value(), "two names are allowed");
        (void)co_await ctx.recv();
    });
    sim.settle();
    CHECK(rt.whereis("cache") == first);
    CHECK(rt.whereis("store") == first);
    CHECK_FALSE(rt.whereis("nobody").alive());
    auto other = rt.spawn(run_for_ever);
    auto taken = rt.register_name("cache", other);
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error().code() == errc::name_taken);
    CHECK(taken.error().what() == "the name is taken");
    CHECK(rt.whereis("cache").tell(1) == delivery::accepted);
    (void)sim.expect_exit(first);
    CHECK_FALSE(rt.whereis("cache").alive());
    CHECK(rt.whereis("store") == child_ref());
    auto now = rt.register_name("cache", other);
    CHECK(now.has_value());
    CHECK(rt.whereis("cache") == other);
    CHECK(rt.unregister_name("cache"));
    CHECK_FALSE(rt.unregister_name("cache"));
    CHECK(rt.whereis("cache") == child_ref());
}

TEST_CASE("A name that the process took itself goes at its restart, one that was given stays with the element") {
    simulation sim(1);
    auto& rt = sim.runtime();
    auto group = rt.spawn(children().with_exec([](context ctx) -> process {
        if (ctx.incarnation() == 0) {
            auto r = ctx.register_name("own");
            expect(r.has_value(), "free");
        }
        for (;;) (void)co_await ctx.recv();
    }));
    sim.settle();
    auto given = rt.register_name("given", group[0]);
    REQUIRE(given.has_value());
    CHECK(rt.whereis("own") == group[0]);
    sim.panic_at(group[0], 1);
    group[0].tell(1);
    (void)sim.expect_restart(group[0]);
    CHECK(rt.whereis("own") == child_ref());
    CHECK(rt.whereis("given") == group[0]);
    group.stop();
    sim.settle();
    CHECK(rt.whereis("given") == child_ref());
}

TEST_CASE("A name is released before a monitor tells of the end, whenever the monitor was made") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto named = rt.spawn([](context ctx) -> process {
        (void)co_await ctx.recv<int>();
        auto r = ctx.register_name("service");
        expect(r.has_value(), "free");
        (void)co_await ctx.recv<int>();
    });
    int told = 0;
    const auto watcher = rt.spawn([&told, named](context ctx) -> process {
        const auto before = ctx.monitor(named);
        named.tell(1);
        co_await ctx.sleep_for(1s);
        expect(ctx.whereis("service") == named, "it is registered");
        const auto after = ctx.monitor(named);
        named.tell(2);
        for (; told < 2; ++told) {
            auto end = co_await ctx.recv<down>();
            expect(end.who() == named, "it has ended");
            expect(!ctx.whereis("service").alive(), "nobody has the name any more");
            auto mine = ctx.register_name("service");
            expect(mine.has_value(), "so it can be taken at once");
            expect(ctx.unregister_name("service"), "and given back");
        }
    });
    (void)sim.expect_exit(watcher);
    CHECK(told == 2);
}

TEST_CASE("Names that cannot be given say why") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto p = rt.spawn(run_for_ever);
    auto empty = rt.register_name("", p);
    REQUIRE_FALSE(empty.has_value());
    CHECK(empty.error().what() == "the name \"\" is empty");
    auto path = rt.register_name("/pool", p);
    REQUIRE_FALSE(path.has_value());
    CHECK(path.error().what() == "the name \"/pool\" begins with '/', as only paths do");
    auto dead = rt.register_name("dead", child_ref());
    REQUIRE_FALSE(dead.has_value());
    CHECK(dead.error().code() == errc::noproc);
    runtime other(config().with_workers(1));
    auto foreign = other.register_name("foreign", p);
    REQUIRE_FALSE(foreign.has_value());
    CHECK(foreign.error().code() == errc::invalid);
}

TEST_CASE("Elements, groups and supervisors are found by their paths, until they end for good") {
    test::acceptance("C5");
    simulation sim(1);
    auto& rt = sim.runtime();
    auto pool = rt.spawn(supervisor()
            .with_name("pool")
            .with_children(children().with_name("workers").with_redundancy(3).with_exec(run_for_ever))
            .with_supervisor(supervisor().with_name("below").with_children(
                children().with_name("readers").with_exec(run_for_ever))));
    sim.settle();
    const auto workers = rt.find_children("/pool/workers");
    REQUIRE(workers.size() == 3);
    CHECK(rt.whereis("/pool/workers/2") == workers[2]);
    CHECK(rt.whereis("/pool/below/readers/0").alive());
    CHECK(rt.find_supervisor("/pool").where() == pool.where());
    CHECK(rt.find_supervisor("/pool/below").alive());
    CHECK_FALSE(rt.whereis("/pool/workers/3").alive());
    CHECK_FALSE(rt.whereis("/pool/workers/x").alive());
    CHECK_FALSE(rt.whereis("/pool/workers/").alive());
    CHECK_FALSE(rt.whereis("/pool/workers").alive());
    CHECK_FALSE(rt.whereis("/").alive());
    CHECK_FALSE(rt.find_supervisor("/pool/workers").alive());
    CHECK_FALSE(rt.find_supervisor("").alive());
    sim.panic_at(workers[1], 1);
    workers[1].tell(1);
    (void)sim.expect_restart(workers[1]);
    CHECK(rt.whereis("/pool/workers/1") == workers[1]);
    workers.stop();
    sim.settle();
    CHECK(rt.find_children("/pool/workers").size() == 0);
    CHECK(rt.find_supervisor("/pool").alive());
    (void)pool.spawn(children().with_name("workers").with_exec(run_for_ever));
    sim.settle();
    CHECK(rt.find_children("/pool/workers").size() == 1);
    pool.stop();
    sim.settle();
    CHECK_FALSE(rt.find_supervisor("/pool").alive());
    CHECK_FALSE(rt.find_supervisor("/pool/below").alive());
    CHECK(rt.find_children("/pool/workers").size() == 0);
    CHECK_FALSE(rt.whereis("/pool/below/readers/0").alive());
}

TEST_CASE("A refused group does not take the path of the one that has it") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto first = rt.spawn(children().with_name("pool").with_exec(run_for_ever));
    sim.settle();
    (void)rt.spawn(children().with_name("pool").with_redundancy(2).with_exec(run_for_ever));
    sim.settle();
    CHECK(rt.find_children("/pool").where() == first.where());
}

TEST_CASE("Looking up while others register and end: found is whoever has the name") {
    runtime rt(config().with_workers(2));
    std::atomic<bool> done{false};
    std::atomic<int> found{0};
    auto stable = rt.spawn(run_for_ever);
    auto registered = rt.register_name("stable", stable);
    REQUIRE(registered.has_value());
    std::thread looker([&] {
        while (!done.load()) {
            if (rt.whereis("stable") != stable) break;
            if (rt.whereis("moving").alive()) found.fetch_add(1);
        }
    });
    for (int i = 0; i < 2000; ++i) {
        auto p = rt.spawn(wait_for_mail);
        auto r = rt.register_name("moving", p);
        if (r) CHECK(rt.whereis("moving") == p);
        p.tell(1);
    }
    done = true;
    looker.join();
    CHECK(rt.whereis("stable") == stable);
}

TEST_CASE("What is given and taken away at once by another leaves no record with its process") {
    runtime rt(config().with_workers(1));
    const auto p = rt.spawn(counts_records);
    const auto set = rt.distributor("set");
    constexpr int often = 500;
    std::atomic<int> names{0};
    std::atomic<int> memberships{0};
    std::thread taker([&] {
        while (names < often || memberships < often) {
            if (rt.unregister_name("name")) ++names;
            if (set.unsubscribe(p)) ++memberships;
        }
    });
    while (names < often || memberships < often) {
        const auto given = rt.register_name("name", p);
        (void)set.subscribe(p);
        if (!given) std::this_thread::yield();
    }
    taker.join();
    (void)rt.unregister_name("name");
    (void)set.unsubscribe(p);
    // A process that has just looked at its signals may find the first question before them; not the second.
    const auto first = rt.run(p.ask(how_many_records()));
    REQUIRE(first);
    const auto left = rt.run(p.ask(how_many_records()));
    REQUIRE(left);
    CHECK(*left == 0);
}

TEST_CASE("Names of any length are registered, found and released") {
    simulation sim(1);
    auto& rt = sim.runtime();
    auto p = rt.spawn(run_for_ever);
    for (std::size_t length = 1; length < 60; ++length) {
        auto r = rt.register_name(std::string(length, 'n'), p);
        CHECK(r.has_value());
        auto again = rt.register_name(std::string(length, 'n'), p);
        REQUIRE_FALSE(again.has_value());
        CHECK(again.error().code() == errc::name_taken);
    }
    CHECK(rt.whereis(std::string(30, 'n')) == p);
    CHECK(rt.unregister_name(std::string(30, 'n')));
    CHECK_FALSE(rt.whereis(std::string(30, 'n')).alive());
    CHECK(rt.whereis(std::string(20, 'n')) == p);
    p.kill();
    sim.settle();
    for (std::size_t length = 1; length < 60; ++length) CHECK(rt.whereis(std::string(length, 'n')) == child_ref());
}

TEST_CASE("A runtime that has ended names nobody") {
    child_ref p;
    auto rt = std::make_unique<runtime>(config().with_workers(1));
    p = rt->spawn(run_for_ever);
    auto early = rt->register_name("p", p);
    REQUIRE(early.has_value());
    rt->stop();
    (void)rt->wait();
    CHECK_FALSE(rt->whereis("p").alive());
    auto late = rt->register_name("q", p);
    REQUIRE_FALSE(late.has_value());
}
