// The job of fibonacci.cpp and fibonacci_handlers.cpp: a broadcast to all workers, a tell to each, and a question whose
// answer takes its time.
#ifndef BASTION_EXAMPLES_FIBONACCI_JOB_HPP
#define BASTION_EXAMPLES_FIBONACCI_JOB_HPP

#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

struct report {
    unsigned long long value;
    int heard; // broadcasts and tells that came before the question
    int told;
};
struct fibonacci {
    using answer_type = report;
    unsigned n;
};

inline unsigned long long compute(unsigned n) { return n < 2 ? n : compute(n - 1) + compute(n - 2); }

inline bastion::task<> ask_all(bastion::children_ref workers) {
    workers.broadcast("Hello there :)");

    std::vector<bastion::answer<report>> answers;
    unsigned n = 35;
    for (bastion::child_ref w : workers) {
        w.tell("shhh, here is a message, don't tell anyone");
        // Asked here, so that all four work at once.
        answers.push_back(w.ask(fibonacci{n}).within(std::chrono::minutes(5)));
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

#endif
