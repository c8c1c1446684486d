// Sleep and wake in all interleavings: work and timers from strangers against workers that go to sleep.
#include "model/checked.hpp"
#include "model/crew.hpp"

#include <bastion/executor/naps.hpp>
#include <bastion/executor/wheel_notice.hpp>
#include <bastion/executor/young_timers.hpp>

#include <array>
#include <mutex>

namespace {

using bastion::detail::basic_wheel_notice;
using model::atomics;

using model::job;

// Whoever does the last job stops the others: who then sleeps for ever was not woken.
struct crew : model::crew {
    using model::crew::crew;
    std::size_t left = 0; // jobs nobody has done; the model's own, no thread waits by it

    void run(job&) override {
        if (--left == 0) stop();
    }
};

template <std::size_t N>
void all_done_once(std::array<job, N>& jobs) {
    for (job& j : jobs) model::require(j.done == 1, "every job is done once");
}

// Two strangers submit to the last worker on its way to sleep.
void submit_against_the_last(model::run& r) {
    auto& c = r.make<crew>(1u);
    auto& jobs = r.make<std::array<job, 3>>();
    c.left = jobs.size();
    r.thread([&] { c.work(0); });
    r.thread([&] {
        c.inject(jobs[0]);
        c.inject(jobs[1]);
    });
    r.thread([&] { c.inject(jobs[2]); });
    r.at_end([&] { all_done_once(jobs); });
}

// One submits twice to two workers on their way to sleep.
void submit_against_two(model::run& r) {
    auto& c = r.make<crew>(2u);
    auto& jobs = r.make<std::array<job, 2>>();
    c.left = jobs.size();
    for (std::size_t i : {0u, 1u}) r.thread([&, i] { c.work(i); });
    r.thread([&] {
        for (job& j : jobs) c.inject(j);
    });
    r.at_end([&] { all_done_once(jobs); });
}

// The same to two of which each would rather nap: one of them can always be woken, or is awake.
void submit_against_nappers(model::run& r) {
    auto& c = r.make<crew>(2u);
    auto& one = r.make<std::array<job, 1>>();
    auto& naps = r.make<bastion::detail::basic_naps<atomics>>();
    auto& napping = r.make<std::size_t>(0u); // the model's own
    c.left = one.size();
    for (std::size_t i : {0u, 1u})
        r.thread([&, i] {
            if (naps.begin([&c, i] { return c.sleepers.sleeps(1 - i) ? 0u : 1u; })) {
                model::require(++napping < 2, "somebody is awake, or can be woken");
                (void)c.shared.empty(); // a step
                --napping;
                naps.end();
            }
            c.work(i);
        });
    r.thread([&] { c.inject(one[0]); });
    r.at_end([&] { all_done_once(one); });
}

struct young_timer {
    model::plain<std::uint8_t> place = std::uint8_t{0xff};
};

// The timers of worker 0: a timer is armed, gets its instant from the first poll and is over at the second. Those that the
// worker arms itself are young until a poll, its own or a searcher's, or until the next one is armed.
struct timed {
    crew c{1};
    bastion::detail::basic_spin_lock<atomics> wheel_lock; // Guards the three counts.
    model::plain<int> armed = 0;
    model::plain<int> known = 0;
    model::plain<int> fired = 0;
    basic_wheel_notice<atomics> timers;
    bastion::detail::basic_young_timers<young_timer, 1, atomics> young;
    std::array<young_timer, 2> own;
    int timers_left = 0; // the model's own

    static constexpr std::int64_t some_instant = 5;

    void arm() {
        {
            const std::lock_guard lock(wheel_lock);
            armed = armed + 1;
            timers.armed();
        }
        c.wake(0);
    }
    void arm_own(young_timer& t) {
        if (young.put(t)) return;
        const std::lock_guard lock(wheel_lock);
        collect_young();
        model::require(young.put(t), "there is room after a collect");
    }
    void collect_young() {
        timers.armed();
        young.collect([this](young_timer&) { armed = armed + 1; });
    }
    [[nodiscard]] bool timers_wait() { return young.any() || timers.pending(); }
    void poll_wheel(bool by_itself) {
        {
            if (by_itself) wheel_lock.lock();
            else if (!wheel_lock.try_lock()) return;
            const std::lock_guard lock(wheel_lock, std::adopt_lock);
            collect_young();
            fired = fired + known;
            timers_left -= known;
            known = armed.get();
            armed = 0;
            timers.polled(known != 0 ? some_instant : timers.never);
        }
        if (timers_left == 0) c.stop();
    }
    void work() {
        while (!c.stopping.load(std::memory_order_relaxed)) {
            if (timers_wait() || timers.next_due() != timers.never) {
                poll_wheel(true);
                continue;
            }
            c.sleepers.sleep(
                0, [this] { return timers_wait() || c.stopping.load(std::memory_order_relaxed); },
                [this] {
                    if (timers.next_due() == timers.never) c.parkers[0].park(-1); // else it wakes by itself
                });
        }
    }
};

// A stranger arms two timers on a worker that goes to sleep, a searcher polls its wheel meanwhile.
void timers_against_sleep(model::run& r) {
    auto& t = r.make<timed>();
    t.timers_left = 2;
    r.thread([&] { t.work(); });
    r.thread([&] {
        t.arm();
        t.arm();
    });
    r.thread([&] {
        if (t.timers_wait()) t.poll_wheel(false);
    });
    r.at_end([&] { model::require(t.fired == 2, "every timer fires once"); });
}

// A worker arms two timers of its own and goes to sleep; two searchers poll its wheel, and never again.
void searchers_against_sleep(model::run& r) {
    auto& t = r.make<timed>();
    t.timers_left = 2;
    r.thread([&] {
        for (young_timer& mine : t.own) t.arm_own(mine);
        t.work();
    });
    for (int i = 0; i < 2; ++i)
        r.thread([&] {
            if (t.timers_wait()) t.poll_wheel(false);
        });
    r.at_end([&] { model::require(t.fired == 2, "every timer fires once"); });
}

// The same with one timer, which a searcher takes out of its place while the worker looks for it.
void searcher_against_a_young_timer(model::run& r) {
    auto& t = r.make<timed>();
    t.timers_left = 1;
    r.thread([&] {
        t.arm_own(t.own[0]);
        t.work();
    });
    for (int i = 0; i < 2; ++i)
        r.thread([&] {
            if (t.timers_wait()) t.poll_wheel(false);
        });
    r.at_end([&] { model::require(t.fired == 1, "the timer fires once"); });
}

// Any token says what was written before the first unpark; a park with a deadline may go without one.
void tokens_against_park(model::run& r) {
    auto& p = r.make<bastion::detail::basic_parker<atomics, model::kernel>>();
    auto& text = r.make<model::plain<int>>(0);
    r.thread([&] {
        text = 7;
        p.unpark();
        p.unpark();
    });
    r.thread([&] {
        bool taken = p.park(1);
        if (!taken) taken = p.park(0);
        while (!taken) taken = p.park(-1);
        model::require(text == 7, "written before the token");
    });
}

} // namespace

TEST_CASE("model: tokens against a thread that parks") { model::check(tokens_against_park); }
TEST_CASE("model: work for the last worker that goes to sleep") {
    model::check(submit_against_the_last, {.stale_reads = 2}, 2);
}
TEST_CASE("model: work for two workers that go to sleep") {
    model::check(submit_against_two, {.stale_reads = 1}, 2, 1);
}
TEST_CASE("model: work for two workers that would rather nap") {
    model::check(submit_against_nappers, {.stale_reads = 1}, 2, 1);
}
TEST_CASE("model: timers armed against a worker that goes to sleep") {
    model::check(timers_against_sleep, {.stale_reads = 2}, 2);
}
TEST_CASE("model: searchers that poll for a worker that goes to sleep") {
    model::check(searchers_against_sleep, {.stale_reads = 2}, 2);
}
TEST_CASE("model: a searcher that takes a young timer for a worker that goes to sleep") {
    model::check(searcher_against_a_young_timer, {.stale_reads = 2}, 2);
}
