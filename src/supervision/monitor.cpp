#include "process/element_signal.hpp"

#include <bastion/mailbox/answer.hpp>
#include <bastion/process/body.hpp>
#include <bastion/supervision/membership.hpp>
#include <bastion/supervision/monitor.hpp>

#include <utility>

namespace bastion {
namespace detail {
namespace {

void notify_down(monitor_record& m, control_block& target, const exit_reason& why, bool returns) noexcept {
    const must_not_fail certain;
    const address whom{&target, m.target_generation}; // another may live in the block by now
    envelope* e = make_envelope<down>(envelope_kind::told, child_ref(whom), why, returns, m.number);
    e->sender = whom;
    (void)deliver_notice(m.watcher, e);
}

void tell_noproc(control_block& watcher, const address& target, std::uint64_t number) {
    envelope* e =
        make_envelope<down>(envelope_kind::told, child_ref(target), exit_reason(exit_kind::noproc), false, number);
    e->sender = target;
    (void)deliver_notice(watcher.here(), e);
}

// Takes the monitor's `down` out of the mail that has come. False: there is none.
bool take_down(control_block& watcher, std::uint64_t number) {
    collect_mail(watcher);
    envelope* before = nullptr;
    for (envelope* e = watcher.mail; e != nullptr; before = std::exchange(e, e->next)) {
        if (!e->is(meta_object<down>, envelope_kind::told) || payload_of<down>(*e)->number() != number) continue;
        unlink_mail(watcher, before, e);
        destroy(e);
        return true;
    }
    return false;
}

// Whether the target has forgotten the monitor; its `down`, if there was to be one, has come then.
answer<void> forgotten(control_block& watcher, const monitor_handle& watch) {
    auto* const d = pool_new<demonitor_request>();
    completion_cell* cell = nullptr;
    try {
        d->done = make_envelope<done_mark>(envelope_kind::answer);
        d->done->generation = envelope_bytes<done_mark>;
        cell = completion_cell::make(&watcher);
    } catch (...) {
        if (d->done != nullptr) destroy(d->done);
        pool_delete(d);
        throw;
    }
    d->number = watch.number();
    d->cell = cell;
    envelope* const done = d->done;
    if (!push_element_signal(watch.target(), signal_kind::demonitor, d)) complete_with(cell, done); // it has ended
    return answer<void>(pending_answer(cell, watch.target(), pending_answer::forever));
}

} // namespace

task<bool> demonitor(control_block* watcher, monitor_handle watch) {
    if (watch.number() == 0) co_return false;
    if (take_down(*watcher, watch.number())) co_return true;
    answer<void> taken_note = forgotten(*watcher, watch);
    auto r = co_await taken_note;
    (void)r; // it has no error: there is no deadline
    co_return take_down(*watcher, watch.number());
}

monitor_record* new_monitor(control_block& watcher, std::uint64_t number) {
    auto* m = pool_new<monitor_record>();
    m->watcher = watcher.here();
    m->number = number;
    m->notify = &notify_down;
    return m;
}

monitor_handle watch(control_block& watcher, address target) {
    const std::uint64_t number = new_record_number();
    if (!push_element_signal(target, signal_kind::monitor, new_monitor(watcher, number)))
        tell_noproc(watcher, target, number);
    return monitor_handle(target, number);
}

void watched_birth::enter(control_block& child) {
    number_ = new_record_number();
    monitor_record* const m = new_monitor(watcher_, number_);
    m->target_generation = child.generation.now();
    try {
        hold_record(child, *m);
    } catch (...) {
        pool_delete(m);
        throw;
    }
}

monitor_handle watched_birth::of(const child_ref& child) {
    if (number_ == 0) tell_noproc(watcher_, child.where(), number_ = new_record_number());
    return monitor_handle(child.where(), number_);
}

void linked_birth::enter(control_block& child) {
    link_unborn(parent_, child);
    entered_ = true;
}

void linked_birth::check(const child_ref& child) noexcept {
    if (!entered_) obey_exit(parent_, child.where(), exit_reason(exit_kind::noproc));
}

} // namespace detail

void monitor_handle::cancel() noexcept {
    const std::uint64_t number = std::exchange(number_, 0);
    if (number == 0) return;
    detail::forget_record(target_, number);
}

void context::link(const child_ref& with) const {
    detail::require_running(*block_, "ctx.link");
    detail::make_link(*block_, with.where());
}
void context::unlink(const child_ref& with) const {
    detail::require_running(*block_, "ctx.unlink");
    detail::take_link(*block_, with.where());
}

void child_ref::exit(const exit_reason& why) const {
    detail::control_block* const here = detail::running_block();
    (void)detail::send_exit(address_, here != nullptr ? here->here() : detail::address(), why);
}

} // namespace bastion
