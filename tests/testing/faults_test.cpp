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

// A simulation of one process, which writes down what it is told, and when.
struct dictation {
    explicit dictation(std::uint64_t seed, const testing::settings& s = {})
        : sim(seed, s), writer(sim.spawn(children().with_name("writer").with_exec([this](context ctx) -> process {
              for (;;) {
                  const int n = co_await ctx.recv<int>();
                  got.emplace_back(n, sim.now());
              }
          }))[0]) {}
    void tell(int first, int last) const {
        for (int i = first; i <= last; ++i) writer.tell(int(i));
    }
    [[nodiscard]] std::vector<int> numbers() const {
        std::vector<int> all;
        for (const auto& [n, when] : got) all.push_back(n);
        return all;
    }

    std::vector<std::pair<int, std::chrono::nanoseconds>> got;
    simulation sim;
    child_ref writer;
};

} // namespace

TEST_CASE("a kill comes before the message it was ordered for") {
    dictation d(1);
    d.sim.kill_at(d.writer, 2);
    d.tell(1, 3);
    CHECK(d.sim.expect_exit(d.writer).kind() == exit_kind::killed);
    CHECK(d.numbers() == std::vector<int>{1});
    CHECK(d.sim.runtime().dead_letters(drop_reason::unread) == 2);
    CHECK_THROWS_AS(d.sim.expect_restart(d.writer), testing::failure);
}

TEST_CASE("a dropped message is a dead letter, the others come") {
    dictation d(2);
    d.sim.drop_at(d.writer, 2);
    d.tell(1, 4);
    d.sim.settle();
    CHECK(d.numbers() == std::vector<int>{1, 3, 4});
    CHECK(d.sim.runtime().dead_letters(drop_reason::unread) == 1);
}

TEST_CASE("orders for messages that follow one another hold for each of them") {
    SECTION("two are dropped") {
        dictation d(2);
        d.sim.drop_at(d.writer, 1);
        d.sim.drop_at(d.writer, 2);
        d.tell(1, 5);
        d.sim.settle();
        CHECK(d.numbers() == std::vector<int>{3, 4, 5});
    }
    SECTION("one is dropped, the next is late, and with it those that follow") {
        dictation d(2);
        d.sim.drop_at(d.writer, 1);
        d.sim.delay_at(d.writer, 2, 100ms);
        d.tell(1, 4);
        d.sim.advance(99ms);
        CHECK(d.numbers().empty());
        d.sim.advance(1ms);
        CHECK(d.numbers() == std::vector<int>{2, 3, 4});
    }
    SECTION("one is dropped, at the next it panics") {
        dictation d(2);
        d.sim.drop_at(d.writer, 1);
        d.sim.panic_at(d.writer, 2);
        d.tell(1, 4);
        CHECK(d.sim.expect_restart(d.writer) == 1);
        d.sim.settle();
        CHECK(d.numbers() == std::vector<int>{3, 4});
    }
}

TEST_CASE("what follows a late message comes after it, also to a process that did something else meanwhile") {
    struct go {};
    testing::simulation sim(2);
    std::vector<int> got;
    const child_ref reader = sim.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<go>();
        co_await ctx.sleep_for(1s);
        for (;;) got.push_back(co_await ctx.recv<int>());
    });
    sim.delay_at(reader, 1, 100ms);
    (void)reader.tell(1);
    sim.settle();
    sim.spawn([reader](context) -> process { // another sender: it is not late
        (void)reader.tell(go());
        co_return;
    });
    sim.advance(50ms);
    (void)reader.tell(2);
    sim.advance(2s);
    CHECK(got == std::vector<int>{1, 2});
}

TEST_CASE("what lies there unread from before does not follow a late message") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        testing::simulation sim(seed, testing::settings().with_faults({.delay = 5'000, .most_delay = 1s}));
        std::vector<int> got;
        const child_ref reader = sim.spawn([&](context ctx) -> process {
            (void)co_await ctx.recv<double>(); // all numbers are passed over until then
            for (;;) got.push_back(co_await ctx.recv<int>());
        });
        for (int i = 0; i < 5; ++i) {
            (void)reader.tell(int(i));
            sim.advance(300ms);
        }
        sim.spawn([reader](context) -> process {
            (void)reader.tell(0.5);
            co_return;
        });
        sim.advance(1min);
        CHECK(got == std::vector<int>{0, 1, 2, 3, 4});
    }
}

TEST_CASE("chance has a look at each message") {
    testing::settings s;
    SECTION("also behind one that was dropped") {
        dictation d(2, s.with_faults({.drop = 10'000}));
        d.tell(1, 20);
        d.sim.settle();
        CHECK(d.numbers().empty());
        CHECK(d.sim.seen().drops == 20);
    }
    SECTION("also behind one that is late, of another sender") {
        dictation d(2, s.with_faults({.delay = 10'000}));
        for (int i = 0; i < 5; ++i)
            d.sim.spawn([to = d.writer](context) -> process {
                to.tell(7);
                co_return;
            });
        d.sim.settle();
        CHECK(d.numbers().empty());
        CHECK(d.sim.seen().delays >= 5);
    }
    SECTION("also behind one that is passed over, and there once") {
        std::uint64_t left = 0;
        std::uint64_t lost = 0;
        std::uint64_t taken = 0;
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            std::uint64_t numbers = 0;
            simulation sim(seed, s.with_faults({.drop = 5'000}));
            auto selective = sim.spawn([&numbers](context ctx) -> process {
                for (;; ++numbers) (void)co_await ctx.recv<int>();
            });
            selective.tell(std::string("passed over"));
            for (int i = 0; i < 20; ++i) {
                selective.tell(i);
                sim.settle();
            }
            ++(sim.seen().drops == 20 - numbers ? left : lost);
            taken += numbers;
        }
        CHECK(left > 10);
        CHECK(lost > 10);
        CHECK(taken > 300);
        CHECK(taken < 500);
    }
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
    dictation d(3);
    d.sim.settle();
    d.sim.delay_at(d.writer, 2, 10ms);
    d.tell(1, 3); // from a plain thread: one sender
    d.sim.spawn([to = d.writer](context) -> process {
        to.tell(100);
        co_return;
    });
    d.sim.advance(5ms);
    CHECK(d.numbers() == std::vector<int>{1, 100});
    d.tell(4, 4); // behind what is still on its way
    d.sim.advance(1s);
    CHECK(d.numbers() == std::vector<int>{1, 100, 2, 3, 4});
    CHECK(d.got[2].second == 10ms);
}

TEST_CASE("a slow process takes its time for each message") {
    dictation d(4);
    d.sim.settle();
    d.sim.slow(d.writer, 1s);
    d.tell(1, 3);
    d.sim.advance(1500ms);
    CHECK(d.numbers() == std::vector<int>{1});
    d.sim.advance(2s);
    CHECK(d.numbers() == std::vector<int>{1, 2, 3});
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

TEST_CASE("a restart that does not come is a failure") {
    dictation d(9);
    CHECK_THROWS_WITH(d.sim.expect_restart(d.writer, 1h), BASTION_CATCH_CONTAINS("not started again in time"));
    CHECK_THROWS_WITH(d.sim.expect_exit(d.writer, 1h), BASTION_CATCH_CONTAINS("has not ended in time"));
    d.writer.stop();
    CHECK(d.sim.expect_exit(d.writer).kind() == exit_kind::stopped);
    CHECK_THROWS_WITH(d.sim.panic_at(d.writer, 1), BASTION_CATCH_CONTAINS("a process that is gone"));
}
