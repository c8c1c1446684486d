// Asking: every question ends, by its answer or by an error that says why.
#include "support/acceptance.hpp"
#include "support/questions.hpp"

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

// Answers squares and greetings; an int is answered by its half.
process answers(context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<square>()) q.reply(q->n * q->n);
        else if (auto g = m.asked<greet>()) g.reply("hello " + g->name);
        else if (auto i = m.asked<int>()) i.reply(*i / 2);
        else m.unhandled();
    }
}

// What one question to `to` gives.
template <class Ask>
std::string outcome(test::world& w, Ask ask) {
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto a = ask(ctx);
        auto r = co_await std::move(a);
        log(test::shown(r));
    });
    w.settle();
    return log.take();
}

} // namespace

TEST_CASE("typed, in-place, untyped and named questions are answered") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers);
    w.spawn([&](context) -> process {
        auto a = co_await to.ask(square{7});
        log(test::shown(a));
        auto b = co_await to.ask<square>(8);
        log(test::shown(b));
        auto c = co_await to.ask<greet>("ann");
        log(test::shown(c));
        auto named = to.ask(greet{"bob"});
        auto d = co_await named;
        log(test::shown(d));
        const greet lasting{"eve"};
        auto e = co_await to.ask(lasting);
        log(test::shown(e));
        auto f = co_await to.request<int>(10);
        log(test::shown(f));
        auto g = co_await to.ask(12);  // says no answer type: the answer is a message
        if (g) {
            if (auto* n = g->told<int>()) log(*n);
        }
    });
    w.settle();
    REQUIRE(log.take() == "49, 64, hello ann, hello bob, hello eve, 5, 6");
}

TEST_CASE("many answers may be awaited in any order") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers);
    w.spawn([&](context) -> process {
        std::vector<answer<int>> all;
        for (int i = 0; i < 5; ++i) all.push_back(to.ask(square{i}));
        for (auto a = all.rbegin(); a != all.rend(); ++a) {
            auto r = co_await *a;
            log(test::shown(r));
        }
    });
    w.settle();
    REQUIRE(log.take() == "16, 9, 4, 1, 0");
}

TEST_CASE("an answer taken twice is an error") {
    test::world w;
    test::journal log;
    auto to = w.spawn(answers);
    w.spawn([&](context) -> process {
        auto a = to.ask(square{2});
        auto r = co_await a;
        log(test::shown(r));
        bool refused = false;
        try {
            auto again = co_await a;
            log(test::shown(again));
        } catch (const usage_error&) { refused = true; }
        log(refused ? "refused" : "accepted");
    });
    w.settle();
    REQUIRE(log.take() == "4, refused");
}

TEST_CASE("a question that nobody reads ends at its deadline, or at the default one") {
    test::acceptance("B8");
    test::world w(1, config().with_ask_timeout(3s));
    test::journal log;
    auto deaf = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(1h); });
    w.spawn([&](context) -> process {
        auto a = co_await deaf.ask(square{1}).within(1s);
        log(test::shown(a));
        auto b = co_await deaf.ask(square{1});
        log(test::shown(b));
    });
    w.advance(1s - 1ns);
    REQUIRE(log.take().empty());
    w.advance(1ns);
    REQUIRE(log.take() == "timeout");
    w.advance(3s - 1ns);
    REQUIRE(log.take().empty());
    w.advance(1ns);
    REQUIRE(log.take() == "timeout");
}

TEST_CASE("an answer after the time-out is dropped, and nothing of it stays") {
    test::world w;
    test::journal log;
    auto slow = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            auto q = m.asked<greet>();
            co_await ctx.sleep_for(2s);
            q.reply("late");
        }
    });
    w.settle();
    const auto before = detail::read_pool_stats().live_blocks;
    w.spawn([&](context) -> process {
        auto a = co_await slow.ask<greet>("x").within(1s);
        log(test::shown(a));
    });
    w.advance(1s);
    REQUIRE(log.take() == "timeout");
    w.advance(5s);
    REQUIRE(detail::read_pool_stats().live_blocks == before);
}

TEST_CASE("asking the dead: noproc at once") {
    test::acceptance("B8");
    test::world w;
    auto gone = w.spawn([](context) -> process { co_return; });
    w.settle();
    REQUIRE(outcome(w, [&](context) { return gone.ask(square{1}); }) == "noproc");
    REQUIRE(outcome(w, [&](context) { return child_ref().ask(square{1}); }) == "noproc");
    REQUIRE(test::shown(w.rt.run(gone.ask(square{1}))) == "noproc");
}

TEST_CASE("the target ends: its asker hears of it at once, with the reason") {
    test::acceptance("B8");
    test::world w;
    // Each reads the question and then ends in its own way, the question in its hands.
    const auto dies = [&](auto body) {
        auto to = w.spawn(body);
        w.settle();
        return outcome(w, [to](context) { return to.ask(square{1}); });
    };
    SECTION("by a panic, which unwinds the question") {
        REQUIRE(dies([](context ctx) -> process {
            auto m = co_await ctx.recv();
            auto q = m.asked<square>();
            panic("on purpose");
        }) == "target_died (panic: on purpose)");
    }
    SECTION("by a panic, the question still in its message") {
        REQUIRE(dies([](context ctx) -> process {
            auto m = co_await ctx.recv();
            panic("on purpose");
        }) == "target_died (panic: on purpose)");
    }
    SECTION("by an exception of any type") {
        REQUIRE(dies([](context ctx) -> process {
            auto m = co_await ctx.recv();
            throw std::runtime_error("no memory left");
        }) == "target_died (panic: no memory left)");
    }
    SECTION("by an error") {
        REQUIRE(dies([](context ctx) -> process {
            auto m = co_await ctx.recv();
            auto q = m.asked<square>();
            co_return ctx.fail("cannot");
        }) == "target_died (error: cannot)");
    }
    SECTION("by a kill, which destroys the frame") {
        test::journal log;
        auto to = w.spawn([](context ctx) -> process {
            auto m = co_await ctx.recv();
            auto q = m.asked<square>();
            co_await ctx.sleep_for(1h);
        });
        test::asker(w, log, to);
        w.settle();
        to.kill();
        w.settle();
        REQUIRE(log.take() == "target_died (killed)");
    }
    SECTION("by a stop, the question unread") {
        test::journal log;
        auto to = w.spawn([](context ctx) -> process { (void)co_await ctx.recv<int>(); });
        test::asker(w, log, to);
        w.settle();
        to.stop();
        w.settle();
        REQUIRE(log.take() == "target_died (stopped)");
    }
    SECTION("normally, the question unread") {
        test::journal log;
        auto to = w.spawn([](context ctx) -> process { (void)co_await ctx.recv<int>(); });
        test::asker(w, log, to);
        w.settle();
        to.tell(1);
        w.settle();
        REQUIRE(log.take() == "target_died (normal)");
    }
}

TEST_CASE("a question that outlives its process elsewhere is not lost with it") {
    test::world w;
    test::journal log;
    auto heir = w.spawn([](context ctx) -> process {
        auto q = co_await ctx.recv<question<square>>();
        (void)co_await ctx.recv<int>();
        q.reply(q->n + 1);
    });
    auto to = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<square>();
        heir.tell(std::move(q));
    });
    w.spawn([&](context) -> process {
        auto r = co_await to.ask(square{4});
        log(test::shown(r));
    });
    w.settle();
    REQUIRE_FALSE(to.alive());
    REQUIRE(log.take().empty());
    heir.tell(1);
    w.settle();
    REQUIRE(log.take() == "5");
}

TEST_CASE("questions are answered later, in another order") {
    test::world w;
    test::journal log;
    auto to = w.spawn([](context ctx) -> process {
        std::vector<question<square>> kept;
        for (int i = 0; i < 3; ++i) {
            auto m = co_await ctx.recv();
            kept.push_back(m.asked<square>());
        }
        (void)co_await ctx.recv<int>();
        while (!kept.empty()) {
            kept.back().reply(kept.back()->n * 10);
            kept.pop_back();
        }
    });
    for (int i = 1; i <= 3; ++i)
        w.spawn([&, i](context) -> process {
            auto r = co_await to.ask(square{i});
            log(test::shown(r));
        });
    w.settle();
    REQUIRE(log.take().empty());
    to.tell(0);
    w.settle();
    const std::string got = log.take();
    REQUIRE(got.size() == std::string("10, 20, 30").size());
    for (const char* each : {"10", "20", "30"}) REQUIRE(got.find(each) != std::string::npos);
}

TEST_CASE("a question dropped by a living process says dropped") {
    test::acceptance("B8");
    test::world w;
    auto to = w.spawn([](context ctx) -> process {
        for (;;) (void)co_await ctx.recv();
    });
    REQUIRE(outcome(w, [&](context) { return to.ask(square{1}); }) == "dropped");
    auto taken = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            (void)m.asked<square>();
        }
    });
    REQUIRE(outcome(w, [&](context) { return taken.ask(square{1}); }) == "dropped");
    auto ends = w.spawn([](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<square>();
    });
    REQUIRE(outcome(w, [&](context) { return ends.ask(square{1}); }) == "dropped");
}

TEST_CASE("a question may be refused with a code of the receiver's choice") {
    test::world w;
    auto to = w.spawn([](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<square>();
        q.fail(errc::invalid);
    });
    REQUIRE(outcome(w, [&](context) { return to.ask(square{1}); }) == "invalid");
}

TEST_CASE("unhandled questions say so, and count as dead letters") {
    test::world w;
    auto to = w.spawn(answers);
    REQUIRE(outcome(w, [&](context) { return to.request<int>(0.5); }) == "unhandled");
    REQUIRE(w.dead(drop_reason::unhandled) == 1);
}

TEST_CASE("an answer of another type than awaited is wrong_type") {
    test::world w;
    auto to = w.spawn(answers);
    REQUIRE(outcome(w, [&](context) { return to.request<double>(4); }) == "wrong_type");
}

TEST_CASE("asking oneself: a deadlock while unread, legal once read") {
    test::world w;
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto r = co_await ctx.self().ask(square{3});
        log(test::shown(r));
        log(ctx.try_recv().has_value() ? "question left" : "none");
        auto a = ctx.self().ask(square{4});
        auto m = co_await ctx.recv();
        if (auto q = m.asked<square>()) q.reply(q->n);
        auto b = co_await a;
        log(test::shown(b));
        auto c = ctx.self().ask(square{5});
        auto m2 = co_await ctx.recv();
        auto kept = m2.asked<square>();
        auto e = co_await std::move(c).within(1s);  // read, but only we could answer
        log(test::shown(e));
    });
    w.settle();
    REQUIRE(log.take() == "deadlock, question left, 4");
    w.advance(1s);
    REQUIRE(log.take() == "timeout");
}

TEST_CASE("a second reply is an error, and a reply to an asker that is gone is none") {
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<greet>();
        (void)co_await ctx.recv<int>();
        q.reply("too late");
        log("replied");
        try {
            q.reply("again");
        } catch (const usage_error&) { log("refused"); }
    });
    auto asker = w.spawn([&](context) -> process {
        auto a = to.ask(greet{"x"});
        (void)co_await a;
    });
    w.settle();
    asker.kill();
    w.settle();
    to.tell(1);
    w.settle();
    REQUIRE(log.take() == "replied, refused");
}

TEST_CASE("an answer may be made of the question's own content, and be bigger than it") {
    struct echo {
        using answer_type = std::string;
        std::string text;
    };
    struct grow {
        using answer_type = std::array<char, 5'000>;
        char c;
    };
    test::world w;
    test::journal log;
    auto to = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto e = m.asked<echo>()) e.reply(std::move(e->text));
            else if (auto g = m.asked<grow>()) {
                std::array<char, 5'000> a;
                a.fill(g->c);
                g.reply(a);
            }
        }
    });
    w.spawn([&](context) -> process {
        auto r = co_await to.ask<echo>(std::string(100, 'e'));
        log(r ? static_cast<long long>(r->size()) : -1);
        auto s = co_await to.ask(grow{'g'});
        log(s && s->front() == 'g' && s->back() == 'g' ? "grown" : "wrong");
    });
    w.settle();
    REQUIRE(log.take() == "100, grown");
}

TEST_CASE("a plain thread asks and blocks, and its answer is its own") {
    test::world w(2);
    auto to = w.spawn(answers);
    REQUIRE(test::shown(w.rt.run(to.ask(square{9}))) == "81");
    REQUIRE(test::shown(w.rt.run(to.ask<greet>("you"))) == "hello you");
    auto deaf = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(1h); });
    REQUIRE(test::shown(w.rt.run(deaf.ask(square{9}).within(1ms))) == "timeout");
    test::journal log;
    w.spawn([&](context) -> process {  // a worker must not block
        try {
            (void)w.rt.run(to.ask(square{1}));
        } catch (const usage_error&) { log("refused"); }
        co_return;
    });
    w.settle();
    REQUIRE(log.take() == "refused");
}

TEST_CASE("an answer is awaited by the process that asked, nobody else") {
    test::world w;
    test::journal log;
    auto deaf = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(1h); });
    auto outside = deaf.ask(square{1});
    w.spawn([&](context) -> process {
        bool refused = false;
        try {
            auto r = co_await outside;
            log(test::shown(r));
        } catch (const usage_error&) { refused = true; }
        log(refused ? "refused" : "accepted");
    });
    w.settle();
    REQUIRE(log.take() == "refused");
}

TEST_CASE("when_all of many answers: one deadline for each, counted from the await, and a result for each") {
    test::journal log;
    test::world w;
    const auto answers = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto q = m.asked<square>()) q.reply(q->n * q->n);
        }
    });
    const auto silent = w.spawn([](context ctx) -> process {
        auto m = co_await ctx.recv();
        auto q = m.asked<square>();
        (void)co_await ctx.recv<int>();
    });
    const auto gone = w.spawn([](context) -> process { co_return; });
    w.settle();
    w.spawn([&](context ctx) -> process {
        std::vector<answer<int>> coming;
        for (const child_ref& who : {answers, silent, gone, answers}) coming.push_back(who.ask(square{3}));
        auto all = co_await when_all(std::move(coming)).within(200ms);
        for (auto& r : all) log(test::shown(r));
        auto none = co_await when_all(std::vector<answer<int>>());
        log(static_cast<long long>(none.size()));
        (void)ctx;
    });
    w.settle();
    REQUIRE(log.take().empty());
    w.advance(200ms);
    w.settle();
    REQUIRE(log.take() == "9, timeout, noproc, 9, 0");
}

TEST_CASE("when_all of many answers is over as soon as the last one is") {
    test::journal log;
    test::world w;
    std::vector<child_ref> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(w.spawn([i](context ctx) -> process {
            auto m = co_await ctx.recv();
            co_await ctx.sleep_for(std::chrono::milliseconds(10 * (5 - i)));
            if (auto q = m.asked<square>()) q.reply(q->n + i);
        }));
    w.spawn([&](context) -> process {
        std::vector<answer<int>> coming;
        for (const child_ref& who : all) coming.push_back(who.ask(square{10}));
        auto results = co_await when_all(std::move(coming));
        for (auto& r : results) log(test::shown(r));
    });
    w.settle();
    w.advance(49ms);
    w.settle();
    REQUIRE(log.take().empty());
    w.advance(1ms);
    w.settle();
    REQUIRE(log.take() == "10, 11, 12, 13, 14");
}

TEST_CASE("A question says who asks, while that one waits") {
    test::journal log;
    test::world w;
    question<square> kept;
    const auto target = w.spawn([&](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            const auto sender = m.sender();
            if (auto q = m.asked<square>()) {
                log(sender == q.asker() ? "the same" : "another");
                log(q.asker() == child_ref() ? "nobody" : "somebody");
                kept = std::move(q);
            }
        }
    });
    w.settle();
    SECTION("a process, and none when it has given up") {
        const auto who = w.spawn([&](context) -> process {
            auto r = co_await target.ask(square{1}).within(1s);
            log(test::shown(r));
        });
        w.settle();
        REQUIRE(log.take() == "the same, somebody");
        REQUIRE(kept.asker() == who);
        w.advance(1s);
        w.settle();
        REQUIRE(log.take() == "timeout");
        REQUIRE(kept.asker() == child_ref());
    }
    SECTION("a process that has ended meanwhile, and another one in its place") {
        const auto who = w.spawn([&](context) -> process {
            auto r = co_await target.ask(square{1});
            log(test::shown(r));
        });
        w.settle();
        who.kill();
        w.settle();
        for (int i = 0; i < 100; ++i) (void)w.spawn([](context c) -> process { (void)co_await c.recv(); });
        w.settle();
        REQUIRE(kept.asker() == child_ref());
    }
    SECTION("a plain thread is nobody") {
        auto coming = target.ask(square{1});
        w.settle();
        REQUIRE(log.take() == "the same, nobody");
    }
}
