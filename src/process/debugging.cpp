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
    if (part != nullptr && (part->counts || part->sink != nullptr)) (void)b.signals.raise(signal_flags::watched);
    else b.signals.clear(signal_flags::watched);
}

void note_step(control_block& b, step_taken step, std::string_view type, const address& peer) noexcept {
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

void end_debugging(control_block& b) noexcept {
    b.signals.clear(signal_flags::suspended | signal_flags::watched);
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr || cold->debug == nullptr) return;
    const std::unique_ptr<debug_part> part = std::move(cold->debug);
    const must_not_fail certain;
    if (part->sink != nullptr) part->sink->ended(b.reason);
}

} // namespace bastion::detail
