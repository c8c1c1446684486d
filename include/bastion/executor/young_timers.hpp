// The timers that a worker has armed last, before they go into its wheel: most are cancelled there, without its lock.
//
// A question's deadline is armed and, a few hops later, cancelled. In the wheel that would be two locked sections for a
// timer that never comes to count. So the worker puts what it arms itself into one of a few places; whoever looks at
// its wheel (it looks often enough) takes along what still lies in them.
// Thread safety: put only by the worker; collect under the wheel's lock, by whoever polls; take_back by anyone.
// Cost: put a load and a store; take_back a load and a CAS, without thieves a load and a store.
//
// Protocol:
//  1. The worker fills its places in turn, each only while it is empty. When the next one is not, it collects first: so
//     whatever is young was armed after all that the worker has in the wheel, and timers keep the order of arming.
//  2. Collect empties each place by an exchange and puts the timer into the wheel, under the wheel's lock.
//  3. Take_back empties the timer's own place by a CAS. If it does not lie there any more, it is in the wheel, or on its
//     way under the lock: who cancels takes the lock then, and finds it.
//  4. Who collects has said before that the wheel has news (wheel_notice.hpp). Before it sleeps the worker looks at its
//     places first and for news second: if it finds a place emptied by a collect, it sees the news, or what became of them.
#ifndef BASTION_EXECUTOR_YOUNG_TIMERS_HPP
#define BASTION_EXECUTOR_YOUNG_TIMERS_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/executor/timer_wheel.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

// Entry: with `std::uint8_t place`, which is `nowhere` until put says where it lies.
template <class Entry, std::size_t Places, class Atomics = std_atomics>
class basic_young_timers {
    static_assert((Places & (Places - 1)) == 0 && Places < 0xff);

public:
    static constexpr std::uint8_t nowhere = 0xff;

    basic_young_timers() = default;
    basic_young_timers(const basic_young_timers&) = delete;
    basic_young_timers& operator=(const basic_young_timers&) = delete;

    // Only the worker. False: there is no room; the caller collects.
    [[nodiscard]] bool put(Entry& entry) noexcept {
        // relaxed, all but the last: only this thread writes `next_`, and only it puts.
        const std::uint32_t place = next_.load(std::memory_order_relaxed);
        if (places_[place].load(std::memory_order_relaxed) != nullptr) return false;
        entry.place = static_cast<std::uint8_t>(place);
        next_.store((place + 1) % Places, std::memory_order_relaxed);
        places_[place].store(&entry, std::memory_order_release); // pairs with collect
        return true;
    }

    // Gives all to `into`, the oldest first. Under the wheel's lock, after the notice of news (4).
    template <class Into>
    void collect(Into&& into) {
        // relaxed: where to begin is a matter of order only, which a stranger that collects meanwhile does not keep.
        const std::uint32_t first = next_.load(std::memory_order_relaxed);
        for (std::uint32_t i = 0; i < Places; ++i) {
            auto& place = places_[(first + i) % Places];
            if (place.load(std::memory_order_relaxed) == nullptr) continue; // confirmed by the exchange
            // acquire: pairs with put. release: pairs with any.
            if (Entry* entry = place.exchange(nullptr, std::memory_order_acq_rel)) into(*entry);
        }
    }

    // False: it has never lain here, and take_back need not look. For who may take it back.
    [[nodiscard]] static bool was_put(const Entry& entry) noexcept { return entry.place != nowhere; }
    // Whose armer is known to be through with put. True: it has never been in the wheel, and belongs to the caller.
    // `alone`: nobody collects on another thread.
    [[nodiscard]] bool take_back(Entry& entry, bool alone) noexcept {
        if (!was_put(entry)) return false;
        auto& place = places_[entry.place];
        Entry* there = place.load(std::memory_order_relaxed); // confirmed by the CAS
        if (there != &entry) return false;
        if (alone) {
            place.store(nullptr, std::memory_order_relaxed);
            return true;
        }
        // relaxed: it hands nothing over; the next to put there needs nothing of this one.
        return place.compare_exchange_strong(there, nullptr, std::memory_order_relaxed, std::memory_order_relaxed);
    }

    // For others than the worker a hint.
    [[nodiscard]] bool any() const noexcept {
        for (const auto& place : places_)
            if (place.load(std::memory_order_acquire) != nullptr) return true; // pairs with collect
        return false;
    }

private:
    std::array<typename Atomics::template atomic<Entry*>, Places> places_{};
    typename Atomics::template atomic<std::uint32_t> next_{0}; // the place to fill next; the oldest, if it is full
};

using young_timers = basic_young_timers<timer_entry, 8>;

} // namespace bastion::detail

#endif
