// What lies behind an exit signal that ends its receiver: nobody of that incarnation reads it, and the next one reads all of it.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"
#include "support/blocking.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

using namespace tree;
using namespace std::chrono_literals;

namespace {

bastion::exit_reason why(std::string text) { return bastion::exit_reason::error(std::move(text)); }

lines take(world& w) {
    w.settle();
    return w.events.take();
}

// 1 is told ahead of an exit signal, 2 behind it.
void three(const bastion::child_ref& to, const bastion::exit_reason& reason) {
    to.tell(1);
    to.exit(reason);
    to.tell(2);
}

void try_often(const bastion::context& ctx, journal& j) {
    for (int i = 0; i < 4; ++i)
        if (ctx.try_recv()) j.add("read");
}

bastion::task<void> reads_one(bastion::context ctx, journal& j) {
    const int n = co_await ctx.recv<int>();
    j.add("read " + std::to_string(n));
}

using does = std::function<bastion::task<void>(bastion::context)>;

// Its first incarnation does that, and ends where it next waits; the next one reads what there is.
bastion::children first_does(journal& j, const does& what) {
    return bastion::children()
        .with_restart(bastion::permanent)
        .with_restart_strategy(at_once())
        .with_exec([&j, what](bastion::context ctx) -> bastion::process {
            while (ctx.incarnation() != 0) {
                const int n = co_await ctx.recv<int>();
                j.add("later " + std::to_string(n));
            }
            co_await what(ctx);
            co_await ctx.yield();
            j.add("not reached");
        });
}

bastion::process answers_nobody(bastion::context ctx) {
    for (;;) (void)co_await ctx.recv();
}

struct tally {
    void add(const int& by) { n += by; }
    int n = 0;
};

} // namespace

TEST_CASE("Nobody of an incarnation that an exit signal ends reads what lies behind it, however often it asks") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    for (const auto& reason : {why("x"), bastion::exit_reason(bastion::exit_kind::killed)}) {
        const std::vector<does> all{
            [&](bastion::context ctx) -> bastion::task<void> {
                three(ctx.self(), reason);
                try_often(ctx, j);
                co_return;
            },
            // Each of its tasks asks once in one round.
            [&](bastion::context ctx) -> bastion::task<void> {
                const auto sends = [](bastion::context c, bastion::exit_reason r) -> bastion::task<void> {
                    co_await c.yield();
                    three(c.self(), r);
                };
                (void)co_await bastion::when_all(
                    sends(ctx, reason), reads_one(ctx, j), reads_one(ctx, j), reads_one(ctx, j));
            },
            // The selective one has found something, and another has taken it back.
            [&](bastion::context ctx) -> bastion::task<void> {
                const auto sends = [](bastion::context c, bastion::exit_reason r) -> bastion::task<void> {
                    co_await c.yield();
                    three(c.self(), r);
                };
                (void)co_await bastion::when_any(
                    sends(ctx, reason), ctx.recv<std::string>(), ctx.recv<int>(), ctx.recv<int>());
                try_often(ctx, j);
            },
        };
        for (const does& what : all)
            for (const bool bounded : {false, true}) {
                bastion::children group = first_does(j, what);
                if (bounded) group.with_mailbox(bastion::mailbox::bounded(10, bastion::overflow::drop_oldest));
                const auto made = w.rt.spawn(std::move(group));
                CHECK(take(w) == lines{"later 1", "later 2"});
                made.kill();
            }
        const auto handlers = w.rt.spawn(bastion::children()
                .with_restart(bastion::permanent)
                .with_restart_strategy(at_once())
                .with_handlers(bastion::on_tell([&](bastion::context ctx, const std::string&) {
                    three(ctx.self(), reason);
                    try_often(ctx, j);
                }),
                    bastion::on_tell([&j](bastion::context ctx, const int& n) {
                        j.add((ctx.incarnation() == 0 ? "read " : "later ") + std::to_string(n));
                    })));
        w.settle();
        handlers[0].tell(std::string("go"));
        CHECK(take(w) == lines{"later 1", "later 2"});
    }
}

TEST_CASE("Nor does who cannot end yet, because a function runs for it") {
    test::acceptance("C1");
    test::door d;
    world w;
    journal& j = w.events;
    const auto group = w.rt.spawn(first_does(j, [&](bastion::context ctx) -> bastion::task<void> {
        const auto reads = [](bastion::context c, journal& to) -> bastion::task<void> {
            for (;;) co_await reads_one(c, to);
        };
        (void)co_await bastion::when_all(reads(ctx, j), bastion::blocking([&d] { d.pass(); }));
    }));
    d.wait_for(1);
    const auto waits = [&] { return test::is_suspended(group[0]); };
    group[0].exit(why("x"));
    test::wait_until(waits); // it has looked
    group[0].tell(1); // makes it `queued`
    test::wait_until(waits);
    group[0].tell(2);
    test::wait_until(waits);
    CHECK(j.take().empty());
    d.open();
    const bastion::detail::control_block& its = *group[0].where().block;
    test::wait_until([&its] { return its.life_state.now() == bastion::detail::life::waiting; }); // the first never is
    CHECK(its.incarnation == 1);
    CHECK(take(w) == lines{"later 1", "later 2"});
}

TEST_CASE("What was handed over last lies behind what was kept back before it") {
    test::acceptance("C1");
    test::door d;
    world w;
    journal& j = w.events;
    const auto group = w.rt.spawn(first_does(j, [&](bastion::context ctx) -> bastion::task<void> {
        const auto reads = [](bastion::context c, journal& to) -> bastion::task<void> {
            for (;;) co_await reads_one(c, to);
        };
        (void)co_await bastion::when_all(reads(ctx, j), bastion::blocking([&d] { d.pass(); }));
    }));
    d.wait_for(1);
    group[0].exit(why("x"));
    test::wait_until([&] { return test::is_suspended(group[0]); }); // it has looked
    w.rt.spawn([&, to = group[0]](bastion::context ctx) -> bastion::process {
        for (int n = 1; n < 3; ++n) { // one worker: each is kept back before the next is told
            to.tell(n);
            co_await ctx.yield();
            co_await ctx.yield();
        }
        to.tell(3);
        d.open();
        while (ctx.runtime().blocking_counters().running != 0) std::this_thread::yield(); // then it may end
    });
    const bastion::detail::control_block& its = *group[0].where().block;
    test::wait_until([&its] { return its.life_state.now() == bastion::detail::life::waiting; }); // the first never is
    CHECK(take(w) == lines{"later 1", "later 2", "later 3"});
}

TEST_CASE("What a combinator takes its body gets, whatever comes when its turn is over") {
    const bool any_mail = GENERATE(true, false);
    const int turns = GENERATE(0, 1, 2, 3);
    for (int behind = 45; behind <= 105; ++behind) { // a turn is 100 steps
        world w;
        std::vector<int> got;
        const auto sink = w.rt.spawn(answers_nobody);
        const auto group = w.rt.spawn(bastion::children()
                .with_restart(bastion::permanent)
                .with_restart_strategy(at_once())
                .with_exec([&, any_mail](bastion::context ctx) -> bastion::process {
                    for (;;) {
                        sink.tell(0); // counts, too
                        if (any_mail) {
                            const auto first = co_await bastion::when_any(ctx.recv(), ctx.sleep_for(1h));
                            got.push_back(*std::get<0>(first).told<int>());
                        } else {
                            const auto first = co_await bastion::when_any(ctx.recv<int>(), ctx.sleep_for(1h));
                            got.push_back(std::get<0>(first));
                        }
                    }
                }));
        w.settle();
        w.rt.spawn([&, to = group[0]](bastion::context ctx) -> bastion::process {
            for (int n = 0; n < behind; ++n) to.tell(n);
            for (int i = 0; i < turns; ++i) co_await ctx.yield();
            to.exit(why("x"));
        });
        w.settle();
        CHECK(static_cast<int>(got.size()) == behind);
        CHECK(std::is_sorted(got.begin(), got.end()));
    }
}

TEST_CASE("What a combinator has taken and its body has not got is a dead letter") {
    world w;
    std::vector<std::string> letters;
    const auto listener = w.rt.spawn([&letters](bastion::context ctx) -> bastion::process {
        for (;;) letters.push_back((co_await ctx.recv<bastion::dead_letter>()).type);
    });
    w.rt.subscribe_dead_letters(listener);
    const auto waits = w.rt.spawn([](bastion::context ctx) -> bastion::process {
        (void)co_await bastion::when_all(ctx.recv<int>(), ctx.recv<long>().within(1h), ctx.sleep_for(2h));
        (void)co_await ctx.recv();
    });
    waits.tell(1);
    w.advance(1h); // the second is a time-out, which is no letter
    SECTION("because its process ends") {
        waits.kill();
        w.settle();
        CHECK(letters == std::vector<std::string>{"int"});
        CHECK(w.rt.dead_letters(bastion::drop_reason::unread) == 1);
    }
    SECTION("unless it gets it") {
        w.advance(1h);
        waits.kill();
        w.settle();
        CHECK(letters.empty());
    }
}

TEST_CASE("What a mailbox with a bound pushes out while its process ends is counted once") {
    world w;
    journal& j = w.events;
    const auto group = w.rt.spawn(first_does(j, [&](bastion::context ctx) -> bastion::task<void> {
        const bastion::child_ref me = ctx.self();
        me.tell(1);
        me.tell(2);
        const auto none = co_await ctx.recv<std::string>().within(0ns); // 1 and 2 are in its list
        if (none) j.add("?");
        me.exit(why("x"));
        me.tell(3);
        try_often(ctx, j);
        me.tell(4);
        me.tell(5);
        try_often(ctx, j);
    }).with_mailbox(bastion::mailbox::bounded(2, bastion::overflow::drop_oldest)));
    lines seen = take(w);
    CHECK(std::count(seen.begin(), seen.end(), "later 4") == 1);
    CHECK(std::count(seen.begin(), seen.end(), "later 5") == 1);
    std::erase_if(seen, [](const std::string& s) { return s == "read" || s == "later 4" || s == "later 5"; });
    CHECK(seen.empty());
    group[0].tell(6);
    CHECK(take(w) == lines{"later 6"});
}

TEST_CASE("A message is noted of a process that is watched, whatever reaches its lane meanwhile") {
    world w;
    std::optional<bastion::monitor_handle> watch;
    const auto watches = [&](const bastion::child_ref& who) {
        w.rt.spawn([&watch, who](bastion::context ctx) -> bastion::process {
            watch.emplace(ctx.monitor(who));
            (void)co_await ctx.recv<std::string>();
        });
        w.settle();
    };
    const auto described = [&](bool handlers) {
        if (handlers) return bastion::children().with_handlers<tally>(bastion::on_tell(&tally::add));
        return bastion::children().with_data(tally()).with_exec([](bastion::context ctx) -> bastion::process {
            for (;;) {
                auto m = co_await ctx.recv();
                if (const int* n = m.told<int>()) ctx.data<tally>().n += *n;
            }
        });
    };
    for (const bool handlers : {false, true}) {
        const auto group = w.rt.spawn(described(handlers));
        w.settle();
        const bastion::child_ref who = group[0];
        watches(who);
        auto on = w.rt.run(bastion::sys::statistics(who, true));
        REQUIRE(on.has_value());
        // In its turn, when it has looked at its lane.
        auto done = w.rt.run(bastion::sys::replace_state<tally>(who, [&watch, who](tally&) {
            watch->cancel();
            who.tell(1);
        }));
        REQUIRE(done.has_value());
        w.settle();
        const auto counted = w.rt.run(bastion::sys::get_statistics(who));
        REQUIRE(counted.has_value());
        CHECK(counted->received == 1);
        const auto state = w.rt.run(bastion::sys::get_state<tally>(who));
        REQUIRE(state.has_value());
        CHECK(state->n == 1);
    }
}
