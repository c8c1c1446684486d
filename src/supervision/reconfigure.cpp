// A supervisor that runs is described anew: its flags, and its children by their names.
#include "supervision/snapshot_words.hpp"
#include "supervision/supervisor.hpp"

#include <bastion/supervision/spawn.hpp>

#include <algorithm>
#include <utility>

namespace bastion::detail {

pending_answer order_change(address to, supervisor&& as) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = child_order::reconfigure;
    order_of(*r).supervisor_spec = std::move(as).release();
    describe_whole(*order_of(*r).supervisor_spec, to);
    order_of(*r).change = make_shared_object<change_answer>();
    return ask_owner(std::move(r));
}

namespace {

[[nodiscard]] const std::string& name_of(const child_spec& c) noexcept {
    return c.group ? c.group->name : c.supervisor->name;
}

} // namespace

// What it is as a child is the supervisor's above to know: a description of that one changes it.
std::string supervisor_owner::why_not_as_child(const supervisor_spec& as) const {
    const restart_when now = std::atomic_ref(self_.policy).load(std::memory_order_relaxed);
    const auto only_above = [](const std::string& what) {
        return what + ": that is changed by its own supervisor's reconfigure";
    };
    if (as.own_when && *as.own_when != now)
        return only_above("is " + std::string(word_of(now)) + ", and would be " + std::string(word_of(*as.own_when)));
    if (as.significant && !significant.load(std::memory_order_relaxed))
        return only_above("is not significant, and would be");
    return {};
}

std::string supervisor_owner::why_not(const supervisor_spec& as) const {
    if (!as.name.empty() && as.name != name()) return "keeps its name, and would be \"" + as.name + "\"";
    const bool to_simple = as.strategy == bastion::strategy::simple_one_for_one;
    if (to_simple != is_simple())
        return to_simple ? "has children with names, and would have a template: start another supervisor"
                         : "makes its children from a template, and would have others: start another supervisor";
    if ((as.dynamic.get() != nullptr) != makes_supervisors())
        return makes_supervisors() ? "makes supervisors from its template, and would make processes"
                                   : "makes processes from its template, and would make supervisors";
    if (is_simple()) return makes_supervisors() || !children_.empty() ? "" : "has lost the group of its template";
    if (as.partitioned != (partitions_ != nullptr))
        return partitions_ ? "has partitions, and would have none" : "has no partitions, and would have some";
    if (partitions_ && as.children.size() != partitions_->size())
        return "has " + std::to_string(partitions_->size()) + " partitions, and would have " +
               std::to_string(as.children.size());
    for (const child_spec& c : as.children) {
        if (control_block* const child = named(name_of(c))) {
            const bool is_group = !of(*child).is_supervisor();
            if (is_group == (c.group != nullptr)) continue;
            return "has the child \"" + name_of(c) + "\" as a " +
                   (is_group ? "group, and would have it as a supervisor" : "supervisor, and would have it as a group");
        }
        if (partitions_) return "has no partition \"" + name_of(c) + "\"";
        if (!spec_->keeps_specs && !as.keeps_specs)
            return "has no child \"" + name_of(c) +
                   "\", and keeps no specs from which one could be started (with_specs_kept): use start_child";
    }
    return {};
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
    gives_up_.store(as.gives_up, std::memory_order_relaxed);
}

void supervisor_owner::send_given(
    control_block& group, std::unique_ptr<group_spec> as, const shared<change_answer>& whole) {
    request_ptr r = make_order(request_kind::respec, group.here());
    order_of(*r).group_spec = std::move(as);
    order_of(*r).given = given_to_groups();
    order_of(*r).change = whole;
    send(std::move(r));
}

void supervisor_owner::describe_child(control_block& child, child_spec& as, const shared<change_answer>& whole) {
    owner& below = of(child);
    const restart_when usual = spec_->when.value_or(restart_when::transient);
    if (as.group) {
        set_policy(child, as.group->when.value_or(usual));
        below.significant = as.group->significant;
        below.noted.element_stop = as.group->stop.value_or(bastion::shutdown::within(home_.shutdown_timeout));
        return send_given(child, std::move(as.group), whole);
    }
    set_policy(child, as.supervisor->own_when.value_or(usual));
    below.significant = as.supervisor->significant;
    below.own_stop = as.supervisor->stop;
    below.own_callbacks = std::move(as.supervisor->callbacks); // it says them only here
    request_ptr r = make_order(request_kind::order, child.here());
    r->order = child_order::reconfigure;
    order_of(*r).supervisor_spec = std::move(as.supervisor);
    order_of(*r).change = whole;
    send(std::move(r));
}

void supervisor_owner::reconfigure(owner_request& r) {
    const shared<change_answer> whole = std::move(order_of(r).change);
    const bool is_part = r.cell == nullptr; // of a change above, which has told it already what it is as a child
    if (!is_part) whole->answers(std::exchange(r.cell, nullptr));
    supervisor_spec& as = *order_of(r).supervisor_spec;
    const std::string no = said([&] {
        std::string as_child = is_part ? std::string() : why_not_as_child(as);
        return as_child.empty() ? why_not(as) : as_child;
    });
    if (!no.empty())
        return whole->refuse(
            error_or(errc::invalid, [&] { return "reconfigure: " + std::string(shown_path()) + " " + no; }));
    // What may fail, first: nothing has changed yet.
    pooled_vector<control_block*> order; // as it is to be; null: there
    try {
        const users_code here; // factories of with_data
        for (child_spec& c : as.children) {
            const bool there = is_simple() || named(name_of(c)) != nullptr;
            control_block*& made = order.emplace_back(nullptr);
            if (there) continue;
            made = c.group ? &make_group(home_, std::move(c.group)).self()
                           : &make_supervisor(home_, std::move(c.supervisor)).self();
            give_name(*made);
        }
    } catch (...) { // a factory of with_data, or no memory
        const exit_reason why = reason_of_current_exception();
        for (control_block* made : order) {
            if (made == nullptr) continue;
            forget_name(*made);
            abandon(of(*made));
        }
        return whole->refuse(error_or(errc::start_failed, [&]() -> const exit_reason& { return why; }));
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
            give_defaults(*made);
            of(*made).noted.known = true;
            set_state(*made, child_state::ended);
            of(*made).release();
            children_.push_back(made);
            if (running_) { // only its spec is there, also for those who ask it something
                of(*made).noted.described = whole;
                empty_out(*made);
            }
            continue;
        }
        control_block* const child = is_simple() ? were.front() : named(name_of(c));
        of(*child).noted.late = false;
        children_.push_back(child);
        set(*child, child_flag::in_plan); // there is none: for this function, that it has its place
        describe_child(*child, c, whole);
    }
    for (control_block* c : were) {
        if (has(*c, child_flag::in_plan)) {
            clear(*c, child_flag::in_plan);
            continue;
        }
        children_.push_back(c);
        of(*c).noted.late = true;
        if (!of(*c).is_supervisor()) send_given(*c, nullptr, whole);
        const bool comes_back = !running_ || of(*c).noted.hidden; // as it was described before
        if (!comes_back || state_of(*c) == child_state::stopping) continue;
        set(*c, child_flag::for_good);
        finalize(*c);
    }
}

// In the order they came: its stop is over, and its next start is as they say.
void supervisor_owner::carry_out_changes() {
    for (pooled_deque<request_ptr>* all : {&for_idle_, &orders_}) {
        for (request_ptr& r : *all) {
            if (r->order != child_order::reconfigure) continue;
            if (empties_ && r->cell != nullptr) continue; // a user's, of what is a spec only by now
            reconfigure(*r);
            r.reset();
        }
        std::erase(*all, nullptr);
    }
}

} // namespace bastion::detail
