// Links and exit signals: the matrix of OTP's, what a link outlives, and the order of notices and messages.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"
#include "support/late_signal.hpp"

#include <bastion/testing/explore.hpp>
#include <bastion/testing/simulation.hpp>

#include <algorithm>
#include <functional>
#include <optional>

using namespace tree;

namespace {

// Told to a party: what it does then, inside.
struct act {
    std::function<void(const bastion::context&)> what;
};
struct end_with {
    bastion::exit_reason why;
};

// Does as told, says what it hears, and when it ends.
auto party(journal& j, std::string name, bool traps = false) {
    return [&j, name, traps](bastion::context ctx) -> bastion::process {
        const end_mark mark(j, name);
        if (traps) ctx.trap_exit();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* a = m.told<act>()) a->what(ctx);
            else if (auto* e = m.told<end_with>()) co_return ctx.exit(e->why);
            else if (auto* x = m.told<bastion::exited>()) j.add(name + ": exited " + x->reason().what());
            else if (auto* d = m.told<bastion::down>()) j.add(name + ": down " + d->reason().what());
            else if (auto* s = m.told<std::string>()) j.add(name + ": " + *s);
        }
    };
}

void link_to(const bastion::child_ref& who, const bastion::child_ref& whom) {
    who.tell(act{[whom](const bastion::context& ctx) { ctx.link(whom); }});
}
void unlink_from(const bastion::child_ref& who, const bastion::child_ref& whom) {
    who.tell(act{[whom](const bastion::context& ctx) { ctx.unlink(whom); }});
}

bastion::exit_reason boom() { return bastion::exit_reason::error("boom"); }
bastion::exit_reason of(bastion::exit_kind kind) { return bastion::exit_reason(kind); }

// Two that are linked, and a journal that says "a" and "b" of them.
struct two {
    explicit two(bool b_traps = false)
        : a(w.rt.spawn(party(w.events, "a"))), b(w.rt.spawn(party(w.events, "b", b_traps))) {
        w.settle();
    }
    void linked() {
        link_to(b, a);
        w.settle();
    }
    lines take() {
        w.settle();
        return w.events.take();
    }

    world w;
    bastion::child_ref a, b;
};

} // namespace

TEST_CASE("A link ends the other side with the same reason, unless the end is normal") {
    test::acceptance("C1");
    SECTION("an error") {
        two t;
        t.linked();
        t.w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            auto watch = ctx.monitor(t.b);
            t.a.tell(end_with{boom()});
            t.w.events.add((co_await ctx.recv<bastion::down>()).reason().what());
        });
        CHECK(t.take() == lines{"end a", "end b", "error: boom"});
    }
    SECTION("a normal end") {
        two t;
        t.linked();
        t.a.tell(end_with{bastion::exit_reason()});
        CHECK(t.take() == lines{"end a"});
        t.b.tell("still here");
        CHECK(t.take() == lines{"b: still here"});
    }
    SECTION("a stop") {
        two t;
        t.linked();
        t.a.stop();
        CHECK(t.take() == lines{"end a", "end b"});
    }
    SECTION("from the other side") {
        two t;
        t.linked();
        t.b.tell(end_with{boom()});
        CHECK(t.take() == lines{"end b", "end a"});
    }
}

TEST_CASE("Who traps exits is told of every end of a link, and lives on") {
    test::acceptance("C1");
    two t(true);
    t.linked();
    SECTION("an error") {
        t.a.tell(end_with{boom()});
        CHECK(t.take() == lines{"end a", "b: exited error: boom"});
    }
    SECTION("a normal end") {
        t.a.tell(end_with{bastion::exit_reason()});
        CHECK(t.take() == lines{"end a", "b: exited normal"});
    }
    SECTION("one that was killed: a kill does not cascade") {
        t.a.exit(of(bastion::exit_kind::killed));
        CHECK(t.take() == lines{"end a", "b: exited killed"});
    }
    SECTION("one that ended itself as killed") {
        t.a.tell(end_with{of(bastion::exit_kind::killed)});
        CHECK(t.take() == lines{"end a", "b: exited killed"});
    }
}

TEST_CASE("Whoever is linked with one that was killed ends as killed") {
    two t;
    t.linked();
    t.w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto watch = ctx.monitor(t.b);
        t.a.exit(of(bastion::exit_kind::killed));
        t.w.events.add((co_await ctx.recv<bastion::down>()).reason().what());
    });
    CHECK(t.take() == lines{"end a", "end b", "killed"});
}

TEST_CASE("An exit signal by order: the matrix of OTP's exit/2") {
    const auto ordered = [](bool traps, const bastion::exit_reason& why) {
        two t(traps);
        t.b.exit(why);
        lines heard = t.take();
        t.b.tell("alive");
        const lines after = t.take();
        heard.insert(heard.end(), after.begin(), after.end());
        return heard;
    };
    CHECK(ordered(false, bastion::exit_reason()) == lines{"b: alive"});
    CHECK(ordered(true, bastion::exit_reason()) == lines{"b: exited normal", "b: alive"});
    CHECK(ordered(false, boom()) == lines{"end b"});
    CHECK(ordered(true, boom()) == lines{"b: exited error: boom", "b: alive"});
    CHECK(ordered(false, of(bastion::exit_kind::killed)) == lines{"end b"});
    CHECK(ordered(true, of(bastion::exit_kind::killed)) == lines{"end b"});
    SECTION("to itself") {
        const auto by_itself = [](bool traps, const bastion::exit_reason& why) {
            two t(traps);
            t.b.tell(act{[why](const bastion::context& ctx) { ctx.self().exit(why); }});
            return t.take();
        };
        CHECK(by_itself(false, bastion::exit_reason()) == lines{"end b"});
        CHECK(by_itself(true, bastion::exit_reason()) == lines{"b: exited normal"});
        CHECK(by_itself(false, boom()) == lines{"end b"});
        CHECK(by_itself(true, boom()) == lines{"b: exited error: boom"});
        CHECK(by_itself(false, of(bastion::exit_kind::killed)) == lines{"end b"});
        CHECK(by_itself(true, of(bastion::exit_kind::killed)) == lines{"end b"});
    }
}

TEST_CASE("Who sends itself an exit signal ends with its reason, a normal one, too") {
    for (const auto& given : {std::pair{bastion::exit_reason(), lines{"end b", "normal, for good"}},
             std::pair{boom(), lines{"end a", "end b", "error: boom, for good"}},
             std::pair{of(bastion::exit_kind::stopped), lines{"end a", "end b", "stopped, for good"}},
             std::pair{of(bastion::exit_kind::killed), lines{"end a", "end b", "killed, for good"}}}) {
        const bastion::exit_reason& why = given.first;
        INFO(why.what());
        two t;
        t.linked();
        t.w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            auto watch = ctx.monitor(t.b);
            t.b.tell(act{[why](const bastion::context& inside) { inside.self().exit(why); }});
            const auto d = co_await ctx.recv<bastion::down>();
            t.w.events.add(d.reason().what() + (d.returns() ? ", returns" : ", for good"));
        });
        lines heard = t.take(); // by several, in any order
        std::sort(heard.begin(), heard.end());
        CHECK(heard == given.second);
    }
    // A transient element that has ended so has done its work.
    world w;
    const auto group = w.rt.spawn(
        bastion::children().with_restart_strategy(at_once()).with_exec([&](bastion::context ctx) -> bastion::process {
            w.events.add("start");
            (void)co_await ctx.recv();
            ctx.self().exit(bastion::exit_reason());
            (void)co_await ctx.recv();
        }));
    w.settle();
    group[0].tell(0);
    w.settle();
    CHECK(w.events.take() == lines{"start"});
    CHECK(w.log.take().empty());
    CHECK_FALSE(group[0].alive());
}

TEST_CASE("Whoever is told of a link's end finds the dead in no group of its own") {
    const auto program = [](bastion::testing::simulation& sim) {
        auto& rt = sim.runtime();
        bool told = false;
        bool is_member = false;
        rt.spawn([&](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            auto g = ctx.spawn(bastion::children()
                    .with_redundancy(2)
                    .with_restart_scope(bastion::restart_scope::element)
                    .with_distributor("d")
                    .with_restart_strategy(bastion::restart_strategy::never())
                    .with_exec([](bastion::context c) -> bastion::process {
                        (void)co_await c.recv();
                        co_return c.fail("x");
                    }));
            (void)co_await g.started();
            ctx.link(g[1]);
            g[1].tell(0);
            (void)co_await ctx.recv<bastion::exited>();
            told = true;
            for (const auto& member : ctx.distributor("d").members()) is_member = is_member || member == g[1];
        });
        if (!sim.run_until([&told] { return told; })) throw bastion::testing::failure("nobody is told");
        if (is_member) throw bastion::testing::failure("it is still a member");
    };
    CHECK_NOTHROW(bastion::testing::for_each_seed({1, 300}, program, bastion::testing::settings().with_workers(2)));
}

TEST_CASE("The reason of an exit signal is the process' own: its monitors and its supervisor hear it") {
    world w;
    const auto group = w.rt.spawn(
        bastion::children().with_name("g").with_restart_strategy(at_once()).with_exec(element(w.events, "e")));
    w.settle();
    (void)w.events.take();
    group[0].exit(boom());
    w.settle();
    CHECK(w.events.take() == lines{"end e0", "start e0"});
    CHECK(w.log.take() == lines{"/g/0: error: boom; restarts now"});
    group[0].exit(of(bastion::exit_kind::killed)); // abnormal: it comes back, unlike one that is killed for good
    w.settle();
    CHECK(w.events.take() == lines{"end e0", "start e0"});
    CHECK(w.log.take() == lines{"/g/0: killed; restarts now"});
    group[0].exit(of(bastion::exit_kind::stopped)); // as if it had been asked to stop: transient, it stays away
    w.settle();
    CHECK(w.events.take() == lines{"end e0"});
    CHECK_FALSE(group[0].alive());
}

TEST_CASE("A link with one that has ended says noproc") {
    SECTION("trapped") {
        two t(true);
        t.a.stop();
        (void)t.take();
        link_to(t.b, t.a);
        CHECK(t.take() == lines{"b: exited noproc"});
    }
    SECTION("not trapped") {
        two t;
        t.a.stop();
        (void)t.take();
        link_to(t.b, t.a);
        CHECK(t.take() == lines{"end b"});
    }
    SECTION("with nobody") {
        two t(true);
        link_to(t.b, bastion::child_ref());
        CHECK(t.take() == lines{"b: exited noproc"});
    }
    SECTION("with itself: nothing") {
        two t;
        link_to(t.b, t.b);
        unlink_from(t.b, t.b);
        CHECK(t.take().empty());
        CHECK(t.b.alive());
    }
}

TEST_CASE("Signals that come when another lives in the block are of no concern to it") {
    std::vector<bastion::child_ref> of_whom; // the notices
    const auto hears = [&of_whom](journal& j) {
        return [&of_whom, &j](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            for (;;) {
                auto m = co_await ctx.recv();
                if (auto* a = m.told<act>()) a->what(ctx);
                if (auto* x = m.told<bastion::exited>()) {
                    j.add("exited " + x->reason().what());
                    of_whom.push_back(x->who());
                } else if (auto* d = m.told<bastion::down>()) {
                    j.add("down " + d->reason().what());
                    of_whom.push_back(d->who());
                }
            }
        };
    };
    world w;
    const auto late = w.rt.spawn(hears(w.events));
    const auto gone = w.rt.spawn(party(w.events, "gone"));
    w.settle();
    gone.stop();
    w.settle();
    const auto does = [&](std::function<void(const bastion::context&)> what) {
        late.tell(act{std::move(what)});
        w.settle();
    };
    bastion::child_ref other; // made where the block was freed
    for (int i = 0; i < 1'000 && other.where().block != gone.where().block; ++i)
        does([&](const bastion::context& ctx) { other = ctx.spawn(party(w.events, "other")); });
    REQUIRE(other.where().block == gone.where().block);
    (void)w.events.take();
    SECTION("a link: noproc, of the one that it was meant for") {
        does([gone](const bastion::context& ctx) { CHECK(test::link_late(ctx, gone)); });
        CHECK(w.events.take() == lines{"exited noproc"});
        CHECK(of_whom == std::vector{gone});
    }
    SECTION("a monitor: the same") {
        does([gone](const bastion::context& ctx) { CHECK(test::watch_late(ctx, gone) != 0); });
        CHECK(w.events.take() == lines{"down noproc"});
        CHECK(of_whom == std::vector{gone});
    }
    SECTION("an unlinking: nothing") {
        link_to(late, other);
        does([gone](const bastion::context& ctx) { CHECK(test::unlink_late(ctx, gone)); });
        other.stop();
        w.settle();
        CHECK(w.events.take() == lines{"end other", "exited stopped"});
    }
    SECTION("an exit: nothing") {
        does([gone](const bastion::context& ctx) {
            CHECK(test::exit_late(ctx, gone, boom()));
            CHECK(test::exit_late(ctx, gone, of(bastion::exit_kind::killed)));
        });
        CHECK(w.events.take().empty());
        CHECK(other.alive());
    }
}

TEST_CASE("There is one link between two: made twice or by both, one unlink ends it") {
    const bool a_ends = GENERATE(true, false);
    two t;
    SECTION("twice") {
        link_to(t.b, t.a);
        link_to(t.b, t.a);
        unlink_from(t.b, t.a);
    }
    SECTION("by both, unlinked by one") {
        link_to(t.b, t.a);
        link_to(t.a, t.b);
        t.w.settle();
        unlink_from(t.a, t.b);
    }
    SECTION("by both, unlinked by the other") {
        link_to(t.b, t.a);
        link_to(t.a, t.b);
        t.w.settle();
        unlink_from(t.b, t.a);
    }
    SECTION("by one, unlinked by the other") {
        t.linked();
        unlink_from(t.a, t.b);
    }
    t.w.settle();
    (a_ends ? t.a : t.b).tell(end_with{boom()});
    CHECK(t.take() == lines{a_ends ? "end a" : "end b"});
    CHECK((a_ends ? t.b : t.a).alive());
}

TEST_CASE("A link that was undone by one can be made again by the other, and ends both again") {
    const bool a_ends = GENERATE(true, false);
    two t;
    t.linked();
    unlink_from(t.b, t.a);
    t.w.settle();
    link_to(t.a, t.b);
    t.w.settle();
    (a_ends ? t.a : t.b).tell(end_with{boom()});
    CHECK(t.take() == (a_ends ? lines{"end a", "end b"} : lines{"end b", "end a"}));
}

TEST_CASE("Made by both, a link tells once") {
    two t(true);
    link_to(t.b, t.a);
    link_to(t.a, t.b);
    t.w.settle();
    t.a.tell(end_with{boom()});
    CHECK(t.take() == lines{"end a", "b: exited error: boom"});
}

TEST_CASE("A link that crosses the other side's unlink stays, on both sides") {
    // The test holds the order: b unlinks before it has heard of a's link, which is made before a hears of the unlinking.
    two t(true);
    t.a.tell(act{[](const bastion::context& ctx) { ctx.trap_exit(); }});
    t.linked();
    t.b.tell(act{[a = t.a](const bastion::context& ctx) {
        ctx.unlink(a);
        ctx.link(a); // before a has heard of either
        ctx.unlink(a);
        ctx.link(a);
    }});
    t.w.settle();
    t.a.tell(end_with{boom()});
    CHECK(t.take() == lines{"end a", "b: exited error: boom"});
}

TEST_CASE("A link is the incarnation's, on both sides") {
    world w;
    const auto group = w.rt.spawn(bastion::children().with_restart_strategy(at_once()).with_exec(party(w.events, "e")));
    const auto b = w.rt.spawn(party(w.events, "b", true));
    w.settle();
    SECTION("of the one that is linked to") {
        link_to(b, group[0]);
        w.settle();
        group[0].tell(end_with{boom()});
        w.settle();
        CHECK(w.events.take() == lines{"end e", "b: exited error: boom"});
        group[0].tell(end_with{boom()}); // the next incarnation has no link
        w.settle();
        CHECK(w.events.take() == lines{"end e"});
    }
    SECTION("of the one that linked") {
        link_to(group[0], b);
        w.settle();
        group[0].tell(end_with{boom()});
        w.settle();
        CHECK(w.events.take() == lines{"end e", "b: exited error: boom"});
        b.tell(end_with{boom()});
        w.settle();
        CHECK(w.events.take() == lines{"end b"}); // the next incarnation lives on
    }
    SECTION("and so is trapping") {
        group[0].tell(act{[](const bastion::context& ctx) { ctx.trap_exit(); }});
        w.settle(); // signals overtake mail
        group[0].exit(boom());
        w.settle();
        CHECK(w.events.take() == lines{"e: exited error: boom"});
        group[0].tell(end_with{boom()});
        w.settle();
        group[0].exit(boom()); // whoever comes next does not trap
        w.settle();
        CHECK(w.events.take() == lines{"end e", "end e"});
    }
}

TEST_CASE("A notice of a link comes behind the last message, and after names and memberships") {
    world w;
    const auto b = w.rt.spawn(party(w.events, "b", true));
    w.settle();
    const auto a = w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto named = ctx.register_name("a");
        ctx.link(b);
        (void)co_await ctx.recv();
        b.tell("one");
        b.tell("two");
        co_return ctx.exit(boom());
    });
    w.settle();
    b.tell(act{[&](const bastion::context&) {}});
    a.tell(0);
    w.settle();
    CHECK(w.events.take() == lines{"b: one", "b: two", "b: exited error: boom"});
    CHECK_FALSE(w.rt.whereis("a").alive());
}

TEST_CASE("spawn_link and spawn_monitor: nothing is missed, however soon the child ends") {
    test::acceptance("C1");
    world w;
    w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        const auto linked = ctx.spawn_link([](bastion::context c) -> bastion::process { co_return c.exit(boom()); });
        auto [watched, handle] =
            ctx.spawn_monitor([](bastion::context c) -> bastion::process { co_return c.exit(boom()); });
        auto x = co_await ctx.recv<bastion::exited>();
        w.events.add(x.reason().what() + (x.who() == linked ? ", the linked one" : ""));
        auto d = co_await ctx.recv<bastion::down>();
        w.events.add(d.reason().what() + (d.who() == watched ? ", the watched one" : ""));
    });
    w.settle();
    CHECK(w.events.take() == lines{"error: boom, the linked one", "error: boom, the watched one"});
    SECTION("and the parent's end is the child's") {
        const auto parent = w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            (void)ctx.spawn_link(party(w.events, "child"));
            (void)co_await ctx.recv();
            co_return ctx.exit(boom());
        });
        w.settle();
        parent.tell(0);
        w.settle();
        CHECK(w.events.take() == lines{"end child"});
    }
}

TEST_CASE("spawn_link and spawn_monitor on a runtime that stops say noproc") {
    world w;
    w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        ctx.trap_stop();
        (void)co_await ctx.recv<bastion::stop_request>();
        (void)ctx.spawn_link(party(w.events, "a"));
        auto [child, watch] = ctx.spawn_monitor(party(w.events, "b"));
        w.events.add("exited " + (co_await ctx.recv<bastion::exited>()).reason().what());
        w.events.add("down " + (co_await ctx.recv<bastion::down>()).reason().what());
    });
    w.settle();
    w.rt.stop();
    w.settle();
    CHECK(w.events.take() == lines{"exited noproc", "down noproc"});
}

TEST_CASE("A monitor by name watches who has it, and a name that nobody has says noproc") {
    test::acceptance("C1");
    two t;
    auto given = t.w.rt.register_name("the a", t.a);
    REQUIRE(given.has_value());
    std::optional<bastion::monitor_handle> watch;
    t.b.tell(act{[&](const bastion::context& ctx) { watch = ctx.monitor("the a"); }});
    t.w.settle();
    t.a.tell(end_with{boom()});
    CHECK(t.take() == lines{"end a", "b: down error: boom"});
    t.b.tell(act{[&](const bastion::context& ctx) { watch = ctx.monitor("the a"); }});
    CHECK(t.take() == lines{"b: down noproc"});
}

TEST_CASE("ctx.demonitor takes back a notice that has come, or is on its way") {
    test::acceptance("C1");
    world w;
    const auto group = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_exec(element(w.events, "e")));
    w.settle();
    (void)w.events.take();
    const auto target = group[0];
    enum class moment { before, after, while_down };
    const auto watched = [&](moment when) {
        return w.rt.spawn([&w, target, when](bastion::context ctx) -> bastion::process {
            auto watch = ctx.monitor(target);
            auto another = ctx.monitor(target);
            (void)co_await ctx.recv<int>();
            if (when != moment::before) target.tell(die{"x"});
            if (when == moment::after) { // its notice is here
                auto d = co_await ctx.recv<bastion::down>();
                w.events.add(d.is_of(watch) ? "the first one" : "the second one");
                ctx.self().tell(d); // one that looks like it
                auto found = co_await ctx.demonitor(std::move(another));
                w.events.add(found ? "taken back" : "there was none");
            } else {
                if (when == moment::while_down) (void)co_await ctx.recv<int>();
                auto found = co_await ctx.demonitor(std::move(watch));
                w.events.add(found ? "taken back" : "there was none");
                target.tell(die{"y"});
                auto d = co_await ctx.recv<bastion::down>();
                w.events.add(d.is_of(another) ? "the other one" : "the same");
            }
            auto more = ctx.try_recv();
            w.events.add(more ? "more" : "no more");
        });
    };
    SECTION("before the end") {
        const auto watcher = watched(moment::before);
        w.settle();
        watcher.tell(0);
        w.settle();
        CHECK(w.events.take() == lines{"there was none", "end e0", "the other one", "no more"});
    }
    SECTION("after the end") {
        const auto watcher = watched(moment::after);
        w.settle();
        watcher.tell(0);
        w.settle();
        CHECK(w.events.take() == lines{"end e0", "the first one", "taken back", "more"});
    }
    SECTION("while it waits to be restarted: the notices have come") {
        const auto watcher = watched(moment::while_down);
        w.settle();
        watcher.tell(0);
        w.settle();
        watcher.tell(0);
        w.settle();
        CHECK(w.events.take() == lines{"end e0", "taken back", "the other one", "no more"});
    }
    SECTION("of one that has ended for good, and of nothing") {
        w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            target.stop();
            co_await ctx.yield();
            auto watch = ctx.monitor(target);
            auto found = co_await ctx.demonitor(std::move(watch));
            w.events.add(found ? "taken back" : "there was none");
            auto again = co_await ctx.demonitor(bastion::monitor_handle());
            w.events.add(again ? "taken back" : "there was none");
        });
        w.settle();
        CHECK(w.events.take() == lines{"end e0", "taken back", "there was none"});
    }
}

TEST_CASE("Groups and supervisors take links: they tell of their end, and ignore all exits but an ordered kill") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto group = sup.spawn(bastion::children().with_name("g").with_exec(element(w.events, "e")));
    const auto b = w.rt.spawn(party(w.events, "b", true));
    w.settle();
    (void)w.events.take();
    b.tell(act{[&](const bastion::context& ctx) {
        ctx.link(sup);
        ctx.link(group);
    }});
    w.settle();
    SECTION("their end") {
        sup.stop();
        w.settle();
        CHECK(w.events.take() == lines{"end e0", "b: exited stopped", "b: exited stopped"});
    }
    SECTION("the end of who is linked") {
        b.tell(end_with{boom()});
        w.settle();
        CHECK(w.events.take() == lines{"end b"});
        CHECK(group.alive());
    }
    SECTION("unlinked") {
        b.tell(act{[&](const bastion::context& ctx) {
            ctx.unlink(sup);
            ctx.unlink(group);
        }});
        w.settle();
        sup.stop();
        w.settle();
        CHECK(w.events.take() == lines{"end e0"});
    }
    SECTION("a stranger's exit") {
        bastion::child_ref(sup.where()).exit(boom());
        w.settle();
        CHECK(w.events.take().empty());
        CHECK(sup.alive());
    }
    SECTION("an ordered kill: its own supervisor decides") {
        bastion::child_ref(sup.where()).exit(of(bastion::exit_kind::killed));
        w.settle();
        CHECK(w.events.take() == lines{"end e0", "start e0", "b: exited killed", "b: exited killed"});
        CHECK(sup.alive());
    }
}

TEST_CASE("A process ends itself with any reason") {
    world w;
    const auto ended_with = [&](const bastion::exit_reason& why) {
        const auto target = w.rt.spawn(party(w.events, "t"));
        w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            auto watch = ctx.monitor(target);
            target.tell(end_with{why});
            w.events.add((co_await ctx.recv<bastion::down>()).reason().what());
        });
        w.settle();
        return w.events.take();
    };
    CHECK(ended_with(bastion::exit_reason()) == lines{"end t", "normal"});
    CHECK(ended_with(of(bastion::exit_kind::stopped)) == lines{"end t", "stopped"});
    CHECK(ended_with(of(bastion::exit_kind::killed)) == lines{"end t", "killed"});
    CHECK(ended_with(boom()) == lines{"end t", "error: boom"});
    SECTION("handlers, too") {
        const auto target = w.rt.spawn(bastion::children().with_handlers(
            bastion::on_tell([](bastion::context ctx, const end_with& e) { ctx.exit(e.why); })));
        w.rt.spawn([&](bastion::context ctx) -> bastion::process {
            auto watch = ctx.monitor(target[0]);
            target[0].tell(end_with{of(bastion::exit_kind::stopped)});
            w.events.add((co_await ctx.recv<bastion::down>()).reason().what());
        });
        w.settle();
        CHECK(w.events.take() == lines{"stopped"});
    }
}
