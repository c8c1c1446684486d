// Row 7: spawn n processes that wait; the resident set per process once each has come to its first recv; one message to
// each; wait for all. The op is a message, and its time includes the spawning.
// burst: the same, and then nothing happens: the op is a process, and its time its share of what it takes from the last end until all but a twentieth of
// the memory is the system's again (what is little stays), or of a minute; bytes_left is what is left of it.

#include "rows.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace bench {
namespace {

std::atomic<std::uint64_t> coming{0};
std::atomic<std::uint64_t> going{0};
std::atomic<std::uint64_t> sum{0};
bastion::child_ref driver; // Written before the first spawn.

bastion::process wait(bastion::context ctx) {
    if (coming.fetch_sub(1, std::memory_order_relaxed) == 1) driver.tell(number{1});
    auto m = co_await ctx.recv();
    sum.fetch_add(value_of(m), std::memory_order_relaxed);
    // release and acquire: who is last has seen all sums.
    if (going.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{2});
}

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    coming = n;
    going = n;
    driver = ctx.self();
    std::vector<bastion::child_ref> waiting(n); // Its pages are there before the first reading.
    const double before = resident_bytes();
    const stopwatch clock;
    for (auto& ref : waiting) ref = ctx.spawn(wait);
    auto come = co_await ctx.recv();
    check(value_of(come) == 1 && coming == 0, "idle: the processes that wait");
    const double bytes = (resident_bytes() - before) / static_cast<double>(n);
    for (const auto& ref : waiting) ref.tell(number{1});
    auto gone = co_await ctx.recv();
    check(value_of(gone) == 2 && sum == n, "idle: the messages received");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns, .bytes_per_actor = bytes};
}

} // namespace

figure idle(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

figure burst(unsigned threads, std::uint64_t n) {
    using namespace std::chrono_literals;
    constexpr double little = 32 << 20; // what is less than 16 MiB stays, and a twentieth
    bastion::runtime rt(card_config(threads));
    const double before = resident_bytes();
    figure f = run_on(rt, n, measure);
    const stopwatch clock;
    double left = resident_bytes() - before;
    const double enough = little + 0.05 * f.bytes_per_actor * static_cast<double>(n);
    while (left > enough && clock.ns() < 60e9) {
        std::this_thread::sleep_for(10ms);
        left = resident_bytes() - before;
    }
    f.ns = clock.ns();
    f.bytes_left = left / static_cast<double>(n);
    rt.stop();
    check(rt.wait() == 0, "burst: the exit code of the runtime");
    return f;
}

} // namespace bench
