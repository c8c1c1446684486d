// Messages sent later: `ctx.tell_after(delay, ref, x)` and `ctx.tell_every(period, ref, x)`.
//
// The handle cancels; letting it go does not. A periodic tell ends by itself when its target is gone.
#ifndef BASTION_MAILBOX_LATER_HPP
#define BASTION_MAILBOX_LATER_HPP

#include <bastion/base/function.hpp>
#include <bastion/mailbox/late_word.hpp>
#include <bastion/mailbox/send.hpp>

#include <chrono>

namespace bastion {
namespace detail {

// Owned by its timer while armed, and by its handle.
class delayed_tell final : public ref_counted, public late_timer {
public:
    delayed_tell(address to, address from, std::int64_t period_ns);
    ~delayed_tell() override;

    envelope* once = nullptr;                       // tell_after
    unique_function<envelope*()> make;              // tell_every
    address to;
    address from;
    const std::int64_t period_ns;                   // 0: once
    runtime_home* home = nullptr;
    basic_late_word<worker> word;
};

BASTION_API void arm_delayed(const shared<delayed_tell>& d, std::int64_t delay_ns);
BASTION_API bool cancel_delayed(delayed_tell& d) noexcept;

} // namespace detail

class scheduled_tell {
public:
    scheduled_tell() noexcept {}
    explicit scheduled_tell(detail::shared<detail::delayed_tell> d) noexcept : state_(std::move(d)) {}
    // True: it will not be sent (again); false: it was sent, or cancelled before. Any thread.
    bool cancel() noexcept { return state_ && detail::cancel_delayed(*state_); }

private:
    detail::shared<detail::delayed_tell> state_;
};

template <class M>
scheduled_tell context::tell_after(std::chrono::nanoseconds delay, const child_ref& to, M&& m) const {
    using T = detail::sent_as_t<M>;
    detail::require_running(*block_, "ctx.tell_after");
    detail::shared<detail::delayed_tell> d(new detail::delayed_tell(to.where(), block_->here(), 0));
    d->once = detail::make_envelope<T>(detail::envelope_kind::told, std::forward<M>(m));
    detail::arm_delayed(d, delay.count());
    return scheduled_tell(std::move(d));
}

// Sends a copy every `period` (at least 1 ns), the first after one period.
template <class M>
scheduled_tell context::tell_every(std::chrono::nanoseconds period, const child_ref& to, M m) const {
    using T = detail::sent_as_t<M>;
    static_assert(std::is_copy_constructible_v<T>, "bastion: tell_every sends copies: the message must be copyable");
    detail::require_running(*block_, "ctx.tell_every");
    detail::shared<detail::delayed_tell> d(
        new detail::delayed_tell(to.where(), block_->here(), period.count() > 0 ? period.count() : 1));
    d->make = [value = T(std::move(m))] { return detail::make_envelope<T>(detail::envelope_kind::told, value); };
    detail::arm_delayed(d, d->period_ns);
    return scheduled_tell(std::move(d));
}

} // namespace bastion

#endif
