#include "process/element_signal.hpp"
#include "process/in_hand.hpp"

#include <bastion/supervision/membership.hpp>

namespace bastion::detail {
namespace {

void leave_now(monitor_record& m, control_block& target, const exit_reason&, bool) noexcept {
    auto& of = static_cast<membership&>(*m.member_of); // only make_record sets it
    of.leave(child_ref({&target, m.target_generation}), m.number);
    of.drop_owner();
}

monitor_record* make_record(address who, membership& of, std::uint64_t number, bool of_element) {
    auto* m = pool_new<monitor_record>();
    m->number = number;
    m->target_generation = who.generation;
    m->notify = &leave_now;
    m->of_element = of_element;
    m->member_of = &of;
    of.add_owner();
    return m;
}

} // namespace

bool leave_at_end(address who, membership& of, std::uint64_t number, bool of_element) {
    if (control_block* here = running_block(); here != nullptr && here->here() == who) {
        const in_hand mine(*here);
        if (mine.is_lost()) return false;
        hold_membership(*here, of, number, of_element);
        return true;
    }
    monitor_record* const m = make_record(who, of, number, of_element);
    if (push_element_signal(who, signal_kind::monitor, m)) return true;
    of.drop_owner();
    return false;
}

void hold_membership(control_block& block, membership& of, std::uint64_t number, bool of_element) {
    monitor_record* const m = make_record(block.here(), of, number, of_element);
    try {
        hold_record(block, *m);
    } catch (...) {
        of.drop_owner();
        pool_delete(m);
        throw;
    }
}

void forget_record(address who, std::uint64_t number) noexcept {
    const must_not_fail certain;
    auto* d = pool_new<demonitor_request>();
    d->number = number;
    (void)push_element_signal(who, signal_kind::demonitor, d);
}

} // namespace bastion::detail
