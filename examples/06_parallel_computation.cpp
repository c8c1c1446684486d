// Map and reduce: ten workers double what they are asked, all at once; the answers are added up in order.
#include <bastion/bastion.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

struct twice {
    using answer_type = std::uint64_t;
    std::uint64_t number;
};

bastion::process worker(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<twice>()) {
            q.reply(2 * q->number);
        } else {
            msg.unhandled();
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    auto workers = ctx.spawn(bastion::children().with_redundancy(10).with_exec(worker));

    std::vector<bastion::answer<std::uint64_t>> doubled;
    std::uint64_t i = 0;
    for (bastion::child_ref w : workers) doubled.push_back(w.ask(twice{++i % 5}));  // 1 2 3 4 0 1 2 3 4 0

    std::uint64_t sum = 0;
    for (auto& answer : doubled) {
        auto number = co_await answer;
        if (!number) bastion::panic(number.error().what());
        sum += *number;
    }
    std::printf("the sum of the doubles is %llu\n", static_cast<unsigned long long>(sum));
}
