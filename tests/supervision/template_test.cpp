// Supervisors that start_child makes from a template.
#include "supervision/tree.hpp"

#include <bastion/supervision/dynamic.hpp>

#include <stdexcept>

using namespace tree;
using bastion::errc;

namespace {

bastion::supervisor simple() {
    return bastion::supervisor()
        .with_otp_defaults()
        .with_strategy(bastion::strategy::simple_one_for_one)
        .with_name("sessions");
}

// Sessions with a talker and a keeper each, called by their user.
struct sessions {
    explicit sessions(bastion::supervisor as = simple())
        : sup(below(
              w.rt.spawn(bastion::supervisor().with_name("above").with_restart_strategy(at_once()).with_supervisor(
                  std::move(as).with_supervisor_template([&j = w.events](std::string user) {
                      return bastion::supervisor()
                          .with_otp_defaults()
                          .with_strategy(bastion::strategy::one_for_all)
                          .with_children(named(j, user + ".talker"))
                          .with_children(named(j, user + ".keeper"));
                  }))))) {}
    bastion::supervisor_ref below(const bastion::supervisor_ref& above) {
        const auto made = w.rt.run(above.which_child("sessions"));
        REQUIRE(made.has_value());
        return made->supervisor;
    }
    bastion::supervisor_ref start(const std::string& user) {
        const auto made = w.rt.run(sup.start_child<std::string>(user));
        REQUIRE(made.has_value());
        CHECK(made->id.empty());
        CHECK(made->kind == bastion::child_kind::supervisor);
        CHECK(made->status == bastion::child_status::running);
        return made->supervisor;
    }
    void talker_dies(const bastion::supervisor_ref& session, const std::string& user) {
        const auto talker = w.rt.run(session.which_child(user + ".talker"));
        if (talker) talker->group[0].tell(die{"died"});
        w.settle();
    }
    bastion::child_counts counts() {
        const auto all = w.rt.run(sup.count_children());
        return all ? *all : bastion::child_counts{};
    }

    world w;
    bastion::supervisor_ref sup;
};

template <class R>
errc code_of(const R& r) {
    return r ? errc{} : r.error().code();
}

} // namespace

TEST_CASE("Supervisors from a template: each is started with its arguments, restarted alone, and known by its ref") {
    sessions s;
    CHECK(s.counts() == bastion::child_counts{1, 0, 0, 0});
    const bastion::supervisor_ref ada = s.start("ada");
    const bastion::supervisor_ref bob = s.start("bob");
    CHECK(s.counts() == bastion::child_counts{1, 2, 2, 0});
    CHECK(
        s.w.events.take() == lines{"start ada.talker0", "start ada.keeper0", "start bob.talker0", "start bob.keeper0"});

    const auto all = s.w.rt.run(s.sup.which_children());
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 2);
    CHECK((*all)[0].supervisor.where() == ada.where());
    CHECK((*all)[1].supervisor.where() == bob.where());

    s.talker_dies(ada, "ada"); // one restart in 5 s is its own
    CHECK(s.w.events.take() == lines{"end ada.talker0", "end ada.keeper0", "start ada.talker0", "start ada.keeper0"});
    s.talker_dies(ada, "ada"); // and the second one its supervisor's, which starts it with all that was described
    CHECK(s.w.events.take() == lines{"end ada.talker0", "end ada.keeper0", "start ada.talker0", "start ada.keeper0"});
    CHECK(ada.alive());
    CHECK(s.counts() == bastion::child_counts{1, 2, 2, 0});
}

TEST_CASE("Supervisors from a template: terminate_child by ref leaves nothing of one") {
    const auto before = bastion::detail::live_blocks();
    {
        sessions s;
        const bastion::supervisor_ref ada = s.start("ada");
        const bastion::supervisor_ref bob = s.start("bob");
        (void)s.w.events.take();
        const auto blocks = bastion::detail::live_blocks();
        CHECK(code_of(s.w.rt.run(s.sup.terminate_child(ada))) == errc{});
        CHECK_FALSE(ada.alive());
        CHECK(s.w.events.take() == lines{"end ada.keeper0", "end ada.talker0"});
        CHECK(s.counts() == bastion::child_counts{1, 1, 1, 0});
        CHECK(
            bastion::detail::live_blocks() == blocks - 6); // of three owners, of their temporary group, of two elements
        CHECK(code_of(s.w.rt.run(s.sup.terminate_child(ada))) == errc{}); // it has ended
        const auto stranger = s.w.rt.spawn(bastion::supervisor());
        CHECK(code_of(s.w.rt.run(s.sup.terminate_child(stranger))) == errc::not_found);
        CHECK(code_of(s.w.rt.run(s.sup.terminate_child(bastion::supervisor_ref()))) == errc{});
        bob.stop(); // by its own ref, the same
        s.w.settle();
        CHECK(s.counts() == bastion::child_counts{1, 0, 0, 0});
    }
    CHECK(bastion::detail::live_blocks() == before);
}

TEST_CASE("Supervisors from a template: they stop all at once, and none comes back with their supervisor") {
    const bool specs_kept = GENERATE(true, false);
    sessions s(simple().with_own_restart(bastion::permanent).with_intensity(0, 5s).with_specs_kept(specs_kept));
    const bastion::supervisor_ref ada = s.start("ada");
    const bastion::supervisor_ref bob = s.start("bob");
    for (const auto* each : {&ada, &bob}) {
        const auto all = s.w.rt.run(each->which_children());
        REQUIRE(all.has_value());
        (*all)[1].group[0].tell(nap{1s});
    }
    s.w.settle();
    (void)s.w.events.take();

    SECTION("by a stop") {
        s.sup.stop();
        s.w.settle();
        CHECK(s.sup.alive()); // both nap
        s.w.advance(1s);
        CHECK_FALSE(s.sup.alive());
        CHECK(s.w.events.take().size() == 6); // two that woke, four that ended
    }
    SECTION("when it fails") {
        const auto talkers = s.w.rt.run(ada.which_children());
        REQUIRE(talkers.has_value());
        (*talkers)[0].group[0].tell(die{"died"}); // within their own intensity, once both are awake
        s.w.advance(1s);
        s.talker_dies(ada, "ada"); // above it: and its supervisor allows no restart
        s.w.settle();
        CHECK(s.sup.alive()); // it came back
        CHECK_FALSE(ada.alive());
        CHECK_FALSE(bob.alive());
        CHECK(s.counts() == bastion::child_counts{1, 0, 0, 0});
        CHECK(s.start("cid").alive());
    }
}

TEST_CASE("Supervisors from a template: a start that fails leaves nothing, and says why") {
    world w;
    const auto sup = w.rt.spawn(simple().with_max_children(2).with_supervisor_template([](int how) {
        if (how == 1) throw std::runtime_error("no such user");
        auto made = bastion::supervisor().with_otp_defaults();
        if (how == 2) return std::move(made).with_children(bastion::children().with_name("a/b"));
        if (how == 3)
            return std::move(made).with_children(bastion::children()
                    .with_name("late")
                    .with_start(bastion::wait_ready)
                    .with_exec([](bastion::context ctx) -> bastion::process { co_return ctx.fail("no"); }));
        return std::move(made).with_name("session" + std::to_string(how));
    }));
    const auto why = [&](int how) {
        const auto made = w.rt.run(sup.start_child(how));
        return made ? std::string("ok") : made.error().what();
    };
    CHECK_THAT(why(1), Catch::Contains("no such user"));
    CHECK_THAT(why(2), Catch::Contains("must not contain '/'"));
    CHECK_THAT(why(3), Catch::Contains("late") && Catch::Contains("no"));
    CHECK(why(4) == "ok");
    CHECK(why(4) == bastion::error(errc::already_started).what());
    CHECK(why(5) == "ok");
    CHECK(why(6) == "start_child: /sessions has as many children as it may have (with_max_children(2))");
    const auto wrong = w.rt.run(sup.start_child<std::string>("x"));
    REQUIRE_FALSE(wrong.has_value());
    CHECK_THAT(wrong.error().what(), Catch::Contains("takes std::tuple<int>"));
    const auto counted = w.rt.run(sup.count_children());
    REQUIRE(counted.has_value());
    CHECK(*counted == bastion::child_counts{1, 2, 2, 0});
    const auto tree = w.rt.snapshot();
    CHECK_THAT(to_string(tree), Catch::Contains("session4") && Catch::Contains("session5"));
}

TEST_CASE("Supervisors from a template: what is known by names is refused, and so is another description") {
    sessions s;
    (void)s.start("ada");
    CHECK(code_of(s.w.rt.run(s.sup.terminate_child("ada"))) == errc::simple_one_for_one);
    CHECK(code_of(s.w.rt.run(s.sup.restart_child("ada"))) == errc::simple_one_for_one);
    CHECK(code_of(s.w.rt.run(s.sup.delete_child("ada"))) == errc::simple_one_for_one);
    CHECK(code_of(s.w.rt.run(s.sup.which_child("ada"))) == errc::simple_one_for_one);
    CHECK(code_of(s.w.rt.run(s.sup.start_child(bastion::supervisor()))) == errc::simple_one_for_one);
    const auto spawned = s.sup.spawn(bastion::supervisor());
    CHECK(code_of(s.w.rt.run(spawned.started())) == errc::start_failed);

    const auto body = [](bastion::context ctx, int) -> bastion::process { (void)co_await ctx.recv(); };
    const auto of_groups = [&] { return simple().with_children(bastion::children().with_template(body)); };
    const auto of_supervisors = [] { return simple().with_supervisor_template([] { return bastion::supervisor(); }); };
    CHECK(code_of(s.w.rt.run(s.sup.reconfigure(of_groups()))) == errc::invalid);
    CHECK(code_of(s.w.rt.run(s.sup.reconfigure(of_supervisors().with_max_children(2)))) == errc{});
    CHECK(code_of(s.w.rt.run(s.sup.start_child<std::string>("bob"))) == errc::wrong_type); // the new one takes nothing
    CHECK(code_of(s.w.rt.run(s.sup.start_child())) == errc{});
    CHECK(s.counts() == bastion::child_counts{1, 2, 2, 0});

    using bastion::bad_spec;
    CHECK_THROWS_AS(s.w.rt.spawn(of_supervisors().with_strategy(bastion::strategy::one_for_one)), bad_spec);
    CHECK_THROWS_AS(s.w.rt.spawn(of_supervisors().with_children(bastion::children().with_template(body))), bad_spec);
}

TEST_CASE("A template may be a function that runs on a fiber: each child has its arguments, a restarted one too") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_restart(bastion::restart_when::temporary)
            .with_children(bastion::children().with_template(
                [&j = w.events](bastion::fiber_context ctx, const std::string& name, std::unique_ptr<int> once) {
                    j.add(name + (once ? " has it" : ""));
                    (void)ctx.recv<int>();
                })));
    const auto copies = w.rt.spawn(bastion::supervisor()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_restart_strategy(at_once())
            .with_children(
                bastion::children().with_template([&j = w.events](bastion::fiber_context ctx, const std::string& name) {
                    j.add(name);
                    const bool fails = ctx.recv<int>() == 0;
                    j.add(name + (fails ? " fails" : " ends"));
                    if (fails) ctx.fail("again");
                })));
    const auto moved = w.rt.run(sup.start_child<std::string, std::unique_ptr<int>>("ada", std::make_unique<int>(1)));
    REQUIRE(moved.has_value());
    const auto copied = w.rt.run(copies.start_child<std::string>("bob"));
    REQUIRE(copied.has_value());
    w.settle();
    CHECK(w.events.take() == lines{"ada has it", "bob"});
    copied->element.tell(0);
    w.settle();
    CHECK(w.events.take() == lines{"bob fails", "bob"});
    copied->element.tell(1);
    w.settle();
    CHECK(w.events.take() == lines{"bob ends"});
}
