// What any worker of a NUMA node may take: a list of runnables under a short lock, first in first out.
//
// Overflow of the rings and what comes from outside goes in, from any thread; workers take a batch at a time. Intrusive
// through a public member `T* next`: nothing is allocated. Thread safety: everything from any thread. Cost: one short
// lock per call, whatever the number of items pushed; a batch is walked under it: ask for
// tens, not thousands. `size` and `empty` are one
// load, so that looking in vain costs nobody the lock.
//
// Protocol:
//  1. The list is only touched under the lock, which also hands over what was written before a push.
//  2. The number of items is written under the lock and read without it. It may be old: a worker that sees 0 looks
//     again later, and before it sleeps asks `empty_for_sure`, which takes the lock. If it takes the lock after a
//     pusher, it sees the item; if before, the pusher sees all that the sleeper wrote before, its announcement first of
//     all, provided that the pusher looks for sleepers after its push.
#ifndef BASTION_EXECUTOR_NODE_QUEUE_HPP
#define BASTION_EXECUTOR_NODE_QUEUE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/base/spin_lock.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>

namespace bastion::detail {

template <class T, class Atomics = std_atomics>
class node_queue {
public:
    // Items linked through next; the last one's next is null.
    struct chain {
        T* first = nullptr;
        T* last = nullptr;
        std::size_t size = 0;

        void push_back(T* item) noexcept {
            item->next = nullptr;
            (last != nullptr ? last->next : first) = item;
            last = item;
            ++size;
        }
    };

    node_queue() noexcept = default;
    node_queue(const node_queue&) = delete;
    node_queue& operator=(const node_queue&) = delete;

    void push_back(T* item) noexcept { push_chain(item, item, 1); }

    // `n` items linked from first to last; whatever last->next is.
    void push_chain(T* first, T* last, std::size_t n) noexcept {
        last->next = nullptr;
        const std::lock_guard guard(lock_);
        if (last_ == nullptr) {
            first_ = first;
        } else {
            last_->next = first;
        }
        last_ = last;
        count(size_now() + n);
    }

    // The oldest item, its next null; null when empty.
    [[nodiscard]] T* pop_front() noexcept {
        chain one;
        pop_batch(1, one);
        return one.first;
    }

    // The oldest items, at most `max`, in their order; says how many. Overwrites `out`.
    std::size_t pop_batch(std::size_t max, chain& out) noexcept {
        out = chain{};
        if (max == 0 || empty()) return 0;
        const std::lock_guard guard(lock_);
        if (first_ == nullptr) return 0;
        out.first = out.last = first_;
        for (out.size = 1; out.size < max && out.last->next != nullptr; ++out.size) out.last = out.last->next;
        first_ = out.last->next;
        if (first_ == nullptr) last_ = nullptr;
        out.last->next = nullptr;
        count(size_now() - out.size);
        return out.size;
    }

    // Approximate. relaxed: partner is the store in count; it publishes nothing, the lock does.
    [[nodiscard]] std::size_t size() const noexcept { return size_now(); }
    [[nodiscard]] bool empty() const noexcept { return size_now() == 0; }

    // Takes the lock: step 2.
    [[nodiscard]] bool empty_for_sure() noexcept {
        const std::lock_guard guard(lock_);
        return first_ == nullptr;
    }

private:
    [[nodiscard]] std::size_t size_now() const noexcept { return size_.load(std::memory_order_relaxed); }
    // relaxed: partner is the load in size and empty.
    void count(std::size_t n) noexcept { size_.store(n, std::memory_order_relaxed); }

    alignas(cache_line) typename Atomics::template atomic<std::size_t> size_{0}; // Invariant: written under the lock.
    basic_spin_lock<Atomics> lock_; // Guards the list.
    T* first_ = nullptr;
    T* last_ = nullptr; // Invariant: null iff first_ is; last_->next is null.
};

} // namespace bastion::detail

#endif
