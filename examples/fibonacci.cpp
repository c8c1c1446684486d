// Heavy work spread over four workers: a broadcast to all, a tell to each, and a question whose answer takes its time.
#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct report {
    unsigned long long value;
    int heard;  // broadcasts and tells that came before the question
    int told;
};
struct fibonacci {
    using answer_type = report;
    unsigned n;
};

unsigned long long compute(unsigned n) { return n < 2 ? n : compute(n - 1) + compute(n - 2); }

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
    workers.broadcast("Hello there :)");

    std::vector<bastion::answer<report>> answers;
    unsigned n = 35;
    for (bastion::child_ref w : workers) {
        w.tell("shhh, here is a message, don't tell anyone");
        answers.push_back(w.ask(fibonacci{n}).within(5min));  // asked here, so that all four work at once
        n += 2;
    }

    n = 35;
    for (auto& answer : answers) {
        auto r = co_await answer;
        if (r) {
            std::printf("fib(%u) = %llu, by a worker that heard %d broadcast and was told %d message\n", n, r->value,
                r->heard, r->told);
        } else {
            std::printf("fib(%u): %s\n", n, r.error().what().c_str());
        }
        n += 2;
    }
}
