#include "process/in_hand.hpp"

#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/context.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/parked.hpp>

#include <atomic>
#include <mutex>
#include <utility>

namespace bastion::detail {

std::uint64_t new_record_number() noexcept {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed); // unique: no order needed
}

cold_part& cold_of(control_block& b) {
    cold_part* cold = b.cold.own();
    if (cold == nullptr) {
        cold = pool_new<cold_part>();
        b.cold.set(cold);
    }
    return *cold;
}

void request_stop_token(control_block& b) noexcept {
    cold_part* cold = cold_if_any(b);
    if (cold == nullptr) return;
    const std::lock_guard lock(cold->stopper_lock);
    if (cold->stopper) cold->stopper->request_stop();
}

namespace {

monitor_list& list_of(cold_part& cold, const monitor_record& m) noexcept {
    return m.member_of != nullptr ? cold.memberships : cold.monitors;
}

void erase_record(cold_part& cold, monitor_record* m) noexcept {
    list_of(cold, *m).erase(m);
    cold.monitors_by_number.erase(m->number);
}

} // namespace

bool send_measure(control_block& element, mail_measure& m) noexcept {
    m.out.store(true, std::memory_order_relaxed); // the push releases
    const bool sent = push_element_signal(element, m, signal_kind::measure);
    if (!sent) m.out.store(false, std::memory_order_relaxed); // nobody else has it
    return sent;
}

void hold_record(control_block& b, monitor_record& m) {
    cold_part& cold = cold_of(b);
    cold.monitors_by_number.emplace(m.number, &m);
    list_of(cold, m).push_back(&m);
}

namespace {

void tell_all(monitor_list& list, control_block& b, const exit_reason& why, bool returns) noexcept {
    for (monitor_record* m = list.front(); m != nullptr;) {
        monitor_record* const told = m;
        m = monitor_list::next(m);
        if (told->of_element && returns) continue;
        erase_record(*cold_if_any(b), told);
        told->notify(*told, b, why, returns);
        pool_delete(told);
    }
}

} // namespace

void leave_with_incarnation(control_block& b) noexcept {
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr) return;
    tell_all(cold->memberships, b, b.reason, true);
    // Links come behind all memberships, those of the element, too, which go only if it has ended for good.
    if (cold->memberships.front() == nullptr) tell_links(b, b.reason);
}

void notify_monitors(control_block& b, const exit_reason& why, bool returns) noexcept {
    cold_part* cold = cold_if_any(b);
    if (cold == nullptr) return;
    tell_all(cold->memberships, b, why, returns);
    tell_links(b, why);
    tell_all(cold->monitors, b, why, returns);
}

void end_watch(control_block& b, demonitor_request* d) noexcept {
    cold_part* const cold = cold_if_any(b);
    if (cold != nullptr && d->target_generation == b.generation.now()) {
        const auto found = cold->monitors_by_number.find(d->number);
        if (found != cold->monitors_by_number.end()) {
            monitor_record* const m = found->second;
            erase_record(*cold, m);
            if (m->member_of != nullptr) m->member_of->drop_owner();
            pool_delete(m);
        }
    }
    if (d->cell != nullptr) complete_with(d->cell, d->done);
    pool_delete(d);
}

void handle_element_signals(control_block& b, system_signal* oldest) noexcept {
    const must_not_fail certain;
    const std::uint64_t generation = b.generation.now();
    if (cold_part* const cold = cold_if_any(b); cold != nullptr && cold->put_off.first != nullptr) {
        signal_chain all = std::exchange(cold->put_off, {});
        all.last->next = oldest;
        oldest = all.first;
    }
    while (oldest != nullptr) {
        system_signal* signal = oldest;
        oldest = signal->next;
        if (signal->kind == signal_kind::monitor) {
            auto* m = static_cast<monitor_record*>(signal);
            if (m->target_generation != generation || b.inbox.is_closed()) {
                m->notify(*m, b, exit_reason(exit_kind::noproc), false);
                pool_delete(m);
            } else {
                hold_record(b, *m);
            }
        } else if (signal->kind == signal_kind::demonitor) {
            end_watch(b, static_cast<demonitor_request*>(signal));
        } else if (signal->kind == signal_kind::measure) {
            auto& m = *static_cast<mail_measure*>(signal);
            m.unread = unread_mail(b);
            m.idle = m.unread == 0 && b.frame != nullptr && b.slot->mail;
            m.out.store(false, std::memory_order_release); // pairs with who asks
        } else if (signal->kind == signal_kind::debug) {
            std::unique_ptr<debug_order> order(static_cast<debug_order*>(signal));
            const bool there = order->target_generation == generation && b.frame != nullptr && !b.inbox.is_closed();
            if (!there) order->refuse();
            else if (!order->carry_out(b)) keep_waiting(b, std::move(order));
        } else if (signal->kind == signal_kind::link || signal->kind == signal_kind::unlink ||
                   signal->kind == signal_kind::exit) {
            handle_link_signal(b, static_cast<link_signal*>(signal));
        } else if (b.home->hooks.discard_signal != nullptr) {
            b.home->hooks.discard_signal(*signal);
        }
    }
}

void look_at_lane(control_block& b) noexcept {
    if ((b.signals.now() & signal_flags::lane) == 0) return;
    const in_hand mine(b);
    if (mine.is_lost()) return;
    b.signals.clear(signal_flags::lane);
    handle_element_signals(b, b.lane.drain());
}

void look_at_lane_in_passing(control_block& b) noexcept {
    const in_hand mine(b);
    if (mine.is_lost()) return;
    const must_not_fail certain;
    b.signals.clear(signal_flags::lane);
    cold_part* const cold = cold_if_any(b);
    signal_chain later = cold != nullptr ? std::exchange(cold->put_off, {}) : signal_chain();
    signal_chain now;
    for (system_signal* s = b.lane.drain(); s != nullptr;) {
        system_signal* const next = s->next;
        (s->kind == signal_kind::debug ? later : now).push_back(s);
        s = next;
    }
    handle_element_signals(b, now.first);
    if (later.first != nullptr) cold_of(b).put_off = later;
    // The run loop does the rest before any mail is taken.
    if (later.first != nullptr || (b.signals.now() & signal_flags::kill) != 0)
        (void)b.signals.raise(signal_flags::lane);
}

} // namespace bastion::detail

namespace bastion {

void context::fail(std::string_view why) const {
    detail::require_running(*block_, "ctx.fail");
    block_->reason = exit_reason::error(std::string(why));
}
void context::fail(const error& why) const { fail(why.what()); }

void context::exit(exit_reason why) const {
    detail::require_running(*block_, "ctx.exit");
    block_->body_ended = block_->body_ended || block_->kind == detail::process_kind::handlers;
    block_->reason = std::move(why);
}

void context::ignore() const {
    detail::require_running(*block_, "ctx.ignore");
    if (block_->started_sent)
        throw usage_error("bastion: ctx.ignore(): the process has started: end it by co_return, or ctx.exit");
    detail::cold_of(*block_).ignored = true;
    block_->started_sent = true; // its owner is told by its end
    block_->body_ended = block_->body_ended || block_->kind == detail::process_kind::handlers;
}

void context::trap_exit(bool on) const {
    detail::require_running(*block_, "ctx.trap_exit");
    detail::cold_of(*block_).trap_exit = on;
}

void context::trap_stop() const {
    detail::require_running(*block_, "ctx.trap_stop");
    detail::cold_of(*block_).trap_stop = true;
}

void context::stop() const {
    detail::require_running(*block_, "ctx.stop");
    if (block_->kind != detail::process_kind::handlers)
        throw usage_error("bastion: ctx.stop() is for handlers: a coroutine ends by co_return");
    block_->body_ended = true;
}

bool context::stop_requested() const noexcept {
    if ((block_->signals.now() & (detail::signal_flags::stop | detail::signal_flags::kill)) != 0) return true;
    const detail::cold_part* cold = detail::cold_if_any(*block_);
    return cold != nullptr && cold->stop_trapped;
}

std::stop_token context::stop_token() const {
    detail::require_running(*block_, "ctx.stop_token");
    auto& cold = detail::cold_of(*block_);
    const std::lock_guard lock(cold.stopper_lock);
    if (!cold.stopper || (cold.stopper->stop_requested() && !stop_requested())) cold.stopper.emplace();
    if (stop_requested()) cold.stopper->request_stop();
    return cold.stopper->get_token();
}

} // namespace bastion
