// Faults by order, and what a simulation expects.
#include "support/catch.hpp"
#include "support/fork_join.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/probe.hpp>
#include <bastion/testing/simulation.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using testing::probe;
using testing::simulation;

namespace {

struct square {
    using answer_type = int;
    int n;
};

// Writes down what it is told, and when.
struct writer {
    std::vector<std::pair<int, std::chrono::nanoseconds>> got;
    [[nodiscard]] std::vector<int> numbers() const {
        std::vector<int> all;
        for (const auto& [n, when] : got) all.push_back(n);
        return all;
    }
    child_ref in(simulation& sim) {
        return sim.spawn(children().with_name("writer").with_exec([this, &sim](context ctx) -> process {
            for (;;) {
                const int n = co_await ctx.recv<int>();
                got.emplace_back(n, sim.now());
            }
        }))[0];
    }
};

void tell(const child_ref& to, int first, int last) {
    for (int i = first; i <= last; ++i) to.tell(int(i));
}

} // namespace

TEST_CASE("a kill comes before the message it was ordered for") {
    simulation sim(1);
    writer w;
    const child_ref to = w.in(sim);
    sim.kill_at(to, 2);
    tell(to, 1, 3);
    CHECK(sim.expect_exit(to).kind() == exit_kind::killed);
    CHECK(w.numbers() == std::vector<int>{1});
    CHECK(sim.runtime().dead_letters(drop_reason::unread) == 2);
    CHECK_THROWS_AS(sim.expect_restart(to), testing::failure);
}

TEST_CASE("a dropped message is a dead letter, the others come") {
    simulation sim(2);
    writer w;
    const child_ref to = w.in(sim);
    sim.drop_at(to, 2);
    tell(to, 1, 4);
    sim.settle();
    CHECK(w.numbers() == std::vector<int>{1, 3, 4});
    CHECK(sim.runtime().dead_letters(drop_reason::unread) == 1);
}

TEST_CASE("a dropped question is answered with an error") {
    simulation sim(2);
    auto server = sim.spawn([](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto q = msg.asked<square>()) q.reply(q->n * q->n);
        }
    });
    sim.settle();
    sim.drop_at(server, 1);
    auto first = sim.runtime().run(server.ask(square{3}));
    CHECK_FALSE(first);
    auto second = sim.runtime().run(server.ask(square{3}));
    REQUIRE(second);
    CHECK(*second == 9);
}

TEST_CASE("a delayed message keeps the order of its sender, and delays nobody else's") {
    simulation sim(3);
    writer w;
    const child_ref to = w.in(sim);
    sim.settle();
    sim.delay_at(to, 2, 10ms);
    tell(to, 1, 3); // from a plain thread: one sender
    sim.spawn([to](context) -> process {
        to.tell(100);
        co_return;
    });
    sim.advance(5ms);
    CHECK(w.numbers() == std::vector<int>{1, 100});
    tell(to, 4, 4); // behind what is still on its way
    sim.advance(1s);
    CHECK(w.numbers() == std::vector<int>{1, 100, 2, 3, 4});
    CHECK(w.got[2].second == 10ms);
}

TEST_CASE("a slow process takes its time for each message") {
    simulation sim(4);
    writer w;
    const child_ref to = w.in(sim);
    sim.settle();
    sim.slow(to, 1s);
    tell(to, 1, 3);
    sim.advance(1500ms);
    CHECK(w.numbers() == std::vector<int>{1});
    sim.advance(2s);
    CHECK(w.numbers() == std::vector<int>{1, 2, 3});
}

TEST_CASE("a deadline passes in virtual time, also for a plain thread") {
    simulation sim(5);
    auto silent = sim.spawn([](context ctx) -> process {
        auto msg = co_await ctx.recv();
        co_await ctx.sleep_for(24h);
    });
    auto r = sim.runtime().run(silent.ask(square{1}).within(1h));
    REQUIRE_FALSE(r);
    CHECK(r.error() == errc::timeout);
    CHECK(sim.now() == 1h);
}

TEST_CASE("two runtimes in one simulation talk, and one may end first") {
    simulation sim(6);
    runtime a(sim.runtime_config());
    probe p(sim);
    {
        runtime b(sim.runtime_config());
        b.spawn([to = p.ref()](context ctx) -> process {
            co_await ctx.sleep_for(1s);
            to.tell(std::string("from b"));
        });
        CHECK(p.expect_message<std::string>() == "from b");
    }
    a.spawn([to = p.ref()](context) -> process {
        to.tell(std::string("from a"));
        co_return;
    });
    CHECK(p.expect_message<std::string>() == "from a");
}

TEST_CASE("forked tasks are simulated, too") {
    simulation sim(7, testing::settings().with_workers(3));
    CHECK(sim.runtime().run(test::forked_fibonacci(12)) == 144);
    CHECK(sim.seen().steals > 0);
}

TEST_CASE("a simulation refuses other threads") {
    simulation sim(8);
    sim.settle();
    std::string said;
    std::thread([&] {
        try {
            sim.settle();
        } catch (const usage_error& e) { said = e.what(); }
    }).join();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("runs on the thread that made it"));
}

TEST_CASE("a restart that does not come is a failure") {
    simulation sim(9);
    writer w;
    const child_ref to = w.in(sim);
    CHECK_THROWS_WITH(sim.expect_restart(to, 1h), BASTION_CATCH_CONTAINS("not started again in time"));
    CHECK_THROWS_WITH(sim.expect_exit(to, 1h), BASTION_CATCH_CONTAINS("has not ended in time"));
    to.stop();
    CHECK(sim.expect_exit(to).kind() == exit_kind::stopped);
    CHECK_THROWS_WITH(sim.panic_at(to, 1), BASTION_CATCH_CONTAINS("a process that is gone"));
}
