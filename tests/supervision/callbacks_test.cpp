// Callbacks: exactly once per event, in order, with element, reason and count; faults in them are their element's.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

#include <algorithm>

using namespace tree;

TEST_CASE("Each callback comes once per event, in order, with path, reason and count") {
    test::acceptance("B7");
    test::acceptance("C3");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_redundancy(2)
            .with_restart_strategy(at_once())
            .with_callbacks(told_to(w.events))
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK(w.events.take() == lines{"before_start /g/0 normal 0", "start g0", "after_start /g/0 normal 0",
                                 "before_start /g/1 normal 0", "start g1", "after_start /g/1 normal 0"});
    g[1].tell(die{"oh no"});
    w.settle();
    CHECK(w.events.take() == lines{"end g1", "end g0", "before_restart /g/0 stopped 0", "start g0",
                                 "after_restart /g/0 stopped 1", "before_restart /g/1 panic: oh no 0", "start g1",
                                 "after_restart /g/1 panic: oh no 1"});
    g[0].tell(give_up{"so be it"});
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "end g1", "before_restart /g/0 error: so be it 1", "start g0",
                                 "after_restart /g/0 error: so be it 2", "before_restart /g/1 stopped 1", "start g1",
                                 "after_restart /g/1 stopped 2"});
    g[0].tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "after_stop /g/0 normal 2"});
    g.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end g1", "after_stop /g/1 stopped 2"});
}

TEST_CASE("The callbacks of an end name the message that was in hand, once, and only for a fault") {
    test::acceptance("C2");
    world w;
    const auto told = [&](const char* what) {
        return [&, what](const bastion::event& e) {
            w.events.add(what + (" " + std::string(e.in_hand())) + " after " + e.reason().what());
        };
    };
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::tries(3).immediate())
            .with_callbacks(bastion::callbacks()
                    .before_start(told("before_start"))
                    .after_start(told("after_start"))
                    .before_restart(told("before_restart"))
                    .after_restart(told("after_restart"))
                    .after_stop(told("after_stop")))
            .with_exec([](bastion::context ctx) -> bastion::process {
                if (ctx.incarnation() == 2) bastion::panic("nothing in hand");
                auto msg = co_await ctx.recv();
                if (msg.told<give_up>() != nullptr) co_return ctx.fail(bastion::error(bastion::errc::failed));
                bastion::panic("oh no");
            }));
    w.settle();
    CHECK(w.events.take() == lines{"before_start  after normal", "after_start  after normal"});
    g[0].tell(42);
    w.settle();
    CHECK(w.events.take() == lines{"before_restart int after panic: oh no", "after_restart  after panic: oh no"});
    g[0].tell(give_up());
    w.settle();
    CHECK(w.events.take() == lines{"before_restart tree::give_up after error: failed",
                                 "after_restart  after error: failed", "before_restart  after panic: nothing in hand",
                                 "after_restart  after panic: nothing in hand"});
    g[0].tell(nap{1s});
    w.settle();
    CHECK(w.events.take() == lines{"after_stop tree::nap after panic: oh no"});
}

TEST_CASE("Callbacks of a supervisor speak of the supervisor") {
    world w;
    auto outer = w.rt.spawn(bastion::supervisor().with_name("outer").with_restart_strategy(at_once()));
    auto inner = outer.spawn(
        bastion::supervisor().with_name("inner").with_restart_strategy(at_once()).with_intensity(0, 1s).with_callbacks(
            told_to(w.events)));
    w.settle();
    const auto g = inner.spawn(named(w.events, "g"));
    w.settle();
    CHECK(w.events.take() ==
          lines{"before_start /outer/inner normal 0", "after_start /outer/inner normal 0", "start g0"});
    g[0].tell(die{"x"});
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "before_restart /outer/inner too many restarts: g/0: panic: x 0",
                                 "start g0", "after_restart /outer/inner too many restarts: g/0: panic: x 1"});
    inner.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "after_stop /outer/inner stopped 1"});
}

TEST_CASE("The event names the element, which can be told from the callback") {
    world w;
    bastion::child_ref seen;
    const auto g = w.rt.spawn(bastion::children()
            .with_callbacks(bastion::callbacks().after_start([&](const bastion::event& e) {
                seen = e.who();
                (void)e.who().tell("hello");
            }))
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK(seen == g[0]);
    CHECK(w.events.take() == lines{"start g0", "g0: hello"});
}

TEST_CASE("before_start throws: a fault of its element, and a start failure of one that is to say when it is ready") {
    world w;
    auto group = bastion::children()
                     .with_name("g")
                     .with_restart_strategy(bastion::restart_strategy::tries(1).immediate())
                     .with_callbacks(bastion::callbacks().before_start(
                         [](const bastion::event&) { throw std::runtime_error("no"); }))
                     .with_exec(element(w.events, "g", true));
    SECTION("without wait_ready its policy decides, and its siblings start") {
        auto sup = w.rt.spawn(bastion::supervisor()
                .with_name("s")
                .with_children(std::move(group))
                .with_children(bastion::children().with_exec(element(w.events, "next"))));
        w.advance(1ms);
        CHECK(sup.alive());
        CHECK(w.events.take() == lines{"start next0", "start g0"});
        CHECK(w.log.take() == lines{"/s/g/0: panic: no; restarts now"});
    }
    SECTION("with wait_ready") {
        const auto g = w.rt.spawn(std::move(group).with_start(bastion::wait_ready, 1s));
        w.settle();
        CHECK_FALSE(g.alive());
        CHECK(w.events.take().empty());
        const auto log = w.log.take();
        REQUIRE_FALSE(log.empty());
        CHECK_THAT(log.front(), BASTION_CATCH_CONTAINS("no; did not start"));
    }
}

TEST_CASE("before_start throws once: the element comes back by a restart, and after_start is never called") {
    world w;
    auto calls = told_to(w.events);
    calls.before_start([](const bastion::event&) { throw std::runtime_error("no"); });
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_restart_strategy(at_once())
            .with_callbacks(std::move(calls))
            .with_exec(element(w.events, "g")));
    w.advance(1ms);
    CHECK(w.events.take() == lines{"before_restart /g/0 panic: no 0", "start g0", "after_restart /g/0 panic: no 1"});
    g.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "after_stop /g/0 stopped 1"});
}

TEST_CASE("Below a supervisor that fails upwards everything is restarted, and nobody hears an after_stop") {
    world w;
    auto outer = w.rt.spawn(bastion::supervisor().with_name("outer").with_restart_strategy(at_once()));
    auto inner = outer.spawn(bastion::supervisor()
            .with_name("inner")
            .with_restart_strategy(at_once())
            .with_intensity(0, 1s)
            .with_callbacks(told_to(w.events))
            .with_children(named(w.events, "a").with_callbacks(told_to(w.events)))
            .with_children(named(w.events, "b").with_callbacks(told_to(w.events))));
    w.settle();
    CHECK(w.events.take() == lines{"before_start /outer/inner normal 0", "before_start /outer/inner/a/0 normal 0",
                                 "start a0", "after_start /outer/inner/a/0 normal 0",
                                 "before_start /outer/inner/b/0 normal 0", "start b0",
                                 "after_start /outer/inner/b/0 normal 0", "after_start /outer/inner normal 0"});
    w.rt.whereis("/outer/inner/a/0").tell(die{"x"});
    w.settle();
    const std::string why = "too many restarts: a/0: panic: x";
    CHECK(w.events.take() ==
          lines{"end a0", "end b0", "before_restart /outer/inner " + why + " 0",
              "before_restart /outer/inner/a/0 panic: x 0", "start a0", "after_restart /outer/inner/a/0 panic: x 1",
              "before_restart /outer/inner/b/0 stopped 0", "start b0", "after_restart /outer/inner/b/0 stopped 1",
              "after_restart /outer/inner " + why + " 1"});
    outer.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "after_stop /outer/inner/b/0 stopped 1", "end a0",
                                 "after_stop /outer/inner/a/0 stopped 1", "after_stop /outer/inner stopped 1"});
}

TEST_CASE("after_start throws for a temporary element: it ends, and that is told") {
    test::acceptance("B14");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_restart(bastion::temporary)
            .with_callbacks(bastion::callbacks().after_start([](const bastion::event&) { bastion::panic("callback"); }))
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK(w.log.take() == lines{"/g/0: panic: callback; ends: it is temporary"});
    CHECK_FALSE(g[0].alive());
}

TEST_CASE("after_start throws: the incarnation is ended and restarted") {
    test::acceptance("B7");
    test::acceptance("B14");
    world w;
    int calls = 0;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_restart_strategy(at_once())
            .with_callbacks(bastion::callbacks()
                    .after_start([](const bastion::event&) { bastion::panic("callback"); })
                    .after_restart([&](const bastion::event& e) {
                        ++calls;
                        CHECK(e.reason().what() == "panic: callback");
                    }))
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "end g0", "start g0"});
    CHECK(calls == 1);
    CHECK(g[0].alive());
    CHECK(w.log.take() == lines{"/g/0: panic: callback; restarts now"});
}

TEST_CASE("after_start throws for an element that has ended already: it stays ended, and the group can be stopped") {
    test::acceptance("B14");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_redundancy(2)
            .with_restart_strategy(at_once())
            .with_callbacks(bastion::callbacks().after_start([](const bastion::event& e) {
                if (e.path() == "/g/0") bastion::panic("callback");
            }))
            .with_exec([](bastion::context ctx) -> bastion::process {
                if (ctx.block().index == 0) co_return;
                auto m = co_await ctx.recv();
                m.unhandled();
            }));
    w.settle();
    CHECK_FALSE(g[0].alive());
    CHECK(g[1].alive());
    CHECK(w.log.take() == lines{"/g/0: panic: callback; had ended"});
    g.stop();
    w.settle();
    CHECK_FALSE(g.alive());
}

TEST_CASE("before_restart that always throws: tries, delays and responsiveness hold") {
    test::acceptance("B3");
    test::acceptance("B14");
    SECTION("immediate, limited") {
        world w;
        const auto g = w.rt.spawn(bastion::children()
                .with_name("g")
                .with_restart_strategy(bastion::restart_strategy::tries(3).immediate())
                .with_callbacks(
                    bastion::callbacks().before_restart([](const bastion::event&) { bastion::panic("cb"); }))
                .with_exec(element(w.events, "g")));
        w.settle();
        g[0].tell(die{"x"});
        w.advance(1ms);
        CHECK_FALSE(g[0].alive());
        CHECK(w.log.take() == lines{"/g/0: panic: x; restarts now", "/g/0: panic: cb; restarts now",
                                  "/g/0: panic: cb; restarts now", "/g/0: panic: cb; ends: out of tries (3)"});
    }
    SECTION("for ever: the tree can still be stopped") {
        bastion::runtime rt(
            bastion::config().with_workers(1).with_signals(false).with_log([](const bastion::log_record&) {}));
        journal j;
        std::atomic<int> calls{0};
        const auto g = rt.spawn(bastion::children()
                .with_restart_strategy(at_once())
                .with_callbacks(bastion::callbacks().before_restart([&](const bastion::event&) {
                    ++calls;
                    bastion::panic("cb");
                }))
                .with_exec(element(j, "g")));
        g[0].tell(die{"x"});
        while (calls < 100) std::this_thread::yield();
        rt.stop();
        CHECK(rt.wait() == 0);
    }
}

TEST_CASE("after_stop throws: reported, and nothing else happens") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_callbacks(bastion::callbacks().after_stop([](const bastion::event&) { bastion::panic("late"); }))
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].stop();
    w.settle();
    CHECK_FALSE(g.alive());
    CHECK(w.log.take() == lines{"/g/0: panic: late; its after_stop callback failed"});
}

TEST_CASE("No after_stop for an element that was never started") {
    world w;
    auto slow = named(w.events, "slow").with_start(bastion::wait_ready, 1s);
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_children(std::move(slow))
            .with_children(bastion::children()
                    .with_name("later")
                    .with_callbacks(told_to(w.events))
                    .with_exec(element(w.events, "later"))));
    w.settle();
    CHECK(w.events.take() == lines{"start slow0"});
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end slow0"});
}

TEST_CASE("A user's stop while a callback's fault ends the incarnation is for good") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(at_once())
            .with_callbacks(bastion::callbacks().after_start([](const bastion::event& e) {
                e.who().stop();
                bastion::panic("callback");
            }))
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK_FALSE(g[0].alive());
    CHECK(w.events.take() == lines{"start g0", "end g0"});
}

TEST_CASE("A supervisor that had ended before the one above it was killed keeps its own reason") {
    world w;
    const auto of = [&w](const char* name) {
        return bastion::supervisor().with_otp_defaults().with_name(name).with_callbacks(told_to(w.events));
    };
    const auto mid = [&of] { return of("mid").with_own_restart(bastion::temporary); };
    w.rt.spawn(of("top").with_supervisor(mid().with_supervisor(of("low").with_supervisor(of("deep")))));
    w.settle();
    const auto sup = w.rt.find_supervisor("/top/mid");
    const auto low = w.rt.find_supervisor("/top/mid/low");
    auto changed = sup.reconfigure(mid()); // it would start again without `low`
    auto terminated = sup.terminate_child("low");
    w.settle();
    const auto answer = terminated.take();
    REQUIRE(answer);
    sup.kill();
    w.settle();
    const auto never = w.rt.run(low.started()); // whoever asks for it is told why it has ended
    REQUIRE_FALSE(never);
    CHECK(never.error().reason().kind() == bastion::exit_kind::stopped);
    const lines all = w.events.take();
    for (const char* line : {"after_stop /top/mid/low/deep stopped 0", "after_stop /top/mid/low stopped 0",
             "after_stop /top/mid killed 0"}) {
        CAPTURE(line);
        CHECK(std::count(all.begin(), all.end(), line) == 1);
    }
}
