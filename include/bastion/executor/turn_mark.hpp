// What a worker says of itself while it runs, so that others can take over from one that does not come back: that it is in a turn, and
// how many turns it has had; and how a worker without thieves gets some while it is in the midst of one.
//
// Written by the worker, read by the watchdog and for the figures. Where there is one worker its queues do without read-modify-writes (`has_thieves` in
// ring.hpp, fork_deque.hpp, young_timers.hpp), and a turn that does not end keeps all that waits there. Its slot (next_slot.hpp) does without wherever
// it is, since what lies there is stolen only in the midst of a turn that is long.
// Cost: two plain stores for each turn, a load when a process gives itself away, and where there are no thieves two stores for each step
// within a turn that counts on it.
//
// Protocol:
//  1. The worker says `turn` before each turn and `loop` after it. Whatever it does with its queues without a read-modify-write it does in
//     the loop, or in a step, which says so for as long as it lasts; and it asks has_thieves after it has said where it is.
//  2. Who lets thieves in says so first, then makes a heavy fence, and then looks where the worker is. In a turn: it has said so before
//     the fence, and will ask again, and be told of them. In a step: the step ends soon; then as in a turn. In the loop: it is not stuck, and
//     nobody is let in.
//  3. Thieves are sent away by who knows that none is left: their last writing happens before.
//  4. Who wants to look at the process that runs says so, makes a heavy fence, and then asks which one runs. A process that gives itself
//     away (to its mailbox, to a queue, to its owner) is taken from `current` first; then the worker asks whether somebody looks, and waits
//     until the look is over. One of them sees the other.
//  5. Who finds in a look that a process is not in hand may take from it what it touches in hand only. A process takes itself in hand as it
//     gives itself away (4), and asks then whether something was taken. One of them sees the other.
//  6. Who steals from the slot does as in 2, with a flag of its own, which one thief has at a time, and for no longer than it steals. It waits
//     for nobody: in the loop, or in a step, it leaves the slot alone.
// The fences are asymmetric: a light one costs the worker nothing, a heavy one makes all threads of the program pass a barrier.
#ifndef BASTION_EXECUTOR_TURN_MARK_HPP
#define BASTION_EXECUTOR_TURN_MARK_HPP

#include <bastion/base/asymmetric_fence.hpp>
#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <atomic>
#include <cstdint>

namespace bastion::detail {

template <class Atomics = std_atomics, class Fence = asymmetric_fence>
class basic_turn_mark {
    static constexpr std::uint64_t where_mask = 3;
    static constexpr std::uint64_t loop = 0;
    static constexpr std::uint64_t turn = 1;
    static constexpr std::uint64_t step_of_turn = turn + turn;
    static constexpr std::uint64_t one_turn = 4;

public:
    // `slot_is_robbed`: at any time, by whoever comes: where there are no such fences.
    explicit basic_turn_mark(bool has_thieves, bool slot_is_robbed = false) noexcept
        : has_thieves_(has_thieves), slot_is_robbed_(slot_is_robbed) {}
    basic_turn_mark(const basic_turn_mark&) = delete;
    basic_turn_mark& operator=(const basic_turn_mark&) = delete;

    // acquire: pairs with send_away; what the last of them has taken is seen.
    [[nodiscard]] bool has_thieves() const noexcept { return has_thieves_.load(std::memory_order_acquire); }
    // acquire: pairs with end_robbery.
    [[nodiscard]] bool slot_is_robbed() const noexcept { return slot_is_robbed_.load(std::memory_order_acquire); }

    // ---- the worker

    // From the loop.
    BASTION_INLINE void begin_turn() noexcept {
        // release: pairs with let_in; what it has done in the loop is seen.
        word_.store(word_.load(std::memory_order_relaxed) + (one_turn + turn), std::memory_order_release); // own
    }
    BASTION_INLINE void end_turn() noexcept {
        word_.store(word_.load(std::memory_order_relaxed) - turn, std::memory_order_relaxed); // the fence orders it (2)
        fence_.light();
    }
    // Another one in the midst of a turn, which ends in it.
    void count_nested_turn() noexcept {
        word_.store(word_.load(std::memory_order_relaxed) + one_turn, std::memory_order_relaxed); // own
    }

    // While one lives, the worker does something that counts on having no thieves, if it has none.
    class [[nodiscard]] step {
    public:
        BASTION_INLINE explicit step(basic_turn_mark& mark) noexcept
            : mark_(mark), before_(mark.word_.load(std::memory_order_relaxed)) { // own
            // Of a turn a step of it; of the loop, and of a step, no change.
            mark.word_.store(before_ + (before_ & turn), std::memory_order_relaxed);
            mark.fence_.light();
        }
        step(const step&) = delete;
        step& operator=(const step&) = delete;
        // release: pairs with let_in.
        BASTION_INLINE ~step() { mark_.word_.store(before_, std::memory_order_release); }

    private:
        basic_turn_mark& mark_;
        const std::uint64_t before_;
    };

    // The process that runs is anybody's from now on; `current` was taken back before.
    BASTION_INLINE void let_go() noexcept {
        fence_.light();
        if (looked_at_.load(std::memory_order_acquire)) [[unlikely]] // pairs with end_look
            wait_for_look();
    }

    // The process that runs is in hand, until `out_of_hand`: whoever looks leaves it alone. True: it was already.
    [[nodiscard]] bool in_hand() noexcept {
        const bool before = in_hand_.load(std::memory_order_relaxed); // own
        in_hand_.store(true, std::memory_order_relaxed); // the fence orders it (5)
        let_go();
        return before;
    }
    // release: pairs with is_in_hand; what was done in hand is seen.
    void out_of_hand() noexcept { in_hand_.store(false, std::memory_order_release); }

    // ---- anybody

    // True: until `end_robbery` the worker knows that somebody steals from its slot. False: it is in no turn, or somebody is at it already.
    [[nodiscard]] bool begin_robbery() noexcept {
        if (slot_is_robbed_.exchange(true, std::memory_order_acquire)) return false; // pairs with end_robbery
        fence_.heavy(); // orders it (2)
        const std::uint64_t where = word_.load(std::memory_order_acquire) & where_mask; // as in let_in
        if (where == turn) return true;
        end_robbery();
        return false;
    }
    // release: pairs with slot_is_robbed and begin_robbery.
    void end_robbery() noexcept { slot_is_robbed_.store(false, std::memory_order_release); }

    // How many turns it has begun. A number, which orders nothing.
    [[nodiscard]] std::uint64_t turns() const noexcept { return word_.load(std::memory_order_relaxed) / one_turn; }

    // ---- the watchdog

    // Whether it is in a turn, and in which: 0: it is not.
    [[nodiscard]] std::uint64_t turn_now() const noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire); // pairs with begin_turn
        return (word & where_mask) == loop ? 0 : word & ~where_mask;
    }
    // True: it is in a turn, and thieves may come. False: it is not.
    [[nodiscard]] bool let_in() noexcept {
        if (has_thieves_.load(std::memory_order_relaxed)) return true; // only this thread writes it
        has_thieves_.store(true, std::memory_order_relaxed); // the fence orders it (2)
        fence_.heavy();
        for (;;) {
            // acquire: pairs with begin_turn and the end of a step.
            const std::uint64_t where = word_.load(std::memory_order_acquire) & where_mask;
            if (where == turn) return true;
            if (where == loop) break;
            Atomics::yield();
        }
        send_away();
        return false;
    }
    // release: pairs with has_thieves.
    void send_away() noexcept { has_thieves_.store(false, std::memory_order_release); }

    // From here to `end_look` the process that `current` shows after it does not give itself away.
    void begin_look() noexcept {
        looked_at_.store(true, std::memory_order_relaxed); // the fence orders it (4)
        fence_.heavy();
    }
    // In a look: what the process that runs touches in hand only is to be left alone.
    [[nodiscard]] bool is_in_hand() const noexcept {
        return in_hand_.load(std::memory_order_acquire); // pairs with out_of_hand
    }
    void end_look() noexcept { looked_at_.store(false, std::memory_order_release); } // pairs with let_go

private:
    BASTION_COLD void wait_for_look() noexcept {
        while (looked_at_.load(std::memory_order_acquire)) Atomics::yield(); // pairs with end_look
    }

    typename Atomics::template atomic<std::uint64_t> word_{0}; // turns so far, and where it is
    typename Atomics::template atomic<bool> has_thieves_;
    typename Atomics::template atomic<bool> slot_is_robbed_;
    typename Atomics::template atomic<bool> looked_at_{false};
    typename Atomics::template atomic<bool> in_hand_{false};
    [[no_unique_address]] Fence fence_;
};

using turn_mark = basic_turn_mark<>;

} // namespace bastion::detail

#endif
