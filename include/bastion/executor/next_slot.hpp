// The one place of a worker for what it runs next: a strand that it has just woken, ahead of its ring.
//
// Thread safety: put, displace and take by the owner only; steal by a thief that was let in, empty by anyone. Cost: a load and a store, and
// while there is a thief (`is_robbed`) one exchange to take something out.
//
// Protocol: only the owner puts, and only where nothing lies; owner and thieves take out by an exchange, so one of them
// gets it. Where there is no thief what was displaced still lies here until the next is put: one that comes later is let in only
// after that (turn_mark.hpp, 6). What was put is read by that exchange itself, never by way of another one: only the thief's acquires, and only
// put releases.
#ifndef BASTION_EXECUTOR_NEXT_SLOT_HPP
#define BASTION_EXECUTOR_NEXT_SLOT_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

namespace bastion::detail {

template <class T, class Atomics = std_atomics>
class next_slot {
public:
    // What lies here, to make room for `put`; null: nothing.
    [[nodiscard]] BASTION_INLINE T* displace(bool is_robbed) noexcept {
        // relaxed: only this thread puts; a thief can only have emptied it meanwhile.
        T* there = slot_.load(std::memory_order_relaxed);
        if (there != nullptr && is_robbed) there = slot_.exchange(nullptr, std::memory_order_relaxed);
        return there;
    }
    BASTION_INLINE void put(T& next) noexcept { slot_.store(&next, std::memory_order_release); } // pairs with steal
    [[nodiscard]] BASTION_INLINE T* take(bool is_robbed) noexcept {
        T* const there = slot_.load(std::memory_order_relaxed); // as in displace
        if (there == nullptr) return nullptr;
        if (is_robbed) return slot_.exchange(nullptr, std::memory_order_relaxed);
        slot_.store(nullptr, std::memory_order_relaxed); // nobody else looks
        return there;
    }

    // For the owner.
    [[nodiscard]] BASTION_INLINE bool holds(const T& what) const noexcept {
        return slot_.load(std::memory_order_relaxed) == &what; // as in displace
    }

    [[nodiscard]] bool empty() const noexcept { return slot_.load(std::memory_order_relaxed) == nullptr; } // a hint
    [[nodiscard]] T* steal() noexcept { return slot_.exchange(nullptr, std::memory_order_acquire); } // pairs with put

private:
    typename Atomics::template atomic<T*> slot_{nullptr};
};

} // namespace bastion::detail

#endif
