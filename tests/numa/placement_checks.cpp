#include "numa/placement_checks.hpp"
#include "numa/kernel.hpp"

#include <bastion/base/counted.hpp>
#include <bastion/bastion.hpp>
#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using bastion::detail::counted;
using bastion::topology::this_machine;

namespace numa {
namespace {

// By the machine's number, which placements speak of, the kernel's.
int kernels_number(int node) { return this_machine().nodes.at(static_cast<std::size_t>(node)).os_index; }

} // namespace

void bound_processes_stay(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    struct token {
        std::uint32_t hops;
    };
    constexpr std::uint32_t each = 200;
    constexpr std::uint32_t hops = 2'000;
    constexpr std::size_t tokens = 50;
    std::vector<child_ref> all;
    std::atomic<std::size_t> turns{0};
    std::atomic<std::size_t> elsewhere{0};
    std::atomic<std::size_t> left{tokens};
    runtime rt; // ends before what its processes use
    // A token goes to anybody on any node; now and then who has it yields or sleeps first.
    const auto body = [&](int home) {
        return [&, home](context ctx) -> process {
            const auto look = [&] {
                ++turns;
                if (kernel::here().node != home || kernels_number(ctx.node()) != home) ++elsewhere;
            };
            look();
            for (;;) {
                const auto m = co_await ctx.recv();
                look();
                const auto* t = m.told<token>();
                if (t == nullptr) continue;
                if (t->hops == 0) {
                    --left;
                    continue;
                }
                if (t->hops % 7 == 0) co_await ctx.yield();
                if (t->hops % 31 == 0) co_await ctx.sleep_for(20us);
                look();
                all[(t->hops * 7919u) % all.size()].tell(token{t->hops - 1});
            }
        };
    };
    std::vector<children_ref> groups;
    for (const topology::numa_node& n : this_machine().nodes) {
        const int number = static_cast<int>(&n - this_machine().nodes.data());
        groups.push_back(rt.spawn(
            children().with_redundancy(each).with_exec(body(n.os_index)).with_placement(placement::node(number))));
    }
    for (std::size_t i = 0; i < each; ++i)
        for (const children_ref& g : groups) all.push_back(g[i]);
    for (std::size_t i = 0; i < tokens; ++i) all[i].tell(token{hops});
    while (left != 0) std::this_thread::sleep_for(1ms);
    f.expect(elsewhere == 0, counted(elsewhere, "look") + " on another node, of " + std::to_string(turns));
    for (std::size_t i = 0; i < all.size(); ++i) {
        const int home = kernels_number(static_cast<int>(i % groups.size()));
        for (const auto& [where, count] : kernel::pages_of(all[i].where().block, sizeof(detail::control_block)))
            f.expect(where == home, "a control block on " + of_node(where) + " instead of " + std::to_string(home));
    }
    f.saw(counted(turns, "look"));
}

void stacks_lie_at_home(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    constexpr std::size_t each = 400;
    std::atomic<std::size_t> pages{0};
    std::atomic<std::size_t> elsewhere{0};
    std::atomic<std::size_t> left{0};
    for (const std::size_t guarded : {std::size_t{100'000}, std::size_t{0}}) {
        runtime rt(config().with_stacks({std::size_t{64} << 10, guarded})); // ends before what its processes use
        for (int round = 0; round < 2; ++round) { // the second takes what the first has left
            left = each * this_machine().nodes.size();
            std::vector<children_ref> groups;
            for (std::size_t node = 0; node < this_machine().nodes.size(); ++node) {
                const auto body = [&, home = this_machine().nodes[node].os_index](fiber_context ctx) {
                    const char here = 0;
                    for (const auto& [where, count] : kernel::pages_of(&here, sizeof here)) {
                        pages += count;
                        if (where != home) elsewhere += count;
                    }
                    --left;
                    (void)ctx.recv();
                };
                groups.push_back(rt.spawn(children()
                        .with_redundancy(std::uint32_t{each})
                        .with_fiber(body)
                        .with_placement(placement::node(static_cast<int>(node)))));
            }
            while (left != 0) std::this_thread::sleep_for(1ms);
            for (const children_ref& g : groups) g.stop();
        }
    }
    f.expect(elsewhere == 0, counted(elsewhere, "page") + " elsewhere, of " + std::to_string(pages));
    f.saw(counted(pages, "page"));
}

// A chain of bursts on each node: each wakes many of its processes from one worker, and the next begins while half of them wait: so there is
// always work, and most of it in one place. What takes time is a sleep of the thread: eight emulated CPUs share few real ones, and
// one that computes would keep the others from theirs, with all that lies in their workers' hands.
void homes_are_left_by_few(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    constexpr std::size_t processes = 100'000;
    constexpr std::size_t wanted_steals = 10'000;
    constexpr std::size_t wanted_frees = 100'000;
    constexpr std::uint32_t burst = 64;
    struct chain {
        std::atomic<std::uint32_t> left{0};
    };
    struct spark {
        chain* of;
        std::size_t worker;
        int node;
    };
    const auto nodes = static_cast<std::size_t>(a.nodes);
    std::vector<children_ref> groups;
    std::vector<chain> chains(nodes);
    std::atomic<bool> over{false};
    std::atomic<std::size_t> frees{0}; // of messages that another worker has made
    std::atomic<std::size_t> far_frees{0};
    runtime rt; // ends before what its processes use
    const auto light = [&](context ctx, chain& c, std::size_t home, std::uint64_t seed) {
        c.left += burst;
        for (std::uint32_t i = 0; i < burst; ++i) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            groups[home][(seed >> 33) % groups[home].size()].tell(spark{&c, ctx.worker(), kernel::here().node});
        }
    };
    const auto body = [&](std::size_t home) {
        return [&, home](context ctx) -> process {
            for (std::uint64_t seed = ctx.self().where().generation + 1;; ++seed) {
                const auto m = co_await ctx.recv();
                const auto* s = m.told<spark>();
                if (s == nullptr) continue;
                if (s->worker != ctx.worker()) ++frees;
                if (s->node != kernel::here().node) ++far_frees;
                std::this_thread::sleep_for(20us);
                const std::uint32_t left = --s->of->left;
                if (left == burst / 2 && !over)
                    light(ctx, *s->of, home, seed ^ reinterpret_cast<std::uintptr_t>(&ctx.block()));
            }
        };
    };
    for (std::size_t i = 0; i < nodes; ++i)
        groups.push_back(rt.spawn(children()
                .with_redundancy(static_cast<std::uint32_t>(processes / nodes))
                .with_exec(body(i))
                .with_placement(placement::node(static_cast<int>(i)).soft())));
    for (const children_ref& g : groups) {
        const auto started = rt.run(g.started());
        f.expect(started.has_value(), "they do not start");
    }
    for (std::size_t i = 0; i < chains.size(); ++i) {
        chains[i].left = burst / 2 + 1;
        for (std::uint32_t n = 0; n <= burst / 2; ++n)
            groups[i % nodes][n].tell(spark{&chains[i], 0, kernels_number(static_cast<int>(i % nodes))});
    }
    while (frees < 5'000) std::this_thread::sleep_for(1ms); // all chains burn
    const runtime_counters before = rt.counters();
    const std::size_t frees_before = frees;
    const std::size_t far_frees_before = far_frees;
    runtime_counters now = before;
    while (now.steals - before.steals < wanted_steals || frees - frees_before < wanted_frees) {
        std::this_thread::sleep_for(1ms);
        now = rt.counters();
    }
    // All chains still burn: both nodes have had work all the time.
    const std::size_t n = frees - frees_before;
    const std::size_t far = far_frees - far_frees_before;
    over = true;
    const std::uint64_t steals = now.steals - before.steals;
    const std::uint64_t far_steals = now.far_steals - before.far_steals;
    f.expect(
        far_steals * 100 < steals, counted(far_steals, "steal") + " from another node, of " + std::to_string(steals));
    f.expect(far * 100 < n, counted(far, "message") + " freed on another node, of " + std::to_string(n));
    f.saw(counted(steals, "steal") + ", " + std::to_string(far_steals) + " from another node; " +
          counted(n, "message") + " freed by another worker, " + std::to_string(far) + " on another node");
}

void near_and_spread_are_true(findings& f, const asked& a) {
    constexpr std::uint32_t many = 1'000;
    std::mutex mutex;
    std::map<int, std::size_t> ran_on; // by the kernel's numbers
    std::atomic<std::size_t> looked{0};
    runtime rt; // ends before what its processes use
    const auto body = [&](context ctx) -> process {
        {
            const std::lock_guard lock(mutex);
            ++ran_on[kernel::here().node];
        }
        ++looked;
        (void)co_await ctx.recv();
    };
    const auto spawned = [&](placement p) {
        looked = 0;
        ran_on.clear();
        const children_ref all = rt.spawn(children().with_redundancy(many).with_exec(body).with_placement(p));
        while (looked != many) std::this_thread::sleep_for(1ms);
        const std::lock_guard lock(mutex);
        return ran_on;
    };
    for (int node = 0; node < a.nodes; ++node) {
        const child_ref there =
            rt.spawn([](context ctx) -> process { (void)co_await ctx.recv(); }, placement::node(node));
        const auto beside = spawned(placement::near(there).bound());
        f.expect(beside.size() == 1 && beside.begin()->first == kernels_number(node),
            "near one of " + of_node(node) + " " + counted(beside.size(), "node"));
    }
    for (int round = 0; round < 3; ++round) {
        const auto spread = spawned(placement::spread().bound());
        f.expect(static_cast<int>(spread.size()) == a.nodes, "spread over " + counted(spread.size(), "node"));
        const auto by_number = [](const auto& x, const auto& y) { return x.second < y.second; };
        const auto [least, most] = std::minmax_element(spread.begin(), spread.end(), by_number);
        f.expect(most->second - least->second <= 1,
            "spread: " + std::to_string(least->second) + " to " + std::to_string(most->second));
    }
    f.saw(std::to_string(many) + " near one of each node, 3 times " + std::to_string(many) + " spread");
}

} // namespace numa
