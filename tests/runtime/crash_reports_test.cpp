// Where crash reports go: the queue, its bounds, and sinks that block, throw, or crash themselves.
#include "runtime/child.hpp"
#include "supervision/tree.hpp"
#include "support/crashes.hpp"

#include <bastion/testing/simulation.hpp>

#include <atomic>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>

using namespace tree;

namespace {

constexpr std::size_t flood = 100'000;

// Fails as often as it is told to.
bastion::process frail(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* g = m.told<give_up>()) co_return ctx.fail(g->why);
        if (auto q = m.asked<are_you_there>()) q.reply(ctx.incarnation());
    }
}

bastion::children frails(std::uint32_t n = 1) {
    return bastion::children()
        .with_name("g")
        .with_redundancy(n)
        .with_restart_scope(bastion::restart_scope::element)
        .with_restart_strategy(at_once())
        .with_exec(frail);
}

void fails(const bastion::child_ref& who, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) who.tell(give_up{"x"});
}

bastion::config told_to(test::crash_sink& sink, bastion::crash_limits limits = bastion::crash_limits()) {
    return bastion::config().with_crash_reports(std::ref(sink), limits);
}
bastion::crash_limits without_bursts() { return bastion::crash_limits().burst(~std::size_t{0}, 1s); }

std::uint64_t dropped_in(const std::vector<bastion::crash_report>& all) {
    std::uint64_t sum = 0;
    for (const bastion::crash_report& r : all) sum += r.dropped_before;
    return sum;
}

// Twenty fail at once, where a burst is five.
bastion::children_ref fail_beyond_burst(world& w, test::crash_sink& sink) {
    auto g = w.rt.spawn(frails());
    w.settle();
    w.advance(10s);
    fails(g[0], 20);
    w.settle();
    (void)sink.wait_for(5);
    return g;
}

} // namespace

TEST_CASE("A flood of crashes meets a full queue: what is told and what is dropped are all of them") {
    test::crash_sink sink;
    // No journal of the log: it would grow with the flood.
    const auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(told_to(sink, without_bursts())
            .with_workers(2)
            .with_clock(clock)
            .with_signals(false)
            .with_log([](const bastion::log_record&) {}));
    test::closed_sink held_up(sink);
    const auto g = rt.spawn(frails(4));
    clock->settle();
    fails(g[0], 1);
    (void)sink.wait_for(1); // it is inside
    for (std::size_t i = 0; i < 4; ++i) fails(g[i], flood / 4);
    clock->settle();
    const bastion::crash_counters full = rt.crash_reports();
    CHECK(full.made == flood + 1);
    CHECK(full.delivered == 0);
    CHECK(full.waiting == 1'001); // the bound, and the one inside
    CHECK(full.dropped == flood - 1'000);
    held_up.open();
    CHECK(dropped_in(sink.wait_for(1'001)) == 0); // they came before the first that was dropped
    fails(g[0], 1);
    CHECK(dropped_in(sink.wait_for(1'002)) == flood - 1'000);
    CHECK(rt.crash_reports().made == flood + 2);
    CHECK(rt.crash_reports().dropped == flood - 1'000);
}

TEST_CASE("A burst of crashes is told up to its limit, until its window is over") {
    test::crash_sink sink;
    world w(1, told_to(sink, bastion::crash_limits().burst(5, 1s)));
    const auto g = fail_beyond_burst(w, sink);
    CHECK(w.rt.crash_reports().dropped == 15);
    w.advance(999ms);
    fails(g[0], 1);
    w.settle();
    CHECK(w.rt.crash_reports().dropped == 16);
    w.advance(1ms);
    fails(g[0], 6);
    w.settle();
    const auto all = sink.wait_for(10);
    CHECK(all.size() == 10);
    CHECK(all[5].dropped_before == 16);
    CHECK(all[5].restarts == 21);
    CHECK(all[6].dropped_before == 0);
    CHECK(w.rt.crash_reports().dropped == 17);
}

TEST_CASE("Supervision goes on while the sink is held up") {
    test::crash_sink sink;
    world w(1, told_to(sink));
    test::closed_sink held_up(sink);
    const auto g = w.rt.spawn(frails());
    w.settle();
    fails(g[0], 5);
    w.settle();
    auto incarnation = w.rt.run(g[0].ask(are_you_there{}));
    REQUIRE(incarnation.has_value());
    CHECK(*incarnation == 5);
    g[0].stop();
    w.settle();
    CHECK_FALSE(g[0].alive());
    (void)sink.wait_for(1);
    CHECK(w.rt.crash_reports().delivered == 0);
    CHECK(w.rt.crash_reports().waiting == 5);
    held_up.open();
    CHECK(sink.wait_for(5).size() == 5);
}

TEST_CASE("A sink that throws is told no more, and the log says so") {
    std::atomic<int> calls{0};
    world w(1, bastion::config().with_crash_reports([&](const bastion::crash_report&) {
        ++calls;
        throw std::runtime_error("full disk");
    }));
    const auto g = w.rt.spawn(frails());
    w.settle();
    fails(g[0], 1);
    // The line comes before the counter.
    while (w.rt.crash_reports().dropped == 0) std::this_thread::yield();
    CHECK(w.log.take() == lines{"/g/0: error: x; restarts now",
                              "/: panic: full disk; the sink of crash reports threw an exception: it is told no more"});
    fails(g[0], 3);
    w.settle();
    CHECK(calls == 1);
    CHECK(w.rt.crash_reports().made == 4);
    CHECK(w.rt.crash_reports().delivered == 0);
    CHECK(w.rt.crash_reports().dropped == 4);
    CHECK(w.rt.crash_reports().waiting == 0);
}

TEST_CASE("A sink without memory is told the next report") {
    test::crash_sink sink;
    std::atomic<bool> fails_once{true};
    world w(1, bastion::config().with_crash_reports([&](const bastion::crash_report& r) {
        if (fails_once.exchange(false)) throw std::bad_alloc();
        sink(r);
    }));
    const auto g = w.rt.spawn(frails());
    w.settle();
    fails(g[0], 2);
    CHECK(sink.wait_for(1)[0].dropped_before == 1);
    CHECK(w.rt.crash_reports().dropped == 1);
}

TEST_CASE("A sink without memory loses no count of what was dropped before") {
    test::crash_sink sink;
    std::atomic<int> calls{0};
    world w(1, bastion::config().with_crash_reports(
                   [&](const bastion::crash_report& r) {
                       if (++calls == 6) throw std::bad_alloc();
                       sink(r);
                   },
                   bastion::crash_limits().burst(5, 1s)));
    const auto g = fail_beyond_burst(w, sink);
    w.advance(1s);
    fails(g[0], 2); // the first of these says that 15 were dropped, and is lost itself
    w.settle();
    CHECK(sink.wait_for(6)[5].dropped_before == 16);
    CHECK(w.rt.crash_reports().dropped == 16);
}

TEST_CASE("A sink may spawn what crashes itself") {
    test::crash_sink sink;
    bastion::runtime* rt = nullptr;
    world w(2, bastion::config().with_crash_reports([&](const bastion::crash_report& r) {
        if (sink.size() < 100) rt->spawn(frail).tell(give_up{"again"});
        sink(r);
    }));
    rt = &w.rt;
    w.rt.spawn(frail).tell(give_up{"once"});
    const auto all = sink.wait_for(101);
    CHECK(all[0].reason.what() == "error: once");
    CHECK(all[100].reason.what() == "error: again");
    CHECK(w.rt.crash_reports().made == 101);
}

TEST_CASE("The end of a runtime tells the sink all that is queued") {
    const auto blocks = bastion::detail::live_blocks();
    const auto held = std::make_shared<int>(0);
    test::crash_sink sink;
    bastion::runtime* rt = nullptr;
    {
        world w(1, bastion::config().with_crash_reports([&, held](const bastion::crash_report& r) {
            (void)rt->wait(); // all processes have ended
            sink(r);
        }));
        rt = &w.rt;
        const auto g = w.rt.spawn(frails());
        w.settle();
        fails(g[0], 50);
        w.settle();
        CHECK(w.rt.crash_reports().waiting == 50);
        CHECK(sink.size() == 0);
    }
    CHECK(sink.size() == 50);
    CHECK(held.use_count() == 1);
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("A runtime that ends waits for a sink that is held up, and drops what is queued") {
    test::crash_sink sink;
    test::closed_sink held_up(sink);
    journal log;
    {
        bastion::runtime rt(told_to(sink, bastion::crash_limits().flush_within(0s))
                .with_workers(1)
                .with_signals(false)
                .with_log([&](const bastion::log_record& r) {
                    if (r.path != "/") return;
                    log.add(r.reason.what() + "; " + std::string(r.next));
                    held_up.open();
                }));
        const auto g = rt.spawn(frails());
        fails(g[0], 10);
        (void)sink.wait_for(1);
        auto there = rt.run(g[0].ask(are_you_there{}));
        CHECK(there.has_value());
    }
    CHECK(sink.size() == 1);
    CHECK(log.take() ==
          lines{"stopped; left the sink of crash reports, which still runs: waiting; what is queued is dropped"});
}

TEST_CASE("program whose sink hangs", "[.]") {
    test::crash_sink sink;
    const test::closed_sink held_up(sink);
    bastion::runtime rt(told_to(sink, bastion::crash_limits().flush_within(0s))
            .with_workers(1)
            .with_signals(false)
            .with_on_stuck(bastion::on_stuck::exit_program));
    const auto g = rt.spawn(frails());
    fails(g[0], 1);
    (void)sink.wait_for(1);
}

TEST_CASE("A sink that hangs ends a program that is to end when something is stuck") {
    child_program p("program whose sink hangs");
    const std::string output = p.finish();
    CHECK(p.code == 1);
    CHECK(output.find("left the sink of crash reports, which still runs: the program ends") != std::string::npos);
}

TEST_CASE("Crash reports of a simulation come at once, and the same each time") {
    const auto run = [](std::uint64_t seed) {
        std::string text;
        bastion::testing::simulation sim(seed, bastion::testing::settings().with_workers(2));
        auto& rt = sim.runtime(sim.runtime_config().with_crash_reports(
            [&](const bastion::crash_report& r) {
                text += r.path + " " + std::to_string(r.incarnation) + " " + std::to_string(r.at.count()) + ", ";
                if (r.incarnation == 1) bastion::this_runtime().spawn(frail).tell(give_up{"x"});
            },
            without_bursts()));
        const auto g = rt.spawn(frails(3));
        for (std::size_t i = 0; i < 3; ++i) fails(g[i], 3);
        sim.settle();
        CHECK(rt.crash_reports().made == 12);
        CHECK(rt.crash_reports().delivered == 12);
        CHECK(rt.crash_reports().waiting == 0);
        return text;
    };
    std::set<std::string> seen;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const std::string text = run(seed);
        CHECK(text == run(seed));
        seen.insert(text);
    }
    CHECK(seen.size() > 1);
}

TEST_CASE("Limits of crash reports that make no sense are refused") {
    const auto refused = [](bastion::crash_limits limits) {
        try {
            bastion::runtime rt(
                bastion::config().with_workers(1).with_crash_reports([](const bastion::crash_report&) {}, limits));
        } catch (const bastion::bad_config& e) { return std::string(e.what()); }
        return std::string();
    };
    using bastion::crash_limits;
    CHECK(refused(crash_limits().queue(0)) ==
          "bastion: with_crash_reports: a queue of 0: expected a number from 1 to 1000000");
    CHECK(refused(crash_limits().queue(1'000'001)) ==
          "bastion: with_crash_reports: a queue of 1000001: expected a number from 1 to 1000000");
    CHECK(refused(crash_limits().burst(0, 1s)) == "bastion: with_crash_reports: a burst has at least 1 report");
    CHECK(
        refused(crash_limits().burst(1, 0s)) == "bastion: with_crash_reports: the window of a burst is longer than 0");
    CHECK(refused(crash_limits().flush_within(-1s)) ==
          "bastion: with_crash_reports: flush_within: a time is not negative");
    CHECK(refused(crash_limits().queue(1)).empty());
}

TEST_CASE("Without a sink there are no crash reports") {
    world w(1, bastion::config().with_crash_reports(nullptr));
    w.rt.spawn(frail).tell(give_up{"x"});
    w.settle();
    CHECK(w.log.take() == lines{"/temporary/0: error: x; ends: it is temporary"});
    CHECK(w.rt.crash_reports().made == 0);
}
