// What a simulation is not for, and what it says then.
#include "runtime/child.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <functional>
#include <string>
#include <thread>

using namespace bastion;
using namespace std::chrono_literals;
using testing::simulation;

namespace {

process waits(context ctx) { (void)co_await ctx.recv(); }

// What usage_error says to another thread that does this; "" if nothing.
std::string said_elsewhere(const std::function<void()>& work) {
    std::string said;
    std::thread([&] {
        try {
            work();
        } catch (const usage_error& e) { said = e.what(); }
    }).join();
    return said;
}

} // namespace

TEST_CASE("a simulation refuses other threads") {
    simulation sim(8);
    runtime& rt = sim.runtime();
    const supervisor_ref root = rt.root();
    const child_ref one = sim.spawn(waits);
    sim.settle();
    const auto refused = BASTION_CATCH_CONTAINS("runs on the thread that made it");
    CHECK_THAT(said_elsewhere([&] { sim.settle(); }), refused);
    CHECK_THAT(said_elsewhere([&] { (void)sim.runtime(); }), refused);
    CHECK_THAT(said_elsewhere([&] { sim.spawn(waits); }), refused);
    CHECK_THAT(said_elsewhere([&] { rt.spawn(waits); }), refused);
    CHECK_THAT(said_elsewhere([&] { root.spawn(children().with_exec(waits)); }), refused);
    CHECK_THAT(said_elsewhere([&] { root.spawn(supervisor()); }), refused);
    CHECK_THAT(said_elsewhere([&] { rt.run([]() -> task<void> { co_return; }()); }), refused);
    CHECK_THAT(said_elsewhere([&] { sim.panic_at(one, 1); }), refused);
    CHECK_THAT(said_elsewhere([&] { sim.slow(one, 1s); }), refused);
    CHECK_THAT(said_elsewhere([&] { sim.fail_allocation(1); }), refused);
    one.tell(1); // nothing of that has happened
    CHECK(sim.expect_exit(one).kind() == exit_kind::normal);
}

TEST_CASE("program-woken-by-another-thread", "[.]") {
    simulation sim(1);
    const child_ref one = sim.spawn(waits);
    sim.settle();
    std::thread([&] { one.tell(1); }).join();
}

TEST_CASE("a message of another thread that wakes a simulation's process ends the program, and says why") {
    child_program program("program-woken-by-another-thread");
    CHECK_THAT(program.finish(), BASTION_CATCH_CONTAINS("a simulation runs on the thread that made it"));
    CHECK(program.aborted());
}

TEST_CASE("a config that comes after a simulation's runtime is refused, with what to do") {
    simulation sim(1);
    runtime& rt = sim.runtime(sim.runtime_config().with_budget(7));
    CHECK(&sim.runtime() == &rt);
    CHECK_THROWS_AS(sim.runtime(sim.runtime_config()), usage_error);
    CHECK_THROWS_WITH(sim.runtime(sim.runtime_config()),
        BASTION_CATCH_CONTAINS("has its runtime already") && BASTION_CATCH_CONTAINS("the first call of sim.runtime"));
    sim.spawn(waits);
    sim.settle();
}
