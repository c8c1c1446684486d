// One of something for each home of memory (arena.hpp): nobody's is always there, the others are made in their own memory when they are
// first asked for, and stay.
//
// Any thread. Cost: a load; the first time a short lock. May be used before the first constructor and after the last destructor.
#ifndef BASTION_SRC_EXECUTOR_PER_HOME_HPP
#define BASTION_SRC_EXECUTOR_PER_HOME_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/arena.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>

namespace bastion::detail {

template <class T>
class per_home {
public:
    // Null: there is no memory for it.
    [[nodiscard]] T* of(memory_home home) noexcept {
        if (home == no_home) return &nobodys_;
        std::atomic<T*>& place = made_[home];
        if (T* const there = place.load(std::memory_order_acquire)) return there; // pairs with the release below
        try {
            const std::lock_guard guard(making_);
            T* there = place.load(std::memory_order_relaxed);
            if (there == nullptr) {
                there = ::new (arena_reserve(sizeof(T), home)) T;
                place.store(there, std::memory_order_release);
            }
            return there;
        } catch (const std::bad_alloc&) { return nullptr; }
    }
    // f(T&) for all that there are.
    template <class F>
    void for_each(F f) {
        f(nobodys_);
        if (!anybody_has_a_home()) return;
        for (const std::atomic<T*>& place : made_)
            if (T* const there = place.load(std::memory_order_acquire)) f(*there); // pairs as above
    }

private:
    T nobodys_;
    std::atomic<T*> made_[most_homes]{};
    spin_lock making_;
};

} // namespace bastion::detail

#endif
