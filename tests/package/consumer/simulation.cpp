#include <bastion/bastion.hpp>
#include <bastion/testing/explore.hpp>
#include <bastion/testing/probe.hpp>

#include <cstdio>

int main() {
    const auto seen = bastion::testing::for_each_seed({1, 10}, [](bastion::testing::simulation& sim) {
        bastion::testing::probe p(sim);
        sim.spawn([to = p.ref()](bastion::context ctx) -> bastion::process {
            co_await ctx.sleep_for(std::chrono::hours(1));
            to.tell(7);
        });
        bastion::testing::expect(p.expect_message<int>(std::chrono::hours(2)) == 7, "told after an hour");
    });
    std::printf("%s\n", seen.turns > 0 ? "simulated" : "nothing ran");
}
