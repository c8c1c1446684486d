// The inbox word: one 64-bit word that holds the unread mail of a process and decides who schedules it.
//
// Used by every sender, every waker and the running worker. A push, a drain and a park are one read-modify-write each,
// and a message to a process that waits for one needs no drain: its sender hands it over.
//
//   63                    22 21       12 11        4    3      2          1            0
//   [ newest node >> 6 : 42 ][ length:10 ][ gen8 : 8 ][wake][ open ][parked other][parked mail]
//
// Both park bits: the process is not parked, and may linger (worker.hpp): it runs, or its worker has put its park off.
//
// Protocol:
//  1. push: if the word says parked_on_mail, which implies that it holds no node, a CAS clears that bit: this sender has
//     the right to run the process, and with it the right to the process' own list of mail. It puts the node there
//     itself and schedules. Otherwise a CAS puts in the node as the newest; parked_elsewhere is preserved and gives no
//     right. A word that is not open, or of another generation, refuses.
//  2. unpark (timer, completion, signal): CAS away whichever park bit is set: the winner schedules. If none is set, the
//     process runs or is about to: set `wake`, so that its next park fails and it looks again.
//  3. park (the worker, after the resume has returned): CAS a park bit in, which fails while `wake` is set, or, for
//     mail, while there is any. So nobody has to look at the frame after the park was published.
//  4. drain (the right to run): one exchange takes all mail, newest first. If it swallowed a `wake`, it says so, and
//     the caller must look at everything again before it parks.
//  5. hand_over (the owner of a process that it gives up, and that may run): one CAS takes all mail and puts another generation in, so
//     senders are refused from then on. A drain that has read the word before puts the old one back, perhaps: then what still comes is
//     found by the next drain, or by the close, and is stale.
//  6. begin_lingering (the worker, in place of a park): a CAS sets both park bits, if there is nothing that a park would fail on; where they are set
//     already it is a load. From then on who pushes or unparks is told, and calls a thief, which looks at those who linger beside a long turn. A
//     drain and a park take the bits away.
//  7. close (the right to run): one exchange to zero returns the last mail; an all-zero word reads as closed and free.
// Orders: who hands something over (a message, a wake-up, with the park the process itself) releases; who takes it
// acquires. Nothing needs more: every race is decided by changes of this one word, and those are in one order anyhow.
// A waker writes what it has to tell before it changes the word, a worker looks for it before it does: whoever comes
// second has seen the other. A plain load before a CAS is relaxed, the CAS confirms it; a failed CAS only shows the next.
#ifndef BASTION_PROCESS_INBOX_HPP
#define BASTION_PROCESS_INBOX_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <cstddef>
#include <cstdint>

namespace bastion::detail {

enum class push_result : std::uint8_t {
    refused,
    queued, // the node lies in the word
    queued_beside, // the same, and the process may linger beside another: call a thief
    claimed, // the node is still the caller's, and the right to run, too: hand it over, then schedule
};

// Node: aligned to 64 bytes, with a member `Node* next`.
enum class unpark_result : std::uint8_t {
    runs, // it will look again before it parks; or it is closed
    lingers, // the same, and it may linger beside another: call a thief
    claimed, // the right to run is the caller's: schedule
};

template <class Node, class Atomics = std_atomics>
class basic_inbox {
    static constexpr std::uint64_t parked_mail = 1;
    static constexpr std::uint64_t parked_other = 2;
    static constexpr std::uint64_t park_mask = parked_mail | parked_other;
    static constexpr std::uint64_t lingers = park_mask;
    static constexpr std::uint64_t is_open = 4;
    static constexpr std::uint64_t wake = 8;
    static constexpr unsigned gen_shift = 4;
    static constexpr std::uint64_t gen_mask = std::uint64_t{0xff} << gen_shift;
    static constexpr unsigned len_shift = 12;
    static constexpr std::uint64_t len_one = std::uint64_t{1} << len_shift;
    static constexpr std::uint64_t len_mask = std::uint64_t{0x3ff} << len_shift;
    static constexpr unsigned ptr_shift = 22;
    static constexpr std::uint64_t ptr_mask = ~((std::uint64_t{1} << ptr_shift) - 1);

public:
    struct drained {
        Node* newest;
        bool woken; // look at everything again before parking
    };

    [[nodiscard]] BASTION_INLINE push_result push(Node* node, std::uint64_t generation) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // confirmed by the CAS
        for (;;) {
            if ((seen & is_open) == 0 || ((seen & gen_mask) >> gen_shift) != (generation & 0xff))
                return push_result::refused;
            if ((seen & park_mask) == parked_mail) {
                // acquire: pairs with the park.
                if (word_.compare_exchange_weak(
                        seen, seen & ~parked_mail, std::memory_order_acquire, std::memory_order_relaxed))
                    return push_result::claimed;
                continue;
            }
            node->next = pointer(seen);
            const std::uint64_t length = (seen & len_mask) == len_mask ? len_mask : (seen & len_mask) + len_one;
            const std::uint64_t next = pack(node) | length | (seen & (gen_mask | wake | is_open | park_mask));
            // release: pairs with drain and close.
            if (word_.compare_exchange_weak(seen, next, std::memory_order_release, std::memory_order_relaxed))
                return (seen & park_mask) == lingers ? push_result::queued_beside : push_result::queued;
        }
    }

    [[nodiscard]] unpark_result unpark() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // confirmed by the CAS
        for (;;) {
            if ((seen & is_open) == 0) return unpark_result::runs;
            const std::uint64_t park = seen & park_mask;
            if (park == parked_mail || park == parked_other) {
                // acquire: pairs with the park.
                if (word_.compare_exchange_weak(
                        seen, seen & ~park_mask, std::memory_order_acquire, std::memory_order_relaxed))
                    return unpark_result::claimed;
            } else {
                // Also when `wake` is set already: the exchange of a drain orders itself after this.
                // release: pairs with whoever takes the wake-up: the park that fails, or a drain.
                if (word_.compare_exchange_weak(
                        seen, seen | wake, std::memory_order_release, std::memory_order_relaxed))
                    return park == lingers ? unpark_result::lingers : unpark_result::runs;
            }
        }
    }

    // False: there is mail or a wake-up; the caller looks again. True: the right to run is gone.
    [[nodiscard]] BASTION_INLINE bool park_on_mail() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // confirmed by the CAS
        for (;;) {
            if ((seen & ptr_mask) != 0) return false;
            if ((seen & wake) != 0) {
                word_.fetch_and(~wake, std::memory_order_acquire); // pairs with unpark
                return false;
            }
            // release: pairs with who clears the bit: push and unpark.
            if (word_.compare_exchange_weak(
                    seen, (seen & ~park_mask) | parked_mail, std::memory_order_release, std::memory_order_relaxed))
                return true;
        }
    }
    [[nodiscard]] bool park_elsewhere() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // confirmed by the CAS
        for (;;) {
            if ((seen & wake) != 0) {
                word_.fetch_and(~wake, std::memory_order_acquire); // pairs with unpark
                return false;
            }
            // release: pairs with who clears the bit: unpark.
            if (word_.compare_exchange_weak(
                    seen, (seen & ~park_mask) | parked_other, std::memory_order_release, std::memory_order_relaxed))
                return true;
        }
    }

    // In place of a park that comes later. False: there is mail, if that is waited for, or a wake-up.
    [[nodiscard]] BASTION_INLINE bool begin_lingering(bool on_mail) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // what comes later is told by the bits
        for (;;) {
            if ((seen & (on_mail ? ptr_mask | wake : wake)) != 0) return false;
            if ((seen & park_mask) == lingers) return true;
            // relaxed: it hands nothing over.
            if (word_.compare_exchange_weak(seen, seen | lingers, std::memory_order_relaxed)) return true;
        }
    }
    // Whether a message may be handed over to one of that generation that lingers, by the holder of its right to run: whatever this thread has
    // sent before, or knows of, was taken out. relaxed: what it knows of it sees.
    [[nodiscard]] BASTION_INLINE bool lingers_empty(std::uint64_t generation) const noexcept {
        return word_.load(std::memory_order_relaxed) == (is_open | lingers | ((generation & 0xff) << gen_shift));
    }

    [[nodiscard]] BASTION_INLINE drained drain() noexcept {
        const std::uint64_t seen = word_.load(std::memory_order_relaxed); // only the stable bits are used
        // acquire: pairs with push and unpark.
        const std::uint64_t old = word_.exchange(seen & (gen_mask | is_open), std::memory_order_acquire);
        return {pointer(old), (old & wake) != 0};
    }

    // The newest; see 5.
    [[nodiscard]] Node* hand_over(std::uint64_t next_generation) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed); // confirmed by the CAS
        const std::uint64_t gen = (next_generation & 0xff) << gen_shift;
        // acquire: pairs with push.
        while (!word_.compare_exchange_weak(seen, (seen & (wake | is_open | parked_mail | parked_other)) | gen,
            std::memory_order_acquire, std::memory_order_relaxed)) {}
        return pointer(seen);
    }

    [[nodiscard]] BASTION_INLINE bool has_mail() const noexcept {
        // relaxed: the drain that follows acquires; a false "no" is corrected by the park.
        return (word_.load(std::memory_order_relaxed) & ptr_mask) != 0;
    }
    // acquire: pairs with the release of close; who sees that a process has ended sees what it did.
    [[nodiscard]] bool is_closed() const noexcept { return (word_.load(std::memory_order_acquire) & is_open) == 0; }
    // Messages not drained yet, up to 1023.
    [[nodiscard]] std::size_t length() const noexcept {
        return static_cast<std::size_t>((word_.load(std::memory_order_relaxed) & len_mask) >> len_shift);
    }

    // relaxed: who may push learns of the process by its address, and whoever passes that on orders it.
    void open(std::uint64_t generation) noexcept {
        word_.store(is_open | ((generation & 0xff) << gen_shift), std::memory_order_relaxed);
    }
    // acquire: pairs with push. release: pairs with is_closed.
    [[nodiscard]] Node* close() noexcept { return pointer(word_.exchange(0, std::memory_order_acq_rel)); }

private:
    [[nodiscard]] static Node* pointer(std::uint64_t word) noexcept {
        // Safety: nodes are 64-byte aligned and user-space addresses have 47 bits: nothing is cut off.
        return reinterpret_cast<Node*>(((word & ptr_mask) >> ptr_shift) << 6);
    }
    [[nodiscard]] static std::uint64_t pack(const Node* node) noexcept {
        return (reinterpret_cast<std::uint64_t>(node) >> 6) << ptr_shift;
    }

    typename Atomics::template atomic<std::uint64_t> word_{0};
};

} // namespace bastion::detail

#endif
