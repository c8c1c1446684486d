// Budgets: who floods yields, whoever awaits what is ready does not overflow the stack, and depth has a limit.
#include "support/acceptance.hpp"
#include "support/questions.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace {

task<int> ready(int n) { co_return n; }

task<long long> nested(int depth) {
    if (depth == 0) co_return 0;
    co_return 1 + co_await nested(depth - 1);
}

} // namespace

TEST_CASE("10,000,000 synchronous awaits in a row") {
    test::world w;
    test::journal log;
    w.spawn([&](context) -> process {
        long long sum = 0;
        for (int i = 0; i < 10'000'000; ++i) sum += co_await ready(i & 1);
        log(sum);
    });
    w.settle();
    REQUIRE(log.take() == "5000000");
}

TEST_CASE("100,000 receives of mail at hand, sleeps of nothing and answers at hand in a row") {
    test::world w;
    test::journal log;
    auto echo = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto q = m.asked<square>()) q.reply(q->n);
        }
    });
    w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 100'000; ++i) ctx.self().tell(i);
        long long sum = 0;
        for (int i = 0; i < 100'000; ++i) sum += co_await ctx.recv<int>();
        log(sum);
        std::vector<answer<int>> all;
        for (int i = 0; i < 10'000; ++i) all.push_back(echo.ask(square{1}));
        co_await ctx.sleep_for(1ms);
        for (auto& a : all) {
            auto r = co_await a;
            sum += *r;
        }
        log(sum);
    });
    w.advance(1ms);
    REQUIRE(log.take() == "4999950000, 4999960000");
}

TEST_CASE("tasks await one another 10,000 deep, not deeper: then the process ends with reason limit") {
    test::world w;
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto deep = co_await nested(9'999);
        log(deep);
        auto too_deep = w.rt.spawn([&log](context) -> process { log(co_await nested(10'000)); });
        auto watch = ctx.monitor(too_deep);
        auto d = co_await ctx.recv<down>();
        log(d.reason().kind() == exit_kind::limit ? "limit" : d.reason().what());
    });
    w.settle();
    REQUIRE(log.take() == "9999, limit");
}

TEST_CASE("the depth is a limit of the group's choice, and the error can be caught") {
    test::world w;
    test::journal log;
    w.only(children().with_limits(limits().depth(10)).with_exec([&](context) -> process {
        log(co_await nested(9));
        try {
            log(co_await nested(10));
        } catch (const limit_error& e) { log(e.which() == limit_error::kind::depth ? "too deep" : "?"); }
    }));
    REQUIRE(log.take() == "9, too deep");
}

TEST_CASE("a process that floods lets others run: tells are charged, and its next await yields") {
    test::acceptance("B9");
    test::world w(1, config().with_budget(10));
    test::journal log;
    bool over = false;
    auto sink = w.spawn([&](context ctx) -> process {
        for (;;) (void)co_await ctx.recv();
    });
    auto flood = w.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
        long long rounds = 0;
        ctx.self().tell(0);
        while (!over) {
            sink.tell(1);
            ctx.self().tell(0);
            (void)co_await ctx.recv<int>();  // always ready
            ++rounds;
        }
        log(rounds <= 10 ? "few" : "many");
    });
    w.settle();
    w.spawn([&](context ctx) -> process {
        flood.tell("begin");
        co_await ctx.yield();
        over = true;
    });
    w.settle();
    REQUIRE(log.take() == "few");
}

TEST_CASE("a process whose mailbox is filled as fast as it reads lets others run") {
    test::acceptance("B9");
    test::world w(1, config().with_budget(10));
    test::journal log;
    std::atomic<int> wanted{0}, sent{0};
    std::atomic<bool> over{false};
    child_ref reader;
    std::thread feeder([&] {
        while (!over) {
            if (sent.load() < wanted.load()) {
                reader.tell(1);
                ++sent;
            } else {
                std::this_thread::yield();
            }
        }
    });
    reader = w.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
        int rounds = 0;
        while (!over && rounds < 1'000) {
            ++wanted;
            while (sent.load() < wanted.load()) std::this_thread::yield();  // exactly one message lies in the inbox
            (void)co_await ctx.recv();
            ++rounds;
        }
        log(rounds <= 20 ? "few" : "many");
    });
    w.spawn([&](context ctx) -> process {
        reader.tell("go");
        co_await ctx.yield();
        co_await ctx.yield();
        over = true;
    });
    w.settle();
    over = true;
    feeder.join();
    REQUIRE(log.take() == "few");
}

TEST_CASE("a process that many send to keeps up, or catches up") {
    test::acceptance("B9");
    constexpr int senders = 20, rounds = 50, at_once = 11;  // one more than the budget
    test::world w(1, config().with_budget(10));
    test::journal log;
    int sent = 0, most = 0;
    auto sink = w.spawn([&](context ctx) -> process {
        for (int got = 0; got < senders * rounds * at_once; ++got) {
            (void)co_await ctx.recv<int>();
            most = std::max(most, sent - got);
        }
        // A few rounds of all senders; one that cannot catch up is left with most of the 11,000.
        log(most <= 4 * senders * at_once ? "kept up" : "fell behind by " + std::to_string(most));
    });
    w.settle();
    for (int s = 0; s < senders; ++s)
        w.spawn([&](context ctx) -> process {
            for (int i = 0; i < rounds; ++i) {
                for (int k = 0; k < at_once; ++k) {
                    sink.tell(k);
                    ++sent;
                }
                co_await ctx.yield();
            }
        });
    w.settle();
    REQUIRE(log.take() == "kept up");
}
