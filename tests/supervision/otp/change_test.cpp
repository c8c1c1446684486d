// supervisor_SUITE: flags and specs that change while the supervisor runs. OTP's way is a code change: the supervisor asks its module
// again. Here it is described again, by `reconfigure`.
#include "supervision/otp/suite.hpp"

using namespace otp;
using bastion::auto_shutdown;
using bastion::strategy;
using counted = std::vector<std::size_t>;

namespace {

bastion::supervisor with_mode(auto_shutdown mode) {
    return flags(strategy::one_for_one, 2, 3600s).with_auto_shutdown(mode);
}

// What the ends of two significant children do.
void check_ends(suite& s, auto_shutdown mode) {
    s.ends_by_itself("child1");
    CHECK(s.sup.alive() == (mode != auto_shutdown::any_significant));
    if (!s.sup.alive()) return;
    s.ends_by_itself("child2");
    CHECK(s.sup.alive() == (mode == auto_shutdown::never));
}

// Changes auto_shutdown with two children there; they are significant where that may be. New ones are checked against the new mode.
void check_upgrade(auto_shutdown from, auto_shutdown to) {
    suite s(with_mode(from));
    const auto child = [&](const std::string& id, auto_shutdown mode) {
        return s.child(id, bastion::transient).with_significant(mode != auto_shutdown::never);
    };
    CHECK(s.start(child("child1", from)) == "ok");
    CHECK(s.start(child("child2", from)) == "ok");
    const pid first = s.pid_of("child1");
    CHECK(change(s, with_mode(to).with_children(child("child1", to)).with_children(child("child2", to))) == "ok");
    CHECK(s.lives(first));
    CHECK(s.info("child1").significant == (to != auto_shutdown::never));
    CHECK(s.start(s.child("child3", bastion::temporary).with_significant()) ==
          (to == auto_shutdown::never ? text(bastion::errc::invalid) : "ok"));
    if (to != auto_shutdown::never) CHECK(s.terminate("child3") == "ok");
    check_ends(s, to);
}

// The same when the children are not described again: they keep what they are, and only the mode changes.
void check_flags_only(auto_shutdown from, auto_shutdown to) {
    suite s(with_mode(from));
    CHECK(s.start(s.child("child1", bastion::transient).with_significant()) == "ok");
    CHECK(s.start(s.child("child2", bastion::transient).with_significant()) == "ok");
    CHECK(change(s, with_mode(to)) == "ok");
    check_ends(s, to);
}

} // namespace

TEST_CASE("significant_upgrade_never_any") { check_upgrade(auto_shutdown::never, auto_shutdown::any_significant); }
TEST_CASE("significant_upgrade_any_never") {
    check_upgrade(auto_shutdown::any_significant, auto_shutdown::never);
    check_flags_only(auto_shutdown::any_significant, auto_shutdown::never);
}
TEST_CASE("significant_upgrade_never_all") { check_upgrade(auto_shutdown::never, auto_shutdown::all_significant); }
TEST_CASE("significant_upgrade_all_never") {
    check_upgrade(auto_shutdown::all_significant, auto_shutdown::never);
    check_flags_only(auto_shutdown::all_significant, auto_shutdown::never);
}
TEST_CASE("significant_upgrade_any_all") {
    check_upgrade(auto_shutdown::any_significant, auto_shutdown::all_significant);
    check_flags_only(auto_shutdown::any_significant, auto_shutdown::all_significant);
}
TEST_CASE("significant_upgrade_all_any") {
    check_upgrade(auto_shutdown::all_significant, auto_shutdown::any_significant);
    check_flags_only(auto_shutdown::all_significant, auto_shutdown::any_significant);
}

TEST_CASE("significant_upgrade_child") {
    for (const bool after : {true, false}) {
        suite s(with_mode(auto_shutdown::any_significant));
        CHECK(s.start(s.child("child1", bastion::transient).with_significant(!after)) == "ok");
        CHECK(change(s, with_mode(auto_shutdown::any_significant)
                            .with_children(s.child("child1", bastion::transient).with_significant(after))) == "ok");
        CHECK(s.info("child1").significant == after);
        s.ends_by_itself("child1");
        CHECK(s.sup.alive() != after);
    }
    suite s(with_mode(auto_shutdown::never));
    CHECK(s.start(s.child("child1", bastion::transient)) == "ok");
    CHECK_THROWS_AS(
        s.sup.reconfigure(
            with_mode(auto_shutdown::never).with_children(s.child("child1", bastion::transient).with_significant())),
        bastion::bad_spec);
    s.ends_by_itself("child1");
    CHECK(s.sup.alive());
}

TEST_CASE("code_change") {
    suite s(flags(strategy::one_for_one, 0, 1s));
    CHECK(s.which().empty());
    const auto as = [] { return flags(strategy::one_for_one, 1, 3s); };
    CHECK(change(s, as()) == "ok");

    CHECK_THROWS_AS(s.sup.reconfigure(as().with_children(bastion::children().with_name("child1"))), bastion::bad_spec);
    CHECK_THROWS_AS(s.sup.reconfigure(flags(strategy::one_for_one, 1, 0s)), bastion::bad_spec);
    CHECK(s.which().empty());

    CHECK(change(s, as().with_children(s.child("child1").with_shutdown(bastion::shutdown::within(2s)))
                        .with_children(s.child("child2").with_shutdown(bastion::shutdown::brutal()))) == "ok");
    CHECK(s.which() == "child1 stopped, child2 stopped"); // not started
    CHECK(s.w.events.take().empty());
    CHECK(s.restart("child1") == "ok");
    CHECK(s.restart("child2") == "ok");
    CHECK(s.which() == "child1, child2");
    const pid first = s.pid_of("child1");
    s.dies("child2"); // the new intensity: one in 3 s
    CHECK(s.sup.alive());

    // Changes the first, says nothing of the second, adds a third: the second stays, behind the others.
    CHECK(change(s, as().with_children(s.child("child1").with_shutdown(bastion::shutdown::within(1s)))
                        .with_children(s.child("child3"))) == "ok");
    CHECK(s.which() == "child1, child3 stopped, child2");
    CHECK(s.lives(first));
    CHECK(s.info("child1").shutdown.time() == 1s);

    // OTP's `ignore` and faulty returns have no counterpart: who does not want a change does not ask for one. What does not fit:
    CHECK(change(s, as().with_supervisor(bastion::supervisor().with_name("child1"))) == text(bastion::errc::invalid));
    CHECK(s.which() == "child1, child3 stopped, child2");
    s.stop();
}

TEST_CASE("code_change_map") {
    tree::journal second; // outlives the runtime
    suite s;
    CHECK(s.start(s.child("child1", bastion::permanent)) == "ok");
    // A restart type counts from now on, a body from the next start, a deadline from the next stop.
    CHECK(change(s, flags(strategy::one_for_one, 2, 3600s)
                        .with_children(s.without_body("child1")
                                .with_restart(bastion::transient)
                                .with_shutdown(bastion::shutdown::within(3s))
                                .with_exec(worker(second, "changed")))) == "ok");
    CHECK(s.info("child1").restart == bastion::transient);
    CHECK(second.take().empty());
    s.dies("child1");
    CHECK(second.take() == lines{"start changed"});
    s.tell("child1", take_for_stop{1h});
    s.w.rt.spawn([sup = s.sup](bastion::context) -> bastion::process { (void)co_await sup.terminate_child("child1"); });
    s.w.advance(3s - 1ns);
    CHECK(s.element("child1").alive());
    s.w.advance(1ns);
    CHECK(s.which() == "child1 stopped");
    CHECK(s.restart("child1") == "ok");
    s.ends_by_itself("child1");
    CHECK(s.which() == "child1 stopped"); // transient
}

TEST_CASE("code_change_map: what is not described any more goes with the supervisor's next start") {
    suite s([](suite& of) {
        return flags(strategy::one_for_one, 2, 3600s)
            .with_own_restart(bastion::permanent)
            .with_children(of.child("child1"))
            .with_children(of.child("child2"))
            .with_children(of.child("child3"));
    });
    CHECK(s.terminate("child3") == "ok");
    CHECK(s.remove("child3") == "ok");
    CHECK(
        change(s,
            flags(strategy::one_for_one, 2, 3600s).with_children(s.child("child2")).with_children(s.child("child4"))) ==
        "ok");
    CHECK(s.which() == "child2, child4 stopped, child1");
    bastion::child_ref(s.sup.where()).exit(kill_reason);
    s.w.settle();
    CHECK(s.which() == "child2, child4");
}

// Found beside a real OTP, as the next three.
TEST_CASE("code_change: a temporary child that was only described goes when it is terminated") {
    suite s;
    const auto as = [] { return flags(strategy::one_for_one, 2, 3600s); };
    CHECK(change(s, as().with_children(s.child("child1", bastion::temporary))) == "ok");
    CHECK(s.which() == "child1 stopped");
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.which().empty());
    CHECK(s.terminate("child1") == text(bastion::errc::not_found));
    CHECK(s.start(s.child("child1")) == "ok");
}

TEST_CASE("code_change: a temporary child that was only described does not start with its siblings") {
    suite s(flags(strategy::one_for_all, 2, 3600s));
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(change(s, flags(strategy::one_for_all, 2, 3600s)
                        .with_children(s.child("child1"))
                        .with_children(s.child("child2", bastion::temporary))
                        .with_children(s.child("child3"))) == "ok");
    CHECK(s.which() == "child1, child2 stopped, child3 stopped");
    (void)s.w.events.take();
    s.dies("child1");
    CHECK(s.w.events.take() == lines{"end child1", "start child1", "start child3"});
    CHECK(s.which() == "child1, child3");
}

TEST_CASE("code_change: restart_child keeps a temporary child that it could not start") {
    suite s;
    const auto as = [] { return flags(strategy::one_for_one, 2, 3600s); };
    CHECK(change(s, as().with_children(s.child("child1", bastion::temporary,
                        {start::fail, start::ignore, start::fail, start::well}))) == "ok");
    CHECK(s.restart("child1") == text(bastion::errc::start_failed));
    CHECK(s.which() == "child1 stopped");
    CHECK(s.restart("child1") == "ok, undefined");
    CHECK(s.which() == "child1 stopped");
    CHECK(change(s, as()) == "ok"); // it is not described any more
    CHECK(s.restart("child1") == text(bastion::errc::start_failed));
    CHECK(s.which() == "child1 stopped");
    CHECK(s.restart("child1") == "ok");
    CHECK(s.which() == "child1");
    s.ends_by_itself("child1");
    CHECK(s.which().empty());
}

TEST_CASE("code_change: restarts count for an intensity that was lower meanwhile") {
    const auto as = [](std::uint32_t intensity) { return flags(strategy::one_for_one, intensity, 3600s); };
    suite s(as(3));
    CHECK(s.start(s.child("child1")) == "ok");
    for (int i = 0; i < 3; ++i) s.dies("child1");
    CHECK(change(s, as(1)) == "ok");
    CHECK(s.sup.alive());
    CHECK(change(s, as(4)) == "ok");
    s.dies("child1");
    CHECK(s.sup.alive());
    s.dies("child1");
    CHECK(s.end_of_sup() == "too many restarts: child1/0: error: died");
}

TEST_CASE("code_change_simple") {
    const auto idle = [](bastion::context ctx, int) -> bastion::process { (void)co_await ctx.recv(); };
    const auto as = [&](bastion::shutdown stop) {
        return flags(strategy::simple_one_for_one, 0, 1s)
            .with_children(bastion::children().with_shutdown(stop).with_template(idle));
    };
    suite s(as(bastion::shutdown::brutal()));
    CHECK(change(s, as(bastion::shutdown::within(1s))) == "ok");
    auto made = s.w.rt.run(s.sup.start_child(1));
    REQUIRE(made.has_value());
    CHECK(made->shutdown.time() == 1s);
    CHECK_THROWS_AS(
        s.sup.reconfigure(as(bastion::shutdown::brutal()).with_children(bastion::children().with_template(idle))),
        bastion::bad_spec);
    CHECK_THROWS_AS(s.sup.reconfigure(flags(strategy::simple_one_for_one, 0, 1s)), bastion::bad_spec);
    CHECK(change(s, flags(strategy::one_for_one, 0, 1s)) == text(bastion::errc::invalid));
    CHECK(s.counts() == counted{1, 1, 0, 1});
    s.stop();
}

// The template's body and its arguments may change, too: for children that are started from then on.
TEST_CASE("code_change_simple_map") {
    tree::world w;
    const auto first = [&w](bastion::context ctx, int n) -> bastion::process {
        w.events.add("first " + std::to_string(n));
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<tree::die>() != nullptr) co_return ctx.fail("died");
        }
    };
    const auto second = [&w](bastion::context ctx, std::string text) -> bastion::process {
        w.events.add("second " + text);
        (void)co_await ctx.recv();
    };
    const auto as = [](auto body) {
        return flags(strategy::simple_one_for_one, 2, 3600s).with_children(bastion::children().with_template(body));
    };
    const auto sup = w.rt.spawn(as(first));
    auto made = w.rt.run(sup.start_child(1));
    REQUIRE(made.has_value());
    const auto changed = w.rt.run(sup.reconfigure(as(second)));
    CHECK(changed.has_value());
    const auto old_arguments = w.rt.run(sup.start_child(2));
    REQUIRE_FALSE(old_arguments.has_value());
    CHECK(old_arguments.error() == bastion::errc::wrong_type);
    const auto more = w.rt.run(sup.start_child<std::string>("x"));
    CHECK(more.has_value());
    made->element.tell(tree::die{});
    w.settle();
    CHECK(w.events.take() == lines{"first 1", "second x", "first 1"});
}

// Not in the suite: those that wait for one which does not start, and which waits itself by then, start with it when the change lets it
// start alone.
TEST_CASE("code_change: of the strategy, while children wait for others") {
    const auto as = [](strategy how) {
        return flags(how, 10, 3600s)
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s).without_jitter());
    };
    suite s(as(strategy::one_for_all));
    CHECK(s.start(s.child("child1", starts{start::well, start::well, start::fail, start::well})) == "ok");
    CHECK(s.start(s.child("child2", starts{start::well, start::fail, start::well})) == "ok");
    CHECK(s.start(s.child("child3")) == "ok");
    s.dies("child3");
    s.w.advance(1s); // child2 fails, child3 waits for it
    s.w.advance(1s); // child1 fails, and both wait for that
    CHECK(change(s, as(strategy::one_for_one)) == "ok");
    s.w.advance(2s);
    CHECK(s.which() == "child1, child2, child3");
}

namespace {

struct what_are_you {
    using answer_type = std::string;
};

bastion::children by_coroutine(suite& s, const std::string& says) {
    return s.without_body("child1").with_exec([says](bastion::context ctx) -> bastion::process {
        ctx.ready();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto q = m.asked<what_are_you>()) q.reply(says);
            if (m.told<tree::die>() != nullptr) bastion::panic("died");
        }
    });
}

bastion::children by_handlers(suite& s, const std::string& says) {
    return s.without_body("child1")
        .with_start(bastion::start_mode::at_first_suspend)
        .with_handlers(bastion::on_question([says](const what_are_you&) { return says; }),
            bastion::on_tell([](const tree::die&) { bastion::panic("died"); }));
}

// Its data, a T, before and after one is added.
template <class T>
bastion::children with_number(suite& s, T first) {
    return s.without_body("child1").with_data(first).with_exec([](bastion::context ctx) -> bastion::process {
        ctx.ready();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto q = m.template asked<what_are_you>()) q.reply(std::to_string(ctx.data<T>()++));
            if (m.template told<tree::die>() != nullptr) bastion::panic("died");
        }
    });
}

std::string answer_of(suite& s) {
    auto said = s.w.rt.run(s.element("child1").ask<what_are_you>());
    return said ? *said : said.error().what();
}

} // namespace

TEST_CASE("code_change: a body of the other kind runs from the next start") {
    const auto as = [] { return flags(strategy::one_for_one, 9, 3600s); };
    suite s(as());
    CHECK(s.start(by_coroutine(s, "a coroutine")) == "ok");
    CHECK(change(s, as().with_children(by_handlers(s, "handlers"))) == "ok");
    CHECK(answer_of(s) == "a coroutine");
    s.dies("child1");
    CHECK(answer_of(s) == "handlers");
    CHECK(change(s, as().with_children(by_coroutine(s, "another coroutine"))) == "ok");
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.restart("child1") == "ok");
    CHECK(answer_of(s) == "another coroutine");
    s.dies("child1");
    CHECK(answer_of(s) == "another coroutine");
}

TEST_CASE("code_change: data of another type is made at the next start, and of the same type stays") {
    const auto as = [] { return flags(strategy::one_for_one, 9, 3600s); };
    suite s(as());
    CHECK(s.start(with_number<int>(s, 10)) == "ok");
    CHECK(answer_of(s) == "10");
    CHECK(change(s, as().with_children(with_number<int>(s, 20))) == "ok");
    s.dies("child1");
    CHECK(answer_of(s) == "11"); // as over any restart
    CHECK(change(s, as().with_children(with_number<long>(s, 30))) == "ok");
    CHECK(answer_of(s) == "12");
    s.dies("child1");
    CHECK(answer_of(s) == "30");
    CHECK(change(s, as().with_children(by_coroutine(s, "none"))) == "ok");
    s.dies("child1");
    CHECK(answer_of(s) == "none");
    CHECK(change(s, as().with_children(with_number<int>(s, 40))) == "ok");
    s.dies("child1");
    CHECK(answer_of(s) == "40");
}

TEST_CASE("code_change: a child that waits for its first start begins as it is described by then") {
    suite s;
    auto first = s.sup.start_child(s.without_body("slow").with_exec([](bastion::context ctx) -> bastion::process {
        co_await ctx.sleep_for(1s);
        ctx.ready();
        (void)co_await ctx.recv();
    }));
    auto second = s.sup.start_child(by_handlers(s, "old")); // says nothing about when it is ready
    s.w.settle();
    CHECK(change(s, flags(strategy::one_for_one, 2, 3600s).with_children(by_coroutine(s, "new"))) == "ok");
    s.w.advance(1s);
    REQUIRE(first.poll());
    REQUIRE(second.poll());
    CHECK(s.said(second.take()) == "ok");
    CHECK(answer_of(s) == "new");
}

TEST_CASE("code_change: a supervisor that does not run starts as it was described last") {
    const auto as = [](bastion::children c) {
        return flags(strategy::one_for_one, 9, 3600s)
            .with_supervisor(flags(strategy::one_for_one, 9, 3600s).with_name("below").with_children(std::move(c)));
    };
    suite s(flags(strategy::one_for_one, 9, 3600s));
    SECTION("it was never started") { CHECK(change(s, as(s.child("child1"))) == "ok"); }
    SECTION("it was terminated") {
        CHECK(change(s, as(s.child("child1"))) == "ok");
        CHECK(s.restart("below") == "ok");
        CHECK(s.which_of(s.info("below").supervisor) == "child1");
        CHECK(s.terminate("below") == "ok");
    }
    CHECK(change(s, as(s.child("child2", bastion::temporary))) == "ok");
    CHECK(change(s, as(s.child("child2"))) == "ok");
    CHECK(s.which() == "below stopped");
    CHECK(s.restart("below") == "ok");
    CHECK(s.which_of(s.info("below").supervisor) == "child2");
    CHECK(s.stop().back() == "end child2");
}

// OTP keeps no arguments of temporary children, which the change makes permanent: it cannot start them again.
TEST_CASE("code_change_simple: a template's child that was temporary stays so") {
    tree::world w;
    const auto as = [&](bastion::restart_when when) {
        return flags(strategy::simple_one_for_one, 9, 3600s)
            .with_children(bastion::children().with_restart(when).with_template(
                [&w](bastion::context ctx, std::string what) -> bastion::process {
                    w.events.add("start " + what);
                    auto m = co_await ctx.recv();
                    if (m.told<tree::die>() != nullptr) bastion::panic("died");
                }));
    };
    const auto sup = w.rt.spawn(as(bastion::temporary));
    const auto old = w.rt.run(sup.start_child<std::string>("old"));
    REQUIRE(old.has_value());
    const auto changed = w.rt.run(sup.reconfigure(as(bastion::permanent)));
    CHECK(changed.has_value());
    const auto young = w.rt.run(sup.start_child<std::string>("young"));
    REQUIRE(young.has_value());
    old->element.tell(tree::die{});
    young->element.tell(tree::die{});
    w.settle();
    CHECK(w.events.take() == lines{"start old", "start young", "start young"});
    CHECK_FALSE(old->element.alive());
}

TEST_CASE("code_change: what a supervisor is as a child is changed by the one above") {
    suite s;
    const auto below = [](bastion::restart_when when) {
        return bastion::supervisor().with_name("below").with_own_restart(when);
    };
    REQUIRE(s.said(s.w.rt.run(s.sup.start_child(below(bastion::transient)))) == "ok");
    const auto sub = s.info("below").supervisor;
    CHECK(s.said(s.w.rt.run(sub.reconfigure(below(bastion::transient)))) == "ok");
    const auto no = s.w.rt.run(sub.reconfigure(below(bastion::permanent)));
    REQUIRE_FALSE(no);
    CHECK(no.error() == bastion::errc::invalid);
    CHECK_THAT(no.error().what(), BASTION_CATCH_CONTAINS("/below is transient, and would be permanent"));
    CHECK(s.said(s.w.rt.run(sub.reconfigure(below(bastion::transient).with_significant()))) ==
          text(bastion::errc::invalid));
    CHECK(change(s, bastion::supervisor().with_otp_defaults().with_supervisor(below(bastion::permanent))) == "ok");
    CHECK(s.info("below").restart == bastion::permanent);
    CHECK(s.said(s.w.rt.run(sub.reconfigure(below(bastion::permanent)))) == "ok");
    s.stop();
}
