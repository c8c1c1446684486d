// Row 8: a tree of processes, 10 children a node, n leaves; each leaf tells its number, each node the sum of its
// children's. The op is a process.

#include "rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t branches = 10;

struct node {
    bastion::child_ref parent;
    std::uint64_t first;
    std::uint64_t leaves;

    bastion::process operator()(bastion::context ctx) const {
        if (leaves == 1) {
            parent.tell(number{first});
            co_return;
        }
        const std::uint64_t share = leaves / branches;
        for (std::uint64_t i = 0; i < branches; ++i) ctx.spawn(node{ctx.self(), first + i * share, share});
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < branches; ++i) {
            auto m = co_await ctx.recv();
            sum += value_of(m);
        }
        parent.tell(number{sum});
    }
};

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    std::uint64_t processes = 0;
    for (std::uint64_t level = n; level > 0; level /= branches) {
        check(level == 1 || level % branches == 0, "skynet: N must be a power of 10");
        processes += level;
    }
    const stopwatch clock;
    ctx.spawn(node{ctx.self(), 0, n});
    auto m = co_await ctx.recv();
    check(value_of(m) == n * (n - 1) / 2, "skynet: the sum");
    const double ns = clock.ns();
    co_return figure{.ops = processes, .ns = ns};
}

} // namespace

figure skynet(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
