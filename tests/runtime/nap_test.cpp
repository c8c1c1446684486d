// Workers that would wake one another for each few pieces of work: one of them naps, and nobody waits for it for long.
#include "support/blocking.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using test::wait_until;

namespace {

struct letter {};

} // namespace

TEST_CASE("Who naps looks again by itself when the other worker does not come back") {
    constexpr std::size_t sinks = 64;
    constexpr std::size_t letters = 2'000; // one by one: a worker is woken for each few
    std::atomic<std::size_t> arrived{0};
    std::atomic<std::size_t> blocked{0};
    std::atomic<std::size_t> answered{0};
    // Nobody steps in for who is stuck.
    bastion::runtime rt(
        bastion::config().with_signals(false).with_workers(2).with_max_spare_workers(0).with_slice_limits(1h, 1h));
    const auto reader = [](std::atomic<std::size_t>& count) {
        return [&count](bastion::context ctx) -> bastion::process {
            for (;;) {
                (void)co_await ctx.recv();
                ++count;
            }
        };
    };
    std::vector<bastion::child_ref> all;
    all.reserve(sinks);
    for (std::size_t i = 0; i < sinks; ++i) all.push_back(rt.spawn(reader(arrived)));
    const bastion::child_ref blocker = rt.spawn([&](bastion::context ctx) -> bastion::process {
        for (;;) {
            (void)co_await ctx.recv();
            ++blocked;
            while (answered < blocked) std::this_thread::yield();
        }
    });
    const bastion::child_ref answers = rt.spawn([&](bastion::context ctx) -> bastion::process {
        for (;;) {
            (void)co_await ctx.recv();
            ++answered;
        }
    });
    constexpr std::size_t rounds = 200;
    for (std::size_t round = 1; round <= rounds; ++round) {
        for (std::size_t i = 0; i < letters; ++i) all[i % sinks].tell(letter());
        blocker.tell(letter());
        wait_until([&] { return blocked == round; });
        answers.tell(letter());
        wait_until([&] { return answered == round; });
    }
    wait_until([&] { return arrived == rounds * letters; });
}
