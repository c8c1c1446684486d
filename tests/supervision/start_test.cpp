// Ordered start, wait_ready, start failures, and what a spawn on something that has ended gives.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

#include <optional>

using namespace tree;

namespace {

// Becomes ready when told `finish`.
auto ready_when_told(journal& j, std::string name) {
    return [&j, name](bastion::context ctx) -> bastion::process {
        j.add("start " + name);
        const end_mark mark(j, name);
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<finish>() != nullptr) {
                j.add("ready " + name);
                ctx.ready();
            }
            if (auto* d = m.told<die>()) bastion::panic(d->why);
            if (auto* g = m.told<give_up>()) co_return ctx.fail(g->why);
        }
    };
}

bastion::children slow_group(journal& j, const char* name) {
    return bastion::children()
        .with_name(name)
        .with_start(bastion::wait_ready, 1s)
        .with_restart_strategy(at_once())
        .with_exec(ready_when_told(j, name));
}

// Shows its element's ref before it starts.
bastion::callbacks ref_to(bastion::child_ref& to) {
    return bastion::callbacks().before_start([&to](const bastion::event& e) { to = e.who(); });
}

// "ok", or the error's text.
template <class T>
std::string word(const bastion::result<T>& r) {
    return r ? std::string("ok") : std::string(to_string(r.error().code()));
}
const std::string noproc(to_string(bastion::errc::noproc));
const std::string start_failed(to_string(bastion::errc::start_failed));

template <class T>
T must(bastion::result<T> r) {
    REQUIRE(r);
    return std::move(*r);
}

} // namespace

TEST_CASE("The next sibling starts when the one before counts as started") {
    test::acceptance("B15");
    world w;
    bastion::child_ref a;
    (void)w.rt.spawn(bastion::supervisor()
            .with_children(slow_group(w.events, "a").with_callbacks(ref_to(a)))
            .with_children(named(w.events, "b")));
    w.settle();
    CHECK(w.events.take() == lines{"start a"});
    a.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"ready a", "start b0"});
}

TEST_CASE("Elements of a group start in order, each when the one before is ready") {
    test::acceptance("B15");
    world w;
    const auto g = w.rt.spawn(slow_group(w.events, "g").with_redundancy(2));
    w.settle();
    CHECK(w.events.take() == lines{"start g"});
    g[0].tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"ready g", "start g"});
}

TEST_CASE("Initially, an element that is not ready in time makes its owners fail upwards: nothing of it stays") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("sup")
            .with_children(named(w.events, "first"))
            .with_supervisor(bastion::supervisor()
                    .with_name("second")
                    .with_children(named(w.events, "below"))
                    .with_children(named(w.events, "beside")))
            .with_children(named(w.events, "third"))
            .with_children(slow_group(w.events, "slow"))
            .with_children(named(w.events, "after")));
    w.advance(999ms);
    CHECK(w.events.take() == lines{"start first0", "start below0", "start beside0", "start third0", "start slow"});
    CHECK(sup.alive());
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end slow", "end third0", "end beside0", "end below0", "end first0"});
    CHECK_FALSE(sup.alive());  // for the root it is a late addition: it alone goes
    w.rt.stop();
    CHECK(w.rt.wait() == 0);
}

TEST_CASE("started() says why a start failed") {
    world w(2);
    auto sup = w.rt.spawn(bastion::supervisor().with_name("sup").with_children(slow_group(w.events, "slow")));
    auto waiting = sup.started();
    w.advance(1s);
    auto started = w.rt.run(std::move(waiting));
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().what(), BASTION_CATCH_CONTAINS("start time-out"));
}

TEST_CASE("A late addition that does not start goes alone") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("sup"));
    const auto good = sup.spawn(named(w.events, "good"));
    w.settle();
    const auto late = sup.spawn(slow_group(w.events, "late"));
    w.settle();
    (void)w.events.take();
    SECTION("by its time-out") { w.advance(1s); }
    SECTION("by a panic") {
        late[0].tell(die{"x"});
        w.settle();
    }
    SECTION("by an error") {
        late[0].tell(give_up{"x"});
        w.settle();
    }
    CHECK(w.events.take() == lines{"end late"});
    CHECK_FALSE(late.alive());
    CHECK_FALSE(late[0].alive());
    CHECK(good[0].alive());
    CHECK(sup.alive());
    // Its name is free again.
    const auto next = sup.spawn(named(w.events, "late"));
    w.settle();
    CHECK(next[0].alive());
}

TEST_CASE("Late additions start in the order they came, each when the one before counts as started") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("sup"));
    const auto old = sup.spawn(named(w.events, "old").with_restart_strategy(at_once()));
    w.settle();
    const auto a = sup.spawn(slow_group(w.events, "a"));
    const auto b = sup.spawn(slow_group(w.events, "b"));
    const auto gone = sup.spawn(named(w.events, "gone"));
    const auto c = sup.spawn(named(w.events, "c"));
    w.settle();
    CHECK(w.events.take() == lines{"start old0", "start a"});
    gone.stop();
    old[0].tell(die{"a restart waits for nobody"});
    w.settle();
    CHECK(w.events.take() == lines{"end old0", "start old0"});
    CHECK_FALSE(gone.alive());
    a[0].tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"ready a", "start b"});
    w.advance(1s);  // b is not ready in time: it alone goes
    CHECK(w.events.take() == lines{"end b", "start c0"});
    CHECK(c[0].alive());
    CHECK_FALSE(b.alive());
}

TEST_CASE("after_stop hears why an element ended that did not start") {
    world w;
    const auto group = [&](const char* name) { return slow_group(w.events, name).with_callbacks(told_to(w.events)); };
    SECTION("a panic before it was ready") {
        const auto g = w.rt.spawn(group("g").with_redundancy(1));
        w.settle();
        g[0].tell(die{"early"});
        w.settle();
        CHECK(w.events.take() ==
              lines{"before_start /g/0 normal 0", "start g", "end g", "after_stop /g/0 panic: early 0"});
    }
    SECTION("a time-out") {
        (void)w.rt.spawn(group("g"));
        w.advance(1s);
        CHECK(w.events.take() == lines{"before_start /g/0 normal 0", "start g", "end g",
                                     "after_stop /g/0 error: it did not call ctx.ready() within its start time-out 0"});
    }
    SECTION("a callback") {
        (void)w.rt.spawn(bastion::children()
                .with_name("g")
                .with_start(bastion::wait_ready)
                .with_callbacks(told_to(w.events).before_start([](const bastion::event&) { bastion::panic("no"); }))
                .with_exec(element(w.events, "g")));
        w.settle();
        CHECK(w.events.take() == lines{"after_stop /g/0 panic: no 0"});
    }
}

TEST_CASE("An element that ended before it was ready is started again with its owner") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    const auto x = sup.spawn(named(w.events, "x"));
    const auto g = sup.spawn(bastion::children()
            .with_name("g")
            .with_start(bastion::wait_ready, 1s)
            .with_exec([&](bastion::context ctx) -> bastion::process {
                w.events.add("start g, incarnation " + std::to_string(ctx.incarnation()));
                if (ctx.incarnation() == 1) co_return; // a normal end, of a transient element: but a start failure
                ctx.ready();
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (auto* text = m.told<std::string>()) w.events.add(*text);
                }
            }));
    w.settle();
    CHECK(w.events.take() == lines{"start x0", "start g, incarnation 0"});
    x[0].tell(die{"x"});
    w.settle();
    CHECK(w.events.take() ==
          lines{"end x0", "start x0", "start g, incarnation 1", "end x0", "start x0", "start g, incarnation 2"});
    CHECK(g[0].tell("hello") == bastion::delivery::accepted);
    w.settle();
    CHECK(w.events.take() == lines{"hello"});
    sup.stop();
    w.settle();
    CHECK_FALSE(sup.alive());
}

TEST_CASE("A temporary element that is not ready in time is a start failure, too") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(slow_group(w.events, "slow").with_restart(bastion::temporary))
            .with_children(named(w.events, "after")));
    w.advance(1s);
    CHECK(w.events.take() == lines{"start slow", "end slow"});
    CHECK_FALSE(sup.alive());
    const auto log = w.log.take();
    REQUIRE_FALSE(log.empty());
    CHECK(log.front() ==
          "/s/slow/0: error: it did not call ctx.ready() within its start time-out; did not start: its owner fails");
}

TEST_CASE("A start failure during a restart counts as a try") {
    world w;
    const auto g = w.rt.spawn(slow_group(w.events, "g")
            .with_restart_strategy(bastion::restart_strategy::tries(2).immediate())
            .with_name("g"));
    w.settle();
    g[0].tell(finish{});
    g[0].tell(die{"once ready"});
    w.settle();
    CHECK(w.events.take() == lines{"start g", "ready g", "end g", "start g"});
    w.advance(1s);  // the second try
    CHECK(w.events.take() == lines{"end g", "start g"});
    CHECK(g[0].alive());
    w.advance(1s);
    CHECK(w.events.take() == lines{"end g"});
    CHECK_FALSE(g[0].alive());
}

TEST_CASE("Without wait_ready an early fault is an ordinary one") {
    world w;
    int left = 3;
    const auto g = w.rt.spawn(bastion::children().with_restart_strategy(at_once()).with_exec(
        [&left](bastion::context ctx) -> bastion::process {
            if (--left > 0) bastion::panic("not yet");
            auto m = co_await ctx.recv();
            m.unhandled();
        }));
    w.settle();
    CHECK(g[0].alive());
    CHECK(left == 0);
    CHECK(w.log.take().size() == 2);
}

TEST_CASE("started() of refs: of an element, a group and a supervisor, before and after") {
    world w(2);
    bastion::child_ref a;
    auto sup = w.rt.spawn(
        bastion::supervisor().with_name("s").with_children(slow_group(w.events, "a").with_callbacks(ref_to(a))));
    w.settle();
    auto of_sup = sup.started();
    auto of_a = a.started();
    a.tell(finish{});
    auto r1 = w.rt.run(std::move(of_a));
    auto r2 = w.rt.run(std::move(of_sup));
    auto r3 = w.rt.run(a.started());
    auto r4 = w.rt.run(sup.started());
    CHECK(r1.has_value());
    CHECK(r2.has_value());
    CHECK(r3.has_value());
    CHECK(r4.has_value());
    a.stop();
    w.settle();
    auto r5 = w.rt.run(a.started());
    REQUIRE_FALSE(r5);
    CHECK(r5.error().code() == bastion::errc::noproc);
    auto r6 = w.rt.run(bastion::child_ref().started());
    CHECK_FALSE(r6.has_value());
}

TEST_CASE("started() waits through a restart") {
    world w(2);
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].tell(die{"x"});
    w.settle();
    auto waiting = g[0].started();
    w.settle();
    w.advance(1s);
    auto r = w.rt.run(std::move(waiting));
    CHECK(r.has_value());
}

TEST_CASE("A name that is taken: bad_spec inside a spec, a dead ref that says why later") {
    world w(2);
    auto body = [&] { return element(w.events, "x"); };
    CHECK_THROWS_AS(w.rt.spawn(bastion::supervisor()
                            .with_children(bastion::children().with_name("twice").with_exec(body()))
                            .with_supervisor(bastion::supervisor().with_name("twice"))),
        bastion::bad_spec);
    auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto first = sup.spawn(bastion::children().with_name("n").with_exec(body()));
    const auto second = sup.spawn(bastion::children().with_name("n").with_exec(body()));
    const auto third = sup.spawn(bastion::supervisor().with_name("n"));
    auto early = w.rt.run(second.started());
    w.settle();
    auto why = w.rt.run(second.started());
    auto why_supervisor = w.rt.run(third.started());
    for (const auto& r : {early, why, why_supervisor}) {
        REQUIRE_FALSE(r);
        CHECK(r.error().code() == bastion::errc::start_failed);
        CHECK_THAT(r.error().what(), BASTION_CATCH_CONTAINS("the name \"n\" is taken"));
    }
    CHECK(first[0].alive());
    CHECK_FALSE(second.alive());
    CHECK_FALSE(second[0].alive());
    CHECK(second[0].tell("x") == bastion::delivery::noproc);
    CHECK(w.events.take() == lines{"start x0"});
    const auto log = w.log.take();
    REQUIRE(log.size() == 2);
    CHECK_THAT(log[0], BASTION_CATCH_CONTAINS("/s/n: ") && BASTION_CATCH_CONTAINS("is taken"));
}

TEST_CASE("A made-up name gives way to given ones") {
    world w;
    (void)w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(bastion::children().with_exec(element(w.events, "a")).with_callbacks(told_to(w.events)))
            .with_children(bastion::children().with_name("group-1").with_exec(element(w.events, "b"))));
    w.settle();
    CHECK(w.events.take().at(0) == "before_start /s/group-2/0 normal 0");
}

TEST_CASE("Specs that make no sense are refused at the call") {
    world w;
    CHECK_THROWS_AS(w.rt.spawn(bastion::children()), bastion::bad_spec);
    CHECK_THROWS_AS(
        w.rt.spawn(bastion::children().with_name("a/b").with_exec(element(w.events, "x"))), bastion::bad_spec);
    CHECK_THROWS_AS(w.rt.spawn(bastion::supervisor().with_intensity(1, 0s)), bastion::bad_spec);
    CHECK_THROWS_AS(
        w.rt.spawn(bastion::supervisor().with_supervisor(bastion::supervisor().with_children(bastion::children()))),
        bastion::bad_spec);
}

TEST_CASE("A spawn on a stopped supervisor gives a dead ref") {
    world w(2);
    auto sup = w.rt.spawn(bastion::supervisor());
    sup.stop();
    const auto racing = sup.spawn(bastion::children().with_exec(element(w.events, "racing")));
    w.settle();
    (void)w.events.take();
    const auto child = sup.spawn(element(w.events, "x"));
    const auto group = sup.spawn(bastion::children().with_exec(element(w.events, "x")));
    const auto tree = sup.spawn(bastion::supervisor());
    w.settle();
    CHECK_FALSE(racing[0].alive());
    CHECK_FALSE(child.alive());
    CHECK_FALSE(group.alive());
    CHECK_FALSE(tree.alive());
    CHECK(child.tell("x") == bastion::delivery::noproc);
    CHECK(group.size() == 1);
    CHECK(group[0].tell("x") == bastion::delivery::noproc);
    for (auto started : {w.rt.run(group.started()), w.rt.run(tree.started())}) {
        REQUIRE_FALSE(started.has_value());
        CHECK(started.error().code() == bastion::errc::start_failed);
        CHECK_THAT(started.error().what(), BASTION_CATCH_CONTAINS("its supervisor stops, or has ended"));
    }
    CHECK(w.events.take().empty());
    const auto log = w.log.take();
    REQUIRE(log.size() >= 3);
    for (const auto& line : log) // the racing one may have reached the lane, where only its name is known
        CHECK_THAT(line, BASTION_CATCH_CONTAINS("its supervisor stops, or has ended; does not start"));
    for (auto line = log.end() - 3; line != log.end(); ++line) CHECK_THAT(*line, BASTION_CATCH_CONTAINS("spawned at "));
}

TEST_CASE("A spawn on a root that has failed gives a dead ref that says why") {
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_intensity(0, 1s).with_restart_strategy(at_once()));
    const auto x = sup.spawn(named(w.events, "x"));
    const auto busy = w.rt.spawn(bastion::children().with_exec(element(w.events, "b")));
    w.settle();
    busy[0].tell(nap{1s});
    x[0].tell(die{"x"});
    w.settle();
    (void)w.log.take();
    const auto group = w.rt.spawn(named(w.events, "late"));
    w.settle();
    const auto log = w.log.take();
    REQUIRE(log.size() == 1);
    CHECK_THAT(log[0], BASTION_CATCH_CONTAINS("late") && BASTION_CATCH_CONTAINS("does not start"));
    const auto started = w.rt.run(group.started());
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code() == bastion::errc::start_failed);
    w.advance(1s);
}

TEST_CASE("spawn(f): a temporary element of the implicit group") {
    world w;
    const auto a = w.rt.spawn(element(w.events, "a"));
    const auto b = w.rt.spawn(element(w.events, "b"));
    w.settle();
    (void)w.events.take();
    a.tell(die{"x"});
    w.settle();
    CHECK(w.events.take() == lines{"end a0"});
    CHECK_FALSE(a.alive());
    CHECK(b.alive());
    CHECK(w.log.take() == lines{"/temporary/0: panic: x; ends: it is temporary"});
    // Their group names nobody: it cannot be stopped by accident.
    (void)w.rt.spawn([](bastion::context ctx) -> bastion::process {
        ctx.parent().stop();
        co_return;
    });
    w.settle();
    const auto c = w.rt.spawn(element(w.events, "c"));
    w.settle();
    CHECK(c.alive());
}

TEST_CASE("ctx.spawn puts a temporary element below the supervisor above the group") {
    test::acceptance("C7");
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    bastion::child_ref inner;
    journal& j = w.events;
    (void)sup.spawn(bastion::children().with_exec([&](bastion::context ctx) -> bastion::process {
        inner = ctx.spawn(element(j, "inner"));
        auto m = co_await ctx.recv();
        m.unhandled();
    }));
    w.settle();
    CHECK(inner.alive());
    sup.stop();
    w.settle();
    CHECK_FALSE(inner.alive());
}

TEST_CASE("Why a start failed is the reason of the end, also of one that was killed or stopped itself") {
    world w;
    const auto s = w.rt.spawn(bastion::supervisor().with_name("s").with_specs_kept().with_otp_defaults());
    const auto spec = [](bastion::exit_reason why) {
        return bastion::children()
            .with_name("c")
            .with_start(bastion::wait_ready)
            .with_restart(bastion::transient)
            .with_exec([why](bastion::context ctx) -> bastion::process {
                if (why.kind() != bastion::exit_kind::normal) co_return ctx.exit(why);
            });
    };
    for (const auto& [why, says] : {std::pair{bastion::exit_reason(bastion::exit_kind::killed), "killed"},
             std::pair{bastion::exit_reason(bastion::exit_kind::stopped), "stopped"},
             std::pair{bastion::exit_reason(bastion::exit_kind::noproc), "noproc"},
             std::pair{bastion::exit_reason::error("boom"), "error: boom"},
             std::pair{bastion::exit_reason(), "error: it ended before it called ctx.ready()"}}) {
        INFO(says);
        const auto r = w.rt.run(s.start_child(spec(why)));
        REQUIRE_FALSE(r);
        CHECK(r.error().what().find(std::string(": ") + says) != std::string::npos);
    }
    w.rt.stop();
}

// As when it ends by itself, but nobody's failure: its supervisor goes on.
TEST_CASE("Who is stopped or killed before it is ready has not started") {
    world w;
    const auto with = [&w](bool kept) {
        auto sup = bastion::supervisor().with_name("sup");
        if (kept) sup.with_specs_kept();
        return w.rt.spawn(std::move(sup));
    };
    const bool kept = GENERATE(false, true);
    const bool kill = GENERATE(false, true);
    CAPTURE(kept, kill);
    const std::string why = kill ? "killed" : "stopped";
    const auto sup = with(kept);
    bastion::child_ref who;
    auto waits = sup.start_child(slow_group(w.events, "c").with_callbacks(ref_to(who)));
    w.settle();
    CHECK_FALSE(waits.poll());
    const auto group = must(w.rt.run(sup.which_child("c"))).group;
    auto started = group.started();
    if (kill) who.kill();
    else who.stop();
    w.settle();
    const auto said = waits.take();
    REQUIRE_FALSE(said);
    CHECK(said.error() == bastion::errc::start_failed);
    CHECK_THAT(said.error().what(), BASTION_CATCH_CONTAINS("c") && BASTION_CATCH_CONTAINS(why));
    CHECK(word(started.take()) == noproc);
    CHECK_FALSE(group.alive());
    CHECK(word(w.rt.run(sup.which_child("c"))) == to_string(bastion::errc::not_found));
    CHECK(sup.alive());
    (void)w.events.take();

    // Among others of its group it is the only one that is missing, whether they are ready before or after it.
    const auto three = sup.spawn(slow_group(w.events, "three").with_redundancy(3));
    auto three_started = three.started();
    w.settle();
    three[0].tell(finish{});
    w.settle();
    three[1].stop();
    w.settle();
    CHECK_FALSE(three_started.poll());
    three[2].tell(finish{});
    w.settle();
    CHECK(word(three_started.take()) == "ok");
    CHECK(w.events.take() ==
          lines{"start three", "ready three", "start three", "end three", "start three", "ready three"});
}

TEST_CASE("restart_child of one that is stopped before it is ready keeps its spec") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("sup").with_specs_kept());
    bastion::child_ref who;
    auto first = sup.start_child(slow_group(w.events, "c").with_callbacks(ref_to(who)));
    w.settle();
    who.tell(finish{});
    REQUIRE(word(w.rt.run(std::move(first))) == "ok");
    REQUIRE(word(w.rt.run(sup.terminate_child("c"))) == "ok");
    auto again = sup.restart_child("c");
    w.settle();
    const auto group = must(w.rt.run(sup.which_child("c"))).group;
    auto started = group.started();
    who.stop();
    w.settle();
    CHECK(word(again.take()) == start_failed);
    CHECK(word(started.take()) == noproc);
    CHECK(word(w.rt.run(group.started())) == noproc); // nobody starts it
    CHECK(must(w.rt.run(sup.which_child("c"))).status == bastion::child_status::stopped);
    auto third = sup.restart_child("c");
    w.settle();
    who.tell(finish{});
    w.settle();
    CHECK(word(third.take()) == "ok");
}

TEST_CASE("Monitors of an element that did not start hear whether its owner comes back") {
    world w;
    bastion::child_ref who;
    const auto top = w.rt.spawn(bastion::supervisor().with_name("top").with_restart_strategy(at_once()).with_supervisor(
        bastion::supervisor().with_name("sup").with_children(slow_group(w.events, "c").with_callbacks(ref_to(who)))));
    w.settle();
    const bool again = GENERATE(false, true); // in the start after a restart: that is tried again
    CAPTURE(again);
    if (again) {
        who.tell(finish{});
        w.settle();
        bastion::child_ref(w.rt.find_supervisor("/top/sup").where())
            .exit(bastion::exit_reason(bastion::exit_kind::killed));
        w.settle();
    }
    w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        const auto watched = ctx.monitor(who);
        const bastion::down end = co_await ctx.recv<bastion::down>();
        w.events.add(std::string(end.reason().what()) + (end.returns() ? ", returns" : ", does not return"));
    });
    w.settle();
    (void)w.events.take();
    who.tell(give_up{"x"});
    w.settle();
    const lines told = w.events.take();
    CAPTURE(told);
    CHECK(std::count(told.begin(), told.end(), again ? "error: x, returns" : "error: x, does not return") == 1);
    CHECK(top.alive() == again);
}

TEST_CASE("Without wait_ready who is stopped before it has run has not started either") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("sup"));
    const bool kill = GENERATE(false, true);
    CAPTURE(kill);
    const auto stops = [kill](const bastion::event& e) {
        if (kill) e.who().kill();
        else e.who().stop();
    };
    CHECK(word(w.rt.run(sup.start_child(
              named(w.events, "c").with_callbacks(bastion::callbacks().before_start(stops))))) == start_failed);
    CHECK(word(w.rt.run(sup.which_child("c"))) == to_string(bastion::errc::not_found));
}

TEST_CASE("An addition that has not started is not there when its supervisor starts again") {
    world w;
    const auto top = w.rt.spawn(bastion::supervisor().with_name("top").with_restart_strategy(at_once()).with_supervisor(
        bastion::supervisor().with_name("sup").with_children(named(w.events, "a"))));
    w.settle();
    const auto sup = must(w.rt.run(top.which_child("sup"))).supervisor;
    const bool by_order = GENERATE(false, true);
    CAPTURE(by_order);
    const auto other = sup.spawn(named(w.events, "other")); // it has started: it comes back
    w.settle();
    std::optional<bastion::answer<bastion::child_info>> asked;
    std::optional<bastion::children_ref> spawned;
    if (by_order) asked = sup.start_child(slow_group(w.events, "late"));
    else spawned = sup.spawn(slow_group(w.events, "late"));
    w.settle();
    bastion::child_ref(sup.where()).exit(bastion::exit_reason(bastion::exit_kind::killed));
    for (int i = 0; i < 5; ++i) w.advance(1s);
    if (by_order) CHECK(word(asked->take()) == noproc);
    else CHECK_FALSE(spawned->alive());
    CHECK(word(w.rt.run(sup.which_child("late"))) == to_string(bastion::errc::not_found));
    CHECK(must(w.rt.run(top.which_child("sup"))).status == bastion::child_status::running);
    CHECK(other[0].alive());
}
