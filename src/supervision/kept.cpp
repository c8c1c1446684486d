// Specs that outlive their children.
#include "supervision/supervisor.hpp"

#include <new>
#include <utility>

namespace bastion::detail {

// A supervisor that gave up counts as one that shut down, if it says so.
bool supervisor_owner::comes_back(const control_block& child) const noexcept {
    const auto& below = *static_cast<const owner*>(child.frame);
    if (child.reason.kind() == exit_kind::intensity && below.is_supervisor() &&
        static_cast<const supervisor_owner&>(below).gives_up_.load(std::memory_order_relaxed))
        return child.policy == restart_when::permanent;
    return owner::comes_back(child);
}

// A temporary child goes; one that was there from the start is only out of sight, for its supervisor's next start.
bool supervisor_owner::keeps(const control_block& child, bool runs) const noexcept {
    return spec_->keeps_specs && !makes_supervisors() && &child != temporaries_ &&
           (child.policy != restart_when::temporary || lives_on(child) || was_not_started(child, runs));
}

// What restart_child could not start is what it was, also if it is temporary. One that runs cannot be asked whether it wanted to.
bool supervisor_owner::was_not_started(const control_block& child, bool runs) const noexcept {
    const owner& below = *static_cast<const owner*>(child.frame);
    return below.noted.by_hand && (below.noted.did_not_start.kind() != exit_kind::normal ||
                                      (!runs && (below.ignored() || below.ended_unstarted())));
}

bool supervisor_owner::plan_revives(const control_block& child) const noexcept {
    return spec_->keeps_specs && (child.policy != restart_when::temporary || !restarting_);
}

bool supervisor_owner::leaves(const control_block& child) const noexcept {
    if (makes_supervisors()) return !restarting_;
    // An addition that has begun, and not started: it is none of those that are there at the next start.
    if (!restarting_ && !noted_of(child).known && has(child, child_flag::was_started)) return true;
    if (!spec_->keeps_specs) return false;
    return restarting_ ? child.policy == restart_when::temporary && !lives_on(child) : noted_of(child).late;
}

bool supervisor_owner::hides(const control_block& child) const noexcept {
    return spec_->keeps_specs && restarting_ && child.policy == restart_when::temporary && lives_on(child);
}

bool supervisor_owner::tries_again(const control_block& child) const noexcept {
    const notes& n = noted_of(child);
    return !n.by_hand && n.known && (child.restarts > 0 || has(child, child_flag::in_plan));
}

void supervisor_owner::emptied(control_block& child) {
    notes& n = of(child).noted;
    const shared<change_answer> described = std::move(n.described);
    const bool stays = described || child.policy != restart_when::temporary || was_not_started(child, false);
    if (n.holds_up) behind_due_ = true;
    n.emptying = n.by_hand = n.holds_up = n.behind = false;
    n.known = true;
    end_life(child);
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

void supervisor_owner::answer_started_child(control_block& child, completion_cell* cell, bool declined) {
    try {
        child_info info = info_of(child);
        if (declined) info.status = child_status::stopped;
        answer_with(cell, std::move(info));
    } catch (const std::bad_alloc&) { answer_error(cell, errc::limit); }
}

} // namespace bastion::detail
