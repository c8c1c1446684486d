// On machines of all kinds: what a process of a node uses is that node's memory, and goes back there when others have freed it.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

using bastion::detail::home_of;
using bastion::detail::home_of_node;
using bastion::detail::memory_home;

namespace {

constexpr std::size_t many = 1000;
constexpr std::size_t at_hand = 64; // of others' blocks a thread may use again so many that it has freed last

// What went wrong, said by processes.
class faults {
public:
    void expect(bool right) noexcept {
        if (!right) ++wrong_;
    }
    [[nodiscard]] std::size_t count() const noexcept { return wrong_; }

private:
    std::atomic<std::size_t> wrong_{0};
};

// Its frame and its control block lie on its node.
auto looks_around(faults& f, memory_home home) {
    return [&f, home](bastion::context ctx) -> bastion::process {
        std::array<char, 64> in_frame{};
        co_await ctx.yield(); // so that it lies there
        f.expect(home_of(in_frame.data()) == home);
        f.expect(home_of(ctx.self().where().block) == home);
    };
}

} // namespace

TEST_CASE("On each machine what a process of a node uses lies there, also when other nodes have freed it") {
    test::acceptance("B12");
    // Those of one node first, whose memory is nobody's: later ones spawn into what this thread has in hand of others.
    for (const char* text : {"pu:1", "core:4 pu:2", "package:1 numa:1 l3:8 core:8 pu:2", "numa:2 core:2 pu:2",
             "package:2 [numa] l3:2 core:2 pu:2", "numa:4 core:4 pu:1", "package:2 numa:2 l3:1 core:2 pu:2",
             "numa:8 core:2 pu:1", "package:4 [numa] [numa] core:2 pu:1", "group:2 numa:2 core:1 pu:4",
             "numa:3 core:5 pu:1", "package:1 l3:1 numa:2 core:2 pu:1"}) {
        INFO(text);
        bastion::runtime rt(bastion::config().with_signals(false).with_machine(text).with_workers_per_node(1));
        const bastion::topology::machine on = bastion::topology::described_machine(text);
        std::set<int> nodes;
        for (const auto& cpu : on.cpus) nodes.insert(cpu.node);
        CHECK(rt.workers() == nodes.size());
        faults f;
        for (int round = 0; round < 2; ++round)
            for (const int node : nodes) {
                const memory_home home = on.nodes.size() < 2 ? bastion::detail::no_home : home_of_node(node, -1);
                const auto group = rt.spawn(bastion::children()
                        .with_redundancy(many)
                        .with_restart(bastion::temporary)
                        .with_placement(bastion::placement::node(node).bound())
                        .with_exec(looks_around(f, home)));
                while (group.alive()) std::this_thread::yield();
                // Blocks that this node has made, freed by the next.
                std::vector<void*> blocks(many);
                std::atomic<bool> freed{false};
                const auto next = nodes.upper_bound(node);
                rt.spawn(
                    [&, after = next == nodes.end() ? *nodes.begin() : *next](
                        bastion::context ctx) -> bastion::process {
                        for (void*& block : blocks) block = bastion::detail::pool_allocate(200);
                        f.expect(static_cast<std::size_t>(std::count_if(blocks.begin(), blocks.end(),
                                     [&](void* block) { return home_of(block) != home; })) <= at_hand);
                        ctx.spawn(
                            [&](bastion::context) -> bastion::process {
                                for (void* block : blocks) bastion::detail::pool_free(block, 200);
                                freed = true;
                                co_return;
                            },
                            bastion::placement::node(after).bound());
                        co_return;
                    },
                    bastion::placement::node(node).bound());
                while (!freed) std::this_thread::yield();
            }
        CHECK(f.count() == 0);
    }
}

TEST_CASE("What a plain thread spawns for no node in particular lies on one of them all the same") {
    bastion::runtime rt(
        bastion::config().with_signals(false).with_machine("numa:3 core:1 pu:1").with_workers_per_node(1));
    std::set<memory_home> homes;
    std::thread([&] {
        for (std::size_t i = 0; i < many; ++i)
            homes.insert(home_of(rt.spawn([](bastion::context) -> bastion::process { co_return; }).where().block));
    }).join();
    CHECK(homes == std::set<memory_home>{home_of_node(0, -1), home_of_node(1, -1), home_of_node(2, -1)});
}
