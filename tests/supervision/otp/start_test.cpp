// supervisor_SUITE: how supervisors and children start, decline to, and fail to.
#include "supervision/otp/suite.hpp"

using namespace otp;
using counted = std::vector<std::size_t>;

namespace {

// What comes to a process that spawns something, and traps exits: whether it was spawned, each exit signal, and that it lives on.
lines heard_by_parent(const std::function<void(const bastion::context&)>& spawn) {
    tree::world w;
    const auto parent = w.rt.spawn([&spawn, &w](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        try {
            spawn(ctx);
            w.events.add("spawned");
        } catch (const std::exception& e) { w.events.add(e.what()); }
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* x = m.told<bastion::exited>()) w.events.add("exited " + x->reason().what());
        }
    });
    w.settle();
    CHECK(parent.alive());
    return w.events.take();
}

// The whole text of a bad_spec: whose it is, where it was written, what is wrong.
auto said_by_spec(const std::string& who, const std::string& what) {
    return Catch::Predicate<bastion::bad_spec>(
        [who, what](const bastion::bad_spec& e) {
            const std::string text = e.what();
            const std::string begin = "bastion: " + who + " at ";
            const std::size_t line = text.rfind("start_test.cpp:");
            return text.starts_with(begin) && line != std::string::npos && text.ends_with(what) &&
                   text.find_first_not_of("0123456789", line + 15) == text.size() - what.size();
        },
        who + what);
}

} // namespace

TEST_CASE("sup_start_normal") {
    suite s;
    CHECK(s.which().empty());
    CHECK(s.stop().empty());
}

// A supervisor is described by a value, so there is no init function that could return `ignore`: who decides not to start one spawns
// none. What the case is about is the child that declines, in the parent's place: nothing is left of it, and nobody hears of an end.
TEST_CASE("sup_start_ignore_init") {
    suite s([](suite& of) {
        return bastion::supervisor().with_otp_defaults().with_children(of.child("child1", {start::ignore}));
    });
    CHECK(s.sup.alive());
    CHECK(s.which() == "child1 stopped");
    CHECK(s.reasons() == lines{"child1 normal"});
    CHECK(s.w.log.take().empty());
    const lines heard = heard_by_parent([&s](const bastion::context& ctx) {
        const auto sup =
            ctx.spawn(bastion::supervisor().with_otp_defaults().with_children(s.child("child1", {start::ignore})));
        ctx.link(sup);
    });
    CHECK(heard == lines{"spawned"});
}

TEST_CASE("sup_start_ignore_child") {
    suite s;
    CHECK(s.start(s.child("child1", {start::ignore})) == "ok, undefined");
    CHECK(s.start(s.child("child2")) == "ok");
    CHECK(s.which() == "child1 stopped, child2");
    CHECK(s.counts() == counted{2, 1, 0, 2});
}

TEST_CASE("sup_start_ignore_temporary_child") {
    suite s([](suite& of) {
        return bastion::supervisor()
            .with_otp_defaults()
            .with_children(of.child("child1", bastion::temporary, {start::ignore}))
            .with_children(of.child("child2", bastion::temporary));
    });
    CHECK(s.which() == "child2");
    CHECK(s.counts() == counted{1, 1, 0, 1});
}

TEST_CASE("sup_start_ignore_temporary_child_start_child") {
    suite s;
    CHECK(s.start(s.child("child1", bastion::temporary, {start::ignore})) == "ok, undefined");
    CHECK(s.start(s.child("child2", bastion::temporary)) == "ok");
    CHECK(s.which() == "child2");
    CHECK(s.counts() == counted{1, 1, 0, 1});
}

// OTP's init returns something else than it should. Here the compiler refuses what is no builder; what it cannot see throws at the
// call, and nothing has started.
TEST_CASE("sup_start_error_return") {
    const lines heard = heard_by_parent([](const bastion::context& ctx) {
        ctx.spawn(bastion::supervisor().with_name("s").with_children(bastion::children().with_name("c")));
    });
    REQUIRE(heard.size() == 1);
    CHECK_THAT(heard[0],
        Catch::Contains("children(\"c\")") && Catch::EndsWith("has no body: call with_exec or with_handlers"));
    tree::world w;
    CHECK_THROWS_AS(w.rt.spawn(bastion::supervisor().with_name("s").with_children(bastion::children().with_name("c"))),
        bastion::bad_spec);
    w.settle();
    CHECK_FALSE(w.rt.find_supervisor("/s").alive());
}

// OTP's init throws. Here that can be what makes a child's data: at the first start it throws to who spawns, and no exit signal comes.
// One that fails later, in its child, is heard of by who linked with it meanwhile.
TEST_CASE("sup_start_fail") {
    tree::journal events;
    const auto failing = [&events] {
        const auto make = []() -> int { throw std::runtime_error("no data"); };
        return bastion::supervisor().with_name("s").with_children(tree::named(events, "c").with_data(make));
    };
    CHECK(heard_by_parent([&](const bastion::context& ctx) { ctx.spawn(failing()); }) == lines{"no data"});
    CHECK(heard_by_parent([&](const bastion::context& ctx) { ctx.spawn_child(failing()); }) == lines{"no data"});
    const auto fails_later = [](const bastion::context& ctx) {
        auto child = bastion::children()
                         .with_name("c")
                         .with_start(bastion::wait_ready)
                         .with_exec([](bastion::context c) -> bastion::process { co_return c.fail("no start"); });
        const auto sup = ctx.spawn(bastion::supervisor().with_children(std::move(child)));
        ctx.link(sup);
    };
    CHECK(heard_by_parent(fails_later) == lines{"spawned", "exited start failed: c: start failed: 0: error: no start"});

    tree::world w;
    CHECK_THROWS_WITH(w.rt.spawn(failing()), "no data");
    w.settle();
    CHECK(w.log.take().empty());
    CHECK_FALSE(w.rt.find_supervisor("/s").alive());
    CHECK(events.take().empty());
}

// OTP's first child says an error, its second something else than it should.
TEST_CASE("sup_start_child_returns_error") {
    suite s;
    auto failed = s.w.rt.run(s.sup.start_child(s.child("child1", {start::fail})));
    CHECK(s.why(failed) == "start failed: child1: start failed: 0: error: no start");
    CHECK(failed.error().reason().child() == "child1");
    CHECK(failed.error().reason().cause().cause().what() == "error: no start");
    failed = s.w.rt.run(s.sup.start_child(s.child("child2", {start::panic})));
    CHECK(s.why(failed) == "start failed: child2: start failed: 0: panic: at the start");
    s.w.settle();
    CHECK(s.which().empty());
    CHECK(s.counts() == counted{0, 0, 0, 0});
    CHECK(s.sup.alive());
}

TEST_CASE("sup_start_restart_child_returns_error") {
    const starts how{start::well};
    suite s([&how](suite& of) {
        return flags(bastion::strategy::one_for_one, 2, 3600s).with_children(of.child("child1", how));
    });
    CHECK(s.terminate("child1") == "ok");
    how.set(start::fail);
    CHECK(s.why(s.w.rt.run(s.sup.restart_child("child1"))) == "start failed: child1: start failed: 0: error: no start");
    s.w.settle();
    CHECK(s.which() == "child1 stopped");
    how.set(start::panic);
    CHECK(s.why(s.w.rt.run(s.sup.restart_child("child1"))) ==
          "start failed: child1: start failed: 0: panic: at the start");
    s.w.settle();
    CHECK(s.which() == "child1 stopped");
    how.set(start::well);
    CHECK(s.restart("child1") == "ok");
    CHECK(s.which() == "child1");
}

TEST_CASE("sup_start_map") {
    suite s([](suite& of) {
        return bastion::supervisor()
            .with_otp_defaults()
            .with_children(bastion::children().with_name("child1").with_exec(worker(of.w.events, "child1")))
            .with_children(bastion::children()
                    .with_name("child2")
                    .with_exec(worker(of.w.events, "child2"))
                    .with_shutdown(bastion::shutdown::brutal()))
            .with_supervisor(bastion::supervisor().with_name("child3"));
    });
    const auto first = s.info("child1");
    CHECK(first.restart == bastion::permanent);
    CHECK(first.shutdown.time() == 5000ms);
    CHECK(first.kind == bastion::child_kind::group);
    CHECK_FALSE(first.significant);
    CHECK(s.info("child2").shutdown.is_brutal());
    const auto third = s.info("child3");
    CHECK(third.restart == bastion::permanent);
    CHECK(third.shutdown.is_infinite());
    CHECK(third.kind == bastion::child_kind::supervisor);
    const auto fourth = s.w.rt.run(s.sup.which_child("child4"));
    REQUIRE_FALSE(fourth.has_value());
    CHECK(fourth.error() == bastion::errc::not_found);
    s.stop();
}

// A missing id is made up, an unknown key does not compile, and nor does what is no spec (tests/compile_fail). What OTP answers is
// thrown here, before anything is asked: whose spec, where it was written, and what is wrong with it.
TEST_CASE("sup_start_map_faulty_specs") {
    suite s;
    const auto unnamed = s.w.rt.run(
        s.sup.start_child(bastion::children().with_exec(worker(s.w.events, "x")).with_start(bastion::wait_ready)));
    REQUIRE(unnamed.has_value());
    CHECK_FALSE(unnamed->id.empty());
    const auto refused = [&s](const auto& spec, const std::string& who, const std::string& what) {
        CHECK_THROWS_MATCHES(s.sup.start_child(spec()), bastion::bad_spec, said_by_spec(who, what));
        CHECK_THROWS_MATCHES(s.w.rt.spawn(bastion::supervisor().with_name("s").with_children(spec())),
            bastion::bad_spec, said_by_spec(who, what));
    };
    const std::string no_body = " has no body: call with_exec or with_handlers";
    refused([] { return bastion::children(); }, "children()", no_body);
    refused([] { return bastion::children().with_name("child2"); }, "children(\"child2\")", no_body);
    refused([&s] { return bastion::children().with_name("a/b").with_exec(worker(s.w.events, "x")); },
        "children(\"a/b\")", ": a name must not contain '/': it separates the parts of a path");
    refused([&s] { return bastion::children().with_name("temporary").with_exec(worker(s.w.events, "x")); },
        "children(\"temporary\")",
        ": this name is that of the group in which a supervisor has what was spawned as a function");
    refused(
        [&s] {
            return bastion::children()
                .with_name("child2")
                .with_exec(worker(s.w.events, "x"))
                .with_start(bastion::wait_ready, -1s);
        },
        "children(\"child2\")", ": with_start needs a time-out longer than 0");
    CHECK_THROWS_MATCHES(s.sup.start_child(bastion::supervisor().with_name("child2").with_max_children(1)),
        bastion::bad_spec,
        said_by_spec("supervisor(\"child2\")", " has with_max_children: that needs strategy::simple_one_for_one"));
    CHECK(s.counts() == counted{1, 1, 0, 1});
    CHECK_FALSE(s.w.rt.find_supervisor("/s").alive());
    s.stop();
}

TEST_CASE("extra_return") {
    suite s([](suite& of) {
        return bastion::supervisor().with_otp_defaults().with_intensity(2, 3600s).with_children(
            of.child("child1").with_exec([](bastion::context ctx) -> bastion::process {
                ctx.ready(std::string("extra_return"));
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (m.told<tree::die>() != nullptr) co_return ctx.fail("died");
                    if (auto q = m.asked<tree::are_you_there>()) q.reply(ctx.incarnation());
                }
            }));
    });
    const auto extra = [](const bastion::child_info& c) {
        const auto* said = c.extra<std::string>();
        return said != nullptr ? *said : std::string("none");
    };
    CHECK(s.which() == "child1");
    const pid first = s.pid_of("child1");
    CHECK(s.terminate("hej") == text(bastion::errc::not_found));
    CHECK(s.remove("hej") == text(bastion::errc::not_found));
    CHECK(s.restart("hej") == text(bastion::errc::not_found));
    CHECK(s.remove("child1") == text(bastion::errc::running));
    CHECK(s.restart("child1") == text(bastion::errc::running));
    CHECK(s.which() == "child1");
    CHECK(s.counts() == counted{1, 1, 0, 1});

    CHECK(s.terminate("child1") == "ok");
    CHECK_FALSE(s.lives(first));
    CHECK(s.reasons() == lines{"child1 stopped"});
    CHECK(s.which() == "child1 stopped");
    CHECK(s.counts() == counted{1, 0, 0, 1});

    const auto again = s.w.rt.run(s.sup.restart_child("child1"));
    REQUIRE(again.has_value());
    CHECK(extra(*again) == "extra_return");
    CHECK(again->extra<int>() == nullptr);
    CHECK(s.counts() == counted{1, 1, 0, 1});
    const pid second = s.pid_of("child1");
    s.dies("child1"); // restarted as any other
    CHECK_FALSE(s.lives(second));
    CHECK(s.which() == "child1");

    CHECK(s.terminate("child1") == "ok");
    CHECK(s.terminate("child1") == "ok");
    CHECK(s.remove("child1") == "ok");
    CHECK(s.restart("child1") == text(bastion::errc::not_found));
    CHECK(s.which().empty());
    CHECK(s.counts() == counted{0, 0, 0, 0});

    const auto third = s.w.rt.run(s.sup.start_child(bastion::children()
            .with_name("child1")
            .with_start(bastion::wait_ready)
            .with_exec([](bastion::context ctx) -> bastion::process {
                ctx.ready(std::string("extra_return"));
                ctx.ready(std::string("too late"));
                (void)co_await ctx.recv();
            })));
    REQUIRE(third.has_value());
    CHECK(extra(*third) == "extra_return");
    CHECK(s.counts() == counted{1, 1, 0, 1});
}

// OTP's child is registered by its start function, which says `{already_started, Pid}` when a stranger has the name; the supervisor hands
// that on. Here a child takes its name in its body, and what it ends with is a text: start_child says start_failed, of whom and with
// that text, and whereis says who has the name. already_started is said of what the supervisor's own child has, and names no ref:
// which_child does.
TEST_CASE("already_started_outside_supervisor") {
    suite s;
    const auto takes_name = [&s] {
        return s.without_body("child1").with_exec([](bastion::context ctx) -> bastion::process {
            const auto taken = ctx.register_name("registered");
            if (!taken) co_return ctx.fail(taken.error());
            ctx.ready();
            (void)co_await ctx.recv();
        });
    };
    bastion::child_ref other = s.w.rt.spawn([](bastion::context ctx) -> bastion::process {
        const auto mine = ctx.register_name("registered");
        CHECK(mine.has_value());
        (void)co_await ctx.recv();
    });
    s.w.settle();
    const auto failed = s.w.rt.run(s.sup.start_child(takes_name()));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error() == bastion::errc::start_failed);
    CHECK(failed.error().reason().kind() == bastion::exit_kind::start_failed);
    CHECK(failed.error().reason().child() == "child1");
    CHECK(failed.error().reason().cause().cause().kind() == bastion::exit_kind::error);
    CHECK(failed.error().reason().cause().cause().text() == text(bastion::errc::name_taken));
    CHECK(s.w.rt.whereis("registered") == other);
    CHECK(other.alive());
    CHECK(s.sup.alive());
    CHECK(s.which().empty());
    CHECK(s.counts() == counted{0, 0, 0, 0});
    other.tell(1); // it ends, and its name is free
    s.w.settle();
    CHECK(s.start(takes_name()) == "ok");
    CHECK(s.w.rt.whereis("registered") == s.element("child1"));
    CHECK(s.start(takes_name()) == text(bastion::errc::already_started));
    CHECK(s.w.rt.whereis("registered") == s.element("child1"));
    CHECK(s.reasons() == lines{"child1 error: " + text(bastion::errc::name_taken)});
    s.stop();
    CHECK_FALSE(s.w.rt.whereis("registered").alive());
}

// No start is logged at all.
TEST_CASE("external_start_no_progress_log") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.w.log.take().empty());
    s.dies("child1");
    CHECK(s.w.log.take() == lines{"/otp/sup_test/child1/0: error: died; restarts now"});
}
