// How a process learns that it shall stop: at recv, as a message, by a token; and what a kill does.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;

TEST_CASE("a stop takes effect at the next recv, after other awaits, and mail before it is lost in order") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        co_await ctx.sleep_for(1ms);
        log("slept");
        (void)co_await ctx.recv();
        log("received");
    });
    p.tell(1);
    w.settle();
    p.stop();
    w.settle();
    REQUIRE(p.alive());
    w.advance(1ms);
    REQUIRE(log.take() == "slept");
    REQUIRE_FALSE(p.alive());
    REQUIRE(w.dead(drop_reason::unread) == 1);
}

TEST_CASE("trap_stop: the stop comes as a message, in order, and the process ends itself with reason stopped") {
    test::world w;
    test::journal log;
    auto body = [&](context ctx) -> process {
        ctx.trap_stop();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* n = m.told<int>()) log(*n);
            if (m.told<stop_request>()) {
                log(ctx.stop_requested() ? "asked to stop" : "asked");
                break;
            }
        }
    };
    std::optional<child_ref> p;
    SECTION("a temporary element") { p = w.spawn(body); }
    SECTION("an element of a group") { p = w.only(children().with_exec(body)); }
    w.spawn([&](context ctx) -> process {
        auto watch = ctx.monitor(*p);
        auto d = co_await ctx.recv<down>();
        log(d.reason().what());
    });
    w.settle();
    p->tell(1);
    p->stop();
    w.settle();
    const std::string got = log.take();
    REQUIRE(got.substr(0, 8) == "1, asked");
    REQUIRE(got.substr(got.size() - 9) == ", stopped");
    REQUIRE_FALSE(p->alive());
}

TEST_CASE("trap_stop: who does not end is killed at its deadline") {
    test::world w;
    test::journal log;
    auto p = w.only(children().with_shutdown(shutdown::within(5ms)).with_exec([&](context ctx) -> process {
        ctx.trap_stop();
        (void)co_await ctx.recv<stop_request>();
        log("ignored");
        for (;;) (void)co_await ctx.recv();
    }));
    p.stop();
    w.advance(5ms - 1ns);
    REQUIRE(log.take() == "ignored");
    REQUIRE(p.alive());
    w.advance(1ns);
    REQUIRE_FALSE(p.alive());
}

TEST_CASE("trap_stop: a full mailbox does not swallow the stop") {
    test::world w;
    test::journal log;
    auto p = w.only(children().with_mailbox(mailbox::bounded(1)).with_exec([&](context ctx) -> process {
        ctx.trap_stop();
        (void)co_await ctx.recv<stop_request>();
        log("asked");
    }));
    p.tell(1);
    w.settle();
    p.stop();
    w.settle();
    REQUIRE(log.take() == "asked");
}

TEST_CASE("a monitor's notice reaches a watcher whose mailbox is full") {
    test::world w;
    test::journal log;
    auto target = w.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    auto p = w.only(children().with_mailbox(mailbox::bounded(1)).with_exec([&](context ctx) -> process {
        auto watch = ctx.monitor(target);
        auto d = co_await ctx.recv<down>();
        log(d.reason().what());
    }));
    p.tell(1);
    w.settle();
    target.tell(1);
    w.settle();
    REQUIRE(log.take() == "normal");
}

TEST_CASE("stop_token: asked to stop by a stop, at once, while the process waits for something else") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto r = co_await ctx.sleep_for(1h).until(ctx.stop_token());
        log(test::shown(r));
        log(ctx.stop_requested() ? "stop requested" : "no stop");
        log(ctx.stop_token().stop_requested() ? "token too" : "token not");
        (void)co_await ctx.recv();
        log("not reached");
    });
    w.settle();
    REQUIRE(log.take().empty());
    p.stop();
    w.settle();
    REQUIRE(log.take() == "cancelled, stop requested, token too");
    REQUIRE_FALSE(p.alive());
}

TEST_CASE("stop_token: a fresh one for each incarnation") {
    test::world w;
    test::journal log;
    std::stop_token kept;
    auto p = w.only(
        children().with_restart_strategy(restart_strategy::always().immediate()).with_exec([&](context ctx) -> process {
            auto token = ctx.stop_token();
            if (ctx.incarnation() == 0) kept = token;
            log(token.stop_requested() ? "asked" : token == kept ? "same" : "fresh");
            (void)co_await ctx.recv();
            panic("again");
        }));
    p.tell(1);
    w.settle();
    REQUIRE(log.take() == "same, fresh");
}

TEST_CASE("trap_stop: a stop that was trapped is forgotten when the process is started again") {
    test::world w;
    test::journal log;
    const auto group = w.rt.spawn(children()
            .with_redundancy(2)
            .with_restart(permanent)
            .with_restart_strategy(restart_strategy::always().immediate())
            .with_exec([&](context ctx) -> process {
                if (ctx.block().index == 0) {
                    (void)co_await ctx.recv();
                    panic("takes the other along");
                }
                log(ctx.stop_requested() ? "asked" : "not asked");
                if (ctx.incarnation() == 0) ctx.trap_stop();
                (void)co_await ctx.recv();
            }));
    w.settle();
    group[0].tell(1);
    w.settle();
    REQUIRE(log.take() == "not asked, not asked");
    w.spawn([&](context ctx) -> process {
        auto watch = ctx.monitor(group[1]);
        auto d = co_await ctx.recv<down>();
        log(d.reason().what());
    });
    w.settle();
    group[1].tell(1);
    w.settle();
    REQUIRE(log.take().find("normal") != std::string::npos); // nobody asked it to stop in this life
}

TEST_CASE("a kill destroys the frame, locals in reverse order, on the process itself") {
    test::world w;
    test::journal log;
    struct local {
        test::journal& log;
        context ctx;
        std::string name;
        local(test::journal& l, context c, std::string n) : log(l), ctx(c), name(std::move(n)) {}
        local(const local&) = delete;
        local& operator=(const local&) = delete;
        ~local() {
            log(name);
            ctx.self().tell(1);                    // allowed: it is the current process
            log(ctx.try_recv() ? "mail" : "none");
        }
    };
    auto p = w.spawn([&](context ctx) -> process {
        const local a(log, ctx, "a");
        const local b(log, ctx, "b");
        co_await ctx.sleep_for(1h);
    });
    w.settle();
    p.kill();
    w.settle();
    REQUIRE(log.take() == "b, mail, a, mail");
}
