#include <bastion/mailbox/later.hpp>
#include <bastion/process/panic.hpp>

namespace bastion::detail {
namespace {

// Runs on the worker that looked at the clock; the timer's ownership is ours.
void send_now(late_timer& timer) {
    // Safety: only delayed_tell arms a timer with this function.
    auto& d = static_cast<delayed_tell&>(timer);
    const shared<delayed_tell> mine(&d);
    const bool sends = d.period_ns == 0 ? d.word.expired_once() : d.word.expired();
    d.drop_owner();  // the timer's own
    if (!sends) return;
    thread_state& thread = this_thread();
    envelope* e = nullptr;
    try {
        e = d.period_ns == 0 ? std::exchange(d.once, nullptr) : d.make();
    } catch (...) { // the copy of the user's message
        const exit_reason why = reason_of_current_exception();
        const home_hooks& hooks = d.home->hooks;
        if (hooks.report != nullptr) hooks.report(hooks.runtime_data, {"tell_every", why, "sends no more", {}, 0, 0});
        return;
    }
    e->sender = d.from;
    if (push_envelope(d.to, e, thread) == delivery::noproc || d.period_ns == 0) return;
    arm_delayed(mine, d.period_ns);
}

void drop_now(late_timer& timer) { static_cast<delayed_tell&>(timer).drop_owner(); }

} // namespace

delayed_tell::delayed_tell(address target, address sender, std::int64_t period)
    : late_timer(&send_now, &drop_now), to(target), from(sender), period_ns(period) {
    if (const control_block* here = running_block()) home = here->home;
}

delayed_tell::~delayed_tell() {
    if (once != nullptr) destroy(once);
}

void arm_delayed(const shared<delayed_tell>& d, std::int64_t delay_ns) {
    worker& wheel = *this_thread().current_worker;
    d->add_owner();
    d->word.armed_at(wheel);
    wheel.arm(*d, delay_ns);
}

bool cancel_delayed(delayed_tell& d) noexcept {
    if (!d.word.cancel()) return false;
    // The wheel is a worker's: only while its runtime stands.
    const visit inside(*d.home);
    if (!inside) return false;
    if (worker* wheel = d.word.place(); wheel != nullptr && wheel->cancel(d)) d.drop_owner();
    return true;
}

} // namespace bastion::detail
