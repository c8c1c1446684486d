// blocking and blocking_detached in processes: results, kills, bounds, branches, forks, time.
#include "support/acceptance.hpp"
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/questions.hpp"

#include <bastion/testing/simulation.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

namespace {

using test::door;
using test::wait_until;

int answer_to_everything() { return 42; }

// Says when it goes.
class leaver {
public:
    explicit leaver(std::atomic<int>& gone) : gone_(gone) {}
    leaver(const leaver&) = delete;
    leaver& operator=(const leaver&) = delete;
    ~leaver() { ++gone_; }

private:
    std::atomic<int>& gone_;
};

config one_thread() { return config().with_blocking_threads(1); }

// Occupies a pool's threads.
void hold(test::world& w, door& d, int n = 1) {
    for (int i = 0; i < n; ++i) w.spawn([&d](context) -> process { co_await blocking([&d] { d.pass(); }); });
    d.wait_for(n);
}

// Writes down how `target` ends.
void watch(test::world& w, test::journal& log, child_ref target) {
    std::atomic<bool> watches{false};
    w.spawn([&, target](context ctx) -> process {
        auto watch = ctx.monitor(target);
        watches = true;
        auto d = co_await ctx.recv<down>();
        log(d.reason().what() + (d.reason().was_delayed() ? " (delayed)" : ""));
    });
    wait_until([&] { return watches.load(); });
}

} // namespace

TEST_CASE("blocking: the function runs off the workers and its value comes back: 42") {
    test::acceptance("D9");
    test::world w(2);
    test::journal log;
    w.spawn([&](context) -> process {
        const int n = co_await blocking(answer_to_everything);
        log(n);
        const bool elsewhere = co_await blocking(
            [] { return detail::this_thread().current_worker == nullptr && detail::this_thread().current == nullptr; });
        log(elsewhere ? "elsewhere" : "on a worker");
        bool done = false;
        co_await blocking([&done] { done = true; });
        log(done ? "void" : "nothing");
        auto only_moved = co_await blocking([] { return std::make_unique<int>(7); });
        log(*only_moved);
        const std::string text =
            co_await blocking_detached([] { return std::string("a text of more than 16 letters"); });
        log(text);
    });
    w.settle();
    REQUIRE(log.take() == "42, elsewhere, void, 7, a text of more than 16 letters");
    const auto c = w.rt.blocking_counters();
    REQUIRE(c.completed == 5);
    REQUIRE(c.running + c.queued == 0);
}

TEST_CASE("blocking: what the function throws is thrown at the await, with its type") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context) -> process {
        try {
            co_await blocking([] { throw std::out_of_range("far"); });
        } catch (const std::out_of_range& e) { log(e.what()); }
        try {
            (void)co_await blocking_detached([]() -> int { throw 5; });
        } catch (int n) { log(n); }
        co_await blocking([] { panic("in a function"); });
    });
    watch(w, log, p);
    w.settle();
    REQUIRE(log.take() == "far, 5, panic: in a function");
}

TEST_CASE("blocking: captures that need destructors, the waiting is named first") {
    test::world w;
    test::journal log;
    const auto counted = std::make_shared<int>(1);
    w.spawn([&, counted](context) -> process {
        auto named = blocking_detached([counted, text = std::string("owned by the function")] { return text; });
        const std::string owned = co_await named;
        log(owned);
        auto f = [counted] { return *counted; };
        const auto bounded = co_await blocking(std::ref(f)).within(1h);
        log(test::shown(bounded));
        auto copied = co_await blocking(f);
        log(copied);
    });
    w.settle();
    REQUIRE(log.take() == "owned by the function, 1, 1");
    REQUIRE(counted.use_count() == 1);
}

TEST_CASE("blocking: killed while it is queued, the process goes at once and the function never runs") {
    test::world w(1, one_thread());
    test::journal log;
    door d;
    std::atomic<int> gone{0}, ran{0};
    const bool detached = GENERATE(false, true);
    hold(w, d);
    auto p = w.spawn([&](context) -> process {
        const leaver local(gone);
        if (detached) co_await blocking_detached([&ran] { ++ran; });
        else co_await blocking([&ran] { ++ran; });
    });
    watch(w, log, p);
    wait_until([&] { return w.rt.blocking_counters().queued == 1; });
    p.kill();
    wait_until([&] { return !p.alive(); });
    REQUIRE(gone == 1);
    REQUIRE(w.rt.blocking_counters().cancelled == 1);
    REQUIRE(w.rt.blocking_counters().queued == 0);
    d.open();
    w.settle();
    REQUIRE(log.take() == "killed");
    REQUIRE(ran == 0);
}

TEST_CASE("blocking: killed while it runs, the frame stays until it has returned, and the exit says that it waited") {
    test::world w;
    test::journal log;
    door d;
    std::atomic<int> gone{0};
    std::atomic<bool> frame_was_there{false};
    auto p = w.spawn([&](context ctx) -> process {
        const leaver local(gone);
        int in_frame = 1;
        co_await blocking([&] {
            d.pass();
            in_frame = 2; // as long as it runs
            frame_was_there = gone == 0;
        });
        log("went on");
        (void)co_await ctx.recv();
    });
    watch(w, log, p);
    d.wait_for(1);
    p.kill();
    wait_until([&] { return test::is_suspended(p); });
    REQUIRE(gone == 0);
    REQUIRE(p.alive());
    d.open();
    w.settle();
    REQUIRE(frame_was_there);
    REQUIRE(gone == 1);
    REQUIRE_FALSE(p.alive());
    REQUIRE(log.take() == "killed: waited for a blocking function (delayed)");
}

TEST_CASE("blocking in a forked task: a process that is killed meanwhile says that it waited") {
    test::journal log;
    test::world w;
    door d;
    const bool nested = GENERATE(false, true);
    const auto reads = [&]() -> task<int> {
        co_await blocking([&] { d.pass(); });
        co_return 1;
    };
    const auto forks = [&]() -> task<int> {
        scope s;
        auto one = s.fork(reads());
        co_await s.join();
        co_return *one;
    };
    const auto p = w.spawn([&](context) -> process {
        scope s;
        auto one = s.fork(nested ? forks() : reads());
        co_await s.join();
        log("went on");
    });
    watch(w, log, p);
    d.wait_for(1);
    p.kill();
    wait_until([&] { return (p.where().block->signals.now() & detail::signal_flags::kill) != 0; });
    w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 2; ++i) { // the second answer is of a turn after one that has seen the kill
            auto watched = ctx.monitor(p);
            auto found = co_await ctx.demonitor(std::move(watched));
            (void)found;
        }
        d.open();
    });
    wait_until([&] { return !p.alive(); });
    w.settle();
    REQUIRE(log.take() == "killed: waited for a blocking function (delayed)");
}

TEST_CASE("blocking: a stop lets the function and its await finish") {
    test::world w;
    test::journal log;
    door d;
    auto p = w.spawn([&](context ctx) -> process {
        co_await blocking([&d] { d.pass(); });
        log("finished");
        (void)co_await ctx.recv();
    });
    watch(w, log, p);
    d.wait_for(1);
    p.stop();
    wait_until([&] { return p.where().block->life_state.now() == detail::life::draining; });
    d.open();
    w.settle();
    REQUIRE(log.take() == "finished, stopped");
}

TEST_CASE("blocking: a bound cancels what is queued") {
    test::world w(1, one_thread());
    test::journal log;
    door d;
    std::atomic<int> ran{0};
    std::stop_source source;
    hold(w, d);
    w.spawn([&](context) -> process {
        const auto r = co_await blocking([&ran] { return ++ran; }).until(source.get_token());
        log(test::shown(r));
    });
    wait_until([&] { return w.rt.blocking_counters().queued == 1; });
    source.request_stop();
    wait_until([&] { return w.rt.blocking_counters().cancelled == 1; });
    d.open();
    w.settle();
    REQUIRE(log.take() == "cancelled");
    REQUIRE(ran == 0);
    // Of a time: nobody can wait for a clock that stands still while a function runs, so it has no time at all.
    door second;
    hold(w, second);
    w.spawn([&](context) -> process {
        const auto r = co_await blocking([&ran] { return ++ran; }).within(0ns);
        log(test::shown(r));
    });
    wait_until([&] { return w.rt.blocking_counters().cancelled == 2; });
    second.open();
    w.settle();
    REQUIRE(log.take() == "timeout");
    REQUIRE(ran == 0);
}

TEST_CASE("blocking: a bound that is met while it runs waits for it, and then says so") {
    test::world w;
    test::journal log;
    door d;
    std::atomic<int> gone{0};
    std::stop_source source;
    const bool both = GENERATE(false, true);
    auto p = w.spawn([&](context) -> process {
        const leaver local(gone);
        const auto f = [&d] {
            d.pass();
            return 1;
        };
        result<int> r;
        if (both) r = co_await blocking(f).within(1h).until(source.get_token());
        else r = co_await blocking(f).until(source.get_token());
        log(test::shown(r));
    });
    d.wait_for(1);
    const auto waits = [&] { return p.where().block->life_state.now() == detail::life::waiting; };
    wait_until(waits);
    source.request_stop(); // makes it `queued`
    wait_until(waits); // it has looked at the token
    REQUIRE(gone == 0);
    REQUIRE(log.take().empty());
    d.open();
    w.settle();
    REQUIRE(log.take() == "cancelled");
    REQUIRE(gone == 1);
}

TEST_CASE("blocking_detached: killed or given up while it runs, the frame goes and the function runs on") {
    test::world w;
    test::journal log;
    door d;
    std::atomic<int> gone{0}, ended{0};
    std::stop_source source;
    const bool killed = GENERATE(false, true);
    const auto sentinel = std::make_shared<int>(1);
    auto p = w.spawn([&, sentinel](context) -> process {
        const leaver local(gone);
        auto f = [&d, &ended, owned = sentinel] {
            d.pass();
            ++ended;
            return owned; // dropped
        };
        const auto r = co_await blocking_detached(f).until(source.get_token());
        log(r ? "a value" : "cancelled");
    });
    watch(w, log, p);
    d.wait_for(1);
    if (killed) p.kill();
    else source.request_stop();
    wait_until([&] { return !p.alive(); });
    REQUIRE(gone == 1);
    REQUIRE(ended == 0);
    REQUIRE(w.rt.blocking_counters().running == 1);
    REQUIRE(sentinel.use_count() >= 2);
    d.open();
    w.settle();
    REQUIRE(ended == 1);
    wait_until([&] { return sentinel.use_count() == 1; }); // the group's closure goes, too
    REQUIRE(log.take() == (killed ? "killed" : "cancelled, normal"));
}

TEST_CASE("blocking in when_any: a loser that is queued is cancelled, one that runs is waited for") {
    test::world w(1, one_thread());
    test::journal log;
    door d;
    std::atomic<int> gone{0}, ran{0};
    const bool in_task = GENERATE(false, true);
    const auto in_a_task = [&](auto f) -> task<> {
        const leaver local(gone);
        co_await blocking(f);
    };
    auto p = w.spawn([&](context ctx) -> process {
        const auto first = [&d] { d.pass(); };
        const auto second = [&ran] { ++ran; };
        if (in_task) {
            auto won = co_await when_any(in_a_task(first), in_a_task(second), ctx.recv<int>());
            log(static_cast<int>(won.index()));
        } else {
            auto won = co_await when_any(blocking(first), blocking(second), ctx.recv<int>());
            log(static_cast<int>(won.index()));
        }
        log(gone);
    });
    d.wait_for(1);
    wait_until([&] { return w.rt.blocking_counters().queued == 1; });
    p.tell(1);
    wait_until([&] { return w.rt.blocking_counters().cancelled == 1; });
    REQUIRE(log.take().empty());
    REQUIRE(gone == 0);
    d.open();
    w.settle();
    REQUIRE(log.take() == (in_task ? "2, 2" : "2, 0"));
    REQUIRE(ran == 0);
    REQUIRE_FALSE(p.alive());
}

TEST_CASE("blocking in when_all: all values, one thread or several") {
    const auto threads = GENERATE(std::size_t{1}, std::size_t{3});
    test::world w(2, config().with_blocking_threads(threads));
    test::journal log;
    w.spawn([&](context) -> process {
        auto [a, b, c] = co_await when_all(
            blocking([] { return 1; }), blocking([] { return 2; }), blocking_detached([] { return 3; }));
        log(a * 100 + b * 10 + c);
    });
    w.settle();
    REQUIRE(log.take() == "123");
}

TEST_CASE("a stop or kill in a when_all with a receive waits for the function that runs") {
    test::world w(1, one_thread());
    test::journal log;
    door d;
    std::atomic<int> gone{0};
    const bool killed = GENERATE(false, true);
    auto p = w.spawn([&](context ctx) -> process {
        const leaver local(gone);
        (void)co_await when_all(ctx.recv<int>(), blocking([&d] { d.pass(); }), blocking([] {}));
    });
    watch(w, log, p);
    d.wait_for(1);
    if (killed) p.kill();
    else p.stop();
    wait_until([&] { return w.rt.blocking_counters().cancelled == 1; });
    REQUIRE(gone == 0);
    p.tell(1); // too late
    d.open();
    w.settle();
    REQUIRE(gone == 1);
    REQUIRE(log.take() == std::string(killed ? "killed" : "stopped") + ": waited for a blocking function (delayed)");
}

namespace {

task<int> blocks(int n) {
    const int doubled = co_await blocking([n] { return 2 * n; });
    co_return doubled;
}
task<int> blocks_deeper(int n) {
    if (n == 0) co_return 0;
    scope s;
    auto a = s.fork(blocks(n));
    auto b = s.fork(blocks_deeper(n - 1));
    const int mine = co_await blocks(n);
    co_await s.join();
    co_return *a + *b + mine;
}
task<int> throws_after_fork(std::atomic<int>& ran) {
    scope s;
    auto a = s.fork(blocks(1));
    auto b = s.fork([](std::atomic<int>& r) -> task<int> {
        co_await blocking([&r] { ++r; });
        co_return 1;
    }(ran));
    throw std::runtime_error("left");
}

} // namespace

TEST_CASE("blocking in forked tasks: they go on where a worker finds time") {
    const auto workers = GENERATE(std::size_t{1}, std::size_t{2});
    const auto threads = GENERATE(std::size_t{1}, std::size_t{8});
    test::world w(workers, config().with_blocking_threads(threads));
    test::journal log;
    std::atomic<int> ran{0};
    for (int i = 0; i < 20; ++i) {
        w.spawn([&](context) -> process {
            const int sum = co_await blocks_deeper(8);
            log(sum);
            try {
                (void)co_await throws_after_fork(ran);
            } catch (const std::runtime_error& e) { log(e.what()); }
        });
        w.settle();
        REQUIRE(log.take() == "144, left");
    }
    REQUIRE(ran == 20);
}

TEST_CASE("blocking: in a forked task there is no time to bound it by, and no process to await outside of") {
    test::world w;
    test::journal log;
    w.spawn([&](context) -> process {
        scope s;
        auto a = s.fork([]() -> task<> { (void)co_await blocking([] {}).within(1s); }());
        try {
            co_await s.join();
        } catch (const usage_error&) { log("no time"); }
        auto b = blocking([] { return 1; });
        const int first = co_await b;
        log(first);
        try {
            (void)co_await b;
        } catch (const usage_error& e) { log(e.what()); }
    });
    w.settle();
    REQUIRE(log.take() == "no time, 1, bastion: a blocking function is awaited once");
    auto never = blocking([] { return 1; });
    REQUIRE_THROWS_AS(never.await_ready(), usage_error);
}

TEST_CASE("blocking: a clock that stands still is at rest only when no function runs") {
    test::world w(2);
    test::journal log;
    for (int i = 0; i < 200; ++i) {
        w.spawn([&](context ctx) -> process {
            co_await blocking([] { std::this_thread::yield(); });
            co_await ctx.sleep_for(1ms);
            co_await blocking([] { std::this_thread::yield(); });
            log("done");
        });
        w.settle();
        REQUIRE(log.take().empty());
        w.advance(1ms);
        REQUIRE(log.take() == "done");
    }
}

TEST_CASE("blocking: two runtimes have a pool each") {
    test::world a(1, one_thread());
    test::world b(1, one_thread());
    test::journal log;
    door d;
    hold(a, d);
    b.spawn([&](context) -> process {
        const int n = co_await blocking(answer_to_everything);
        log(n);
    });
    b.settle();
    REQUIRE(log.take() == "42");
    REQUIRE(a.rt.blocking_counters().running == 1);
    REQUIRE(b.rt.blocking_counters().completed == 1);
    d.open();
    a.settle(); // the function uses the door
}

TEST_CASE("blocking in a simulation runs within the turn, and every run is the same") {
    const auto run = [](std::uint64_t seed) {
        testing::simulation sim(seed);
        test::journal log;
        sim.spawn([&](context ctx) -> process {
            const int n = co_await blocking([&] {
                log("runs");
                return 42;
            });
            log(n);
            const auto r = co_await blocking([] { return 1; }).within(1ns);
            log(test::shown(r));
            scope s;
            auto forked = s.fork(blocks(4));
            co_await s.join();
            log(*forked);
            try {
                co_await blocking_detached([] { panic("there"); });
            } catch (const panic_error& e) { log(e.what()); }
            (void)co_await when_any(ctx.recv(), blocking([] {}));
            log("done");
        });
        sim.advance(1s);
        REQUIRE(sim.runtime().blocking_counters().threads == 0);
        return log.take() + std::to_string(sim.trace_hash());
    };
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const std::string once = run(seed);
        REQUIRE(once.substr(0, once.find_first_of("0123456789", 30)).rfind("runs, 42, 1, 8, there, done", 0) == 0);
        REQUIRE(run(seed) == once);
    }
}
