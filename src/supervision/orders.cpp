// The orders of users about a supervisor's children: start, restart, terminate, delete, and when each is carried out.
#include "supervision/supervisor.hpp"

#include <utility>

namespace bastion::detail {

pending_answer order_child(address to, child_order what, std::string_view id) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = what;
    r->name = std::string(id);
    return ask_owner(std::move(r));
}

void supervisor_owner::on_question(request_ptr r) {
    const bool stands_still = !running_ && phase_ == phase::idle && !ending_for_good_;
    const bool is_change = r->what == request_kind::order && r->order == child_order::reconfigure;
    const bool from_above =
        is_change && r->cell == nullptr; // it tells those below it what they are from their next start on
    // A user's waits for the first start: what was described with it is to be there.
    if (is_change && stands_still && (from_above || (listed_ && !empties_))) return reconfigure(*r);
    if (empties_ && phase_ == phase::idle) return owner::on_question(std::move(r)); // only its spec is left
    if (r->what == request_kind::look) return is_simple() ? pass_to_template(std::move(r)) : answer_look(*r);
    if (ending_for_good_) return owner::on_question(std::move(r));
    if (!is_simple() && order_of(*r).arguments)
        return answer_error(std::exchange(r->cell, nullptr), error_or(errc::invalid, [&] {
            return "start_child: " + std::string(shown_path()) +
                   " has no template that takes arguments (strategy::simple_one_for_one): give it a description";
        }));
    if (!is_simple() && r->order == child_order::terminate_ref)
        return answer_error(std::exchange(r->cell, nullptr), errc::not_found);
    orders_.push_back(std::move(r));
    go_on();
}

// Whether orders are looked at: while children stop all wait.
bool supervisor_owner::takes_orders() const noexcept {
    return running_ && announced_ && (phase_ == phase::idle || phase_ == phase::starting);
}

bool supervisor_owner::has_work() const noexcept { return takes_orders() && (lines_.any_due() || !orders_.empty()); }

// In the order they came; one that waits for a child is passed by those about others.
void supervisor_owner::carry_out_orders() {
    while (has_work()) {
        if (lines_.any_due()) {
            auto [line, r] = lines_.take_due();
            if (carry_out(r)) lines_.look_at(line);
            else lines_.put_back(line, std::move(r));
            continue;
        }
        request_ptr r = std::move(orders_.front());
        orders_.pop_front();
        if (r->order == child_order::reconfigure) {
            if (phase_ == phase::idle) reconfigure(*r);
            else for_idle_.push_back(std::move(r));
        } else if (is_simple()) {
            pass_to_template(std::move(r));
        } else {
            const std::size_t line = order_lines::line_of(subject_of(*r));
            if (lines_.has(line) || !carry_out(r)) lines_.add(line, std::move(r));
        }
    }
}

void supervisor_owner::plan_is_over() {
    lines_.plan_is_over();
    while (!for_idle_.empty()) {
        orders_.push_front(std::move(for_idle_.back()));
        for_idle_.pop_back();
    }
    carry_out_orders();
}

void supervisor_owner::on_change(const control_block& child) {
    lines_.look_at(order_lines::line_of(static_cast<const owner*>(child.frame)->name()));
}

bool supervisor_owner::carry_out(request_ptr& r) {
    const bool starts = r->order == child_order::start;
    control_block* const child = named(subject_of(*r));
    if (child != nullptr) {
        const bool ends = has(*child, child_flag::for_good) || of(*child).noted.emptying;
        // It ends: afterwards it is known whether its spec stays.
        if (state_of(*child) == child_state::stopping && !(ends && r->order == child_order::terminate)) return false;
        const bool plan_starts_it = has(*child, child_flag::in_plan) && !starts; // it is about to
        const bool waits = plan_starts_it || (phase_ != phase::idle && r->order == child_order::restart);
        if (waits && state_of(*child) == child_state::ended) {
            lines_.look_after_plan(order_lines::line_of(subject_of(*r)));
            return false;
        }
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
    if (!take_in_or_answer(child, cell)) return;
    watchers_.insert({&child, {cell, true}});
    arrivals_.push_back(child.here());
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
    const bool was_behind = std::exchange(of(child).noted.behind, false);
    if (was_behind) {
        const exit_reason nobody(exit_kind::noproc);
        answer_watchers(&child, &nobody); // of the start that was to come
    }
    if (state_of(child) == child_state::ended && !was_behind) {
        // Nothing is kept of a temporary one, also if it was only described.
        return child.policy == restart_when::temporary ? drop_spec(child, cell) : answer_started(cell);
    }
    ends_.insert({&child, cell});
    if (has(child, child_flag::for_good) || of(child).noted.emptying) return;
    // It has failed before, and nobody starts those behind it any more, as in OTP. Else the plan goes on without it.
    if (held_up) {
        if (cursor_ == &child && has(child, child_flag::in_plan)) leave_behind(child);
        if (spec_->keeps_specs) empty_left_behind();
        else behind_due_ = true; // nobody could start them by hand
    }
    const bool runs = state_of(child) == child_state::up || state_of(child) == child_state::starting ||
                      state_of(child) == child_state::stopping;
    if (keeps(child, runs)) return empty_out(child);
    if (runs) return order_stop(child, true, false);
    child.reason = exit_reason(exit_kind::stopped);
    set(child, child_flag::for_good);
    finalize(child);
}

// Nobody starts those behind a child that was terminated: who waits for their start is told so, and they stand still no longer.
void supervisor_owner::empty_left_behind() {
    const exit_reason nobody(exit_kind::noproc);
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        if (!std::exchange(of(*c).noted.behind, false)) continue;
        answer_watchers(c, &nobody);
        if (keeps(*c)) empty_out(*c);
    }
}

void supervisor_owner::remove_ordered(control_block& child, owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    const child_status now = status_of(child);
    if (state_of(child) != child_state::ended)
        return answer_error(cell, now == child_status::restarting ? errc::restarting : errc::running);
    if (std::exchange(of(child).noted.behind, false)) { // nobody starts it any more
        const exit_reason nobody(exit_kind::noproc);
        answer_watchers(&child, &nobody);
        if (lives_on(child)) empty_out(child); // it stands still, and may hold children
    }
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

void supervisor_owner::on_end() noexcept {
    if (!ending_for_good_) carry_out_changes();
    if (!ending_for_good_ && !empties_) return; // it may start again with what was asked for
    const auto discard = [](request_ptr r) {
        owner_request* const nobodys = r.release();
        discard_signal(*nobodys);
    };
    lines_.take_all(discard);
    for (pooled_deque<request_ptr>* all : {&for_idle_, &orders_}) {
        for (request_ptr& r : *all) discard(std::move(r));
        all->clear();
    }
}

} // namespace bastion::detail
