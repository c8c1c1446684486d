// Stop and kill: order, deadlines, traps, stuck processes, from any thread and any number of times.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

#include <atomic>
#include <latch>
#include <thread>

using namespace tree;

TEST_CASE("A tree stops in reverse start order, temporary elements first") {
    test::acceptance("B5");
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    (void)sup.spawn(named(w.events, "a").with_redundancy(2));
    auto inner = sup.spawn(bastion::supervisor().with_name("inner"));
    (void)inner.spawn(named(w.events, "b"));
    (void)sup.spawn(named(w.events, "c"));
    (void)sup.spawn(element(w.events, "t"));
    w.settle();
    (void)w.events.take();
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end t0", "end c0", "end b0", "end a1", "end a0"});
    CHECK_FALSE(sup.alive());
    CHECK(w.log.take().empty());
}

TEST_CASE("Each child has its own deadline, and then it is killed") {
    test::acceptance("B5");
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    auto spawn = [&](const char* name, bastion::shutdown s) {
        return sup.spawn(bastion::children().with_name(name).with_shutdown(s).with_exec(element(w.events, name)));
    };
    const auto quick = spawn("quick", bastion::shutdown::within(100ms));
    const auto slow = spawn("slow", bastion::shutdown::within(300ms));
    const auto patient = spawn("patient", bastion::shutdown::infinite());
    const auto brutal = spawn("brutal", bastion::shutdown::brutal());
    for (const auto& g : {quick, slow, brutal}) g[0].tell(nap{2h});
    patient[0].tell(nap{1h});
    w.settle();
    (void)w.events.take();
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end brutal0"});  // at once
    w.advance(59min);
    CHECK(w.events.take().empty());  // it waits for the patient one
    w.advance(1min);
    CHECK(w.events.take() == lines{"patient0 woke", "end patient0"});
    w.advance(299ms);
    CHECK(w.events.take().empty());
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end slow0"});
    w.advance(100ms);
    CHECK(w.events.take() == lines{"end quick0"});
}

TEST_CASE("A deadline is exact, and the siblings' time starts when it is their turn") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_redundancy(2)
            .with_shutdown(bastion::shutdown::within(100ms))
            .with_exec(element(w.events, "g")));
    for (const auto& e : g) e.tell(nap{1h});
    w.settle();
    (void)w.events.take();
    g.stop();
    w.advance(99ms);
    CHECK(w.events.take().empty());
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end g1"});
    w.advance(99ms);
    CHECK(w.events.take().empty());
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end g0"});
}

TEST_CASE("The default deadline is 5 s") {
    world w;
    const auto a = w.rt.spawn(element(w.events, "a"));
    a.tell(nap{1h});
    w.settle();
    (void)w.events.take();
    a.stop();
    w.advance(4999ms);
    CHECK(w.events.take().empty());
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end a0"});
}

TEST_CASE("A stop takes effect at the next recv, after other awaits") {
    world w;
    const auto a = w.rt.spawn(element(w.events, "a"));
    a.tell(nap{1s});
    w.settle();
    using bastion::detail::life;
    CHECK(a.where().block->life_state.now() == life::waiting);
    a.stop();
    w.settle();
    CHECK(a.where().block->life_state.now() == life::draining);
    w.advance(1s);
    CHECK(w.events.take() == lines{"start a0", "a0 naps", "a0 woke", "end a0"});
}

TEST_CASE("A process that traps stops gets them as a message and ends itself, within its deadline") {
    world w;
    const auto g =
        w.rt.spawn(bastion::children().with_shutdown(bastion::shutdown::within(1s)).with_exec(element(w.events, "g")));
    g[0].tell(trap{});
    w.settle();
    g[0].stop();
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "g0 asked to stop"});
    SECTION("it ends itself") {
        g[0].tell("one more");
        g[0].tell(finish{});
        w.settle();
        CHECK(w.events.take() == lines{"g0: one more", "end g0"});
    }
    SECTION("it does not") {
        w.advance(999ms);
        CHECK(g[0].alive());
        w.advance(1ms);
        CHECK(w.events.take() == lines{"end g0"});
    }
    CHECK_FALSE(g[0].alive());
}

TEST_CASE("A process that traps stops restarts with its group when it ends") {
    world w;
    const auto g = w.rt.spawn(
        bastion::children().with_redundancy(2).with_restart_strategy(at_once()).with_exec(element(w.events, "g")));
    g[1].tell(trap{});
    w.settle();
    g[0].tell(die{"x"});
    w.settle();
    (void)w.events.take();
    g[1].tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"end g1", "start g0", "start g1"});
    g[1].stop();  // the new incarnation traps nothing
    w.settle();
    CHECK(w.events.take() == lines{"end g1"});
}

TEST_CASE("kill takes effect at any suspension and unwinds the frame") {
    test::acceptance("B5");
    world w;
    const auto a = w.rt.spawn(element(w.events, "a"));
    a.tell(nap{1h});
    w.settle();
    a.kill();
    w.settle();
    CHECK(w.events.take() == lines{"start a0", "a0 naps", "end a0"});
}

TEST_CASE("A kill during a stop reaches everything that still stops") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor());
    const auto g = sup.spawn(bastion::children().with_exec(element(w.events, "g")));
    const auto t = sup.spawn(element(w.events, "t"));
    SECTION("a group's element") { g[0].tell(nap{1h}); }
    SECTION("a temporary element") { t.tell(nap{1h}); }
    w.settle();
    sup.stop();
    w.settle();
    CHECK(sup.alive());
    sup.kill();
    w.settle();
    CHECK_FALSE(sup.alive());
    CHECK_FALSE(g[0].alive());
    CHECK_FALSE(t.alive());
}

TEST_CASE("A supervisor killed for its deadline stops gracefully again after its restart") {
    world w;
    auto outer = w.rt.spawn(
        bastion::supervisor().with_strategy(bastion::strategy::one_for_all).with_restart_strategy(at_once()));
    const auto a = outer.spawn(named(w.events, "a"));
    auto inner = outer.spawn(bastion::supervisor().with_shutdown(bastion::shutdown::within(100ms)));
    const auto b = inner.spawn(named(w.events, "b"));
    b[0].tell(nap{1h});
    w.settle();
    a[0].tell(die{"x"});
    w.advance(100ms);
    CHECK(b[0].alive());
    (void)w.events.take();
    b[0].tell(nap{10ms});
    w.settle();
    inner.stop();
    w.advance(10ms);
    CHECK(w.events.take() == lines{"b0 naps", "b0 woke", "end b0"});
}

TEST_CASE("Stop while a restart plan runs: everything ends, nothing is started") {
    world w;
    auto sup = w.rt.spawn(
        bastion::supervisor().with_strategy(bastion::strategy::one_for_all).with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b"));
    b[0].tell(nap{1s});
    w.settle();
    (void)w.events.take();
    a[0].tell(die{"x"});  // b must stop first
    w.settle();
    CHECK(w.events.take() == lines{"end a0"});
    SECTION("the supervisor") { sup.stop(); }
    SECTION("the groups") {
        a.stop();
        b.stop();
    }
    SECTION("the elements") {
        a[0].stop();
        b[0].stop();
    }
    w.advance(1s);
    CHECK(w.events.take() == lines{"b0 woke", "end b0"});
    CHECK_FALSE(a[0].alive());
    CHECK_FALSE(b[0].alive());
    CHECK_FALSE(a.alive());
    CHECK_FALSE(b.alive());
}

TEST_CASE("A group stopped in the middle of its start") {
    world w;
    const auto g = w.rt.spawn(
        bastion::children().with_redundancy(3).with_start(bastion::wait_ready, 1s).with_exec(element(w.events, "g")));
    w.settle();
    g.stop();
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "end g0"});
    CHECK_FALSE(g.alive());
    w.advance(2s);
    CHECK(w.log.take().empty());
}

TEST_CASE("stop and kill are idempotent, from any thread, and harmless afterwards") {
    test::acceptance("B6");
    world w(2);
    auto sup = w.rt.spawn(bastion::supervisor());
    const auto g = sup.spawn(bastion::children().with_redundancy(4).with_exec(element(w.events, "g")));
    {
        std::latch go(4);
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                go.arrive_and_wait();
                for (int k = 0; k < 50; ++k) {
                    g[static_cast<unsigned>(i)].stop();
                    g[static_cast<unsigned>(3 - i)].kill();
                    g.stop();
                    if (k % 2 == i % 2) g.kill();
                    sup.stop();
                    sup.kill();
                }
            });
    }
    w.settle();
    CHECK_FALSE(sup.alive());
    g[0].stop();
    g.stop();
    sup.kill();
    w.settle();
    std::size_t ends = 0;
    for (const auto& line : w.events.take()) ends += line.rfind("end", 0) == 0 ? 1 : 0;
    CHECK(ends <= 4);
    CHECK(w.log.take().empty());
}

TEST_CASE("A group whose elements have all ended is gone, and its name is free") {
    world w;
    const auto g = w.rt.spawn(named(w.events, "g").with_redundancy(2));
    w.settle();
    g[0].tell(finish{});
    w.settle();
    CHECK(g.alive());
    g[1].tell(finish{});
    w.settle();
    CHECK_FALSE(g.alive());
    const auto again = w.rt.spawn(named(w.events, "g"));
    w.settle();
    CHECK(again.alive());
}

TEST_CASE("A process that still runs a grace time after its kill is reported once, and never duplicated") {
    test::acceptance("B1");
    auto clock = std::make_shared<bastion::manual_clock>();
    journal log;
    std::atomic<bool> running{false};
    std::atomic<bool> let_go{false};
    std::atomic<int> reported{0};
    bastion::runtime rt(bastion::config().with_workers(2).with_signals(false).with_kill_grace(1ms).with_log(
        [&](const bastion::log_record& r) {
            log.add(std::string(r.path) + "; " + std::string(r.next));
            ++reported;
        }));
    const auto g = rt.spawn(bastion::children().with_name("g").with_exec([&](bastion::context ctx) -> bastion::process {
        running = true;
        while (!let_go) std::this_thread::yield();  // does not come back to its worker
        auto m = co_await ctx.recv();
        m.unhandled();
    }));
    while (!running) std::this_thread::yield();
    g[0].kill();
    while (reported == 0) std::this_thread::yield();
    CHECK(g[0].alive());
    let_go = true;
    rt.stop();
    CHECK(rt.wait() == 0);
    CHECK(log.take() == lines{"/g/0; still runs after a kill: waiting"});
}

TEST_CASE("A fault on the way to the end is reported") {
    world w;
    const auto g =
        w.rt.spawn(bastion::children().with_name("g").with_exec([](bastion::context ctx) -> bastion::process {
            ctx.trap_stop();
            auto m = co_await ctx.recv();
            if (m.told<bastion::stop_request>() != nullptr) bastion::panic("in goodbye");
            co_await ctx.sleep_for(1s);
            bastion::panic("while draining");
        }));
    w.settle();
    SECTION("after a trapped stop") {
        g.stop();
        w.settle();
        CHECK(w.log.take() == lines{"/g/0: panic: in goodbye; ends: it was stopping"});
    }
    SECTION("before it heard of the stop") {
        g[0].tell(nap{});
        w.settle();
        g.stop();
        w.advance(1s);
        CHECK(w.log.take() == lines{"/g/0: panic: while draining; ends: it was stopping"});
    }
    CHECK_FALSE(g.alive());
}

TEST_CASE("A kill that a body outran is still the reason of its end") {
    world w(2);
    std::latch inside(1);
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_callbacks(told_to(w.events))
            .with_exec([&inside](bastion::context ctx) -> bastion::process {
                inside.count_down();
                while (!ctx.stop_requested()) std::this_thread::yield();
                co_return;
            }));
    inside.wait();
    g.kill();
    while (g.alive()) std::this_thread::yield();
    w.settle();
    CHECK(w.events.take().back() == "after_stop /g/0 killed 0");
}

namespace {

struct polite {
    explicit polite(bastion::context ctx) { ctx.trap_stop(); }
    void asked(bastion::context ctx, const bastion::stop_request&) const { ctx.stop(); }
    void told(bastion::context ctx, const finish&) const { ctx.stop(); }
};

} // namespace

TEST_CASE("ctx.stop() ends a process of handlers, also one that was asked to stop and traps it") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_callbacks(told_to(w.events))
            .with_handlers<polite>(bastion::on_tell(&polite::asked), bastion::on_tell(&polite::told)));
    w.settle();
    (void)w.events.take();
    SECTION("asked to stop") {
        g.stop();
        w.settle(); // not the deadline
        CHECK(w.events.take() == lines{"after_stop /g/0 stopped 0"});
    }
    SECTION("by itself") {
        g[0].tell(finish{});
        w.settle();
        CHECK(w.events.take() == lines{"after_stop /g/0 normal 0"});
    }
    SECTION("in the constructor of its state") {
        struct born_old {
            explicit born_old(bastion::context ctx) { ctx.stop(); }
            void told(const finish&) const {}
        };
        const auto h = w.rt.spawn(bastion::children().with_handlers<born_old>(bastion::on_tell(&born_old::told)));
        w.settle();
        CHECK_FALSE(h[0].alive());
    }
    SECTION("a coroutine ends by co_return") {
        (void)w.rt.spawn([](bastion::context ctx) -> bastion::process {
            ctx.stop();
            co_return;
        });
        w.settle();
        const auto log = w.log.take();
        REQUIRE(log.size() == 1);
        CHECK_THAT(log[0], BASTION_CATCH_CONTAINS("a coroutine ends by co_return"));
    }
}

TEST_CASE("A trapped stop shows in stop_requested() and the stop_token") {
    world w;
    const auto g = w.rt.spawn(bastion::children().with_exec([&](bastion::context ctx) -> bastion::process {
        ctx.trap_stop();
        const auto early = ctx.stop_token();
        (void)co_await ctx.recv<bastion::stop_request>();
        w.events.add(ctx.stop_requested() ? "requested" : "not requested");
        w.events.add(early.stop_requested() ? "token requested" : "token not requested");
        w.events.add(ctx.stop_token().stop_requested() ? "new token requested" : "new token not requested");
    }));
    w.settle();
    g.stop();
    w.settle();
    CHECK(w.events.take() == lines{"requested", "token requested", "new token requested"});
}
