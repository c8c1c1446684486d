// The program of fibonacci.cpp; here a worker is a set of handlers over an object: no coroutine, the smallest process.
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

class worker {  // one object for each incarnation
public:
    void hear(const std::string&) { ++heard_; }
    void take(const std::string&) { ++told_; }
    report answer(const fibonacci& q) const { return report{compute(q.n), heard_, told_}; }

private:
    int heard_ = 0;
    int told_ = 0;
};

bastion::children four_workers() {
    return bastion::children().with_name("workers").with_redundancy(4).with_handlers<worker>(
        bastion::on_broadcast(&worker::hear), bastion::on_tell(&worker::take), bastion::on_question(&worker::answer));
}

BASTION_MAIN(bastion::context ctx) {
    auto workers = ctx.spawn(four_workers());
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
