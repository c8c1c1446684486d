// A supervisor that runs is described anew: its flags, and its children by their names.
#include "supervision/supervisor.hpp"

#include <bastion/supervision/spawn.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace bastion::detail {

pending_answer order_change(address to, supervisor&& as) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = child_order::reconfigure;
    order_of(*r).supervisor_spec = std::move(as).release();
    describe_whole(*order_of(*r).supervisor_spec, to);
    return ask_owner(std::move(r));
}

bool supervisor_owner::can_become(const supervisor_spec& as) const noexcept {
    if ((as.strategy == bastion::strategy::simple_one_for_one) != is_simple()) return false;
    if ((as.dynamic.get() != nullptr) != makes_supervisors()) return false;
    if (is_simple()) return makes_supervisors() || !children_.empty();
    if (as.partitioned != (partitions_ != nullptr)) return false;
    if (partitions_ && as.children.size() != partitions_->size()) return false;
    const bool takes_more = spec_->keeps_specs && !partitions_; // a new partition would have no ref
    return std::all_of(as.children.begin(), as.children.end(), [this, takes_more](const child_spec& c) {
        control_block* const child = named(c.group ? c.group->name : c.supervisor->name);
        return child != nullptr ? of(*child).is_supervisor() == (c.supervisor != nullptr) : takes_more;
    });
}

void supervisor_owner::take_flags(supervisor_spec& as) {
    spec_->strategy = as.strategy;
    spec_->restart = as.restart;
    spec_->when = as.when;
    spec_->intensity = as.intensity;
    spec_->window = as.window;
    spec_->bounded = as.bounded;
    spec_->ends = as.ends;
    spec_->keeps_specs = spec_->keeps_specs || as.keeps_specs;
    spec_->max_children = as.max_children;
    spec_->dynamic = std::move(as.dynamic);
    spec_->gives_up = as.gives_up;
}

void supervisor_owner::describe_child(control_block& child, child_spec& as) {
    owner& below = of(child);
    const restart_when usual = spec_->when.value_or(restart_when::transient);
    if (as.group) {
        child.policy = as.group->when.value_or(usual);
        below.significant = as.group->significant;
        below.noted.element_stop = as.group->stop.value_or(bastion::shutdown::within(home_.shutdown_timeout));
        request_ptr r = make_order(request_kind::respec, child.here());
        order_of(*r).group_spec = std::move(as.group);
        order_of(*r).place = placement_here();
        return send(std::move(r));
    }
    child.policy = as.supervisor->own_when.value_or(usual);
    below.significant = as.supervisor->significant;
    below.own_stop = as.supervisor->stop;
    below.own_callbacks = as.supervisor->callbacks;
    request_ptr r = make_order(request_kind::order, child.here());
    r->order = child_order::reconfigure;
    order_of(*r).supervisor_spec = std::move(as.supervisor);
    send(std::move(r));
}

void supervisor_owner::reconfigure(owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr); // null: from above
    supervisor_spec& as = *order_of(r).supervisor_spec;
    const auto refuse = [cell](errc why) {
        if (cell != nullptr) answer_error(cell, why);
    };
    if (!can_become(as)) return refuse(errc::invalid);
    // What may fail, first: nothing has changed yet.
    pooled_vector<control_block*> order; // as it is to be; null: there
    try {
        const users_code here; // factories of with_data
        for (child_spec& c : as.children) {
            const bool there = is_simple() || named(c.group ? c.group->name : c.supervisor->name) != nullptr;
            if (there) order.push_back(nullptr);
            else if (c.group) order.push_back(&make_group(home_, std::move(c.group)).self());
            else order.push_back(&make_supervisor(home_, std::move(c.supervisor)).self());
        }
    } catch (...) { // a factory of with_data, or no memory
        const exit_reason why = reason_of_current_exception();
        for (control_block* made : order)
            if (made != nullptr) abandon(of(*made));
        if (cell != nullptr) answer_error(cell, errc::start_failed, &why);
        return;
    }
    take_flags(as);
    pooled_vector<control_block*> were;
    while (control_block* c = children_.pop_front()) {
        clear(*c, child_flag::in_plan); // of the stop, if it stands still
        were.push_back(c);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
        child_spec& c = as.children[i];
        if (control_block* const made = order[i]) {
            made->owner.set(&self_);
            settle(*made);
            of(*made).noted.known = true;
            set_state(*made, child_state::ended);
            of(*made).release();
            children_.push_back(made);
            continue;
        }
        control_block* const child = is_simple() ? were.front() : named(c.group ? c.group->name : c.supervisor->name);
        of(*child).noted.late = false;
        children_.push_back(child);
        set(*child, child_flag::in_plan); // there is none: for this function, that it has its place
        describe_child(*child, c);
    }
    for (control_block* c : were) {
        if (has(*c, child_flag::in_plan)) {
            clear(*c, child_flag::in_plan);
            continue;
        }
        children_.push_back(c);
        of(*c).noted.late = true;
        const bool comes_back = !running_ || of(*c).noted.hidden; // as it was described before
        if (!comes_back || state_of(*c) == child_state::stopping) continue;
        set(*c, child_flag::for_good);
        finalize(*c);
    }
    if (cell != nullptr) answer_started(cell);
}

} // namespace bastion::detail
