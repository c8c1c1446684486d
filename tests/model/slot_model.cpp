// The slot of a worker in all interleavings: what it has just woken, against thieves.
#include "model/checked.hpp"

#include <bastion/executor/next_slot.hpp>

#include <array>

namespace {

struct strand {
    model::plain<int> written = 0;
    model::plain<int> runs = 0;
};
using slot = bastion::detail::next_slot<strand, model::atomics>;

struct robbed_worker {
    slot next;
    std::array<strand, 4> strands;

    // Whoever gets a strand sees what was written before it was put there, and is the only one.
    static void run(strand* s) {
        if (s == nullptr) return;
        model::require(s->written == 1, "written before it was put there");
        s->runs = s->runs + 1;
    }
    // As push_next; what goes to the ring runs at once.
    void push_next(strand& s) {
        if (strand* const old = next.displace(true)) run(old);
        next.put(s);
    }
    // As the end of steal_from.
    void steal() {
        if (!next.empty()) run(next.steal());
    }
    void wake_all_and_run() {
        for (strand& s : strands) {
            s.written = 1;
            push_next(s);
            if (&s == &strands[1]) run(next.take(true));
        }
        run(next.take(true));
    }
    void all_ran_once() {
        run(next.take(true));
        for (strand& s : strands) model::require(s.runs == 1, "every strand runs once");
    }
};

// The owner wakes four, one after the other, and runs what lies there in the middle and in the end.
void slot_against_thieves(model::run& r) {
    auto& w = r.make<robbed_worker>();
    r.thread([&] { w.wake_all_and_run(); });
    for (int t = 0; t < 2; ++t)
        r.thread([&] {
            w.steal();
            w.steal();
        });
    r.at_end([&] { w.all_ran_once(); });
}

} // namespace

TEST_CASE("model: a worker's slot against two thieves") { model::check(slot_against_thieves); }
