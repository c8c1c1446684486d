// Heavy work spread over four workers that are coroutines.
#include "fibonacci_job.hpp"

bastion::process worker(bastion::context ctx) {
    int heard = 0;
    int told = 0;
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<fibonacci>()) {
            q.reply(report{compute(q->n), heard, told});
        } else if (msg.broadcast<std::string>() != nullptr) {
            ++heard;
        } else if (msg.told<std::string>() != nullptr) {
            ++told;
        } else {
            msg.unhandled();
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    auto workers = ctx.spawn(bastion::children().with_name("workers").with_redundancy(4).with_exec(worker));
    co_await ask_all(workers);
}
