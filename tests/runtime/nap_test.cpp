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
struct question {
    using answer_type = int;
};

// Two processes that are bound to different nodes, with one worker each, talk to one another.
struct conversation {
    conversation() {
        const auto on = [](int node) { return bastion::placement::node(node).bound(); };
        answers_ = rt.spawn(
            [this](bastion::context ctx) -> bastion::process {
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (ctx.node() != 1) ++away;
                    if (auto q = m.asked<question>()) q.reply(ctx.node());
                }
            },
            on(1));
        rt.spawn(
            [this](bastion::context ctx) -> bastion::process {
                for (int i = 0; i < 2'000; ++i) {
                    const auto answer = co_await answers_.ask(question());
                    if (!answer) ++lost;
                }
                over = true;
                over.notify_one();
                (void)co_await ctx.recv();
            },
            on(0));
        over.wait(false); // it does not keep a core that a worker is woken on
    }

    std::atomic<int> away{0}; // turns of the one that answers
    std::atomic<int> lost{0};
    std::atomic<bool> over{false};
    bastion::runtime rt{bastion::config().with_signals(false).with_machine("numa:2 core:1 pu:1").with_workers(2)};

private:
    bastion::child_ref answers_;
};

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

TEST_CASE("Who is its node's only worker does not nap: nobody else may do what is bound there") {
    const conversation c;
    CHECK(c.lost == 0);
    CHECK(c.away == 0);
    // A park without a wake-up would be a nap. One may be on its way.
    for (const auto& w : c.rt.figures().workers) CHECK(w.parks <= w.wakes + 1);
}
