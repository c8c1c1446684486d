// Exit signals that somebody orders: where they lie among what the same sender tells, and for whom they come too late or too early.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"
#include "support/bodies.hpp"

#include <bastion/executor/pool.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

using namespace tree;
using namespace std::chrono_literals;

namespace {

bastion::exit_reason why(std::string text) { return bastion::exit_reason::error(std::move(text)); }

struct start_trapping {
    using answer_type = int;
};

// What a message says: its text, or "(reason)".
std::string said(bastion::message& m) {
    if (auto* s = m.told<std::string>()) return *s;
    if (auto* x = m.told<bastion::exited>()) return "(" + x->reason().what() + ")";
    return "?";
}

// Reads what comes, and traps exits.
bastion::process reads(bastion::context ctx, journal& j) {
    ctx.trap_exit();
    for (;;) {
        auto m = co_await ctx.recv();
        j.add(said(m));
    }
}

// 1 and 2 are told ahead of an exit signal, 3 and 4 behind it.
void five(const bastion::child_ref& to, const bastion::exit_reason& reason = why("x")) {
    to.tell("1");
    to.tell("2");
    to.exit(reason);
    to.tell("3");
    to.tell("4");
}
const lines in_order{"1", "2", "(error: x)", "3", "4"};

lines take(world& w) {
    w.settle();
    return w.events.take();
}

} // namespace

TEST_CASE(
    "A trapped exit signal lies where its sender has put it: behind what it told before, ahead of what it tells then") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    const auto reader = [&j](bastion::context ctx) { return reads(ctx, j); };
    const auto by_process = [&w](const bastion::child_ref& to) {
        w.rt.spawn([to](bastion::context) -> bastion::process {
            five(to);
            co_return;
        });
    };
    SECTION("read by recv") {
        const auto who = w.rt.spawn(reader);
        w.settle();
        by_process(who);
        CHECK(take(w) == in_order);
        five(who);
        CHECK(take(w) == in_order);
    }
    SECTION("before its first line: it does not trap yet, and ends") {
        const auto who = w.rt.spawn(reader);
        who.exit(why("x"));
        const auto group = w.rt.spawn(bastion::children().with_restart(bastion::temporary).with_exec(reader));
        group[0].exit(why("x"));
        CHECK(take(w).empty());
        CHECK_FALSE(who.alive());
        CHECK_FALSE(group[0].alive());
    }
    SECTION("by handlers") {
        const auto group = w.rt.spawn(
            bastion::children().with_handlers(bastion::on_question([](bastion::context ctx, const start_trapping&) {
                ctx.trap_exit();
                return 0;
            }),
                bastion::on_tell([&j](const std::string& s) { j.add(s); }),
                bastion::on_tell([&j](const bastion::exited& x) { j.add("(" + x.reason().what() + ")"); })));
        w.settle();
        const auto traps = w.rt.run(group[0].ask(start_trapping()));
        REQUIRE(traps.has_value());
        by_process(group[0]);
        CHECK(take(w) == in_order);
    }
    SECTION("to oneself") {
        w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            five(ctx.self());
            ctx.trap_exit();
            for (;;) {
                auto m = co_await ctx.recv();
                j.add(said(m));
            }
        });
        CHECK(take(w) == in_order);
    }
    SECTION("to oneself, and read at once") {
        w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            five(ctx.self());
            while (auto m = ctx.try_recv()) j.add(said(*m));
            co_return;
        });
        CHECK(take(w) == in_order);
    }
    SECTION("to oneself, not trapped: nothing behind it is read, and what is debugged waits") {
        w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            five(ctx.self());
            while (auto m = ctx.try_recv()) j.add(said(*m));
            j.add("on");
            co_await ctx.yield();
            j.add("not reached");
        });
        const lines seen = take(w);
        CHECK(std::find(seen.begin(), seen.end(), "3") == seen.end());
        CHECK(std::find(seen.begin(), seen.end(), "not reached") == seen.end());
    }
    SECTION("by try_recv") {
        const auto who = w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            const auto all = [&] {
                while (auto m = ctx.try_recv()) j.add(said(*m));
            };
            co_await ctx.sleep_for(1s);
            all();
            all();
            co_await ctx.yield();
            all();
        });
        w.settle();
        five(who);
        w.advance(1s);
        CHECK(take(w) == in_order);
    }
    SECTION("by its type, when other mail was looked at already") {
        const auto who = w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            const auto x = co_await ctx.recv<bastion::exited>();
            j.add("(" + x.reason().what() + ")");
            for (;;) {
                auto m = co_await ctx.recv();
                j.add(said(m));
            }
        });
        w.settle();
        who.tell("0");
        w.settle();
        five(who);
        CHECK(take(w) == lines{"(error: x)", "0", "1", "2", "3", "4"});
    }
    SECTION("after something else was waited for: by a deadline, and by one of two") {
        const auto who = w.rt.spawn([&j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            for (;;) {
                auto m = co_await ctx.recv().within(10s);
                if (!m) continue;
                j.add(said(*m));
                co_await ctx.sleep_for(1s);
            }
        });
        w.settle();
        five(who);
        for (int i = 0; i < 8; ++i) w.advance(1s);
        CHECK(take(w) == in_order);
    }
    SECTION("while it is suspended") {
        const auto who = w.rt.spawn(reader);
        w.settle();
        const auto held = w.rt.run(bastion::sys::suspend(who));
        REQUIRE(held.has_value());
        five(who);
        CHECK(take(w).empty());
        const auto resumed = w.rt.run(bastion::sys::resume(who));
        REQUIRE(resumed.has_value());
        CHECK(take(w) == in_order);
    }
    SECTION("a bounded mailbox, which it does not count in") {
        for (const auto policy : {bastion::overflow::fail, bastion::overflow::drop_oldest}) {
            const auto group =
                w.rt.spawn(bastion::children().with_mailbox(bastion::mailbox::bounded(4, policy)).with_exec(reader));
            w.settle();
            by_process(group[0]);
            CHECK(take(w) == in_order);
        }
    }
    SECTION("whose oldest mail gives way to what comes") {
        const auto group = w.rt.spawn(bastion::children()
                .with_mailbox(bastion::mailbox::bounded(2, bastion::overflow::drop_oldest))
                .with_exec([&j](bastion::context ctx) -> bastion::process {
                    ctx.trap_exit();
                    for (;;) {
                        auto m = co_await ctx.recv();
                        j.add(said(m));
                        co_await ctx.sleep_for(1s);
                    }
                }));
        w.settle();
        group[0].tell("0");
        w.settle();
        group[0].tell("1");
        group[0].tell("2");
        w.advance(1s); // it has 1, and 2 in its list
        group[0].exit(why("x"));
        group[0].tell("3");
        group[0].tell("4");
        for (int i = 0; i < 4; ++i) w.advance(1s);
        CHECK(take(w) == lines{"0", "1", "(error: x)", "3", "4"});
    }
    SECTION("a limit on memory, which only messages use") {
        const auto group = w.rt.spawn(bastion::children()
                .with_limits(bastion::limits().memory(20'000 + test::stack_bytes))
                .with_exec([&j](bastion::context ctx) -> bastion::process {
                    for (;;) {
                        auto m = co_await ctx.recv();
                        j.add(said(m));
                    }
                }));
        w.settle();
        w.rt.spawn([who = group[0]](bastion::context) -> bastion::process {
            for (int i = 0; i < 1'000; ++i) who.exit(bastion::exit_reason());
            who.tell("1");
            co_return;
        });
        CHECK(take(w) == lines{"1"});
        CHECK(group[0].alive());
    }
    SECTION("while somebody looks: statistics, and a trace") {
        for (const bool traced : {false, true}) {
            const auto who = w.rt.spawn(reader);
            const auto watcher = w.rt.spawn([](bastion::context ctx) -> bastion::process {
                for (;;) (void)co_await ctx.recv();
            });
            w.settle();
            const auto on = traced ? w.rt.run(bastion::sys::trace(who, watcher, 1'000))
                                   : w.rt.run(bastion::sys::statistics(who, true));
            (void)on;
            by_process(who);
            CHECK(take(w) == in_order);
            who.exit(why("x"));
            CHECK(take(w) == lines{"(error: x)"});
        }
    }
    SECTION("by two tasks of one process") {
        w.rt.spawn([&w, &j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            const auto one = [](bastion::context c, journal& to) -> bastion::task<void> {
                auto m = co_await c.recv();
                to.add(said(m));
            };
            w.rt.spawn([who = ctx.self()](bastion::context) -> bastion::process {
                who.exit(why("x"));
                who.tell("1");
                co_return;
            });
            (void)co_await bastion::when_all(one(ctx, j), one(ctx, j));
        });
        CHECK(take(w) == lines{"(error: x)", "1"});
    }
    SECTION("several, by several reasons, and a normal one") {
        const auto who = w.rt.spawn(reader);
        w.settle();
        w.rt.spawn([who](bastion::context) -> bastion::process {
            who.exit(why("a"));
            who.tell("1");
            who.exit(bastion::exit_reason());
            who.tell("2");
            who.exit(bastion::exit_reason(bastion::exit_kind::stopped));
            who.exit(why("b"));
            co_return;
        });
        CHECK(take(w) == lines{"(error: a)", "1", "(normal)", "2", "(stopped)", "(error: b)"});
    }
    SECTION("who sends it is in it, and who sent the mail") {
        bastion::child_ref from;
        const auto who = w.rt.spawn([&j, &from](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            const auto x = co_await ctx.recv<bastion::exited>();
            j.add(x.who() == from ? "from there" : "from elsewhere");
        });
        w.settle();
        from = w.rt.spawn([who](bastion::context ctx) -> bastion::process {
            (void)co_await ctx.recv();
            who.exit(why("x"));
        });
        from.tell("go");
        CHECK(take(w) == lines{"from there"});
    }
}

TEST_CASE("An exit signal that is not trapped leaves nothing in the mail") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    const auto group = w.rt.spawn(
        bastion::children().with_restart(bastion::permanent).with_exec([&j](bastion::context ctx) -> bastion::process {
            co_await ctx.sleep_for(1s);
            for (;;) {
                auto m = co_await ctx.recv();
                j.add(said(m));
            }
        }));
    w.settle();
    const std::uint64_t dead = w.rt.dead_letters();
    SECTION("a normal one, which does nothing") {
        five(group[0], bastion::exit_reason());
        w.advance(1s);
        CHECK(take(w) == lines{"1", "2", "3", "4"});
        five(group[0], bastion::exit_reason());
        CHECK(take(w) == lines{"1", "2", "3", "4"});
    }
    SECTION("one that ends it: its mail is for the next incarnation") {
        five(group[0]);
        w.settle();
        w.advance(20s); // its back-off and its second
        w.advance(20s);
        CHECK(take(w) == lines{"1", "2", "3", "4"});
    }
    SECTION("nor does one whose mail is dropped at a restart") {
        const auto other = w.rt.spawn(bastion::children()
                .with_restart(bastion::permanent)
                .with_restart_strategy(at_once())
                .with_mailbox(bastion::mailbox::unbounded().clear_on_restart())
                .with_exec([](bastion::context ctx) -> bastion::process {
                    ctx.trap_exit();
                    co_await ctx.sleep_for(1s);
                    bastion::panic("again");
                }));
        const auto round = [&] {
            w.settle();
            other[0].exit(why("x"));
            w.advance(1s);
        };
        for (int i = 0; i < 10; ++i) round();
        const std::uint64_t before = bastion::detail::read_pool_stats().live_blocks;
        for (int i = 0; i < 100; ++i) round();
        CHECK(bastion::detail::read_pool_stats().live_blocks <= before + 10);
    }
    SECTION("and none of its mailbox, when it has ended") {
        five(group[0], bastion::exit_reason());
        group[0].kill();
        w.settle();
        CHECK(w.rt.dead_letters() == dead + 4);
    }
}

TEST_CASE("An exit signal for an incarnation that has ended is for nobody") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    const auto body = [&j](std::string name) {
        return [&j, name](bastion::context ctx) -> bastion::process {
            j.add(name + std::to_string(ctx.incarnation()));
            const end_mark mark(j, name);
            for (;;) {
                auto m = co_await ctx.recv();
                if (said(m) == "die") bastion::panic("told to");
            }
        };
    };
    SECTION("in a back-off") {
        for (const auto& reason : {why("late"), bastion::exit_reason(bastion::exit_kind::stopped),
                 bastion::exit_reason(bastion::exit_kind::killed)}) {
            const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(
                bastion::restart_strategy::always().with_linear_backoff(10s).without_jitter()));
            const auto group = sup.spawn(bastion::children().with_restart(bastion::transient).with_exec(body("a")));
            w.settle();
            group[0].tell("die");
            CHECK(take(w) == lines{"a0", "end a"});
            group[0].exit(reason);
            w.settle();
            w.advance(10s);
            CHECK(take(w) == lines{"a1"});
            group[0].exit(reason); // for the next one it counts
            CHECK(take(w) == lines{"end a"});
            sup.kill();
            w.settle();
        }
    }
    SECTION("that waits for the plan of all") {
        const auto sup =
            w.rt.spawn(bastion::supervisor().with_strategy(bastion::strategy::one_for_all).with_intensity(1, 5s));
        const auto slow = sup.spawn(bastion::children().with_exec([&j](bastion::context ctx) -> bastion::process {
            ctx.trap_stop();
            j.add("s" + std::to_string(ctx.incarnation()));
            (void)co_await ctx.recv<bastion::stop_request>();
            co_await ctx.sleep_for(1s);
        }));
        const auto group = sup.spawn(bastion::children().with_exec(body("a")));
        w.settle();
        group[0].tell("die");
        w.settle();
        group[0].exit(why("late"));
        w.advance(1s);
        CHECK(take(w) == lines{"s0", "a0", "end a", "s1", "a1"});
        CHECK(group[0].alive());
    }
}

TEST_CASE("A process that is spawned bare may decline to start, as any other") {
    world w;
    journal& j = w.events;
    const auto ignores = [](bastion::context ctx) -> bastion::process { co_return ctx.ignore(); };
    const auto too_late = [&j](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        try {
            ctx.ignore();
            j.add("taken");
        } catch (const bastion::usage_error& e) { j.add("refused"); }
    };
    const auto parent = [&](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        (void)ctx.spawn(ignores);
        (void)ctx.spawn_child(ignores);
        (void)ctx.spawn_link(ignores);
        const auto watched = ctx.spawn_monitor(ignores);
        for (int i = 0; i < 2; ++i) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<bastion::down>()) j.add("down " + d->reason().what());
            else j.add("linked " + said(m));
        }
        (void)ctx.spawn(too_late);
    };
    w.rt.spawn(parent);
    lines seen = take(w);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == lines{"down normal", "linked (normal)", "refused"});
    CHECK(w.log.take().empty());
}

namespace {

// Told to a reader: what it does then, inside.
struct act {
    std::function<void(const bastion::context&)> what;
};

// Traps exits; says what it hears, does as told, and naps, deaf, when it is told to.
bastion::process listens(bastion::context ctx, journal& j) {
    ctx.trap_exit();
    for (;;) {
        auto m = co_await ctx.recv();
        if (const auto* n = m.told<nap>()) co_await ctx.sleep_for(n->time);
        else if (const auto* a = m.told<act>()) a->what(ctx);
        else if (const auto* d = m.told<bastion::down>()) j.add("<" + d->reason().what() + ">");
        else j.add(said(m));
    }
}

// Greets whoever it is for, at each start; its last words, when it is told to die.
auto greets(bastion::child_ref whom) {
    return [whom](bastion::context ctx) -> bastion::process {
        whom.tell("hello " + std::to_string(ctx.incarnation()));
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<die>() == nullptr) continue;
            whom.tell("last words");
            bastion::panic("told to");
        }
    };
}

} // namespace

TEST_CASE("The exit of a link lies where that incarnation has ended: behind its last words, ahead of what the next one "
          "tells") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    const auto listener = [&j](bastion::context ctx) { return listens(ctx, j); };
    const auto bound = bastion::mailbox::bounded(10, bastion::overflow::fail);
    const bastion::child_ref who = GENERATE(false, true)
                                       ? w.rt.spawn(bastion::children().with_mailbox(bound).with_exec(listener))[0]
                                       : w.rt.spawn(listener);
    const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    auto described = bastion::children().with_restart(bastion::permanent).with_exec(greets(who));
    // Then links go when its owner has decided: it may come back as a member.
    if (GENERATE(false, true)) described.with_distributor("greeters");
    const auto group = sup.spawn(std::move(described));
    CHECK(take(w) == lines{"hello 0"});
    std::optional<bastion::monitor_handle> watch;
    const auto link = [&](bool watched) {
        who.tell(act{[&watch, watched, other = group[0]](const bastion::context& ctx) {
            ctx.link(other);
            if (watched) watch.emplace(ctx.monitor(other));
        }});
        w.settle();
    };
    const auto ends = [&](bool busy) {
        if (busy) who.tell(nap{1s});
        w.settle();
        group[0].tell(die{"x"});
        w.settle();
        w.advance(1s);
        return take(w);
    };
    SECTION("at once") {
        link(true);
        CHECK(ends(false) == lines{"last words", "(panic: told to)", "<panic: told to>", "hello 1"});
    }
    SECTION("while it is busy") {
        link(true);
        CHECK(ends(true) == lines{"last words", "(panic: told to)", "<panic: told to>", "hello 1"});
        link(false);
        CHECK(ends(true) == lines{"last words", "(panic: told to)", "hello 2"});
    }
    SECTION("while it is suspended") {
        link(true);
        auto held = w.rt.run(bastion::sys::suspend(who));
        REQUIRE(held.has_value());
        CHECK(ends(false).empty());
        auto on = w.rt.run(bastion::sys::resume(who));
        REQUIRE(on.has_value());
        CHECK(take(w) == lines{"last words", "(panic: told to)", "<panic: told to>", "hello 1"});
    }
    SECTION("linked by the other side, which also orders exits") {
        group[0].exit(why("anew"));
        CHECK(take(w) == lines{"hello 1"});
        who.tell(nap{1s});
        w.settle();
        const auto once = sup.spawn(bastion::children()
                .with_restart(bastion::permanent)
                .with_exec([who](bastion::context ctx) -> bastion::process {
                    if (ctx.incarnation() > 1) (void)co_await ctx.recv();
                    const std::string n = std::to_string(ctx.incarnation());
                    ctx.link(who);
                    who.tell(n);
                    who.exit(why("by order " + n));
                    who.tell("last words " + n);
                    bastion::panic(n);
                }));
        w.settle();
        w.advance(1s);
        CHECK(take(w) == lines{"0", "(error: by order 0)", "last words 0", "(panic: 0)", "1", "(error: by order 1)",
                             "last words 1", "(panic: 1)"});
    }
    SECTION("not after it is unlinked, and what has come before is there") {
        link(false);
        who.tell(act{[other = group[0], me = who](const bastion::context& ctx) {
            other.tell(die{"x"});
            ctx.unlink(other);
            me.tell("flushed");
        }});
        CHECK(take(w) == lines{"flushed", "last words", "hello 1"});
        link(false);
        who.tell(nap{1s});
        who.tell(act{[other = group[0], me = who](const bastion::context& ctx) {
            ctx.unlink(other);
            me.tell("flushed");
        }});
        CHECK(ends(false) == lines{"last words", "(panic: told to)", "hello 2", "flushed"});
    }
}

TEST_CASE("The exits of links that nobody traps leave nothing in the mail, nor with an owner") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor());
    const auto who = w.rt.spawn([&w](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            w.events.add(said(m));
        }
    });
    w.settle();
    const auto round = [&] {
        w.rt.spawn([who, sup](bastion::context ctx) -> bastion::process {
            ctx.link(who);
            ctx.link(sup);
            bastion::child_ref(sup.where()).exit(bastion::exit_reason());
            co_return;
        });
        w.settle();
    };
    for (int i = 0; i < 10; ++i) round();
    const std::uint64_t before = bastion::detail::read_pool_stats().live_blocks;
    for (int i = 0; i < 100; ++i) round();
    CHECK(bastion::detail::read_pool_stats().live_blocks <= before + 10);
    who.tell("1");
    CHECK(take(w) == lines{"1"});
    CHECK(w.rt.dead_letters() == 0);
}
