// A worker's forked tasks: a work-stealing deque of pointers that grows.
//
// The owner pushes and pops at the bottom, the newest first; thieves steal at the top, the oldest first, which is the
// biggest piece of a divided job. Promises: every pushed item comes out exactly once; what was written before a push
// is seen by whoever gets the item. Thread safety: push and pop by the owner only; steal, empty, size by any thread.
// Cost: push is plain stores; pop one read-modify-write (none where there are no thieves: `has_thieves` false, which
// must not change while thieves look; none when it is empty); steal one. Buffers that became too small are kept until
// the deque is destroyed (together they are smaller than the last one), since a thief may still be reading.
//
// Protocol (Chase and Lev 2005; orders after Le, Pop, Cohen and Zappa Nardelli 2013, with seq_cst accesses in place of
// their fences; the CASes are weaker than theirs, for the loads of top have their places in the one order without them:
// docs/internals/model.md has the proof):
//  1. Items with numbers top <= i < bottom lie in slot i % size of the current buffer. Top only grows.
//  2. push (owner): write slot bottom, store bottom + 1 (release). A full buffer is copied into one twice as big before.
//  3. pop (owner): claim the newest by storing bottom - 1 (seq_cst), then load top (seq_cst). If top is smaller, no
//     thief can have got it: each loads bottom after top, so one that would take this number has seen the claim.
//     If they are equal it is the last: CAS top decides between owner and thieves. Else: empty, take the claim back.
//  4. steal: load top (seq_cst), load bottom (seq_cst), read slot top, CAS top to top + 1 (release: the read comes before
//     the owner's next write to that slot). Losing: somebody else got that item; what was read is forgotten.
//  5. A slot read by a thief may have been overwritten only if top has moved on: its CAS fails. Top has 63 bits and
//     never returns: no ABA.
//  6. Every store to bottom is at least release: whichever one a thief reads, it sees all slots below and their buffer.
//
// A push ends in a release store only: a sleep protocol needs a seq_cst step of its own (see ring.hpp).
#ifndef BASTION_EXECUTOR_FORK_DEQUE_HPP
#define BASTION_EXECUTOR_FORK_DEQUE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace bastion::detail {

template <class T, std::size_t InitialCapacity = 64, class Atomics = std_atomics>
class fork_deque {
    static_assert(InitialCapacity >= 2 && (InitialCapacity & (InitialCapacity - 1)) == 0, "a power of two");

public:
    // Allocates nothing: the first push does.
    fork_deque() noexcept = default;
    fork_deque(const fork_deque&) = delete;
    fork_deque& operator=(const fork_deque&) = delete;
    ~fork_deque() {
        for (buffer* b = buffer_.load(std::memory_order_relaxed); b != nullptr;) b = buffer::destroy(b);
    }

    // Owner. Throws std::bad_alloc (and has done nothing) when it must grow and cannot.
    void push(T* item) {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed); // Own.
        buffer* b = buffer_.load(std::memory_order_relaxed); // Own.
        if (bottom >= limit_) [[unlikely]]
            b = make_room(b, bottom);
        b->slot(bottom).store(item, std::memory_order_relaxed); // Published by bottom.
        // release: pairs with the load of bottom in steal.
        bottom_.store(bottom + 1, std::memory_order_release);
    }

    // Owner. The newest item; null when there is none.
    [[nodiscard]] T* pop(bool has_thieves = true) noexcept {
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed); // Own.
        // relaxed: top only grows, so that an old value can only make us look closer.
        if (top_.load(std::memory_order_relaxed) >= bottom) return nullptr;
        buffer* const b = buffer_.load(std::memory_order_relaxed); // Own.
        const std::int64_t newest = bottom - 1;
        if (!has_thieves) {
            bottom_.store(newest, std::memory_order_release); // As everywhere (6).
            return b->slot(newest).load(std::memory_order_relaxed);
        }
        bottom_.store(newest); // seq_cst, before the load of top: step 3. Releases, too (6).
        std::int64_t top = top_.load();
        if (top < newest) return b->slot(newest).load(std::memory_order_relaxed);
        T* item = nullptr;
        if (top == newest) {
            item = b->slot(newest).load(std::memory_order_relaxed);
            // relaxed: only who gets it is decided here.
            if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_relaxed, std::memory_order_relaxed))
                item = nullptr;
        }
        // release: pairs with the load of bottom in steal (6).
        bottom_.store(bottom, std::memory_order_release);
        return item;
    }

    // Anyone. The oldest item; null when there is none or, with *lost true, when somebody else got it.
    [[nodiscard]] T* steal(bool* lost = nullptr) noexcept {
        if (lost != nullptr) *lost = false;
        std::int64_t top = top_.load(); // seq_cst, before the load of bottom: step 4.
        const std::int64_t bottom = bottom_.load(); // seq_cst; also acquires what the stores of bottom release.
        if (top >= bottom) return nullptr;
        // acquire: pairs with the release in make_room.
        T* const item = buffer_.load(std::memory_order_acquire)->slot(top).load(std::memory_order_relaxed);
        // release: pairs with the acquire of top in make_room, and in size.
        if (top_.compare_exchange_strong(top, top + 1, std::memory_order_release, std::memory_order_relaxed))
            return item;
        if (lost != nullptr) *lost = true;
        return nullptr;
    }

    // Anyone; approximately: top may be older than bottom. Not 0 while it is never empty, except for a moment in which
    // the owner tries for the last item.
    [[nodiscard]] std::size_t size() const noexcept {
        // acquire: pairs with the CAS in steal: bottom is not behind it.
        const std::int64_t top = top_.load(std::memory_order_acquire);
        // relaxed: nothing is read by it, and it is as new as top demands.
        const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
        return bottom > top ? static_cast<std::size_t>(bottom - top) : 0;
    }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    using slot_type = typename Atomics::template atomic<T*>;

    // The slots follow the header in the same allocation.
    class alignas(cache_line) buffer {
    public:
        static buffer* make(std::size_t capacity, buffer* older) {
            void* const raw = ::operator new(sizeof(buffer) + capacity * sizeof(slot_type), alignment);
            auto* const b = ::new (raw) buffer(capacity, older);
            std::uninitialized_default_construct_n(b->slots(), capacity);
            return b;
        }
        // Returns the older one.
        static buffer* destroy(buffer* b) noexcept {
            buffer* const older = b->older_;
            std::destroy_n(b->slots(), b->capacity());
            b->~buffer();
            ::operator delete(b, alignment);
            return older;
        }
        [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }
        slot_type& slot(std::int64_t number) noexcept { return slots()[static_cast<std::size_t>(number) & mask_]; }

    private:
        static constexpr std::align_val_t alignment{cache_line};

        buffer(std::size_t capacity, buffer* older) noexcept : mask_(capacity - 1), older_(older) {}
        // Safety: `make` allocated and constructed them behind the header, whose size is a multiple of their alignment.
        slot_type* slots() noexcept { return reinterpret_cast<slot_type*>(this + 1); }

        std::size_t mask_;
        buffer* older_;
    };

    // Owner. Sets limit_ beyond bottom; grows if need be.
    BASTION_COLD buffer* make_room(buffer* current, std::int64_t bottom) {
        // acquire: pairs with the CAS in steal: thieves have read the slots below top.
        const std::int64_t top = top_.load(std::memory_order_acquire);
        std::size_t capacity = current == nullptr ? 0 : current->capacity();
        if (bottom - top >= static_cast<std::int64_t>(capacity)) {
            capacity = capacity == 0 ? InitialCapacity : 2 * capacity;
            buffer* const bigger = buffer::make(capacity, current);
            for (std::int64_t i = top; i < bottom; ++i) {
                bigger->slot(i).store(current->slot(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
            }
            // release: pairs with the acquire of the buffer in steal.
            buffer_.store(bigger, std::memory_order_release);
            current = bigger;
        }
        limit_ = top + static_cast<std::int64_t>(capacity);
        return current;
    }

    alignas(cache_line) typename Atomics::template atomic<std::int64_t> top_{0}; // Thieves, and the owner's last item.
    // Invariant: only the owner writes what follows.
    alignas(cache_line) typename Atomics::template atomic<std::int64_t> bottom_{0};
    typename Atomics::template atomic<buffer*> buffer_{nullptr};
    std::int64_t limit_ = 0; // Bottom may grow to here: capacity and a value top once had.
};

} // namespace bastion::detail

#endif
