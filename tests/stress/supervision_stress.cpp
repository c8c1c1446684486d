// Supervision under fire: restarts while being sent to, stops while restarting, storms of kills and monitors, trees that
// come and go, runtimes that end under strangers' refs. Counted by the tests' own code.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/base/sanitizer.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int slow = 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int slow = 20;
#else
constexpr int slow = 1;
#endif
#else
constexpr int slow = 1;
#endif

bastion::config quiet(std::size_t workers) {
    return bastion::config().with_workers(workers).with_signals(false).with_log([](const bastion::log_record&) {});
}

struct poison {};
struct number {
    std::uint64_t n;
};
struct how_many {
    using answer_type = std::uint64_t;
};

// Resident pages of this program.
long resident_pages() {
    long size = 0, resident = 0;
    std::FILE* f = std::fopen("/proc/self/statm", "r");
    REQUIRE(f != nullptr);
    const int got = std::fscanf(f, "%ld %ld", &size, &resident);
    std::fclose(f);
    REQUIRE(got == 2);
    return resident;
}

bastion::process idle(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        m.unhandled();
    }
}

bastion::process short_lived(bastion::context) { co_return; }

} // namespace

// accepted = handled + in hand at a panic + unread: no message is lost or seen twice over all restarts.
TEST_CASE("A hundred thousand panics of one child while four senders never stop") {
    const int panics = 100'000 / slow;
    const bool processes = GENERATE(false, true);
    bastion::runtime rt(quiet(2));
    std::atomic<std::uint64_t> handled{0}, in_hand{0}, accepted{0}, starts{0};
    std::atomic<bool> enough{false};
    // Each value says who sent it and which it is: order per sender must hold over the restarts.
    constexpr std::uint64_t senders = 4;
    std::atomic<std::uint64_t> out_of_order{0};
    std::vector<std::uint64_t> last(senders + 1, 0); // written by one incarnation at a time
    const auto target = rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().immediate())
            .with_exec([&](bastion::context ctx) -> bastion::process {
                ++starts;
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (auto* v = m.told<number>()) {
                        const std::uint64_t who = v->n >> 56, which = v->n & ((std::uint64_t{1} << 56) - 1);
                        if (which <= last[who]) ++out_of_order;
                        last[who] = which;
                        if (which % 4 == 0 && !enough) {
                            ++in_hand;
                            bastion::panic("in hand");
                        }
                        ++handled;
                    } else if (auto q = m.asked<how_many>()) {
                        q.reply(handled.load());
                    }
                }
            }));
    auto throttled = [&](std::uint64_t sent) {
        // Never more than some thousand unread: the senders do not stop, and memory stays bounded.
        return sent > handled.load() + in_hand.load() + 10'000;
    };
    std::atomic<std::uint64_t> running{senders};
    std::vector<std::jthread> threads;
    for (std::uint64_t s = 1; s <= senders; ++s) {
        if (processes) {
            (void)rt.spawn([&, s](bastion::context ctx) -> bastion::process {
                for (std::uint64_t i = 1; !enough; ++i) {
                    if (target[0].tell(number{s << 56 | i}) == bastion::delivery::accepted) ++accepted;
                    while (throttled(accepted)) co_await ctx.yield();
                    if (i % 16 == 0) co_await ctx.yield();
                }
                --running;
            });
        } else {
            threads.emplace_back([&, s] {
                for (std::uint64_t i = 1; !enough; ++i) {
                    if (target[0].tell(number{s << 56 | i}) == bastion::delivery::accepted) ++accepted;
                    while (throttled(accepted)) std::this_thread::yield();
                }
                --running;
            });
        }
    }
    while (in_hand < static_cast<std::uint64_t>(panics)) std::this_thread::yield();
    enough = true;
    while (running != 0) std::this_thread::yield();
    auto all = rt.run(target[0].ask(how_many{}).within(60s)); // behind all that was sent
    REQUIRE(all);
    CHECK(accepted == handled + in_hand);
    CHECK(starts == in_hand + 1);
    CHECK(out_of_order == 0);
    CHECK(rt.dead_letters() == 0);
}

TEST_CASE("A million processes spawned and finished leave nothing behind") {
    test::acceptance("B13");
    const int each = 1'000'000 / slow;
    bastion::runtime rt(quiet(2));
    const auto blocks = bastion::detail::live_blocks(); // the root and its implicit group
    struct leave {};
    const auto body = [](std::atomic<int>& done, bool waits) {
        return [&done, waits](bastion::context ctx) -> bastion::process {
            if (waits) (void)co_await ctx.recv<leave>();
            ++done;
        };
    };
    const auto wait_until_gone = [&] {
        // Their owner consumes the last exits a moment later: a leak would end this loop by the test's time-out.
        while (bastion::detail::live_blocks() != blocks) std::this_thread::yield();
    };
    // More at once than there are in any round, however the workers take turns.
    auto crowd = [&] {
        std::atomic<int> done{0};
        std::vector<bastion::child_ref> all;
        for (int i = 0; i < 8'192; ++i) all.push_back(rt.spawn(body(done, true)));
        for (const auto& one : all) one.tell(leave{});
        wait_until_gone();
    };
    auto round = [&] {
        std::atomic<int> done{0};
        const auto spawner = rt.spawn([&](bastion::context ctx) -> bastion::process {
            for (int i = 0; i < each; ++i) {
                (void)ctx.spawn(body(done, false));
                if (i % 64 != 63) continue;
                co_await ctx.yield();
                // Those whose exits their owner has not consumed yet count, too: so each round needs as much as the others.
                while (bastion::detail::live_blocks() > blocks + 4096) co_await ctx.yield();
            }
        });
        while (done != each || spawner.alive()) std::this_thread::yield();
        wait_until_gone();
    };
    round();
    crowd();
    const auto pool_before = bastion::detail::read_pool_stats().live_blocks;
    const auto live_before = bastion::detail::live_blocks();
    round();
    const long second = resident_pages();
    round();
    const long third = resident_pages();
    CHECK(bastion::detail::live_blocks() == live_before);
    CHECK(bastion::detail::live_blocks() == blocks);
    CHECK(bastion::detail::read_pool_stats().live_blocks == pool_before);
#if !defined(__SANITIZE_THREAD__)
    // Which worker's caches hold the free blocks differs between rounds by some pages; 1,000,000 processes would be 100,000.
    if (slow == 1) CHECK(third <= second + 64);
#else
    (void)second;
    (void)third;
#endif
}

TEST_CASE("Trees are started and stopped from several threads") {
    bastion::runtime rt(quiet(2));
    const auto blocks = bastion::detail::live_blocks();
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 400 / slow + 5; ++i) {
                    auto sup = rt.spawn(bastion::supervisor()
                            .with_strategy(static_cast<bastion::strategy>(i % 3))
                            .with_restart_strategy(bastion::restart_strategy::always().immediate())
                            .with_children(bastion::children().with_redundancy(3).with_exec(idle))
                            .with_supervisor(bastion::supervisor().with_children(
                                bastion::children().with_redundancy(2).with_exec(idle))));
                    const auto g = sup.spawn(
                        bastion::children().with_redundancy(2).with_exec([](bastion::context ctx) -> bastion::process {
                            auto m = co_await ctx.recv();
                            if (m.told<poison>() != nullptr) bastion::panic("x");
                        }));
                    const auto one = sup.spawn(idle);
                    if ((i + t) % 2 == 0) g[0].tell(poison{}); // it restarts while it is stopped
                    if ((i + t) % 3 == 0) g[1].stop();
                    if ((i + t) % 5 == 0) g.stop();
                    (i + t) % 4 == 0 ? sup.kill() : sup.stop();
                    if ((i + t) % 7 == 0) g[1].kill();
                    (void)one.tell(1);
                    (void)sup.spawn(idle);
                    while (i % 8 == 0 && sup.alive()) std::this_thread::yield();
                }
            });
    }
    while (bastion::detail::live_blocks() != blocks) std::this_thread::yield();
    rt.stop();
    CHECK(rt.wait() == 0);
}

TEST_CASE("A storm of kills and stops on elements that restart all the time") {
    for (int round = 0; round < 60 / slow + 3; ++round) {
        bastion::runtime rt(quiet(2));
        auto sup = rt.spawn(bastion::supervisor()
                .with_strategy(static_cast<bastion::strategy>(round % 3))
                .with_restart_strategy(bastion::restart_strategy::always().immediate()));
        const auto g = sup.spawn(bastion::children()
                .with_redundancy(8)
                .with_restart(bastion::permanent)
                .with_restart_scope(round % 2 == 0 ? bastion::restart_scope::group : bastion::restart_scope::element)
                .with_exec([](bastion::context ctx) -> bastion::process {
                    auto m = co_await ctx.recv();
                    if (m.told<poison>() != nullptr) bastion::panic("x");
                    co_await ctx.yield();
                }));
        const auto h = sup.spawn(bastion::children().with_redundancy(2).with_exec(idle));
        {
            std::vector<std::jthread> threads;
            for (unsigned t = 0; t < 3; ++t)
                threads.emplace_back([&, t] {
                    for (unsigned i = 0; i < 200; ++i) {
                        for (const auto& e : g) e.tell(poison{});
                        g[i % 8].tell(number{i});
                        if (i % 40 == 10 + t) g[(i + t) % 8].stop();
                        if (i % 50 == 20 + t) g[(i + t) % 8].kill();
                        if (i == 150 && t == 0) h.kill();
                    }
                });
        }
        if (round % 4 == 0) sup.stop();
        if (round % 4 == 1) sup.kill();
        if (round % 4 == 2) g.stop();
        rt.stop();
        CHECK(rt.wait() == 0);
    }
}

TEST_CASE("A storm of monitors: each fires exactly once or is cancelled") {
    const std::uint64_t each = 20'000 / slow;
    bastion::runtime rt(quiet(2));
    std::atomic<std::uint64_t> made{0}, fired{0}, finished{0};
    const auto target = rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().immediate())
            .with_exec([](bastion::context ctx) -> bastion::process {
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (m.told<poison>() != nullptr) bastion::panic("x");
                }
            }));
    for (int w = 0; w < 4; ++w)
        (void)rt.spawn([&](bastion::context ctx) -> bastion::process {
            for (std::uint64_t i = 0; i < each; ++i) {
                { const auto cancelled = ctx.monitor(target[0]); }
                const auto kept = ctx.monitor(target[0]);
                ++made;
                target[0].tell(poison{});
                for (;;) {
                    auto d = co_await ctx.recv<bastion::down>();
                    (void)d;
                    ++fired;
                    break;
                }
                // A cancelled one may have fired before: take what is here.
                while (auto extra = ctx.try_recv()) (void)extra;
            }
            ++finished;
        });
    while (finished != 4) std::this_thread::yield();
    CHECK(fired == made);
}

TEST_CASE("A storm of monitors on groups that their supervisor stops and starts all the time") {
    const int each = 4'000 / slow;
    bastion::runtime rt(quiet(2));
    auto sup = rt.spawn(bastion::supervisor()
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(bastion::restart_strategy::always().immediate()));
    const auto dies = [](bastion::context ctx) -> bastion::process {
        (void)co_await ctx.recv<poison>();
        bastion::panic("x");
    };
    const auto a = sup.spawn(bastion::children().with_exec(dies));
    const auto b = sup.spawn(bastion::children().with_exec(idle));
    std::atomic<int> finished{0};
    std::atomic<std::uint64_t> fired{0};
    for (int w = 0; w < 3; ++w)
        (void)rt.spawn([&](bastion::context ctx) -> bastion::process {
            for (int i = 0; i < each; ++i) {
                { const auto cancelled = ctx.monitor(b); }
                const auto kept = ctx.monitor(b);
                const auto tree = ctx.monitor(sup);
                a[0].tell(poison{});
                (void)co_await ctx.recv<bastion::down>(); // the group's: its supervisor lives
                ++fired;
                while (auto extra = ctx.try_recv()) (void)extra;
            }
            ++finished;
        });
    while (finished != 3) std::this_thread::yield();
    CHECK(fired == 3 * static_cast<std::uint64_t>(each));
}

TEST_CASE("Runtimes come and go while strangers use their refs") {
    struct shared_refs {
        std::mutex lock;
        bastion::child_ref child;
        bastion::children_ref group;
        bastion::supervisor_ref sup;
    } refs;
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> calls{0}, epoch{0};
    {
        std::vector<std::jthread> strangers;
        for (int t = 0; t < 3; ++t)
            strangers.emplace_back([&, t] {
                std::uint64_t known = 0;
                for (std::uint64_t i = 0; !over; ++i) {
                    // Some passes over each pair of runtimes: a flood would only measure how long the flooded owner needs.
                    while (!over && i % 4 == 3 && epoch == known) std::this_thread::yield();
                    known = epoch;
                    bastion::child_ref child;
                    bastion::children_ref group;
                    bastion::supervisor_ref sup;
                    {
                        const std::lock_guard lock(refs.lock);
                        child = refs.child;
                        group = refs.group;
                        sup = refs.sup;
                    }
                    std::this_thread::yield();
                    for (int k = 0; k < 20; ++k) {
                        (void)child.tell(number{i});
                        (void)group.broadcast(number{i});
                        if (k == 0) sup.broadcast(number{i});
                        { auto dropped = child.ask(how_many{}); }
                        { auto dropped = child.started(); }
                        { auto dropped = sup.started(); }
                        if (k == 5) (void)sup.spawn(short_lived);
                        if (k == 10 && t == 0) (void)sup.spawn(bastion::children().with_exec(short_lived));
                        if (k == 15 && t == 1 && i % 8 == 0) child.kill();
                        if (k == 18 && t == 2 && i % 16 == 0) group.stop();
                    }
                    ++calls;
                }
            });
        for (int i = 0; i < 300 / slow + 10; ++i) {
            bastion::runtime a(quiet(1)), b(quiet(2));
            for (bastion::runtime* rt : {&a, &b}) {
                auto sup = rt->spawn(bastion::supervisor());
                const auto group = sup.spawn(bastion::children().with_redundancy(2).with_exec(idle));
                const std::lock_guard lock(refs.lock);
                refs.child = group[0];
                refs.group = group;
                refs.sup = sup;
            }
            ++epoch;
            const auto seen = calls.load();
            while (i % 4 == 0 && calls == seen) std::this_thread::yield();
        }
        over = true;
    }
    CHECK(bastion::detail::live_blocks() == 0);
}

TEST_CASE("A stop ends what floods of spawns keep busy", "[stress]") {
    enum class flood { threads, processes, groups };
    const flood kind = GENERATE(flood::threads, flood::processes, flood::groups);
    constexpr int most = 20'000'000 / slow; // accepted: the floods end then, and a stop that waits for that is too late
    std::atomic<bool> over{false};
    std::atomic<int> spawned{0}; // not those that were turned away
    const auto goes_on = [&] { return !over && spawned < most; };
    const auto count = [&](bool accepted) {
        if (accepted) ++spawned;
    };
    std::vector<std::thread> threads;
    bastion::supervisor_ref root;
    {
        bastion::runtime rt(quiet(2));
        root = rt.root();
        auto sup = rt.spawn(bastion::supervisor());
        if (kind == flood::processes)
            for (int i = 0; i < 3; ++i)
                rt.spawn([&](bastion::context ctx) -> bastion::process {
                    while (goes_on()) {
                        for (int k = 0; k < 100; ++k) count(ctx.spawn(idle).alive());
                        co_await ctx.yield();
                        if (ctx.stop_requested()) co_return;
                    }
                });
        else
            for (int i = 0; i < 2; ++i)
                threads.emplace_back([&, sup] {
                    while (goes_on()) {
                        if (kind == flood::threads) count(root.spawn(idle).alive());
                        else count(sup.spawn(bastion::children().with_exec(idle)).alive());
                    }
                });
        while (spawned < 100) std::this_thread::yield();
        rt.stop();
        CHECK(rt.wait() == 0);
        CHECK(spawned < most);
    }
    over = true;
    for (auto& t : threads) t.join();
    CHECK_FALSE(root.spawn(idle).alive());
}
