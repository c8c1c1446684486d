// Exit signals that are trapped, in all interleavings: each is heard where its sender has put it among its mail. The functions are
// named as in links, mail, body and run.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

namespace {

using flags = bastion::detail::basic_signal_flags<model::atomics>;
using bastion::detail::push_result;

constexpr int mark = 1000; // of a letter: the mark of the exit signal whose number is what is above

// A process that traps exits and waits for mail, as the run loop sees it.
struct trapping : model::block {
    std::deque<model::letter*> list; // the model's own, as all that follows: touched by the holder of the right to run
    std::vector<int> trapped;
    std::vector<int> heard;
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
            trapped.push_back(s->what);
            s->recycle();
            s = next;
        }
    }
    [[nodiscard]] bool make_trapped(model::letter& l) {
        const auto is = std::find(trapped.begin(), trapped.end(), l.value - mark);
        if (is == trapped.end()) return false;
        trapped.erase(is);
        l.value = l.value - mark;
        return true;
    }
    void collect_mail() {
        const auto drained = inbox.drain();
        repoll = repoll || drained.woken;
        std::vector<model::letter*> newest_first;
        bool marks = false;
        for (model::letter* l = drained.newest; l != nullptr; l = l->next) {
            newest_first.push_back(l);
            marks = marks || l->value >= mark;
        }
        if (marks) look_at_lane_in_passing();
        for (auto l = newest_first.rbegin(); l != newest_first.rend(); ++l) {
            if ((*l)->value >= mark)
                model::require(make_trapped(**l), "the signal has been there since before its mark");
            list.push_back(*l);
        }
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
    // Until it has heard so many.
    void run(std::size_t most) {
        for (;;) {
            if (model::letter* const handed = mail; handed != nullptr) {
                mail = nullptr;
                list.push_back(handed);
            }
            look_at_lane();
            if (mail_at_hand()) {
                model::letter* const l = list.front();
                list.pop_front();
                model::require(l->value < mark, "a mark is never taken for a message");
                heard.push_back(l->value);
                l->value.free();
                l->next.free(); // the block goes back to the pool
                if (heard.size() == most) return;
                continue;
            }
            if (repoll) {
                repoll = false;
                continue;
            }
            park_on_mail();
        }
    }
};

// One tells 1, orders an exit, which is number 2, and tells 3; another tells 4.
void exit_among_mail(model::run& r) {
    auto& p = r.make<trapping>();
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
    auto& p = r.make<trapping>();
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

} // namespace

TEST_CASE("model: a trapped exit signal among mail") { model::check(exit_among_mail, {.stale_reads = 2}, 2); }
TEST_CASE("model: two trapped exit signals and mail behind them") {
    model::check(two_exits, {.preemptions = 2, .stale_reads = 2}, 2);
}
