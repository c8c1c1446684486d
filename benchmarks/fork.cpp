// Row 11: fib(n) by recursion; each call is a task, one branch of each call is forked, without a cut-off. The op is a
// call: 2,692,537 for fib(30).

#include "rows.hpp"

namespace bench {
namespace {

bastion::task<std::uint64_t> fib(std::uint64_t n) {
    if (n < 2) co_return n;
    bastion::scope s;
    auto a = s.fork(fib(n - 1));
    auto b = co_await fib(n - 2);
    co_await s.join();
    co_return *a + b;
}

[[nodiscard]] std::uint64_t fib_by_loop(std::uint64_t n) {
    std::uint64_t now = 0;
    std::uint64_t next = 1;
    for (; n > 0; --n) {
        const std::uint64_t sum = now + next;
        now = next;
        next = sum;
    }
    return now;
}

bastion::task<figure> measure(bastion::context, std::uint64_t n) {
    const stopwatch clock;
    auto value = co_await fib(n);
    check(value == fib_by_loop(n), "fork: the value");
    const double ns = clock.ns();
    co_return figure{.ops = 2 * fib_by_loop(n + 1) - 1, .ns = ns};
}

} // namespace

figure fork(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
