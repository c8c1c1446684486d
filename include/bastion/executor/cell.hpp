// Completion cells: every event that another thread may report to a waiting coroutine goes through one.
//
// Protocol: a cell has an asker, at most one completer (who holds the right to answer, so there is exactly one) and
// at most one timer.
//  1. The asker makes the cell `pending`. The completer writes the payload, then exchanges the state to `completed`:
//     if it was `pending` it wakes the owner; if it was `abandoned` it frees the payload and the cell.
//  2. The timer's firing is one CAS `pending` -> `timed_out`; the winner wakes the owner.
//  3. The asker that reads `completed` takes the payload and frees the cell. The asker that gives up (time-out taken,
//     frame destroyed) first cancels the timer, then exchanges the state to `abandoned`: if it was `completed` the asker
//     frees payload and cell, else the completer will, or nobody if there is none (a sleep).
// A cell is recycled only when both sides are done with it; so no side can meet a stranger in it, and a generation is
// not needed to tell (docs/internals/cells.md).
#ifndef BASTION_EXECUTOR_CELL_HPP
#define BASTION_EXECUTOR_CELL_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/executor/runnable.hpp>
#include <bastion/executor/timer_wheel.hpp>

#include <cstdint>

namespace bastion::detail {

enum class cell_state : std::uint32_t { pending, completed, timed_out, abandoned };

enum class cell_event : std::uint8_t {
    none,
    wake_owner, // the owner waits: unpark it
    free_payload, // the other side is gone: free the payload and the cell
};

// The state word of a cell, a template over the atomics policy so that its interleavings can be explored.
template <class Atomics = std_atomics>
class basic_cell_word {
public:
    // acquire: pairs with complete; who sees the answer may take it.
    [[nodiscard]] cell_state load() const noexcept {
        return static_cast<cell_state>(state_.load(std::memory_order_acquire));
    }

    // release: pairs with load and abandon. acquire: pairs with abandon, after which the cell is the completer's. The
    // wake-up that follows changes the inbox word as the owner's park does: one of them comes second and sees the other.
    [[nodiscard]] cell_event complete() noexcept {
        switch (static_cast<cell_state>(state_.exchange(raw(cell_state::completed), std::memory_order_acq_rel))) {
        case cell_state::pending: return cell_event::wake_owner;
        case cell_state::timed_out: return cell_event::none; // the asker will see `completed` and free
        default: return cell_event::free_payload;
        }
    }

    // relaxed: it hands nothing over, and who gives the cell back has taken the wheel's lock since (or is this thread).
    [[nodiscard]] bool time_out() noexcept {
        auto expected = raw(cell_state::pending);
        return state_.compare_exchange_strong(
            expected, raw(cell_state::timed_out), std::memory_order_relaxed, std::memory_order_relaxed);
    }

    // True: the completer was faster, payload and cell are the asker's to free. acq_rel: pairs with complete.
    [[nodiscard]] bool abandon() noexcept {
        return state_.exchange(raw(cell_state::abandoned), std::memory_order_acq_rel) == raw(cell_state::completed);
    }

    // For plain threads, which sleep on the word itself.
    [[nodiscard]] typename Atomics::template atomic<std::uint32_t>& word() noexcept { return state_; }

private:
    [[nodiscard]] static constexpr std::uint32_t raw(cell_state s) noexcept { return static_cast<std::uint32_t>(s); }

    typename Atomics::template atomic<std::uint32_t> state_{raw(cell_state::pending)};
};

// What a cell's timer does when its time has come.
BASTION_API void fire_cell(timer_entry* timer, void* fired);

struct alignas(64) completion_cell {
    explicit completion_cell(runnable* waits) noexcept : owner(waits) {}

    basic_cell_word<> word;
    runnable* owner; // null: a plain thread sleeps on the word
    void* payload = nullptr; // Invariant: written by the completer before `completed`, by nobody else
    timer_entry timer{&fire_cell};

    [[nodiscard]] static completion_cell* make(runnable* owner) { return make(owner, this_thread().blocks()); }
    [[nodiscard]] static completion_cell* make(runnable* owner, pool_cache& pool) {
        return ::new (pool.allocate(sizeof(completion_cell))) completion_cell(owner);
    }
    static void recycle(completion_cell* cell) noexcept { pool_delete(cell); }
};

// Wakes whoever waits on the cell, after the word was completed or timed out by the caller. `owner` is read before
// that step, because the cell may be gone after it.
BASTION_API void wake_cell_owner(completion_cell* cell, runnable* owner) noexcept;

} // namespace bastion::detail

#endif
