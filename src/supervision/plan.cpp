// The plan: stop a set of children in reverse start order, then start it in start order.
#include "supervision/owner.hpp"

namespace bastion::detail {

void owner::plan_start() {
    running_ = true;
    announced_ = kill_all_ = silent_ = undecided_ = natural_ = false;
    why_ = exit_reason();
    restarting_ = true;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) set(*c, child_flag::in_plan);
    phase_ = phase::starting;
    cursor_ = children_.front();
    progress();
}

void owner::plan_restart_of_marked() {
    restarting_ = true;
    phase_ = phase::stopping;
    cursor_ = children_.back();
    progress();
}

void owner::plan_stop(bool for_good, bool kill) {
    running_ = false;
    restarting_ = false;
    ending_for_good_ = ending_for_good_ || for_good;
    kill_all_ = kill_all_ || kill;
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
    progress();
}

void owner::progress() {
    while (phase_ == phase::stopping) {
        if (!restarting_) {
            if (control_block* first = stops_first(); first != nullptr) {
                if (state_of(*first) == child_state::stopping) return;
                if (state_of(*first) == child_state::up || state_of(*first) == child_state::starting) {
                    order_stop(*first, ending_for_good_, kill_all_);
                    return;
                }
                if (ending_for_good_) {
                    order_stop(*first, true, kill_all_);
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
        case child_state::up: order_stop(*c, !restarting_ && ending_for_good_, kill_all_); return;
        case child_state::backing_off:
            disarm(*c);
            set_state(*c, child_state::down);
            [[fallthrough]];
        case child_state::down:
        case child_state::unborn:
            if (!restarting_ && ending_for_good_) {
                if (has(*c, child_flag::is_owner)) {  // it disposes of its own children first
                    order_stop(*c, true, kill_all_);
                    return;
                }
                if (!has(*c, child_flag::was_started)) c->reason = exit_reason(exit_kind::stopped);
                finalize(*c);  // moves the cursor
            } else {
                cursor_ = children_.prev(c);
            }
        }
    }
    while (phase_ == phase::starting) {
        control_block* c = cursor_;
        if (c == nullptr) {
            phase_ = phase::idle;
            for (auto* x = children_.front(); x != nullptr; x = children_.next(x)) clear(*x, child_flag::in_plan);
            if (!announced_) tell_parent_started();
            while (phase_ == phase::idle && running_ && !restarts_due_.empty()) {
                const address due = restarts_due_.front();
                restarts_due_.pop_front();
                if (due.block->lives(due.generation) && state_of(*due.block) == child_state::down) restart(*due.block);
            }
            start_arrivals();
            if (phase_ == phase::idle && running_) on_idle();
            if (phase_ == phase::idle && running_ && children_.empty()) on_empty();
            return;
        }
        if (!has(*c, child_flag::in_plan)) {
            if (restarts_apart(*c)) return;
        } else {
            clear(*c, child_flag::apart);
            if (state_of(*c) == child_state::starting || state_of(*c) == child_state::stopping) return;
            if (state_of(*c) == child_state::down || state_of(*c) == child_state::unborn) {
                start_child(*c);
                if (cursor_ != c) continue;  // it did not start, and is gone
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
    on_progress();
    if (phase_ != phase::idle) progress();
    else start_arrivals();
}

} // namespace bastion::detail
