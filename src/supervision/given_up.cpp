// Elements that do not come back after a kill: on_stuck::abandon_worker. What is taken from them is in process/in_hand.hpp; here another
// block takes such a one's place among the children, as one whose incarnation has just ended.
#include "process/in_hand.hpp"
#include "supervision/group.hpp"

#include <bastion/executor/executor.hpp>

#include <algorithm>
#include <utility>

namespace bastion::detail {
namespace {

// Who watches it learns that it was killed; that it still runs is in the reports.
const exit_reason& why_given_up() {
    static const exit_reason why(exit_kind::killed);
    return why;
}

// For the watchdog, which answers by a request.
struct wish_of_owner final : giving_up {
    wish_of_owner(request_ptr r, control_block& child) noexcept : answer(std::move(r)) {
        who = &child;
        mark = [](giving_up& w) noexcept {
            auto& b = *static_cast<control_block*>(w.who);
            const auto runs = std::atomic_ref(b.incarnation).load(std::memory_order_relaxed); // the look orders it
            if (runs != static_cast<wish_of_owner&>(w).answer->incarnation) return false;
            (void)b.signals.raise(signal_flags::given_up);
            return true;
        };
        tell = [](giving_up& w, bool given_up) noexcept {
            auto& self = static_cast<wish_of_owner&>(w);
            self.answer->for_good = given_up;
            send(std::move(self.answer));
            pool_delete(&self);
        };
    }
    request_ptr answer;
};

template <class Map>
void rename(Map& all, control_block& from, control_block& to) noexcept {
    while (auto one = all.extract(&from)) {
        one.key() = &to;
        all.insert(std::move(one));
    }
}

} // namespace

void owner::ask_to_give_up(control_block& child) {
    request_ptr r = make_request(request_kind::given_up, self_.here());
    r->child = child.here();
    r->incarnation = child.incarnation;
    home_.workers.load()->give_up(*pool_new<wish_of_owner>(std::move(r), child));
}

void owner::give_up(owner_request& r) {
    control_block& child = *r.child.block;
    if (!r.for_good) { // it does not run now, or has what is its owner's in hand: later, unless it has ended
        const bool is_meant = owner::lists(r.child) && state_of(child) == child_state::stopping &&
                              has(child, child_flag::killed) && child.incarnation == r.incarnation;
        if (is_meant) arm(child, request_kind::not_given_up, home_.kill_grace);
        return;
    }
    disarm(child);
    if (!r.seen) {
        announce({said([&] { return path_of(child); }), why_given_up(), "is given up, with the worker that it keeps",
            {}, 0, static_cast<int>(child.restarts)});
        take_over(child, why_given_up());
        if (child.body != nullptr) child.body->be_lost();
    }
    control_block* next = nullptr;
    try {
        const may_fail no_reserve; // it can wait
        next = successor_of(child);
    } catch (...) {
        owner_timer* const again = set_timer(request_kind::given_up, r.child, home_.kill_grace);
        again->request->for_good = again->request->seen = true;
        child.owner_timer = again;
        return announce({said([&] { return path_of(child); }), reason_of_current_exception(),
            "cannot be replaced yet: to be tried again", {}, 0, static_cast<int>(child.restarts)});
    }
    next->owner_state = child.owner_state;
    next->owner_flags = child.owner_flags;
    next->incarnation = child.incarnation;
    next->restarts = child.restarts;
    next->tries = child.tries;
    next->since_ns = child.since_ns;
    next->reason = why_given_up();
    children_.replace(&child, next);
    if (cursor_ == &child) cursor_ = next;
    rename(before_, child, *next);
    shown_as_.insert_or_assign(next, r.child);
    if (returning_.erase(&child) != 0) returning_.insert(next);
    rename(watchers_, child, *next);
    rename(ends_, child, *next);
    for (auto& [whom, why] : aside_)
        if (whom == &child) whom = next;
    std::replace(stopped_in_start_.begin(), stopped_in_start_.end(), &child, next);
    succeed(child, *next);
    holders_.fetch_add(1, std::memory_order_relaxed); // the child has it, until it comes back
    let_lost_go(child);
    child_exited(*next);
}

void owner::give_back(control_block& block, bool ended) noexcept {
    owner& o = of(block);
    if (ended && o.holders_.load(std::memory_order_relaxed) != 1) block.generation.next(); // its refs name nobody
    if (o.holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    recycle_block(&block);
    o.drop_owner();
}

control_block* group::successor_of(control_block& child) {
    placed at;
    if (child.node != 0) at = {child.node, child.bound, home_.workers.load()->memory_of(child.node)};
    const shared<process_body> body(child.body);
    control_block* const b = spec_ != nullptr ? make_element(child.index, body, at, true) : make_block(home_, at);
    if (spec_ == nullptr) {
        b->owner.set(&self_);
        b->body = body.get();
        if (body) body->add_owner();
        b->index = child.index;
    }
    b->kind = child.kind;
    b->entry = child.entry;
    b->policy = child.policy;
    b->from_below = child.from_below;
    b->starts_quietly = child.starts_quietly;
    if (!b->starts_quietly) b->started_sent = child.started_sent; // in hand only
    b->site_file = child.site_file;
    b->site_line = child.site_line;
    return b;
}

void group::succeed(control_block& child, control_block& by) noexcept {
    if (resizing_ != nullptr) {
        if (resizing_->leaves(child)) resizing_->let_go(by);
        resizing_->remove(child);
    }
    if (spec_ != nullptr && !is_dynamic()) list_again();
}

} // namespace bastion::detail
