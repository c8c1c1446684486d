// Dynamic children: what a supervisor with a template passes on to its only group, and what that does.
#include "supervision/supervisor.hpp"

#include <new>
#include <utility>

namespace bastion::detail {

pending_answer order_start(address to, shared<start_arguments> arguments) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = child_order::start;
    order_of(*r).arguments = std::move(arguments);
    return ask_owner(std::move(r));
}

pending_answer order_termination(address to, address child) {
    request_ptr r = make_order(request_kind::order, to);
    r->order = child_order::terminate_ref;
    r->child = child;
    return ask_owner(std::move(r));
}

namespace {

error wrong_arguments(const takes_arguments& wants, const start_arguments& given) {
    return error_or(errc::wrong_type, [&] {
        return "start_child: the template takes " + std::string(wants.type_name) + ", not " +
               std::string(given.type_name);
    });
}

error too_many(std::string_view supervisor, std::uint32_t most) {
    return error_or(errc::limit, [&] {
        return "start_child: " + std::string(supervisor) + " has as many children as it may have (with_max_children(" +
               std::to_string(most) + "))";
    });
}

} // namespace

void supervisor_owner::pass_to_template(request_ptr r) {
    const bool by_ref =
        r->what == request_kind::look || order_of(*r).arguments || r->order == child_order::terminate_ref;
    if (!by_ref) {
        answer_error(std::exchange(r->cell, nullptr), errc::simple_one_for_one);
        owner_request* const rest = r.release();
        return discard_signal(*rest);
    }
    if (makes_supervisors()) {
        if (r->what == request_kind::look) answer_look(*r);
        else if (r->order == child_order::terminate_ref) terminate_by_ref(*r);
        else start_from_template(*r);
        return;
    }
    control_block* const group = children_.front();
    if (group != nullptr) {
        r->owner = group->here();
        if (try_send(r)) return;
    }
    answer_error(std::exchange(r->cell, nullptr), errc::noproc);
}

void supervisor_owner::start_from_template(owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    supervisor_template& wants = *spec_->dynamic;
    start_arguments& arguments = *order_of(r).arguments;
    if (arguments.type != wants.type) return answer_error(cell, wrong_arguments(wants, arguments));
    if (children_.size() >= spec_->max_children) return answer_error(cell, too_many(shown_path(), spec_->max_children));
    control_block* made = nullptr;
    try {
        const users_code here;
        std::unique_ptr<supervisor_spec> as = wants.make(arguments);
        describe_whole(*as, self_.here());
        made = &make_supervisor(home_, std::move(as)).self();
    } catch (...) {
        const exit_reason why = reason_of_current_exception();
        return answer_error(cell, errc::start_failed, &why);
    }
    made->owner.set(&self_);
    if (!take_in_or_answer(*made, cell)) return;
    watchers_.insert({made, {cell, true}});
    start_child(*made);
}

void group::on_question(request_ptr r) {
    if (!is_dynamic()) return owner::on_question(std::move(r));
    if (r->what == request_kind::look) return answer_look(*r);
    if (r->order == child_order::terminate_ref) return terminate_by_ref(*r);
    start_from_template(*r);
}

void group::start_from_template(owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    if (!running_) return answer_error(cell, errc::noproc);
    const child_template& wants = *spec_->dynamic;
    const shared<start_arguments>& arguments = order_of(r).arguments;
    if (arguments->type != wants.type) return answer_error(cell, wrong_arguments(wants, *arguments));
    if (children_.size() >= max_children_)
        return answer_error(cell, too_many(std::string_view(path_).substr(0, path_.rfind('/')), max_children_));
    control_block* made = nullptr;
    try {
        const users_code here; // with_data's factory
        made = make_element(next_index_, spec_->dynamic->bind(arguments, when_ != restart_when::temporary));
    } catch (...) {
        const exit_reason why = reason_of_current_exception();
        return answer_error(cell, errc::start_failed, &why);
    }
    ++next_index_;
    children_.push_back(made);
    watchers_.insert({made, {cell, true}});
    start_child(*made);
}

child_info group::info_of(control_block& child) const {
    child_info info;
    info.kind = child_kind::element;
    info.element = child_ref(child.here());
    info.restart = child.policy;
    info.significant = spec_->significant;
    info.shutdown = element_shutdown();
    const child_state now = state_of(child);
    if (now == child_state::up || (now == child_state::starting && child.restarts == 0))
        info.status = child_status::running;
    else if (!has(child, child_flag::for_good)) info.status = child_status::restarting;
    const cold_part* const cold = cold_if_any(child);
    if (cold != nullptr && now == child_state::up) info.said = cold->extra; // constant since it was ready
    return info;
}

void group::answer_started_child(control_block& child, completion_cell* cell, bool declined) {
    try {
        child_info info = info_of(child);
        if (declined) {
            info.status = child_status::stopped;
            info.element = child_ref();
        }
        answer_with(cell, std::move(info));
    } catch (const std::bad_alloc&) { answer_error(cell, errc::limit); }
}

void group::answer_look(owner_request& r) {
    try {
        if (r.look_at == look::partitions) return answer_error(std::exchange(r.cell, nullptr), no_partitions());
        if (r.look_at == look::one) return answer_error(std::exchange(r.cell, nullptr), errc::simple_one_for_one);
        if (r.look_at == look::by_ref) {
            control_block* const child = r.child.block;
            const bool is_ours = child != nullptr && child->lives(r.child.generation) && child->owner.now() == &self_;
            if (is_ours) answer_with(r.cell, info_of(*child));
            else answer_error(std::exchange(r.cell, nullptr), errc::not_found);
            return;
        }
        child_counts counted;
        counted.specs = 1;
        counted.workers = children_.size();
        std::vector<child_info> all;
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
            if (r.look_at == look::all) all.push_back(info_of(*c));
            else if (info_of(*c).status == child_status::running) ++counted.active;
        }
        if (r.look_at == look::all) answer_with(r.cell, std::move(all));
        else answer_with(r.cell, counted);
    } catch (const std::bad_alloc&) { answer_error(std::exchange(r.cell, nullptr), errc::limit); }
}

// An element that is significant has ended by itself.
void group::significant_end() {
    if (shuts_down_ == bastion::auto_shutdown::never) return; // that has been changed
    if (shuts_down_ == bastion::auto_shutdown::all_significant)
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
            if (!has(*c, child_flag::for_good)) return; // another one is left
    request_ptr r = make_request(request_kind::significant, self_.owner.now()->here());
    r->child = self_.here();
    send(std::move(r));
}

} // namespace bastion::detail
