// Lists of free blocks on their way from thread to thread: the process-wide half of a pool.
//
// A thread with too many blocks of a class puts a whole list here, one that has none takes a whole list: whatever the
// length, a few instructions under a short lock. Any thread.
//
// Protocol: the lock hands over the list, and with it every block in it: what one thread did to a block happens before
// another makes something of it.
#ifndef BASTION_SRC_EXECUTOR_FREE_LISTS_HPP
#define BASTION_SRC_EXECUTOR_FREE_LISTS_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/sanitizer.hpp>
#include <bastion/base/spin_lock.hpp>

#include <cstdint>
#include <mutex>

namespace bastion::detail {

// Block: with members `Block* next_list` and `std::uint32_t length`, which count in the first block of a list here.
template <class Block, class Atomics = std_atomics>
class free_lists {
public:
    void put(Block* list, std::uint32_t length) noexcept {
        unpoison_memory(list, sizeof(Block));
        list->length = length;
        const std::lock_guard guard(lock_);
        list->next_list = first_.get();
        first_.set(list);
        blocks_.set(blocks_.get() + length);
        poison_memory(list, sizeof(Block)); // before another thread can take the list
    }

    // A list of free blocks, or null.
    [[nodiscard]] Block* take(std::uint32_t& length) noexcept {
        const std::lock_guard guard(lock_);
        Block* const list = first_.get();
        if (list == nullptr) return nullptr;
        unpoison_memory(list, sizeof(Block));
        first_.set(list->next_list);
        length = list->length;
        blocks_.set(blocks_.get() - length);
        poison_memory(list, sizeof(Block));
        return list;
    }

    // All lists at once, chained by next_list; null: there are none.
    [[nodiscard]] Block* take_all() noexcept {
        const std::lock_guard guard(lock_);
        Block* const first = first_.get();
        first_.set(nullptr);
        blocks_.set(0);
        return first;
    }

    [[nodiscard]] std::uint64_t blocks() noexcept {
        const std::lock_guard guard(lock_);
        return blocks_.get();
    }

private:
    basic_spin_lock<Atomics> lock_; // Guards everything below.
    typename Atomics::template var<Block*> first_;
    typename Atomics::template var<std::uint64_t> blocks_;
};

} // namespace bastion::detail

#endif
