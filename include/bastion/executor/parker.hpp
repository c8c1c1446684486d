// Puts one thread to sleep and wakes it, on a futex.
//
// Called by workers without work and by plain threads that wait for a result. Promises: an unpark is remembered until
// the next park takes it (once, however often it was called), so none is lost between looking for work and sleeping.
// Thread safety: park from one thread at a time (the owner), unpark from any. The object may be destroyed as soon as
// park has returned because of the last unpark, even if that unpark has not returned yet.
// Cost: park with a token and unpark of a thread that is awake: one read-modify-write; a system call only to sleep and
// to wake a sleeper.
//
// Protocol: one word: empty, token, asleep.
//  1. park: CAS empty -> asleep . Failure means token: go to 4.
//  2. The kernel sleeps only while the word still says asleep, so an unpark after 1 is not missed.
//  3. Woken, by whatever: if the word still says asleep and time is left, back to 2.
//  4. exchange(empty, acquire): a token is taken, even one that came after the time-out.
//  5. unpark: exchange(token, release). Only if it replaced asleep: wake. The wake may come late and hit a stranger's
//     word or none at all: futexes bear that, every sleeper checks its word.
#ifndef BASTION_EXECUTOR_PARKER_HPP
#define BASTION_EXECUTOR_PARKER_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <atomic>
#include <cstdint>
#include <limits>

namespace bastion::detail {

// Sleeps while `word` is `expected`, at most timeout_ns (< 0: for ever) on the monotonic clock. May return early for
// no reason. False: the time is over.
BASTION_API bool futex_wait(
    const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t timeout_ns) noexcept;
// The same until a point of the monotonic clock, in ns (< 0: for ever).
BASTION_API bool futex_wait_until(
    const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns) noexcept;
// Wakes up to n threads that sleep on the word.
BASTION_API void futex_wake(const std::atomic<std::uint32_t>& word, int n) noexcept;
// Nanoseconds of the monotonic clock.
[[nodiscard]] BASTION_API std::int64_t monotonic_ns() noexcept;

// What the parker asks of the system; a model of threads brings its own.
struct futex_kernel {
    [[nodiscard]] static std::int64_t now_ns() noexcept { return monotonic_ns(); }
    static bool wait_until(
        const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns) noexcept {
        return futex_wait_until(word, expected, deadline_ns);
    }
    static void wake_one(const std::atomic<std::uint32_t>& word) noexcept { futex_wake(word, 1); }
};

template <class Atomics = std_atomics, class Kernel = futex_kernel>
class basic_parker {
public:
    basic_parker() noexcept = default;
    basic_parker(const basic_parker&) = delete;
    basic_parker& operator=(const basic_parker&) = delete;

    // Sleeps until there is a token, and takes it; at most timeout_ns (< 0: for ever). True: a token was taken.
    bool park(std::int64_t timeout_ns) {
        if (timeout_ns == 0) return take();
        std::uint32_t seen = empty;
        // relaxed: take() does the acquiring, on every way out.
        if (!word_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed, std::memory_order_relaxed)) {
            return take();
        }
        const std::int64_t deadline = timeout_ns < 0 ? -1 : after(Kernel::now_ns(), timeout_ns);
        // relaxed: only says whether to sleep on.
        while (word_.load(std::memory_order_relaxed) == asleep) {
            if (!Kernel::wait_until(word_, asleep, deadline)) break;
        }
        return take();
    }

    // Gives the token. What was written before is seen by the park that takes it.
    void unpark() noexcept {
        // release: pairs with the acquire in take.
        if (word_.exchange(token, std::memory_order_release) == asleep) Kernel::wake_one(word_);
    }

    // Whether there is a token, which the next park takes. relaxed: a hint for the owner, who asks while it is awake.
    [[nodiscard]] bool is_told() const noexcept { return word_.load(std::memory_order_relaxed) == token; }

private:
    static constexpr std::uint32_t empty = 0;
    static constexpr std::uint32_t token = 1;
    static constexpr std::uint32_t asleep = 2;

    // acquire: pairs with the release in unpark.
    bool take() noexcept { return word_.exchange(empty, std::memory_order_acquire) == token; }

    static std::int64_t after(std::int64_t now, std::int64_t ns) noexcept {
        constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
        return now > never - ns ? never : now + ns;
    }

    typename Atomics::template atomic<std::uint32_t> word_{empty};
};

using parker = basic_parker<>;

} // namespace bastion::detail

#endif
