#include "process/in_hand.hpp"

#include <bastion/base/chain.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/debugging.hpp>

#include <utility>

namespace bastion::detail {

debug_part& debug_of(control_block& b) {
    std::unique_ptr<debug_part>& part = cold_of(b).debug;
    if (part == nullptr) part = std::make_unique<debug_part>();
    return *part;
}

void hold_back(control_block& b, bool on) noexcept {
    if (on) (void)b.signals.raise(signal_flags::suspended);
    else b.signals.clear(signal_flags::suspended);
}

void settle_watch(control_block& b) noexcept {
    const debug_part* const part = cold_of(b).debug.get();
    if (part != nullptr && (part->counts || part->sink != nullptr || part->waiting != nullptr))
        (void)b.signals.raise(signal_flags::watched);
    else b.signals.clear(signal_flags::watched);
}

void note_step(control_block& b, step_taken step, std::string_view type, const address& peer) noexcept {
    const in_hand mine(b);
    if (mine.is_lost()) return;
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr || cold->debug == nullptr) return;
    debug_part& part = *cold->debug;
    if (part.counts) ++part.taken[static_cast<std::size_t>(step)];
    if (part.sink == nullptr) return;
    const must_not_fail certain;
    if (part.sink->tell(b, step, type, peer)) return;
    part.sink.reset();
    settle_watch(b);
}

void keep_waiting(control_block& b, std::unique_ptr<debug_order> order) noexcept {
    debug_part& part = *cold_if_any(b)->debug;
    order->next = part.waiting;
    part.waiting = order.release();
    settle_watch(b);
}

namespace {

// In the order they came.
template <class F>
void for_each_waiting(debug_part& part, F what) noexcept {
    system_signal* oldest = reversed(std::exchange(part.waiting, nullptr));
    while (oldest != nullptr) {
        std::unique_ptr<debug_order> order(static_cast<debug_order*>(oldest));
        oldest = oldest->next;
        what(std::move(order));
    }
}

} // namespace

void carry_out_waiting(control_block& b) noexcept {
    const in_hand mine(b);
    if (mine.is_lost()) return;
    cold_part* const cold = cold_if_any(b);
    if (b.elsewhere != 0 || cold == nullptr || cold->debug == nullptr || cold->debug->waiting == nullptr) return;
    for_each_waiting(*cold->debug, [&b](std::unique_ptr<debug_order> order) {
        if (!order->carry_out(b)) keep_waiting(b, std::move(order));
    });
    settle_watch(b);
}

void end_debugging(control_block& b, const exit_reason& why) noexcept {
    b.signals.clear(signal_flags::suspended | signal_flags::watched);
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr || cold->debug == nullptr) return;
    const std::unique_ptr<debug_part> part = std::move(cold->debug);
    const must_not_fail certain;
    if (part->sink != nullptr) part->sink->ended(why);
    for_each_waiting(*part, [](std::unique_ptr<debug_order> order) { order->refuse(); });
}

} // namespace bastion::detail
