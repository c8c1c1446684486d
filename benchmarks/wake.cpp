// Workers that sleep. wake: a plain thread tells a process, n times, each time when all workers have gone to sleep; the op is a message, and its
// time the median from the tell to the process' next step. rest: n processes wait, and nothing happens for a second; the op is that second, and its time
// what the whole program has used of its processors meanwhile.

#include "rows.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

std::atomic<clock::rep> woken_at{0}; // 0: not yet

bastion::process sleeper(bastion::context ctx) {
    for (;;) {
        (void)co_await ctx.recv();
        // release: pairs with the teller's look.
        woken_at.store(clock::now().time_since_epoch().count(), std::memory_order_release);
        woken_at.notify_one();
    }
}

std::uint64_t parks(const bastion::runtime& rt) {
    std::uint64_t sum = 0;
    for (const auto& w : rt.figures().workers) sum += w.parks;
    return sum;
}

// Until none of the workers has gone to sleep anew for two milliseconds: a search before a sleep takes far less.
void wait_for_sleep(const bastion::runtime& rt) {
    std::uint64_t before = 0;
    do {
        before = parks(rt);
        std::this_thread::sleep_for(2ms);
    } while (before == 0 || before != parks(rt));
}

double cpu_ns() {
    timespec used{};
    check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "rest: the processors' time");
    return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

} // namespace

figure wake(unsigned threads, std::uint64_t n) {
    bastion::runtime rt(card_config(threads));
    const bastion::child_ref asleep = rt.spawn(sleeper);
    std::vector<double> late(n);
    for (double& one : late) {
        wait_for_sleep(rt);
        woken_at.store(0, std::memory_order_relaxed);
        const clock::rep told = clock::now().time_since_epoch().count();
        check(asleep.tell(number{1}) == bastion::delivery::accepted, "wake: a message");
        woken_at.wait(0, std::memory_order_acquire); // it does not keep the core that the worker may be woken on
        one = static_cast<double>(woken_at.load(std::memory_order_relaxed) - told);
    }
    const auto middle = late.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(late.begin(), middle, late.end());
    rt.stop();
    check(rt.wait() == 0, "wake: the exit code of the runtime");
    return figure{.ops = 1, .ns = *middle};
}

figure rest(unsigned threads, std::uint64_t n) {
    bastion::runtime rt(card_config(threads));
    for (std::uint64_t i = 0; i < n; ++i) (void)rt.spawn(sleeper);
    wait_for_sleep(rt);
    const double before = cpu_ns();
    std::this_thread::sleep_for(1s);
    const double used = cpu_ns() - before;
    rt.stop();
    check(rt.wait() == 0, "rest: the exit code of the runtime");
    return figure{.ops = 1, .ns = used};
}

} // namespace bench
