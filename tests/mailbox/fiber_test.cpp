// Plain functions as processes: they wait at any depth, end where they wait, and what they hold is destroyed.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <atomic>
#include <chrono>
#include <coroutine>
#include <stdexcept>
#include <string>
#include <utility>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

struct twice {
    using answer_type = int;
    int of;
};

process doubles(context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        m.match(on_question([](const twice& q) { return 2 * q.of; }));
    }
}

// Says when it goes.
class witness {
public:
    witness(test::journal& log, std::string name) : log_(log), name_(std::move(name)) {}
    witness(const witness&) = delete;
    witness& operator=(const witness&) = delete;
    ~witness() { log_("~" + name_); }

private:
    test::journal& log_;
    std::string name_;
};

// Waits `depth` calls below.
BASTION_NOINLINE int sum_from(const fiber_context& ctx, int depth) {
    if (depth == 0) return ctx.recv<int>();
    return depth + sum_from(ctx, depth - 1);
}

task<std::string> later(context ctx, std::string text) {
    co_await ctx.sleep_for(1s);
    co_return text;
}

// To the end of the stack.
BASTION_NOINLINE int bottomless(int n) {
    volatile char frame[256];
    frame[0] = static_cast<char>(n);
    return n < 0 ? 0 : bottomless(n + 1) + frame[0];
}

} // namespace

TEST_CASE("a fiber receives at any depth, and is one process among others") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](fiber_context ctx) {
        log(sum_from(ctx, 100));
        auto m = ctx.recv();
        log(m.told<std::string>() != nullptr ? *m.told<std::string>() : "?");
        m.sender().tell(1);
    });
    w.settle();
    REQUIRE(log.take().empty());
    p.tell(7);
    w.settle();
    REQUIRE(log.take() == "5057");
    w.spawn([&](context ctx) -> process {
        p.tell("hello");
        log(co_await ctx.recv<int>());
    });
    w.settle();
    REQUIRE(log.take() == "hello, 1");
    REQUIRE(!p.alive());
}

TEST_CASE("a fiber asks, sleeps, yields and awaits whatever a coroutine can") {
    test::world w;
    test::journal log;
    const auto server = w.spawn(doubles);
    w.spawn([&](fiber_context ctx) {
        log(test::shown(ctx.ask(server, twice{21})));
        log(test::shown(ctx.ask<twice>(server, 4)));
        log(test::shown(ctx.request<int>(server, std::string("unknown"))));
        ctx.yield();
        ctx.sleep_for(1h);
        log("slept");
        log(ctx.await(later(ctx, "task")));
        auto named = server.ask(twice{5});
        log(test::shown(ctx.await(named)));
        auto first = ctx.await(when_any(later(ctx, "any"), ctx.context::recv<int>()));
        log(static_cast<int>(first.index()));
        log(ctx.await(blocking([] { return 3; })));
    });
    w.settle();
    REQUIRE(log.take() == "42, 8, unhandled");
    w.advance(1h);
    REQUIRE(log.take() == "slept");
    w.advance(1s);
    REQUIRE(log.take() == "task, 10");
    w.advance(1s);
    REQUIRE(log.take() == "0, 3");
}

TEST_CASE("what a fiber waits for may have a bound") {
    test::world w;
    test::journal log;
    const auto silent = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(1000h); });
    auto p = w.spawn([&](fiber_context ctx) {
        log(test::shown(ctx.within(1s).recv<int>()));
        log(test::shown(ctx.within(1s).recv<int>()));
        log(test::shown(ctx.within(1s).ask(silent, twice{1})));
        log(test::shown(ctx.within(1s).await(later(ctx, "in time"))));
        log(test::shown(ctx.within(1ms).await(later(ctx, "too late"))));
        log(test::shown(ctx.within(1s).recv()));
    });
    w.settle();
    w.advance(1s);
    p.tell(2);
    w.settle();
    for (int i = 0; i < 4; ++i) w.advance(1s);
    REQUIRE(log.take() == "timeout, 2, timeout, in time, timeout, timeout");
}

TEST_CASE("a kill unwinds a fiber from where it waits, a stop where it receives") {
    test::world w;
    test::journal log;
    const auto body = [&](fiber_context ctx) {
        const witness outer(log, "outer");
        try {
            const witness inner(log, "inner");
            if (ctx.recv<int>() == 1) ctx.sleep_for(1h);
        } catch (const std::exception&) { log("caught"); }
    };
    auto killed = w.spawn(body);
    w.settle();
    killed.tell(1);
    w.settle();
    killed.stop();
    w.settle();
    REQUIRE(log.take().empty());
    killed.kill();
    w.settle();
    REQUIRE(log.take() == "~inner, ~outer");
    auto stopped = w.spawn(body);
    w.settle();
    stopped.stop();
    w.settle();
    REQUIRE(log.take() == "~inner, ~outer");
    auto not_begun = w.spawn(body);
    not_begun.kill();
    w.settle();
    REQUIRE(!not_begun.alive());
}

TEST_CASE("a fiber that swallows its end three times is abandoned, and its process ends") {
    test::world w;
    test::journal log;
    const auto before = read_stack_figures();
    auto p = w.spawn([&](fiber_context ctx) {
        const witness lost(log, "lost");
        for (;;) {
            try {
                (void)ctx.recv();
            } catch (...) { log("swallowed"); }
        }
    });
    auto twice_only = w.spawn([&](fiber_context ctx) {
        const witness kept(log, "kept");
        for (int i = 0; i < 2; ++i) {
            try {
                (void)ctx.recv();
            } catch (const fiber_unwind&) {}
        }
        ctx.sleep_for(1s);
    });
    w.settle();
    p.kill();
    w.settle();
    REQUIRE(log.take() == "swallowed, swallowed, swallowed");
    REQUIRE(!p.alive());
    REQUIRE(read_stack_figures().abandoned == before.abandoned + 1);
    twice_only.kill();
    w.settle();
    REQUIRE(log.take() == "~kept");
    const auto after = read_stack_figures();
    REQUIRE(after.abandoned == before.abandoned + 1);
    REQUIRE(after.abandoned_bytes > before.abandoned_bytes);
    REQUIRE(after.in_use == before.in_use);
}

TEST_CASE("what a fiber throws is its panic, also in the middle of being ended") {
    test::world w;
    test::journal log;
    w.spawn([&](context ctx) -> process {
        auto [p, watch] = ctx.spawn_monitor([](fiber_context) { throw std::runtime_error("broken"); });
        auto first = co_await ctx.recv<down>();
        log(std::string(first.reason().what()));
        auto [q, watch_q] = ctx.spawn_monitor([](fiber_context c) { c.fail("no luck"); });
        auto second = co_await ctx.recv<down>();
        log(std::string(second.reason().what()));
        auto [r, watch_r] = ctx.spawn_monitor([](fiber_context c) {
            try {
                (void)c.recv();
            } catch (const fiber_unwind&) { throw std::runtime_error("instead"); }
        });
        co_await ctx.yield();
        r.kill();
        auto third = co_await ctx.recv<down>();
        log(std::string(third.reason().what()));
    });
    w.settle();
    REQUIRE(log.take() == "panic: broken, error: no luck, killed");
}

TEST_CASE("a group of fibers is supervised, restarted and has data as any other") {
    test::world w;
    test::journal log;
    const auto p = w.only(children().with_data(1).with_fiber([&](fiber_context ctx) {
        log(ctx.incarnation());
        ctx.data<int>() *= 2;
        log(ctx.data<int>());
        if (ctx.recv<std::string>() == "fail") panic("as told");
    }));
    REQUIRE(log.take() == "0, 2");
    p.tell("fail");
    w.settle();
    w.advance(1s);
    REQUIRE(log.take() == "1, 4");
    REQUIRE(p.alive());
}

TEST_CASE("exceptions in flight on many fibers do not mix") {
    test::world w(2);
    test::journal log;
    constexpr int fibers = 50;
    std::atomic<int> right{0};
    for (int id = 0; id < fibers; ++id)
        w.spawn([id, &right](fiber_context ctx) {
            for (int i = 0; i < 20; ++i) {
                try {
                    throw std::runtime_error(std::to_string(id));
                } catch (const std::runtime_error& mine) {
                    ctx.yield();
                    try {
                        throw; // the innermost that this fiber handles
                    } catch (const std::runtime_error& again) {
                        ctx.yield();
                        if (mine.what() == std::to_string(id) && again.what() == std::to_string(id)) ++right;
                    }
                }
            }
        });
    w.settle();
    REQUIRE(right == fibers * 20);
}

TEST_CASE("a fiber waits inside a catch, and not while an exception unwinds its stack") {
    test::world w;
    test::journal log;
    const auto server = w.spawn(doubles);
    class asks_at_its_end {
    public:
        asks_at_its_end(const fiber_context& ctx, child_ref asked, test::journal& to)
            : ctx_(ctx), server_(asked), log_(to) {}
        asks_at_its_end(const asks_at_its_end&) = delete;
        asks_at_its_end& operator=(const asks_at_its_end&) = delete;
        ~asks_at_its_end() {
            log_(test::shown(ctx_.ask(server_, twice{1})));
            ctx_.sleep_for(1h);
            try {
                (void)ctx_.recv();
            } catch (const usage_error&) { log_("refused"); }
        }

    private:
        fiber_context ctx_;
        child_ref server_;
        test::journal& log_;
    };
    w.spawn([&](fiber_context ctx) {
        try {
            const asks_at_its_end last(ctx, server, log);
            throw std::runtime_error("unwinds");
        } catch (const std::runtime_error&) { log(test::shown(ctx.ask(server, twice{2}))); }
    });
    auto killed = w.spawn([&](fiber_context ctx) {
        const asks_at_its_end last(ctx, server, log);
        ctx.sleep_for(1000h);
    });
    w.settle();
    REQUIRE(log.take() == "cancelled, refused, 4");
    killed.kill();
    w.settle();
    REQUIRE(log.take() == "cancelled, refused");
}

TEST_CASE("a fiber's context outside its fiber is a usage error") {
    test::world w;
    test::journal log;
    w.spawn([&](fiber_context ctx) {
        const auto misuses = [](fiber_context of, test::journal& to) -> task<void> {
            try {
                (void)of.recv();
            } catch (const usage_error&) { to("refused"); }
            co_return;
        };
        auto misuse = misuses(ctx, log);
        ctx.await(misuse);
        auto coroutine = [](context of) -> task<int> { co_return co_await of.recv<int>(); };
        ctx.self().tell(5);
        auto good = coroutine(ctx);
        log(ctx.await(good));
    });
    w.settle();
    REQUIRE(log.take() == "refused, 5");
}

TEST_CASE("an overflow of a guarded stack ends that process only, with reason limit") {
    test::world w;
    test::journal log;
    const auto before = read_stack_figures();
    w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 3; ++i) {
            auto [p, watch] = ctx.spawn_monitor([&](fiber_context c) {
                const witness lost(log, "never");
                if (!c.has_guarded_stack()) log("unguarded");
                if (bottomless(0) != 0) log("?");
            });
            auto d = co_await ctx.recv<down>();
            log(d.reason().kind() == exit_kind::limit ? "limit" : std::string(d.reason().what()));
        }
    });
    w.settle();
    REQUIRE(log.take() == "limit, limit, limit");
    REQUIRE(read_stack_figures().abandoned == before.abandoned + 3);
}

TEST_CASE("a stack has the size that its runtime, group or spawn says") {
    test::world w(1, config().with_stacks({std::size_t{256} << 10, 1000}));
    test::journal log;
    const auto kib = [&](fiber_context ctx) { log(static_cast<long long>((ctx.stack_left() + (8 << 10)) >> 14)); };
    w.spawn(kib);
    w.settle();
    REQUIRE(log.take() == "16");
    w.spawn(with_stack(1'000'000, kib));
    w.settle();
    REQUIRE(log.take() == "64");
    (void)w.only(children().with_fiber(kib, 16 << 10).with_restart(restart_when::temporary));
    (void)w.only(children().with_fiber(with_stack(32 << 10, kib)).with_restart(restart_when::temporary));
    REQUIRE(log.take() == "1, 2");
    REQUIRE_THROWS_AS(with_stack(std::size_t{2} << 30, kib), std::length_error);
    REQUIRE_THROWS_AS(runtime(config().with_stacks({1000, 10})), bad_config);
    REQUIRE_THROWS_AS(runtime(config().with_variable("BASTION_STACK_KIB", "8")), bad_config);
}

TEST_CASE("a stack counts against its process' memory limit") {
    test::world w;
    test::journal log;
    const auto run = [&](std::size_t bytes) {
        const auto p = w.only(children()
                .with_limits(limits().memory(bytes))
                .with_restart(restart_when::temporary)
                .with_fiber(
                    [&](fiber_context ctx) {
                        log("ran");
                        (void)ctx.recv();
                    },
                    64 << 10));
        log(p.alive() ? "waits" : "ended");
    };
    run(128 << 10);
    run(32 << 10);
    REQUIRE(log.take() == "ran, waits, ended");
}

TEST_CASE("a coroutine awaits a function on a stack of its own") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context) -> process {
        log(co_await on_fiber([](fiber_context c) { return sum_from(c, 10); }));
        int sum = 0;
        co_await on_fiber([&] { sum = 5; });
        log(sum);
        auto& same = co_await on_fiber([&]() -> int& { return sum; });
        log(&same == &sum ? "same" : "copy");
        try {
            co_await on_fiber([](fiber_context) { throw std::runtime_error("out"); });
        } catch (const std::runtime_error& e) { log(e.what()); }
        try {
            log(co_await on_fiber([] { return bottomless(0); }));
        } catch (const limit_error& e) { log(e.which() == limit_error::kind::stack ? "stack" : "?"); }
        auto late = co_await on_fiber([&](fiber_context c) {
            const witness gone(log, "gone");
            c.sleep_for(1h);
        }).within(1s);
        log(test::shown(late));
        const std::string text = "named";
        const auto named = [text](fiber_context) { return text + "!"; };
        log(co_await on_fiber(named));
    });
    p.tell(1);
    w.settle();
    REQUIRE(log.take() == "56, 5, same, out, stack");
    w.advance(1s);
    REQUIRE(log.take() == "~gone, timeout, named!");
}

TEST_CASE("a forked task runs on a fiber what needs no process") {
    test::world w(2);
    test::journal log;
    const auto deep = []() -> task<int> { co_return co_await on_fiber([] { return 6; }); };
    const auto wrong = []() -> task<int> { co_return co_await on_fiber([](fiber_context) { return 7; }); };
    w.spawn([&](context) -> process {
        scope s;
        auto a = s.fork(deep());
        co_await s.join();
        log(*a);
        scope t;
        auto b = t.fork(wrong());
        try {
            co_await t.join();
        } catch (const usage_error&) { log("refused"); }
    });
    w.settle();
    REQUIRE(log.take() == "6, refused");
}

TEST_CASE("a fiber forks and joins") {
    test::world w(2);
    test::journal log;
    const auto leaf = [](int n) -> task<int> { co_return n; };
    w.spawn([&](fiber_context ctx) {
        scope s;
        auto a = s.fork(leaf(1));
        auto b = s.fork(leaf(2));
        ctx.await(s.join());
        log(*a + *b);
    });
    w.settle();
    REQUIRE(log.take() == "3");
}

TEST_CASE("an await_suspend that throws is thrown where the fiber waits") {
    class refuses {
    public:
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error("refuses"); }
        void await_resume() const noexcept {}
    };
    test::world w;
    test::journal log;
    w.spawn([&](fiber_context ctx) {
        try {
            ctx.await(refuses());
        } catch (const std::runtime_error& e) { log(e.what()); }
        ctx.yield();
        log("goes on");
    });
    w.settle();
    REQUIRE(log.take() == "refuses, goes on");
}
