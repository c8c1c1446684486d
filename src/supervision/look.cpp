#include "supervision/supervisor.hpp"

#include <bastion/supervision/look.hpp>

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace bastion::detail {

error no_partitions() noexcept {
    return error_or(errc::invalid, [] { return "partitions: this supervisor was not spawned as bastion::partitions"; });
}

void throw_no_element(std::size_t i, std::size_t size) {
    throw std::out_of_range("bastion: element " + std::to_string(i) + " of a children_ref " +
                            (size == 0 ? "that names no group" : "with " + std::to_string(size) + " elements"));
}

namespace {

// As its owner sees it; of a supervisor it is no concern that it restarts a child.
child_status status_of(const control_block& child, child_state now, const owner& below, bool for_good) noexcept {
    switch (now) {
    case child_state::up:
        return !below.is_supervisor() && below.restarts_a_child() ? child_status::restarting : child_status::running;
    case child_state::starting: return child.restarts > 0 ? child_status::restarting : child_status::running;
    case child_state::backing_off: return child_status::restarting;
    case child_state::down:
    case child_state::stopping: return for_good ? child_status::stopped : child_status::restarting;
    case child_state::unborn:
    case child_state::ended: break;
    }
    return child_status::stopped;
}

} // namespace

child_status supervisor_owner::status_of(control_block& child) const noexcept {
    const owner& below = of(child);
    return detail::status_of(child, state_of(child), below, has(child, child_flag::for_good) || below.noted.emptying);
}

child_info supervisor_owner::info_of(control_block& child) const {
    const owner& below = of(child);
    child_info info;
    if (!makes_supervisors()) info.id = below.name();
    info.status = status_of(child);
    info.significant = below.significant;
    info.restart = child.policy;
    if (below.is_supervisor()) {
        info.kind = child_kind::supervisor;
        info.shutdown = shutdown_of(child);
        info.supervisor = static_cast<const supervisor_owner&>(below).ref();
    } else {
        const auto& group_below = static_cast<const group&>(below);
        info.shutdown = below.noted.element_stop;
        info.group = group_below.ref();
        info.said = group_below.extra();
    }
    return info;
}

child_counts supervisor_owner::counts() const noexcept {
    child_counts all;
    if (makes_supervisors()) all.specs = 1; // the template
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        const owner& below = of(*c);
        if (below.noted.hidden) continue;
        if (!makes_supervisors()) ++all.specs;
        ++(below.is_supervisor() ? all.supervisors : all.workers);
        if (status_of(*c) == child_status::running) ++all.active;
    }
    return all;
}

// The child itself, or an element of a group that is one. Null: it is no child of this supervisor.
control_block* supervisor_owner::child_that_has(const address& whom) const noexcept {
    control_block* child = whom.block;
    if (child == nullptr || !child->lives(whom.generation)) return nullptr;
    // Safety: whose owner we are stays what it is until we end it; of others only what is atomic or constant is read.
    if (child->ops != &owner_ops) child = child->owner.now();
    const bool is_ours = child != nullptr && child->owner.now() == &self_ && child != temporaries_;
    return is_ours && !noted_of(*child).hidden ? child : nullptr;
}

void supervisor_owner::answer_look(owner_request& r) noexcept {
    try {
        if (r.look_at == look::count) return answer_with(r.cell, counts());
        if (r.look_at == look::partitions) {
            if (partitions_) answer_with(r.cell, partitions_ref(ref(), partitions_));
            else answer_error(std::exchange(r.cell, nullptr), no_partitions());
            return;
        }
        if (r.look_at == look::one) {
            if (is_simple()) answer_error(std::exchange(r.cell, nullptr), errc::simple_one_for_one);
            else if (control_block* const child = named(r.name)) answer_with(r.cell, info_of(*child));
            else answer_error(std::exchange(r.cell, nullptr), errc::not_found);
            return;
        }
        if (r.look_at == look::by_ref) {
            if (control_block* const child = child_that_has(r.child)) answer_with(r.cell, info_of(*child));
            else answer_error(std::exchange(r.cell, nullptr), errc::not_found);
            return;
        }
        std::vector<child_info> all;
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
            if (!of(*c).noted.hidden) all.push_back(info_of(*c));
        answer_with(r.cell, std::move(all));
    } catch (const std::bad_alloc&) { answer_error(std::exchange(r.cell, nullptr), errc::limit); }
}

pending_answer look_at(address supervisor, address child) {
    request_ptr r = make_request(request_kind::look, supervisor);
    r->look_at = look::by_ref;
    r->child = child;
    return ask_owner(std::move(r));
}

pending_answer look_at(address supervisor, look what, std::string_view id) {
    request_ptr r = make_request(request_kind::look, supervisor);
    r->look_at = what;
    r->name = std::string(id);
    return ask_owner(std::move(r));
}

} // namespace bastion::detail
