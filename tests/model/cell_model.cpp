// The completion cell in all interleavings: an answer, its time-out and an asker that waits, gives up or is killed; what
// the cell holds is taken or freed once, and the cell is given back once.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <bastion/executor/cell.hpp>

#include <mutex>

namespace {

using bastion::detail::cell_event;
using bastion::detail::cell_state;
using model::atomics;

// A question that was asked: the cell, what is known of it in a wheel, and who may free what. The functions are named as
// in pending_answer, complete_with and fire_cell.
struct question {
    model::block asker;
    bastion::detail::basic_cell_word<atomics> word;
    model::plain<int> payload = 0;
    bastion::detail::basic_spin_lock<atomics> wheel_lock;
    model::plain<bool> in_wheel = true;
    int answers_ended = 0; // taken or destroyed
    int cells_ended = 0;

    void recycle() {
        ++cells_ended;
        word.word().free();
        payload.free();
    }
    void end_answer() {
        model::require(payload == 7, "the answer is what was written");
        ++answers_ended;
    }

    void complete() {
        payload = 7;
        switch (word.complete()) {
        case cell_event::wake_owner: asker.unpark(); break;
        case cell_event::none: break;
        case cell_event::free_payload:
            end_answer();
            recycle();
            break;
        }
    }
    void fire() {
        bool late = false;
        {
            const std::lock_guard lock(wheel_lock);
            if (!in_wheel) return;
            in_wheel = false;
            late = word.time_out();
        }
        if (late) asker.unpark();
    }
    void cancel_timer() {
        const std::lock_guard lock(wheel_lock);
        in_wheel = false;
    }
    void give_up() {
        cancel_timer();
        if (!word.abandon()) return;
        end_answer();
        recycle();
    }
    // False: the time was over.
    bool take() {
        cancel_timer();
        if (word.load() != cell_state::completed) {
            give_up();
            return false;
        }
        end_answer();
        recycle();
        return true;
    }
    [[nodiscard]] bool over() const { return word.load() != cell_state::pending; }

    void everything_ended_once() const {
        model::require(answers_ended == 1, "the answer is taken or destroyed once");
        model::require(cells_ended == 1, "the cell is given back once");
    }
};

// The asker waits: an answer or the time-out wakes it.
void answer_against_timeout(model::run& r) {
    auto& q = r.make<question>();
    q.asker.inbox.open(1);
    r.thread([&] {
        while (!q.over()) q.asker.park_elsewhere();
        (void)q.take();
    });
    r.thread([&] { q.complete(); });
    r.thread([&] { q.fire(); });
    r.at_end([&] { q.everything_ended_once(); });
}

// The asker gives up without having looked: its frame is destroyed.
void answer_against_death(model::run& r) {
    auto& q = r.make<question>();
    q.asker.inbox.open(1);
    r.thread([&] { q.give_up(); });
    r.thread([&] { q.complete(); });
    r.thread([&] { q.fire(); });
    r.at_end([&] { q.everything_ended_once(); });
}

// The asker's thread is a plain one: it sleeps on the cell's word itself, until the answer or the end of its time.
void answer_for_a_plain_thread(model::run& r, std::int64_t deadline) {
    auto& q = r.make<question>();
    q.in_wheel = false;
    r.thread([&, deadline] {
        while (!q.over()) {
            if (model::kernel::wait_until(q.word.word(), static_cast<std::uint32_t>(cell_state::pending), deadline))
                continue;
            (void)q.word.time_out();
            break;
        }
        (void)q.take();
    });
    r.thread([&] {
        q.payload = 7;
        switch (q.word.complete()) {
        case cell_event::wake_owner: model::kernel::wake_one(q.word.word()); break;
        case cell_event::none: break;
        case cell_event::free_payload:
            q.end_answer();
            q.recycle();
            break;
        }
    });
    r.at_end([&] { q.everything_ended_once(); });
}

// Who may wake a process that waits for an answer, all at once: the answer, its time-out, a kill, mail. The process looks
// at its signals first, as the run loop does.
void claims_of_an_asker(model::run& r) {
    auto& q = r.make<question>();
    auto& mail = r.make<model::letter>();
    auto& why = r.make<model::plain<int>>(0);
    q.asker.inbox.open(1);
    r.thread([&] {
        for (;;) {
            if ((q.asker.signals.now() & q.asker.signals.kill) != 0) {
                model::require(why == 9, "who sees the flag sees why");
                return q.give_up();
            }
            if (q.over()) break;
            q.asker.park_elsewhere();
        }
        (void)q.take();
    });
    r.thread([&] { q.complete(); });
    r.thread([&] { q.fire(); });
    r.thread([&] {
        why = 9;
        if (q.asker.signals.raise(q.asker.signals.kill)) q.asker.unpark();
        q.asker.send(mail);
    });
    r.at_end([&] {
        q.everything_ended_once();
        model::require(q.asker.mail == nullptr && q.asker.inbox.drain().newest == &mail, "the mail stays in the word");
    });
}

} // namespace

TEST_CASE("model: an answer against its time-out") { model::check(answer_against_timeout); }
TEST_CASE("model: an answer against the death of who asked") { model::check(answer_against_death); }
TEST_CASE("model: an answer for a plain thread") {
    model::check([](model::run& r) { answer_for_a_plain_thread(r, -1); });
}
TEST_CASE("model: an answer for a plain thread against its time-out") {
    model::check([](model::run& r) { answer_for_a_plain_thread(r, 1); });
}
TEST_CASE("model: answer and time-out and kill and mail against a process that parks") {
    model::check(claims_of_an_asker, {.stale_reads = 2}, 2);
}
