// The program of fibonacci.cpp; here a worker is a set of handlers over an object: no coroutine, the smallest process.
#include "fibonacci_job.hpp"

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
    co_await ask_all(workers);
}
