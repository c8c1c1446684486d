// The plan: stop a set of children in reverse start order, then start it in start order.
#include "supervision/owner.hpp"

#include <utility>

namespace bastion::detail {

void owner::plan_start(std::optional<exit_reason> fault) {
    running_ = true;
    admit();
    announced_ = kill_all_ = empties_ = silent_ = undecided_ = natural_ = some_stopped_ = false;
    ended_by_itself_ = ignored_ = behind_due_ = false;
    some_started_ = false;
    why_ = unready_ = exit_reason();
    if (fault) return fail_upwards(std::move(*fault));
    restarting_ = true;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (!has(*c, child_flag::is_owner) || !of(*c).noted.hidden) set(*c, child_flag::in_plan);
    phase_ = phase::starting;
    cursor_ = children_.front();
    progress();
}

void owner::plan_restart_of_marked() {
    restarting_ = true;
    phase_ = phase::stopping;
    cursor_ = children_.back();
    tell_of_the_dead();
    progress();
}

// Those of the plan that have ended before it: what happens to them is decided now, and may take long.
void owner::tell_of_the_dead() {
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (state_of(*c) == child_state::down && has(*c, child_flag::in_plan) && !has(*c, child_flag::is_owner))
            tell_unless_undecided(*c);
}

void owner::plan_stop(bool for_good, bool kill, bool empties) {
    running_ = false;
    admit_no_more();
    restarting_ = false;
    ending_for_good_ = ending_for_good_ || for_good;
    kill_all_ = kill_all_ || kill;
    empties_ = empties_ || empties;
    restarts_due_.clear();
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        set(*c, child_flag::in_plan);
        if (kill && state_of(*c) == child_state::stopping && !has(*c, child_flag::killed))
            order_stop(*c, for_good, true);
    }
    if (control_block* first = stops_first(); kill && first != nullptr && state_of(*first) == child_state::stopping)
        order_stop(*first, for_good, true);
    phase_ = phase::stopping;
    cursor_ = children_.back();
    if (!ending_for_good_ && !empties_) tell_of_the_dead();
    if (stops_together())
        for (auto* c = children_.back(); c != nullptr; c = children_.prev(c))
            if (state_of(*c) == child_state::up || state_of(*c) == child_state::starting)
                order_stop(*c, ending_for_good_ || empties_ || leaves(*c), kill_all_);
    progress();
}

void owner::progress() {
    // Whether the plan, which stops that child, ends it for good.
    const auto ends = [this](control_block& c) {
        return (!restarting_ && (ending_for_good_ || (empties_ && !has(c, child_flag::is_owner)))) || leaves(c);
    };
    while (phase_ == phase::stopping) {
        if (!restarting_) {
            if (control_block* first = stops_first(); first != nullptr) {
                if (state_of(*first) == child_state::stopping) return;
                const bool runs = state_of(*first) == child_state::up || state_of(*first) == child_state::starting;
                if (runs || ending_for_good_ || (empties_ && !of(*first).holds_nothing())) {
                    order_stop(*first, ending_for_good_, kill_all_, empties_);
                    return;
                }
            }
        }
        control_block* c = cursor_;
        if (c == nullptr) {
            phase_ = restarting_ ? phase::starting : phase::ending;
            cursor_ = children_.front();
            break;
        }
        if (!has(*c, child_flag::in_plan)) {
            cursor_ = children_.prev(c);
            continue;
        }
        switch (state_of(*c)) {
        case child_state::stopping: return;
        case child_state::starting:
        case child_state::up:
            if (!ends(*c) && hides(*c)) empty_out(*c);
            else order_stop(*c, ends(*c), kill_all_, empties_ && !restarting_);
            return;
        case child_state::backing_off:
            disarm(*c);
            set_state(*c, child_state::down);
            [[fallthrough]];
        case child_state::down:
        case child_state::unborn:
        case child_state::ended:
            if (ends(*c)) {
                if (has(*c, child_flag::is_owner)) {  // it disposes of its own children first
                    order_stop(*c, true, kill_all_);
                    return;
                }
                if (!has(*c, child_flag::was_started)) c->reason = exit_reason(exit_kind::stopped);
                finalize(*c);  // moves the cursor
            } else if (empties_ && !restarting_ && !(state_of(*c) == child_state::ended && of(*c).holds_nothing())) {
                order_stop(*c, false, kill_all_, true); // what is below it has ended, but not for good
                return;
            } else if (state_of(*c) == child_state::ended && hides(*c)) {
                // Described while its supervisor ran, and not started since; or behind another, and described as temporary since.
                if (!of(*c).holds_nothing()) return empty_out(*c);
                emptied(*c);
            } else {
                cursor_ = children_.prev(c);
            }
        }
    }
    while (phase_ == phase::starting) {
        control_block* c = cursor_;
        if (c == nullptr) return plan_done();
        if (!has(*c, child_flag::in_plan)) {
            if (restarts_apart(*c)) return;
        } else {
            clear(*c, child_flag::apart);
            if (state_of(*c) == child_state::starting || state_of(*c) == child_state::stopping) return;
            const child_state s = state_of(*c);
            if (s == child_state::unborn && starts_unawaited(*c)) {
                cursor_ = children_.next(c);
                continue;
            }
            if (s == child_state::down || s == child_state::unborn || s == child_state::ended) {
                start_child(*c);
                if (cursor_ != c) continue; // it did not start, and is gone
                if (state_of(*c) == child_state::starting || phase_ != phase::starting) return;
                if (state_of(*c) != child_state::up) {
                    cursor_ = children_.next(c);
                    continue;
                }
            }
        }
        cursor_ = children_.next(c);
    }
}

void owner::plan_done() {
    phase_ = phase::idle;
    for (auto* x = children_.front(); x != nullptr; x = children_.next(x)) clear(*x, child_flag::in_plan);
    if (!announced_) {
        if (children_.empty() && (ignored_ || unready_.kind() != exit_kind::normal)) {
            why_ = unready_;
            on_empty(); // it ends without having started
        }
        if (phase_ == phase::ending) return;
        tell_parent_started();
    }
    if (phase_ == phase::idle && running_) on_idle(); // what users wait for, before what fails again and again
    while (phase_ == phase::idle && running_ && !restarts_due_.empty()) {
        const address due = restarts_due_.front();
        restarts_due_.pop_front();
        if (due.block->lives(due.generation) && state_of(*due.block) == child_state::down) restart(*due.block);
    }
    start_arrivals();
    if (phase_ == phase::idle && running_ && children_.empty()) on_empty();
}

// A child that the plan started, and those behind it were to follow, did not start: it is tried again on its own, with them.
void owner::break_off(control_block& child) {
    of(child).noted.holds_up = true;
    leave_behind(child);
    plan_done();
}

// The plan ends before those behind that child have started.
void owner::leave_behind(control_block& child) {
    for (auto* c = children_.next(&child); c != nullptr; c = children_.next(c)) {
        if (has(*c, child_flag::apart)) { // it runs, and would wait for its turn to start what has failed in it
            clear(*c, child_flag::apart);
            send(make_request(request_kind::proceed, c->here()));
        }
        if (has(*c, child_flag::in_plan) && state_of(*c) == child_state::down) {
            set_state(*c, child_state::ended);
            of(*c).noted.behind = true;
            of(*c).noted.holds_up = false; // now it is held up itself
        }
    }
    for (auto* c = &child; c != nullptr; c = children_.next(c)) clear(*c, child_flag::in_plan);
    cursor_ = nullptr;
}

// Those that nobody holds up any more start.
void owner::start_behind() {
    const auto holds_up = [](control_block& c) { return has(c, child_flag::is_owner) && of(c).noted.holds_up; };
    for (auto* c = children_.front(); c != nullptr && !holds_up(*c); c = children_.next(c))
        if (state_of(*c) == child_state::ended && of(*c).noted.behind) set(*c, child_flag::in_plan);
    restarting_ = true;
    phase_ = phase::starting;
    cursor_ = children_.front();
}

// Late additions start in the order they came, each when the one before counts as started. Restarts do not wait for
// them.
void owner::start_arrivals() {
    while (running_ && phase_ == phase::idle && !arrivals_.empty()) {
        const address next = arrivals_.front();
        if (next.block->lives(next.generation) && state_of(*next.block) == child_state::unborn)
            start_child(*next.block);
        if (next.block->lives(next.generation) && state_of(*next.block) == child_state::starting) return;
        arrivals_.pop_front();
    }
}

void owner::go_on() {
    do {
        on_progress();
        if (phase_ != phase::idle) progress();
        if (phase_ == phase::idle && running_ && std::exchange(behind_due_, false)) {
            start_behind();
            progress();
        }
        start_arrivals();
    } while (has_work());
}

} // namespace bastion::detail
