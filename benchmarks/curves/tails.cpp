// How long an ask takes at most, not on average: the median, the 99th and the 99.9th percentile.
// tails_load: questions come at random times, x % of what was answered in the same run when they came as fast as they could. One that
// could not be asked at its time counts from that time all the same. tails_busy: one question after the other, beside a process that
// never waits: it computes for x ns, tells itself something, and reads it, so that it gives way only when its budget is spent.

#include "curves.hpp"

#include <atomic>
#include <cmath>
#include <random>

namespace curves {
namespace {

struct successor {
    using answer_type = number;
    std::uint64_t value;
};

bastion::process serve(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<successor>()) q.reply(number{q->value + 1});
        else m.unhandled();
    }
}

quantiles of(std::vector<double>& late) {
    const auto at = [&late](double part) {
        const auto k = static_cast<std::ptrdiff_t>(std::ceil(part * static_cast<double>(late.size()))) - 1;
        std::nth_element(late.begin(), late.begin() + k, late.end());
        return late[static_cast<std::size_t>(k)];
    };
    return {.p50 = at(0.5), .p99 = at(0.99), .p999 = at(0.999)};
}

// ---- at a load

constexpr std::uint64_t askers = 1'000; // so many questions at a time, at most

// Which of the questions to ask now.
struct job {
    std::uint64_t which;
};
struct idle {
    bastion::child_ref who;
};

// All but what `late` holds are written before the first question. Each asker writes where its question is.
bastion::child_ref driver;
bastion::child_ref server;
const stopwatch* since = nullptr;
std::vector<double> due; // ns after `since`
std::vector<double> late;

bastion::process ask_when_told(bastion::context ctx) {
    driver.tell(idle{ctx.self()});
    for (;;) {
        auto m = co_await ctx.recv();
        const job* const j = m.told<job>();
        check(j != nullptr, "tails_load: a message that is no job");
        const std::uint64_t which = j->which;
        auto answer = co_await server.ask<successor>(which);
        late[which] = since->ns() - due[which];
        check(answer.has_value() && answer->value == which + 1, "tails_load: the answer");
        driver.tell(idle{ctx.self()});
    }
}

void take_back(std::vector<bastion::child_ref>& free, const bastion::message& m) {
    const idle* const one = m.told<idle>();
    check(one != nullptr, "tails_load: a message of another type");
    free.push_back(one->who);
}

// Asks all questions that are due, each when it is. It yields and looks at the clock all the time: a timer would be late by more than an ask takes.
bastion::task<double> ask_all(bastion::context ctx, std::vector<bastion::child_ref>& free) {
    late.assign(due.size(), -1);
    const stopwatch clock;
    since = &clock;
    for (std::uint64_t asked = 0; asked < due.size();) {
        for (auto m = ctx.try_recv(); m; m = ctx.try_recv()) take_back(free, *m);
        const double now = clock.ns();
        for (; asked < due.size() && due[asked] <= now && !free.empty(); ++asked) {
            free.back().tell(job{asked});
            free.pop_back();
        }
        co_await ctx.yield();
    }
    while (free.size() < askers) {
        auto m = co_await ctx.recv();
        take_back(free, m);
    }
    const double ns = clock.ns();
    for (const double one : late) check(one >= 0, "tails_load: a question that was not asked");
    co_return ns;
}

bastion::task<point> ask_at_load(bastion::context ctx, request r) {
    driver = ctx.self();
    server = ctx.spawn(serve);
    std::vector<bastion::child_ref> free;
    for (std::uint64_t i = 0; i < askers; ++i) ctx.spawn(ask_when_told);
    const std::uint64_t n = std::max<std::uint64_t>(r.share(1'000'000), 1'000);
    double all = 0;
    for (int timed = 0; timed < 2; ++timed) { // as fast as they can; the first time is not counted
        due.assign(n, 0);
        all = co_await ask_all(ctx, free);
    }
    // At random times, as those of many who know nothing of one another.
    const double apart = all / static_cast<double>(n) * 100 / static_cast<double>(r.x);
    std::mt19937_64 random(1);
    std::exponential_distribution<double> next(1 / apart);
    double at = 0;
    for (double& one : due) one = at += next(random);
    (void)co_await ask_all(ctx, free);
    double sum = 0;
    for (const double one : late) sum += one;
    co_return point{.ns = sum / static_cast<double>(n), .ops = n, .late = of(late)};
}

// ---- beside one that never waits

std::atomic<bool> over{false};

bastion::process never_waits(bastion::context ctx, double slice_ns) {
    const bastion::child_ref me = ctx.self();
    while (!over.load(std::memory_order_relaxed)) {
        const stopwatch clock;
        while (clock.ns() < slice_ns) {}
        me.tell(number{1});
        auto m = co_await ctx.recv();
        check(value_of(m) == 1, "tails_busy: what it told itself");
    }
    driver.tell(number{0});
}

bastion::task<point> ask_beside(bastion::context ctx, request r) {
    driver = ctx.self();
    server = ctx.spawn(serve);
    const double slice = static_cast<double>(r.x);
    ctx.spawn([slice](bastion::context self) { return never_waits(self, slice); });
    // An ask waits for a turn of it, which is half a budget of slices. A thousand asks are what the 99.9th percentile needs.
    const std::uint64_t wanted = std::min<std::uint64_t>(200'000, 1'000'000'000 / (50 * r.x));
    const std::uint64_t n = std::max<std::uint64_t>(r.share(wanted), 1'000);
    late.assign(n, -1);
    const std::uint64_t first = n / 10;
    for (std::uint64_t i = 0; i < first + n; ++i) {
        const stopwatch clock;
        auto answer = co_await server.ask<successor>(i);
        if (i >= first) late[i - first] = clock.ns();
        check(answer.has_value() && answer->value == i + 1, "tails_busy: the answer");
    }
    over = true;
    auto end = co_await ctx.recv();
    check(value_of(end) == 0, "tails_busy: the end of who never waits");
    double sum = 0;
    for (const double one : late) sum += one;
    co_return point{.ns = sum / static_cast<double>(n), .ops = n, .late = of(late)};
}

} // namespace

point tails_load(const request& r) { return run(r, ask_at_load); }
point tails_busy(const request& r) { return run(r, ask_beside); }

} // namespace curves
