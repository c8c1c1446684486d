#include <bastion/process/parked.hpp>

#include <bastion/process/body.hpp>
#include <bastion/process/home.hpp>

#include <algorithm>

namespace bastion::detail {

std::uint32_t unread_mail(control_block& b) noexcept {
    if (bounded_mailbox* box = b.bounded()) return std::min(box->unread(), most_unread);
    auto n = static_cast<std::uint32_t>(b.inbox.length());
    for (const envelope* e = b.mail; e != nullptr && n < most_unread; e = e->next) ++n;
    return n;
}

std::optional<parked_look> look_at_parked(control_block& b) noexcept {
    // Only a hint: asked to wake up, one that runs would look at everything again before it parks.
    const life state = b.life_state.now();
    if (state != life::waiting && state != life::suspended) return {};
    if (b.inbox.unpark() != unpark_result::claimed) return {};
    // Safety: the right to run is ours.
    const bool for_mail = b.own_slot.mail && (b.signals.now() & signal_flags::suspended) == 0;
    parked_look seen;
    seen.unread = unread_mail(b);
    if (!b.own_slot.mail) seen.in_hand = b.hand;
    park_block(b, for_mail);
    return seen;
}

} // namespace bastion::detail
