// A process that always panics: three restarts, each a second later than the one before, on a clock that we own.
#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdio>
#include <memory>

using namespace std::chrono_literals;

int main() {
    auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(bastion::config().with_clock(clock));

    rt.spawn(bastion::children()
            .with_name("hopeless")
            .with_restart_strategy(bastion::restart_strategy::tries(3).with_linear_backoff(1s))
            .with_exec([clock](bastion::context ctx) -> bastion::process {
                const std::chrono::duration<double> now = clock->now();
                std::printf("start %d at %.9f s\n", ctx.incarnation() + 1, now.count());
                bastion::panic("hopeless");
                co_return;
            }));

    clock->advance(1h);  // takes no time: it goes from one instant at which something is due to the next
    std::puts("an hour later: out of tries");
    rt.stop();
    return rt.wait();
}
