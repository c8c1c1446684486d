// The README's first program: a panic is survived, and who asked is told at once.
// clang-format off
#include <bastion/bastion.hpp>
#include <cstdio>

struct divide { using answer_type = int; int a, b; };        // a question knows the type of its answer

bastion::process calculator(bastion::context ctx) {          // a process: it shares nothing, and when it fails it is started again
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<divide>()) {                  // asked: owns the right to answer, now or later
            if (q->b == 0) bastion::panic("division by zero");
            q.reply(q->a / q->b);
        } else if (auto* s = msg.told<std::string>()) {      // told: owned by this process alone
            std::printf("told: %s\n", s->c_str());
        } else if (auto* b = msg.broadcast<std::string>()) { // broadcast: shared and const
            std::printf("heard: %s\n", b->c_str());
        } else {
            msg.unhandled();                                 // a dead letter, counted
        }
    }
}

BASTION_MAIN(bastion::context ctx) {                         // main is a process too; its end stops the runtime
    auto sup = ctx.spawn(bastion::supervisor()
        .with_strategy(bastion::strategy::one_for_one)
        .with_restart_strategy(bastion::restart_strategy::tries(3)));
    auto calculators = sup.spawn(bastion::children()
        .with_name("calculators").with_redundancy(2).with_exec(calculator));

    auto calc = calculators[0];                              // names the element: stays good when it restarts
    calc.tell("hello");
    calculators.broadcast("hello, everybody");
    auto bad = co_await calc.ask(divide{1, 0});              // its process panics: we are told, and live on
    if (!bad) std::printf("1 / 0: %s\n", bad.error().what().c_str());
    auto good = co_await calc.ask(divide{9, 3}).within(std::chrono::seconds(1));
    if (good) std::printf("9 / 3 = %d\n", *good);
}
