#pragma once

// The processes that fail, and those that look at them.

#include "faults/shape.hpp"
#include "support/late_signal.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace faults {

using namespace std::chrono_literals;

// The monitors of one incarnation. What is open at its end is given up, but may still be told to the next.
class watching {
public:
    explicit watching(slot& of) : of_(of) {}
    watching(const watching&) = delete;
    watching& operator=(const watching&) = delete;
    ~watching() {
        for (const auto& [number, handle] : open_) of_.given_up.insert(number);
        book->mortal.given_up += open_.size();
        book->mortal.open -= open_.size();
    }
    void begin(const bastion::context& ctx, const bastion::child_ref& whom) {
        ++book->mortal.made;
        ++book->mortal.open;
        auto handle = ctx.monitor(whom);
        const std::uint64_t number = handle.number();
        open_.emplace(number, std::move(handle));
    }
    void ends(const bastion::down& d) {
        if (open_.erase(d.number()) == 1) {
            ++book->mortal.told;
            --book->mortal.open;
        } else if (of_.given_up.erase(d.number()) == 1) {
            ++book->mortal.told;
            --book->mortal.given_up;
        } else {
            ++book->mortal.strange;
        }
    }

private:
    slot& of_;
    std::unordered_map<std::uint64_t, bastion::monitor_handle> open_;
};

struct place {
    region* in = nullptr;
    slot* of = nullptr;
    bool says_ready = false;
    bool is_deaf = false; // it looks at nothing but orders to die, so all else lies in its mailbox
};

inline bastion::exit_reason reason_of(fault how) {
    return bastion::exit_reason::error(fault_names[static_cast<std::size_t>(how)]);
}

// Does as `die` says, but for a normal end and ctx.fail, which are the body's.
inline bastion::task<void> end_as_told(bastion::context ctx, die order, place here) {
    switch (order.how) {
    case fault::panics: life::suffers(order.how); bastion::panic("panics");
    case fault::throws: life::suffers(order.how); throw std::runtime_error("throws");
    case fault::mid_ask: {
        test::asking mark(book->talk);
        ++book->sent;
        auto question = order.other.ask<query>(here.of->number);
        here.in->conductor.tell(waits_for_answer{ctx.self()});
        auto r = co_await std::move(question).within(1h);
        mark.ends(r, here.of->number + 1);
        break;
    }
    case fault::leaves_ask: {
        test::asking mark(book->talk);
        ++book->sent;
        auto question = order.other.ask<query>(here.of->number);
        life::suffers(order.how);
        bastion::panic("panics with a question");
    }
    case fault::linked:
        life::suffers(fault::panics);
        ctx.link(order.other);
        bastion::panic("ends another one");
    case fault::nobody:
        life::suffers(order.how);
        ctx.link(order.other);
        co_await ctx.sleep_for(1h);
        break;
    default: break;
    }
    co_return;
}

// What lies in the mailbox of a deaf one, up to the next order.
inline std::optional<die> listen(const bastion::context& ctx) {
    while (auto msg = ctx.try_recv()) {
        if (auto* w = msg->told<work>()) {
            w->ticket.handle();
        } else if (auto q = msg->asked<query>()) {
            q->ticket.handle();
            q.reply(q->n + 1);
        } else if (auto* o = msg->told<die>()) {
            return *o;
        }
    }
    return {};
}

inline bastion::process element(bastion::context ctx, life lives, place here) {
    (void)lives;
    slot& mine = *here.of;
    if (mine.bad_starts > 0) {
        --mine.bad_starts;
        life::suffers(fault::at_start);
        here.in->conductor.tell(born{&mine});
        bastion::panic("does not start");
    }
    watching watched(mine);
    if (here.in->traps && !here.is_deaf) ctx.trap_exit();
    if (here.says_ready) ctx.ready();
    here.in->conductor.tell(born{&mine});
    std::optional<die> next;
    while (here.is_deaf) {
        if (!next) {
            auto order = co_await ctx.recv<die>();
            next = order;
        }
        const die order = *std::exchange(next, std::nullopt);
        if (order.how == fault::finishes) {
            life::suffers(order.how);
            co_return;
        }
        if (order.how == fault::none) next = listen(ctx);
        else co_await end_as_told(ctx, order, here);
    }
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto* w = msg.told<work>()) {
            w->ticket.handle();
        } else if (auto q = msg.asked<query>()) {
            q->ticket.handle();
            q.reply(q->n + 1);
        } else if (auto* o = msg.told<die>()) {
            const die order = *o;
            if (order.how == fault::finishes) {
                life::suffers(order.how);
                co_return;
            }
            if (order.how == fault::fails) {
                life::suffers(order.how);
                co_return ctx.fail("fails");
            }
            if (order.how == fault::exits) {
                life::suffers(order.how);
                co_return ctx.exit(reason_of(order.how));
            }
            co_await end_as_told(ctx, order, here);
        } else if (auto* s = msg.told<strike>()) {
            s->whom.exit(reason_of(fault::struck));
        } else if (auto* m = msg.told<watch>()) {
            watched.begin(ctx, m->whom);
        } else if (auto* d = msg.told<bastion::down>()) {
            watched.ends(*d);
        } else if (auto* e = msg.told<bastion::exited>()) {
            // Somebody's order, or a link with one that has failed; witnesses, which are linked with many, do not fail.
            if (e->reason().is_fault()) co_return ctx.exit(e->reason());
        }
    }
}

// What a witness has with those who have ended: each is told noproc, once.
class reached {
public:
    [[nodiscard]] bool linked(const bastion::child_ref& who) const { return links_.contains(who); }
    [[nodiscard]] std::size_t waits_for() const { return links_.size() + monitors_.size(); }
    void make(const bastion::context& ctx, const reach& r) {
        switch (r.how) {
        case reaching::link:
            begins(book->gone);
            links_.emplace(r.gone, &book->gone);
            return ctx.link(r.gone);
        case reaching::monitor: {
            auto handle = ctx.monitor(r.gone);
            const std::uint64_t number = handle.number();
            begins(book->gone);
            monitors_.emplace(number, watched{r.gone, &book->gone, std::move(handle)});
            return;
        }
        case reaching::link_late:
            if (!test::link_late(ctx, r.gone)) return;
            begins(book->late);
            links_.emplace(r.gone, &book->late);
            return;
        case reaching::monitor_late:
            if (const std::uint64_t number = test::watch_late(ctx, r.gone)) {
                begins(book->late);
                monitors_.emplace(number, watched{r.gone, &book->late, {}});
            }
            return;
        case reaching::unlink_late: return count_order(test::unlink_late(ctx, r.gone));
        case reaching::exit_late:
            return count_order(test::exit_late(ctx, r.gone, bastion::exit_reason::error("too late")));
        case reaching::kill_late:
            return count_order(test::exit_late(ctx, r.gone, bastion::exit_reason(bastion::exit_kind::killed)));
        }
    }
    // False: it is told of another.
    [[nodiscard]] bool ends(const bastion::exited& e) {
        const auto found = links_.find(e.who());
        if (found == links_.end()) return false;
        told(*found->second, e.reason());
        links_.erase(found);
        return true;
    }
    [[nodiscard]] bool ends(const bastion::down& d) {
        const auto found = monitors_.find(d.number());
        if (found == monitors_.end()) return false;
        if (d.who() != found->second.whom) ++found->second.account->strange;
        told(*found->second.account, d.reason());
        monitors_.erase(found);
        return true;
    }

private:
    struct watched {
        bastion::child_ref whom;
        notices* account;
        bastion::monitor_handle handle;
    };
    static void begins(notices& n) {
        ++n.made;
        ++n.open;
    }
    static void told(notices& n, const bastion::exit_reason& why) {
        if (why.kind() != bastion::exit_kind::noproc) ++n.strange;
        ++n.told;
        --n.open;
    }
    static void count_order(bool sent) {
        if (sent) ++book->late_orders;
    }

    std::unordered_map<bastion::child_ref, notices*> links_;
    std::unordered_map<std::uint64_t, watched> monitors_;
};

// The links that a witness has taken back. An exit of one may lie in its mailbox by then, and none comes later: so what lies
// in front of the mark that it sends itself is of that link, also when it has been linked with the same one again.
struct taken_back {
    bastion::child_ref whom;
};
class unlinked {
public:
    [[nodiscard]] bool contains(const bastion::child_ref& who) const { return marks_.contains(who); }
    void insert(const bastion::context& ctx, const bastion::child_ref& whom) {
        ++marks_[whom].due;
        ctx.self().tell(taken_back{whom});
    }
    void passes(const taken_back& mark) {
        const auto found = marks_.find(mark.whom);
        found->second.told = false; // of the next one
        if (--found->second.due == 0) marks_.erase(found);
    }
    // False: it is told of another link.
    [[nodiscard]] bool ends(const bastion::exited& e) {
        const auto found = marks_.find(e.who());
        if (found == marks_.end()) return false;
        if (std::exchange(found->second.told, true)) {
            ++book->links.strange;
        } else {
            --book->links.given_up;
            ++book->links.told;
        }
        return true;
    }

private:
    struct marks {
        std::uint64_t due = 0;
        bool told = false; // of the link whose mark comes first
    };
    std::unordered_map<bastion::child_ref, marks> marks_;
};

// Watches and is linked, and does not fail: what it is told is complete.
struct roll_call {
    using answer_type = std::uint64_t;
};

inline bastion::process witness(bastion::context ctx) {
    test::presence here(book->talk);
    std::unordered_map<std::uint64_t, bastion::monitor_handle> monitors;
    std::unordered_set<bastion::child_ref> links;
    unlinked let_gone;
    reached gone;
    ctx.trap_exit();
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto* m = msg.told<watch>()) {
            ++book->watched.made;
            ++book->watched.open;
            auto handle = ctx.monitor(m->whom);
            const std::uint64_t number = handle.number();
            monitors.emplace(number, std::move(handle));
        } else if (auto* h = msg.told<hold>()) {
            if (!gone.linked(h->whom) && links.insert(h->whom).second) {
                ++book->links.made;
                ++book->links.open;
                ctx.link(h->whom);
            }
        } else if (auto* r = msg.told<reach>()) {
            // A second link with the same one would be none.
            if (!links.contains(r->gone) && !let_gone.contains(r->gone) && !gone.linked(r->gone)) gone.make(ctx, *r);
        } else if (msg.told<let_go>() != nullptr) {
            if (links.empty()) continue;
            const bastion::child_ref whom = *links.begin();
            links.erase(links.begin());
            ctx.unlink(whom);
            let_gone.insert(ctx, whom);
            ++book->links.given_up;
            --book->links.open;
        } else if (auto* mark = msg.told<taken_back>()) {
            let_gone.passes(*mark);
        } else if (auto* d = msg.told<bastion::down>()) {
            if (monitors.erase(d->number()) == 1) {
                ++book->watched.told;
                --book->watched.open;
            } else if (!gone.ends(*d)) {
                ++book->watched.strange;
            }
        } else if (auto* e = msg.told<bastion::exited>()) {
            if (gone.ends(*e) || let_gone.ends(*e)) continue;
            if (links.erase(e->who()) == 1) {
                ++book->links.told;
                --book->links.open;
            } else {
                ++book->links.strange;
            }
        } else if (auto q = msg.asked<roll_call>()) {
            q.reply(monitors.size() + links.size() + gone.waits_for());
        }
    }
}

// Asks once, and is gone; every so often by a fault.
inline bastion::process visitor(bastion::context, bastion::child_ref whom, std::uint64_t number, bool fails) {
    test::presence here(book->talk);
    {
        test::asking mark(book->talk);
        ++book->sent;
        auto r = co_await whom.ask<query>(number).within(2ms);
        mark.ends(r, number + 1);
    }
    if (fails) {
        ++book->stray_faults;
        bastion::panic("a visitor");
    }
}

} // namespace faults
