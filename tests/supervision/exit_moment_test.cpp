// Exit signals that come while a body is being made, or that it sends itself and then ends: none of them is lost.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"
#include "support/bodies.hpp"

#include <bastion/testing/simulation.hpp>

#include <string>
#include <vector>

using namespace tree;
using namespace std::chrono_literals;

namespace {

bastion::exit_reason why(std::string text) { return bastion::exit_reason::error(std::move(text)); }

lines take(world& w) {
    w.settle();
    return w.events.take();
}

std::string said(bastion::message& m) {
    if (auto* s = m.told<std::string>()) return *s;
    if (auto* x = m.told<bastion::exited>()) return "(" + x->reason().what() + ")";
    return "?";
}

void read_all(const bastion::context& ctx, journal& j) {
    while (auto m = ctx.try_recv()) j.add(said(*m));
}

// One that has ended, and what a state does in its constructor.
struct scene {
    world& w;
    bastion::child_ref gone;
    void (*makes)(const scene&, const bastion::context&) = nullptr;
};
const scene* here = nullptr;

struct made_state {
    explicit made_state(bastion::context ctx) { here->makes(*here, ctx); }
};

// The same as a state's constructor, and in a function that is no coroutine and makes one.
lines made_by_handlers(scene& s) {
    here = &s;
    journal& j = s.w.events;
    const auto group = s.w.rt.spawn(bastion::children()
            .with_restart(bastion::temporary)
            .with_handlers<made_state>(bastion::on_tell([&j](const std::string& t) { j.add(t); }),
                bastion::on_tell([&j](const bastion::exited& x) { j.add("(" + x.reason().what() + ")"); })));
    s.w.settle();
    j.add(group[0].alive() ? "lives" : "gone");
    return j.take();
}
lines made_by_function(scene& s) {
    journal& j = s.w.events;
    const auto body = [](bastion::context ctx, journal& to) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            to.add(said(m));
        }
    };
    const auto who = s.w.rt.spawn([&s, &j, body](bastion::context ctx) {
        s.makes(s, ctx);
        return body(ctx, j);
    });
    s.w.settle();
    j.add(who.alive() ? "lives" : "gone");
    return j.take();
}

// The last line of the log: why it has ended.
std::string logged(world& w) {
    const lines all = w.log.take();
    return all.empty() ? "" : all.back().substr(all.back().find(": ") + 2);
}

} // namespace

TEST_CASE("An exit signal that comes while a body is being made takes effect as any other") {
    test::acceptance("C1");
    world w;
    scene s{w, w.rt.spawn([](bastion::context) -> bastion::process { co_return; })};
    w.settle();
    for (lines (*made)(scene&) : {&made_by_handlers, &made_by_function}) {
        s.makes = [](const scene& in, const bastion::context& ctx) { ctx.link(in.gone); };
        CHECK(made(s) == lines{"gone"});
        CHECK(logged(w) == "noproc; ends: it is temporary");
        s.makes = [](const scene& in, const bastion::context& ctx) {
            ctx.trap_exit();
            ctx.link(in.gone);
        };
        CHECK(made(s) == lines{"(noproc)", "lives"});
        s.makes = [](const scene& in, const bastion::context& ctx) {
            ctx.self().tell("1");
            ctx.self().exit(why("x"));
            ctx.self().tell("2");
            read_all(ctx, in.w.events);
        };
        CHECK(made(s) == lines{"gone"});
        CHECK(logged(w) == "error: x; ends: it is temporary");
        s.makes = [](const scene& in, const bastion::context& ctx) {
            ctx.trap_exit();
            ctx.self().tell("1");
            ctx.self().exit(why("x"));
            ctx.self().tell("2");
            read_all(ctx, in.w.events);
            in.w.events.add("made");
            ctx.self().exit(why("y"));
            ctx.self().tell("3");
        };
        CHECK(made(s) == lines{"1", "(error: x)", "2", "made", "(error: y)", "3", "lives"});
        CHECK(w.log.take().empty());
    }
}

TEST_CASE("Who orders its own end, and then comes to it, ends for that reason") {
    test::acceptance("C1");
    world w;
    journal& j = w.events;
    const auto end_of = [&](void (*how)(const bastion::context&)) {
        w.rt.spawn([&j, how](bastion::context ctx) -> bastion::process {
            const auto watched = ctx.spawn_monitor([how](bastion::context c) -> bastion::process {
                how(c);
                co_return;
            });
            const auto d = co_await ctx.recv<bastion::down>();
            j.add(d.reason().what());
        });
        const lines seen = take(w);
        return seen.size() == 1 ? seen[0] : "?";
    };
    CHECK(end_of([](const bastion::context& c) { c.self().exit(why("x")); }) == "error: x");
    CHECK(end_of([](const bastion::context& c) {
        c.self().exit(why("x"));
        (void)c.try_recv();
        c.self().exit(why("y"));
    }) == "error: x");
    CHECK(end_of([](const bastion::context& c) {
        c.trap_exit();
        c.self().exit(bastion::exit_reason(bastion::exit_kind::killed));
    }) == "killed");
    CHECK(end_of([](const bastion::context& c) { c.self().exit(bastion::exit_reason()); }) == "normal");
    CHECK(end_of([](const bastion::context& c) {
        c.trap_exit();
        c.self().exit(why("x"));
    }) == "normal");
    CHECK(end_of([](const bastion::context& c) {
        c.self().exit(why("x"));
        c.fail("own");
    }) == "error: own");
    SECTION("and comes back, if it is transient") {
        const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
        sup.spawn(bastion::children()
                .with_restart(bastion::transient)
                .with_exec([&j](bastion::context ctx) -> bastion::process {
                    j.add("start " + std::to_string(ctx.incarnation()));
                    if (ctx.incarnation() < 2) ctx.self().exit(why("x"));
                    else (void)co_await ctx.recv();
                }));
        CHECK(take(w) == lines{"start 0", "start 1", "start 2"});
    }
    SECTION("handlers, too") {
        const auto group = w.rt.spawn(bastion::children()
                .with_restart(bastion::temporary)
                .with_handlers(bastion::on_tell([](bastion::context ctx, const std::string&) {
                    ctx.self().exit(why("x"));
                    ctx.stop();
                })));
        w.settle();
        group[0].tell("go");
        w.settle();
        CHECK(logged(w) == "error: x; ends: it is temporary");
    }
}

TEST_CASE("A state that fails in its constructor by ctx.fail ends there") {
    world w;
    scene s{w, {}};
    s.makes = [](const scene&, const bastion::context& ctx) { ctx.fail("cannot open"); };
    CHECK(made_by_handlers(s) == lines{"gone"});
    CHECK(logged(w) == "error: cannot open; ends: it is temporary");
    const auto sup = w.rt.spawn(bastion::supervisor());
    w.rt.spawn([&w, sup](bastion::context) -> bastion::process {
        auto started = sup.start_child(bastion::children()
                .with_name("c")
                .with_start(bastion::wait_ready)
                .with_restart(bastion::temporary)
                .with_handlers<made_state>(bastion::on_tell([](const std::string&) {})));
        const auto r = co_await started;
        w.events.add(r.has_value() ? "started" : r.error().what());
    });
    const lines seen = take(w);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].find("error: cannot open") != std::string::npos);
}

TEST_CASE("In a simulation, too, an exit signal for one that has not begun ends it, though a message to somebody else "
          "is late") {
    using bastion::testing::simulation;
    simulation sim(1);
    const auto waits = [](bastion::context ctx) -> bastion::process {
        for (;;) (void)co_await ctx.recv();
    };
    const auto other = sim.spawn(waits);
    sim.settle();
    sim.delay_at(other, 1, 1s);
    other.tell("late");
    sim.settle();
    std::vector<bastion::child_ref> born;
    sim.spawn([&](bastion::context ctx) -> bastion::process {
        born.push_back(ctx.spawn(waits));
        born[0].exit(why("x"));
        born[0].tell("behind");
        born.push_back(ctx.spawn_link(waits));
        born[1].exit(bastion::exit_reason());
        bastion::panic("with those who are linked");
        co_return;
    });
    sim.settle();
    REQUIRE(born.size() == 2);
    CHECK_FALSE(born[0].alive());
    CHECK_FALSE(born[1].alive());
    // It traps exits as soon as it begins, and is told, as it is when nothing is late. (On a fiber a body begins with its first turn.)
    if (test::bodies_on_fibers) return;
    std::vector<std::string> told;
    sim.spawn([&](bastion::context ctx) -> bastion::process {
        const auto traps = ctx.spawn([&told](bastion::context c) {
            c.trap_exit();
            return [](bastion::context in, std::vector<std::string>& to) -> bastion::process {
                for (;;) {
                    auto m = co_await in.recv();
                    to.push_back(said(m));
                }
            }(c, told);
        });
        traps.exit(why("x"));
        traps.tell("behind");
        co_return;
    });
    sim.settle();
    CHECK(told == std::vector<std::string>{"(error: x)", "behind"});
}

TEST_CASE(
    "In a simulation an exit signal ends the next incarnation, which has not begun, though a message to it is late") {
    using bastion::testing::simulation;
    int met = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        simulation sim(seed, bastion::testing::settings().with_workers(2));
        std::vector<int> begun;
        const auto group = sim.spawn(bastion::children()
                .with_restart(bastion::permanent)
                .with_restart_strategy(bastion::restart_strategy::always().immediate())
                .with_exec([&begun](bastion::context ctx) -> bastion::process {
                    begun.push_back(ctx.incarnation());
                    for (;;) {
                        auto m = co_await ctx.recv();
                        if (m.told<die>() != nullptr) bastion::panic("told to");
                    }
                }));
        sim.settle();
        sim.delay_at(group[0], 1, 1s);
        group[0].tell("late");
        sim.settle();
        bool waits_to_begin = false;
        sim.spawn([&waits_to_begin, who = group[0]](bastion::context ctx) -> bastion::process {
            who.tell(die{});
            const bastion::detail::control_block& its = *who.where().block;
            for (int i = 0; i < 100 && !waits_to_begin; ++i) {
                waits_to_begin = its.incarnation == 1 && its.life_state.now() == bastion::detail::life::queued;
                if (!waits_to_begin) co_await ctx.yield();
            }
            if (waits_to_begin) who.exit(why("x"));
        });
        sim.settle();
        sim.advance(10s);
        if (!waits_to_begin) continue;
        ++met;
        CHECK(begun == std::vector<int>{0, 2});
    }
    CHECK(met > 0);
}
