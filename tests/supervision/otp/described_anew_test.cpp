// Beside supervisor_SUITE: what a change reaches, when, and who hears of what it cannot be. OTP's changes one supervisor, which is suspended
// meanwhile; `reconfigure` describes a whole tree that runs.
#include "supervision/otp/suite.hpp"

using namespace otp;
using bastion::strategy;

namespace {

// Restarts as often as it must, of each child alone, and so asks nobody.
bastion::supervisor without_limit() {
    return bastion::supervisor()
        .with_restart(bastion::permanent)
        .with_restart_strategy(bastion::restart_strategy::always().immediate());
}

bastion::supervisor below(strategy how, bastion::children c) {
    return flags(how, 9, 3600s).with_name("below").with_children(std::move(c));
}

// Of what was asked and must be answered by now.
template <class R>
bastion::errc error_of(bastion::answer<R>& of) {
    REQUIRE(of.poll());
    const bastion::result<R> r = of.take();
    REQUIRE_FALSE(r.has_value());
    return r.error().code();
}

} // namespace

TEST_CASE("reconfigure: a strategy reaches groups that are not described again") {
    suite s(without_limit());
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2")) == "ok");
    CHECK(change(s, without_limit().with_strategy(strategy::one_for_all)) == "ok");
    (void)s.w.events.take();
    s.dies("child1");
    CHECK(s.w.events.take() == lines{"end child1", "end child2", "start child1", "start child2"});
    CHECK(change(s, without_limit()) == "ok");
    s.dies("child1");
    CHECK(s.w.events.take() == lines{"end child1", "start child1"});
}

TEST_CASE("reconfigure: an intensity reaches groups that are not described again") {
    suite s(without_limit());
    CHECK(s.start(s.child("child1")) == "ok");
    for (int i = 0; i < 3; ++i) s.dies("child1");
    CHECK(s.sup.alive());
    CHECK(change(s, without_limit().with_intensity(1, 3600s)) == "ok");
    s.dies("child1");
    CHECK(s.ends_of_sup.take().empty());
    s.dies("child1");
    CHECK(s.ends_of_sup.take() == lines{"too many restarts: child1/0: error: died"});
}

TEST_CASE("reconfigure: specs are kept from then on of children that are not described again") {
    suite s(without_limit());
    CHECK(s.start(s.child("child1", bastion::transient)) == "ok");
    CHECK(s.start(s.child("child2", bastion::transient)) == "ok");
    s.ends_by_itself("child1");
    CHECK(s.which() == "child2");
    CHECK(change(s, without_limit().with_specs_kept()) == "ok");
    s.ends_by_itself("child2");
    CHECK(s.which() == "child2 stopped");
    CHECK(s.restart("child2") == "ok");
}

TEST_CASE("reconfigure: what is refused below a supervisor is told") {
    suite s;
    CHECK(s.start(below(strategy::one_for_one, s.child("child1"))) == "ok");
    const bastion::child_ref child1 = s.info_of(s.info("below").supervisor, "child1").group[0];
    const auto answer = s.w.rt.run(s.sup.reconfigure(flags(strategy::one_for_one, 2, 3600s)
            .with_supervisor(flags(strategy::one_for_one, 9, 3600s)
                    .with_name("below")
                    .with_supervisor(below(strategy::one_for_one, s.child("child2")).with_name("child1")))));
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == bastion::errc::invalid);
    CHECK(answer.error().what() ==
          "reconfigure: /otp/sup_test/below has the child \"child1\" as a group, and would have it as a supervisor");
    CHECK(child1.alive());
    CHECK(s.which_of(s.info("below").supervisor) == "child1");
}

TEST_CASE("reconfigure: each refusal says what is wrong") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    const auto why = [&](bastion::supervisor as) {
        auto answer = s.w.rt.run(s.sup.reconfigure(std::move(as)));
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error() == bastion::errc::invalid);
        return answer.error().what();
    };
    CHECK(why(flags(strategy::simple_one_for_one, 2, 3600s)
                  .with_children(bastion::children().with_template(
                      [](bastion::context, int) -> bastion::process { co_return; }))) ==
          "reconfigure: /otp/sup_test has children with names, and would have a template: start another supervisor");
    CHECK(why(flags(strategy::one_for_one, 2, 3600s)
                  .with_supervisor(below(strategy::one_for_one, s.child("x")).with_name("child1"))) ==
          "reconfigure: /otp/sup_test has the child \"child1\" as a group, and would have it as a supervisor");
    suite none(without_limit());
    auto answer = none.w.rt.run(none.sup.reconfigure(without_limit().with_children(none.child("child1"))));
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().what() ==
          "reconfigure: /otp/sup_test has no child \"child1\", and keeps no specs from which one could be "
          "started (with_specs_kept): use start_child");
}

TEST_CASE("reconfigure: changes that come while the supervisor stops are made in their order, before its next start") {
    suite s(flags(strategy::one_for_all, 9, 3600s));
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(below(strategy::one_for_one, s.child("slow"))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    s.info_of(sup, "slow").group[0].tell(take_for_stop{1s});
    s.w.settle();
    (void)s.w.events.take();
    s.dies("child1");
    // It stops, and is to start again.
    auto first = sup.reconfigure(
        flags(strategy::one_for_one, 9, 3600s).with_children(s.child("slow")).with_children(s.child("one")));
    auto second = sup.reconfigure(
        flags(strategy::rest_for_one, 9, 3600s).with_children(s.child("two")).with_children(s.child("slow")));
    s.w.settle();
    CHECK_FALSE(first.poll());
    CHECK_FALSE(second.poll());
    s.w.advance(1s);
    CHECK(now_said(s, first) == "ok");
    CHECK(now_said(s, second) == "ok");
    CHECK(s.w.events.take() == lines{"end child1", "end slow", "start child1", "start two", "start slow"});
    CHECK(s.which_of(sup) == "two, slow");
    s.info_of(sup, "two").group[0].tell(tree::die{"died"});
    s.w.settle();
    CHECK(s.w.events.take() == lines{"end two", "end slow", "start two", "start slow"});
}

TEST_CASE("reconfigure: a change from above reaches a supervisor that gives up before it starts again") {
    suite s;
    CHECK(s.start(flags(strategy::one_for_one, 0, 3600s)
                  .with_name("below")
                  .with_children(s.child("slow"))
                  .with_children(s.child("child1"))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    s.info_of(sup, "slow").group[0].tell(take_for_stop{1s});
    s.w.settle();
    s.info_of(sup, "child1").group[0].tell(tree::die{"died"});
    s.w.settle();
    (void)s.w.events.take();
    auto changed = s.sup.reconfigure(
        flags(strategy::one_for_one, 2, 3600s).with_supervisor(below(strategy::one_for_one, s.child("other"))));
    s.w.settle();
    CHECK_FALSE(changed.poll());
    s.w.advance(1s);
    CHECK(now_said(s, changed) == "ok");
    CHECK(s.w.events.take() == lines{"end slow", "start other"});
    CHECK(s.which_of(sup) == "other");
}

TEST_CASE("reconfigure: a change from above reaches a supervisor that is being terminated") {
    suite s;
    CHECK(s.start(below(strategy::one_for_one, s.child("slow"))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    s.info_of(sup, "slow").group[0].tell(take_for_stop{1s});
    s.w.settle();
    auto terminated = s.sup.terminate_child("below");
    s.w.settle();
    auto own = sup.reconfigure(flags(strategy::one_for_one, 9, 3600s));
    auto changed = s.sup.reconfigure(
        flags(strategy::one_for_one, 2, 3600s).with_supervisor(below(strategy::one_for_one, s.child("other"))));
    s.w.settle();
    CHECK_FALSE(terminated.poll());
    s.w.advance(1s);
    CHECK(now_said(s, terminated) == "ok");
    CHECK(now_said(s, changed) == "ok");
    CHECK(error_of(own) == bastion::errc::noproc); // its own, which nobody is left to hear
    (void)s.w.events.take();
    CHECK(s.restart("below") == "ok");
    CHECK(s.w.events.take() == lines{"start other"});
}

TEST_CASE("reconfigure: a supervisor that was only described takes no orders") {
    suite s;
    CHECK(change(s, flags(strategy::one_for_one, 2, 3600s)
                        .with_supervisor(flags(strategy::one_for_one, 9, 3600s)
                                .with_name("outer")
                                .with_supervisor(below(strategy::one_for_one, s.child("child1"))))) == "ok");
    const bastion::supervisor_ref outer = s.info("outer").supervisor;
    CHECK(s.info("outer").status == bastion::child_status::stopped);
    const auto noproc = [&](const bastion::supervisor_ref& who) {
        auto started = who.start_child(s.child("child2"));
        auto looked = who.which_children();
        auto spawned = who.spawn(s.child("child3")).started();
        auto itself = who.started();
        s.w.settle();
        CHECK(error_of(started) == bastion::errc::noproc);
        CHECK(error_of(looked) == bastion::errc::noproc);
        CHECK(error_of(spawned) == bastion::errc::start_failed);
        CHECK(error_of(itself) == bastion::errc::noproc);
    };
    noproc(outer);
    CHECK(s.restart("outer") == "ok");
    CHECK(s.which_of(outer) == "below");
    CHECK(s.w.events.take() == lines{"start child1"});
    const bastion::supervisor_ref inner = s.info_of(outer, "below").supervisor;
    CHECK(s.which_of(inner) == "child1");
    CHECK(s.terminate("outer") == "ok");
    noproc(outer);
    noproc(inner);
    CHECK(s.remove("outer") == "ok");
    CHECK(s.which().empty());
}

TEST_CASE("reconfigure: what is spawned on a supervisor of which only the spec is left is turned away") {
    suite s;
    CHECK(s.start(below(strategy::one_for_one, s.child("child1"))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    CHECK(s.terminate("below") == "ok");
    (void)s.w.events.take();
    const bastion::child_ref one = sup.spawn([&s](bastion::context ctx) -> bastion::process {
        s.w.events.add("start one");
        (void)co_await ctx.recv();
    });
    s.w.settle();
    CHECK_FALSE(one.alive());
    CHECK(s.restart("below") == "ok");
    CHECK(s.w.events.take() == lines{"start child1"});
    const bastion::child_ref two = sup.spawn([&s](bastion::context ctx) -> bastion::process {
        s.w.events.add("start two");
        (void)co_await ctx.recv();
    });
    s.w.settle();
    CHECK(two.alive());
    CHECK(s.w.events.take() == lines{"start two"});
}

TEST_CASE("reconfigure: a supervisor that waits behind another and becomes temporary is emptied, and hears no orders") {
    const auto both = [](suite& s, bastion::restart_when when) {
        return flags(strategy::one_for_all, 9, 3600s)
            .with_children(s.child("child1", starts{start::well, start::fail_slowly, start::fail_slowly, start::well}))
            .with_supervisor(below(strategy::one_for_one, s.child("child2")).with_own_restart(when));
    };
    suite s([&](suite& of) { return both(of, bastion::permanent); });
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    s.dies("child1");
    auto changed = s.sup.reconfigure(both(s, bastion::temporary));
    s.w.advance(2s); // the start has failed, and "below" is behind
    CHECK(now_said(s, changed) == "ok");
    auto own = sup.terminate_child("child2");
    s.w.advance(2s);
    CHECK(s.which() == "child1");
    CHECK(now_said(s, own) == text(bastion::errc::noproc));
}

// What was described with it is to be there first.
TEST_CASE("reconfigure: a change that comes before the first start waits for that") {
    suite s;
    const bastion::supervisor_ref sup =
        s.sup.spawn(flags(strategy::one_for_one, 2, 3600s).with_name("below").with_children(s.child("child1")));
    auto changed = sup.reconfigure(flags(strategy::one_for_all, 2, 3600s).with_children(s.child("child2")));
    s.w.settle();
    CHECK(now_said(s, changed) == "ok");
    CHECK(s.which_of(sup) == "child2 stopped, child1");
}

TEST_CASE("reconfigure: with_specs_kept and new children come in one change, and a name does not change") {
    suite s;
    CHECK(s.start(bastion::supervisor().with_name("below").with_children(s.child("child1"))) == "ok");
    const bastion::supervisor_ref sup = s.info("below").supervisor;
    CHECK(s.said(s.w.rt.run(sup.reconfigure(
              below(strategy::one_for_one, s.child("child1")).with_children(s.child("child2"))))) == "ok");
    CHECK(s.which_of(sup) == "child1, child2 stopped");
    const auto named = s.w.rt.run(
        sup.reconfigure(flags(strategy::one_for_one, 9, 3600s).with_name("another").with_children(s.child("child1"))));
    REQUIRE_FALSE(named.has_value());
    CHECK(named.error() == bastion::errc::invalid);
    CHECK(named.error().what() == "reconfigure: /otp/sup_test/below keeps its name, and would be \"another\"");
}
