// A worker without thieves gets some in the midst of a turn, its slot is robbed in one, and the process that runs is looked at, in all
// interleavings.
#include "model/block.hpp"
#include "model/checked.hpp"
#include "model/fence.hpp"

#include <bastion/executor/next_slot.hpp>
#include <bastion/executor/ring.hpp>
#include <bastion/executor/turn_mark.hpp>

#include <array>

namespace {

using model::atomics;

using turn_mark = bastion::detail::basic_turn_mark<atomics, model::fence>;

struct strand {
    model::plain<int> written = 0;
    model::plain<int> runs = 0;
};

// The only worker, named as worker.hpp does.
struct lone_worker {
    turn_mark mark{false};
    bastion::detail::next_slot<strand, atomics> slot;
    bastion::detail::fifo_ring<strand, 4, atomics> ring;
    std::array<strand, 3> strands;
    model::plain<int> alone =
        0; // stands for what it does without thieves, which these must see, and it must see of them
    model::plain<int> alone_with_slot = 0;

    [[nodiscard]] bool has_thieves() {
        if (mark.has_thieves()) return true;
        alone = alone + 1;
        return false;
    }
    static void run(strand& s) {
        model::require(s.written == 1, "written before it was put there");
        s.runs = s.runs + 1;
    }
    // Of the slot the same, with a flag of its own.
    [[nodiscard]] bool slot_is_robbed() {
        if (mark.slot_is_robbed()) return true;
        alone_with_slot = alone_with_slot + 1;
        return false;
    }
    void push_next(strand& s) {
        s.written = 1;
        if (slot.empty()) return slot.put(s);
        const turn_mark::step this_step(mark);
        if (strand* const old = slot.displace(slot_is_robbed())) (void)ring.push(old);
        slot.put(s);
    }
    strand* next() {
        if (strand* const s = slot.take(slot_is_robbed())) return s;
        return ring.pop(has_thieves());
    }
    template <class F>
    void turn(F f) {
        mark.begin_turn();
        f();
        mark.end_turn();
    }
    // Wakes two in one turn, and one more in the next.
    void work() {
        turn([this] {
            push_next(strands[0]);
            push_next(strands[1]);
        });
        bool first = true;
        while (strand* const s = next()) {
            turn([&] {
                run(*s);
                if (std::exchange(first, false)) push_next(strands[2]);
            });
        }
    }
    // What a thief of the executor takes, in its order.
    void rob() {
        alone = alone + 1;
        bastion::detail::fifo_ring<strand, 4, atomics> own;
        strand* first = nullptr;
        if (ring.steal_half(own, first, true) != 0) {
            run(*first);
            while (strand* const s = own.pop(true)) run(*s);
        }
        rob_slot();
    }
    // As steal_slot.
    void rob_slot() {
        if (slot.empty() || !mark.begin_robbery()) return;
        alone_with_slot = alone_with_slot + 1;
        strand* const s = slot.steal();
        mark.end_robbery();
        if (s != nullptr) run(*s);
    }
    void rest_ran_once() {
        while (strand* const s = next()) run(*s);
        for (strand& s : strands) model::require(s.runs == 1 || s.written == 0, "every strand runs once");
    }
};

// The watchdog finds it in a turn, or not; then the thief robs it, and goes.
void thieves_come_and_go(model::run& r) {
    auto& w = r.make<lone_worker>();
    r.thread([&] { w.work(); });
    r.thread([&] {
        if (!w.mark.let_in()) return;
        w.rob();
        w.mark.send_away();
    });
    r.at_end([&] { w.rest_ran_once(); });
}

// Two thieves look at a slot whose worker stands still, as they believe.
void slot_is_robbed_in_a_turn(model::run& r) {
    auto& w = r.make<lone_worker>();
    r.thread([&] { w.work(); });
    for (int t = 0; t < 2; ++t) r.thread([&] { w.rob_slot(); });
    r.at_end([&] { w.rest_ran_once(); });
}

// What a process is called is gone soon after it was given away.
struct named {
    model::plain<int> name = 0;
};

struct running {
    turn_mark mark{true};
    atomics::atomic<named*> current{nullptr};
    std::array<named, 2> processes;
    model::plain<int> id = 0;

    void run(named& p) {
        p.name = 7; // as who gave it to the worker has
        mark.begin_turn();
        current.store(&p, std::memory_order_release);
        current.store(nullptr, std::memory_order_relaxed);
        mark.let_go();
        p.name.free(); // by its owner
        mark.end_turn();
    }
    void look() {
        mark.begin_look();
        if (mark.turn_now() != 0) model::require(id == 3, "what the worker has said of itself before its first turn");
        if (named* const p = current.load(std::memory_order_acquire))
            model::require(p->name == 7, "the name of a process that runs");
        mark.end_look();
    }
};

void looks_at_what_runs(model::run& r) {
    auto& w = r.make<running>();
    r.thread([&] {
        w.id = 3;
        for (named& p : w.processes) w.run(p);
    });
    r.thread([&] {
        w.look();
        w.look();
    });
}

// A process that is given up loses what it has in hand: it, or its owner from then on.
struct caught {
    turn_mark mark{true};
    atomics::atomic<named*> current{nullptr};
    named process;
    atomics::atomic<bool> lost{false};
    model::plain<int> its_own = 0;

    void touch() {
        const bool before = mark.in_hand();
        if (!lost.load(std::memory_order_relaxed)) its_own = its_own + 1;
        if (!before) mark.out_of_hand();
    }
    void run() {
        mark.begin_turn();
        current.store(&process, std::memory_order_release);
        touch();
        touch();
        current.store(nullptr, std::memory_order_relaxed);
        mark.let_go();
        mark.end_turn();
    }
    void give_up() {
        mark.begin_look();
        const bool runs = mark.turn_now() != 0 && current.load(std::memory_order_acquire) == &process;
        const bool takes = runs && !mark.is_in_hand();
        if (takes) lost.store(true, std::memory_order_relaxed);
        mark.end_look();
        if (takes) its_own = its_own + 1;
    }
};

void gives_up_what_runs(model::run& r) {
    auto& w = r.make<caught>();
    r.thread([&] { w.run(); });
    r.thread([&] { w.give_up(); });
}

} // namespace

TEST_CASE("model: a worker without thieves gets some in the midst of a turn, and loses them") {
    model::check(thieves_come_and_go);
}
TEST_CASE("model: the slot of a worker is robbed in the midst of a turn, and in no other place") {
    model::check(slot_is_robbed_in_a_turn, {}, 2);
}
TEST_CASE("model: the watchdog looks at the process that runs") { model::check(looks_at_what_runs); }
TEST_CASE("model: a process that runs is given up, and what it has in hand is its owner's") {
    model::check(gives_up_what_runs);
}
