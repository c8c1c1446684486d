// Heavy work off the workers: fifteen asks per core, each for a prime number that a blocking thread looks for. One
// worker in six panics: its asker is told at once, and every other gets its number.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <thread>
#include <vector>

struct nth_prime {
    using answer_type = int;
    int n;
};

bool is_prime(int number) {
    for (int divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return number > 1;
}

int find_prime(int n) {
    int number = 1;
    while (n > 0)
        if (is_prime(++number)) --n;
    return number;
}

bastion::process worker(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<nth_prime>()) {
            const int n = q->n;
            const int prime = co_await bastion::blocking([n] {
                if (n % 6 == 0) bastion::panic("no luck with this one");
                return find_prime(n);
            });
            q.reply(prime);
        } else {
            msg.unhandled();
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    const int count = 15 * (cores > 0 ? cores : 1);
    auto workers = ctx.spawn(bastion::children()
            .with_name("primes")
            .with_redundancy(static_cast<std::uint32_t>(count))
            .with_restart_scope(bastion::restart_scope::element) // the others go on
            .with_exec(worker));

    std::vector<bastion::answer<int>> asked;
    int n = 0;
    for (bastion::child_ref w : workers) asked.push_back(w.ask(nth_prime{++n}));

    int right = 0;
    int told = 0;
    n = 0;
    for (auto& answer : asked) {
        auto prime = co_await answer;
        ++n;
        if (prime && *prime == find_prime(n)) ++right;
        if (!prime && prime.error() == bastion::errc::target_died) ++told;
    }
    const bool all_right = right == count - count / 6;
    const bool all_told = told == count / 6;
    std::printf("every sixth failed, and who had asked was told: %s\n", all_told ? "yes" : "no");
    std::printf("all others have their prime number: %s\n", all_right ? "yes" : "no");
}
