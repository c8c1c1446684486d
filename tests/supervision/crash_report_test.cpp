// Crash reports: what they tell, and of which ends they are made.
#include "supervision/tree.hpp"
#include "support/blocking.hpp"
#include "support/crashes.hpp"

#include <functional>
#include <optional>
#include <stdexcept>

using namespace tree;

namespace {

// Told to a party: what it does then, inside.
struct act {
    std::function<void(const bastion::context&)> what;
};
struct quarrel {
    using answer_type = int;
};

bastion::process party(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* a = m.told<act>()) a->what(ctx);
        else if (auto* d = m.told<die>()) bastion::panic(d->why);
        else if (auto* g = m.told<give_up>()) co_return ctx.fail(g->why);
        else if (m.told<finish>() != nullptr) co_return;
        else if (auto* n = m.told<nap>()) co_await ctx.sleep_for(n->time);
    }
}

// Ends before it says that it is ready.
bastion::process never_ready(bastion::context) {
    bastion::panic("no");
    co_return;
}

bastion::process ends_at_once(bastion::context) { co_return; }

struct party_of_handlers {
    void end(const die& d) { bastion::panic(d.why); }
};

bastion::config told_to(test::crash_sink& sink, bastion::crash_limits limits = bastion::crash_limits()) {
    return bastion::config().with_crash_reports(std::ref(sink), limits);
}

// All that were made so far: `n`.
std::vector<bastion::crash_report> reports(world& w, test::crash_sink& sink, std::size_t n) {
    w.settle();
    REQUIRE(w.rt.crash_reports().made == n);
    return sink.wait_for(n);
}

void does(const bastion::child_ref& who, std::function<void(const bastion::context&)> what) {
    who.tell(act{std::move(what)});
}
void panics(const bastion::context&) { bastion::panic("boom"); }

std::string file_of(const bastion::source_location& where) {
    const std::string text = where.to_string();
    return text.substr(0, text.find(':'));
}
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

} // namespace

TEST_CASE("A crash report tells all that was known of a process") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    w.rt.spawn(bastion::supervisor().with_name("a").with_supervisor(
        bastion::supervisor().with_name("b").with_children(bastion::children()
                .with_name("c")
                .with_redundancy(2)
                .with_restart_scope(bastion::restart_scope::element)
                .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(3ms))
                .with_exec(party))));
    const auto peer = w.rt.spawn(party);
    const auto watcher = w.rt.spawn(party);
    w.settle();
    const auto c = w.rt.find_children("/a/b/c")[1];
    does(c, [peer](const bastion::context& ctx) {
        (void)ctx.register_name("clerk");
        ctx.link(peer);
        ctx.trap_exit();
    });
    std::optional<bastion::monitor_handle> watch;
    does(watcher, [&](const bastion::context& ctx) { watch.emplace(ctx.monitor(c)); });
    does(peer, [](const bastion::context& ctx) { ctx.trap_exit(); });
    w.settle();
    w.advance(1500ms);
    // One worker: all of it is there before it has a turn.
    does(watcher, [c](const bastion::context&) {
        c.tell(die{"boom"});
        c.tell(1);
        c.tell("text");
        c.tell(2.5);
        auto dropped = c.ask(quarrel{});
        c.tell(2);
    });
    const auto all = reports(w, sink, 1);
    const bastion::crash_report& r = all[0];
    CHECK(r.who == c);
    CHECK(r.path == "/a/b/c/1");
    CHECK(r.name == "clerk");
    CHECK(r.incarnation == 0);
    CHECK(r.restarts == 0);
    CHECK(file_of(r.spawned_at) == "crash_report_test.cpp");
    CHECK(r.ancestors == lines{"/a/b/c", "/a/b", "/a", "/"});
    CHECK(r.reason.what() == "panic: boom");
    CHECK(file_of(r.reason.where()) == "crash_report_test.cpp");
    CHECK(r.in_hand == bastion::type_name<die>());
    CHECK(r.lost == 1);
    CHECK(r.unread == 5);
    CHECK_FALSE(r.more_unread);
    CHECK(r.mailbox == lines{std::string(bastion::type_name<int>()), std::string(bastion::type_name<std::string>()),
                           std::string(bastion::type_name<double>()), std::string(bastion::type_name<quarrel>()),
                           std::string(bastion::type_name<int>())});
    CHECK(r.links == std::vector<bastion::child_ref>{peer});
    CHECK(r.linked == 1);
    CHECK(r.monitors == 1);
    CHECK(r.traps_exits);
    CHECK(r.next == "restarts in 3 ms");
    CHECK(r.at == 1500ms);
    CHECK(r.dropped_before == 0);
    CHECK(w.log.take() == lines{"/a/b/c/1: panic: boom; restarts in 3 ms"}); // beside it
    SECTION("the next incarnation is another process, with the mail that was left") {
        w.advance(3ms);
        w.settle();
        c.tell(give_up{"enough"});
        const auto both = reports(w, sink, 2);
        const bastion::crash_report& second = both[1];
        CHECK(second.who == c);
        CHECK(second.name.empty());
        CHECK(second.incarnation == 1);
        CHECK(second.restarts == 1);
        CHECK(second.reason.what() == "error: enough");
        CHECK(second.unread == 0);
        CHECK(second.mailbox.empty());
        CHECK(second.linked == 0);
        CHECK(second.links.empty());
        CHECK(second.monitors == 0);
        CHECK_FALSE(second.traps_exits);
        CHECK(second.next == "restarts in 6 ms");
        CHECK(second.at == 1503ms);
    }
    watch.reset();
}

TEST_CASE("Each abnormal end has a crash report") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    const auto group = [&](bastion::children g) {
        const auto all = w.rt.spawn(std::move(g).with_name("g").with_restart_strategy(at_once()));
        w.settle();
        return all[0];
    };
    const auto is_told = [&](const std::string& reason, const std::string& next) {
        const auto all = reports(w, sink, 1);
        CHECK(all[0].reason.what() == reason);
        CHECK(all[0].next == next);
        CHECK(w.log.take() == lines{all[0].path + ": " + reason + "; " + next});
    };
    SECTION("a panic by an exception") {
        does(group(bastion::children().with_exec(party)),
            [](const bastion::context&) { throw std::runtime_error("thrown"); });
        is_told("panic: thrown", "restarts now");
        CHECK(sink.take()[0].reason.type() == "std::runtime_error");
    }
    SECTION("an error that is returned") {
        group(bastion::children().with_exec(party)).tell(give_up{"why"});
        is_told("error: why", "restarts now");
    }
    SECTION("a panic of handlers") {
        group(bastion::children().with_handlers<party_of_handlers>(bastion::on_tell(&party_of_handlers::end)))
            .tell(die{"boom"});
        is_told("panic: boom", "restarts now");
        CHECK(sink.take()[0].in_hand == bastion::type_name<die>());
    }
    SECTION("a limit") {
        const auto g = group(
            bastion::children().with_exec(party).with_mailbox(bastion::mailbox::bounded(2, bastion::overflow::kill)));
        does(g, [g](const bastion::context&) {
            for (int i = 0; i < 3; ++i) g.tell(i);
        });
        is_told("limit: mailbox", "restarts now");
        CHECK(sink.take()[0].unread == 2);
    }
    SECTION("an exit signal") {
        group(bastion::children().with_exec(party)).exit(bastion::exit_reason::error("order"));
        is_told("error: order", "restarts now");
    }
    SECTION("an exit signal that kills") {
        group(bastion::children().with_exec(party)).exit(bastion::exit_reason(bastion::exit_kind::killed));
        is_told("killed", "restarts now");
    }
    SECTION("a link with nobody") {
        does(group(bastion::children().with_exec(party)),
            [](const bastion::context& ctx) { ctx.link(bastion::child_ref()); });
        is_told("noproc", "restarts now");
    }
    SECTION("a process that does not come back") {
        w.rt.spawn(party).tell(die{"boom"});
        is_told("panic: boom", "ends: it is temporary");
        const bastion::crash_report r = sink.take()[0];
        CHECK(r.path == "/temporary/0");
        CHECK(file_of(r.spawned_at) == "crash_report_test.cpp");
        CHECK_FALSE(r.who.alive());
    }
    SECTION("one that is out of tries") {
        group(bastion::children().with_exec(party));
        const auto last =
            w.rt.spawn(bastion::children().with_exec(party).with_restart_strategy(bastion::restart_strategy::never()));
        w.settle();
        last[0].tell(die{"boom"});
        is_told("panic: boom", "ends: it is never restarted");
    }
    SECTION("a fault on the way to an ordered end") {
        const auto g = group(bastion::children().with_exec([](bastion::context ctx) -> bastion::process {
            ctx.trap_stop();
            (void)co_await ctx.recv<bastion::stop_request>();
            bastion::panic("on the way");
        }));
        g.stop();
        is_told("panic: on the way", "ends: it was stopping");
    }
    SECTION("a start that fails") {
        w.rt.spawn(bastion::children().with_name("g").with_start(bastion::wait_ready).with_exec(never_ready));
        const auto all = reports(w, sink, 1);
        CHECK(all[0].reason.what() == "panic: no");
        CHECK(all[0].next == "did not start: its owner fails");
    }
    SECTION("a start that takes too long") {
        w.rt.spawn(bastion::children().with_name("g").with_start(bastion::wait_ready, 1s).with_exec(party));
        w.settle();
        w.advance(1s);
        const auto all = reports(w, sink, 1);
        CHECK(all[0].reason.what() == "error: it did not call ctx.ready() within its start time-out");
    }
}

TEST_CASE("Two that are linked tell of each other, and siblings of why they ended") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    const auto pair = w.rt.spawn(
        bastion::children().with_name("pair").with_redundancy(3).with_restart_strategy(at_once()).with_exec(party));
    w.settle();
    does(pair[0], [&](const bastion::context& ctx) { ctx.link(pair[1]); });
    w.settle();
    SECTION("a fault") {
        does(pair[0], panics);
        const auto all = reports(w, sink, 2);
        CHECK(all[0].path == "/pair/0");
        CHECK(all[0].links == std::vector<bastion::child_ref>{pair[1]});
        CHECK(all[0].next == "restarts now");
        CHECK(all[1].path == "/pair/1");
        CHECK(all[1].reason.what() == "panic: boom");
        CHECK(all[1].next == "restarts with its siblings");
    }
    SECTION("a kill, which is no fault") {
        pair[2].tell(nap{1s}); // stops first, and is deaf for it
        w.settle();
        pair[0].exit(bastion::exit_reason(bastion::exit_kind::killed));
        const auto all = reports(w, sink, 2);
        CHECK(all[0].path == "/pair/0");
        CHECK(all[1].path == "/pair/1");
        CHECK(all[1].reason.what() == "killed");
        CHECK(all[1].next == "restarts with its siblings");
        CHECK(w.log.take() == lines{"/pair/0: killed; restarts now", "/pair/1: killed; restarts with its siblings"});
    }
}

TEST_CASE("Normal ends, ordered ends and what fails around a process have no crash report") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    const auto none = [&] {
        w.settle();
        CHECK(w.rt.crash_reports().made == 0);
    };
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_redundancy(2)
            .with_restart(bastion::permanent)
            .with_restart_strategy(at_once())
            .with_exec(party));
    w.settle();
    SECTION("a normal end, with and without a restart") {
        g[0].tell(finish{});
        w.rt.spawn(party).tell(finish{});
        none();
        CHECK(w.rt.find_children("/g").size() == 2);
    }
    SECTION("one that stops itself") {
        does(w.rt.spawn(party), [](const bastion::context& ctx) { ctx.self().stop(); });
        none();
    }
    SECTION("stops and kills") {
        g[0].stop();
        g[1].kill();
        none();
        CHECK_FALSE(g[0].alive());
        CHECK_FALSE(g[1].alive());
    }
    SECTION("the end of all") {
        w.rt.kill(0);
        none();
    }
    SECTION("siblings that are stopped to be restarted, and their supervisor that gives up") {
        const auto sup = w.rt.spawn(bastion::supervisor().with_name("s").with_intensity(0, 1s).with_children(
            named(w.events, "a").with_redundancy(3)));
        w.settle();
        w.rt.find_children("/s/a")[0].tell(die{"boom"});
        w.settle();
        const auto all = reports(w, sink, 1);
        CHECK(all[0].path == "/s/a/0");
    }
    SECTION("a callback of one that does not run") {
        w.rt.spawn(bastion::children()
                .with_name("c")
                .with_restart_strategy(bastion::restart_strategy::never())
                .with_callbacks(bastion::callbacks().before_start([](const bastion::event&) { bastion::panic("no"); }))
                .with_exec(party));
        none();
        CHECK(w.log.take() == lines{"/c/0: panic: no; ends: it is never restarted"});
    }
    SECTION("a normal end that is a failed start") {
        w.rt.spawn(bastion::children().with_name("c").with_start(bastion::wait_ready).with_exec(ends_at_once));
        none();
        CHECK(w.log.take().front() ==
              "/c/0: error: it ended before it called ctx.ready(); did not start: its owner fails");
    }
    SECTION("a callback after the end") {
        const auto c = w.rt.spawn(bastion::children()
                .with_name("c")
                .with_callbacks(bastion::callbacks().after_stop([](const bastion::event&) { bastion::panic("no"); }))
                .with_exec(party));
        w.settle();
        c.stop();
        none();
        CHECK(w.log.take() == lines{"/c/0: panic: no; its after_stop callback failed"});
    }
}

TEST_CASE("A crash of which nothing was said is not taken for a later fault of the same element") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    test::door door;
    int starts = 0;
    int restarts = 0;
    w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once())
            .with_children(named(w.events, "a"))
            .with_children(bastion::children()
                    .with_name("b")
                    .with_shutdown(bastion::shutdown::infinite())
                    .with_callbacks(bastion::callbacks()
                            .after_start([&](const bastion::event&) {
                                if (++starts > 1) return;
                                door.wait_for(1); // so it cannot be killed yet
                                bastion::panic("after_start");
                            })
                            .before_restart([&](const bastion::event&) {
                                if (++restarts == 1) bastion::panic("before_restart");
                            }))
                    .with_exec([&](bastion::context ctx) -> bastion::process {
                        auto held = bastion::blocking([&] { door.pass(); });
                        co_await std::move(held);
                        (void)co_await ctx.recv();
                    })));
    door.wait_for(1);
    w.rt.find_children("/s/a")[0].tell(die{"boom"});
    test::wait_until([&] { // its group is told to stop for a restart of all
        auto b = w.rt.run(w.rt.find_supervisor("/s").which_child("b"));
        return b && b->status == bastion::child_status::restarting;
    });
    door.open();
    w.settle();
    CHECK(starts == 1);
    CHECK(restarts > 0);
    const auto all = reports(w, sink, 1);
    CHECK(all[0].path == "/s/a/0");
}

TEST_CASE("A crash report is as long as its limits say") {
    test::crash_sink sink;
    world w(1, told_to(sink, bastion::crash_limits().messages(2).links(3)));
    const auto who = w.rt.spawn(party);
    std::vector<bastion::child_ref> friends;
    for (int i = 0; i < 5; ++i) friends.push_back(w.rt.spawn(party));
    w.settle();
    does(who, [&](const bastion::context& ctx) {
        for (const bastion::child_ref& f : friends) ctx.link(f);
        ctx.unlink(friends[1]);
        for (int i = 0; i < 2'500; ++i) ctx.self().tell(i);
        bastion::panic("boom");
    });
    const auto all = reports(w, sink, 5); // its own, and those of the four that were linked
    const bastion::crash_report& r = all[0];
    CHECK(r.who == who);
    CHECK(r.unread == bastion::crash_report::most_counted);
    CHECK(r.more_unread);
    CHECK(r.mailbox == lines{"int", "int"});
    CHECK(r.linked == 4);
    CHECK(r.links == std::vector<bastion::child_ref>{friends[0], friends[2], friends[3]});
    CHECK(w.rt.dead_letters(bastion::drop_reason::unread) == 2'500);
}

TEST_CASE("What newer mail has pushed out of a bounded mailbox is not in a crash report") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    const auto g = w.rt.spawn(bastion::children()
            .with_name("g")
            .with_mailbox(bastion::mailbox::bounded(2, bastion::overflow::drop_oldest))
            .with_exec([](bastion::context ctx) -> bastion::process { (void)co_await ctx.recv<die>(); }));
    w.settle();
    g[0].tell(1);
    g[0].tell(2); // both are skipped, and in its own list
    w.settle();
    does(w.rt.spawn(party), [&](const bastion::context&) {
        g[0].tell("new");
        g[0].tell(2.5);
        g[0].exit(bastion::exit_reason::error("before it looks"));
    });
    const auto all = reports(w, sink, 1);
    CHECK(all[0].unread == 2);
    CHECK(all[0].mailbox == lines{"std::string", "double"});
    CHECK(w.rt.dead_letters(bastion::drop_reason::full) == 2);
}

TEST_CASE("A crash report is good when its runtime is gone") {
    const auto blocks = bastion::detail::live_blocks();
    bastion::crash_report kept;
    {
        test::crash_sink sink;
        world w(1, told_to(sink));
        w.rt.spawn(party).tell(give_up{"why"});
        kept = reports(w, sink, 1)[0];
    }
    CHECK(bastion::detail::live_blocks() == blocks);
    CHECK(kept.path == "/temporary/0");
    CHECK(kept.reason.what() == "error: why");
    CHECK_FALSE(kept.who.alive());
    CHECK(first_line(to_string(kept)) == "crash of /temporary/0");
}
