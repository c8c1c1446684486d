// A group that grows and shrinks. All of it in the group's turn: once an interval it reads what its elements have
// answered, changes their number, and asks again.
#include "supervision/group.hpp"

#include <bastion/mailbox/send.hpp>
#include <bastion/supervision/monitor.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace bastion::detail {

std::int64_t resizing::change() noexcept {
    group_load load;
    for (auto& [element, m] : members_) {
        if (m.leaving) continue;
        ++load.elements;
        if (m.asked && !m.measure.out.load(std::memory_order_acquire)) { // pairs with its answer
            m.asked = false;
            m.unread = m.measure.unread;
            m.idle = m.measure.idle;
        } else { // it has had no turn since, or was not there
            m.unread = std::max(m.unread, static_cast<std::uint32_t>(element->inbox.length()));
            m.idle = false;
        }
        load.unread += m.unread;
        load.idle += m.idle ? 1 : 0;
    }
    return change_of(settings_, load, pressure_);
}

std::int64_t resizing::missing() const noexcept {
    const auto elements =
        std::count_if(members_.begin(), members_.end(), [](const auto& m) { return !m.second.leaving; });
    return std::clamp<std::int64_t>(std::int64_t{settings_.lower_bound()} - elements, 0, lost_);
}

void resizing::ask(control_block& element) noexcept {
    member& m = members_.at(&element);
    if (!m.asked && !m.leaving) m.asked = send_measure(element, m.measure);
}

void group::resize() {
    resizing_->next_look = nullptr;
    if (!running_) return;
    resizing_->next_look = set_timer(request_kind::resize, {}, resizing_->settings().interval());
    if (phase_ != phase::idle) return; // while its elements restart nothing is known of them
    std::int64_t by = resizing_->change();
    if (const std::int64_t missing = resizing_->missing(); missing > 0) by = std::max(by, missing);
    resizing_->forget_lost();
    if (by > 0) grow(by);
    else if (by < 0) shrink(-by);
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (state_of(*c) == child_state::up) resizing_->ask(*c);
}

// Without memory the roster stays as it is: a ref to who is gone says so.
void group::list_again() noexcept {
    try {
        list_elements();
    } catch (const std::bad_alloc&) {}
}

void group::grow(std::int64_t by) {
    for (; by > 0; --by) {
        control_block* made = nullptr;
        try {
            const users_code here; // with_data's factory
            made = make_element(next_index_, spec_->body);
        } catch (...) {
            announce({path_, reason_of_current_exception(), "does not grow", {}});
            break;
        }
        ++next_index_;
        children_.push_back(made);
        arrivals_.push_back(made->here());
    }
    list_again();
    start_arrivals();
}

// The youngest of those that idle. They stop as any other: between two messages, each with its deadline.
void group::shrink(std::int64_t by) {
    for (auto* c = children_.back(); c != nullptr && by > 0; c = children_.prev(c)) {
        if (state_of(*c) != child_state::up || resizing_->leaves(*c) || !resizing_->idles(*c)) continue;
        resizing_->let_go(*c);
        order_stop(*c, true, false);
        --by;
    }
    list_again();
}

// Who has least to read, of those that stay.
control_block* group::heir_of(const control_block& child) noexcept {
    control_block* best = nullptr;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        if (c == &child || resizing_->leaves(*c) || has(*c, child_flag::for_good)) continue;
        if (best == nullptr || resizing_->unread_of(*c) < resizing_->unread_of(*best)) best = c;
    }
    return best;
}

namespace {

// Of its own stop and its own monitors: nobody else knows what to do with them.
bool is_notice(const envelope& e) noexcept { return e.meta().is_notice; }

} // namespace

// Accepted once, its mail is not subject to the heir's bounds.
void group::before_close(control_block& child) noexcept {
    if (resizing_ == nullptr || !resizing_->leaves(child)) return;
    control_block* const heir = heir_of(child);
    if (heir == nullptr) return;
    for (envelope* e = take_all_mail(child); e != nullptr;) {
        envelope* const next = e->next;
        if (is_notice(*e)) {
            dead_letter(home_, e, child.here(), drop_reason::unread);
        } else {
            (void)deliver_notice(heir->here(), e);
            resizing_->has_inherited(*heir);
        }
        e = next;
    }
}

void group::forget(control_block& child) noexcept {
    if (resizing_ == nullptr) return;
    const bool listed = !resizing_->leaves(child);
    if (listed && running_ && child.reason.is_abnormal() && !has(child, child_flag::for_good))
        resizing_->has_lost_one();
    resizing_->remove(child);
    if (listed && running_) list_again(); // else once, at the end
}

std::optional<exit_reason> group::on_start() {
    asked_.clear();
    proceeding_.reset();
    if (spec_ != nullptr && remakes_ && children_.size() < spec_->size()) {
        try {
            const users_code here; // with_data's factory
            make_missing_elements();
        } catch (...) { return reason_of_current_exception(); }
    }
    if (resizing_ != nullptr)
        resizing_->next_look = set_timer(request_kind::resize, {}, resizing_->settings().interval());
    return {};
}

void group::on_end() noexcept {
    remakes_ = remakes_ || empties_;
    if (resizing_ == nullptr) return;
    cancel_timer(std::exchange(resizing_->next_look, nullptr));
    list_again();
}

} // namespace bastion::detail
