// Messages sent later: in time, again and again, cancelled, dropped with their target or their runtime.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

process listener(context ctx, test::journal& log) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* n = m.told<int>()) log(*n);
        if (auto* s = m.told<std::string>()) log(*s);
        if (auto* p = m.told<std::shared_ptr<int>>()) log(**p);
    }
}

} // namespace

TEST_CASE("tell_after: not before its time, in the order of times") {
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) { return listener(ctx, log); });
    w.spawn([&](context ctx) -> process {
        ctx.tell_after(3ms, to, "third");
        ctx.tell_after(1ms, to, 1);
        ctx.tell_after(2ms, to, 2);
        ctx.tell_after(0ms, to, 0);
        co_return;  // its end does not cancel them
    });
    w.advance(0ms);
    REQUIRE(log.take() == "0");
    w.advance(1ms - 1ns);
    REQUIRE(log.take().empty());
    w.advance(1ns);
    REQUIRE(log.take() == "1");
    w.advance(10ms);
    REQUIRE(log.take() == "2, third");
}

namespace {

// Its third copy throws.
struct fragile {
    int* copies;
    explicit fragile(int& n) : copies(&n) {}
    fragile(fragile&&) = default;
    fragile(const fragile& other) : copies(other.copies) {
        if (++*copies == 3) throw std::runtime_error("copied too often");
    }
};

} // namespace

TEST_CASE("tell_every: a message whose copy throws ends the timer, with a report") {
    test::journal log;
    auto clock = std::make_shared<manual_clock>();
    runtime rt(config().with_workers(1).with_clock(clock).with_signals(false).with_log(
        [&](const log_record& r) { log(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next)); }));
    int copies = 0;
    rt.spawn([&](context ctx) -> process {
        auto timer = ctx.tell_every(1ms, ctx.self(), fragile(copies));
        for (;;) {
            (void)co_await ctx.recv<fragile>();
            log("one");
        }
    });
    clock->advance(10ms);
    REQUIRE(log.take() == "one, one, tell_every: panic: copied too often; sends no more");
    rt.kill();
}

TEST_CASE("tell_every: a copy each period, until cancelled") {
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) { return listener(ctx, log); });
    std::optional<scheduled_tell> handle;
    w.spawn([&](context ctx) -> process {
        handle.emplace(ctx.tell_every(2ms, to, "tick"));
        co_return;
    });
    w.advance(1ms);
    REQUIRE(log.take().empty());
    w.advance(5ms);
    REQUIRE(log.take() == "tick, tick, tick");
    REQUIRE(handle->cancel());  // from a plain thread
    REQUIRE_FALSE(handle->cancel());
    w.advance(1h);
    REQUIRE(log.take().empty());
}

TEST_CASE("cancel says whether it came in time, and frees the message") {
    test::world w;
    test::journal log;
    std::weak_ptr<int> alive;
    auto to = w.spawn([&](context ctx) { return listener(ctx, log); });
    w.spawn([&](context ctx) -> process {
        auto value = std::make_shared<int>(1);
        alive = value;
        {
            auto early = ctx.tell_after(5ms, to, std::move(value));
            log(early.cancel() ? "in time" : "late");
        }
        log(alive.expired() ? "freed" : "kept");
        auto sent = ctx.tell_after(1ms, to, 1);
        co_await ctx.sleep_for(2ms);
        log(sent.cancel() ? "in time" : "late");
        scheduled_tell none;
        log(none.cancel() ? "in time" : "late");
    });
    w.advance(10ms);
    REQUIRE(log.take() == "in time, freed, 1, late, late");
}

TEST_CASE("a told-later message is dropped when its target is gone, and a periodic one ends by itself") {
    test::world w;
    test::journal log;
    std::weak_ptr<int> once, again;
    auto to = w.spawn([&](context ctx) { return listener(ctx, log); });
    w.spawn([&](context ctx) -> process {
        auto a = std::make_shared<int>(1);
        auto b = std::make_shared<int>(2);
        once = a;
        again = b;
        ctx.tell_after(3ms, to, std::move(a));
        ctx.tell_every(2ms, to, std::move(b));
        co_return;
    });
    w.advance(2ms);
    REQUIRE(log.take() == "2");
    to.kill();
    w.settle();
    REQUIRE_FALSE(once.expired());
    w.advance(10ms);
    REQUIRE(once.expired());
    REQUIRE(again.expired());
    REQUIRE(log.take().empty());
}

TEST_CASE("messages that were to be told later go with their runtime") {
    const auto before = detail::read_pool_stats().live_blocks;
    std::weak_ptr<int> once, again;
    scheduled_tell left;
    {
        test::world w;
        w.spawn([&](context ctx) -> process {
            auto a = std::make_shared<int>(1);
            auto b = std::make_shared<int>(2);
            once = a;
            again = b;
            left = ctx.tell_after(1h, ctx.self(), std::move(a));
            ctx.tell_every(1h, ctx.self(), std::move(b));
            (void)co_await ctx.recv<int>();
        });
        w.settle();
        REQUIRE_FALSE(once.expired());
    }
    REQUIRE_FALSE(left.cancel());
    left = scheduled_tell();
    REQUIRE(once.expired());
    REQUIRE(again.expired());
    REQUIRE(detail::read_pool_stats().live_blocks == before);
}
