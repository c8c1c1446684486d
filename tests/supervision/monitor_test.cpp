// Monitors: once, at the end of the incarnation, behind its last message, with the truth about its return.
#include "supervision/tree.hpp"

#include <algorithm>
#include <optional>

using namespace tree;

namespace {

struct watch {
    bastion::child_ref whom;
};
struct unwatch {};

// Why, and whether it comes back.
std::string end_of(const bastion::down& d) { return d.reason().what() + (d.returns() ? ", returns" : ", for good"); }

// Watches whom it is told to, writes what it hears.
auto watcher(journal& j) {
    return [&j](bastion::context ctx) -> bastion::process {
        std::vector<bastion::monitor_handle> handles;
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* s = m.told<watch>()) handles.push_back(ctx.monitor(s->whom));
            if (m.told<unwatch>() != nullptr) handles.clear();
            if (auto* text = m.told<std::string>()) j.add(*text);
            if (auto* d = m.told<bastion::down>()) j.add("down: " + end_of(*d));
        }
    };
}

// Has `who` watch `whom`.
void begin_watch(world& w, const bastion::child_ref& who, const bastion::child_ref& whom) {
    who.tell(watch{whom});
    w.settle();
}

bastion::child_ref watcher_of(world& w, const bastion::child_ref& whom) {
    const auto who = w.rt.spawn(watcher(w.events));
    w.settle();
    begin_watch(w, who, whom);
    return who;
}

struct pair {
    bastion::child_ref watcher, target;
};

pair watched(world& w, bastion::restart_strategy s, bastion::restart_when when = bastion::transient) {
    const auto target =
        w.rt.spawn(bastion::children().with_restart(when).with_restart_strategy(s).with_exec(element(w.events, "t")));
    const auto who = watcher_of(w, target[0]);
    (void)w.events.take();
    return {who, target[0]};
}

lines only_downs(lines all) {
    std::erase_if(all, [](const std::string& l) { return l.rfind("down", 0) != 0; });
    return all;
}

} // namespace

TEST_CASE("A monitor fires once, and says whether the element comes back") {
    world w;
    SECTION("a restart") {
        const pair p = watched(w, at_once());
        p.target.tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: x, returns"});
        p.target.tell(die{"y"});  // it watched the first incarnation
        w.settle();
        CHECK(only_downs(w.events.take()).empty());
    }
    SECTION("out of tries") {
        const pair p = watched(w, bastion::restart_strategy::never());
        p.target.tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: x, for good"});
    }
    SECTION("a normal end") {
        const pair p = watched(w, at_once());
        p.target.tell(finish{});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: normal, for good"});
    }
    SECTION("a normal end of a permanent element") {
        const pair p = watched(w, at_once(), bastion::permanent);
        p.target.tell(finish{});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: normal, returns"});
    }
    SECTION("stop") {
        const pair p = watched(w, at_once());
        p.target.stop();
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: stopped, for good"});
    }
    SECTION("kill") {
        const pair p = watched(w, at_once());
        p.target.kill();
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: killed, for good"});
    }
    SECTION("at the time of the fault, not of the restart") {
        const pair p = watched(w, bastion::restart_strategy::always().with_linear_backoff(1h));
        p.target.tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: x, returns"});
    }
}

TEST_CASE("A monitor on a dead element fires at once with noproc") {
    world w;
    const pair p = watched(w, at_once());
    p.target.stop();
    w.settle();
    (void)w.events.take();
    p.watcher.tell(watch{p.target});
    p.watcher.tell(watch{bastion::child_ref()});
    w.settle();
    CHECK(w.events.take() == lines{"down: noproc, for good", "down: noproc, for good"});
}

TEST_CASE("A destroyed handle ends the watching") {
    world w;
    const pair p = watched(w, at_once());
    p.watcher.tell(unwatch{});
    w.settle();
    p.target.tell(die{"x"});
    w.settle();
    CHECK(only_downs(w.events.take()).empty());
}

TEST_CASE("Every monitor fires, also two of one watcher") {
    world w;
    const pair p = watched(w, at_once());
    p.watcher.tell(watch{p.target});
    w.settle();
    p.target.tell(die{"x"});
    w.settle();
    CHECK(only_downs(w.events.take()) == lines{"down: panic: x, returns", "down: panic: x, returns"});
}

TEST_CASE("The notice travels behind the dying process' last message") {
    world w(2);
    const auto who = w.rt.spawn(watcher(w.events));
    const auto target = w.rt.spawn([who](bastion::context ctx) -> bastion::process {
        auto m = co_await ctx.recv();
        for (int i = 0; i < 3; ++i) who.tell("last words " + std::to_string(i));
        if (m.told<die>() != nullptr) bastion::panic("x");
    });
    begin_watch(w, who, target);
    target.tell(die{""});
    w.settle();
    CHECK(w.events.take() == lines{"last words 0", "last words 1", "last words 2", "down: panic: x, for good"});
}

TEST_CASE("A monitor made during the back-off watches the next incarnation") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_exec(element(w.events, "t")));
    const auto who = w.rt.spawn(watcher(w.events));
    w.settle();
    g[0].tell(die{"1"});
    w.settle();
    who.tell(watch{g[0]});
    w.advance(1s);
    CHECK(only_downs(w.events.take()).empty());
    g[0].tell(die{"2"});
    w.settle();
    CHECK(only_downs(w.events.take()) == lines{"down: panic: 2, returns"});
}

TEST_CASE("A monitor made just before the fault watches the incarnation that dies") {
    world w;
    const auto g = w.rt.spawn(bastion::children().with_restart_strategy(at_once()).with_exec(element(w.events, "t")));
    const auto who = w.rt.spawn([&w, g](bastion::context ctx) -> bastion::process {
        auto start = co_await ctx.recv();
        g[0].tell(die{"x"});
        const auto handle = ctx.monitor(g[0]);  // the target runs only when this process waits
        auto m = co_await ctx.recv();
        if (auto* d = m.told<bastion::down>()) w.events.add("down: " + d->reason().what());
    });
    w.settle();
    (void)w.events.take();
    who.tell("go");
    w.settle();
    CHECK(only_downs(w.events.take()) == lines{"down: panic: x"});
}

TEST_CASE("Siblings that stop for a restart return, and those below a failing supervisor are told when it is decided") {
    world w;
    SECTION("a sibling in the group") {
        const auto g = w.rt.spawn(
            bastion::children().with_redundancy(2).with_restart_strategy(at_once()).with_exec(element(w.events, "t")));
        watcher_of(w, g[0]);
        g[1].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: stopped, returns"});
    }
    SECTION("an element of another group of the supervisor") {
        auto sup = w.rt.spawn(
            bastion::supervisor().with_strategy(bastion::strategy::one_for_all).with_restart_strategy(at_once()));
        const auto a = sup.spawn(bastion::children().with_exec(element(w.events, "a")));
        const auto b = sup.spawn(bastion::children().with_exec(element(w.events, "b")));
        const auto who = watcher_of(w, a[0]);
        b[0].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: stopped, returns"});
        begin_watch(w, who, a[0]);
        a[0].tell(die{"y"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: y, returns"});
    }
    SECTION("below a supervisor that fails and is not restarted") {
        auto outer = w.rt.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::never()));
        auto inner = outer.spawn(bastion::supervisor().with_restart_strategy(at_once()).with_intensity(0, 1s));
        const auto a = inner.spawn(bastion::children().with_exec(element(w.events, "a")));
        const auto b = inner.spawn(bastion::children().with_exec(element(w.events, "b")));
        watcher_of(w, a[0]);
        b[0].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: stopped, for good"});
        CHECK_FALSE(a[0].alive());
    }
    SECTION("below a supervisor that fails and is restarted later") {
        auto outer = w.rt.spawn(
            bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s)));
        auto inner = outer.spawn(bastion::supervisor().with_restart_strategy(at_once()).with_intensity(0, 1s));
        const auto a = inner.spawn(bastion::children().with_exec(element(w.events, "a")));
        const auto b = inner.spawn(bastion::children().with_exec(element(w.events, "b")));
        watcher_of(w, a[0]);
        b[0].tell(die{"x"});
        w.advance(1s);
        CHECK(only_downs(w.events.take()) == lines{"down: stopped, returns"});
        CHECK(a[0].alive());
    }
}

TEST_CASE("A monitor does not promise a return that the supervisor may refuse") {
    world w;
    auto outer = w.rt.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::never()));
    auto sup = outer.spawn(bastion::supervisor().with_restart_strategy(at_once()).with_intensity(1, 10s));
    const auto g = sup.spawn(bastion::children().with_exec(element(w.events, "t")));
    w.settle();
    (void)watcher_of(w, g[0]);
    SECTION("it agrees") {
        g[0].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: x, returns"});
    }
    SECTION("it has had enough") {
        const auto other = sup.spawn(bastion::children().with_exec(element(w.events, "o")));
        w.settle();
        other[0].tell(die{"first"});
        w.settle();
        (void)w.events.take();
        g[0].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: panic: x, for good"});
    }
}

TEST_CASE("A sibling that fails while its group stops for a restart: its monitors do not wait for the others") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_redundancy(3)
            .with_shutdown(bastion::shutdown::infinite())
            .with_restart_strategy(at_once())
            .with_exec([](bastion::context ctx) -> bastion::process {
                auto m = co_await ctx.recv();
                if (m.told<die>() != nullptr) bastion::panic("the first");
                auto* n = m.told<nap>();
                co_await ctx.sleep_for(n->time);
                bastion::panic("late");
            }));
    watcher_of(w, g[1]);
    const std::size_t first = GENERATE(2u, 0u); // 2: the plan waits for 1, which was asked to stop; 0: it waits for 2
    CAPTURE(first);
    g[1].tell(nap{1s});
    g[2 - first].tell(nap{2s});
    w.settle();
    g[first].tell(die{});
    w.advance(1s);
    CHECK(only_downs(w.events.take()) == lines{"down: panic: late, returns"});
    w.advance(1s);
    CHECK(only_downs(w.events.take()).empty());
}

TEST_CASE("Monitors that are cancelled leave nothing at a process that lives on") {
    world w;
    const auto target = w.rt.spawn(element(w.events, "t"));
    const auto who = w.rt.spawn([target](bastion::context ctx) -> bastion::process {
        for (;;) {
            (void)co_await ctx.recv();
            for (int i = 0; i < 1000; ++i) {
                const auto handle = ctx.monitor(target);
                co_await ctx.yield();
            }
        }
    });
    who.tell("first");
    w.settle();
    const auto before = bastion::detail::read_pool_stats().live_blocks;
    who.tell("again");
    w.settle();
    CHECK(bastion::detail::read_pool_stats().live_blocks == before);
}

TEST_CASE("A restarted watcher hears nothing of its last incarnation's monitors, and the kill of a watcher ends them") {
    world w;
    const auto target = w.rt.spawn(element(w.events, "t"));
    const auto who = w.rt.spawn(bastion::children().with_restart_strategy(at_once()).with_exec(
        [&w, target](bastion::context ctx) -> bastion::process {
            bastion::monitor_handle handle;
            if (ctx.incarnation() == 0) handle = ctx.monitor(target);
            for (;;) {
                auto m = co_await ctx.recv();
                if (m.told<die>() != nullptr) bastion::panic("watcher");
                if (m.told<bastion::down>() != nullptr) w.events.add("down");
            }
        }));
    w.settle();
    SECTION("it restarts") {
        who[0].tell(die{""});
        w.settle();
        CHECK(who[0].alive());
    }
    SECTION("it is killed") {
        who.kill();
        w.settle();
        CHECK_FALSE(who[0].alive());
    }
    target.stop();
    w.settle();
    CHECK(only_downs(w.events.take()).empty());
    CHECK(w.rt.dead_letters() == 0);
}

TEST_CASE("Groups and supervisors are watched as elements are") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b"));
    w.settle();
    const auto watch_both = [&](bastion::context ctx) -> bastion::process {
        const auto group = ctx.monitor(a);
        const auto tree = ctx.monitor(sup);
        for (;;) {
            const auto d = co_await ctx.recv<bastion::down>();
            const char* who = d.who().where() == a.where() ? "down: group, " : "down: supervisor, ";
            w.events.add(who + end_of(d));
        }
    };
    (void)w.rt.spawn(watch_both);
    w.settle();
    (void)w.events.take();
    SECTION("a restart of the group by its supervisor") {
        b[0].tell(die{"x"});
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: group, stopped, returns"});
    }
    SECTION("the end of the group") {
        a.stop();
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{"down: group, stopped, for good"});
    }
    SECTION("the end of the supervisor") {
        sup.stop();
        w.settle();
        CHECK(only_downs(w.events.take()) ==
              lines{"down: group, stopped, for good", "down: supervisor, stopped, for good"});
    }
}

TEST_CASE("A supervisor reads no mail: what is sent there is a dead letter") {
    world w(2);
    bastion::child_ref owner;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_children(bastion::children().with_exec(element(w.events, "x")))
            .with_callbacks(bastion::callbacks().after_start([&](const bastion::event& e) { owner = e.who(); })));
    w.settle();
    REQUIRE(owner.alive());
    CHECK(owner.tell("hello") == bastion::delivery::noproc);
    CHECK(w.rt.dead_letters() == 1);
    const auto asked = w.rt.run(owner.ask(are_you_there{}));
    REQUIRE_FALSE(asked);
    CHECK(asked.error().code() == bastion::errc::noproc);
    (void)w.rt.spawn([&](bastion::context) -> bastion::process {
        const auto sent = co_await owner.send(std::string("x"));
        w.events.add(sent ? "sent" : "not sent");
    });
    w.settle();
    CHECK(w.events.take().back() == "not sent");
    CHECK(sup.alive());
}

TEST_CASE("A monitor made while a group stands still watches its next life") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b"));
    const auto e = sup.spawn(named(w.events, "e"));
    (void)w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        for (;;) {
            const auto watch = ctx.monitor(e);
            const auto d = co_await ctx.recv<bastion::down>();
            w.events.add("down: " + end_of(d));
            if (!d.returns()) co_return;
        }
    });
    w.settle();
    b[0].tell(nap{1s}); // e has stopped long before
    w.settle();
    a[0].tell(die{"x"});
    w.settle();
    CHECK(only_downs(w.events.take()) == lines{"down: stopped, returns"});
    w.advance(1s);
    CHECK(only_downs(w.events.take()).empty());
    e.stop();
    w.settle();
    CHECK(only_downs(w.events.take()) == lines{"down: stopped, for good"});
}

TEST_CASE("The end of a group or a supervisor says whether it was stopped or killed") {
    world w;
    for (const bool kill : {false, true}) {
        const std::string expected = kill ? "down: killed, for good" : "down: stopped, for good";
        const auto group = w.rt.spawn(bastion::children().with_exec(element(w.events, "e")));
        const auto above =
            w.rt.spawn(bastion::supervisor().with_children(bastion::children().with_exec(element(w.events, "below"))));
        w.settle();
        (void)watcher_of(w, bastion::child_ref(group.where()));
        (void)watcher_of(w, bastion::child_ref(above.where()));
        (void)w.events.take();
        if (kill) {
            group.kill();
            above.kill();
        } else {
            group.stop();
            above.stop();
        }
        w.settle();
        CHECK(only_downs(w.events.take()) == lines{expected, expected});
    }
}

namespace {

struct watch_now {};
struct forget_now {};

// Watches a group when it is told to, links to it at once with that, and writes what it hears.
bastion::process watches(bastion::context ctx, world& w, const bastion::children_ref& group) {
    ctx.trap_exit();
    std::optional<bastion::monitor_handle> watch;
    for (;;) {
        auto m = co_await ctx.recv();
        if (m.told<watch_now>() != nullptr) {
            watch.emplace(ctx.monitor(group));
            ctx.link(bastion::child_ref(group.where()));
        } else if (m.told<forget_now>() != nullptr) {
            const bool had_come = co_await ctx.demonitor(std::move(*watch));
            w.events.add(had_come ? "had come" : "forgotten");
        } else if (auto* d = m.told<bastion::down>()) {
            w.events.add("down: " + end_of(*d));
        } else if (auto* e = m.told<bastion::exited>()) {
            w.events.add("exited: " + e->reason().what());
        }
    }
}

} // namespace

TEST_CASE("Who watches a group of which only the spec is left hears so at once") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_specs_kept().with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto watcher = w.rt.spawn([&w, &a](bastion::context ctx) { return watches(ctx, w, a); });
    watcher.tell(watch_now{});
    w.settle();
    (void)w.events.take();
    const auto terminated = w.rt.run(sup.terminate_child("a"));
    CHECK(terminated.has_value());
    w.settle();
    CHECK(w.events.take() == lines{"end a0", "exited: stopped", "down: stopped, for good"});
    for (int i = 0; i < 2; ++i) {
        watcher.tell(watch_now{});
        w.settle();
        CHECK(w.events.take() == lines{"down: noproc, for good", "exited: noproc"});
    }
    watcher.tell(forget_now{});
    w.settle();
    CHECK(w.events.take() == lines{"forgotten"});
    const auto restarted = w.rt.run(sup.restart_child("a"));
    CHECK(restarted.has_value());
    watcher.tell(watch_now{});
    w.settle();
    CHECK(w.events.take() == lines{"start a0"});
    a.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end a0", "exited: stopped", "down: stopped, for good"});
}

TEST_CASE("A monitor of a group that waits for its restart is forgotten at once") {
    world w;
    const auto sup = w.rt.spawn(
        bastion::supervisor().with_strategy(bastion::strategy::one_for_all).with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b"));
    const auto e = sup.spawn(named(w.events, "e"));
    const auto watcher = w.rt.spawn([&w, &e](bastion::context ctx) { return watches(ctx, w, e); });
    w.settle();
    b[0].tell(nap{1s});
    w.settle();
    a[0].tell(die{"x"}); // e has stopped, and b naps
    w.settle();
    (void)w.events.take();
    watcher.tell(watch_now{});
    watcher.tell(forget_now{});
    w.settle();
    CHECK(w.events.take() == lines{"forgotten"});
    w.advance(1s);
    e.stop();
    w.settle();
    CHECK(only_downs(w.events.take()).empty());
}

TEST_CASE("Groups and supervisors are watched by their paths, too") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s").with_children(named(w.events, "a")));
    w.settle();
    (void)w.rt.spawn([&w](bastion::context ctx) -> bastion::process {
        const auto group = ctx.monitor("/s/a");
        const auto supervisor = ctx.monitor("/s");
        const auto nobody = ctx.monitor("/s/b");
        for (;;) {
            const auto d = co_await ctx.recv<bastion::down>();
            const char* who = d.is_of(group) ? "group" : d.is_of(supervisor) ? "supervisor" : "nobody";
            w.events.add(who + (" " + end_of(d)));
        }
    });
    w.settle();
    CHECK(w.events.take().back() == "nobody noproc, for good");
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end a0", "group stopped, for good", "supervisor stopped, for good"});
}

TEST_CASE("Monitors and links are told at the end, however long it takes until the element starts again") {
    const auto slow = bastion::restart_strategy::always().with_linear_backoff(1h).without_jitter();
    const auto below = [&](const char* what) -> bastion::supervisor {
        auto s = bastion::supervisor().with_name("s").with_restart_strategy(slow);
        if (what == std::string("an intensity")) s.with_intensity(100, 24h);
        if (what == std::string("one_for_all")) s.with_strategy(bastion::strategy::one_for_all);
        if (what == std::string("rest_for_one")) s.with_strategy(bastion::strategy::rest_for_one);
        if (what == std::string("a supervisor that gives up"))
            return bastion::supervisor().with_name("top").with_restart_strategy(slow).with_supervisor(
                std::move(s).with_intensity(0, 1s));
        return s;
    };
    for (const char* what : {"nothing", "an intensity", "one_for_all", "rest_for_one", "a supervisor that gives up"}) {
        INFO(what);
        world w;
        w.rt.spawn(below(what));
        w.settle();
        const auto s = w.rt.find_supervisor(w.rt.find_supervisor("/top").alive() ? "/top/s" : "/s");
        const auto g =
            s.spawn(bastion::children().with_name("g").with_exec([](bastion::context ctx) -> bastion::process {
                (void)co_await ctx.recv();
                co_return ctx.fail("died");
            }));
        const auto other = s.spawn(named(w.events, "h"));
        other[0].tell(nap{3s}); // it takes its time to stop
        w.settle();
        w.rt.spawn([&, who = g[0]](bastion::context ctx) -> bastion::process {
            ctx.trap_exit();
            ctx.link(who);
            w.events.add("exited: " + (co_await ctx.recv<bastion::exited>()).reason().what());
        });
        (void)watcher_of(w, g[0]);
        w.rt.spawn([&, who = other[0]](bastion::context ctx) -> bastion::process {
            const auto h = ctx.monitor(who);
            w.events.add("down, the other: " + end_of(co_await ctx.recv<bastion::down>()));
        });
        w.settle();
        (void)w.events.take();
        g[0].tell(0);
        w.settle();
        auto told = w.events.take(); // two processes, in either order
        std::sort(told.begin(), told.end());
        CHECK(told == lines{"down: error: died, returns", "exited: error: died"});
        // Then it is restarted, or its supervisor gives up and is restarted another hour later.
        w.advance(61min);
        const bool alone = what == std::string("nothing") || what == std::string("an intensity");
        CHECK(only_downs(w.events.take()) == (alone ? lines{} : lines{"down, the other: stopped, returns"}));
        w.advance(3h);
        CHECK(g[0].alive());
        CHECK(only_downs(w.events.take()).empty());
    }
}
