// Messages that their receiver acknowledges by being done with them.

#include <bastion/bastion.hpp>

#include "support/acceptance.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <optional>
#include <string>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

struct order {
    std::string what;
    int count;
};

// Tells `to` and reports what becomes of it.
template <class M>
void tell_and_report(test::world& w, test::journal& log, child_ref to, M m) {
    w.spawn([&log, to, m](context) -> process {
        auto sent = to.tell_acknowledged(m);
        const auto r = co_await sent;
        log(test::shown(r));
    });
    w.settle();
}

} // namespace

TEST_CASE("acknowledged: the receiver is told, and the sender learns when it is done with the message") {
    test::acceptance("C6");
    test::world w;
    test::journal log;
    const child_ref to = w.only(children().with_exec([&log](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (const order* o = msg.told<order>()) log("begins with " + o->what);
            co_await ctx.sleep_for(1s);
            log("done");
        }
    }));
    tell_and_report(w, log, to, order{"tea", 2});
    REQUIRE(log.take() == "begins with tea");
    w.advance(1s);
    w.settle();
    REQUIRE(log.take() == "done, done"); // the receiver says so, then the sender learns it
}

TEST_CASE("acknowledged: by handlers, by recv<T>, and by an arm of match") {
    test::world w;
    test::journal log;
    const child_ref handlers =
        w.only(children().with_handlers(on_tell([&log](const order& o) { log("handled " + o.what); }),
            on_tell([&log](std::string s) { log("text " + s); })));
    tell_and_report(w, log, handlers, order{"tea", 2});
    REQUIRE(log.take() == "handled tea, done");
    tell_and_report(w, log, handlers, std::string("a text that does not fit into the string itself"));
    REQUIRE(log.take() == "text a text that does not fit into the string itself, done");
    const child_ref selective = w.only(children().with_exec([&log](context ctx) -> process {
        const auto o = co_await ctx.recv<order>();
        log("took " + o.what);
        co_await ctx.sleep_for(1h);
    }));
    selective.tell(1); // skipped
    tell_and_report(w, log, selective, order{"cake", 1});
    REQUIRE(log.take() == "took cake, done"); // taken out of the mailbox: nothing is left to be done with
    const child_ref matching = w.only(children().with_exec([&log](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            msg.match(on_tell([&log](order o) { log("matched " + o.what); }));
        }
    }));
    tell_and_report(w, log, matching, order{"milk", 1});
    REQUIRE(log.take() == "matched milk, done");
}

TEST_CASE("acknowledged: what nobody took is an error that says why") {
    test::acceptance("C6");
    test::world w;
    test::journal log;
    const child_ref to = w.only(children()
            .with_restart_strategy(restart_strategy::always().immediate())
            .with_handlers(
                on_tell([](const order&) { panic("no tea"); }), on_tell([](context ctx, int) { ctx.fail("no"); })));
    tell_and_report(w, log, to, order{"tea", 1});
    REQUIRE(log.take() == "target_died (panic: no tea)");
    tell_and_report(w, log, to, 1);
    REQUIRE(log.take() == "target_died (error: no)");
    tell_and_report(w, log, to, std::string("what is that?"));
    REQUIRE(log.take() == "unhandled");
    to.stop();
    w.settle();
    tell_and_report(w, log, to, order{"tea", 1});
    REQUIRE(log.take() == "noproc");
    const child_ref careless = w.only(children().with_exec([](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto q = msg.asked<order>()) co_return; // it was told, not asked
        }
    }));
    tell_and_report(w, log, careless, order{"tea", 1});
    REQUIRE(log.take() == "dropped");
    const child_ref deaf =
        w.only(children().with_mailbox(mailbox::bounded(1, overflow::fail)).with_exec([](context ctx) -> process {
            co_await ctx.sleep_for(1h);
        }));
    w.spawn([&](context) -> process {
        auto first = deaf.tell_acknowledged<order>("tea", 1).within(1s);
        auto second = deaf.tell_acknowledged<order>("tea", 1);
        const auto two = co_await second;
        log(test::shown(two));
        const auto one = co_await first;
        log(test::shown(one));
    });
    w.settle();
    REQUIRE(log.take() == "mailbox_full");
    w.advance(1s);
    w.settle();
    REQUIRE(log.take() == "timeout");
}

TEST_CASE("acknowledged: a message that its process takes along to its end dies with it") {
    test::world w;
    test::journal log;
    const child_ref to = w.only(children().with_exec([](context ctx) -> process {
        auto msg = co_await ctx.recv();
        (void)msg.told<order>();
        co_await ctx.sleep_for(1h);
    }));
    tell_and_report(w, log, to, order{"tea", 1});
    to.kill();
    w.settle();
    REQUIRE(log.take() == "target_died (killed)");
}

TEST_CASE("acknowledged: a message that is kept is acknowledged when it goes") {
    test::world w;
    test::journal log;
    const child_ref to = w.only(children().with_exec([&log](context ctx) -> process {
        std::vector<message> kept;
        kept.push_back(co_await ctx.recv());
        if (kept[0].told<order>() == nullptr) co_return;
        co_await ctx.recv<int>();
        kept.clear();
        log("let go");
        co_await ctx.recv<int>();
    }));
    tell_and_report(w, log, to, order{"tea", 1});
    REQUIRE(log.take().empty());
    to.tell(1);
    w.settle();
    REQUIRE(log.take() == "let go, done");
}

TEST_CASE("acknowledged: a plain thread waits for it") {
    runtime rt(config().with_workers(1).with_signals(false));
    const auto group = rt.spawn(children().with_handlers(on_tell([](const order&) {})));
    REQUIRE(test::shown(rt.run(group[0].tell_acknowledged(order{"tea", 1}))) == "done");
    rt.stop();
    REQUIRE(rt.wait() == 0);
}
