// Snapshots while everything moves: trees that come, fail and go, and processes that are looked at while they are woken.
#include "support/catch.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int slow = BASTION_ASAN != 0 || BASTION_TSAN != 0 ? 10 : 1;

bastion::config quiet(std::size_t workers) {
    return bastion::config().with_workers(workers).with_signals(false).with_log([](const bastion::log_record&) {});
}

struct poison {};
struct ping {
    using answer_type = std::uint64_t;
    std::uint64_t n;
};
struct later {
    std::uint64_t n;
};

// Each entry once, lists no longer than they may be, and sums that fit.
std::size_t look_through(const bastion::snapshot_entry& e, std::unordered_set<std::string>& seen, bool& good) {
    const bool is_group = e.kind == bastion::snapshot_kind::group;
    good = good && seen.insert(e.path).second && e.total >= e.children.size() && (!is_group || e.children.size() <= 20);
    std::size_t elements = is_group ? e.total : 0;
    for (const bastion::snapshot_entry& c : e.children) {
        good = good && c.path.size() > e.path.size();
        elements += look_through(c, seen, good);
    }
    return elements;
}

bool is_sound(const bastion::snapshot& s) {
    std::unordered_set<std::string> seen;
    bool good = true;
    const std::size_t elements = look_through(s.root, seen, good);
    return good && !s.partial() && elements == s.elements && !to_string(s).empty() && !to_json(s).empty();
}

bastion::snapshot_limits patient() { return bastion::snapshot_limits().within(1h).elements(20); }

bastion::process restless(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (m.told<poison>() != nullptr) bastion::panic("x");
        co_await ctx.yield();
    }
}

} // namespace

TEST_CASE("Snapshots from threads and processes while trees come, fail and go") {
    const auto blocks_before = bastion::detail::live_blocks();
    const auto pool_before = bastion::detail::read_pool_stats().live_blocks;
    std::atomic<int> unsound{0}, of_threads{0}, of_processes{0};
    {
        std::atomic<bool> enough{false};
        bastion::runtime rt(quiet(2));
        const auto looker = [&](const bastion::supervisor_ref whom) {
            return [&, whom](bastion::context ctx) -> bastion::process {
                while (!enough && !ctx.stop_requested()) {
                    auto s = co_await whom.snapshot(patient());
                    if (!s) break; // it has ended
                    if (!is_sound(*s)) ++unsound;
                    ++of_processes;
                    co_await ctx.yield();
                }
            };
        };
        const auto watched = rt.spawn(looker(rt.root()));
        std::vector<std::jthread> lookers;
        for (int t = 0; t < 2; ++t)
            lookers.emplace_back([&] {
                while (!enough) {
                    if (!is_sound(rt.snapshot(patient()))) ++unsound;
                    ++of_threads;
                }
            });
        {
            std::vector<std::jthread> builders;
            for (int t = 0; t < 2; ++t)
                builders.emplace_back([&, t] {
                    for (int i = 0; i < 300 / slow + 5; ++i) {
                        auto sup = rt.spawn(bastion::supervisor()
                                .with_strategy(static_cast<bastion::strategy>(i % 3))
                                .with_restart_strategy(bastion::restart_strategy::always().immediate())
                                .with_children(bastion::children().with_redundancy(30).with_exec(restless))
                                .with_supervisor(bastion::supervisor().with_children(
                                    bastion::children().with_redundancy(2).with_exec(restless))));
                        const auto g = sup.spawn(bastion::children()
                                .with_redundancy(3)
                                .with_mailbox(bastion::mailbox::bounded(4))
                                .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(100us))
                                .with_exec(restless));
                        (void)sup.spawn(looker(sup));
                        for (int n = 0; n < 20; ++n) g[static_cast<std::size_t>(n % 3)].tell(n);
                        g[0].tell(poison{});
                        sup.broadcast(1);
                        if ((i + t) % 3 == 0) g.stop();
                        (i + t) % 2 == 0 ? sup.kill() : sup.stop();
                        while (i % 8 == 0 && sup.alive()) std::this_thread::yield();
                    }
                });
        }
        while (of_threads < 5 || of_processes < 5) std::this_thread::yield();
        SECTION("and then the lookers end") {
            enough = true;
            lookers.clear();
            while (watched.alive()) std::this_thread::yield();
        }
        SECTION("and then the runtime stops under them") {
            rt.stop();
            CHECK(rt.wait() == 0);
            enough = true;
            lookers.clear();
        }
    }
    CHECK(unsound == 0);
    CHECK(bastion::detail::live_blocks() == blocks_before);
    CHECK(bastion::detail::read_pool_stats().live_blocks == pool_before);
}

// Whoever looks has the right to run for a moment: what wakes a process just then must not be lost.
TEST_CASE("A process that is looked at all the time misses no message, no answer and no timer") {
    const std::uint64_t each = 20'000 / slow;
    std::atomic<std::uint64_t> handled{0}, rung{0}, done{0};
    bastion::runtime rt(quiet(2));
    const auto server = rt.spawn(bastion::children()
            .with_name("server")
            .with_redundancy(2)
            .with_mailbox(bastion::mailbox::bounded(64))
            .with_exec([](bastion::context ctx) -> bastion::process {
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (auto q = m.asked<ping>()) q.reply(q->n + 1);
                }
            }));
    const auto sink =
        rt.spawn(bastion::children().with_name("sink").with_exec([&](bastion::context ctx) -> bastion::process {
            for (;;) {
                auto got = co_await ctx.recv<later>();
                handled += got.n;
            }
        }));
    const auto clients = rt.spawn(bastion::children()
            .with_name("clients")
            .with_redundancy(4)
            .with_restart(bastion::temporary)
            .with_exec([&](bastion::context ctx) -> bastion::process {
                for (std::uint64_t i = 0; i < each; ++i) {
                    auto r = co_await server[i % 2].ask(ping{i}).within(1h);
                    if (r && *r == i + 1) sink[0].tell(later{1});
                    if (i % 100 != 0) continue;
                    co_await ctx.sleep_for(10us);
                    ++rung;
                }
                ++done;
                (void)co_await ctx.recv(); // so that it is looked at to the end
            }));
    std::uint64_t looks = 0;
    while (done != 4 || handled != 4 * each) {
        if (!is_sound(rt.snapshot(patient()))) FAIL("unsound");
        ++looks;
    }
    CHECK(looks > 0);
    CHECK(rung == 4 * ((each + 99) / 100));
    (void)clients;
}
