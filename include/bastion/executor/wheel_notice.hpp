// What is known of a worker's timer wheel without its lock: whether the wheel must be looked at, and when it is due.
//
// Written under the wheel's lock, read by its worker before it sleeps and by searchers, without it. Nothing here is a
// promise while the worker is awake: it looks again. What the worker has armed last lies in young_timers.hpp, and is
// said here by whoever takes it from there into the wheel, before.
//
// Protocol:
//  1. Who arms a timer says `pending`, and then, unless it is the worker itself, takes the worker out of the sleepers.
//     The worker announces its sleep before it looks here for the last time. Both do a read-modify-write on the same
//     word of the sleepers: either the worker's comes second and sees `pending`, or it is woken.
//  2. Who polls the wheel, the worker or a searcher, first writes the next due instant, then takes `pending` back. So a
//     worker that finds nothing pending because a searcher has polled for it knows the instant that was found.
#ifndef BASTION_EXECUTOR_WHEEL_NOTICE_HPP
#define BASTION_EXECUTOR_WHEEL_NOTICE_HPP

#include <bastion/base/atomics.hpp>

#include <cstdint>
#include <limits>

namespace bastion::detail {

template <class Atomics = std_atomics>
class basic_wheel_notice {
public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    // relaxed: the step on the sleepers that follows releases it (1).
    void armed() noexcept { pending_.store(true, std::memory_order_relaxed); }
    // The earliest instant of the wheel, `never` if it is empty.
    void polled(std::int64_t next_due) noexcept {
        next_due_.store(next_due, std::memory_order_relaxed); // released by the next line
        pending_.store(false, std::memory_order_release); // pairs with the acquire in pending
    }

    [[nodiscard]] bool pending() const noexcept {
        return pending_.load(std::memory_order_acquire); // pairs with the release in polled
    }
    // When the worker must be awake. Invariant: never later than the truth, but for what is pending.
    [[nodiscard]] std::int64_t next_due() const noexcept {
        return next_due_.load(std::memory_order_relaxed); // ordered by the load of pending before it
    }

private:
    typename Atomics::template atomic<std::int64_t> next_due_{never};
    typename Atomics::template atomic<bool> pending_{false};
};

using wheel_notice = basic_wheel_notice<>;

} // namespace bastion::detail

#endif
