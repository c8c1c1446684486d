// Joined tasks: `spawn(task)`, and what their joiners are told.
#include "support/catch.hpp"
#include "support/questions.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

task<int> doubled(int n) {
    co_await sleep_wait(1ms);
    co_return 2 * n;
}
task<> nothing() { co_return; }
task<std::unique_ptr<int>> made(int n) { co_return std::make_unique<int>(n); }
task<result<int>> may_fail(bool fails) {
    if (fails) co_return fail("said by the task");
    co_return 3;
}
task<int> panics() {
    co_await sleep_wait(1ms);
    panic("the task cannot go on");
    co_return 0;
}
task<int> throws() {
    throw std::out_of_range("far");
    co_return 0;
}
task<int> never(std::atomic<int>& gone) {
    struct leaver {
        explicit leaver(std::atomic<int>& n) : gone(n) {}
        leaver(const leaver&) = delete;
        leaver& operator=(const leaver&) = delete;
        ~leaver() { ++gone; }
        std::atomic<int>& gone;
    };
    const leaver local(gone);
    co_await sleep_wait(100h);
    co_return 1;
}

} // namespace

TEST_CASE("join: the value of a spawned task, of any type") {
    test::world w(2);
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto a = ctx.spawn(doubled(21));
        auto b = ctx.spawn(nothing());
        auto c = ctx.spawn(made(7));
        auto d = ctx.spawn(may_fail(false));
        auto e = ctx.spawn(may_fail(true));
        const auto ra = co_await a;
        log(test::shown(ra));
        const auto rb = co_await b;
        log(test::shown(rb));
        auto rc = co_await c;
        log(rc ? **rc : 0);
        const auto rd = co_await d;
        log(test::shown(rd));
        const auto re = co_await e;
        log(re ? "?" : re.error().what());
    });
    w.settle();
    w.advance(1ms);
    REQUIRE(log.take() == "42, done, 7, 3, said by the task");
}

TEST_CASE("join: a spawned task that panics is seen by its joiner, before or after") {
    test::world w;
    test::journal log;
    const bool late = GENERATE(false, true);
    w.spawn([&](context ctx) -> process {
        auto a = ctx.spawn(panics());
        auto b = ctx.spawn(throws());
        if (late) co_await ctx.sleep_for(1h);
        const auto ra = co_await a;
        log(test::shown(ra));
        const auto rb = co_await b;
        log(test::shown(rb));
    });
    w.settle();
    w.advance(1h);
    REQUIRE(log.take() == "target_died (panic: the task cannot go on), target_died (panic: far)");
}

TEST_CASE("join: the task is ended through the handle, and goes on without it") {
    test::world w;
    test::journal log;
    std::atomic<int> gone{0};
    w.spawn([&](context ctx) -> process {
        auto h = ctx.spawn(never(gone));
        co_await ctx.sleep_for(1ms);
        h.kill();
        const auto r = co_await h;
        log(test::shown(r));
    });
    w.settle();
    w.advance(1ms);
    REQUIRE(log.take() == "target_died (killed)");
    REQUIRE(gone == 1);
    child_ref left;
    w.spawn([&](context ctx) -> process {
        auto h = ctx.spawn(never(gone));
        left = h.ref();
        co_return;
    });
    w.settle();
    REQUIRE(left.alive());
    REQUIRE(gone == 1);
    left.kill();
    w.settle();
    REQUIRE(gone == 2);
}

TEST_CASE("join: bounded, the handle is given up and the task goes on, and there is no deadline otherwise") {
    test::world w;
    test::journal log;
    std::atomic<int> gone{0};
    w.spawn([&](context ctx) -> process {
        auto h = ctx.spawn(never(gone));
        const auto r = co_await std::move(h).within(1s);
        log(test::shown(r));
        auto second = ctx.spawn(never(gone));
        const auto rest = co_await second;
        log(test::shown(rest));
    });
    w.settle();
    w.advance(1s);
    REQUIRE(log.take() == "timeout");
    REQUIRE(gone == 0);
    w.advance(100h);
    REQUIRE(log.take() == "1");
    REQUIRE(gone == 2);
}

TEST_CASE("join: several at once") {
    test::world w(2);
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto a = ctx.spawn(doubled(1));
        auto b = ctx.spawn(doubled(2));
        auto [ra, rb] = co_await when_all(a, b);
        log(test::shown(ra));
        log(test::shown(rb));
    });
    w.settle();
    w.advance(1ms);
    REQUIRE(log.take() == "2, 4");
}

TEST_CASE("join: on plain threads, by rt.run, and a runtime that stops answers, too") {
    std::optional<join_handle<int>> left;
    {
        runtime rt(config().with_workers(2).with_signals(false).with_log([](const log_record&) {}));
        REQUIRE(rt.run(doubled(4)) == 8); // the task is given away: run waits for it
        auto a = rt.spawn(doubled(4));
        const auto ra = rt.run(std::move(a));
        REQUIRE(test::shown(ra) == "8");
        auto b = rt.spawn(panics());
        const auto rb = rt.run(std::move(b));
        REQUIRE(test::shown(rb) == "target_died (panic: the task cannot go on)");
        REQUIRE_THROWS_AS(rt.run(throws()), std::out_of_range);
        std::atomic<bool> began{false}; // one that has not is no process yet when the runtime is killed
        left.emplace(rt.spawn([](std::atomic<bool>& here) -> task<int> {
            here = true;
            co_await sleep_wait(100h);
            co_return 1;
        }(began)));
        while (!began) std::this_thread::yield();
        rt.kill();
        REQUIRE(rt.wait() == 1);
        const auto rc = rt.run(std::move(*left));
        REQUIRE(test::shown(rc) == "target_died (killed)");
        REQUIRE_THROWS_AS(rt.spawn(doubled(1)), usage_error);
    }
}

TEST_CASE("join: a task that nobody is left to run is answered at once") {
    test::world w;
    test::journal log;
    const supervisor_ref sup = w.rt.spawn(supervisor().with_name("s"));
    w.settle();
    sup.stop();
    w.settle();
    w.spawn([&](context) -> process {
        auto h = sup.spawn(doubled(1));
        const auto r = co_await h;
        log(test::shown(r));
    });
    w.settle();
    REQUIRE(log.take() == "noproc");
}

TEST_CASE("join: a task that is joined while its supervisor restarts is turned away, and the restart goes on") {
    test::world w;
    test::journal log;
    const supervisor_ref above = w.rt.spawn(supervisor().with_strategy(strategy::one_for_all));
    const supervisor_ref sup = above.spawn(supervisor());
    const children_ref patient =
        sup.spawn(children().with_shutdown(shutdown::infinite()).with_exec([&](context ctx) -> process {
            log("starts");
            co_await ctx.recv<int>();
            co_await ctx.sleep_for(1s); // meanwhile it is asked to stop
            auto h = ctx.spawn(doubled(4));
            const auto r = co_await h;
            log(test::shown(r));
            co_await ctx.recv<int>();
        }));
    const children_ref other = above.spawn(children().with_exec([](context ctx) -> process {
        co_await ctx.recv<int>();
        panic("both start again");
    }));
    w.settle();
    patient[0].tell(1);
    w.settle();
    other[0].tell(1);
    w.settle();
    REQUIRE(log.take() == "starts");
    // From outside it waits for the restart.
    w.spawn([&, sup](context) -> process {
        auto h = sup.spawn(doubled(2));
        const auto r = co_await h;
        log("outside " + test::shown(r));
    });
    w.settle();
    w.advance(1s);
    w.settle();
    REQUIRE(log.take() == "noproc, starts");
    w.advance(1ms);
    w.settle();
    REQUIRE(log.take() == "outside 4");
}
