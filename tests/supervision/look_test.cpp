// which_children, which_child and count_children: what a supervisor says of its children, while they come, fail and go.
#include "supervision/tree.hpp"

#include <string>

using namespace tree;

namespace {

// "g running, b restarting": in start order.
std::string said(const std::vector<bastion::child_info>& all) {
    static constexpr const char* names[] = {"running", "restarting", "stopped"};
    std::string text;
    for (const bastion::child_info& c : all)
        text += (text.empty() ? "" : ", ") + c.id + (c.kind == bastion::child_kind::supervisor ? "/ " : " ") +
                names[static_cast<int>(c.status)];
    return text;
}

std::string children_of(world& w, const bastion::supervisor_ref& sup) {
    auto r = w.rt.run(sup.which_children());
    return r ? said(*r) : r.error().what();
}

bastion::child_counts counts_of(world& w, const bastion::supervisor_ref& sup) {
    auto r = w.rt.run(sup.count_children());
    REQUIRE(r.has_value());
    return *r;
}

} // namespace

TEST_CASE("which_children names all children in start order, with what they are") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_restart(bastion::permanent)
            .with_children(named(w.events, "a").with_redundancy(3))
            .with_supervisor(bastion::supervisor().with_name("b"))
            .with_children(named(w.events, "c").with_restart(bastion::temporary)));
    w.settle();
    CHECK(children_of(w, sup) == "a running, b/ running, c running");
    CHECK(counts_of(w, sup) == bastion::child_counts{3, 3, 1, 2});
    auto all = w.rt.run(sup.which_children());
    REQUIRE(all.has_value());
    const auto& v = *all;
    CHECK(v[0].restart == bastion::permanent);
    CHECK(v[0].group.size() == 3);
    CHECK(v[0].group[0].alive());
    CHECK(v[1].supervisor.alive());
    CHECK(v[1].group.size() == 0);
    CHECK(v[2].restart == bastion::temporary);
    CHECK_FALSE(v[2].significant);
    SECTION("late additions at the end, and those that have ended not at all") {
        const auto late = sup.spawn(named(w.events, "d"));
        w.settle();
        CHECK(children_of(w, sup) == "a running, b/ running, c running, d running");
        v[2].group.stop();
        w.settle();
        CHECK(children_of(w, sup) == "a running, b/ running, d running");
        CHECK(counts_of(w, sup) == bastion::child_counts{3, 3, 1, 2});
    }
    SECTION("one of them") {
        auto one = w.rt.run(sup.which_child("b"));
        REQUIRE(one.has_value());
        CHECK(one->id == "b");
        CHECK(one->supervisor.where() == v[1].supervisor.where());
        auto none = w.rt.run(sup.which_child("x"));
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error().code() == bastion::errc::not_found);
    }
}

TEST_CASE("which_children says who is being restarted") {
    world w;
    const auto slow = bastion::restart_strategy::always().with_linear_backoff(1s);
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(named(w.events, "a").with_restart_strategy(slow))
            .with_children(named(w.events, "b")));
    w.settle();
    const auto a = w.rt.find_children("/s/a");
    a[0].tell(die{"x"});
    w.settle();
    CHECK(children_of(w, sup) == "a restarting, b running");
    CHECK(counts_of(w, sup) == bastion::child_counts{2, 1, 0, 2});
    w.advance(1s);
    w.settle();
    CHECK(children_of(w, sup) == "a running, b running");
    SECTION("until it is given up") {
        a[0].tell(die{"x"});
        w.settle();
        CHECK(children_of(w, sup) == "a restarting, b running");
        a[0].stop();
        w.settle();
        CHECK(children_of(w, sup) == "b running");
    }
    SECTION("a start that takes its time is one, at a restart") {
        const auto c = sup.spawn(bastion::children()
                .with_name("c")
                .with_restart_strategy(at_once())
                .with_start(bastion::wait_ready)
                .with_exec([](bastion::context ctx) -> bastion::process {
                    if (ctx.incarnation() == 0) ctx.ready();
                    (void)co_await ctx.recv();
                    if (ctx.incarnation() == 0) bastion::panic("once");
                    ctx.ready();
                    (void)co_await ctx.recv();
                }));
        w.settle();
        CHECK(children_of(w, sup) == "a running, b running, c running");
        c[0].tell(0);
        w.settle();
        CHECK(children_of(w, sup) == "a running, b running, c restarting");
        c[0].tell(0);
        w.settle();
        CHECK(children_of(w, sup) == "a running, b running, c running");
    }
}

TEST_CASE("which_children is answered while a supervisor restarts its children") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::rest_for_one)
            .with_children(named(w.events, "a"))
            .with_children(named(w.events, "b"))
            .with_children(named(w.events, "c").with_shutdown(bastion::shutdown::infinite())));
    w.settle();
    w.rt.find_children("/s/c")[0].tell(nap{1s}); // deaf for a stop
    w.settle();
    w.rt.find_children("/s/b")[0].tell(die{"x"});
    w.settle();
    CHECK(children_of(w, sup) == "a running, b restarting, c restarting");
    w.advance(1s);
    w.settle();
    CHECK(children_of(w, sup) == "a running, b running, c running");
}

TEST_CASE("Looking at a supervisor that has ended says noproc, and inside a process it is awaited") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s").with_children(named(w.events, "a")));
    w.settle();
    (void)w.events.take();
    w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto counts = co_await sup.count_children();
        w.events.add(std::to_string(counts ? counts->specs : 99));
        auto all = co_await ctx.supervisor().which_children(); // the root: nothing but "s"
        w.events.add(all ? said(*all) : all.error().what());
    });
    w.settle();
    CHECK(w.events.take() == lines{"1", "s/ running"});
    sup.stop();
    w.settle();
    auto gone = w.rt.run(sup.which_children());
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code() == bastion::errc::noproc);
    auto nobody = w.rt.run(bastion::supervisor_ref().count_children());
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code() == bastion::errc::noproc);
}

TEST_CASE("which_child by ref: the child itself, or one of its elements") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_specs_kept()
            .with_children(named(w.events, "a").with_redundancy(2))
            .with_supervisor(bastion::supervisor().with_name("b").with_children(named(w.events, "c"))));
    const auto id_of = [&](const auto& ref) {
        auto r = w.rt.run(sup.which_child(ref));
        return r ? r->id : r.error().what();
    };
    const std::string not_found = bastion::error(bastion::errc::not_found).what();
    auto a = w.rt.run(sup.which_child("a"));
    REQUIRE(a.has_value());
    auto b = w.rt.run(sup.which_child("b"));
    REQUIRE(b.has_value());
    CHECK(id_of(a->group) == "a");
    CHECK(id_of(a->group[1]) == "a");
    CHECK(id_of(b->supervisor) == "b");
    auto c = w.rt.run(b->supervisor.which_child("c"));
    REQUIRE(c.has_value());
    CHECK(id_of(c->group) == not_found); // a grandchild
    CHECK(id_of(c->group[0]) == not_found);
    CHECK(id_of(bastion::child_ref()) == not_found);
    CHECK(id_of(sup) == not_found);
    const auto bare = sup.spawn([](bastion::context ctx) -> bastion::process { (void)co_await ctx.recv(); });
    w.settle();
    CHECK(id_of(bare) == not_found); // what was spawned as a bare function is no child
    const auto terminated = w.rt.run(sup.terminate_child("a"));
    CHECK(terminated.has_value());
    CHECK(id_of(a->group) == "a"); // its spec is there
    const auto deleted = w.rt.run(sup.delete_child("a"));
    CHECK(deleted.has_value());
    CHECK(id_of(a->group) == not_found);
}
