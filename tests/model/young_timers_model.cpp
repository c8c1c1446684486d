// Young timers in all interleavings: a worker that arms, a searcher that collects, a process that cancels elsewhere.
#include "model/checked.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/young_timers.hpp>

#include <array>
#include <mutex>

namespace {

using model::atomics;

struct timer {
    model::plain<std::uint8_t> place = std::uint8_t{0xff};
    model::plain<int> duration = 0;
    model::plain<bool> in_wheel = false;
    int cancelled = 0; // the model's own
};

// A worker's timers as others see them; the functions are named as there.
struct wheel_of_worker {
    explicit wheel_of_worker(bool has_thieves) : has_thieves_(has_thieves) {}

    void arm_own(timer& t, int duration) {
        t.duration = duration;
        if (young.put(t)) return;
        const std::lock_guard guard(lock);
        collect_young();
        model::require(young.put(t), "there is room after a collect");
    }
    void poll() {
        const std::lock_guard guard(lock);
        collect_young();
    }
    void cancel(timer& t) {
        if (!young.take_back(t, !has_thieves_)) {
            const std::lock_guard guard(lock);
            model::require(t.in_wheel, "a timer that is not young is in the wheel");
            t.in_wheel = false;
        }
        ++t.cancelled;
        t.duration = 0; // its cell goes back to the pool
        t.place.free();
    }
    void collect_young() {
        young.collect([](timer& t) {
            model::require(t.duration == 7, "the duration it was armed with");
            model::require(!t.in_wheel, "no timer is collected twice");
            t.in_wheel = true;
        });
    }

    bastion::detail::basic_spin_lock<atomics> lock;
    bastion::detail::basic_young_timers<timer, 2, atomics> young;
    const bool has_thieves_;
};

void nothing_is_lost(wheel_of_worker& w, std::array<timer, 3>& timers, int still_armed) {
    w.poll();
    for (timer& t : timers) {
        model::require(t.cancelled + (t.in_wheel ? 1 : 0) == 1, "every timer is cancelled or in the wheel");
        still_armed -= t.in_wheel ? 1 : 0;
    }
    model::require(still_armed == 0, "what was cancelled is not in the wheel");
}

// Three timers and two places; the second is cancelled on another thread, the third where it was armed.
void arm_against_search_and_cancel(model::run& r) {
    auto& w = r.make<wheel_of_worker>(true);
    auto& timers = r.make<std::array<timer, 3>>();
    auto& moved = r.make<model::queue<timer*>>();
    r.thread([&] {
        w.arm_own(timers[0], 7);
        w.arm_own(timers[1], 7);
        moved.push(&timers[1]);
        w.arm_own(timers[2], 7);
        w.cancel(timers[2]);
    });
    r.thread([&] { w.poll(); });
    r.thread([&] { w.cancel(*moved.pop()); });
    r.at_end([&] { nothing_is_lost(w, timers, 1); });
}

// A place is filled again while a searcher collects, once from each of the two that were in it.
void places_used_again(model::run& r) {
    auto& w = r.make<wheel_of_worker>(true);
    auto& timers = r.make<std::array<timer, 3>>();
    r.thread([&] {
        w.arm_own(timers[0], 7);
        w.cancel(timers[0]);
        w.arm_own(timers[1], 7);
        w.arm_own(timers[2], 7);
        w.cancel(timers[1]);
    });
    for (int i = 0; i < 2; ++i) r.thread([&] { w.poll(); });
    r.at_end([&] { nothing_is_lost(w, timers, 1); });
}

} // namespace

TEST_CASE("model: young timers against a searcher and a process that cancels elsewhere") {
    model::check(arm_against_search_and_cancel, {}, 2);
}
TEST_CASE("model: young timers whose places are filled again") { model::check(places_used_again, {}, 2); }
