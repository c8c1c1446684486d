// Fibers in numbers, and what ends a program.
#include "child.hpp"
#include "support/catch.hpp"
#include "support/ledger.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

constexpr bool is_checked = BASTION_ASAN != 0 || BASTION_TSAN != 0; // by a sanitizer, which takes its time
constexpr int overflows = is_checked ? 60 : 1'000;
constexpr int kills = is_checked ? 2'000 : 100'000;
constexpr int live = is_checked ? 2'000 : 100'000;

// Allocates and formats on its way down: most calls that meet the end of the stack are the C library's. (A sanitizer has a malloc of its own in the
// program, which is not let finish first, and what lies on such a stack is a leak to it.)
BASTION_NOINLINE std::size_t bottomless(std::size_t n) {
    volatile char frame[64];
    frame[0] = static_cast<char>(n);
    std::string text(is_checked ? 0 : 64 + n * 37 % 3000, 'x');
    if constexpr (!is_checked) text += std::to_string(n);
    return n > text.max_size() ? 0 : bottomless(n + 1) + text.size() + static_cast<std::size_t>(frame[0]);
}

BASTION_NOINLINE int wait_below(const fiber_context& ctx, test::ledger& book, int depth) {
    const test::presence here(book);
    return depth == 0 ? ctx.recv<int>() : wait_below(ctx, book, depth - 1) + 1;
}

// So many at a time of `body`, to their ends: how many ended so.
template <class F>
task<int> ends(context ctx, int in_all, exit_kind wanted, bool kill, F body) {
    constexpr int at_a_time = 100;
    int so = 0;
    for (int begun = 0; begun < in_all; begun += at_a_time) {
        std::vector<std::pair<child_ref, monitor_handle>> all;
        all.reserve(at_a_time);
        for (int i = begun; i < std::min(in_all, begun + at_a_time); ++i) all.push_back(ctx.spawn_monitor(body));
        co_await ctx.yield();
        if (kill)
            for (const auto& one : all) one.first.kill();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto d = co_await ctx.recv<down>();
            so += d.reason().kind() == wanted ? 1 : 0;
        }
    }
    co_return so;
}

config quiet(std::size_t workers) {
    return config().with_workers(workers).with_signals(false).with_log([](const log_record&) {});
}

std::size_t resident_pages(const char* low, std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> there(bytes / page);
    if (mincore(const_cast<char*>(low), bytes / page * page, there.data()) != 0) return 0;
    std::size_t n = 0;
    for (const unsigned char t : there) n += t & 1u;
    return n;
}

// Touches so many bytes of stack.
BASTION_NOINLINE int go_down(int kib) {
    volatile char frame[1024];
    frame[0] = static_cast<char>(kib);
    return kib == 0 ? 0 : go_down(kib - 1) + frame[0];
}

} // namespace

TEST_CASE("A thousand stack overflows, and a hundred thousand kills in deep frames, are survived by one program") {
    test::ledger book;
    const auto before = read_stack_figures();
    {
        runtime rt(quiet(2));
        const auto program = [&](context ctx) -> task<std::pair<int, int>> {
            const int over = co_await ends(ctx, overflows, exit_kind::limit, false, [](fiber_context) {
                if (bottomless(0) == 0) panic("has an end");
            });
            auto deep = ends(ctx, kills, exit_kind::killed, true, [&book](fiber_context self) {
                try {
                    throw std::runtime_error("in flight");
                } catch (const std::runtime_error&) { (void)wait_below(self, book, 20); }
            });
            const int killed = co_await deep;
            co_return std::pair(over, killed);
        };
        auto run = [&](context ctx) -> process {
            const auto [over, killed] = co_await program(ctx);
            if (over == overflows && killed == kills) ctx.runtime().stop(7);
            else ctx.runtime().stop(1);
        };
        rt.spawn(run);
        REQUIRE(rt.wait() == 7);
    }
    REQUIRE(book.faults().empty());
    const auto after = read_stack_figures();
    REQUIRE(after.abandoned == before.abandoned + overflows);
    REQUIRE(after.in_use == before.in_use);
}

TEST_CASE("A hundred thousand fibers wait at once, and each answers") {
    std::atomic<int> come{0};
    std::atomic<int> gone{0};
    runtime rt(quiet(2));
    const auto group = rt.spawn(children()
            .with_name("many")
            .with_redundancy(live)
            .with_restart(restart_when::temporary)
            .with_fiber([&](fiber_context ctx) {
                ++come;
                gone += ctx.recv<int>();
            }));
    while (come != live) std::this_thread::yield();
    REQUIRE(read_stack_figures().in_use >= static_cast<std::uint64_t>(live));
    for (std::size_t i = 0; i < static_cast<std::size_t>(live); ++i) group[i].tell(1);
    while (gone != live) std::this_thread::yield();
}

TEST_CASE("Beyond the guarded stacks others serve, of which each is looked at when it waits") {
    runtime rt(quiet(1).with_stacks({std::size_t{64} << 10, 0}));
    std::atomic<int> unguarded{0};
    auto coroutine = [&](context ctx) -> process {
        std::vector<std::pair<child_ref, monitor_handle>> all;
        all.reserve(100);
        for (int i = 0; i < 100; ++i)
            all.push_back(ctx.spawn_monitor(with_stack(std::size_t{4} << 20, [&](fiber_context self) {
                if (!self.has_guarded_stack()) ++unguarded;
                self.yield();
            })));
        for (std::size_t i = 0; i < all.size(); ++i) (void)co_await ctx.recv<down>();
        ctx.runtime().stop();
    };
    rt.spawn(coroutine);
    REQUIRE(rt.wait() == 0);
    REQUIRE(unguarded == 100);
}

namespace {

// Into what lies below the stack, but not far.
BASTION_NOINLINE int run_over(const char* low) {
    volatile char frame[32];
    frame[0] = 1;
    const bool goes_on = static_cast<const char*>(__builtin_frame_address(0)) > low - 256;
    return (goes_on ? run_over(low) : 0) + frame[0];
}

} // namespace

TEST_CASE("fiber-unguarded-overflow", "[.]") {
    runtime rt(config().with_workers(1).with_stacks({std::size_t{16} << 10, 0}));
    rt.spawn(children().with_name("parser").with_fiber([](fiber_context ctx) {
        if (run_over(static_cast<const char*>(__builtin_frame_address(0)) - ctx.stack_left()) == 0) panic("?");
        ctx.yield();
    }));
    (void)rt.wait();
}

TEST_CASE("An overflow of a stack without a guard ends the program, and says whose it was") {
    child_program p("fiber-unguarded-overflow");
    const std::string said = p.finish();
    INFO(said);
    // A sanitizer may see it first.
    if (said.find("AddressSanitizer") != std::string::npos) return;
    REQUIRE(said.find("bastion: /parser/0 (spawned at fiber_test.cpp:") != std::string::npos);
    REQUIRE(said.find("a fiber has run over the end of its stack of 16 KiB") != std::string::npos);
}

TEST_CASE("A fiber gives the stack of a deep call back before it waits") {
    std::atomic<std::size_t> before{0};
    std::atomic<std::size_t> after{0};
    runtime rt(quiet(1));
    rt.spawn([&](fiber_context ctx) {
        (void)go_down(32);
        const std::size_t left = ctx.stack_left();
        const char* const low = static_cast<const char*>(__builtin_frame_address(0)) - left;
        const char* const first = low + (-reinterpret_cast<std::uintptr_t>(low) & 4095);
        before = resident_pages(first, left - 4096);
        ctx.give_stack_back();
        after = resident_pages(first, left - 4096);
        ctx.runtime().stop();
    });
    REQUIRE(rt.wait() == 0);
    REQUIRE(before >= 7);
    REQUIRE(after <= 2);
}

TEST_CASE("Fibers in a simulation: the same seed is the same run") {
    const auto program = [](testing::simulation& sim) {
        std::string log;
        const auto echo = sim.spawn([](fiber_context ctx) {
            for (;;) {
                auto m = ctx.recv();
                if (auto q = m.asked<std::string>()) q.reply(*q);
            }
        });
        for (int a = 0; a < 4; ++a)
            sim.spawn([&log, echo, a](fiber_context ctx) {
                for (int i = 0; i < 8; ++i) {
                    const auto r = ctx.request<std::string>(echo, std::to_string(10 * a + i));
                    log += r ? *r + " " : "! ";
                    if (i == 4) ctx.sleep_for(1s);
                    if (i == 6) ctx.yield();
                }
            });
        sim.advance(1min);
        return log;
    };
    std::set<std::string> logs;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        testing::simulation first(seed);
        const std::string log = program(first);
        testing::simulation second(seed);
        REQUIRE(program(second) == log);
        REQUIRE(second.trace_hash() == first.trace_hash());
        logs.insert(log);
    }
    REQUIRE(logs.size() > 5);
}
