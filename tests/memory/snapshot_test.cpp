// A snapshot when memory fails: the call throws, a part is missing, or it is whole. The tree goes on in any case.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <new>
#include <string>

using namespace bastion;

namespace {

process quiet(context ctx) { co_await ctx.recv<int>(); }

struct outcome {
    bool failed = false; // an allocation has
    bool refused = false;
    bool answered = false;
    snapshot got;
};

process asker(context ctx, testing::simulation& sim, outcome& out, std::uint64_t nth) {
    auto above = ctx.runtime().root();
    sim.fail_allocation(nth);
    try {
        auto s = co_await above.snapshot();
        sim.fail_allocation(0);
        out.answered = s.has_value();
        if (s) out.got = *std::move(s);
    } catch (const std::bad_alloc&) { out.refused = true; }
    sim.fail_allocation(0);
    out.failed = sim.seen().failed_allocations != 0;
}

outcome ask_with_failing(std::uint64_t nth) {
    outcome out;
    testing::simulation sim(3);
    const std::string name(40, 'x'); // texts that need memory
    sim.spawn(supervisor()
            .with_name(name)
            .with_children(children().with_name("a").with_redundancy(3).with_exec(quiet))
            .with_children(children().with_name("b").with_redundancy(3).with_exec(quiet)));
    sim.settle();
    sim.spawn([&](context ctx) { return asker(ctx, sim, out, nth); });
    sim.settle();
    const snapshot after = sim.runtime().snapshot();
    CHECK_FALSE(after.partial());
    CHECK(after.elements == 6);
    return out;
}

} // namespace

TEST_CASE("a snapshot without memory throws, or says what is missing, and the tree goes on") {
    int refused = 0, partial = 0;
    for (std::uint64_t nth = 1;; ++nth) {
        INFO("allocation " << nth);
        const outcome out = ask_with_failing(nth);
        CHECK(out.answered != out.refused);
        if (out.answered && out.failed) CHECK((out.got.partial() || out.got.elements == 7));
        refused += out.refused ? 1 : 0;
        partial += out.answered && out.got.partial() ? 1 : 0;
        if (!out.failed) {
            CHECK_FALSE(out.got.partial());
            CHECK(out.got.elements == 7); // the asker, too
            break;
        }
    }
    CHECK(refused > 0);
    if (BASTION_TSAN == 0) CHECK(partial > 0); // there only the pools fail
}
