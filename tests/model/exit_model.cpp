// Exit signals in all interleavings: one that is trapped is heard where its sender has put it among its mail, behind one that is not
// nothing is, and of a link that was taken back none is. The functions are named as in links, mail, body and run.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>
#include <vector>

namespace {

using flags = bastion::detail::basic_signal_flags<model::atomics>;
using bastion::detail::push_result;

constexpr int mark = 1000; // of a letter: the mark of the exit signal whose number is what is above

enum of_signal : int { something_else = -1 }; // what a signal says; otherwise it is an exit, and its number

// A process that waits for mail, as the run loop sees it.
struct reader : model::block {
    bool traps = true;
    bool linked = true; // whom the exit signals come from; only unlink asks
    std::deque<model::letter*> list; // the model's own, as all that follows: touched by the holder of the right to run
    std::vector<int> trapped;
    std::vector<int> heard;
    std::deque<model::letter*> kept_back;
    bool keeps_mail_back = false;
    bool repoll = false;

    // ---- by a sender
    void send_exit(model::signal& s, model::letter& place, int number) {
        s.what = number;
        model::require(send(s, 1), "the lane is open");
        place.value = mark + number;
        push_mark(place);
    }
    void push_mark(model::letter& l) {
        push_result pushed = inbox.push(&l, 1);
        const bool runs = pushed == push_result::claimed;
        if (runs) pushed = inbox.push(&l, 1);
        model::require(pushed == push_result::queued, "an open inbox, whose right to run is ours or somebody else's");
        if (runs) schedule();
    }

    // ---- by the process
    void look_at_lane() {
        if ((signals.now() & flags::lane) == 0) return;
        look_at_lane_in_passing();
    }
    void look_at_lane_in_passing() {
        signals.clear(flags::lane);
        for (model::signal* s = lane.drain(); s != nullptr;) {
            model::signal* const next = s->next;
            if (s->what != something_else && linked) obey(s->what);
            s->recycle();
            s = next;
        }
        if ((signals.now() & flags::kill) != 0) (void)signals.raise(flags::lane);
    }
    void obey(int number) {
        if (traps) return trapped.push_back(number);
        keeps_mail_back = true;
        (void)signals.raise(flags::kill);
    }
    // Its exits are all of one link.
    void unlink() {
        if (!trapped.empty()) collect_mail();
        trapped.clear();
        linked = false;
    }
    [[nodiscard]] bool make_trapped(model::letter& l) {
        const auto is = std::find(trapped.begin(), trapped.end(), l.value - mark);
        if (is == trapped.end()) return false;
        trapped.erase(is);
        l.value = l.value - mark;
        return true;
    }
    [[nodiscard]] bool has_signals_before_mail() const { return (signals.now() & (flags::lane | flags::kill)) != 0; }
    void collect_mail() {
        const auto drained = inbox.drain();
        repoll = repoll || drained.woken;
        std::vector<model::letter*> newest_first;
        bool marks = false;
        for (model::letter* l = drained.newest; l != nullptr; l = l->next) {
            newest_first.push_back(l);
            marks = marks || l->value >= mark;
        }
        if (newest_first.empty()) return;
        if (marks || has_signals_before_mail()) look_at_lane_in_passing();
        for (auto l = newest_first.rbegin(); l != newest_first.rend(); ++l) {
            if ((*l)->value >= mark && !make_trapped(**l)) {
                model::require(!traps || !linked, "the signal has been there since before its mark");
                free(**l);
                continue;
            }
            (keeps_mail_back ? kept_back : list).push_back(*l);
        }
        repoll = repoll || keeps_mail_back;
    }
    // The block goes back to the pool.
    static void free(model::letter& l) {
        l.value.free();
        l.next.free();
    }
    [[nodiscard]] bool may_be_taken() {
        if ((signals.now() & flags::lane) == 0) return true;
        repoll = true;
        return false;
    }
    [[nodiscard]] bool mail_at_hand() {
        if (!list.empty()) return true;
        if (!inbox.has_mail()) return false;
        collect_mail();
        return !list.empty() && may_be_taken();
    }
    // What a sender has handed over while it was parked.
    void see_handed_over() {
        if (model::letter* const handed = mail; handed != nullptr) {
            mail = nullptr;
            list.push_back(handed);
        }
    }
    void hear() {
        model::letter* const l = list.front();
        list.pop_front();
        model::require(l->value < mark, "a mark is never taken for a message");
        heard.push_back(l->value);
        free(*l);
    }
    // Until it has heard so many.
    void run(std::size_t most) {
        while (heard.size() < most) {
            see_handed_over();
            look_at_lane();
            if (mail_at_hand()) {
                hear();
                continue;
            }
            if (repoll) {
                repoll = false;
                continue;
            }
            park_on_mail();
        }
    }
    // Until it is to end. It asks for mail twice before it looks at its signals again, as a wait with a bound may, or a when_all.
    void run_to_end() {
        for (;;) {
            see_handed_over();
            look_at_lane();
            if ((signals.now() & flags::kill) != 0) break;
            const bool first = mail_at_hand();
            if (first) hear();
            const bool second = mail_at_hand();
            if (second) hear();
            if (first || second || std::exchange(repoll, false)) continue;
            park_on_mail();
        }
        list.insert(list.end(), kept_back.begin(), kept_back.end()); // as give_mail_back
    }
    // What the next one finds: its own mail and what lies in the word.
    [[nodiscard]] std::vector<int> left() {
        std::vector<int> in_word, all;
        for (model::letter* l = inbox.close(); l != nullptr; l = l->next)
            if (l->value < mark) in_word.push_back(l->value);
        for (model::letter* l : list) all.push_back(l->value);
        all.insert(all.end(), in_word.rbegin(), in_word.rend());
        return all;
    }
};

// One tells 1, orders an exit, which is number 2, and tells 3; another tells 4.
void exit_among_mail(model::run& r) {
    auto& p = r.make<reader>();
    auto& letters = r.make<std::array<model::letter, 4>>();
    auto& asked = r.make<model::signal>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] { p.run(4); });
    r.thread([&] {
        letters[0].value = 1;
        p.send(letters[0]);
        p.send_exit(asked, letters[1], 2);
        letters[2].value = 3;
        p.send(letters[2]);
    });
    r.thread([&] {
        letters[3].value = 4;
        p.send(letters[3]);
    });
    r.at_end([&] {
        std::erase(p.heard, 4);
        model::require(p.heard == std::vector<int>{1, 2, 3}, "what one sender sends is heard in its order");
        model::require(asked.freed == 1, "every signal is seen once");
    });
}

// Two order exits, each with a letter behind it.
void two_exits(model::run& r) {
    auto& p = r.make<reader>();
    auto& letters = r.make<std::array<model::letter, 4>>();
    auto& asked = r.make<std::array<model::signal, 2>>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] { p.run(4); });
    for (std::size_t i = 0; i < 2; ++i)
        r.thread([&, i] {
            p.send_exit(asked[i], letters[2 * i], static_cast<int>(2 * i));
            letters[2 * i + 1].value = static_cast<int>(2 * i + 1);
            p.send(letters[2 * i + 1]);
        });
    r.at_end([&] {
        for (int i = 0; i < 2; ++i) {
            const auto at = std::find(p.heard.begin(), p.heard.end(), 2 * i);
            model::require(at != p.heard.end() && std::find(at, p.heard.end(), 2 * i + 1) != p.heard.end(),
                "what one sender sends is heard in its order");
        }
    });
}

// One tells 1, orders an exit that is not trapped, and tells 2; another signal comes meanwhile, and a letter of a third.
void behind_the_end(model::run& r, bool marked) {
    auto& p = r.make<reader>();
    auto& letters = r.make<std::array<model::letter, 4>>();
    auto& asked = r.make<std::array<model::signal, 2>>();
    p.inbox.open(1);
    p.lane.open();
    p.traps = false;
    r.thread([&] { p.run_to_end(); });
    r.thread([&, marked] {
        letters[0].value = 1;
        p.send(letters[0]);
        if (marked) {
            p.send_exit(asked[0], letters[1], 7);
        } else { // as `killed`
            asked[0].what = 7;
            model::require(p.model::block::send(asked[0], 1), "the lane is open");
        }
        letters[2].value = 2;
        p.send(letters[2]);
    });
    r.thread([&] {
        asked[1].what = something_else;
        model::require(p.model::block::send(asked[1], 1), "the lane is open");
        letters[3].value = 3;
        p.send(letters[3]);
    });
    r.at_end([&] {
        model::require(std::find(p.heard.begin(), p.heard.end(), 2) == p.heard.end(), "what lies behind is not heard");
        std::vector<int> all = p.heard;
        for (const int n : p.left()) all.push_back(n);
        std::erase(all, 3);
        model::require(all == std::vector<int>{1, 2}, "the next one hears the rest, in its order");
    });
}
void behind_an_order(model::run& r) { behind_the_end(r, true); }
void behind_killed(model::run& r) { behind_the_end(r, false); }

// One whose link ends tells 1, the exit, and, as its next incarnation, 3. The other side unlinks, tells itself 4, and hears no exit behind.
void unlinked(model::run& r) {
    auto& p = r.make<reader>();
    auto& letters = r.make<std::array<model::letter, 4>>();
    auto& ended = r.make<model::signal>();
    p.inbox.open(1);
    p.lane.open();
    r.thread([&] {
        p.look_at_lane();
        if (p.mail_at_hand()) p.hear();
        p.look_at_lane();
        p.unlink();
        letters[3].value = 4;
        p.send(letters[3]);
        const auto heard = [&p](int n) { return std::find(p.heard.begin(), p.heard.end(), n) != p.heard.end(); };
        while (!heard(3) || !heard(4)) p.run(p.heard.size() + 1);
    });
    r.thread([&] {
        letters[0].value = 1;
        p.send(letters[0]);
        p.send_exit(ended, letters[1], 2);
        letters[2].value = 3;
        p.send(letters[2]);
    });
    r.at_end([&] {
        const auto flushed = std::find(p.heard.begin(), p.heard.end(), 4);
        model::require(std::find(flushed, p.heard.end(), 2) == p.heard.end(), "no exit comes behind an unlinking");
        std::vector<int> others = p.heard;
        std::erase(others, 4);
        std::erase(others, 2);
        model::require(others == std::vector<int>{1, 3}, "mail is heard in its order");
    });
}

} // namespace

TEST_CASE("model: a trapped exit signal among mail") { model::check(exit_among_mail, {.stale_reads = 2}, 2); }
TEST_CASE("model: two trapped exit signals and mail behind them") {
    model::check(two_exits, {.preemptions = 2, .stale_reads = 2}, 2);
}
TEST_CASE("model: a letter behind an exit signal that is not trapped") {
    model::check(behind_an_order, {.preemptions = 2, .stale_reads = 2}, 2);
}
TEST_CASE("model: a letter behind an exit signal that leaves no mark") {
    model::check(behind_killed, {.preemptions = 2, .stale_reads = 2}, 2);
}
TEST_CASE("model: the exit of a link that is taken back meanwhile") { model::check(unlinked, {.stale_reads = 2}, 3); }
