// A lock for sections of a few instructions that never call user code and never block.
//
// Uncontended: one read-modify-write to take, a plain store to release. Under contention it spins with a pause and,
// after a while, lets the scheduler run somebody else, so that a preempted holder gets its turn. BasicLockable.
#ifndef BASTION_BASE_SPIN_LOCK_HPP
#define BASTION_BASE_SPIN_LOCK_HPP

#include <bastion/base/atomics.hpp>

namespace bastion::detail {

template <class Atomics = std_atomics>
class basic_spin_lock {
public:
    void lock() noexcept {
        // acquire: pairs with the release store in unlock.
        if (!held_.exchange(true, std::memory_order_acquire)) return;
        for (int spins = 0;; ++spins) {
            while (held_.load(std::memory_order_relaxed)) {
                Atomics::pause();
                if (++spins > 128) {
                    Atomics::yield();
                    spins = 0;
                }
            }
            if (!held_.exchange(true, std::memory_order_acquire)) return;
        }
    }

    [[nodiscard]] bool try_lock() noexcept {
        return !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire);
    }

    void unlock() noexcept { held_.store(false, std::memory_order_release); }

private:
    typename Atomics::template atomic<bool> held_{false};
};

using spin_lock = basic_spin_lock<>;

} // namespace bastion::detail

#endif
