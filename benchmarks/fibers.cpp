// The rows of processes that are plain functions on stacks of their own.
// switch_fiber: one fiber awaits, n times, what is over as soon as it has left its stack. The op is a wait: off the stack and on again.
// pingpong_fibers, spawn_fibers, idle_fibers: as pingpong, spawn and idle, with fibers for bodies; spawn's take stacks from the pool, idle's
// are new, and the reading is what each has resident.

#include "rows.hpp"

#include <atomic>
#include <coroutine>
#include <vector>

namespace bench {
namespace {

std::atomic<std::uint64_t> left{0};
bastion::child_ref driver; // Written before the first spawn.

struct over_at_once {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    void await_resume() const noexcept {}
};

bastion::task<figure> switches(bastion::context ctx, std::uint64_t n) {
    const auto me = ctx.self();
    const stopwatch clock;
    ctx.spawn([me, n](bastion::fiber_context self) {
        for (std::uint64_t i = 0; i < n; ++i) self.await(over_at_once());
        me.tell(number{n});
    });
    co_return co_await finish(ctx, clock, n, n, "switch_fiber: the number of waits");
}

void pong(bastion::fiber_context ctx) {
    for (;;) {
        auto m = ctx.recv();
        const auto value = value_of(m);
        m.sender().tell(number{value + 1});
    }
}

bastion::task<figure> play(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto peer = ctx.spawn(pong);
    ctx.spawn([me, peer, n](bastion::fiber_context self) {
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < n; ++i) {
            peer.tell(number{value + 1});
            auto m = self.recv();
            value = value_of(m);
        }
        me.tell(number{value});
    });
    co_return co_await finish(ctx, clock, 2 * n, 2 * n, "pingpong_fibers: the number of hops");
}

void leaf(bastion::fiber_context) {
    if (left.fetch_sub(1, std::memory_order_relaxed) == 1) driver.tell(number{0});
}

bastion::task<figure> spawns(bastion::context ctx, std::uint64_t n) {
    left = n;
    driver = ctx.self();
    const stopwatch clock;
    for (std::uint64_t i = 1; i <= n; ++i) {
        ctx.spawn(leaf);
        if (i % 100 == 0) co_await ctx.yield();
    }
    auto m = co_await ctx.recv();
    check(value_of(m) == 0 && left == 0, "spawn_fibers: the number of processes");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

std::atomic<std::uint64_t> coming{0};

void wait(bastion::fiber_context ctx) {
    if (coming.fetch_sub(1, std::memory_order_relaxed) == 1) driver.tell(number{1});
    auto m = ctx.recv();
    // release and acquire: who is last has seen all that the others did.
    if (left.fetch_sub(value_of(m), std::memory_order_acq_rel) == 1) driver.tell(number{2});
}

bastion::task<figure> idle(bastion::context ctx, std::uint64_t n) {
    coming = n;
    left = n;
    driver = ctx.self();
    std::vector<bastion::child_ref> waiting(n); // Its pages are there before the first reading.
    const double before = resident_bytes();
    const stopwatch clock;
    for (auto& ref : waiting) ref = ctx.spawn(wait);
    auto come = co_await ctx.recv();
    check(value_of(come) == 1 && coming == 0, "idle_fibers: the processes that wait");
    const double bytes = (resident_bytes() - before) / static_cast<double>(n);
    for (const auto& ref : waiting) ref.tell(number{1});
    auto gone = co_await ctx.recv();
    check(value_of(gone) == 2 && left == 0, "idle_fibers: the processes that have answered");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns, .bytes_per_actor = bytes};
}

} // namespace

figure switch_fiber(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, switches); }
figure pingpong_fibers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, play); }
figure spawn_fibers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, spawns); }
figure idle_fibers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, idle); }

} // namespace bench
