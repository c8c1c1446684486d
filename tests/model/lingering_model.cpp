// A process that lingers on its worker, in all interleavings: the next one there turns to it, others send to it meanwhile, and a thief takes it
// when that next one does not end.
#include "model/checked.hpp"
#include "model/fence.hpp"

#include <bastion/executor/next_slot.hpp>
#include <bastion/executor/turn_mark.hpp>
#include <bastion/process/inbox.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace {

using bastion::detail::push_result;
using bastion::detail::unpark_result;

struct alignas(64) node {
    model::plain<node*> next = nullptr;
    model::plain<int> value = 0;
};

struct process {
    bastion::detail::basic_inbox<node, model::atomics> inbox;
    model::plain<node*> mail = nullptr; // of the holder of the right to run, as what follows
    model::plain<int> turns = 0;
    std::vector<int> got;
    model::plain<int> scheduled = 0; // elsewhere, where nobody gets to it before the end

    void take(node* newest) {
        std::vector<int> batch;
        for (node* n = newest; n != nullptr; n = n->next) batch.insert(batch.begin(), n->value);
        got.insert(got.end(), batch.begin(), batch.end());
    }
    void hand_over(node& n) {
        n.next = nullptr;
        model::require(mail == nullptr, "who waits has no mail");
        mail = &n;
    }
    void read_all() {
        turns = turns + 1;
        node* const handed = mail;
        mail = nullptr;
        take(handed);
        take(inbox.drain().newest);
    }
    // A turn in which it does not linger.
    void run() {
        do read_all();
        while (!inbox.park_on_mail());
    }
    [[nodiscard]] bool got_in_order(int first, int second) const {
        return std::find(got.begin(), got.end(), first) < std::find(got.begin(), got.end(), second);
    }
};

// As worker.hpp names it.
struct worker {
    bastion::detail::basic_turn_mark<model::atomics, model::fence> mark{true};
    bastion::detail::next_slot<process, model::atomics> lingerer;
    process one;
    std::array<node, 3> nodes;
    model::atomics::atomic<bool> sender_moved{false};
    bool knows_first = false;
    bool runs_next = false; // in its slot

    worker() { one.inbox.open(1); }

    template <class F>
    void turn(F f) {
        mark.begin_turn();
        f();
        mark.end_turn();
    }
    [[nodiscard]] bool end_lingering() {
        const bastion::detail::basic_turn_mark<model::atomics, model::fence>::step alone(mark);
        return lingerer.take(mark.slot_is_robbed()) != nullptr;
    }
    // As try_push, by what runs here.
    void tell(node& n, int value) {
        n.value = value;
        const bool lingered = one.inbox.lingers_empty(1) && lingerer.holds(one) && end_lingering();
        switch (lingered ? push_result::claimed : one.inbox.push(&n, 1)) {
        case push_result::claimed:
            one.hand_over(n);
            runs_next = true;
            break;
        case push_result::queued:
        case push_result::queued_beside: break;
        case push_result::refused: model::fail("an open inbox refused");
        }
    }
    // As unpark_block.
    void wake() {
        const bool ends = lingerer.holds(one) && end_lingering();
        if (ends || one.inbox.unpark() == unpark_result::claimed) runs_next = true;
    }
    void run_if_next() {
        if (std::exchange(runs_next, false)) turn([this] { one.run(); });
    }
    void park_lingerer() {
        process* left = nullptr;
        {
            const bastion::detail::basic_turn_mark<model::atomics, model::fence>::step alone(mark);
            left = lingerer.take(mark.slot_is_robbed());
        }
        if (left != nullptr && !left->inbox.park_on_mail()) runs_next = true;
    }
    void linger_in_a_turn() {
        turn([this] {
            for (;;) {
                one.read_all();
                if (one.inbox.begin_lingering(true)) return lingerer.put(one);
                if (one.inbox.park_on_mail()) return;
            }
        });
    }
    // As steal_slot, and what the thief does then. False: there was nobody to steal.
    bool rob() {
        if (lingerer.empty() || !mark.begin_robbery()) return false;
        process* const stolen = lingerer.steal();
        mark.end_robbery();
        if (stolen != nullptr) stolen->run();
        return stolen != nullptr;
    }
    // By a plain thread. True: it calls a thief.
    bool tell_from_elsewhere(node& n, int value) {
        n.value = value;
        switch (one.inbox.push(&n, 1)) {
        case push_result::claimed:
            one.hand_over(n);
            one.scheduled = 1;
            break;
        case push_result::queued: break;
        case push_result::queued_beside: return true;
        case push_result::refused: model::fail("an open inbox refused");
        }
        return false;
    }
    // By a plain thread, too. True: it calls a thief.
    bool wake_from_elsewhere() {
        const unpark_result so = one.inbox.unpark();
        if (so == unpark_result::claimed) one.scheduled = 1;
        return so == unpark_result::lingers;
    }
    void all_was_got(std::size_t messages) {
        if (one.scheduled == 1) one.run();
        model::require(one.got.size() == messages, "every message is got, and once");
    }
};

// A sender sends one from elsewhere, perhaps moves here, and sends the next; a thief takes what lingers.
void next_turns_to_it(model::run& r) {
    auto& w = r.make<worker>();
    r.thread([&] {
        w.linger_in_a_turn();
        w.turn([&] {
            w.knows_first = w.sender_moved.load(std::memory_order_acquire);
            w.tell(w.nodes[0], 2);
        });
        w.run_if_next();
        w.park_lingerer();
        w.run_if_next();
    });
    r.thread([&] {
        (void)w.tell_from_elsewhere(w.nodes[1], 1);
        w.sender_moved.store(true, std::memory_order_release);
    });
    r.thread([&] { (void)w.rob(); });
    r.at_end([&] {
        w.all_was_got(2);
        if (w.knows_first) model::require(w.one.got_in_order(1, 2), "messages of one sender in their order");
    });
}

// The next one there wakes it, or does not; others send to it.
void others_turn_to_it(model::run& r, bool is_woken) {
    auto& w = r.make<worker>();
    r.thread([&, is_woken] {
        w.linger_in_a_turn();
        w.turn([&] {
            if (is_woken) w.wake();
        });
        w.run_if_next();
        w.park_lingerer();
        w.run_if_next();
    });
    r.thread([&] {
        (void)w.tell_from_elsewhere(w.nodes[1], 1);
        (void)w.tell_from_elsewhere(w.nodes[2], 2);
    });
    r.thread([&] { (void)w.rob(); });
    r.at_end([&] {
        w.all_was_got(2);
        model::require(w.one.got_in_order(1, 2), "messages of one sender in their order");
    });
}

// The next one there does not come to an end: who was told, or woken, is found by the thief that is called.
void a_turn_does_not_end(model::run& r, bool is_woken) {
    auto& w = r.make<worker>();
    auto& calls = r.make<model::queue<int>>();
    r.thread([&] {
        w.linger_in_a_turn();
        w.mark.begin_turn();
    });
    r.thread([&, is_woken] {
        const bool called = is_woken ? w.wake_from_elsewhere() : w.tell_from_elsewhere(w.nodes[0], 1);
        calls.push(called ? 1 : 0);
    });
    r.thread([&] {
        if (calls.pop() == 0) return;
        while (!w.rob()) model::pause();
    });
    r.at_end([&, is_woken] {
        if (w.one.scheduled == 1) w.one.run();
        model::require(w.one.got.size() == (is_woken ? 0 : 1), "a message is got beside a turn that does not end");
    });
}

} // namespace

TEST_CASE("model: a process lingers, and the next on its worker turns to it") { model::check(next_turns_to_it); }
TEST_CASE("model: a process lingers, and others turn to it") {
    model::check([](model::run& r) { others_turn_to_it(r, false); });
    model::check([](model::run& r) { others_turn_to_it(r, true); });
}
TEST_CASE("model: a process lingers beside a turn that does not end, and others turn to it") {
    model::check([](model::run& r) { a_turn_does_not_end(r, false); });
    model::check([](model::run& r) { a_turn_does_not_end(r, true); });
}
