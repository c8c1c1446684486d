// The system lane: signals to a process that overtake its mail. An intrusive stack many push and one drains.
//
// Used by supervision: adopt, exit, start, stop, monitor. A node is embedded in what it speaks of or comes from the
// pool; pushing never allocates.
//
// Protocol: push is a CAS; the sender that found the lane empty wakes the owner (the others know that it will look).
// drain is one exchange and returns the nodes in the order of their pushes. A closed lane is all zeros, as one whose pages were
// given back is: it refuses all pushes; who is refused handles the signal itself. An open one without signals has a mark.
#ifndef BASTION_PROCESS_SYSTEM_LANE_HPP
#define BASTION_PROCESS_SYSTEM_LANE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/chain.hpp>

#include <cstdint>

namespace bastion::detail {

enum class signal_kind : std::uint8_t;

struct system_signal {
    system_signal* next = nullptr;
    signal_kind kind{};
};

enum class lane_result : std::uint8_t { closed, queued, first };

// Signal: with a member `Signal* next`.
template <class Signal = system_signal, class Atomics = std_atomics>
class basic_system_lane {
public:
    [[nodiscard]] lane_result push(Signal* signal) noexcept {
        Signal* seen = head_.load(std::memory_order_relaxed); // confirmed by the CAS
        do {
            if (seen == nullptr) return lane_result::closed;
            signal->next = seen == nobody() ? nullptr : seen;
            // release: pairs with drain and close.
        } while (!head_.compare_exchange_weak(seen, signal, std::memory_order_release, std::memory_order_relaxed));
        return seen == nobody() ? lane_result::first : lane_result::queued;
    }

    [[nodiscard]] bool empty() const noexcept {
        const Signal* seen = head_.load(std::memory_order_relaxed); // a false "yes" is corrected by the wake-up
        return seen == nobody() || seen == nullptr;
    }

    // The signals, oldest first; null when there are none (or the lane is closed).
    [[nodiscard]] Signal* drain() noexcept {
        if (empty()) return nullptr;
        return reversed(head_.exchange(nobody(), std::memory_order_acquire)); // pairs with push
    }
    [[nodiscard]] Signal* close() noexcept {
        Signal* old = head_.exchange(nullptr, std::memory_order_acquire); // pairs with push
        return old == nobody() ? nullptr : reversed(old);
    }
    // relaxed: as the inbox' open.
    void open() noexcept { head_.store(nobody(), std::memory_order_relaxed); }

private:
    // Of a lane that is open and empty. Safety: never dereferenced; no object lives at address 1.
    [[nodiscard]] static Signal* nobody() noexcept { return reinterpret_cast<Signal*>(1); }

    typename Atomics::template atomic<Signal*> head_{nullptr}; // closed, as an inbox of zeros is
};

using system_lane = basic_system_lane<>;

} // namespace bastion::detail

#endif
