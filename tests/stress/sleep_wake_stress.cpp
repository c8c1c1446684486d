#include "support/catch.hpp"

#include <bastion/executor/executor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace bastion::detail;
using namespace bastion::topology;

// The race that loses wake-ups: strangers schedule one thing at a time, just when the workers go to sleep. Each waits for
// the thing to have run before it schedules the next, so one lost wake-up hangs the test.
TEST_CASE("no wake-up is lost between the last look and the sleep") {
    struct job : runnable {
        std::atomic<std::uint32_t> ran{0};
        job() {
            static const runnable_ops table{[](runnable& r, worker&) {
                                                auto& self = static_cast<job&>(r);
                                                self.ran.fetch_add(1);
                                                self.ran.notify_one();
                                            },
                [](runnable&) {}};
            ops = &table;
        }
    };
    // On nodes of a described machine what a stranger brings may lie in the other node's queue.
    for (const char* described :
        {"core:1 pu:1", "core:2 pu:1", "core:4 pu:1", "numa:2 core:1 pu:1", "numa:2 core:2 pu:1"}) {
        executor_options options;
        options.plan.emplace(described_machine(described), worker_wishes());
        executor e(std::move(options));
        std::vector<std::thread> strangers;
        for (int t = 0; t < 2; ++t)
            strangers.emplace_back([&e] {
                job j;
                for (std::uint32_t i = 0; i < 2000; ++i) {
                    e.schedule(j);
                    while (j.ran.load() == i) j.ran.wait(i);
                }
            });
        for (auto& s : strangers) s.join();
        e.stop();
    }
}

// A worker with much to do wakes others, and they find it.
TEST_CASE("work that piles up on one worker is shared") {
    struct piece : runnable {
        std::atomic<int>* left = nullptr;
        piece() {
            static const runnable_ops table{[](runnable& r, worker&) {
                                                std::atomic<int>& to_do = *static_cast<piece&>(r).left;
                                                if (to_do.fetch_sub(1) == 1)
                                                    to_do.notify_all(); // the piece may be gone
                                            },
                [](runnable&) {}};
            ops = &table;
        }
    };
    executor_options options;
    options.plan.emplace(this_machine(), worker_wishes{.workers = 3, .pinning = pinning::never});
    executor e(std::move(options));
    std::atomic<int> left{0}; // outlives the last notification of a round
    for (int round = 0; round < 200; ++round) {
        left = 201; // the pieces, and who spreads them: it reads `pieces` until it has done
        std::vector<piece> pieces(200);
        for (auto& p : pieces) p.left = &left;
        struct spread : runnable {
            std::vector<piece>* all;
        } start;
        start.all = &pieces;
        static const runnable_ops table{[](runnable& r, worker& w) {
                                            auto& all = *static_cast<spread&>(r).all;
                                            std::atomic<int>& to_do = *all.front().left;
                                            for (auto& p : all) w.push_last(p);
                                            if (to_do.fetch_sub(1) == 1) to_do.notify_all();
                                        },
            [](runnable&) {}};
        start.ops = &table;
        e.schedule(start);
        for (int now = left.load(); now != 0; now = left.load()) left.wait(now);
    }
    e.stop();
}
