// Whom a failure takes with it: strategies of supervisors, scopes of groups.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

using namespace tree;

namespace {

struct three {
    bastion::child_ref a, b, c;
};

// Groups a, b, c below one supervisor.
three three_groups(world& w, bastion::strategy s) {
    auto sup = w.rt.spawn(bastion::supervisor().with_name("sup").with_strategy(s).with_restart_strategy(at_once()));
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b"));
    const auto c = sup.spawn(named(w.events, "c"));
    w.settle();
    CHECK(w.events.take() == lines{"start a0", "start b0", "start c0"});
    return {a[0], b[0], c[0]};
}

} // namespace

TEST_CASE("one_for_one restarts the failed group alone") {
    world w;
    const three t = three_groups(w, bastion::strategy::one_for_one);
    t.b.tell(die{"b"});
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "start b0"});
    CHECK(w.log.take() == lines{"/sup/b/0: panic: b; restarts now"});
}

TEST_CASE("one_for_all stops the others in reverse start order and starts all in order") {
    test::acceptance("B1");
    world w;
    const three t = three_groups(w, bastion::strategy::one_for_all);
    t.b.tell(die{"b"});
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "end c0", "end a0", "start a0", "start b0", "start c0"});
    CHECK(w.log.take() == lines{"/sup/b/0: panic: b; restarts now"});
}

TEST_CASE("Groups that fail together are restarted once, and each asks again when it fails again") {
    world w;
    const three t = three_groups(w, bastion::strategy::one_for_all);
    for (const auto& all : {std::vector{t.a, t.b}, {t.b, t.c}, {t.c, t.a}, {t.a, t.b, t.c}}) {
        for (const auto& one : all) one.tell(die{"together"});
        w.settle();
        (void)w.events.take();
        for (const auto& one : {t.a, t.b, t.c}) {
            one.tell(die{"alone"});
            w.advance(1s);
            CHECK(w.events.take().size() == 6);
        }
    }
}

TEST_CASE("rest_for_one restarts the failed group and those started after it") {
    test::acceptance("B1");
    world w;
    const three t = three_groups(w, bastion::strategy::rest_for_one);
    SECTION("the middle one") {
        t.b.tell(die{"b"});
        w.settle();
        CHECK(w.events.take() == lines{"end b0", "end c0", "start b0", "start c0"});
    }
    SECTION("the first") {
        t.a.tell(die{"a"});
        w.settle();
        CHECK(w.events.take() == lines{"end a0", "end c0", "end b0", "start a0", "start b0", "start c0"});
    }
    SECTION("the last") {
        t.c.tell(die{"c"});
        w.settle();
        CHECK(w.events.take() == lines{"end c0", "start c0"});
    }
}

TEST_CASE("rest_for_one: who fails while a restart goes on takes nobody with it who stands before it") {
    world w;
    const auto slow = [&](bastion::context ctx) -> bastion::process {
        w.events.add("start c");
        const end_mark mark(w.events, "c");
        if (ctx.incarnation() == 0) ctx.ready();
        (void)co_await ctx.recv<finish>();
        ctx.ready();
        (void)co_await ctx.recv<finish>();
    };
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("sup")
            .with_strategy(bastion::strategy::rest_for_one)
            .with_intensity(2, 1s)
            .with_restart_strategy(at_once()));
    const auto scope = GENERATE(bastion::restart_scope::group, bastion::restart_scope::element);
    const auto a = sup.spawn(named(w.events, "a"));
    const auto b = sup.spawn(named(w.events, "b").with_restart_scope(scope));
    const auto c = sup.spawn(bastion::children().with_name("c").with_start(bastion::wait_ready, 1s).with_exec(slow));
    w.settle();
    CHECK(w.events.take() == lines{"start a0", "start b0", "start c"});
    a[0].tell(die{"a"});
    w.settle();
    CHECK(w.events.take() == lines{"end a0", "end c", "end b0", "start a0", "start b0", "start c"});
    b[0].tell(die{"b"}); // c is not ready yet
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "end c", "start b0", "start c"});
    c[0].tell(finish{});
    a[0].tell("hello");
    w.settle();
    CHECK(w.events.take() == lines{"a0: hello"});
    CHECK(w.log.take() == lines{"/sup/a/0: panic: a; restarts now", "/sup/b/0: panic: b; restarts now"});
}

TEST_CASE("A group restarts as a whole, in reverse and then in order") {
    test::acceptance("B1");
    world w;
    const auto g =
        w.rt.spawn(bastion::children().with_name("g").with_redundancy(3).with_restart_strategy(at_once()).with_exec(
            element(w.events, "g")));
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "start g1", "start g2"});
    g[1].tell(die{"x"});
    w.settle();
    CHECK(w.events.take() == lines{"end g1", "end g2", "end g0", "start g0", "start g1", "start g2"});
}

TEST_CASE("restart_scope::element restarts only the failed element") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_redundancy(3)
            .with_restart_scope(bastion::restart_scope::element)
            .with_restart_strategy(at_once())
            .with_exec(element(w.events, "g")));
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "start g1", "start g2"});
    g[1].tell(die{"x"});
    w.settle();
    CHECK(w.events.take() == lines{"end g1", "start g1"});
}

TEST_CASE("An element that fails while its group starts takes the group with it") {
    world w;
    journal& j = w.events;
    const auto g = w.rt.spawn(bastion::children().with_redundancy(3).with_restart_strategy(at_once()).with_exec(
        [&j](bastion::context ctx) -> bastion::process {
            const std::string me = std::to_string(ctx.block().index);
            j.add("start " + me);
            const end_mark mark(j, me);
            if (ctx.block().index == 1 && ctx.incarnation() == 0) bastion::panic("at birth");
            for (;;) {
                auto m = co_await ctx.recv();
                m.unhandled();
            }
        }));
    w.settle();
    CHECK(
        j.take() == lines{"start 0", "start 1", "end 1", "start 2", "end 2", "end 0", "start 0", "start 1", "start 2"});
}

TEST_CASE("Siblings restarted with a failed element never spend their own tries") {
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_redundancy(2)
            .with_restart_strategy(bastion::restart_strategy::tries(2).immediate())
            .with_exec(element(w.events, "g")));
    for (const unsigned who : {0u, 0u, 1u, 1u}) {
        g[who].tell(die{"x"});
        w.settle();
    }
    CHECK(g[0].alive());
    CHECK(g[1].alive());
    (void)w.events.take();
    (void)w.log.take();
    g[0].tell(die{"last"});  // out of tries: it alone ends, the sibling goes on
    w.settle();
    CHECK(w.log.take() == lines{"/g/0: panic: last; ends: out of tries (2)"});
    CHECK(w.events.take() == lines{"end g0"});
    CHECK_FALSE(g[0].alive());
    CHECK(g[0].tell("hello") == bastion::delivery::noproc);
    CHECK(g[1].alive());
    g[1].tell("still here");
    w.settle();
    CHECK(w.events.take() == lines{"g1: still here"});
}

TEST_CASE("A nested supervisor restarts with all below it, and every ref stays good") {
    test::acceptance("C10");
    world w;
    auto outer = w.rt.spawn(bastion::supervisor()
            .with_name("outer")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    const auto a = outer.spawn(named(w.events, "a"));
    auto inner = outer.spawn(bastion::supervisor().with_name("inner"));
    const auto b = inner.spawn(named(w.events, "b").with_redundancy(2));
    const auto c = inner.spawn(named(w.events, "c"));
    w.settle();
    const auto temporary = inner.spawn(element(w.events, "t"));
    w.settle();
    CHECK(w.events.take() == lines{"start a0", "start b0", "start b1", "start c0", "start t0"});
    a[0].tell(die{"a"});
    w.settle();
    // The temporary element goes and stays away.
    CHECK(w.events.take() ==
          lines{"end a0", "end t0", "end c0", "end b1", "end b0", "start a0", "start b0", "start b1", "start c0"});
    CHECK_FALSE(temporary.alive());
    for (const bastion::child_ref& r : {a[0], b[0], b[1], c[0]}) {
        auto there = w.rt.run(r.ask(are_you_there{}));
        REQUIRE(there);
        CHECK(*there == 1);
    }
    // The supervisor's own ref, too: for groups and for temporary elements.
    const auto late = inner.spawn(bastion::children().with_exec(element(w.events, "late")));
    const auto again = inner.spawn(element(w.events, "u"));
    w.settle();
    CHECK(late[0].alive());
    CHECK(again.alive());
}

TEST_CASE("One_for_all over a failing inner supervisor") {
    world w;
    auto outer = w.rt.spawn(bastion::supervisor()
            .with_name("outer")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    const auto a = outer.spawn(named(w.events, "a"));
    auto inner =
        outer.spawn(bastion::supervisor().with_name("inner").with_restart_strategy(at_once()).with_intensity(1, 10s));
    const auto b = inner.spawn(named(w.events, "b"));
    w.settle();
    (void)w.events.take();
    b[0].tell(die{"1"});
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "start b0"});
    b[0].tell(die{"2"});
    w.settle();
    CHECK(w.events.take() == lines{"end b0", "end a0", "start a0", "start b0"});
    CHECK(a[0].alive());
    CHECK(b[0].alive());
}

namespace {

// Groups a (two elements, each of which restarts alone), b and c, in that order after `first`.
struct mixed {
    bastion::children_ref first, a, b, c;
};

mixed mixed_groups(world& w, bastion::strategy s, bastion::children&& group_a) {
    auto sup = w.rt.spawn(bastion::supervisor().with_name("sup").with_strategy(s).with_restart_strategy(at_once()));
    mixed m;
    m.first = sup.spawn(named(w.events, "first"));
    m.a = sup.spawn(
        std::move(group_a).with_name("a").with_redundancy(2).with_restart_scope(bastion::restart_scope::element));
    m.b = sup.spawn(named(w.events, "b"));
    m.c = sup.spawn(named(w.events, "c"));
    w.settle();
    CHECK(w.events.take() == lines{"start first0", "start a0", "start a1", "start b0", "start c0"});
    return m;
}

} // namespace

TEST_CASE("restart_scope::element below a supervisor that restarts other groups: the failed one's siblings go on") {
    world w;
    const auto plain = [&] { return bastion::children().with_exec(element(w.events, "a")); };
    SECTION("rest_for_one") {
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, plain());
        for (const char* why : {"once", "again"}) {
            m.a[1].tell(die{why});
            w.settle();
            CHECK(w.events.take() == lines{"end a1", "end c0", "end b0", "start a1", "start b0", "start c0"});
        }
        m.b[0].tell(die{"b"}); // a stands before it
        w.settle();
        CHECK(w.events.take() == lines{"end b0", "end c0", "start b0", "start c0"});
        m.first[0].tell(die{"first"}); // and after that one: as a whole
        w.settle();
        CHECK(w.events.take() == lines{"end first0", "end c0", "end b0", "end a1", "end a0", "start first0", "start a0",
                                     "start a1", "start b0", "start c0"});
    }
    SECTION("one_for_all") {
        const mixed m = mixed_groups(w, bastion::strategy::one_for_all, plain());
        m.a[0].tell(die{"x"});
        w.settle();
        CHECK(w.events.take() ==
              lines{"end a0", "end c0", "end b0", "end first0", "start first0", "start a0", "start b0", "start c0"});
        CHECK(w.log.take() == lines{"/sup/a/0: panic: x; restarts now"});
    }
    SECTION("both elements fail") {
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, plain());
        m.a[0].tell(die{"x"});
        m.a[1].tell(die{"y"});
        w.settle();
        (void)w.events.take();
        for (const auto& group : {m.first, m.a, m.b, m.c})
            for (const auto& one : group) CHECK(one.alive());
        m.a[0].tell("hello");
        m.a[1].tell("hello");
        w.settle();
        CHECK(w.events.take() == lines{"a0: hello", "a1: hello"});
    }
}

TEST_CASE("Groups after one that restarts single elements wait until these have started") {
    world w;
    int ready = 0; // from which incarnation on it says so at once
    const auto slow = [&] {
        return bastion::children()
            .with_start(bastion::wait_ready, 1s)
            .with_exec([&](bastion::context ctx) -> bastion::process {
                const std::string me = "a" + std::to_string(ctx.block().index);
                w.events.add("start " + me);
                const end_mark mark(w.events, me);
                if (ctx.incarnation() == 0 || ctx.incarnation() >= ready) ctx.ready();
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (auto* d = m.told<die>()) bastion::panic(d->why);
                    if (m.told<finish>() != nullptr) ctx.ready();
                }
            });
    };
    SECTION("it becomes ready") {
        ready = 100;
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, slow());
        m.a[1].tell(die{"x"});
        w.settle();
        CHECK(w.events.take() == lines{"end a1", "end c0", "end b0", "start a1"});
        m.a[1].tell(finish{});
        w.settle();
        CHECK(w.events.take() == lines{"start b0", "start c0"});
    }
    SECTION("it fails meanwhile") {
        ready = 2;
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, slow());
        m.a[1].tell(die{"x"});
        w.settle();
        (void)w.events.take();
        m.a[1].tell(die{"y"});
        w.settle();
        CHECK(w.events.take() == lines{"end a1", "start a1", "start b0", "start c0"});
    }
    SECTION("its sibling fails meanwhile") {
        ready = 100;
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, slow());
        m.a[0].tell(die{"x"});
        w.settle();
        m.a[1].tell(die{"y"});
        w.settle();
        (void)w.events.take();
        m.a[1].tell(finish{});
        w.settle();
        CHECK(w.events.take().empty()); // a0 is not ready yet
        m.a[0].tell(finish{});
        w.settle();
        CHECK(w.events.take() == lines{"start b0", "start c0"});
    }
    SECTION("an earlier group takes it along meanwhile") {
        ready = 2;
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, slow());
        m.a[1].tell(die{"x"});
        w.settle();
        (void)w.events.take();
        m.first[0].tell(die{"first"});
        w.settle();
        CHECK(w.events.take() == lines{"end first0", "end a1", "end a0", "start first0", "start a0"});
        m.a[0].tell(finish{});
        w.settle();
        CHECK(w.events.take() == lines{"start a1", "start b0", "start c0"});
    }
    SECTION("all is stopped meanwhile") {
        ready = 100;
        const mixed m = mixed_groups(w, bastion::strategy::rest_for_one, slow());
        m.a[1].tell(die{"x"});
        w.settle();
        (void)w.events.take();
        w.rt.stop();
        CHECK(w.rt.wait() == 0);
        CHECK(w.events.take() == lines{"end a1", "end a0", "end first0"});
    }
}
