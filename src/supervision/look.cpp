#include "process/element_signal.hpp"
#include "supervision/supervisor.hpp"

#include <bastion/supervision/look.hpp>

#include <new>
#include <utility>

namespace bastion::detail {
namespace {

template <class R>
void answer_with(completion_cell*& cell, R&& value) {
    using T = std::remove_cvref_t<R>;
    envelope* e = make_envelope<T>(envelope_kind::answer, std::forward<R>(value));
    e->generation = envelope_bytes<T>;
    complete_with(std::exchange(cell, nullptr), e);
}

// As its owner sees it; of a supervisor it is no concern that it restarts a child.
child_status status_of(const control_block& child, child_state now, const owner& below, bool for_good) noexcept {
    switch (now) {
    case child_state::up:
        return !below.is_supervisor() && below.restarts_a_child() ? child_status::restarting : child_status::running;
    case child_state::starting: return child.restarts > 0 ? child_status::restarting : child_status::running;
    case child_state::backing_off: return child_status::restarting;
    case child_state::down:
    case child_state::stopping: return for_good ? child_status::stopped : child_status::restarting;
    case child_state::unborn: break;
    }
    return child_status::stopped;
}

} // namespace

child_info supervisor_owner::info_of(control_block& child) const {
    const owner& below = of(child);
    child_info info;
    info.id = below.name();
    info.status = status_of(child, state_of(child), below, has(child, child_flag::for_good));
    info.significant = below.significant;
    if (below.is_supervisor()) {
        info.kind = child_kind::supervisor;
        info.restart = child.policy;
        info.supervisor = static_cast<const supervisor_owner&>(below).ref();
    } else {
        const auto& group_below = static_cast<const group&>(below);
        info.restart = group_below.when();
        info.group = group_below.ref();
    }
    return info;
}

child_counts supervisor_owner::counts() const noexcept {
    child_counts all;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        const owner& below = of(*c);
        ++all.specs;
        ++(below.is_supervisor() ? all.supervisors : all.workers);
        if (status_of(*c, state_of(*c), below, has(*c, child_flag::for_good)) == child_status::running) ++all.active;
    }
    return all;
}

void supervisor_owner::answer_look(owner_request& r) noexcept {
    try {
        if (r.look_at == look::count) return answer_with(r.cell, counts());
        std::vector<child_info> found;
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
            if (r.look_at == look::all || of(*c).name() == r.name) found.push_back(info_of(*c));
        if (r.look_at == look::all) answer_with(r.cell, std::move(found));
        else if (!found.empty()) answer_with(r.cell, std::move(found.front()));
        else answer_error(std::exchange(r.cell, nullptr), errc::not_found);
    } catch (const std::bad_alloc&) { answer_error(std::exchange(r.cell, nullptr), errc::limit); }
}

pending_answer look_at(address supervisor, look what, std::string_view id) {
    request_ptr r = make_request(request_kind::look, supervisor);
    r->look_at = what;
    r->name = std::string(id);
    completion_cell* const cell = completion_cell::make(running_block());
    r->cell = cell;
    bool sent = false;
    inside(supervisor, [&](runtime_home&) { sent = try_send(r); });
    if (!sent) answer_error(std::exchange(r->cell, nullptr), errc::noproc);
    return pending_answer(cell, supervisor, std::chrono::nanoseconds(-1));
}

} // namespace bastion::detail
