// What one_for_one, one_for_all and rest_for_one have in common: a supervisor over three groups, each of which fails
// once; a table counts the starts of each.
#ifndef BASTION_EXAMPLES_STRATEGY_TABLE_HPP
#define BASTION_EXAMPLES_STRATEGY_TABLE_HPP

#include <bastion/bastion.hpp>

#include <array>
#include <cstdio>
#include <string>

struct fail_now {};
struct count_starts {
    using answer_type = int;
};

inline bastion::process part(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (msg.told<fail_now>() != nullptr) {
            bastion::panic("told to fail");
        } else if (auto q = msg.asked<count_starts>()) {
            q.reply(ctx.incarnation() + 1);
        } else {
            msg.unhandled();
        }
    }
}

inline bastion::task<int> starts_of(bastion::child_ref who) {
    auto starts = co_await who.ask<count_starts>();
    co_return starts.value_or(-1);
}

inline bastion::task<> print_table(bastion::context ctx, const char* title, bastion::strategy strategy) {
    auto sup = ctx.spawn(bastion::supervisor().with_strategy(strategy));

    const std::array<const char*, 3> names{"sensor", "control", "motor"};  // in the order of their start
    std::array<bastion::child_ref, 3> parts;
    for (std::size_t i = 0; i < 3; ++i) {
        auto group = sup.spawn(bastion::children().with_name(names[i]).with_exec(part));
        parts[i] = group[0];
    }

    std::printf("%-14s%14s%14s%14s\n", title, names[0], names[1], names[2]);
    std::array<int, 3> starts{};
    std::printf("%-14s", "at first");
    for (std::size_t i = 0; i < 3; ++i) {
        starts[i] = co_await starts_of(parts[i]);
        std::printf("%14d", starts[i]);
    }
    std::puts("");

    for (std::size_t failing = 0; failing < 3; ++failing) {
        parts[failing].tell(fail_now{});
        // Its mail waits for the restart: when it answers, it has been started again, and whoever else is restarted with
        // it has stopped at least.
        co_await starts_of(parts[failing]);

        std::printf("%-8sfails ", names[failing]);
        for (std::size_t i = 0; i < 3; ++i) {
            const int now = co_await starts_of(parts[i]);
            const std::string cell = std::to_string(now) + (now > starts[i] ? " restarted" : " left alone");
            std::printf("%14s", cell.c_str());
            starts[i] = now;
        }
        std::puts("");
    }
}

#endif
