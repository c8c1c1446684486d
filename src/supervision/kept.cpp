// Specs that outlive their children, and the orders of users about them: start, restart, terminate, delete.
#include "supervision/supervisor.hpp"

#include <new>
#include <utility>

namespace bastion::detail {

// ---- what is kept --------------------------------------------------------------------------------------------------

// A supervisor that gave up counts as one that shut down, if it says so.
bool supervisor_owner::comes_back(const control_block& child) const noexcept {
    const auto& below = *static_cast<const owner*>(child.frame);
    if (child.reason.kind() == exit_kind::intensity && below.is_supervisor() &&
        static_cast<const supervisor_owner&>(below).spec_->gives_up)
        return child.policy == restart_when::permanent;
    return owner::comes_back(child);
}

// A temporary child goes; one that was there from the start is only out of sight, for its supervisor's next start.
bool supervisor_owner::keeps(const control_block& child) const noexcept {
    return spec_->keeps_specs && &child != temporaries_ &&
           (child.policy != restart_when::temporary || lives_on(child) || was_not_started(child));
}

// What restart_child could not start is what it was, also if it is temporary.
bool supervisor_owner::was_not_started(const control_block& child) const noexcept {
    const owner& below = *static_cast<const owner*>(child.frame);
    return below.noted.by_hand && (below.noted.did_not_start.kind() != exit_kind::normal || below.ignored());
}

bool supervisor_owner::plan_revives(const control_block& child) const noexcept {
    return spec_->keeps_specs && (child.policy != restart_when::temporary || !restarting_);
}

bool supervisor_owner::leaves(const control_block& child) const noexcept {
    if (!spec_->keeps_specs) return false;
    return restarting_ ? child.policy == restart_when::temporary && !lives_on(child) : noted_of(child).late;
}

bool supervisor_owner::hides(const control_block& child) const noexcept {
    return spec_->keeps_specs && restarting_ && child.policy == restart_when::temporary && lives_on(child);
}

bool supervisor_owner::tries_again(const control_block& child) const noexcept {
    const notes& n = noted_of(child);
    return !n.by_hand && (child.restarts > 0 || (n.known && has(child, child_flag::in_plan)));
}

// All that a life leaves behind, but for the spec.
void supervisor_owner::emptied(control_block& child) {
    notes& n = of(child).noted;
    const bool stays = child.policy != restart_when::temporary || was_not_started(child);
    if (n.holds_up) behind_due_ = true;
    n.emptying = n.by_hand = n.holds_up = n.behind = false;
    n.known = true;
    const exit_reason why = child.reason;
    set_state(child, child_state::ended);
    clear(child, child_flag::killed | child_flag::for_good | child_flag::apart);
    child.tries = 0;
    before_.erase(&child);
    note_return(child, false);
    tell_monitors(child, why, false);
    tell_watchers_of_end(child);
    if (has(child, child_flag::was_started)) {
        clear(child, child_flag::was_started); // its next start is a new life
        if (auto fault = call(bastion::callbacks::moment::after_stop, child, why))
            report(child, *fault, "its after_stop callback failed");
    }
    if (phase_ == phase::starting) {
        clear(child, child_flag::in_plan);
        if (cursor_ == &child) cursor_ = children_.next(&child);
    }
    if (stays) return answer_ends(child);
    if (!keeps(child)) return finalize(child);
    hide(child);
    answer_ends(child);
}

void supervisor_owner::hide(control_block& child) noexcept {
    forget_name(child);
    if (restarting_) clear(child, child_flag::in_plan); // which would start it again; a stop must reach it
    if (!std::exchange(of(child).noted.hidden, true)) ++hidden_;
}

void supervisor_owner::on_end() noexcept {
    if (!ending_for_good_ && !empties_) return; // it may start again with what was asked for
    for (request_ptr& r : orders_) {
        owner_request* const nobodys = r.release();
        discard_signal(*nobodys);
    }
    orders_.clear();
}

// ---- orders --------------------------------------------------------------------------------------------------------

pending_answer order_child(address to, child_order what, std::string_view id) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = what;
    r->name = std::string(id);
    return ask_owner(std::move(r));
}

void supervisor_owner::on_question(request_ptr r) {
    if (empties_ && phase_ == phase::idle) return owner::on_question(std::move(r)); // only its spec is left
    if (r->what == request_kind::look) return is_simple() ? pass_to_template(std::move(r)) : answer_look(*r);
    if (ending_for_good_) return owner::on_question(std::move(r));
    if (!is_simple() && order_of(*r).arguments) return answer_error(std::exchange(r->cell, nullptr), errc::invalid);
    if (!is_simple() && r->order == child_order::terminate && r->child.block != nullptr)
        return answer_error(std::exchange(r->cell, nullptr), errc::not_found);
    orders_.push_back(std::move(r));
    go_on();
}

// In the order they came; one that waits for a child is passed by those that do not. While children stop all wait.
void supervisor_owner::carry_out_orders() {
    const auto may = [this] { return running_ && announced_ && (phase_ == phase::idle || phase_ == phase::starting); };
    for (std::size_t n = orders_.size(); n > 0 && may(); --n) {
        request_ptr r = std::move(orders_.front());
        orders_.pop_front();
        if (!carry_out(r)) orders_.push_back(std::move(r));
    }
}

bool supervisor_owner::carry_out(request_ptr& r) {
    if (r->order == child_order::reconfigure) return phase_ == phase::idle && (reconfigure(*r), true);
    if (is_simple()) return pass_to_template(std::move(r)), true;
    const bool starts = r->order == child_order::start;
    control_block* const child = named(starts ? std::string_view(of(*r->child.block).name()) : r->name);
    if (child != nullptr) {
        const bool ends = has(*child, child_flag::for_good) || of(*child).noted.emptying;
        // It ends: afterwards it is known whether its spec stays. Or the plan is about to start it.
        if (state_of(*child) == child_state::stopping && !(ends && r->order == child_order::terminate)) return false;
        if (state_of(*child) == child_state::ended && has(*child, child_flag::in_plan) && !starts) return false;
        if (phase_ != phase::idle && state_of(*child) == child_state::ended && r->order == child_order::restart)
            return false;
    }
    if (starts) start_ordered(*r);
    else if (child == nullptr) answer_error(std::exchange(r->cell, nullptr), errc::not_found);
    else if (r->order == child_order::restart) restart_ordered(*child, *r);
    else if (r->order == child_order::terminate) terminate_ordered(*child, *r);
    else remove_ordered(*child, *r);
    return true;
}

void supervisor_owner::start_ordered(owner_request& r) {
    control_block& child = *std::exchange(r.child, {}).block;
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    if (const auto no = take_in(child)) {
        send_away(child, reason_or(exit_kind::error, [&] { return exit_reason::error(no->why); }));
        return answer_error(cell, no->code);
    }
    watchers_.insert({&child, {cell, true}});
    start_arrivals();
}

void supervisor_owner::restart_ordered(control_block& child, owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    const child_status now = status_of(child);
    if (state_of(child) != child_state::ended)
        return answer_error(cell, now == child_status::restarting ? errc::restarting : errc::running);
    watchers_.insert({&child, {cell, true}});
    of(child).noted.by_hand = true;
    start_child(child);
}

void supervisor_owner::terminate_ordered(control_block& child, owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    const bool held_up = std::exchange(of(child).noted.holds_up, false);
    if (std::exchange(of(child).noted.behind, false)) {
        const exit_reason nobody(exit_kind::noproc);
        answer_watchers(&child, &nobody); // of the start that was to come
    }
    if (state_of(child) == child_state::ended) {
        // Nothing is kept of a temporary one, also if it was only described.
        return child.policy == restart_when::temporary ? drop_spec(child, cell) : answer_started(cell);
    }
    ends_.insert({&child, cell});
    if (has(child, child_flag::for_good) || of(child).noted.emptying) return;
    const bool breaks_off = cursor_ == &child && has(child, child_flag::in_plan) && starts_in_order();
    if (breaks_off) leave_behind(child);
    if (held_up || breaks_off) answer_left_behind();
    if (keeps(child)) return empty_out(child);
    if (state_of(child) == child_state::up || state_of(child) == child_state::starting ||
        state_of(child) == child_state::stopping)
        return order_stop(child, true, false);
    child.reason = exit_reason(exit_kind::stopped);
    set(child, child_flag::for_good);
    finalize(child);
}

// Nobody starts those behind a child that was terminated: who waits for their start is told so.
void supervisor_owner::answer_left_behind() {
    const exit_reason nobody(exit_kind::noproc);
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (std::exchange(of(*c).noted.behind, false)) answer_watchers(c, &nobody);
}

void supervisor_owner::remove_ordered(control_block& child, owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    const child_status now = status_of(child);
    if (state_of(child) != child_state::ended)
        return answer_error(cell, now == child_status::restarting ? errc::restarting : errc::running);
    drop_spec(child, cell);
}

// The child has ended.
void supervisor_owner::drop_spec(control_block& child, completion_cell* cell) {
    if (lives_on(child)) {
        hide(child);
        return answer_started(cell);
    }
    ends_.insert({&child, cell});
    set(child, child_flag::for_good);
    finalize(child);
}

void supervisor_owner::answer_started_child(control_block& child, completion_cell* cell, bool declined) {
    try {
        child_info info = info_of(child);
        if (declined) info.status = child_status::stopped;
        answer_with(cell, std::move(info));
    } catch (const std::bad_alloc&) { answer_error(cell, errc::limit); }
}

} // namespace bastion::detail
