// Whether a message to be sent later is cancelled or over, and in whose wheel its timer lies.
//
// Shared by the timer's owner, which arms it and finds it expired, and by one thread or many that cancel it.
//
// Protocol:
//  1. One that is sent once belongs to whoever sets the flag first: who finds the timer expired, or who cancels.
//  2. For one that is sent again and again, who finds the timer expired takes its place away first, and looks then whether
//     it is cancelled. Who cancels says so first, and looks then for the place. All of that is seq_cst. So either the first
//     sees the cancelling, and arms it no more; or the canceller does not see the place that was taken away, but none, or
//     the next one.
//  3. The place is written before the timer lies there. Who looks there too early does not find it; then it is sent no more
//     when it expires there.
#ifndef BASTION_MAILBOX_LATE_WORD_HPP
#define BASTION_MAILBOX_LATE_WORD_HPP

#include <bastion/base/atomics.hpp>

namespace bastion::detail {

template <class Wheel, class Atomics = std_atomics>
class basic_late_word {
public:
    // Before it is armed there. release: pairs with place; who looks there may look at the timer.
    void armed_at(Wheel& w) noexcept { wheel_.store(&w, std::memory_order_release); }
    // True: it is to be sent, and cannot be cancelled any more. relaxed: the flag alone decides.
    [[nodiscard]] bool expired_once() noexcept { return !over_.exchange(true, std::memory_order_relaxed); }
    // True: it is to be sent, and may be armed again.
    [[nodiscard]] bool expired() noexcept {
        wheel_.store(nullptr); // partner: the load in place
        return !over_.load(); // partner: the exchange in cancel
    }
    // False: it was cancelled before, or is sent.
    [[nodiscard]] bool cancel() noexcept { return !over_.exchange(true); }
    // After cancel: where it may lie; null: it is not armed.
    [[nodiscard]] Wheel* place() const noexcept { return wheel_.load(); }

private:
    typename Atomics::template atomic<Wheel*> wheel_{nullptr}; // null: not armed
    typename Atomics::template atomic<bool> over_{false};
};

} // namespace bastion::detail

#endif
