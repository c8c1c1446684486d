// when_all and when_any over awaitables, tasks, and both; the losers are abandoned.
#include "support/questions.hpp"

#include <memory>

namespace {

process answers_slowly(context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        auto q = m.asked<square>();
        co_await ctx.sleep_for(1ms);
        q.reply(q->n * q->n);
    }
}

task<> nothing() { co_return; }

class guard {
public:
    guard(test::journal& log, std::string text) : log_(log), text_(std::move(text)) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { log_("~" + text_); }

private:
    test::journal& log_;
    std::string text_;
};

task<int> sleeper(context ctx, test::journal& log, std::string name, std::chrono::nanoseconds d, int value) {
    const guard g(log, name);
    co_await ctx.sleep_for(d);
    log(name);
    co_return value;
}

task<std::string> reader(context ctx) {
    auto a = co_await ctx.recv<std::string>();
    auto b = co_await ctx.recv<std::string>();
    co_return a + b;
}

task<int> thrower(context ctx) {
    co_await ctx.sleep_for(1ms);
    throw std::runtime_error("thrown");
}

} // namespace

TEST_CASE("when_all: all results, awaitables and tasks mixed, waited for at once") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers_slowly);
    auto p = w.spawn([&](context ctx) -> process {
        auto named = to.ask(square{3});
        auto [slept, text, n, question, mail] =
            co_await when_all(ctx.sleep_for(5ms), reader(ctx), sleeper(ctx, log, "s", 2ms, 7), named, ctx.recv<int>());
        (void)slept;
        log(text);
        log(n);
        log(test::shown(question));
        log(mail);
    });
    p.tell("a");
    w.advance(3ms);
    REQUIRE(log.take() == "s, ~s");
    p.tell(1);
    p.tell("b");
    w.settle();
    REQUIRE(log.take().empty());
    w.advance(2ms);
    REQUIRE(log.take() == "ab, 7, 9, 1");
}

TEST_CASE("when_all of nothing, and of what is ready, does not wait") {
    test::world w;
    test::journal log;
    w.spawn([&](context ctx) -> process {
        (void)co_await when_all();
        log("nothing");
        ctx.self().tell(1);
        ctx.self().tell("x");
        auto [n, s] = co_await when_all(ctx.recv<int>(), ctx.recv<std::string>());
        log(n);
        log(s);
        ctx.self().tell(2);
        ctx.self().tell(3);
        auto [a, b] = co_await when_all(ctx.recv<int>(), ctx.recv<int>());
        log(a);
        log(b);
    });
    w.settle();
    REQUIRE(log.take() == "nothing, 1, x, 2, 3");
}

TEST_CASE("when_all: branches that wait for the same mail get one each") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto [m, n] = co_await when_all(ctx.recv(), ctx.recv<int>());
        auto* first = m.told<int>();
        log(first != nullptr ? *first : -1);
        log(n);
        auto [a, b] = co_await when_all(ctx.recv<int>().within(1ms), ctx.recv<int>().within(2ms));
        log(test::shown(a));
        log(test::shown(b));
    });
    p.tell(1);
    w.settle();
    REQUIRE(log.take().empty());
    p.tell(2);
    p.tell(3);
    w.advance(2ms);
    REQUIRE(log.take() == "1, 2, 3, timeout");
}

TEST_CASE("when_any: the first result, and the losers' frames are destroyed, their mail stays") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto first =
            co_await when_any(ctx.recv<int>(), sleeper(ctx, log, "slow", 1h, 1), sleeper(ctx, log, "fast", 1ms, 2));
        log(static_cast<long long>(first.index()));
        auto m = ctx.try_recv();
        log(m ? "mail" : "none");
        auto second = co_await when_any(ctx.recv<int>(), ctx.sleep_for(1ms));
        log(static_cast<long long>(second.index()));
        auto third = co_await when_any(ctx.sleep_for(1h), ctx.recv<int>());
        log(std::get<1>(third));
    });
    w.advance(1ms);
    REQUIRE(log.take() == "fast, ~fast, ~slow, 2, none");
    w.advance(1ms);
    REQUIRE(log.take() == "1");
    p.tell(9);
    w.settle();
    REQUIRE(log.take() == "9");
}

TEST_CASE("when_any: an abandoned answer is dropped when it comes") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers_slowly);
    w.settle();
    const auto before = detail::read_pool_stats().live_blocks;
    w.spawn([&](context ctx) -> process {
        auto first = co_await when_any(to.ask(square{2}), ctx.sleep_for(1us));
        log(static_cast<long long>(first.index()));
    });
    w.advance(10ms);
    REQUIRE(log.take() == "1");
    REQUIRE(detail::read_pool_stats().live_blocks == before);
}

TEST_CASE("an exception of a branch comes out of the combination") {
    test::world w;
    test::journal log;
    w.spawn([&](context ctx) -> process {
        try {
            (void)co_await when_all(thrower(ctx), sleeper(ctx, log, "s", 2ms, 1));
        } catch (const std::runtime_error& e) { log(e.what()); }
        try {
            (void)co_await when_any(thrower(ctx), sleeper(ctx, log, "t", 1h, 1));
        } catch (const std::runtime_error& e) { log(e.what()); }
    });
    w.advance(5ms);
    REQUIRE(log.take() == "s, ~s, thrown, ~t, thrown");
}

TEST_CASE("combinations nest in tasks") {
    test::world w;
    test::journal log;
    auto inner = [&log](context ctx) -> task<int> {
        auto [a, b] = co_await when_all(sleeper(ctx, log, "a", 2ms, 1), sleeper(ctx, log, "b", 1ms, 2));
        co_return a + b;
    };
    w.spawn([&](context ctx) -> process {
        auto both = co_await when_all(inner(ctx), inner(ctx));
        log(std::get<0>(both) + std::get<1>(both));
    });
    w.advance(5ms);
    REQUIRE(log.take() == "b, ~b, b, ~b, a, ~a, a, ~a, 6");
}

namespace {

task<int> squared(child_ref of, int n) {
    auto r = co_await of.ask(square{n});
    co_return *r;
}
task<result<int>> checked(context ctx, int n) {
    co_await ctx.sleep_for(1ms);
    if (n < 0) co_return fail("negative");
    co_return n;
}
task<> takes_mail(context ctx, test::journal& log) {
    const guard mine(log, "task");
    (void)co_await ctx.recv();
}

} // namespace

TEST_CASE("a task with a bound: its result in time, and else its frame is destroyed") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers_slowly);
    std::stop_source stop;
    w.spawn([&](context ctx) -> process {
        auto a = co_await squared(to, 3).within(1s);
        log("a " + test::shown(a));
        auto b = co_await sleeper(ctx, log, "b", 1h, 1).within(1ms);
        log("b " + test::shown(b));
        auto c = co_await checked(ctx, 4).within(1s);
        log("c " + test::shown(c));
        auto d = co_await checked(ctx, -4).within(1s);
        log("d " + d.error().what());
        auto e = co_await nothing().within(1s);
        log("e " + test::shown(e));
        try {
            auto f = co_await thrower(ctx).within(1s);
            log(test::shown(f));
        } catch (const std::runtime_error& x) { log(std::string("f ") + x.what()); }
        auto g = co_await sleeper(ctx, log, "g", 1h, 1).until(stop.get_token());
        log("g " + test::shown(g));
    });
    w.advance(1ms);
    REQUIRE(log.take() == "a 9");
    w.advance(1ms);
    REQUIRE(log.take() == "~b, b timeout");
    w.advance(1ms);
    REQUIRE(log.take() == "c 4");
    w.advance(1ms);
    REQUIRE(log.take() == "d negative, e done");
    w.advance(1ms);
    REQUIRE(log.take() == "f thrown");
    stop.request_stop();
    w.settle();
    REQUIRE(log.take() == "~g, g cancelled");
}

TEST_CASE("combinations have bounds, nest, and can be named") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto a = co_await when_any(sleeper(ctx, log, "a", 1h, 1), ctx.recv<int>()).within(1ms);
        log("a " + test::shown(a));
        auto b = co_await when_all(ctx.recv<int>(), ctx.sleep_for(1ms)).within(1s);
        log(std::get<0>(*b));
        auto c = co_await when_any(when_all(ctx.recv<int>(), ctx.recv<int>()), sleeper(ctx, log, "c", 5ms, 1));
        log("c " + std::to_string(c.index()));
        auto named = when_all(sleeper(ctx, log, "d", 1ms, 4), ctx.recv<int>());
        auto [d, n] = co_await named;
        log(d + n);
    });
    w.advance(1ms);
    REQUIRE(log.take() == "~a, a timeout");
    p.tell(7);
    w.advance(1ms);
    REQUIRE(log.take() == "7");
    p.tell(1);
    p.tell(2);
    w.settle();
    REQUIRE(log.take() == "~c, c 0");
    p.tell(3);
    w.advance(1ms);
    REQUIRE(log.take() == "d, ~d, 7");
}

TEST_CASE("a stop takes effect in a bounded task that waits for mail") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        const guard mine(log, "process");
        (void)co_await takes_mail(ctx, log).within(1h);
    });
    w.settle();
    p.stop();
    w.settle();
    REQUIRE(log.take() == "~task, ~process");
}

TEST_CASE("a stop takes effect in a combination that waits for mail, and not before in one that does not") {
    test::world w;
    test::journal log;
    auto mail = w.spawn([&](context ctx) -> process {
        const guard g(log, "mail");
        (void)co_await when_any(ctx.recv<int>(), ctx.sleep_for(1h));
    });
    auto none = w.spawn([&](context ctx) -> process {
        const guard g(log, "none");
        (void)co_await when_all(ctx.sleep_for(1ms), sleeper(ctx, log, "s", 2ms, 1));
        log("slept");
        (void)co_await ctx.recv();
    });
    w.settle();
    mail.stop();
    none.stop();
    w.settle();
    REQUIRE(log.take() == "~mail");
    w.advance(2ms);
    REQUIRE(log.take() == "s, ~s, slept, ~none");
}

TEST_CASE("a task that computes without end in one branch does not starve the other branches or processes") {
    test::world w;
    test::journal log;
    auto busy = [](context ctx, const bool& over) -> task<int> {
        int rounds = 0;
        while (!over) {
            co_await ctx.yield();
            ++rounds;
        }
        co_return rounds;
    };
    bool over = false;
    w.spawn([&](context ctx) -> process {
        auto [rounds, n] = co_await when_all(busy(ctx, over), ctx.recv<int>());
        log(rounds > 0 ? "ran" : "did not");
        log(n);
    });
    auto p = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv<int>();
        over = true;
        log(m);
    });
    w.spawn([&, p](context ctx) -> process {
        for (int i = 0; i < 10; ++i) co_await ctx.yield();
        p.tell(1);
    });
    auto killer = w.spawn([&](context ctx) -> process { (void)co_await ctx.recv(); });
    (void)killer;
    w.settle();
    REQUIRE(log.take() == "1");  // the first process still waits for its int
}
