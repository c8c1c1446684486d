// Receiving: the oldest message, the oldest of a type, without waiting, with a bound.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <chrono>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;

TEST_CASE("recv<T> takes the oldest T, the others wait in order") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 2; ++i) log(co_await ctx.recv<std::string>());
        for (int i = 0; i < 3; ++i) log(co_await ctx.recv<int>());
        auto m = co_await ctx.recv();
        log(m.told<double>() != nullptr ? "double" : "other");
    });
    p.tell(1);
    p.tell(0.5);
    p.tell(2);
    p.tell("a");
    w.settle();
    REQUIRE(log.take() == "a");
    p.tell(3);
    w.settle();
    REQUIRE(log.take().empty());
    p.tell("b");
    w.settle();
    REQUIRE(log.take() == "b, 1, 2, 3, double");
}

TEST_CASE("recv gives what a selective receive skipped before what came later") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
        for (int i = 0; i < 4; ++i) {
            auto m = co_await ctx.recv();
            if (auto* n = m.told<int>()) log(*n);
        }
    });
    p.tell(1);
    p.tell(2);
    w.settle();
    p.tell("go");
    p.tell(3);
    p.tell(4);
    w.settle();
    REQUIRE(log.take() == "1, 2, 3, 4");
}

TEST_CASE("recv<T> looks at told messages only") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children().with_exec([&](context ctx) -> process {
        log(co_await ctx.recv<int>());
        auto first = co_await ctx.recv();
        log(first.broadcast<int>() != nullptr ? "broadcast" : "other");
        auto second = co_await ctx.recv();
        auto q = second.asked<int>();
        log(q ? "question" : "other");
        if (q) q.reply(1);
    }));
    group.broadcast(5);
    auto a = group[0].request<int>(6);
    group[0].tell(7);
    w.settle();
    REQUIRE(log.take() == "7, broadcast, question");
}

TEST_CASE("try_recv takes what is there and never waits") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        log(ctx.try_recv().has_value() ? "mail" : "none");
        (void)co_await ctx.recv<std::string>();
        while (auto m = ctx.try_recv()) {
            if (auto* n = m->told<int>()) log(*n);
        }
        log("none");
    });
    w.settle();
    p.tell(1);
    p.tell(2);
    p.tell("go");
    w.settle();
    REQUIRE(log.take() == "none, 1, 2, none");
}

TEST_CASE("within: a message in time, or a time-out exactly when it is due") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 3; ++i) {
            auto v = co_await ctx.recv<int>().within(10ms);
            log(test::shown(v));
        }
        auto m = co_await ctx.recv().within(10ms);
        log(m ? std::string("mail") : test::shown(m));
    });
    w.settle();
    p.tell("not an int");
    w.advance(9ms);
    REQUIRE(log.take().empty());
    p.tell(5);
    w.settle();
    REQUIRE(log.take() == "5");
    w.advance(10ms - 1ns);
    REQUIRE(log.take().empty());
    w.advance(1ns);
    REQUIRE(log.take() == "timeout");
    p.tell(6);
    w.settle();
    REQUIRE(log.take() == "6, mail");
}

TEST_CASE("within of no time takes what is there and does not wait") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
        auto a = co_await ctx.recv<int>().within(0s);
        log(test::shown(a));
        auto b = co_await ctx.recv<int>().within(0s);
        log(test::shown(b));
        auto c = co_await ctx.recv<int>().within(-1s);
        log(test::shown(c));
    });
    p.tell(1);
    p.tell("go");
    w.settle();
    w.advance(0ns);
    REQUIRE(log.take() == "1, timeout, timeout");
}

TEST_CASE("a bound works on any awaitable") {
    test::world w;
    test::journal log;
    auto deaf = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(1h); });
    w.spawn([&](context ctx) -> process {
        auto s = co_await ctx.sleep_for(1h).within(1ms);
        log(test::shown(s));
        auto t = co_await ctx.sleep_for(1ms).within(1h);
        log(test::shown(t));
        auto a = co_await deaf.request<int>(1).within(1ms);
        log(test::shown(a));
    });
    w.advance(10ms);
    REQUIRE(log.take() == "timeout, done, timeout");
}

TEST_CASE("until: gives up when the token is asked to stop") {
    test::world w;
    test::journal log;
    std::stop_source source;
    auto p = w.spawn([&](context ctx) -> process {
        auto a = co_await ctx.recv<int>().until(source.get_token());
        log(test::shown(a));
        auto b = co_await ctx.recv<int>().until(source.get_token());
        log(test::shown(b));
        auto c = co_await ctx.recv<int>().until(source.get_token());
        log(test::shown(c));
        auto d = co_await ctx.sleep_for(1h).until(source.get_token());
        log(test::shown(d));
    });
    p.tell(1);
    w.settle();
    REQUIRE(log.take() == "1");
    source.request_stop();  // from a plain thread
    w.settle();
    REQUIRE(log.take() == "cancelled, cancelled, cancelled");
}

TEST_CASE("a context outside its process is refused") {
    test::world w;
    test::journal log;
    auto a = w.spawn([&](context ctx) -> process {
        auto other = co_await ctx.recv<context>();
        try {
            (void)other.try_recv();
        } catch (const usage_error&) { log("refused"); }
        bool refused = false;
        try {
            (void)co_await other.recv();
        } catch (const usage_error&) { refused = true; }
        log(refused ? "refused" : "accepted");
    });
    w.spawn([&](context ctx) -> process {
        a.tell(ctx);
        co_await ctx.sleep_for(1h);
    });
    w.settle();
    REQUIRE(log.take() == "refused, refused");
    const context stranger = context(*a.where().block);
    REQUIRE_THROWS_AS(stranger.try_recv(), usage_error);
}
