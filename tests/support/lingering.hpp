#pragma once

// For tests of who lingers (executor/worker.hpp).

#include "support/blocking.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <cstddef>

namespace test {

// Two that have talked to one another, so that each lingers while the other runs; then one goes through a door, and the other counts what it hears.
class keeper_and_patient {
    struct question {
        using answer_type = std::size_t;
    };
    struct letter {};

public:
    door held;
    std::atomic<int> heard{0};
    bastion::child_ref keeper;
    bastion::child_ref patient;

    explicit keeper_and_patient(bastion::runtime& rt) {
        keeper = rt.spawn([this](bastion::context ctx) -> bastion::process {
            for (;;) {
                auto m = co_await ctx.recv();
                if (auto q = m.asked<question>()) q.reply(ctx.worker());
                else held.pass();
            }
        });
        patient = rt.spawn([this](bastion::context ctx) -> bastion::process {
            for (int i = 0; i < 1000; ++i) {
                const auto answer = co_await keeper.ask(question());
                if (!answer.has_value()) co_return ctx.fail("no answer");
            }
            keeper.tell(letter());
            for (;;) {
                (void)co_await ctx.recv();
                ++heard;
            }
        });
        held.wait_for(1);
    }
    keeper_and_patient(const keeper_and_patient&) = delete;
    keeper_and_patient& operator=(const keeper_and_patient&) = delete;
    ~keeper_and_patient() {
        held.open();
        for (const auto& one : {keeper, patient}) {
            one.kill();
            wait_until([&] { return !one.alive(); });
        }
    }
    void tell_patient() {
        const int before = heard;
        patient.tell(letter());
        wait_until([&] { return heard == before + 1; });
    }
};

} // namespace test
