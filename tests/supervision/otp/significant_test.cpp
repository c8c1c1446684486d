// supervisor_SUITE: significant children, and the supervisors that shut down with them.
#include "supervision/otp/suite.hpp"

using namespace otp;
using bastion::auto_shutdown;
using bastion::strategy;

namespace {

constexpr auto modes = {auto_shutdown::never, auto_shutdown::any_significant, auto_shutdown::all_significant};

bastion::supervisor with_mode(auto_shutdown mode, strategy how = strategy::one_for_one) {
    return flags(how, 2, 3600s).with_auto_shutdown(mode);
}

enum class end { terminated, killed, abnormal, normal };

void end_it(suite& s, const std::string& id, end how) {
    switch (how) {
    case end::terminated: CHECK(s.terminate(id) == "ok"); break;
    case end::killed: return s.exits(id, kill_reason);
    case end::abnormal: return s.dies(id);
    case end::normal: return s.ends_by_itself(id);
    }
    s.w.settle();
}

void check_not_significant(bastion::restart_when when) {
    for (const auto mode : modes)
        for (const end how : {end::terminated, end::killed, end::abnormal, end::normal}) {
            suite s(with_mode(mode));
            CHECK(s.start(s.child("child1", when)) == "ok");
            CHECK(s.start(s.child("child2", when)) == "ok");
            end_it(s, "child1", how);
            CHECK(s.sup.alive());
            const bool restarted = when == bastion::transient && (how == end::killed || how == end::abnormal);
            CHECK(s.which() == (restarted                       ? "child1, child2"
                                   : when == bastion::temporary ? "child2"
                                                                : "child1 stopped, child2"));
        }
}

// Whether a supervisor with a bystander has shut down by that end of its only significant child.
bool any_ends(bastion::restart_when when, end how) {
    suite s(with_mode(auto_shutdown::any_significant));
    CHECK(s.start(s.child("child1", when).with_significant()) == "ok");
    CHECK(s.start(s.child("child2", when)) == "ok");
    (void)s.w.events.take();
    end_it(s, "child1", how);
    const bool over = !s.sup.alive();
    if (over) {
        CHECK(s.w.events.take() == lines{"end child1", "end child2"});
        CHECK(s.end_of_sup() == "stopped");
    }
    return over;
}

// The same of the last of two, with all_significant; the first one's end alone never is.
bool all_ends(bastion::restart_when when, end how) {
    suite s(with_mode(auto_shutdown::all_significant));
    CHECK(s.start(s.child("child1", when).with_significant()) == "ok");
    CHECK(s.start(s.child("child2", when).with_significant()) == "ok");
    CHECK(s.start(s.child("child3", when)) == "ok");
    end_it(s, "child1", end::normal);
    CHECK(s.sup.alive());
    end_it(s, "child2", how);
    const bool over = !s.sup.alive();
    if (over) CHECK(s.end_of_sup() == "stopped");
    return over;
}

} // namespace

TEST_CASE("nonsignificant_temporary") { check_not_significant(bastion::temporary); }
TEST_CASE("nonsignificant_transient") { check_not_significant(bastion::transient); }

TEST_CASE("significant_temporary") {
    CHECK(any_ends(bastion::temporary, end::killed));
    CHECK(any_ends(bastion::temporary, end::abnormal));
    CHECK(any_ends(bastion::temporary, end::normal));
    CHECK_FALSE(any_ends(bastion::temporary, end::terminated));
    CHECK(all_ends(bastion::temporary, end::killed));
    CHECK(all_ends(bastion::temporary, end::abnormal));
    CHECK(all_ends(bastion::temporary, end::normal));
    CHECK_FALSE(all_ends(bastion::temporary, end::terminated));
}

TEST_CASE("significant_transient") {
    CHECK_FALSE(any_ends(bastion::transient, end::killed));
    CHECK_FALSE(any_ends(bastion::transient, end::abnormal));
    CHECK(any_ends(bastion::transient, end::normal));
    CHECK_FALSE(any_ends(bastion::transient, end::terminated));
    CHECK_FALSE(all_ends(bastion::transient, end::killed));
    CHECK_FALSE(all_ends(bastion::transient, end::abnormal));
    CHECK(all_ends(bastion::transient, end::normal));
    CHECK_FALSE(all_ends(bastion::transient, end::terminated));
}

// OTP ends the bystanders by the restart of a sibling, in each strategy and mode; with one_for_one there are none.
TEST_CASE("significant_bystander") {
    for (const auto mode : {auto_shutdown::any_significant, auto_shutdown::all_significant})
        for (const auto how : {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one})
            for (const auto when : {bastion::temporary, bastion::transient}) {
                suite s(with_mode(mode, how));
                CHECK(s.start(s.child("child1", bastion::permanent)) == "ok");
                CHECK(s.start(s.child("child2", when).with_significant()) == "ok");
                CHECK(s.start(s.child("child3", when).with_significant()) == "ok");
                s.dies("child1");
                CHECK(s.sup.alive());
                const bool gone = when == bastion::temporary && how != strategy::one_for_one;
                CHECK(s.which() == (gone ? "child1" : "child1, child2, child3"));
            }
}

// A significant child that has been terminated, or declined to start, is no reason to wait for it.
TEST_CASE("significant: what was terminated does not keep all_significant from its end") {
    suite s(with_mode(auto_shutdown::all_significant));
    CHECK(s.start(s.child("child1", bastion::transient).with_significant()) == "ok");
    CHECK(s.start(s.child("child2", bastion::transient).with_significant()) == "ok");
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.sup.alive());
    s.ends_by_itself("child2");
    CHECK(s.end_of_sup() == "stopped");
}

// A is the suite's supervisor, B the one below it, C a worker.
TEST_CASE("significant_escalation") {
    for (const bool too : {true, false}) {
        tree::journal ends_of_b; // outlives the runtime
        suite s(with_mode(auto_shutdown::any_significant));
        CHECK(s.start(with_mode(auto_shutdown::any_significant)
                      .with_name("b")
                      .with_own_restart(bastion::transient)
                      .with_significant(too)) == "ok");
        const auto b = s.info("b").supervisor;
        CHECK(s.said(s.w.rt.run(b.start_child(s.child("c", bastion::transient).with_significant()))) == "ok");
        watch(s.w.rt, b, ends_of_b);
        s.w.settle();
        const auto c = s.info_of(b, "c").group[0];
        c.tell(tree::finish{});
        s.w.settle();
        CHECK_FALSE(c.alive());
        CHECK(s.reasons() == lines{"c normal"});
        CHECK(s.which_of(b) == text(bastion::errc::noproc));
        CHECK(ends_of_b.take() == lines{"stopped"});
        if (too) {
            CHECK(s.end_of_sup() == "stopped");
        } else {
            CHECK(s.end_of_sup() == "alive");
            CHECK(s.which() == "b stopped");
            s.stop();
        }
    }
}

// Not in the suite, found beside a real OTP: nor do those that end by themselves while they are about to be stopped.
TEST_CASE("significant_bystander: it ends before its turn to be stopped") {
    suite s([](suite& of) {
        return flags(strategy::one_for_all, 2, 3600s)
            .with_auto_shutdown(auto_shutdown::any_significant)
            .with_children(of.child("child1", bastion::temporary).with_significant())
            .with_children(of.child("child2").with_shutdown(bastion::shutdown::infinite()))
            .with_children(of.child("child3"));
    });
    s.tell("child2", take_for_stop{1s});
    s.dies("child3");
    s.ends_by_itself("child1");
    s.w.advance(1s);
    REQUIRE(s.sup.alive());
    CHECK(s.which() == "child2, child3");
}

// Found beside a real OTP: what is wrong with a child comes before who is there already.
TEST_CASE("significant: one that may not be is refused for that, also if its name is taken") {
    suite s(flags(bastion::strategy::one_for_one, 2, 3600s));
    CHECK(s.start(s.child("child1", bastion::transient)) == "ok");
    CHECK(s.start(s.child("child1", bastion::transient)) == text(bastion::errc::already_started));
    CHECK(s.start(s.child("child1", bastion::transient).with_significant()) == text(bastion::errc::invalid));
    CHECK(s.start(s.child("child2", bastion::transient).with_significant()) == text(bastion::errc::invalid));
    CHECK(s.which() == "child1");
}
