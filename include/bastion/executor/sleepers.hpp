// Who of the workers sleeps and who searches for work: the user-space side of sleep and wake.
//
// Called by workers when they run out of work and by whoever makes work. One atomic load tells a producer that nobody
// sleeps; only then is nothing to be done.
//
// Protocol (a worker that ran out of work):
//  1. enter_search: allowed while there are fewer than max(1, busy/2) searchers. A searcher that finds work leaves the
//     search first; the last one to leave wakes a sleeper, so that work keeps finding hands.
//  2. A searcher that found nothing leaves the search, sets its bit (seq_cst), and then looks at every queue once more.
//  3. Found something: it clears its bit itself; if a waker was faster, the token lies in its parker and only makes
//     one later park return at once.
//  4. Else it parks.
// Instead of 2 to 4 it may nap (naps.hpp).
// Protocol (a producer): puts the work where others see it, then asks whether anybody sleeps; clears one bit, the nearest
// worker's, and whoever cleared it unparks that worker.
//
// Orders: what orders the producer with the sleeper is the lock of the queue, which the sleeper's last look takes, too:
// if it takes the lock second, it sees the work; if first, the producer sees its announcement. Producers that only feed
// their own queue need no order: their own loop looks again at its next turn. `take_this` and the announcement order
// each other by the bit itself, for what is told to one worker (wheel_notice.hpp).
#ifndef BASTION_EXECUTOR_SLEEPERS_HPP
#define BASTION_EXECUTOR_SLEEPERS_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

template <std::size_t MaxWorkers = 2048, class Atomics = std_atomics>
class basic_sleepers {
    static constexpr std::size_t words = (MaxWorkers + 63) / 64;

public:
    // `workers`: of the plan. Spare ones sleep and search, too, with numbers of their own.
    explicit basic_sleepers(std::size_t workers) noexcept : workers_(workers) {}

    [[nodiscard]] bool any() const noexcept { return asleep_.load(std::memory_order_relaxed) != 0; }
    // acquire: pairs with announce_sleep; who sees a worker asleep sees all that it has done (rest.hpp).
    [[nodiscard]] std::size_t asleep() const noexcept { return asleep_.load(std::memory_order_acquire); }
    [[nodiscard]] bool anyone_searching() const noexcept { return searching_.load() != 0; }

    [[nodiscard]] bool enter_search() noexcept {
        const std::size_t asleep = asleep_.load(std::memory_order_relaxed); // a hint: the bound is soft
        const std::size_t most = workers_ > asleep + 3 ? (workers_ - asleep) / 2 : 1;
        if (searching_.load(std::memory_order_relaxed) >= most) return false;
        searching_.fetch_add(1);
        return true;
    }
    // True: it was the last searcher.
    [[nodiscard]] bool leave_search() noexcept { return searching_.fetch_sub(1) == 1; }

    // Whether this one sleeps, and nobody has taken it out. relaxed: a hint, which take_this confirms; or asked where all workers share
    // one thread.
    [[nodiscard]] bool sleeps(std::size_t worker) const noexcept {
        return (bits_[worker / 64].load(std::memory_order_relaxed) & bit(worker)) != 0;
    }

    // Step 2. The worker must look at every queue again before it parks.
    void announce_sleep(std::size_t worker) noexcept {
        asleep_.fetch_add(1, std::memory_order_release); // pairs with asleep
        bits_[worker / 64].fetch_or(bit(worker), std::memory_order_acquire); // pairs with withdraw
    }
    // Step 3 and after every park. True: nobody had cleared the bit.
    bool withdraw(std::size_t worker) noexcept {
        // release: pairs with announce_sleep, which then sees what `worker` was to be told.
        const bool mine = (bits_[worker / 64].fetch_and(~bit(worker), std::memory_order_release) & bit(worker)) != 0;
        if (mine) asleep_.fetch_sub(1, std::memory_order_relaxed);
        return mine;
    }
    // Steps 2 to 4 of a worker: announces, looks again, and parks unless it sees work. True: it has parked.
    template <class SeesWork, class Park>
    bool sleep(std::size_t worker, SeesWork sees_work, Park park) {
        announce_sleep(worker);
        const bool parks = !sees_work();
        if (parks) park();
        (void)withdraw(worker);
        return parks;
    }

    // Takes out the first of the `n` workers at(0), at(1)... that sleeps; -1: none of them does. The caller unparks it.
    template <class At>
    [[nodiscard]] int take(std::size_t n, At at) noexcept {
        if (!any()) return -1;
        for (std::size_t i = 0; i < n; ++i)
            if (const std::size_t worker = at(i); sleeps(worker) && take_this(worker)) return static_cast<int>(worker);
        return -1;
    }
    // Takes exactly this one; false: it does not sleep.
    [[nodiscard]] bool take_this(std::size_t worker) noexcept { return withdraw(worker); }

private:
    [[nodiscard]] static constexpr std::uint64_t bit(std::size_t worker) noexcept {
        return std::uint64_t{1} << (worker % 64);
    }

    const std::size_t workers_;
    alignas(cache_line) typename Atomics::template atomic<std::size_t> asleep_{0};
    // Invariant: a set bit was counted in asleep_ before; the count is never below the number of bits.
    std::array<typename Atomics::template atomic<std::uint64_t>, words> bits_{};
    alignas(cache_line) typename Atomics::template atomic<std::size_t> searching_{0};
};

using sleepers = basic_sleepers<>;

} // namespace bastion::detail

#endif
