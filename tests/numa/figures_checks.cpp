// What figures say of nodes, against what was sent and what the kernel says of the memory.
#include "numa/figures_checks.hpp"
#include "numa/kernel.hpp"

#include <bastion/base/counted.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/topology/machine.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

using namespace bastion;
using bastion::detail::counted;

namespace numa {
namespace {

constexpr std::uint64_t many = 5'000;

struct letter {};
struct how_many {
    using answer_type = int;
};

process reads(context ctx) {
    for (int n = 0;;) {
        auto m = co_await ctx.recv();
        if (m.told<letter>() != nullptr) ++n;
        else if (auto q = m.asked<how_many>()) q.reply(n);
    }
}

children_ref bound_to(runtime& rt, int node, children group) {
    return rt.spawn(std::move(group).with_placement(placement::node(node)));
}

// As many letters from one node to another as there are; what the figures of the receiver's node say of the meantime.
node_figures told_from(runtime& rt, int from, int to) {
    const child_ref reader = bound_to(rt, to, children().with_exec(reads))[0];
    int read = -1;
    const auto ask = [&] {
        const auto n = rt.run(reader.ask(how_many()));
        read = n ? *n : static_cast<int>(many);
    };
    ask();
    const runtime_figures before = rt.figures();
    bound_to(rt, from, children().with_exec([reader](context ctx) -> process {
        for (std::uint64_t i = 0; i < many; ++i) {
            reader.tell(letter{});
            if (i % 64 == 0) co_await ctx.yield();
        }
    }));
    while (read < static_cast<int>(many)) ask();
    const runtime_figures since = rt.figures() - before;
    for (const node_figures& n : since.nodes)
        if (n.node == to) return n;
    return {};
}

} // namespace

void figures_are_the_kernels(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    runtime rt;
    for (int from = 0; from < a.nodes; ++from)
        for (int to = 0; to < a.nodes; ++to) {
            const node_figures n = told_from(rt, from, to);
            const std::string what = "from " + std::to_string(from) + " to " + std::to_string(to) + ": " +
                                     counted(n.far_messages, "message") + " from afar, of " +
                                     std::to_string(n.messages);
            f.expect(n.messages >= many, what);
            // Its supervisor's few questions come from anywhere.
            if (from == to) f.expect(n.far_messages < many / 50, what);
            else f.expect(n.far_messages + many / 50 >= many && n.far_messages < many + many / 50, what);
        }
    std::uint64_t bytes = 0;
    const runtime_figures now = rt.figures();
    f.expect(static_cast<int>(now.nodes.size()) == a.nodes, "figures of " + counted(now.nodes.size(), "node"));
    for (const node_figures& n : now.nodes) {
        const int os_node = topology::this_machine().nodes.at(static_cast<std::size_t>(n.node)).os_index;
        std::uint64_t there = 0;
        std::uint64_t elsewhere = 0;
        for (const auto& s : detail::stretches_of(detail::home_of_node(n.node, os_node)))
            for (const auto& [where, pages] : kernel::pages_of(s.begin, static_cast<std::size_t>(s.end - s.begin)))
                (where == os_node ? there : elsewhere) += pages * 4096;
        // The kernel says where pages are that were touched; a huge page begins and ends beyond what was handed out.
        f.expect(n.bytes_away <= elsewhere + (std::uint64_t{4} << 20),
            "node " + std::to_string(n.node) + ": " + std::to_string(n.bytes_away) + " bytes away, the kernel says " +
                std::to_string(elsewhere));
        f.expect(n.bytes_at_home + (std::uint64_t{4} << 20) >= there && n.bytes_at_home > 0,
            "node " + std::to_string(n.node) + ": " + std::to_string(n.bytes_at_home) +
                " bytes at home, the kernel says " + std::to_string(there));
        bytes += n.bytes_at_home;
    }
    f.saw(std::to_string(bytes >> 20) + " MiB at home");
}

} // namespace numa
