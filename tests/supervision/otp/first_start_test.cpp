// Beside supervisor_SUITE: a first start that something else interrupts, or a callback, and the first start after an end by hand.
#include "supervision/otp/suite.hpp"

#include <stdexcept>

using namespace otp;
using bastion::strategy;

namespace {

bastion::callbacks throws_before_start() {
    return bastion::callbacks().before_start([](const bastion::event&) { throw std::runtime_error("no"); });
}

} // namespace

// The supervisor stops and starts it with its siblings before it has started once: that is no restart.
TEST_CASE("start_child: a start that a plan interrupts, and then fails, is a failed start") {
    suite s(flags(strategy::one_for_all, 9, 3600s));
    CHECK(s.start(s.child("child1")) == "ok");
    auto fails = s.sup.start_child(s.child("child2", starts{start::fail_slowly, start::fail}));
    s.w.settle();
    s.dies("child1");
    s.w.advance(1s); // so long it is deaf, then it is killed
    CHECK(now_said(s, fails) == text(bastion::errc::start_failed));
    CHECK(s.which() == "child1");
    auto works = s.sup.start_child(s.child("child3", starts{start::fail_slowly, start::well}));
    s.w.settle();
    s.dies("child1");
    s.w.advance(1s);
    CHECK(now_said(s, works) == "ok");
    CHECK(s.which() == "child1, child3");
    s.dies("child1");
    CHECK(s.which() == "child1, child3");
}

TEST_CASE("restart_child: a supervisor that had been restarted begins a new life") {
    tree::journal calls;
    const auto add = [&calls](const char* what) {
        return [&calls, what](
                   const bastion::event& e) { calls.add(std::string(what) + " " + std::to_string(e.restarts())); };
    };
    suite s;
    CHECK(s.start(flags(strategy::one_for_one, 0, 3600s)
                  .with_name("below")
                  .with_callbacks(bastion::callbacks()
                          .after_start(add("after_start"))
                          .after_restart(add("after_restart"))
                          .after_stop(add("after_stop")))
                  .with_children(s.child("child1", starts{start::well, start::well, start::fail_slowly}))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    s.info_of(sup, "child1").group[0].tell(tree::die{"died"});
    s.w.settle();
    CHECK(calls.take() == lines{"after_start 0", "after_restart 1"});
    CHECK(s.terminate("below") == "ok");
    CHECK(calls.take() == lines{"after_stop 1"});
    auto again = s.sup.restart_child("below"); // its child takes its time
    s.w.settle();
    CHECK(s.info("below").status == bastion::child_status::running); // as OTP's: it is not being restarted
    s.w.advance(2s);
    CHECK(now_said(s, again) == text(bastion::errc::start_failed));
    CHECK(calls.take() == lines{"after_stop 0"});
    CHECK(s.which() == "below stopped");
}

TEST_CASE("start_child, restart_child: a supervisor whose before_start throws did not start") {
    suite s;
    const auto below = [&] {
        return flags(strategy::one_for_one, 9, 3600s).with_name("below").with_children(s.child("child1"));
    };
    auto late = s.sup.start_child(below().with_callbacks(throws_before_start()));
    s.w.settle();
    CHECK(now_said(s, late) == text(bastion::errc::start_failed));
    CHECK(s.which().empty());
    CHECK(s.start(below()) == "ok");
    CHECK(s.terminate("below") == "ok");
    CHECK(
        s.said(s.w.rt.run(s.sup.reconfigure(
            flags(strategy::one_for_one, 2, 3600s).with_supervisor(below().with_callbacks(throws_before_start()))))) ==
        "ok");
    auto again = s.sup.restart_child("below");
    s.w.settle();
    CHECK(now_said(s, again) == text(bastion::errc::start_failed));
    CHECK(s.which() == "below stopped");
}

TEST_CASE("before_start of a supervisor throws while the one above starts: that one does not start") {
    suite s;
    auto outer = s.sup.start_child(flags(strategy::one_for_one, 9, 3600s)
            .with_name("outer")
            .with_children(s.child("child1"))
            .with_supervisor(
                flags(strategy::one_for_one, 9, 3600s).with_name("below").with_callbacks(throws_before_start())));
    s.w.settle();
    CHECK(now_said(s, outer) == text(bastion::errc::start_failed));
    CHECK(s.w.events.take() == lines{"start child1", "end child1"});
    CHECK(s.which().empty());
}

// It can only be called there when the child was described anew while it waited.
TEST_CASE("start_child: a factory of with_data that throws at the first start is a start failure") {
    suite s;
    auto first = s.sup.start_child(s.child("slow", starts{start::fail_slowly}));
    auto second = s.sup.start_child(s.child("child1"));
    s.w.settle();
    CHECK(s.said(s.w.rt.run(s.sup.reconfigure(
              flags(strategy::one_for_one, 2, 3600s).with_children(s.child("child1").with_data([]() -> int {
                  throw std::runtime_error("no data");
              }))))) == "ok");
    s.w.advance(2s);
    CHECK(now_said(s, first) == text(bastion::errc::start_failed));
    CHECK(now_said(s, second) == text(bastion::errc::start_failed));
    CHECK(s.which().empty());
}

TEST_CASE("start_child: whose supervisor is terminated meanwhile hears so, also if that one keeps no specs") {
    suite s;
    CHECK(s.start(bastion::supervisor().with_name("below").with_children(s.child("child1"))) == "ok");
    auto slow = s.info("below").supervisor.start_child(s.child("slow", starts{start::fail_slowly}));
    s.w.settle();
    CHECK_FALSE(slow.poll());
    auto ended = s.sup.terminate_child("below");
    s.w.advance(1s); // so long it is deaf
    CHECK(now_said(s, ended) == "ok");
    CHECK(now_said(s, slow) == text(bastion::errc::noproc));
    CHECK(s.which() == "below stopped");
}

TEST_CASE("restart_child: whose supervisor is terminated meanwhile hears so") {
    suite s;
    CHECK(s.start(bastion::supervisor().with_name("below").with_specs_kept().with_children(
              s.child("slow", starts{start::well, start::fail_slowly}))) == "ok");
    const auto below = s.info("below").supervisor;
    CHECK(s.said(s.w.rt.run(below.terminate_child("slow"))) == "ok");
    auto slow = below.restart_child("slow");
    s.w.settle();
    CHECK_FALSE(slow.poll());
    auto ended = s.sup.terminate_child("below");
    s.w.advance(2s); // so long it is deaf
    CHECK(now_said(s, ended) == "ok");
    CHECK(now_said(s, slow) == text(bastion::errc::noproc));
}

TEST_CASE("started: who is stopped or killed in the first start is said to be") {
    suite s;
    const auto ends_as = [&s](void (*end)(const bastion::supervisor_ref&)) {
        const bastion::supervisor_ref sup = s.above.spawn(flags(strategy::one_for_one, 9, 3600s)
                .with_name("slow")
                .with_children(
                    s.child("child1", starts{start::fail_slowly}).with_shutdown(bastion::shutdown::brutal())));
        auto waits = sup.started();
        s.w.settle();
        end(sup);
        s.w.settle();
        REQUIRE(waits.poll());
        const auto said = waits.take();
        REQUIRE_FALSE(said.has_value());
        CHECK(said.error() == bastion::errc::noproc);
        return said.error().reason().what();
    };
    CHECK(ends_as([](const auto& sup) { sup.stop(); }) == "stopped");
    CHECK(ends_as([](const auto& sup) { sup.kill(); }) == "killed");
}
