// Processes that have not begun yet, and for which a worker's ring has no room: in batches, one behind the other.
//
// Their worker goes on with the batch that came last, as with a stack: a process that spawns others, which spawn others, makes a tree, and
// who takes its oldest node each time has all nodes of a level alive at once, more than any cache holds. Thieves take the batch that came
// first: most lies below it. Only of what has not begun: that waits for nothing but its turn, and nobody waits for it longer than for its
// elder siblings. What has begun is served in turn (node_queue.hpp). So that nobody waits for ever the worker takes one of the first batch now and then.
// Thread safety: put and take_last by the worker; the others by anyone. Cost: a short lock for each batch.
//
// Protocol: the batches are touched under the lock alone. How many items there are is written under it and read without; as in
// node_queue.hpp, a worker that goes to sleep asks `empty_for_sure`, and who puts something here looks for sleepers afterwards.
#ifndef BASTION_EXECUTOR_WAITING_ROOM_HPP
#define BASTION_EXECUTOR_WAITING_ROOM_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/node_queue.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace bastion::detail {

template <class T, class Atomics = std_atomics>
class waiting_room {
public:
    using chain = typename node_queue<T, Atomics>::chain;

    waiting_room() noexcept = default;
    waiting_room(const waiting_room&) = delete;
    waiting_room& operator=(const waiting_room&) = delete;

    // A batch that is not empty. False: there is no memory for one more, and it is still the caller's.
    [[nodiscard]] bool put(const chain& some) noexcept {
        std::unique_ptr<chain[]> room; // what becomes too small is freed behind the lock
        std::unique_lock guard(lock_);
        const std::size_t begin = begin_.get();
        const std::size_t end = end_.get();
        if (end - begin == capacity_) {
            guard.unlock(); // nobody else puts anything here meanwhile
            const std::size_t more = capacity_ == 0 ? least_capacity : 2 * capacity_;
            room.reset(new (std::nothrow) chain[more]);
            if (room == nullptr) return false;
            guard.lock();
            for (std::size_t i = begin_.get(); i != end; ++i) room[i & (more - 1)] = batches_[i & (capacity_ - 1)];
            room.swap(batches_);
            capacity_ = more;
        }
        batches_[end & (capacity_ - 1)] = some;
        end_.set(end + 1);
        note(size() + some.size);
        return true;
    }

    // A batch; empty: there is none.
    [[nodiscard]] chain take_last() noexcept {
        if (empty()) return chain{};
        const std::lock_guard guard(lock_);
        const std::size_t end = end_.get();
        if (begin_.get() == end) return chain{};
        end_.set(end - 1);
        return taken(end - 1);
    }
    [[nodiscard]] chain take_first() noexcept {
        if (empty()) return chain{};
        const std::lock_guard guard(lock_);
        const std::size_t begin = begin_.get();
        if (begin == end_.get()) return chain{};
        begin_.set(begin + 1);
        return taken(begin);
    }
    // The eldest alone; null: there is none.
    [[nodiscard]] T* take_one() noexcept {
        if (empty()) return nullptr;
        const std::lock_guard guard(lock_);
        const std::size_t begin = begin_.get();
        if (begin == end_.get()) return nullptr;
        chain& its = batches_[begin & (capacity_ - 1)];
        T* const one = std::exchange(its.first, its.first->next);
        if (--its.size == 0) begin_.set(begin + 1);
        one->next = nullptr;
        note(size() - 1);
        return one;
    }

    // How many items; approximate. relaxed: partner is the store in note; it publishes nothing, the lock does.
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool empty_for_sure() noexcept {
        const std::lock_guard guard(lock_);
        return begin_.get() == end_.get();
    }

private:
    static constexpr std::size_t least_capacity = 8;

    [[nodiscard]] chain taken(std::size_t i) noexcept {
        const chain some = batches_[i & (capacity_ - 1)];
        note(size() - some.size);
        return some;
    }
    // relaxed: as in size.
    void note(std::size_t n) noexcept { size_.store(n, std::memory_order_relaxed); }

    alignas(cache_line) typename Atomics::template atomic<std::size_t> size_{0}; // Invariant: written under the lock.
    basic_spin_lock<Atomics> lock_; // Guards what follows.
    typename Atomics::template var<std::size_t>
        begin_; // numbers of batches, which grow, but for those that the worker takes back
    typename Atomics::template var<std::size_t> end_;
    std::unique_ptr<chain[]> batches_; // number i lies in place i % capacity_
    std::size_t capacity_ = 0; // Invariant: a power of two or 0; only the worker changes it, under the lock
};

} // namespace bastion::detail

#endif
