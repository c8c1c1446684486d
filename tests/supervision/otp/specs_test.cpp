// supervisor_SUITE: which specs and flags are refused, and trees of many.
#include "supervision/otp/suite.hpp"
#include "support/bodies.hpp"

using namespace otp;
using bastion::strategy;
using counted = std::vector<std::size_t>;

namespace {

bastion::children idle(const std::string& id) {
    return bastion::children().with_name(id).with_exec(
        [](bastion::context ctx) -> bastion::process { (void)co_await ctx.recv(); });
}

} // namespace

// OTP checks terms; here most of what it refuses does not compile (a restart type, a child type, a shutdown that is no time, what is no
// spec). What is left: no body, a name that cannot be one, duplicates, the template's rules; and that all valid values are taken.
TEST_CASE("child_specs") {
    suite s;
    CHECK_THROWS_WITH(s.sup.start_child(bastion::children().with_name("child")), Catch::Contains("has no body"));
    CHECK_THROWS_WITH(s.sup.start_child(idle("a/b")), Catch::Contains("must not contain '/'"));
    CHECK_THROWS_WITH(s.w.rt.spawn(bastion::supervisor().with_children(idle("child")).with_children(idle("child"))),
        Catch::Contains("two children named \"child\""));
    CHECK_THROWS_WITH(s.w.rt.spawn(flags(strategy::simple_one_for_one, 2, 3600s)),
        Catch::Contains("needs exactly one group, with_template"));
    CHECK_THROWS_WITH(
        s.w.rt.spawn(
            flags(strategy::simple_one_for_one, 2, 3600s).with_children(idle("child1")).with_children(idle("child2"))),
        Catch::Contains("needs exactly one group, with_template"));
    CHECK(s.counts() == counted{0, 0, 0, 0});
    CHECK_THROWS_WITH(s.sup.start_child(idle("child").with_shutdown(bastion::shutdown::within(-10ms))),
        Catch::Contains("with_shutdown: a time below 0"));
    CHECK(s.counts() == counted{0, 0, 0, 0});
    int n = 0;
    for (const auto when : {bastion::permanent, bastion::transient, bastion::temporary})
        for (const auto stop :
            {bastion::shutdown::brutal(), bastion::shutdown::within(1s), bastion::shutdown::infinite()}) {
            CHECK(s.start(idle("worker" + std::to_string(n)).with_restart(when).with_shutdown(stop)) == "ok");
            CHECK(s.start(bastion::supervisor()
                          .with_name("supervisor" + std::to_string(n++))
                          .with_own_restart(when)
                          .with_shutdown(stop)) == "ok");
        }
    CHECK(s.counts() == counted{18, 18, 9, 9});
    s.stop();
}

// significant x restart x auto_shutdown, of a group and of a supervisor, in a spec and as a late addition.
TEST_CASE("child_specs_map") {
    using bastion::auto_shutdown;
    for (const auto mode : {auto_shutdown::never, auto_shutdown::any_significant, auto_shutdown::all_significant})
        for (const auto when : {bastion::permanent, bastion::transient, bastion::temporary})
            for (const bool significant : {false, true}) {
                const bool good = !significant || (mode != auto_shutdown::never && when != bastion::permanent);
                const auto worker_spec = [&] { return idle("c").with_restart(when).with_significant(significant); };
                const auto supervisor_spec = [&] {
                    return bastion::supervisor().with_name("d").with_own_restart(when).with_significant(significant);
                };
                const auto above = [&] { return flags(strategy::one_for_one, 2, 3600s).with_auto_shutdown(mode); };
                suite s(above());
                const std::string expected = good ? "ok" : text(bastion::errc::invalid);
                CHECK(s.start(worker_spec()) == expected);
                CHECK(s.start(supervisor_spec()) == expected);
                CHECK(s.counts()[0] == (good ? 2 : 0));
                if (good) {
                    CHECK_NOTHROW(
                        s.w.rt.spawn(above().with_children(worker_spec()).with_supervisor(supervisor_spec())));
                } else {
                    const std::string why = mode == auto_shutdown::never
                                                ? " is significant, and it has no with_auto_shutdown"
                                                : " is significant and permanent: it would never end by itself";
                    CHECK_THROWS_WITH(
                        s.w.rt.spawn(above().with_children(worker_spec())), Catch::EndsWith(": its child \"c\"" + why));
                    CHECK_THROWS_WITH(s.w.rt.spawn(above().with_supervisor(supervisor_spec())),
                        Catch::EndsWith(": its child \"d\"" + why));
                }
            }
}

// Strategies and auto_shutdown are enumerations; no intensity is no bound. What is left is the period.
TEST_CASE("sup_flags") {
    tree::world w;
    const auto refused = [&w](bastion::supervisor s, const std::string& who) {
        CHECK_THROWS_WITH(
            w.rt.spawn(std::move(s)), Catch::StartsWith("bastion: supervisor(" + who + ") at ") &&
                                          Catch::EndsWith(": with_intensity needs a window longer than 0"));
    };
    refused(flags(strategy::one_for_one, 2, 0s), "");
    refused(flags(strategy::one_for_one, 2, -1s).with_name("s"), "\"s\"");
    refused(bastion::supervisor().with_supervisor(flags(strategy::one_for_one, 2, 0s).with_name("below")), "\"below\"");
    CHECK_FALSE(w.rt.find_supervisor("/s").alive());
    CHECK_NOTHROW(w.rt.spawn(flags(strategy::one_for_one, 0, 1ns)));
    CHECK_NOTHROW(w.rt.spawn(flags(strategy::one_for_one, 4'000'000'000, std::chrono::hours(24 * 365))));
}

TEST_CASE("count_children_supervisor") {
    suite s(flags(strategy::simple_one_for_one, 2, 3600s).with_supervisor_template([] {
        return bastion::supervisor().with_own_restart(bastion::temporary);
    }));
    const auto start_more = [&s] {
        for (int i = 0; i < 1000; ++i) CHECK(s.said(s.w.rt.run(s.sup.start_child())) == "ok");
    };
    const auto pids = [&s] {
        std::vector<bastion::detail::address> all;
        const auto said = s.w.rt.run(s.sup.which_children());
        REQUIRE(said.has_value());
        for (const auto& c : *said) all.push_back(c.supervisor.where());
        return all;
    };
    start_more();
    CHECK(pids().size() == 1000);
    CHECK(s.counts() == counted{1, 1000, 1000, 0});
    start_more();
    const auto all = pids();
    CHECK(all.size() == 2000);
    CHECK(s.counts() == counted{1, 2000, 2000, 0});
    CHECK(pids() == all);
    for (const auto& who : all) bastion::child_ref(who).exit(kill_reason);
    s.w.settle();
    CHECK(s.counts() == counted{1, 0, 0, 0});
}

// Not in the suite: of supervisors with names.
TEST_CASE("count_children: supervisors that were added by name") {
    suite s;
    for (int i = 0; i < 1000; ++i)
        CHECK(s.start(bastion::supervisor().with_name(std::to_string(i)).with_own_restart(bastion::temporary)) == "ok");
    CHECK(s.counts() == counted{1000, 1000, 1000, 0});
    auto all = s.w.rt.run(s.sup.which_children());
    REQUIRE(all.has_value());
    for (const auto& c : *all) bastion::child_ref(c.supervisor.where()).exit(kill_reason);
    s.w.settle();
    CHECK(s.counts() == counted{0, 0, 0, 0});
}

namespace {

struct cost {
    spent start;
    spent stop;
    std::uint64_t held = 0; // bytes, while they run
};

// Of so many, started and then terminated one by one: "0" to "<n - 1>", of which the first `known` have been there before.
cost cost_of(suite& s, int n, int known) {
    const std::uint64_t before = held_bytes();
    const auto child = [](int i) {
        return bastion::children()
            .with_name(std::to_string(i))
            .with_start(bastion::wait_ready)
            .with_shutdown(bastion::shutdown::within(1000ms))
            .with_exec([](bastion::context ctx) -> bastion::process {
                ctx.ready();
                (void)co_await ctx.recv();
            });
    };
    int started = 0;
    int present = 0;
    int ended = 0;
    cost c;
    c.start = s.spent_by([&](bastion::context) -> bastion::process {
        for (int i = 0; i < n; ++i) {
            auto spec = child(i);
            const auto made = co_await s.sup.start_child(std::move(spec));
            if (made) ++started;
            else if (made.error() == bastion::errc::already_present) ++present;
        }
    });
    CHECK(started == n - known);
    CHECK(present == known);
    const auto all = static_cast<std::size_t>(n);
    CHECK(s.counts() == counted{all, all - static_cast<std::size_t>(known), 0, all});
    c.held = held_bytes() - before;
    c.stop = s.spent_by([&](bastion::context) -> bastion::process {
        for (int i = 0; i < n; ++i) {
            const std::string id = std::to_string(i);
            const auto done = co_await s.sup.terminate_child(id);
            if (done) ++ended;
        }
    });
    CHECK(ended == n);
    CHECK(s.counts() == counted{all, 0, 0, all});
    return c;
}

} // namespace

// OTP measures how long a thousand and then, in the same supervisor, a hundred thousand take to start and to terminate, and allows a
// hundred times as many 1,000 times as long. So it is here, with the processor's time of the whole program, which other programs do not
// lengthen. Compared more narrowly are the turns of all processes, and the bytes held while they run.
TEST_CASE("scale_start_stop_many_children") {
    suite s;
    const cost few = cost_of(s, 1000, 0);
    const cost many = cost_of(s, test::most_bodies, 1000);
    CHECK(many.start.time / (few.start.time + 1) <= 1000);
    CHECK(many.stop.time / (few.stop.time + 1) <= 1000);
    CHECK(few.start.turns > 1000);
    CHECK(many.start.turns <= 110 * few.start.turns);
    CHECK(few.stop.turns > 1000);
    CHECK(many.stop.turns <= 110 * few.stop.turns);
    CHECK(few.held > 0);
    CHECK(many.held <= 110 * few.held);
}

namespace {

struct cost_of_all {
    std::uint64_t start = 0;
    std::uint64_t stop = 0;
    std::uint64_t held = 0;
};

cost_of_all cost_of_description(int n) {
    const std::uint64_t before = held_bytes();
    suite s([n](suite&) {
        auto sup = flags(strategy::one_for_one, 2, 3600s);
        for (int i = 0; i < n; ++i) sup.with_children(idle(std::to_string(i)));
        return sup;
    });
    cost_of_all c;
    const auto size = static_cast<std::size_t>(n);
    CHECK(s.counts() == counted{size, size, 0, size});
    c.start = s.turns();
    c.held = held_bytes() - before;
    s.stop();
    c.stop = s.turns() - c.start;
    return c;
}

} // namespace

// Not in the suite: the same of a supervisor that is described with them and stops them all. What is compared are the turns of all
// processes, and the bytes held while they run.
TEST_CASE("scale_start_stop_many_children: described with their supervisor") {
    const cost_of_all few = cost_of_description(1000);
    const cost_of_all many = cost_of_description(test::most_bodies);
    CHECK(few.start > 1000);
    CHECK(many.start <= 110 * few.start);
    CHECK(few.stop > 1000);
    CHECK(many.stop <= 110 * few.stop);
    CHECK(few.held > 0);
    CHECK(many.held <= 110 * few.held);
}
