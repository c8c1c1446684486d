#include "supervision/snapshot_join.hpp"

#include <bastion/executor/reserve.hpp>
#include <bastion/mailbox/meta.hpp>

#include <algorithm>
#include <mutex>

namespace bastion::detail {
namespace {

void expire_now(late_timer& timer) {
    // Safety: only snapshot_join arms a timer with this function; the wheel's share is ours.
    auto& join = static_cast<snapshot_join&>(timer);
    join.expire();
    join.drop_owner();
}
void drop_timer(late_timer& timer) { static_cast<snapshot_join&>(timer).drop_owner(); }

} // namespace

snapshot_join::snapshot_join(snapshot start, const snapshot_limits& limits, completion_cell* cell) noexcept
    : late_timer(&expire_now, &drop_timer), limits_(limits), value_(std::move(start)),
      entries_left_(limits.max_entries()), cell_(cell) {
    value_.root.known = snapshot_knowledge::missing;
}

void snapshot_join::arm(worker& wheel) noexcept {
    wheel_ = &wheel;
    add_owner(); // the wheel's
    wheel.arm(*this, limits_.time().count());
}

void snapshot_join::expire() noexcept {
    {
        const std::lock_guard lock(lock_);
        if (!seal()) return;
    }
    complete();
}

// Under the lock. False: it is sealed already.
bool snapshot_join::seal() noexcept {
    if (std::exchange(sealed_, true)) return false;
    value_.missing = out_ + failed_;
    nobody_ = !answered_ && value_.missing == 0;
    return true;
}

std::size_t snapshot_join::reserve(std::size_t entries) noexcept {
    const std::lock_guard lock(lock_);
    const std::size_t granted = std::min(entries, entries_left_);
    entries_left_ -= granted;
    return granted;
}

void snapshot_join::give_back() noexcept {
    {
        const std::lock_guard lock(lock_);
        if (--out_ != 0 || !seal()) return;
    }
    if (wheel_ != nullptr && wheel_->cancel(*this)) drop_owner();
    complete();
}

// By who has sealed, without the lock: nobody else touches the value any more.
void snapshot_join::complete() noexcept {
    const must_not_fail certain;
    if (nobody_) return answer_error(cell_, errc::noproc);
    envelope* e = make_envelope<snapshot>(envelope_kind::answer, std::move(value_));
    e->generation = envelope_bytes<snapshot>;
    complete_with(cell_, e);
}

snapshot_ticket::~snapshot_ticket() {
    if (!join_) return;
    {
        const std::lock_guard lock(join_->lock_);
        if (!join_->sealed_) {
            place_->known = snapshot_knowledge::whole;
            place_->status = snapshot_status::stopped;
        }
    }
    join_->give_back();
}

snapshot_entry* snapshot_ticket::put(
    snapshot_entry& own, std::optional<snapshot_status> status, bool runtime_stops, std::size_t asks) noexcept {
    const std::lock_guard lock(join_->lock_);
    if (join_->sealed_) return nullptr;
    snapshot& all = join_->value_;
    if (is_first()) {
        join_->answered_ = true;
        all.stage = runtime_stops ? snapshot_stage::stopping : snapshot_stage::running;
    }
    if (own.kind == snapshot_kind::supervisor) {
        ++all.supervisors;
    } else {
        ++all.groups;
        all.elements += own.total;
    }
    if (is_first()) {
        own.status = status.value_or(snapshot_status::stopped);
        std::swap(*place_, own);
    } else {
        // The rest is what its parent has said.
        if (status) {
            place_->status = *status;
            std::swap(place_->reason, own.reason);
        }
        place_->known = snapshot_knowledge::whole;
        place_->strategy = own.strategy;
        place_->placement = own.placement;
        place_->where = own.where;
        place_->total = own.total;
        place_->children.swap(own.children);
    }
    join_->out_ += asks;
    return place_->children.data();
}

snapshot_ticket snapshot_ticket::of_child(snapshot_entry& place) const noexcept {
    snapshot_ticket child(join_);
    child.place_ = &place;
    child.depth_ = depth_ + 1;
    return child;
}

void snapshot_ticket::done() noexcept {
    shared<snapshot_join> join;
    join.swap(join_);
    join->give_back();
}

void snapshot_ticket::failed() noexcept {
    {
        const std::lock_guard lock(join_->lock_);
        ++join_->failed_;
    }
    done();
}

} // namespace bastion::detail
