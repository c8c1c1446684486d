// The simulation itself: the same seed is the same run, time is virtual, faults come as ordered.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <set>
#include <string>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using testing::scheduling;
using testing::simulation;

namespace {

struct square {
    using answer_type = int;
    int n;
};

// Askers of a pool of servers, one of which panics now and then.
std::string busy_program(simulation& sim) {
    std::string log;
    auto servers = sim.spawn(children()
            .with_name("servers")
            .with_redundancy(3)
            .with_restart_strategy(restart_strategy().immediate())
            .with_exec([](context ctx) -> process {
                for (int n = 0;; ++n) {
                    auto msg = co_await ctx.recv();
                    if (auto q = msg.asked<square>()) {
                        if (n == 5) panic("tired");
                        q.reply(q->n * q->n);
                    }
                }
            }));
    for (int a = 0; a < 4; ++a)
        sim.spawn([&log, servers, a](context ctx) -> process {
            for (int i = 0; i < 8; ++i) {
                auto r = co_await servers[static_cast<std::size_t>(i) % 3].ask(square{i});
                log += r ? std::to_string(a) + "=" + std::to_string(*r) + " " : std::to_string(a) + "! ";
                if (i == 4) co_await ctx.sleep_for(1s);
            }
        });
    sim.advance(1min);
    return log;
}

} // namespace

TEST_CASE("the same seed is the same run, another one is another") {
    for (const scheduling by : {scheduling::random, scheduling::priorities, scheduling::adversarial}) {
        std::set<std::uint64_t> hashes;
        std::set<std::string> logs;
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            simulation first(seed, testing::settings().with_scheduling(by));
            const std::string log = busy_program(first);
            simulation second(seed, testing::settings().with_scheduling(by));
            CHECK(busy_program(second) == log);
            CHECK(second.trace_hash() == first.trace_hash());
            hashes.insert(first.trace_hash());
            logs.insert(log);
        }
        CHECK(hashes.size() > 15);
        CHECK(logs.size() > 5);
    }
}

TEST_CASE("a run is repeated from its decisions") {
    simulation first(7);
    const std::string log = busy_program(first);
    simulation again(99, testing::settings().with_replay(first.decisions_made()));
    CHECK(busy_program(again) == log);
}

TEST_CASE("hours pass at once") {
    simulation sim(1);
    int rounds = 0;
    sim.spawn([&](context ctx) -> process {
        for (;;) {
            co_await ctx.sleep_for(1h);
            ++rounds;
        }
    });
    sim.advance(5h + 1min);
    CHECK(rounds == 5);
    CHECK(sim.now() == 5h + 1min);
}

TEST_CASE("a panic comes at the message it was ordered for") {
    simulation sim(3);
    std::vector<int> got;
    auto group = sim.spawn(children().with_name("g").with_exec([&](context ctx) -> process {
        for (;;) got.push_back(co_await ctx.recv<int>());
    }));
    sim.panic_at(group[0], 3);
    for (int i = 1; i <= 5; ++i) group[0].tell(int(i));
    CHECK(sim.expect_restart(group[0]) == 1);
    sim.settle();
    CHECK(got == std::vector<int>{1, 2, 4, 5});
    CHECK(sim.seen().panics == 1);
}

TEST_CASE("a blocked program is told so") {
    simulation sim(1);
    sim.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    CHECK_THROWS_WITH(sim.runtime().wait(), BASTION_CATCH_CONTAINS("nothing can happen any more"));
}

TEST_CASE("a program that waits in vain is told who waits") {
    simulation sim(1);
    sim.spawn(children().with_name("desk").with_exec([](context ctx) -> process { (void)co_await ctx.recv(); }));
    CHECK_THROWS_WITH(
        sim.runtime().wait(), BASTION_CATCH_CONTAINS("/desk/0 (process ") && BASTION_CATCH_CONTAINS("waits for mail"));
}

TEST_CASE("a fault by order is named with its process and its message") {
    simulation sim(1);
    auto group = sim.spawn(children().with_name("desk").with_exec([](context ctx) -> process {
        for (;;) (void)co_await ctx.recv();
    }));
    sim.settle();
    sim.drop_at(group[0], 1);
    sim.panic_at(group[0], 2);
    group[0].tell(1);
    group[0].tell(std::string("two"));
    CHECK(sim.expect_restart(group[0]) == 1);
    CHECK_THAT(sim.last_events(64), BASTION_CATCH_CONTAINS("message lost for /desk/0 (process ") &&
                                        BASTION_CATCH_CONTAINS(", taken before 0, message int\n") &&
                                        BASTION_CATCH_CONTAINS("ended: panic: injected by a simulation"));
}

TEST_CASE("the table of what was seen names what was not, too") {
    testing::coverage seen;
    CHECK_THAT(seen.text(), BASTION_CATCH_CONTAINS("suspended -> running: 0\n") &&
                                BASTION_CATCH_CONTAINS("exit noproc: 0\n") && BASTION_CATCH_CONTAINS("steals: 0\n"));
    CHECK_THAT(seen.unseen(), BASTION_CATCH_CONTAINS("free -> starting\n"));
    CHECK(seen.forbidden().empty());
    simulation sim(1);
    sim.spawn([](context) -> process { co_return; });
    sim.settle();
    sim.finish();
    seen += sim.seen();
    CHECK_THAT(seen.unseen(), !BASTION_CATCH_CONTAINS("free -> starting\n"));
    CHECK(seen.forbidden().empty());
    ++seen.transitions[static_cast<std::size_t>(detail::life::free)][static_cast<std::size_t>(detail::life::running)];
    CHECK(seen.forbidden() == "free -> running: 1\n");
}
