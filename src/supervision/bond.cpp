#include <bastion/supervision/bond.hpp>

#include <new>

namespace bastion::detail {

class bond::kinship final : public membership {
public:
    explicit kinship(address parent) noexcept : parent_(parent) {}

    void leave(const child_ref&, std::uint64_t number) noexcept override {
        if (number == as_parent) request_stop(child, false);
        else forget_record(parent_, as_parent);
    }

    const std::uint64_t as_parent = new_record_number();
    const std::uint64_t as_child = new_record_number();
    address child; // Invariant: written before the parent can end, by the parent

private:
    const address parent_;
};

bond::bond(control_block& parent) : parent_(parent.here()), kin_(new kinship(parent_)) {
    hold_membership(parent, *kin_, kin_->as_parent, false);
}

bond::~bond() {
    if (!tied_) forget_record(parent_, kin_->as_parent);
}

void bond::tie(address child) noexcept {
    kin_->child = child;
    try {
        tied_ = leave_at_end(child, *kin_, kin_->as_child, true);
    } catch (const std::bad_alloc&) { tied_ = true; } // the record stays in the parent's list until that ends
}

} // namespace bastion::detail
