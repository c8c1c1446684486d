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

} // namespace

child_info supervisor_owner::info_of(control_block& child) const {
    const owner& below = of(child);
    child_info info;
    info.id = below.name();
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
    switch (state_of(child)) {
    case child_state::up:
        info.status = below.restarts_a_child() ? child_status::restarting : child_status::running;
        break;
    case child_state::starting:
        info.status = child.restarts > 0 ? child_status::restarting : child_status::running;
        break;
    case child_state::backing_off: info.status = child_status::restarting; break;
    case child_state::down:
    case child_state::stopping:
        info.status = has(child, child_flag::for_good) ? child_status::stopped : child_status::restarting;
        break;
    case child_state::unborn: info.status = child_status::stopped; break;
    }
    // Of a supervisor it is no concern that it restarts a child.
    if (below.is_supervisor() && state_of(child) == child_state::up) info.status = child_status::running;
    return info;
}

void supervisor_owner::answer_look(owner_request& r) noexcept {
    try {
        std::vector<child_info> all;
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
            if (r.look_at == look::one && of(*c).name() != r.name) continue;
            all.push_back(info_of(*c));
        }
        if (r.look_at == look::all) return answer_with(r.cell, std::move(all));
        if (r.look_at == look::one) {
            if (all.empty()) return answer_error(std::exchange(r.cell, nullptr), errc::not_found);
            return answer_with(r.cell, std::move(all.front()));
        }
        child_counts counts;
        for (const child_info& c : all) {
            ++counts.specs;
            ++(c.kind == child_kind::supervisor ? counts.supervisors : counts.workers);
            if (c.status == child_status::running) ++counts.active;
        }
        answer_with(r.cell, counts);
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
