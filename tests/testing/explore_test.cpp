// The search for failing seeds: finds a rare interleaving, shortens it, and what it prints repeats it.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/explore.hpp>
#include <bastion/testing/probe.hpp>

#include <string>

using namespace bastion;
using namespace std::chrono_literals;
using testing::expect;
using testing::find_failure;
using testing::probe;
using testing::settings;
using testing::simulation;

namespace {

struct add {
    using answer_type = int;
    int n;
};
struct set {
    using answer_type = int;
    int n;
};

// Two clients read a number, add one, and write it back: an update is lost when they overlap.
void lost_update(simulation& sim) {
    int value = 0;
    auto account = sim.spawn([&value](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto q = msg.asked<add>()) q.reply(value);
            else if (auto w = msg.asked<set>()) {
                value = w->n;
                w.reply(value);
            }
        }
    });
    for (int c = 0; c < 2; ++c)
        sim.spawn([account, c](context ctx) -> process {
            co_await ctx.sleep_for(1ms * c);
            auto was = co_await account.ask<add>(0);
            if (was) (void)co_await account.ask<set>(*was + 1);
        });
    sim.advance(1s);
    expect(value == 2, "both have counted");
}

} // namespace

TEST_CASE("a search finds the overlap, and repeats it from what it reports") {
    const auto slow = settings().with_slow_machine(true);
    const auto r = find_failure({1, 2000}, lost_update, slow);
    REQUIRE(r.found);
    CHECK_THAT(r.found->what, BASTION_CATCH_CONTAINS("both have counted"));
    CHECK(r.found->steps <= r.found->steps_before);
    CHECK_THAT(r.found->report(), BASTION_CATCH_CONTAINS("BASTION_SEED=" + std::to_string(r.found->seed)));
    simulation again(1, settings(slow).with_replay(r.found->shortest));
    CHECK_THROWS_AS(lost_update(again), testing::failure);
}

TEST_CASE("a finding says who it was, at which message, and why it ended") {
    const auto r = find_failure({1, 1}, [](simulation& sim) {
        const auto bank = sim.spawn(supervisor().with_name("bank"));
        const auto accounts = bank.spawn(children().with_name("accounts").with_exec([](context ctx) -> process {
            auto msg = co_await ctx.recv();
            auto q = msg.asked<add>();
            if (q) panic("no such account");
        }));
        auto balance = sim.runtime().run(accounts[0].ask(add{1}));
        sim.settle();
        expect(balance.has_value(), "the balance is known");
    });
    REQUIRE(r.found);
    const std::string report = r.found->report();
    INFO(report);
    CHECK_THAT(report, BASTION_CATCH_CONTAINS("a turn of /bank/accounts/0 (process "));
    CHECK_THAT(report, BASTION_CATCH_CONTAINS("taken 1, message "));
    CHECK_THAT(report, BASTION_CATCH_CONTAINS("::add; ended: panic: no such account"));
    CHECK_THAT(report, BASTION_CATCH_CONTAINS("a report of /bank/accounts/0 (panic: no such account): restarts now"));
    CHECK_THAT(report, BASTION_CATCH_CONTAINS("a turn of owner /bank/accounts (process "));
}

TEST_CASE("a search that finds nothing has run all seeds") {
    const auto r = find_failure({1, 30}, [](simulation& sim) {
        probe p(sim);
        p.ref().tell(1);
        expect(p.expect_message<int>() == 1, "told");
    });
    CHECK_FALSE(r.found);
    CHECK(r.runs == 30);
    CHECK(r.seen.turns > 30);
}

TEST_CASE("what never ends is a finding") {
    const auto r = find_failure(
        {1, 1},
        [](simulation& sim) {
            sim.spawn([](context ctx) -> process {
                for (;;) co_await ctx.yield();
            });
            sim.advance(1s);
        },
        settings().with_step_limit(20'000));
    REQUIRE(r.found);
    CHECK_THAT(r.found->what, BASTION_CATCH_CONTAINS("a livelock?"));
}

TEST_CASE("a probe says what it got instead") {
    simulation sim(1);
    probe p(sim);
    p.ref().tell(std::string("text"));
    CHECK_THROWS_WITH(p.expect_message<int>(),
        BASTION_CATCH_CONTAINS("was to get a int, and got a") && BASTION_CATCH_CONTAINS("string"));
    CHECK_THROWS_WITH(p.expect_message<int>(1s), BASTION_CATCH_CONTAINS("got nothing in time"));
    p.expect_silence(1h);
    auto asked = sim.spawn([to = p.ref(), &sim](context) -> process {
        auto r = co_await to.ask<add>(1);
        expect(r.has_value() && *r == 8 && sim.now() >= 1h, "answered by the test");
    });
    p.expect_question<add>().reply(8);
    CHECK(sim.expect_exit(asked).kind() == exit_kind::normal);
}
