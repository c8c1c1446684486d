// supervisor_SUITE: the life of a child by start, terminate, restart and delete, with all errors.
#include "supervision/otp/suite.hpp"

using namespace otp;
using counted = std::vector<std::size_t>;

namespace {

const std::string not_found = text(bastion::errc::not_found);
const std::string running = text(bastion::errc::running);
const std::string restarting = text(bastion::errc::restarting);
const std::string already_started = text(bastion::errc::already_started);
const std::string already_present = text(bastion::errc::already_present);
const std::string noproc = text(bastion::errc::noproc);

} // namespace

// OTP names the running pid in already_started: here which_child does. That a static supervisor hibernates has no counterpart: an
// owner that waits holds nothing but its block.
TEST_CASE("child_adm") {
    suite s;
    s.start(s.child("child1"));
    CHECK(s.which() == "child1");
    CHECK(s.counts() == counted{1, 1, 0, 1});
    const pid first = s.pid_of("child1");

    CHECK(s.start(s.child("child1")) == already_started);
    CHECK(s.pid_of("child1") == first);

    CHECK(s.terminate("hej") == not_found);
    const bastion::supervisor_ref foo;
    CHECK(s.said(s.w.rt.run(foo.terminate_child("child1"))) == noproc);
    // By its ref, as by its pid: only a template's children are known so.
    CHECK(s.said(s.w.rt.run(s.sup.terminate_child(first.who))) == not_found);
    CHECK(s.pid_of("child1") == first);
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.said(s.w.rt.run(s.sup.terminate_child(first.who))) == not_found);
    CHECK(s.reasons() == lines{"child1 stopped"});
    CHECK_FALSE(first.who.alive());
    CHECK(s.which() == "child1 stopped");
    CHECK(s.counts() == counted{1, 0, 0, 1});
    CHECK(s.terminate("child1") == "ok");

    CHECK(s.start(s.child("child1")) == already_present);

    CHECK(s.restart("child1") == "ok");
    CHECK(s.which() == "child1");
    CHECK(s.counts() == counted{1, 1, 0, 1});
    CHECK_FALSE(s.pid_of("child1") == first);
    CHECK(s.restart("child1") == running);
    CHECK(s.restart("child2") == not_found);

    CHECK(s.remove("child1") == running);
    CHECK(s.remove("hej") == not_found);
    CHECK(s.said(s.w.rt.run(foo.delete_child("child1"))) == noproc);
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.remove("child1") == "ok");
    CHECK(s.restart("child1") == not_found);
    CHECK(s.which().empty());
    CHECK(s.counts() == counted{0, 0, 0, 0});

    CHECK(s.said(s.w.rt.run(foo.start_child(s.child("child1")))) == noproc);
    CHECK(s.said(s.w.rt.run(foo.restart_child("child1"))) == noproc);
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.which() == "child1");
    CHECK(s.counts() == counted{1, 1, 0, 1});

    CHECK(s.which_of(foo) == noproc);
    const auto counted_none = s.w.rt.run(foo.count_children());
    REQUIRE_FALSE(counted_none.has_value());
    CHECK(counted_none.error() == bastion::errc::noproc);
    CHECK(s.said(s.w.rt.run(foo.which_child("child1"))) == noproc);
    s.stop();
}

// The same of a child that the supervisor was described with: what is deleted is there again when that starts again.
TEST_CASE("child_adm: a child of the supervisor's own spec") {
    suite s([](suite& of) {
        return bastion::supervisor()
            .with_otp_defaults()
            .with_own_restart(bastion::permanent)
            .with_children(of.child("own"));
    });
    CHECK(s.terminate("own") == "ok");
    CHECK(s.remove("own") == "ok");
    CHECK(s.which().empty());
    CHECK(s.counts() == counted{0, 0, 0, 0});
    CHECK(s.restart("own") == not_found);
    CHECK(s.start(s.child("own")) == "ok"); // the name is free
    CHECK(s.start(s.child("late")) == "ok");
    CHECK(s.which() == "own, late");
    bastion::child_ref(s.sup.where()).exit(kill_reason);
    s.w.settle();
    CHECK(s.which() == "own");
    CHECK(s.stop().back() == "end own");
}

// OTP's supervisor is inside the start function for two seconds at each try: here it never waits, and the child sleeps in its start.
TEST_CASE("hanging_restart_loop") {
    suite s(flags(bastion::strategy::one_for_one, 8, 10s));
    const starts how{start::well};
    CHECK(s.start(s.child("child1", how).with_shutdown(bastion::shutdown::brutal())) == "ok");
    const auto hangs = [&] {
        how.set(start::fail_slowly);
        s.dies("child1");
        s.w.advance(2s);
        s.w.settle();
    };
    hangs();
    CHECK(s.start(s.child("child1")) == already_present);
    CHECK(s.restart("child1") == restarting);
    CHECK(s.remove("child1") == restarting);
    CHECK(s.which() == "child1 restarting");
    CHECK(s.counts() == counted{1, 0, 0, 1});

    CHECK(s.terminate("child1") == "ok");
    CHECK(s.reasons().front() == "child1 error: died");
    CHECK(s.which() == "child1 stopped");
    how.set(start::well);
    CHECK(s.restart("child1") == "ok");
    (void)s.reasons();

    hangs();
    s.stop();
    CHECK(s.reasons().front() == "child1 error: died");
    CHECK(s.name_is_free());
}

namespace {

// A supervisor whose second child hangs in its restart: each of its tries takes two seconds and fails.
struct hanging_second {
    explicit hanging_second(bastion::strategy how) : s(flags(how, 8, 10s)) {
        for (const char* id : {"child1", "child2", "child3"})
            CHECK(s.start(s.child(id, id == std::string("child2") ? second : starts{start::well})
                          .with_shutdown(bastion::shutdown::brutal())) == "ok");
        (void)s.w.events.take();
        first = s.pid_of("child1");
        hangs();
    }
    void hangs() {
        second.set(start::fail_slowly);
        s.dies("child2");
        s.w.advance(2s);
        s.w.settle();
    }
    const starts second{start::well};
    suite s;
    pid first; // child1, as it began
};

} // namespace

TEST_CASE("hanging_restart_loop_rest_for_one") {
    hanging_second h(bastion::strategy::rest_for_one);
    suite& s = h.s;
    CHECK(s.w.events.take() == lines{"end child2", "end child3"});
    CHECK(s.start(s.child("child2")) == already_present);
    CHECK(s.restart("child2") == restarting);
    CHECK(s.remove("child2") == restarting);
    CHECK(s.which() == "child1, child2 restarting, child3 stopped");
    CHECK(s.lives(h.first));
    CHECK(s.counts() == counted{3, 1, 0, 3});

    CHECK(s.terminate("child2") == "ok");
    CHECK(s.reasons() == lines{"child2 error: died", "child2 error: no start", "child3 killed", "child2 killed"});
    CHECK(s.which() == "child1, child2 stopped, child3 stopped");
    CHECK(s.lives(h.first));
    CHECK(s.counts() == counted{3, 1, 0, 3});

    h.second.set(start::well);
    CHECK(s.restart("child2") == "ok");
    CHECK(s.which() == "child1, child2, child3 stopped");
    CHECK(s.restart("child3") == "ok");
    CHECK(s.w.events.take() == lines{"start child2", "start child3"});

    h.hangs();
    CHECK(s.stop() == lines{"end child2", "end child3", "end child1"});
    CHECK(s.reasons() ==
          lines{"child2 error: died", "child2 error: no start", "child3 killed", "child2 killed", "child1 killed"});
    CHECK(s.name_is_free());
}

// Not in the suite: the same for one_for_all, where nothing runs while one of them cannot start.
TEST_CASE("hanging_restart_loop: one_for_all") {
    hanging_second h(bastion::strategy::one_for_all);
    suite& s = h.s;
    CHECK(s.w.events.take() ==
          lines{"end child2", "end child3", "end child1", "start child1", "end child1", "start child1"});
    CHECK(s.which() == "child1, child2 restarting, child3 stopped");
    CHECK(s.terminate("child2") == "ok");
    CHECK(s.which() == "child1, child2 stopped, child3 stopped");
    s.dies("child1"); // all are started again, what was terminated, too: two of eight tries are left
    h.second.set(start::well);
    s.w.advance(2s);
    s.w.settle();
    CHECK(s.which() == "child1, child2, child3");
}

namespace {

// Nobody is there to answer: a call may not wait for a start that need not come.
void check_gone(suite& s, const bastion::supervisor_ref& sup) {
    auto waits = sup.restart_child("child1");
    s.w.settle();
    REQUIRE(waits.poll());
    CHECK(s.said(waits.take()) == noproc);
    CHECK(s.which_of(sup) == bastion::error(bastion::errc::noproc).what());
}

} // namespace

// Not in the suite, found beside a real OTP: a supervisor of which only the spec is left answers nobody, until it starts again.
TEST_CASE("child_adm: calls to a supervisor that was terminated") {
    suite s;
    CHECK(
        s.start(bastion::supervisor().with_otp_defaults().with_name("below").with_children(s.child("child1"))) == "ok");
    const bastion::supervisor_ref below = s.info("below").supervisor;
    CHECK(s.terminate("below") == "ok");
    check_gone(s, below);
    CHECK(s.restart("below") == "ok");
    CHECK(s.which_of(below) == "child1");
}

// The same of one that waited behind a sibling's failing start when the supervisor above gave up.
TEST_CASE("child_adm: calls to a supervisor below one that gave up") {
    const starts first{start::well};
    suite s;
    CHECK(s.start(flags(bastion::strategy::one_for_all, 2, 3600s)
                  .with_name("above")
                  .with_own_restart(bastion::transient)
                  .with_children(s.child("first", first))
                  .with_supervisor(bastion::supervisor().with_otp_defaults().with_name("below").with_children(
                      s.child("child1")))) == "ok");
    const bastion::supervisor_ref above = s.info("above").supervisor;
    const bastion::supervisor_ref below = s.info_of(above, "below").supervisor;
    first.set(start::fail);
    s.info_of(above, "first").group[0].tell(tree::die{"died"});
    s.w.settle();
    CHECK(s.which() == "above stopped");
    check_gone(s, above);
    check_gone(s, below);
}

namespace {

// A supervisor behind a child whose restart hangs.
struct behind_first {
    behind_first() : s(flags(bastion::strategy::one_for_all, 8, 10s)) {
        CHECK(s.start(s.child("first", how).with_shutdown(bastion::shutdown::brutal())) == "ok");
        CHECK(s.start(bastion::supervisor().with_otp_defaults().with_name("below").with_children(s.child("child1"))) ==
              "ok");
        below = s.info("below").supervisor;
        child1 = s.info_of(below, "child1").group[0];
        how.set(start::fail_slowly);
        s.dies("first");
        s.w.settle();
    }
    void check_both_stopped() {
        CHECK(s.which() == "first stopped, below stopped");
        check_gone(s, below);
        CHECK_FALSE(child1.alive());
        CHECK(s.restart("below") == "ok");
        CHECK(s.which_of(below) == "child1");
    }
    const starts how{start::well};
    suite s;
    bastion::supervisor_ref below;
    bastion::child_ref child1;
};

} // namespace

// Not in the suite: nothing has failed yet, and OTP's would start those behind it before it looks at the order.
TEST_CASE("child_adm: those behind a child that is terminated in its restart start without it") {
    behind_first h;
    CHECK(h.s.terminate("first") == "ok");
    h.s.w.settle();
    CHECK(h.s.which() == "first stopped, below");
    CHECK(h.s.which_of(h.below) == "child1");
}

// The same as above of one that was to start behind a child that is terminated, whose restart has failed.
TEST_CASE("child_adm: calls to a supervisor behind one that is terminated when its restart has failed") {
    behind_first h;
    h.s.w.advance(2s);
    h.s.w.settle();
    CHECK(h.s.terminate("first") == "ok");
    h.check_both_stopped();
}

TEST_CASE("child_adm: calls to a supervisor that is terminated where it waits behind another") {
    behind_first h;
    h.s.w.advance(2s);
    auto terminated = h.s.sup.terminate_child("below");
    h.s.w.settle();
    CHECK_FALSE(terminated.poll()); // the plan is about to start it
    h.s.w.advance(2s);
    h.s.w.settle();
    CHECK(now_said(h.s, terminated) == "ok");
    check_gone(h.s, h.below);
    CHECK_FALSE(h.child1.alive());
    CHECK(h.s.terminate("first") == "ok");
    h.check_both_stopped();
}

// Not in the suite, where a caller waits for its answer: what is ordered meanwhile about the same child waits behind it, as calls
// wait for a gen_server; orders about others do not. A terminate_child waits for no start: it breaks that off.
TEST_CASE("child_adm: orders about one child are carried out in their order") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2")) == "ok");
    CHECK(s.start(s.child("child3")) == "ok");
    CHECK(s.start(s.child("child4")) == "ok");
    for (const char* id : {"child1", "child2", "child4"}) s.tell(id, take_for_stop{1s});
    (void)s.w.events.take();
    auto terminated = s.sup.terminate_child("child1");
    auto deleted = s.sup.delete_child("child1");
    auto started = s.sup.start_child(s.child("child1"));
    auto refused = s.sup.start_child(s.child("child1"));
    auto second_terminated = s.sup.terminate_child("child2");
    auto second_restarted = s.sup.restart_child("child2");
    auto second_deleted = s.sup.delete_child("child2");
    auto third_terminated = s.sup.terminate_child("child3");
    auto fourth_terminated = s.sup.terminate_child("child4");
    auto fourth_restarted = s.sup.restart_child("child4");
    auto fourth_terminated_again = s.sup.terminate_child("child4");
    s.w.settle();
    CHECK(now_said(s, third_terminated) == "ok");
    CHECK_FALSE(terminated.poll());
    CHECK(s.w.events.take() == lines{"end child3"});
    s.w.advance(1s);
    CHECK(now_said(s, terminated) == "ok");
    CHECK(now_said(s, deleted) == "ok");
    CHECK(now_said(s, started) == "ok");
    CHECK(now_said(s, refused) == already_started);
    CHECK(now_said(s, second_terminated) == "ok");
    CHECK(now_said(s, second_restarted) == "ok");
    CHECK(now_said(s, second_deleted) == running);
    CHECK(now_said(s, fourth_terminated) == "ok");
    CHECK(now_said(s, fourth_restarted) == text(bastion::errc::start_failed)); // by the order behind it
    CHECK(now_said(s, fourth_terminated_again) == "ok");
    CHECK(s.which() == "child2, child3 stopped, child4 stopped, child1");
}

// A child that a plan starts can be terminated while it starts, also by an order that came before.
TEST_CASE("child_adm: an order that waits for a plan is carried out when the plan reaches its child") {
    suite s(flags(bastion::strategy::one_for_all, 2, 3600s));
    const auto slow_at_second = [](std::chrono::nanoseconds time) {
        return [time, starts = std::make_shared<int>(0)](bastion::context ctx) -> bastion::process {
            if ((*starts)++ == 1) co_await ctx.sleep_for(time);
            ctx.ready();
            auto m = co_await ctx.recv();
            if (m.told<tree::die>() != nullptr) bastion::panic("died");
        };
    };
    CHECK(s.start(s.without_body("child1").with_exec(slow_at_second(1s))) == "ok");
    CHECK(s.start(s.without_body("child2").with_exec(slow_at_second(4s))) == "ok");
    CHECK(s.terminate("child2") == "ok");
    s.tell("child1", tree::die{});
    auto terminated = s.sup.terminate_child("child2");
    auto restarted = s.sup.restart_child("child2");
    s.w.settle();
    CHECK_FALSE(terminated.poll()); // the plan is about to start it
    s.w.advance(1s); // child1 is there, and child2 starts
    CHECK_FALSE(terminated.poll());
    s.w.advance(1s); // so long it is deaf, then it is killed
    CHECK(now_said(s, terminated) == "ok");
    CHECK(now_said(s, restarted) == "ok");
    CHECK(s.which() == "child1, child2");
}

TEST_CASE("child_adm: restart_child of a child that the plan leaves alone waits for its end") {
    suite s(flags(bastion::strategy::rest_for_one, 2, 3600s));
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.without_body("child2").with_exec(
              [starts = std::make_shared<int>(0)](bastion::context ctx) -> bastion::process {
                  if ((*starts)++ == 1) co_await ctx.sleep_for(1s);
                  ctx.ready();
                  auto m = co_await ctx.recv();
                  if (m.told<tree::die>() != nullptr) bastion::panic("died");
              })) == "ok");
    CHECK(s.terminate("child1") == "ok");
    s.tell("child2", tree::die{});
    auto restarted = s.sup.restart_child("child1");
    s.w.settle();
    CHECK_FALSE(restarted.poll());
    s.w.advance(1s);
    CHECK(now_said(s, restarted) == "ok");
    CHECK(s.which() == "child1, child2");
}

// Its group runs on meanwhile, and is told to restart it when its turn comes: which never came.
TEST_CASE("child_adm: a single element that waits behind a child that is terminated comes back") {
    suite s(flags(bastion::strategy::one_for_all, 9, 3600s));
    CHECK(s.start(s.child("child1", starts{start::well, start::fail_slowly})) == "ok");
    CHECK(s.start(s.child("pair").with_redundancy(2).with_restart_scope(bastion::restart_scope::element)) == "ok");
    s.tell("pair", tree::die{"died"}); // its first one
    CHECK(s.w.events.take() == lines{"start child1", "start pair", "start pair", "end pair", "end child1"});
    auto terminated = s.sup.terminate_child("child1"); // which starts just now
    s.w.advance(1s);
    CHECK(now_said(s, terminated) == "ok");
    CHECK(s.which() == "child1 stopped, pair");
    CHECK(s.w.events.take() == lines{"start pair"});
}

// The child before it is tried again after a while, and nothing that runs waits for it.
TEST_CASE("child_adm: a single element that waits behind a child that does not start comes back") {
    suite s([](suite&) {
        return bastion::supervisor()
            .with_otp_defaults()
            .with_strategy(bastion::strategy::one_for_all)
            .with_intensity(9, 3600s)
            .with_restart_strategy(bastion::restart_strategy::always().with_exponential_backoff(1h, 1h));
    });
    CHECK(s.start(s.child("child1", starts{start::well, start::fail, start::well})) == "ok");
    CHECK(s.start(s.child("pair")
                  .with_redundancy(2)
                  .with_restart_strategy(tree::at_once())
                  .with_restart_scope(bastion::restart_scope::element)) == "ok");
    s.tell("pair", tree::die{"died"}); // its first one
    CHECK(
        s.w.events.take() == lines{"start child1", "start pair", "start pair", "end pair", "end child1", "start pair"});
    CHECK(s.which() == "child1 restarting, pair");
}

// A change waits for the end of a plan, and what was ordered about children in the meantime does not wait for the change.
TEST_CASE("child_adm: a change waits for the end of a plan") {
    suite s(flags(bastion::strategy::one_for_all, 2, 3600s));
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2")) == "ok");
    s.tell("child2", take_for_stop{1s});
    s.dies("child1");
    auto changed = s.sup.reconfigure(flags(bastion::strategy::one_for_one, 2, 3600s));
    auto terminated = s.sup.terminate_child("child2");
    s.w.settle();
    CHECK_FALSE(changed.poll());
    CHECK_FALSE(terminated.poll());
    s.w.advance(1s);
    CHECK(now_said(s, changed) == "ok");
    CHECK(now_said(s, terminated) == "ok");
    (void)s.w.events.take();
    s.dies("child1"); // alone now
    CHECK(s.w.events.take() == lines{"end child1", "start child1"});
    CHECK(s.which() == "child1, child2 stopped");
}

namespace {

// child1's restart has failed, and child2 waits behind it.
struct one_behind {
    explicit one_behind(bool specs_kept)
        : s([specs_kept](suite& of) {
              return flags(bastion::strategy::one_for_all, 10, 3600s)
                  .with_specs_kept(specs_kept)
                  .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s).without_jitter())
                  .with_children(of.child("child1", starts{start::well, start::fail, start::well}))
                  .with_children(of.child("child2"));
          }) {
        s.dies("child1");
        s.w.advance(1s);
        CHECK(s.w.events.take() == lines{"start child1", "start child2", "end child1", "end child2"});
    }
    // Until child1's next try.
    lines then() {
        s.w.advance(10s);
        return s.w.events.take();
    }
    suite s;
};

} // namespace

// Not in the suite: who is deleted while it waits behind another does not start with that.
TEST_CASE("child_adm: a child that is deleted where it waits behind another is not started") {
    one_behind b(true);
    CHECK(b.s.remove("child2") == "ok");
    CHECK(b.then() == lines{"start child1"});
    CHECK(b.s.which() == "child1");
    CHECK(b.s.start(b.s.child("child2")) == "ok");
    CHECK(b.s.which() == "child1, child2");
}

// Not in the suite, as without kept specs there is nothing of OTP's.
TEST_CASE("child_adm: without kept specs a child that is terminated where it waits behind another is gone") {
    one_behind b(false);
    CHECK(b.s.terminate("child2") == "ok");
    CHECK(b.then() == lines{"start child1"});
    CHECK(b.s.which() == "child1");
    CHECK(b.s.start(b.s.child("child2")) == "ok");
}

TEST_CASE("child_adm: without kept specs those behind a child that is terminated start") {
    one_behind b(false);
    CHECK(b.s.terminate("child1") == "ok");
    CHECK(b.then() == lines{"start child2"});
    CHECK(b.s.which() == "child2");
}

TEST_CASE("child_adm: restart_child is a new life for all that is below, too") {
    tree::world w;
    const auto top =
        w.rt.spawn(bastion::supervisor().with_name("top").with_otp_defaults().with_supervisor(bastion::supervisor()
                .with_name("x")
                .with_specs_kept()
                .with_restart_strategy(bastion::restart_strategy::tries(1).immediate())
                .with_supervisor(bastion::supervisor()
                        .with_name("y")
                        .with_intensity(0, 1s)
                        .with_callbacks(tree::told_to(w.events))
                        .with_children(bastion::children()
                                .with_name("a")
                                .with_restart_strategy(tree::at_once())
                                .with_exec([](bastion::context ctx) -> bastion::process {
                                    (void)co_await ctx.recv<tree::die>();
                                    co_return ctx.fail("died");
                                })))));
    w.settle();
    const auto dies = [&w] {
        const auto a = w.rt.whereis("/top/x/y/a/0");
        REQUIRE(a.alive());
        a.tell(tree::die{""});
        w.settle();
    };
    const auto status_of_y = [&] {
        const auto r = w.rt.run(w.rt.find_supervisor("/top/x").which_child("y"));
        REQUIRE(r.has_value());
        return r->status;
    };
    dies(); // its one try
    CHECK(status_of_y() == bastion::child_status::running);
    CHECK(w.events.take() == lines{"before_start /top/x/y normal 0", "after_start /top/x/y normal 0",
                                 "before_restart /top/x/y too many restarts: a/0: error: died 0",
                                 "after_restart /top/x/y too many restarts: a/0: error: died 1"});
    const auto terminated = w.rt.run(top.terminate_child("x"));
    REQUIRE(terminated.has_value());
    CHECK(w.events.take() == lines{"after_stop /top/x/y stopped 1"});
    const auto restarted = w.rt.run(top.restart_child("x"));
    REQUIRE(restarted.has_value());
    w.settle();
    CHECK(w.events.take() == lines{"before_start /top/x/y normal 0", "after_start /top/x/y normal 0"});
    dies();
    CHECK(status_of_y() == bastion::child_status::running);
    dies();
    CHECK(status_of_y() == bastion::child_status::stopped);
}
