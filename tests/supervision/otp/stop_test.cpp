// supervisor_SUITE: how supervisors stop their children, and who does not hold them up.
#include "supervision/otp/suite.hpp"

#include <algorithm>

using namespace otp;
using counted = std::vector<std::size_t>;

// OTP allows `infinity` for workers and supervisors alike.
TEST_CASE("sup_stop_infinity") {
    tree::journal ends_of_child; // outlives the runtime
    suite s;
    CHECK(s.start(bastion::supervisor().with_name("child1").with_shutdown(bastion::shutdown::infinite())) == "ok");
    CHECK(s.start(s.child("child2").with_shutdown(bastion::shutdown::infinite())) == "ok");
    CHECK(s.info("child1").shutdown.is_infinite());
    CHECK(s.info("child2").shutdown.is_infinite());
    watch(s.w.rt, s.info("child1").supervisor, ends_of_child);
    s.tell("child2", take_for_stop{1h});
    s.sup.stop();
    s.w.advance(59min);
    CHECK(s.sup.alive());
    CHECK(s.reasons().empty());
    s.w.advance(2min);
    CHECK(s.end_of_sup() == "stopped");
    CHECK(s.reasons() == lines{"child2 stopped"});
    CHECK(ends_of_child.take() == lines{"stopped"});
}

TEST_CASE("sup_stop_timeout") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2")) == "ok");
    s.tell("child2", sleep_deaf{200s});
    s.sup.stop();
    s.w.advance(999ms);
    CHECK(s.sup.alive());
    s.w.advance(1ms);
    CHECK(s.end_of_sup() == "stopped");
    CHECK(s.reasons() == lines{"child2 killed", "child1 stopped"});
}

TEST_CASE("sup_stop_brutal_kill") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    CHECK(s.start(s.child("child2").with_shutdown(bastion::shutdown::brutal())) == "ok");
    s.stop();
    CHECK(s.reasons() == lines{"child2 killed", "child1 stopped"});
}

// Children that end by themselves while the supervisor stops: of each restart type and with each reason, before and after their order
// has reached them. Each keeps its own reason, and the stop ends.
TEST_CASE("sup_stop_race") {
    for (const auto when : {bastion::permanent, bastion::transient, bastion::temporary})
        for (const bool asked_first : {false, true}) {
            suite s;
            const std::vector<std::pair<std::string, bastion::exit_reason>> ends{{"normal", bastion::exit_reason()},
                {"stopped", shutdown_reason}, {"error: other", bastion::exit_reason::error("other")}};
            for (const auto& [name, why] : ends) {
                CHECK(s.start(s.child(name, when)) == "ok");
                if (asked_first) s.tell(name, end_with{why});
            }
            CHECK(s.start(s.child("last", when)) == "ok");
            s.tell("last", take_for_stop{500ms});
            s.sup.stop();
            s.w.settle(); // "last" takes its time: the others wait for their order
            if (!asked_first) {
                s.w.rt.whereis("/otp/sup_test/normal/0").tell(tree::finish{});
                s.w.rt.whereis("/otp/sup_test/stopped/0").exit(shutdown_reason);
                s.w.rt.whereis("/otp/sup_test/error: other/0").tell(tree::die{"other"});
                s.w.settle();
            }
            s.w.advance(500ms);
            CHECK(s.end_of_sup() == "stopped");
            lines said = s.reasons(); // in the order in which it is known that they do not come back
            std::sort(said.begin(), said.end());
            CHECK(said == lines{"error: other error: other", "last stopped",
                              asked_first ? "normal stopped" : "normal normal", "stopped stopped"});
        }
}

// The child has no link to its supervisor that it could take away. What is left of the case: a child that ignores what it can.
TEST_CASE("child_unlink") {
    suite s;
    CHECK(s.start(s.child("naughty_child").with_exec([](bastion::context ctx) -> bastion::process {
        ctx.unlink(ctx.supervisor());
        ctx.trap_exit();
        ctx.trap_stop();
        ctx.ready();
        for (;;) (void)co_await ctx.recv();
    })) == "ok");
    s.w.rt.spawn([sup = s.sup, &s](bastion::context) -> bastion::process {
        const auto r = co_await sup.terminate_child("naughty_child");
        s.w.events.add(r ? "terminated" : r.error().what());
    });
    s.w.advance(999ms);
    CHECK(s.counts() == counted{1, 0, 0, 1}); // it answers meanwhile
    CHECK(s.w.events.take().empty());
    s.w.advance(1ms);
    CHECK(s.w.events.take() == lines{"terminated"});
    CHECK(s.reasons() == lines{"naughty_child killed"});
}

// Ids that are in no order of their own.
TEST_CASE("order_of_children") {
    const lines ids{"ch7", "ch3", "ch10", "ch2", "ch5"};
    suite s([&ids](suite& of) {
        auto sup = flags(bastion::strategy::rest_for_one, 2, 3600s);
        for (const std::string& id : ids) sup.with_children(of.child(id));
        return sup;
    });
    CHECK(s.which() == "ch7, ch3, ch10, ch2, ch5");
    CHECK(s.w.events.take() == lines{"start ch7", "start ch3", "start ch10", "start ch2", "start ch5"});
    std::vector<pid> before;
    for (const std::string& id : ids) before.push_back(s.pid_of(id));
    s.dies("ch10");
    CHECK(s.w.events.take() == lines{"end ch10", "end ch5", "end ch2", "start ch10", "start ch2", "start ch5"});
    CHECK(s.which() == "ch7, ch3, ch10, ch2, ch5");
    for (std::size_t i = 0; i < ids.size(); ++i) CHECK(s.lives(before[i]) == (i < 2));
    CHECK(s.stop() == lines{"end ch5", "end ch2", "end ch10", "end ch3", "end ch7"});
}

// Not in the suite, executed on OTP: whatever ends the parent ends the supervisor in order, also a normal end; what others tell it does
// not. A parent in OTP's sense is here who spawns by `spawn_child`.
TEST_CASE("sup_stop: the end of its parent, also a normal one, stops the supervisor") {
    for (const bool normal : {true, false}) {
        tree::journal ends;
        tree::world w;
        const auto parent = w.rt.spawn([&w](bastion::context ctx) -> bastion::process {
            const auto child = [&w](const char* id) {
                return bastion::children().with_name(id).with_exec(worker(w.events, id));
            };
            ctx.spawn_child(bastion::supervisor()
                    .with_otp_defaults()
                    .with_name("sup_test")
                    .with_children(child("child1"))
                    .with_children(child("child2")));
            auto m = co_await ctx.recv();
            if (m.told<tree::die>() != nullptr) ctx.fail("boom");
        });
        w.settle();
        const auto sup = w.rt.find_supervisor("/sup_test");
        CHECK(sup.alive());
        watch(w.rt, sup, ends);
        w.settle();
        CHECK(w.events.take() == lines{"start child1", "start child2"});
        if (normal) parent.tell(tree::finish{});
        else parent.tell(tree::die{"boom"});
        w.settle();
        CHECK_FALSE(parent.alive());
        CHECK_FALSE(sup.alive());
        CHECK(w.events.take() == lines{"end child2", "end child1"});
        CHECK(ends.take() == lines{"stopped"});
    }
}

TEST_CASE("sup_stop: a stranger's exit is ignored") {
    suite s;
    CHECK(s.start(s.child("child1")) == "ok");
    for (const bastion::exit_reason& why :
        {bastion::exit_reason(), shutdown_reason, bastion::exit_reason::error("boom")}) {
        s.w.rt.spawn([sup = s.sup, why](bastion::context ctx) -> bastion::process {
            ctx.link(sup);
            co_return ctx.exit(why);
        });
        bastion::child_ref(s.sup.where()).exit(why);
        s.w.settle();
        CHECK(s.end_of_sup() == "alive");
        CHECK(s.which() == "child1");
        CHECK(s.w.events.take() == (why.kind() == bastion::exit_kind::normal ? lines{"start child1"} : lines{}));
    }
}

// Not in the suite, executed on OTP: what a process has is released before anybody hears of its end, so that its name can be taken at
// once. It has many, and the heir looks for the notice all the time: one that comes before the last of them is free would be seen.
TEST_CASE("sup_stop: a name is free when the notice of its owner's end arrives") {
    tree::world w(2);
    constexpr int many = 2000;
    const auto has_names = [](bastion::context ctx) -> bastion::process {
        for (int i = 0; i <= many; ++i) {
            const auto mine = ctx.register_name("mine" + std::to_string(i));
            if (!mine) co_return ctx.fail(mine.error());
        }
        (void)co_await ctx.recv();
    };
    const std::string last = "mine" + std::to_string(many);
    for (const bool linked : {false, true})
        for (int i = 0; i < 5; ++i) {
            const auto owner = w.rt.spawn(has_names);
            w.settle();
            const auto heir = w.rt.spawn([owner, linked, last, &w](bastion::context ctx) -> bastion::process {
                ctx.trap_exit();
                bastion::monitor_handle watched;
                if (linked) ctx.link(owner);
                else watched = ctx.monitor(owner);
                (void)co_await ctx.recv();
                for (;;) { // looks all the time, on its own worker
                    const auto m = ctx.try_recv();
                    if (m && (m->told<bastion::down>() != nullptr || m->told<bastion::exited>() != nullptr)) break;
                    co_await ctx.yield();
                }
                const auto taken = ctx.register_name(last);
                w.events.add(taken ? "taken" : taken.error().what());
                (void)co_await ctx.recv();
            });
            w.settle();
            CHECK(w.rt.whereis(last) == owner);
            heir.tell(1);
            owner.tell(1);
            w.settle();
            CHECK(w.events.take() == lines{"taken"});
            CHECK(w.rt.whereis(last) == heir);
            heir.tell(1);
            w.settle();
        }
}
