// supervisor_SUITE: whom a supervisor restarts with the child that failed, and when it gives up.
#include "supervision/otp/suite.hpp"

using namespace otp;
using bastion::strategy;
using counted = std::vector<std::size_t>;

namespace {

// Starts "child1" to "child<n>", the second of them as `second` says; forgets what they wrote.
void fill(suite& s, int n, const starts& second = {start::well}) {
    for (int i = 1; i <= n; ++i)
        CHECK(s.start(s.child("child" + std::to_string(i), i == 2 ? second : starts{start::well})) == "ok");
    (void)s.w.events.take();
}

} // namespace

// Once in 2.1 s with one restart in 1 s: for ever. OTP's second may last almost two; here it is exact, as the second test says.
TEST_CASE("multiple_restarts") {
    suite s(flags(strategy::one_for_one, 1, 1s));
    CHECK(s.start(s.child("child1").with_shutdown(bastion::shutdown::brutal())) == "ok");
    s.dies("child1");
    for (int i = 0; i < 100; ++i) {
        s.w.advance(2100ms);
        CHECK(s.which() == "child1");
        s.dies("child1");
    }
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.remove("child1") == "ok");
    CHECK(s.sup.alive());
}

TEST_CASE("multiple_restarts: the window is exact") {
    suite s(flags(strategy::one_for_one, 1, 1s));
    CHECK(s.start(s.child("child1")) == "ok");
    s.dies("child1");
    s.w.advance(1s + 1ns);
    s.dies("child1");
    CHECK(s.sup.alive());
    s.w.advance(1s);
    s.dies("child1");
    CHECK(s.end_of_sup() == "too many restarts: child1/0: error: died");
}

TEST_CASE("one_for_one") {
    suite s;
    fill(s, 2);
    const pid second = s.pid_of("child2");
    s.dies("child1");
    CHECK(s.which() == "child1, child2");
    CHECK(s.pid_of("child2") == second);
    CHECK(s.counts() == counted{2, 2, 0, 2});
    s.dies("child2");
    CHECK(s.sup.alive());
    s.dies("child1");
    CHECK(s.end_of_sup() == "too many restarts: child1/0: error: died");
    CHECK(s.w.events.take() ==
          lines{"end child1", "start child1", "end child2", "start child2", "end child1", "end child2"});
}

// Exactly as many starts are tried as the intensity allows, and then the supervisor ends.
TEST_CASE("one_for_one_escalation") {
    suite s(flags(strategy::one_for_one, 4, 3600s));
    const starts second{start::well, start::fail};
    fill(s, 2, second);
    s.dies("child2");
    CHECK(s.end_of_sup() == "too many restarts: child2/0: error: no start");
    CHECK(s.w.events.take() == lines{"end child2", "end child1"});
    CHECK(s.reasons() == lines{"child2 error: died", "child2 error: no start", "child2 error: no start",
                             "child2 error: no start", "child2 error: no start", "child1 stopped"});
}

TEST_CASE("one_for_all") {
    suite s(flags(strategy::one_for_all, 2, 3600s));
    fill(s, 2);
    const pid first = s.pid_of("child1");
    const pid second = s.pid_of("child2");
    s.dies("child1");
    CHECK(s.reasons() == lines{"child1 error: died", "child2 stopped"});
    CHECK(s.w.events.take() == lines{"end child1", "end child2", "start child1", "start child2"});
    CHECK(s.which() == "child1, child2");
    CHECK_FALSE(s.lives(first));
    CHECK_FALSE(s.lives(second));
    CHECK(s.counts() == counted{2, 2, 0, 2});
    s.dies("child2");
    CHECK(s.sup.alive());
    s.dies("child2");
    CHECK(s.end_of_sup() == "too many restarts: child2/0: error: died");
}

TEST_CASE("one_for_all_escalation") {
    suite s(flags(strategy::one_for_all, 4, 3600s));
    fill(s, 2, {start::well, start::fail});
    s.dies("child1");
    CHECK(s.end_of_sup() == "too many restarts: child2: start failed: 0: error: no start");
    // The first child was started and stopped again at each of the four tries.
    CHECK(s.w.events.take() == lines{"end child1", "end child2", "start child1", "end child1", "start child1",
                                   "end child1", "start child1", "end child1", "start child1", "end child1"});
}

TEST_CASE("one_for_all_other_child_fails_restart") {
    suite s(flags(strategy::one_for_all, 3, 3600s));
    fill(s, 3, {start::well, start::fail, start::well});
    s.dies("child1");
    // The third is not started before the second has.
    CHECK(s.w.events.take() == lines{"end child1", "end child3", "end child2", "start child1", "end child1",
                                   "start child1", "start child2", "start child3"});
    CHECK(s.reasons() ==
          lines{"child1 error: died", "child2 stopped", "child1 stopped", "child2 error: no start", "child3 stopped"});
    CHECK(s.which() == "child1, child2, child3");
}

TEST_CASE("rest_for_one") {
    suite s(flags(strategy::rest_for_one, 2, 3600s));
    fill(s, 3);
    CHECK(s.counts() == counted{3, 3, 0, 3});
    const pid first = s.pid_of("child1");
    const pid second = s.pid_of("child2");
    const pid third = s.pid_of("child3");
    s.dies("child2");
    CHECK(s.w.events.take() == lines{"end child2", "end child3", "start child2", "start child3"});
    CHECK(s.which() == "child1, child2, child3");
    CHECK(s.counts() == counted{3, 3, 0, 3});
    CHECK(s.lives(first));
    CHECK_FALSE(s.lives(second));
    CHECK_FALSE(s.lives(third));
    s.dies("child3");
    CHECK(s.w.events.take() == lines{"end child3", "start child3"});
    s.dies("child2");
    CHECK(s.end_of_sup() == "too many restarts: child2/0: error: died");
}

TEST_CASE("rest_for_one_escalation") {
    suite s(flags(strategy::rest_for_one, 4, 3600s));
    fill(s, 2, {start::well, start::fail});
    s.dies("child1");
    CHECK(s.end_of_sup() == "too many restarts: child2: start failed: 0: error: no start");
    CHECK(s.w.events.take() == lines{"end child1", "end child2", "start child1", "end child1"});
}

TEST_CASE("rest_for_one_other_child_fails_restart") {
    suite s(flags(strategy::rest_for_one, 3, 3600s));
    fill(s, 3, {start::well, start::fail, start::well});
    s.dies("child1");
    CHECK(s.w.events.take() ==
          lines{"end child1", "end child3", "end child2", "start child1", "start child2", "start child3"});
    CHECK(s.which() == "child1, child2, child3");
}

// Not in the suite, found beside a real OTP: two that fail one after the other, each before those behind it start.
TEST_CASE("rest_for_one_other_child_fails_restart: and then another") {
    suite s(flags(strategy::rest_for_one, 3, 3600s));
    s.start(s.child("child1"));
    s.start(s.child("child2", starts{start::well, start::fail, start::well}));
    s.start(s.child("child3", starts{start::well, start::fail, start::well}));
    s.start(s.child("child4"));
    (void)s.w.events.take();
    s.dies("child1");
    CHECK(s.w.events.take() == lines{"end child1", "end child4", "end child3", "end child2", "start child1",
                                   "start child2", "start child3", "start child4"});
    CHECK(s.which() == "child1, child2, child3, child4");
}

// Extra cases, executed on OTP.
TEST_CASE("restart: a group restart counts once, and what is done by hand not at all") {
    suite s(flags(strategy::one_for_all, 1, 3600s));
    fill(s, 3);
    s.dies("child1");
    CHECK(s.sup.alive());
    for (int i = 0; i < 10; ++i) {
        CHECK(s.terminate("child2") == "ok");
        CHECK(s.restart("child2") == "ok");
    }
    CHECK(s.sup.alive());
    s.dies("child3");
    CHECK(s.end_of_sup() == "too many restarts: child3/0: error: died");
}

// What was terminated comes back with its siblings, and so does what had ended well.
TEST_CASE("restart: a group restart starts all that are there") {
    suite s(flags(strategy::one_for_all, 2, 3600s));
    CHECK(s.start(s.child("child1", bastion::transient)) == "ok");
    CHECK(s.start(s.child("child2")) == "ok");
    CHECK(s.start(s.child("child3")) == "ok");
    s.ends_by_itself("child1");
    CHECK(s.terminate("child3") == "ok");
    CHECK(s.which() == "child1 stopped, child2, child3 stopped");
    (void)s.w.events.take();
    s.dies("child2");
    CHECK(s.w.events.take() == lines{"end child2", "start child1", "start child2", "start child3"});
    CHECK(s.which() == "child1, child2, child3");
}

namespace {

enum class end { normal, shutdown, abnormal, kill };

void ends(suite& s, end how) {
    switch (how) {
    case end::normal: return s.ends_by_itself("child1");
    case end::shutdown: return s.exits("child1", shutdown_reason);
    case end::abnormal: return s.dies("child1");
    case end::kill: return s.exits("child1", kill_reason);
    }
}

// What becomes of a child that ends that way: restarted, kept or gone.
void check_end(bastion::restart_when when, end how) {
    suite s;
    const bool restarts =
        when == bastion::permanent || (when == bastion::transient && (how == end::abnormal || how == end::kill));
    CHECK(s.start(s.child("child1", when)) == "ok");
    const pid first = s.pid_of("child1");
    ends(s, how);
    CHECK_FALSE(s.lives(first));
    if (restarts) {
        CHECK(s.which() == "child1");
        CHECK(s.counts() == counted{1, 1, 0, 1});
        CHECK_FALSE(s.pid_of("child1") == first);
    } else if (when == bastion::transient) {
        CHECK(s.which() == "child1 stopped");
        CHECK(s.counts() == counted{1, 0, 0, 1});
        CHECK(s.restart("child1") == "ok");
    } else {
        CHECK(s.which().empty());
        CHECK(s.counts() == counted{0, 0, 0, 0});
        CHECK(s.start(s.child("child1", when)) == "ok");
    }
    CHECK(s.sup.alive());
}

} // namespace

// OTP ends a child by `shutdown` and by `{shutdown, Term}`: here that is one reason.
TEST_CASE("permanent_normal") { check_end(bastion::permanent, end::normal); }
TEST_CASE("transient_normal") { check_end(bastion::transient, end::normal); }
TEST_CASE("temporary_normal") { check_end(bastion::temporary, end::normal); }
TEST_CASE("permanent_shutdown") { check_end(bastion::permanent, end::shutdown); }
TEST_CASE("transient_shutdown") { check_end(bastion::transient, end::shutdown); }
TEST_CASE("temporary_shutdown") { check_end(bastion::temporary, end::shutdown); }
TEST_CASE("permanent_abnormal") {
    check_end(bastion::permanent, end::abnormal);
    check_end(bastion::permanent, end::kill);
}
TEST_CASE("transient_abnormal") {
    check_end(bastion::transient, end::abnormal);
    check_end(bastion::transient, end::kill);
}
TEST_CASE("temporary_abnormal") {
    check_end(bastion::temporary, end::abnormal);
    check_end(bastion::temporary, end::kill);
}

// OTP's `exit(Pid, kill)` is an exit signal; `kill()` is an order, as terminate_child, and no end that anybody decides about.
TEST_CASE("permanent_abnormal: kill() ends a child for good") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    s.exits("child1", kill_reason);
    CHECK(s.which() == "child1");
    s.element("child1").kill();
    s.w.settle();
    CHECK(s.reasons() == lines{"child1 killed", "child1 killed"});
    CHECK(s.which() == "child1 stopped");
    CHECK(s.restart("child1") == "ok");
}

TEST_CASE("temporary_bystander") {
    for (const auto how : {strategy::one_for_all, strategy::rest_for_one}) {
        suite s(flags(how, 2, 300s));
        CHECK(s.start(s.child("child1")) == "ok");
        CHECK(s.start(s.child("child2", bastion::temporary)) == "ok");
        s.ends_by_itself("child1");
        CHECK(s.sup.alive());
        CHECK(s.which() == "child1");
        CHECK(s.counts() == counted{1, 1, 0, 1});
    }
}

// The same of a temporary child that the supervisor was described with: it is back when that starts again.
TEST_CASE("temporary_bystander: of the supervisor's own spec") {
    suite s([](suite& of) {
        return flags(strategy::one_for_all, 1, 300s)
            .with_own_restart(bastion::permanent)
            .with_children(of.child("child1"))
            .with_children(of.child("child2", bastion::temporary));
    });
    (void)s.w.events.take();
    s.ends_by_itself("child1");
    CHECK(s.which() == "child1");
    CHECK(s.w.events.take() == lines{"end child1", "end child2", "start child1"});
    bastion::child_ref(s.sup.where()).exit(kill_reason); // the root starts it again
    s.w.settle();
    CHECK(s.which() == "child1, child2");
    CHECK(s.counts() == counted{2, 2, 0, 2});
}

TEST_CASE("temporary_bystander: it ends while its supervisor stops another one") {
    suite s([](suite& of) {
        return flags(strategy::one_for_one, 1, 300s)
            .with_children(of.child("child1", bastion::temporary))
            .with_children(of.child("child2").with_shutdown(bastion::shutdown::infinite()));
    });
    s.tell("child2", take_for_stop{1s});
    const auto child1 = s.element("child1");
    s.sup.stop();
    s.w.settle();
    child1.tell(tree::finish{});
    s.w.settle();
    s.w.advance(1s);
    CHECK(s.end_of_sup() == "stopped"); // and nothing is left
}

TEST_CASE("do_not_save_child_specs_for_temporary_children") {
    enum class by { kill, normal, abnormal, supervisor };
    for (const auto how : {strategy::one_for_all, strategy::one_for_one, strategy::rest_for_one})
        for (const by ended : {by::kill, by::normal, by::abnormal, by::supervisor}) {
            suite s(flags(how, 2, 3600s));
            const auto end_it = [&](const std::string& id) {
                if (ended == by::kill) s.exits(id, kill_reason);
                if (ended == by::normal) s.ends_by_itself(id);
                if (ended == by::abnormal) s.dies(id);
                if (ended == by::supervisor) CHECK(s.terminate(id) == "ok");
            };
            const auto kept = [&](const std::string& id, bastion::restart_when when, bool restarted) {
                CHECK(s.start(s.child(id, when)) == "ok");
                end_it(id);
                const std::string again = s.start(s.child(id, when));
                if (restarted) {
                    CHECK(again == text(bastion::errc::already_started));
                } else {
                    CHECK(again == text(bastion::errc::already_present));
                    CHECK(s.restart(id) == "ok");
                }
            };
            kept("child1", bastion::permanent, ended != by::supervisor);
            kept("child2", bastion::transient, ended == by::kill || ended == by::abnormal);
            CHECK(s.start(s.child("child3", bastion::temporary)) == "ok");
            end_it("child3");
            CHECK(s.start(s.child("child3", bastion::temporary)) == "ok");
            s.stop();
        }
}

// Not in the suite, whose children are a template's: the same of children with names.
TEST_CASE("count_restarting_children: children with names") {
    suite s(flags(strategy::one_for_one, 1'000, 3600s));
    const starts how{start::well};
    for (const char* id : {"child1", "child2", "child3"}) CHECK(s.start(s.child(id, how)) == "ok");
    CHECK(s.counts() == counted{3, 3, 0, 3});
    how.set(start::fail_slowly);
    s.dies("child1");
    s.dies("child2");
    s.w.advance(2s);
    s.w.settle();
    CHECK(s.counts() == counted{3, 1, 0, 3});
    CHECK(s.which() == "child1 restarting, child2 restarting, child3");
    how.set(start::well);
    s.w.advance(2s);
    s.w.settle();
    CHECK(s.counts() == counted{3, 3, 0, 3});
    how.set(start::fail_slowly);
    s.dies("child3");
    CHECK(s.counts() == counted{3, 2, 0, 3});
    s.sup.stop();
    s.w.advance(1s);
    CHECK(s.end_of_sup() == "stopped");
}

TEST_CASE("which_children") {
    suite s;
    CHECK(s.which().empty());
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2", {start::ignore})) == "ok, undefined");
    CHECK(s.which() == "child1, child2 stopped");
    CHECK(s.info("child1").status == bastion::child_status::running);
    CHECK(s.info("child2").status == bastion::child_status::stopped);
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.which() == "child1 stopped, child2 stopped");
    CHECK(s.remove("child1") == "ok");
    CHECK(s.which() == "child2 stopped");
    const auto gone = s.w.rt.run(s.sup.which_child("child1"));
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error() == bastion::errc::not_found);
    CHECK(s.remove("child2") == "ok");
    CHECK(s.which().empty());
}

// Three levels. OTP's dynamic children are what start_child has added: they do not come back with their supervisor.
TEST_CASE("tree") {
    suite s(flags(strategy::one_for_all, 4, 3600s));
    const auto middle = [](const char* id) { return flags(strategy::one_for_one, 4, 3600s).with_name(id); };
    CHECK(s.start(middle("supchild1").with_children(s.child("child1")).with_children(s.child("child2"))) == "ok");
    CHECK(s.start(middle("supchild2")) == "ok");
    CHECK(s.start(middle("supchild3").with_own_restart(bastion::transient)) == "ok");
    CHECK(s.terminate("supchild3") == "ok");
    CHECK(s.which() == "supchild1, supchild2, supchild3 stopped");
    CHECK(s.counts() == counted{3, 2, 3, 0});
    const auto sup1 = s.info("supchild1").supervisor;
    const auto sup2 = s.info("supchild2").supervisor;
    CHECK(s.which_of(sup1) == "child1, child2");
    CHECK(s.counts_of(sup1) == counted{2, 2, 0, 2});
    CHECK(s.counts_of(sup2) == counted{0, 0, 0, 0});
    const auto started = [&](bastion::children c) { return s.said(s.w.rt.run(sup2.start_child(std::move(c)))); };
    CHECK(started(s.child("child3", {start::well, start::fail})) == "ok");
    CHECK(started(s.child("child4")) == "ok");
    CHECK(s.counts_of(sup1) == counted{2, 2, 0, 2});
    CHECK(s.counts_of(sup2) == counted{2, 2, 0, 2});
    const pid first = s.pid_of(sup1, "child1");
    const pid second = s.pid_of(sup1, "child2");
    const pid third = s.pid_of(sup2, "child3");
    const pid fourth = s.pid_of(sup2, "child4");

    fourth.who.tell(tree::die{"died"});
    s.w.settle();
    CHECK(s.which_of(sup1) == "child1, child2");
    CHECK(s.pid_of(sup1, "child1") == first);
    CHECK(s.pid_of(sup1, "child2") == second);
    CHECK(s.counts_of(sup1) == counted{2, 2, 0, 2});
    CHECK(s.which_of(sup2) == "child3, child4");
    CHECK(s.pid_of(sup2, "child3") == third);
    CHECK_FALSE(s.pid_of(sup2, "child4") == fourth);
    CHECK(s.counts_of(sup2) == counted{2, 2, 0, 2});
    CHECK(s.which() == "supchild1, supchild2, supchild3 stopped");

    third.who.tell(tree::die{"died"});
    s.w.settle();
    CHECK(s.which() == "supchild1, supchild2, supchild3");
    CHECK(s.counts() == counted{3, 3, 3, 0});
    CHECK(s.which_of(sup1) == "child1, child2");
    CHECK(s.counts_of(sup1) == counted{2, 2, 0, 2});
    CHECK_FALSE(s.pid_of(sup1, "child1") == first);
    CHECK_FALSE(s.pid_of(sup1, "child2") == second);
    CHECK(s.which_of(sup2).empty());
    CHECK(s.counts_of(sup2) == counted{0, 0, 0, 0});
    const auto sup3 = s.info("supchild3").supervisor;
    CHECK(s.which_of(sup3).empty());
    CHECK(s.counts_of(sup3) == counted{0, 0, 0, 0});
}

// OTP: a supervisor that gives up ends as `shutdown`, so a transient one does not come back.
TEST_CASE("restart: only a permanent supervisor comes back after it gave up") {
    for (const auto when : {bastion::permanent, bastion::transient, bastion::temporary}) {
        suite s;
        CHECK(s.start(flags(strategy::one_for_one, 0, 1s)
                      .with_name("below")
                      .with_own_restart(when)
                      .with_children(s.child("child1"))) == "ok");
        s.pid_of(s.info("below").supervisor, "child1").who.tell(tree::die{"died"});
        s.w.settle();
        CHECK(s.which() == (when == bastion::permanent ? "below" : when == bastion::transient ? "below stopped" : ""));
        if (when == bastion::transient) CHECK(s.restart("below") == "ok");
        if (when != bastion::temporary) CHECK(s.which_of(s.info("below").supervisor) == "child1");
    }
}
