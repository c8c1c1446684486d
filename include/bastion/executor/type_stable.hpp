// Objects of a kind that late strangers may still look at: made in the arena, used again, never destroyed or unmapped.
//
// T has a default constructor and a member `T* next_free`; what a user resets it resets itself. Any thread. Cost: a
// short lock.
#ifndef BASTION_EXECUTOR_TYPE_STABLE_HPP
#define BASTION_EXECUTOR_TYPE_STABLE_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/arena.hpp>

#include <mutex>
#include <new>

namespace bastion::detail {

template <class T>
class type_stable {
public:
    // One that was given back, or a new one. Throws std::bad_alloc.
    [[nodiscard]] T* take() {
        ask_gate(sizeof(T));
        {
            const std::lock_guard lock(lock_);
            if (T* object = free_; object != nullptr) {
                free_ = object->next_free;
                return object;
            }
        }
        return ::new (arena_reserve(sizeof(T))) T;
    }
    void give_back(T* object) noexcept {
        const std::lock_guard lock(lock_);
        object->next_free = free_;
        free_ = object;
    }

private:
    spin_lock lock_;
    T* free_ = nullptr;
};

} // namespace bastion::detail

#endif
