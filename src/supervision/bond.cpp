#include "process/in_hand.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/supervision/bond.hpp>

#include <mutex>
#include <new>

namespace bastion::detail {

class bond::kinship final : public membership {
public:
    explicit kinship(address parent) noexcept : parent_(parent) {}

    void leave(const child_ref&, std::uint64_t number) noexcept override {
        if (number != as_parent) return forget_record(parent_, as_parent);
        address whom;
        {
            const std::lock_guard lock(lock_);
            parent_ended_ = true;
            whom = child_;
        }
        request_stop(whom, false); // of one that is not there yet, nothing
    }
    // Of a parent that may be given up while it spawns: then it is gone by now.
    void has(address child) noexcept {
        bool too_late = false;
        {
            const std::lock_guard lock(lock_);
            child_ = child;
            too_late = parent_ended_;
        }
        if (too_late) request_stop(child, false);
    }

    const std::uint64_t as_parent = new_record_number();
    const std::uint64_t as_child = new_record_number();

private:
    const address parent_;
    spin_lock lock_; // Guards the next two.
    address child_;
    bool parent_ended_ = false;
};

bond::bond(control_block& parent) : parent_(parent.here()), kin_(new kinship(parent_)) {
    const in_hand mine(parent);
    if (mine.is_lost()) kin_->leave(child_ref(), kin_->as_parent);
    else hold_membership(parent, *kin_, kin_->as_parent, false);
}

bond::~bond() {
    if (!tied_) forget_record(parent_, kin_->as_parent);
}

void bond::tie(address child) noexcept {
    kin_->has(child);
    try {
        tied_ = leave_at_end(child, *kin_, kin_->as_child, true);
    } catch (const std::bad_alloc&) { tied_ = true; } // the record stays in the parent's list until that ends
}

} // namespace bastion::detail
