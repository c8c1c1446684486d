// Groups that grow and shrink.

#include <bastion/bastion.hpp>

#include "supervision/tree.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <optional>
#include <string>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

using detail::change_of;
using detail::group_load;

// Works on each message for a second of the test's clock.
process slow(context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (msg.told<int>() != nullptr) co_await ctx.sleep_for(1s);
    }
}

resizer quick() { return resizer().with_interval(100ms); }

// An interval passes, and all that it brings.
void look(test::world& w) {
    w.advance(100ms);
    w.settle();
}

// As a distributor of work would: in turn to those that there are.
void give(const children_ref& group, int messages) {
    const children_ref now = group.current();
    for (int i = 0; i < messages; ++i) now[static_cast<std::size_t>(i) % now.size()].tell(i);
}

} // namespace

TEST_CASE("resizer: it grows by a part of the elements, rounded up, while the average mailbox is above its threshold") {
    double pressure = 0;
    const resizer r = resizer().with_upper_bound(12).with_upscale_rate(0.1);
    REQUIRE(change_of(r, {1, 0, 6}, pressure) == 0); // 3 on average so far: not above it
    REQUIRE(change_of(r, {1, 0, 6}, pressure) == 1); // 4.5
    pressure = 100;
    REQUIRE(change_of(r, {10, 0, 1000}, pressure) == 1);
    REQUIRE(change_of(r, {11, 0, 1100}, pressure) == 1); // 1.1 elements are 2, but the bound leaves room for one
    REQUIRE(change_of(r, {12, 0, 1200}, pressure) == 0);
    REQUIRE(change_of(r, {13, 0, 1300}, pressure) == 0);
    const resizer fast = resizer().with_upper_bound(resizer::unlimited).with_upscale_rate(1);
    REQUIRE(change_of(fast, {300, 0, 30'000}, pressure) == 300);
    const resizer tenth = resizer().with_upper_bound(100);
    REQUIRE(change_of(tenth, {30, 0, 3'000}, pressure) == 3); // not 4, though 30 * 0.1 is a little above 3
}

TEST_CASE("resizer: it does not grow while an element idles, since one more would not help") {
    double pressure = 0;
    REQUIRE(change_of(resizer(), {4, 1, 4'000}, pressure) == 0);
    REQUIRE(change_of(resizer(), {4, 0, 4'000}, pressure) == 1);
    REQUIRE(change_of(resizer(), {8, 7, 8'000}, pressure) == -1); // all mail lies with one: the others are not needed
}

TEST_CASE("resizer: it shrinks by a part of the elements while few have something to do, never below its bound") {
    double pressure = 0;
    const resizer r = resizer().with_lower_bound(2).with_downscale_threshold(0.3).with_downscale_rate(0.25);
    REQUIRE(change_of(r, {10, 7, 0}, pressure) == 0); // 3 of 10 are busy: not less than 0.3
    REQUIRE(change_of(r, {10, 8, 0}, pressure) == -3);
    REQUIRE(change_of(r, {3, 3, 0}, pressure) == -1);
    REQUIRE(change_of(r, {2, 2, 0}, pressure) == 0);
    REQUIRE(change_of(r, {1, 1, 0}, pressure) == 0); // those that ended by themselves are not replaced
    REQUIRE(change_of(resizer().with_downscale_threshold(0), {5, 5, 0}, pressure) == 0);
    const resizer all = resizer().with_downscale_threshold(1).with_downscale_rate(1);
    REQUIRE(change_of(all, {10, 4, 0}, pressure) == -4); // only those that idle
    REQUIRE(change_of(all, {0, 0, 0}, pressure) == 0);
}

TEST_CASE("resizer: a group begins with the lower bound, or with its redundancy if that is more") {
    test::world w;
    const auto one = w.rt.spawn(children().with_resizer(quick().with_lower_bound(3)).with_exec(slow));
    REQUIRE(one.size() == 3);
    const auto two =
        w.rt.spawn(children().with_redundancy(5).with_resizer(quick().with_lower_bound(3)).with_exec(slow));
    REQUIRE(two.size() == 5);
    const auto none = w.rt.spawn(children().with_resizer(quick().with_lower_bound(0)).with_exec(slow));
    REQUIRE(none.size() == 1);
}

TEST_CASE("resizer: a group grows under pressure to its upper bound, and shrinks to its lower one when it idles") {
    test::world w(2);
    const auto group = w.rt.spawn(children().with_exec(slow).with_resizer(quick().with_upper_bound(10)));
    REQUIRE(group.size() == 1);
    std::size_t before = 1;
    for (int i = 0; group.current().size() < 10; ++i) {
        REQUIRE(i < 100);
        give(group, 10);
        look(w);
        const std::size_t now = group.current().size();
        REQUIRE(now >= before);
        REQUIRE(now <= before + 1); // a tenth, rounded up
        before = now;
    }
    give(group, 1000);
    for (int i = 0; i < 20; ++i) {
        look(w);
        REQUIRE(group.current().size() == 10);
    }
    for (int i = 0; group.current().size() > 1; ++i) {
        REQUIRE(i < 10'000);
        look(w);
        const std::size_t now = group.current().size();
        REQUIRE(now <= before);
        REQUIRE(now + 1 >= before);
        before = now;
    }
    for (int i = 0; i < 20; ++i) look(w);
    REQUIRE(group.current().size() == 1);
    REQUIRE(group.size() == 1); // what the first ref names
    REQUIRE(group.current()[0].where() == group[0].where()); // the youngest go first
    REQUIRE(w.dead(drop_reason::unread) == 0);
}

TEST_CASE("resizer: an element that is taken away is stopped, its callbacks say so, and its ref says noproc") {
    test::journal log;
    test::world w;
    const auto say = [&log](const char* what) {
        return [&log, what](
                   const event& e) { log(std::string(what) + " " + std::string(e.path()) + " " + e.reason().what()); };
    };
    const auto group = w.rt.spawn(children()
            .with_name("g")
            .with_exec(slow)
            .with_callbacks(callbacks().before_start(say("start")).after_stop(say("stop")))
            .with_resizer(quick().with_upper_bound(2)));
    w.settle();
    REQUIRE(log.take() == "start /g/0 normal");
    while (group.current().size() == 1) {
        give(group, 10);
        look(w);
    }
    w.settle();
    REQUIRE(log.take() == "start /g/1 normal");
    const child_ref second = group.current()[1];
    REQUIRE(second.alive());
    while (group.current().size() == 2) look(w);
    w.settle();
    REQUIRE(log.take() == "stop /g/1 stopped");
    REQUIRE_FALSE(second.alive());
    REQUIRE(second.tell(1) == delivery::noproc);
    REQUIRE(test::shown(w.rt.run(second.request<int>(1))) == "noproc");
}

namespace {

// The second of two elements is taken away with mail that it has not read: it idled when it was asked, then began to
// work, and ends before it reads on.
struct leaver {
    test::world w;
    test::journal read; // "element:message"
    children_ref group;

    explicit leaver(children&& g) {
        group = w.rt.spawn(std::move(g)
                .with_redundancy(2)
                .with_resizer(quick().with_upper_bound(2))
                .with_exec([this](context ctx) -> process {
                    for (;;) {
                        auto msg = co_await ctx.recv();
                        const std::string who = ctx.self() == ctx.parent()[0] ? "0:" : "1:";
                        const int* const n = msg.told<int>();
                        if (n != nullptr) read(who + std::to_string(*n));
                        else if (auto q = msg.asked<int>()) q.reply(*q + 1);
                        if (who == "1:") co_await ctx.sleep_for(1s);
                        else if (n != nullptr && *n >= 100) co_await ctx.sleep_for(10s);
                    }
                }));
        w.settle();
        look(w);
        w.settle(); // both have been asked, and idle
    }
    // The rest of its life: it is told to stop at once, and comes to it after a second.
    void leave() {
        for (int i = 0; i < 20 && group[1].alive(); ++i) look(w);
        w.settle();
        REQUIRE_FALSE(group[1].alive());
        REQUIRE(group.current().size() == 1);
    }
};

} // namespace

TEST_CASE("resizer: the unread mail of an element that is taken away goes to one that stays, in order") {
    leaver l{children()};
    for (int i = 0; i < 4; ++i) l.group[1].tell(i);
    l.w.settle();
    look(l.w); // it is told to stop
    l.w.settle();
    REQUIRE(l.group.current().size() == 1);
    l.group[1].tell(4); // it still takes mail
    l.leave();
    REQUIRE(l.read.take() == "1:0, 0:1, 0:2, 0:3, 0:4");
    REQUIRE(l.w.dead(drop_reason::unread) == 0);
    REQUIRE(l.group[1].tell(5) == delivery::noproc);
}

TEST_CASE("resizer: a question that was not read is answered by the one that stays") {
    leaver l{children()};
    test::journal log;
    l.group[1].tell(0);
    l.w.spawn([&](context) -> process {
        auto q = l.group[1].request<int>(41);
        const auto r = co_await std::move(q);
        log(test::shown(r));
    });
    l.w.settle();
    l.leave();
    REQUIRE(log.take() == "42");
}

TEST_CASE("resizer: mail that is handed on passes the bound of the mailbox it comes to") {
    leaver l{children().with_mailbox(mailbox::bounded(3, overflow::fail))};
    l.group[1].tell(0);
    l.w.settle();
    REQUIRE(l.read.take() == "1:0");
    for (int i = 1; i < 4; ++i) REQUIRE(l.group[1].tell(i) == delivery::accepted);
    REQUIRE(l.group[1].tell(4) == delivery::full);
    l.group[0].tell(100); // takes it long
    l.w.settle();
    for (int i = 101; i < 104; ++i) REQUIRE(l.group[0].tell(i) == delivery::accepted);
    REQUIRE(l.group[0].tell(104) == delivery::full);
    l.leave();
    l.w.advance(1min);
    l.w.settle();
    REQUIRE(l.read.take() == "0:100, 0:101, 0:102, 0:103, 0:1, 0:2, 0:3");
    REQUIRE(l.w.dead(drop_reason::unread) == 0);
    REQUIRE(l.w.dead(drop_reason::full) == 2);
}

TEST_CASE("resizer: what gave way in a mailbox that drops its oldest is not handed on") {
    leaver l{children().with_mailbox(mailbox::bounded(2, overflow::drop_oldest))};
    for (int i = 0; i < 3; ++i) l.group[1].tell(i); // reads 0 only after all three are there
    l.w.settle();
    for (int i = 3; i < 6; ++i) l.group[1].tell(i);
    l.leave();
    const std::string read = l.read.take();
    INFO(read);
    REQUIRE(read.size() >= 12);
    REQUIRE(read.substr(read.size() - 8) == "0:4, 0:5");
    REQUIRE(l.w.dead(drop_reason::unread) == 0);
}

TEST_CASE(
    "resizer: the notices of an element that is taken away are its own: its stop does not stop the one that stays") {
    test::world w;
    test::journal log;
    const child_ref watched = w.only(children().with_exec([](context ctx) -> process { co_await ctx.recv<int>(); }));
    const auto group = w.rt.spawn(children()
            .with_redundancy(2)
            .with_resizer(quick().with_upper_bound(2))
            .with_shutdown(shutdown::within(1s))
            .with_exec([&](context ctx) -> process {
                ctx.trap_stop();
                std::optional<monitor_handle> watches;
                for (;;) {
                    auto msg = co_await ctx.recv();
                    if (msg.told<stop_request>() != nullptr) log("stop");
                    else if (msg.told<down>() != nullptr) log("down");
                    else if (const int* n = msg.told<int>()) log(std::to_string(*n));
                    if (ctx.self() == ctx.parent()[0]) continue;
                    const bool first = !watches;
                    watches = ctx.monitor(watched);
                    co_await ctx.sleep_for(first ? 500ms : 1h); // is told to stop meanwhile, and killed
                }
            }));
    w.settle();
    look(w); // both have been asked, and idle
    w.settle();
    group[1].tell(1);
    w.settle();
    group[1].tell(2); // before the notice of the end
    watched.tell(0);
    for (int i = 0; i < 20 && group[1].alive(); ++i) look(w);
    w.settle();
    REQUIRE_FALSE(group[1].alive());
    REQUIRE(log.take() == "1, 2");
    REQUIRE(w.dead(drop_reason::unread) == 3); // of each message one monitor, and the stop
    REQUIRE(group[0].alive());
}

TEST_CASE("resizer: of those that idle the youngest is taken away, and nobody who works") {
    test::world w;
    const auto group = w.rt.spawn(children().with_redundancy(4).with_exec(slow).with_resizer(quick()));
    w.settle();
    group[3].tell(1); // works for a second
    w.settle();
    look(w); // they are asked
    look(w);
    const children_ref now = group.current();
    REQUIRE(now.size() == 3);
    REQUIRE(now[1].where() == group[1].where());
    REQUIRE(now[2].where() == group[3].where());
    REQUIRE_FALSE(group[2].alive());
}

TEST_CASE("resizer: a group that stops stops all, and one that is started again looks again") {
    test::world w(1);
    const supervisor_ref above = w.rt.spawn(supervisor().with_strategy(strategy::one_for_all));
    const auto group = above.spawn(children().with_exec(slow).with_resizer(quick().with_upper_bound(3)));
    const auto other = above.spawn(children().with_exec([](context ctx) -> process {
        co_await ctx.recv<int>();
        panic("both start again");
    }));
    w.settle();
    while (group.current().size() < 3) {
        give(group, 10);
        look(w);
    }
    other[0].tell(1);
    w.settle();
    REQUIRE(group.current().size() == 3); // a restart keeps its elements
    for (int i = 0; i < 1000 && group.current().size() > 1; ++i) look(w);
    REQUIRE(group.current().size() == 1);
    group.stop();
    w.settle();
    REQUIRE_FALSE(group.alive());
    w.advance(1s);
    REQUIRE(group.current().size() == 0);
}

TEST_CASE("resizer: elements that failed for good are replaced up to the lower bound, others are not") {
    tree::world w;
    const auto group = w.rt.spawn(bastion::children()
            .with_restart(bastion::temporary)
            .with_resizer(bastion::resizer().with_lower_bound(3).with_upper_bound(9).with_interval(100ms))
            .with_exec(tree::element(w.events, "e")));
    w.settle();
    (void)w.events.take();
    SECTION("one by one") {
        group[0].tell(tree::die{"x"});
        group[1].tell(tree::die{"y"});
        w.settle();
        CHECK(w.events.take() == tree::lines{"end e0", "end e1"});
        w.advance(100ms);
        w.settle();
        CHECK(w.events.take() == tree::lines{"start e3", "start e4"});
        CHECK(group.current().size() == 3);
        w.advance(1s);
        w.settle();
        CHECK(w.events.take().empty());
    }
    SECTION("all of them") {
        for (const auto& e : group) e.tell(tree::die{"x"});
        w.settle();
        CHECK(group.alive());
        w.advance(100ms);
        w.settle();
        CHECK(w.events.take() == tree::lines{"end e0", "end e1", "end e2", "start e3", "start e4", "start e5"});
    }
    SECTION("one that was stopped, and one that came to its end") {
        group[0].stop();
        group[1].tell(tree::finish{});
        w.advance(1s);
        w.settle();
        CHECK(group.current().size() == 1);
    }
    SECTION("above the bound") {
        const auto more = w.rt.spawn(bastion::children()
                .with_restart(bastion::temporary)
                .with_redundancy(4)
                .with_resizer(bastion::resizer().with_lower_bound(3).with_upper_bound(9).with_interval(100ms))
                .with_exec(tree::element(w.events, "m")));
        w.settle();
        more[0].tell(tree::die{"x"});
        w.settle();
        w.advance(50ms);
        w.settle();
        CHECK(more.current().size() == 3);
        w.advance(1s);
        w.settle();
        CHECK(more.current().size() == 3);
    }
}

TEST_CASE("resizer: elements that come to a normal end are not replaced") {
    test::world w;
    const auto group = w.rt.spawn(
        children().with_redundancy(3).with_resizer(quick().with_lower_bound(3)).with_exec([](context ctx) -> process {
            co_await ctx.recv<int>();
        }));
    w.settle();
    group[0].tell(0);
    w.settle();
    for (int i = 0; i < 10; ++i) look(w);
    REQUIRE(group.current().size() == 2);
    REQUIRE(group.current()[0].where() == group[1].where());
}

TEST_CASE("resizer: a factory of with_data that throws keeps the group from growing, and says so") {
    const auto clock = std::make_shared<manual_clock>();
    test::journal log;
    runtime rt(config().with_workers(1).with_clock(clock).with_log(
        [&](const log_record& r) { log(std::string(r.path) + ": " + r.reason.what() + ": " + std::string(r.next)); }));
    bool throws = false;
    const auto group = rt.spawn(children().with_name("g").with_exec(slow).with_resizer(quick()).with_data([&throws] {
        if (throws) throw std::runtime_error("no more");
        return 1;
    }));
    clock->settle();
    throws = true;
    give(group, 100);
    for (int i = 0; i < 3; ++i) clock->advance(100ms);
    clock->settle();
    REQUIRE(group.current().size() == 1);
    REQUIRE(log.take().find("/g: panic: no more: does not grow") != std::string::npos);
    throws = false;
    clock->advance(100ms);
    clock->settle();
    REQUIRE(group.current().size() == 2);
    rt.kill();
}

TEST_CASE("resizer: those who ask members of a distributor find the new elements, and not those that left") {
    test::world w;
    const auto group = w.rt.spawn(children().with_exec(slow).with_distributor("work").with_resizer(
        quick().with_upper_bound(4).with_upscale_rate(1)));
    const distributor work = w.rt.distributor("work");
    w.settle();
    REQUIRE(work.size() == 1);
    for (int i = 0; i < 100 && work.size() < 4; ++i) {
        for (int n = 0; n < 10; ++n) (void)work.tell_one(n);
        look(w);
    }
    REQUIRE(work.size() == 4);
    for (int i = 0; i < 10'000 && work.size() > 1; ++i) look(w);
    REQUIRE(work.size() == 1);
    REQUIRE(w.dead(drop_reason::unread) == 0);
}

TEST_CASE("resizer: path look-ups give the elements that there are") {
    test::world w;
    const auto group = w.rt.spawn(
        children().with_name("g").with_exec(slow).with_resizer(quick().with_upper_bound(4).with_upscale_rate(1)));
    w.settle();
    while (group.current().size() < 4) {
        give(group, 10);
        look(w);
    }
    REQUIRE(w.rt.find_children("/g").size() == 4);
}

TEST_CASE("resizer: settings that make no sense are refused, by name") {
    test::world w;
    const auto refused = [&w](children&& g) {
        try {
            (void)w.rt.spawn(std::move(g).with_name("g").with_exec(slow));
            return std::string("accepted");
        } catch (const bad_spec& e) {
            const std::string text = e.what();
            return text.substr(text.find("its resizer"));
        }
    };
    REQUIRE(refused(children().with_resizer(resizer().with_lower_bound(20))) ==
            "its resizer has the upper bound 10 below the lower bound 20");
    REQUIRE(refused(children().with_redundancy(11).with_resizer(resizer())) ==
            "its resizer has the upper bound 10 below with_redundancy(11)");
    REQUIRE(refused(children().with_resizer(resizer().with_upper_bound(20'000'000))) ==
            "its resizer has an upper bound above 10,000,000");
    REQUIRE(refused(children().with_resizer(resizer().with_upscale_rate(0))) ==
            "its resizer needs an upscale rate above 0, at most 1");
    REQUIRE(refused(children().with_resizer(resizer().with_downscale_rate(2))) ==
            "its resizer needs a downscale rate above 0, at most 1");
    REQUIRE(refused(children().with_resizer(resizer().with_downscale_threshold(-1))) ==
            "its resizer needs a downscale threshold from 0 to 1");
    REQUIRE(
        refused(children().with_resizer(resizer().with_interval(0s))) == "its resizer needs an interval longer than 0");
    REQUIRE(refused(children().with_resizer(resizer())) == "accepted");
}
