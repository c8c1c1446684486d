// Significant children and auto_shutdown: which ends are a supervisor's end, and which are not.
#include "supervision/tree.hpp"

#include <functional>
#include <string>

using namespace tree;

namespace {

constexpr bastion::exit_kind killed = bastion::exit_kind::killed;

bastion::children child(journal& j, const std::string& name, bastion::restart_when when, bool significant) {
    return named(j, name).with_restart(when).with_restart_strategy(at_once()).with_significant(significant);
}

// A supervisor "s" with children "a" and "b" of which both, or only a, are significant.
struct pair {
    pair(bastion::auto_shutdown mode, bastion::restart_when when, bool b_too = true,
        bastion::strategy how = bastion::strategy::one_for_one)
        : sup(w.rt.spawn(bastion::supervisor()
                  .with_name("s")
                  .with_strategy(how)
                  .with_restart(bastion::transient)
                  .with_auto_shutdown(mode))),
          a(sup.spawn(child(w.events, "a", when, mode != bastion::auto_shutdown::never))),
          b(sup.spawn(child(w.events, "b", when, mode != bastion::auto_shutdown::never && b_too))) {
        w.settle();
        (void)w.events.take();
    }
    lines after(const std::function<void()>& what) {
        what();
        w.settle();
        return w.events.take();
    }
    lines ends_by(const bastion::children_ref& who, const bastion::exit_reason& why) {
        return after([&] { who[0].exit(why); });
    }
    lines finishes(const bastion::children_ref& who) {
        return after([&] { who[0].tell(finish{}); });
    }

    world w;
    bastion::supervisor_ref sup;
    bastion::children_ref a, b;
};

} // namespace

TEST_CASE("auto_shutdown: any end of a significant temporary child is its supervisor's, with any_significant") {
    constexpr auto any = bastion::auto_shutdown::any_significant;
    SECTION("normal") {
        pair p(any, bastion::temporary);
        CHECK(p.finishes(p.a) == lines{"end a0", "end b0"});
        CHECK_FALSE(p.sup.alive());
    }
    SECTION("abnormal") {
        pair p(any, bastion::temporary);
        CHECK(p.after([&] { p.b[0].tell(die{"x"}); }) == lines{"end b0", "end a0"});
        CHECK_FALSE(p.sup.alive());
    }
    SECTION("killed by a signal") {
        pair p(any, bastion::temporary);
        CHECK(p.ends_by(p.a, bastion::exit_reason(killed)) == lines{"end a0", "end b0"});
        CHECK_FALSE(p.sup.alive());
    }
    SECTION("not when somebody has stopped it") {
        pair p(any, bastion::temporary);
        CHECK(p.after([&] { p.a[0].stop(); }) == lines{"end a0"});
        CHECK(p.after([&] { p.b.stop(); }) == lines{"end b0"});
        CHECK(p.sup.alive());
    }
}

TEST_CASE("auto_shutdown: of a significant transient child only the normal end is its supervisor's") {
    pair p(bastion::auto_shutdown::any_significant, bastion::transient);
    CHECK(p.after([&] { p.a[0].tell(die{"x"}); }) == lines{"end a0", "start a0"});
    CHECK(p.ends_by(p.a, bastion::exit_reason(killed)) == lines{"end a0", "start a0"});
    CHECK(p.sup.alive());
    CHECK(p.finishes(p.a) == lines{"end a0", "end b0"});
    CHECK_FALSE(p.sup.alive());
}

TEST_CASE("auto_shutdown: with all_significant the last one counts") {
    constexpr auto all = bastion::auto_shutdown::all_significant;
    SECTION("both are significant") {
        pair p(all, bastion::temporary);
        CHECK(p.finishes(p.b) == lines{"end b0"});
        CHECK(p.sup.alive());
        CHECK(p.finishes(p.a) == lines{"end a0"});
        CHECK_FALSE(p.sup.alive());
    }
    SECTION("one is: the others do not count") {
        pair p(all, bastion::temporary, false);
        CHECK(p.finishes(p.a) == lines{"end a0", "end b0"});
        CHECK_FALSE(p.sup.alive());
    }
    SECTION("the last one was stopped: that is no end by itself") {
        pair p(all, bastion::temporary);
        CHECK(p.finishes(p.b) == lines{"end b0"});
        CHECK(p.after([&] { p.a.stop(); }) == lines{"end a0"});
        CHECK(p.sup.alive());
    }
    SECTION("transient") {
        pair p(all, bastion::transient);
        CHECK(p.after([&] { p.a[0].tell(die{"x"}); }) == lines{"end a0", "start a0"});
        CHECK(p.finishes(p.a) == lines{"end a0"});
        CHECK(p.sup.alive());
        CHECK(p.finishes(p.b) == lines{"end b0"});
        CHECK_FALSE(p.sup.alive());
    }
}

TEST_CASE("auto_shutdown: children that are not significant never end their supervisor") {
    for (const auto mode : {bastion::auto_shutdown::never, bastion::auto_shutdown::any_significant,
             bastion::auto_shutdown::all_significant})
        for (const auto when : {bastion::temporary, bastion::transient}) {
            pair p(mode, when, false);
            CHECK(p.finishes(p.b) == lines{"end b0"});
            if (mode == bastion::auto_shutdown::never) CHECK(p.finishes(p.a) == lines{"end a0"});
            CHECK(p.sup.alive());
        }
}

TEST_CASE("auto_shutdown: significant children that stop because of a sibling do not count") {
    for (const auto mode : {bastion::auto_shutdown::any_significant, bastion::auto_shutdown::all_significant})
        for (const auto how : {bastion::strategy::one_for_all, bastion::strategy::rest_for_one}) {
            world w;
            const auto sup = w.rt.spawn(bastion::supervisor()
                    .with_strategy(how)
                    .with_auto_shutdown(mode)
                    .with_children(child(w.events, "fails", bastion::permanent, false))
                    .with_children(child(w.events, "t", bastion::temporary, true))
                    .with_children(child(w.events, "n", bastion::transient, true)));
            w.settle();
            (void)w.events.take();
            const auto fails = w.rt.find_children("/supervisor-1/fails");
            REQUIRE(fails.size() == 1);
            fails[0].tell(die{"x"});
            w.settle();
            CHECK(w.events.take() == lines{"end fails0", "end n0", "end t0", "start fails0", "start n0"});
            CHECK(sup.alive());
        }
}

TEST_CASE("auto_shutdown escalates where the supervisor is significant itself, and ends there where it is not") {
    const bool b_is_significant = GENERATE(true, false);
    world w;
    const auto top = w.rt.spawn(bastion::supervisor()
            .with_name("a")
            .with_restart(bastion::transient)
            .with_auto_shutdown(bastion::auto_shutdown::any_significant)
            .with_children(named(w.events, "bystander"))
            .with_supervisor(bastion::supervisor()
                    .with_name("b")
                    .with_auto_shutdown(bastion::auto_shutdown::any_significant)
                    .with_significant(b_is_significant)
                    .with_children(child(w.events, "worker", bastion::transient, true))));
    w.settle();
    (void)w.events.take();
    const auto below = w.rt.find_supervisor("/a/b");
    REQUIRE(below.alive());
    w.rt.find_children("/a/b/worker")[0].tell(finish{});
    w.settle();
    CHECK_FALSE(below.alive());
    CHECK(top.alive() == !b_is_significant);
    CHECK(w.events.take() == (b_is_significant ? lines{"end worker0", "end bystander0"} : lines{"end worker0"}));
    CHECK(w.log.take().empty());
}

TEST_CASE("auto_shutdown: a permanent supervisor comes back after it") {
    world w;
    w.rt.spawn(bastion::supervisor()
            .with_restart(bastion::permanent)
            .with_restart_strategy(at_once())
            .with_supervisor(bastion::supervisor()
                    .with_name("b")
                    .with_auto_shutdown(bastion::auto_shutdown::any_significant)
                    .with_children(named(w.events, "other"))
                    .with_children(child(w.events, "worker", bastion::transient, true))));
    w.settle();
    CHECK(w.events.take() == lines{"start other0", "start worker0"});
    w.rt.find_children("/supervisor-1/b/worker")[0].tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"end worker0", "end other0", "start other0"});
}

TEST_CASE("auto_shutdown: a significant child that is out of tries has ended by itself") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_auto_shutdown(bastion::auto_shutdown::any_significant)
            .with_restart_strategy(bastion::restart_strategy::never())
            .with_supervisor(bastion::supervisor()
                    .with_name("below")
                    .with_own_restart(bastion::transient)
                    .with_significant()
                    .with_intensity(0, 1s)
                    .with_children(named(w.events, "a").with_restart_strategy(at_once()))));
    w.settle();
    const auto below = w.rt.run(sup.which_child("below"));
    REQUIRE(below.has_value());
    const auto a = w.rt.run(below->supervisor.which_child("a"));
    REQUIRE(a.has_value());
    a->group[0].tell(die{"x"});
    w.settle();
    CHECK_FALSE(sup.alive());
}

// In whatever order they end.
TEST_CASE("auto_shutdown: a group of which somebody stopped an element does not count") {
    const bool stopped_first = GENERATE(true, false);
    world w;
    const auto sup =
        w.rt.spawn(bastion::supervisor().with_name("s").with_auto_shutdown(bastion::auto_shutdown::any_significant));
    const auto both = sup.spawn(child(w.events, "a", bastion::transient, true).with_redundancy(2));
    w.settle();
    const auto stop_one = [&] {
        both[0].stop();
        w.settle();
    };
    if (stopped_first) stop_one();
    both[1].tell(finish{});
    w.settle();
    if (!stopped_first) stop_one();
    CHECK_FALSE(both.alive());
    CHECK(sup.alive());
}

TEST_CASE("auto_shutdown: what makes no sense is refused, by name") {
    world w;
    const auto says = [&](bastion::supervisor&& s) {
        try {
            w.rt.spawn(std::move(s));
        } catch (const bastion::bad_spec& e) {
            const std::string text = e.what();
            return text.substr(text.find(": its child"));
        }
        return std::string("accepted");
    };
    using bastion::auto_shutdown;
    CHECK(says(bastion::supervisor().with_children(child(w.events, "a", bastion::transient, true))) ==
          ": its child \"a\" is significant, and it has no with_auto_shutdown");
    CHECK(says(bastion::supervisor()
                  .with_auto_shutdown(auto_shutdown::any_significant)
                  .with_children(child(w.events, "a", bastion::permanent, true))) ==
          ": its child \"a\" is significant and permanent: it would never end by itself");
    CHECK(says(bastion::supervisor()
                  .with_restart(bastion::permanent)
                  .with_auto_shutdown(auto_shutdown::all_significant)
                  .with_supervisor(bastion::supervisor().with_name("b").with_significant())) ==
          ": its child \"b\" is significant and permanent: it would never end by itself");
    for (const auto when : {bastion::transient, bastion::temporary})
        for (const auto mode : {auto_shutdown::any_significant, auto_shutdown::all_significant})
            CHECK(says(bastion::supervisor().with_auto_shutdown(mode).with_children(
                      child(w.events, "a", when, true))) == "accepted");
    SECTION("late additions, too") {
        const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
        const auto late = sup.spawn(child(w.events, "late", bastion::transient, true));
        w.settle();
        CHECK_FALSE(late.alive());
        CHECK(w.log.take() ==
              lines{"/s/late: error: it is significant, and its supervisor has no with_auto_shutdown; does not start"});
    }
}

TEST_CASE("auto_shutdown of the root ends the runtime, and all that was in it") {
    world w;
    const auto r = w.rt.run(
        w.rt.root().reconfigure(bastion::supervisor().with_auto_shutdown(bastion::auto_shutdown::any_significant)));
    REQUIRE(r.has_value());
    const auto other = w.rt.spawn(named(w.events, "other"));
    const auto one = w.rt.spawn(child(w.events, "one", bastion::temporary, true));
    w.settle();
    one[0].tell(finish{});
    w.settle();
    CHECK(w.rt.wait() == 0);
    CHECK_FALSE(other[0].alive());
    CHECK_FALSE(w.rt.root().alive());
}
