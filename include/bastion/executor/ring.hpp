// A worker's own queue: a bounded ring of pointers, first in first out, from which other workers take half.
//
// The owner pushes at the tail and pops at the head; a thief moves half of what is there, the oldest, into its own
// ring at one go. Promises: every pushed item comes out exactly once, to the owner in the order of pushing; what was
// written before a push is seen by whoever gets the item. Push never waits: a full ring says so, and the owner moves
// half of it to the node's queue (pop_half).
// Thread safety: push, pop, pop_half by the owner only; steal_half by any thread that owns the ring it steals into;
// size and empty by anyone, approximately. Cost: push is two loads and two stores; pop one read-modify-write, or none
// where there are no thieves (`has_thieves` false: a runtime of one worker; it must not change while thieves look).
//
// Protocol:
//  1. Items with numbers head <= i < tail lie in slot i % Capacity. Numbers only grow.
//  2. push (owner): full if tail - head = Capacity; the load of head acquires, so that reads of a slot by thieves who
//     moved head past it happen before it is overwritten. Write the slot, then store tail (release).
//  3. pop (owner): read slot head, then CAS head to head + 1. Losing means a thief was faster: again.
//  4. steal_half: load head, then tail (acquire: the slots up to it are seen). Copy the slots first, to beyond the tail of
//     the own ring where nobody looks, then CAS head by their number (release: the reads come before 2's overwriting).
//     Losing means the copies may be wrong: forget them, again. Then store the own tail (release).
//     Head needs no order: the CAS confirms it. Beside a tail that is older than it, it looks like more than Capacity:
//     again, until that tail is seen.
//  5. A copy read from a slot that has been overwritten meanwhile is never used: overwriting needs head to have moved,
//     which makes the CAS fail. Head cannot return to an old value: it has 64 bits, and no thief sleeps through 2^64
//     pops (32 bits would be passed in less than a minute). That is all there is of ABA.
//
// Why head is released by thieves and acquired in 2: slots are relaxed, so nothing else keeps a thief's read of a slot (4)
// before the owner's next write to it (2). With a relaxed CAS the read could take effect after it: the owner sees the new
// head, overwrites the slot, and the thief, whose CAS has succeeded, holds the item of another lap. The release puts the
// read before the CAS, the acquire puts the write after it. The same holds for the own ring of a thief, whose slots the
// next thief reads.
//
// A push ends in a release store only, which nothing orders with a sleeper's last look: that one may miss the item. The
// owner, who is awake, takes it, or wakes somebody at its next turn.
#ifndef BASTION_EXECUTOR_RING_HPP
#define BASTION_EXECUTOR_RING_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

template <class T, std::size_t Capacity = 256, class Atomics = std_atomics>
class fifo_ring {
    static_assert(Capacity >= 2 && (Capacity & (Capacity - 1)) == 0, "a power of two");

public:
    static constexpr std::size_t capacity = Capacity;

    fifo_ring() noexcept = default;
    fifo_ring(const fifo_ring&) = delete;
    fifo_ring& operator=(const fifo_ring&) = delete;

    // Owner. False: full.
    [[nodiscard]] bool push(T* item) noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed); // Own.
        // acquire: pairs with the release in steal_half's CAS.
        if (tail - head_.load(std::memory_order_acquire) == Capacity) return false;
        slot(tail).store(item, std::memory_order_relaxed); // Published by tail.
        // release: pairs with the acquire of tail in steal_half.
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // Owner. The oldest item, null when empty.
    [[nodiscard]] T* pop(bool has_thieves = true) noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed); // Own.
        std::uint64_t head = head_.load(std::memory_order_relaxed); // Confirmed by the CAS.
        while (head != tail) {
            T* const item = slot(head).load(std::memory_order_relaxed); // Own writing.
            if (!has_thieves) {
                // release: pairs with the acquire in size.
                head_.store(head + 1, std::memory_order_release);
                return item;
            }
            // release: pairs with the acquire of head in size, whose tail is then never behind its head.
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release, std::memory_order_relaxed)) {
                return item;
            }
        }
        return nullptr;
    }

    // Owner. Moves the older half, rounded up, to out, which has room for Capacity / 2; says how many.
    [[nodiscard]] std::size_t pop_half(T** out) noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed); // Own.
        std::uint64_t head = head_.load(std::memory_order_relaxed); // Confirmed by the CAS.
        while (head != tail) {
            const std::uint64_t n = half(tail - head);
            for (std::uint64_t i = 0; i < n; ++i) out[i] = slot(head + i).load(std::memory_order_relaxed);
            // release: as in pop.
            if (head_.compare_exchange_weak(head, head + n, std::memory_order_release, std::memory_order_relaxed)) {
                return static_cast<std::size_t>(n);
            }
        }
        return 0;
    }

    // Another worker, the owner of `into`. Takes the older half, rounded up (or as much as `into` has room for): the
    // oldest item as `first`, the others in their order into `into`. A single item is left alone unless take_last.
    // Says how many were taken; 0 leaves `first` alone.
    [[nodiscard]] std::size_t steal_half(fifo_ring& into, T*& first, bool take_last = false) noexcept {
        assert(&into != this);
        const std::uint64_t into_tail = into.tail_.load(std::memory_order_relaxed); // The caller's own.
        // acquire: as in push; the slots beyond the tail are about to be overwritten.
        const std::uint64_t room = Capacity - (into_tail - into.head_.load(std::memory_order_acquire));
        std::uint64_t head = head_.load(std::memory_order_relaxed); // Confirmed by the CAS.
        for (;;) {
            // acquire: pairs with the release in push and at the end of this function.
            const std::uint64_t available = tail_.load(std::memory_order_acquire) - head;
            if (available == 0 || (available == 1 && !take_last)) return 0;
            if (available > Capacity) { // The two do not belong together.
                head = head_.load(std::memory_order_relaxed);
                continue;
            }
            const std::uint64_t n = std::min(half(available), room + 1);
            T* const oldest = slot(head).load(std::memory_order_relaxed); // Seen by tail's acquire, valid by the CAS.
            for (std::uint64_t i = 1; i < n; ++i) {
                T* const item = slot(head + i).load(std::memory_order_relaxed);
                into.slot(into_tail + i - 1).store(item, std::memory_order_relaxed); // Published by into's tail.
            }
            // release: pairs with the acquires of head in push, in size and at the start of this function.
            if (head_.compare_exchange_strong(head, head + n, std::memory_order_release, std::memory_order_relaxed)) {
                // release: pairs with the acquire of tail in other thieves.
                if (n > 1) into.tail_.store(into_tail + n - 1, std::memory_order_release);
                first = oldest;
                return static_cast<std::size_t>(n);
            }
        }
    }

    // Anyone; approximately: head may be older than tail. Not 0 while it is never empty.
    [[nodiscard]] std::size_t size() const noexcept {
        // acquire: pairs with the releases of head in pop, pop_half and steal_half: tail is not behind it.
        const std::uint64_t head = head_.load(std::memory_order_acquire);
        // relaxed: nothing is read by it, and it is as new as head demands.
        const std::uint64_t n = tail_.load(std::memory_order_relaxed) - head;
        return static_cast<std::size_t>(std::min<std::uint64_t>(n, Capacity));
    }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    using slot_type = typename Atomics::template atomic<T*>;

    static constexpr std::uint64_t half(std::uint64_t n) noexcept { return n - n / 2; }
    slot_type& slot(std::uint64_t number) noexcept { return slots_[number & (Capacity - 1)]; }

    alignas(cache_line) typename Atomics::template atomic<std::uint64_t> head_{0}; // Owner and thieves.
    // Invariant: only the owner writes; head_ <= tail_ <= head_ + Capacity.
    alignas(cache_line) typename Atomics::template atomic<std::uint64_t> tail_{0};
    std::array<slot_type, Capacity> slots_{};
};

} // namespace bastion::detail

#endif
