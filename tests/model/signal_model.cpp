// Signals to a process in all interleavings: against its parking, with mail; monitors against its end and its block's
// next life.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <array>

namespace {

using flags = bastion::detail::basic_signal_flags<model::atomics>;

constexpr int monitor = 1;
constexpr int demonitor = 2;

// A process that waits for mail, as the run loop sees it: signals first, then mail, then it parks on mail.
struct receiver : model::block {
    int mail_read = 0; // the model's own, as the next
    int signals_seen = 0;
    bool repoll = false;

    void read(model::letter* newest) {
        for (model::letter* l = newest; l != nullptr;) {
            model::letter* const older = l->next;
            l->next.free(); // the block goes back to the pool
            l->value.free();
            ++mail_read;
            l = older;
        }
    }
    void obey_signals() {
        if ((signals.now() & flags::lane) == 0) return;
        signals.clear(flags::lane);
        for (model::signal* s = lane.drain(); s != nullptr;) {
            model::signal* const next = s->next;
            s->recycle();
            ++signals_seen;
            s = next;
        }
    }
    // Until it has seen that many letters and signals, and the flag.
    void run(int letters, int of_lane, std::uint32_t flag) {
        for (;;) {
            if (signals.now() != 0) obey_signals();
            if (mail != nullptr || inbox.has_mail()) {
                model::letter* const handed = mail;
                mail = nullptr;
                read(handed);
                const auto drained = inbox.drain();
                repoll = repoll || drained.woken;
                read(drained.newest);
            }
            if (mail_read == letters && signals_seen == of_lane && (signals.now() & flag) == flag) return;
            if (repoll) {
                repoll = false;
                continue;
            }
            park_on_mail();
        }
    }
};

// Two letters from one thread, a signal of the lane and a stop from another, against a process that parks on mail.
void claims_of_a_receiver(model::run& r) {
    auto& p = r.make<receiver>();
    auto& letters = r.make<std::array<model::letter, 2>>();
    auto& asked = r.make<model::signal>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] { p.run(2, 1, flags::stop); });
    r.thread([&] {
        for (auto& l : letters) {
            l.value = 1;
            p.send(l);
        }
    });
    r.thread([&] {
        model::require(p.send(asked, 1), "the lane is open");
        if (p.signals.raise(flags::stop)) p.unpark();
    });
    r.at_end([&] { model::require(asked.freed == 1, "every signal is seen once"); });
}

// Two push to the lane at the same time, one of them twice: whoever finds it empty, or raises the flag, wakes.
void lane_against_park(model::run& r) {
    auto& p = r.make<receiver>();
    auto& asked = r.make<std::array<model::signal, 3>>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] { p.run(0, 3, 0); });
    r.thread([&] {
        model::require(p.send(asked[0], 1), "the lane is open");
        model::require(p.send(asked[1], 1), "the lane is open");
    });
    r.thread([&] { model::require(p.send(asked[2], 1), "the lane is open"); });
    r.at_end([&] {
        for (const auto& s : asked) model::require(s.freed == 1, "every signal is seen once");
    });
}

// What monitors see of a block. The functions are named as in cold_part, mail, block and spawn.
struct watched : model::block {
    model::atomics::atomic<std::uint64_t> generation{1};
    model::plain<int> cold = 0; // touched where the monitors of the block are
    std::vector<model::signal*> monitors;
    int downs = 0; // the model's own, as the next
    int noprocs = 0;

    // By a watcher.
    void watch(model::signal& m) {
        m.what = monitor;
        if (send(m, 1)) return;
        ++noprocs;
        m.recycle();
    }
    void cancel(model::signal& d) {
        d.what = demonitor;
        if (!send(d, 1)) d.recycle();
    }
    // By the process.
    void handle_element_signals(model::signal* oldest) {
        const std::uint64_t lives = generation.load(std::memory_order_relaxed);
        while (oldest != nullptr) {
            model::signal* const s = oldest;
            oldest = s->next;
            if (s->what == monitor) {
                if (s->generation != lives || inbox.is_closed()) {
                    ++noprocs;
                    s->recycle();
                } else {
                    cold = cold + 1;
                    monitors.push_back(s);
                }
                continue;
            }
            if (s->generation == lives && !monitors.empty()) {
                cold = cold - 1;
                monitors.front()->recycle();
                monitors.erase(monitors.begin());
            }
            s->recycle();
        }
    }
    void obey_signals() {
        if ((signals.now() & flags::lane) == 0) return;
        signals.clear(flags::lane);
        handle_element_signals(lane.drain());
    }
    void close_block() {
        handle_element_signals(lane.close());
        model::require(inbox.close() == nullptr, "nobody sent mail");
        for (model::signal* m : monitors) {
            ++downs;
            m->recycle();
        }
        monitors.clear();
        cold = 0;
    }
    void next_life() {
        generation.store(generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        signals.reset();
        lane.open();
        inbox.open(generation.load(std::memory_order_relaxed));
    }
};

// One watches twice, one watches and takes it back; the process ends, and another one lives and ends in its block.
void monitors_against_the_end(model::run& r, bool lives_again) {
    auto& p = r.make<watched>();
    auto& made = r.make<std::array<model::signal, 4>>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&, lives_again] {
        p.obey_signals();
        p.close_block();
        if (!lives_again) return;
        const int before = p.downs;
        p.next_life();
        p.obey_signals();
        p.close_block();
        model::require(p.downs == before, "nobody watches the second life");
    });
    r.thread([&] {
        p.watch(made[0]);
        p.watch(made[1]);
    });
    r.thread([&] { p.watch(made[2]); });
    r.at_end([&] {
        model::require(p.downs + p.noprocs == 3, "one notice for each monitor");
        for (std::size_t i : {0u, 1u, 2u}) model::require(made[i].freed == 1, "every record is freed once");
    });
}

// One watches and takes it back, against the end: at most one notice, and both records are freed.
void cancel_against_the_end(model::run& r) {
    auto& p = r.make<watched>();
    auto& made = r.make<std::array<model::signal, 3>>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] {
        p.obey_signals();
        p.obey_signals();
        p.close_block();
    });
    r.thread([&] {
        p.watch(made[0]);
        p.cancel(made[1]);
    });
    r.thread([&] { p.cancel(made[2]); });
    r.at_end([&] {
        model::require(p.downs + p.noprocs <= 1, "at most one notice");
        for (const auto& s : made) model::require(s.freed == 1, "every record is freed once");
    });
}

// A process that was given up comes back, and its owner is through with it: whoever is second gives its block back.
void come_back_against_take_over(model::run& r) {
    auto& signals = r.make<flags>();
    auto& its = r.make<std::array<model::plain<int>, 2>>();
    auto& given_back = r.make<model::plain<int>>(0);
    const auto end = [&](std::size_t who, std::uint32_t says, std::uint32_t other) {
        its[who] = 1;
        if ((signals.say(says) & other) == 0) return;
        model::require(its[0] + its[1] == 2, "both have done what they had to do");
        given_back = given_back + 1;
    };
    r.thread([&, end] { end(0, flags::came_back, flags::taken_over); });
    r.thread([&, end] { end(1, flags::taken_over, flags::came_back); });
    r.at_end([&] { model::require(given_back == 1, "its block is given back once"); });
}

} // namespace

TEST_CASE("model: mail and signal and stop against a process that parks on mail") {
    model::check(claims_of_a_receiver, {.stale_reads = 2}, 2);
}
TEST_CASE("model: signals of the lane against a process that parks on mail") {
    model::check(lane_against_park, {.stale_reads = 2}, 2);
}
TEST_CASE("model: monitors against the end of a process") {
    model::check([](model::run& r) { monitors_against_the_end(r, false); });
}
TEST_CASE("model: monitors against the next process in a block") {
    model::check([](model::run& r) { monitors_against_the_end(r, true); }, {.stale_reads = 2});
}
TEST_CASE("model: a monitor taken back against the end of a process") { model::check(cancel_against_the_end); }
TEST_CASE("model: a process that was given up comes back") { model::check(come_back_against_take_over); }
