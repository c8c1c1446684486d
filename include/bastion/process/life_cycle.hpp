// The life cycle of a process: its states and the only functions that change them.
//
// The table is in docs/internals/life_cycle.md. A transition is made by whoever holds the right to run the block: the
// worker that runs it, or its owner between two incarnations; so the state itself needs no read-modify-write (others
// read it for snapshots only), and every race is decided by the inbox word or by the signal flags.
#ifndef BASTION_PROCESS_LIFE_CYCLE_HPP
#define BASTION_PROCESS_LIFE_CYCLE_HPP

#include <bastion/base/atomics.hpp>

#include <cstdint>

namespace bastion::detail {

enum class life : std::uint8_t {
    free,        // no process lives here
    starting,    // adopted or to be started; the body does not exist yet
    queued, // may run; lies in a run queue, or its owner is about to put it there. From here to `suspended` there is an incarnation
    running, // a worker runs it
    waiting, // parked; mail or a wake-up queues it
    draining, // asked to stop: finishes what it does, running or parked, then ends
    suspended, // parked in something that a kill must not cut off
    stopping, // its frame is being destroyed
    restarting, // an incarnation has ended, the owner decides
    exited, // ended for good; recycled when the owner has consumed the exit
};

struct transition {
    life from;
    life to;
};

// All there are; docs/internals/life_cycle.md says when each is made, and by whom.
inline constexpr transition transitions[] = {
    {life::free, life::starting},
    {life::starting, life::queued},
    {life::starting, life::waiting},
    {life::starting, life::exited},
    {life::starting, life::free},
    {life::queued, life::running},
    {life::running, life::queued},
    {life::running, life::waiting},
    {life::running, life::draining},
    {life::running, life::suspended},
    {life::running, life::stopping},
    {life::running, life::restarting},
    {life::running, life::exited},
    {life::waiting, life::queued},
    {life::waiting, life::running},
    {life::draining, life::queued},
    {life::draining, life::running},
    {life::draining, life::draining},
    {life::draining, life::stopping},
    {life::suspended, life::queued},
    {life::suspended, life::running},
    {life::stopping, life::restarting},
    {life::stopping, life::exited},
    {life::restarting, life::queued},
    {life::restarting, life::waiting},
    {life::restarting, life::exited},
    {life::exited, life::free},
};

[[nodiscard]] constexpr bool is_transition(life from, life to) noexcept {
    for (const transition& t : transitions)
        if (t.from == from && t.to == to) return true;
    return false;
}

#if defined(BASTION_COUNT_TRANSITIONS)
// Told of each transition, in a test program that is compiled with this macro as a whole, the library included
// (tests/transitions). That program defines it: nobody else's can be linked with the macro.
void transition_made(life from, life to) noexcept;
#endif

template <class Atomics = std_atomics>
class basic_life_cycle {
public:
    // release/acquire: a snapshot that sees a state sees what was written before it.
    [[nodiscard]] life now() const noexcept { return state_.load(std::memory_order_acquire); }
    // Whether there is an incarnation: it runs, or is about to begin, or waits. relaxed: by the holder of the right to run.
    [[nodiscard]] bool has_incarnation() const noexcept {
        const life state = state_.load(std::memory_order_relaxed);
        return state >= life::queued && state <= life::suspended;
    }

    void born() noexcept { move(life::starting); }
    void enqueue() noexcept { move(life::queued); }
    void run() noexcept { move(life::running); }
    void park(bool uninterruptible) noexcept {
        // relaxed: only the holder of the right to run writes. One that drains is parked, and still asked to stop.
        if (state_.load(std::memory_order_relaxed) == life::draining) [[unlikely]]
            return made(life::draining);
        move(uninterruptible ? life::suspended : life::waiting);
    }
    void drain() noexcept { move(life::draining); }
    void end_frame() noexcept { move(life::stopping); }
    void await_decision() noexcept { move(life::restarting); }
    void exit() noexcept { move(life::exited); }
    void release() noexcept { move(life::free); }

private:
    void move(life to) noexcept {
        made(to);
        state_.store(to, std::memory_order_release); // pairs with now()
    }
    void made([[maybe_unused]] life to) const noexcept {
#if defined(BASTION_COUNT_TRANSITIONS)
        transition_made(state_.load(std::memory_order_relaxed), to); // relaxed: as in park
#endif
    }

    typename Atomics::template atomic<life> state_{life::free};
};

// What others ask of a process; set by anyone, looked at by the running worker between two steps.
template <class Atomics = std_atomics>
class basic_signal_flags {
public:
    static constexpr std::uint32_t stop = 1;
    static constexpr std::uint32_t kill = 2;
    static constexpr std::uint32_t lane = 4; // there is something in the system lane
    static constexpr std::uint32_t limit = 8; // a limit of the mailbox was met: the process is at fault
    static constexpr std::uint32_t fault = 32; // a test wants it to panic at its next message
    static constexpr std::uint32_t suspended = 64; // it is to take no mail; set and cleared by itself
    static constexpr std::uint32_t watched = 128; // its steps are noted; set and cleared by itself
    static constexpr std::uint32_t closing = 16; // of an owner: it ends for good, and adopts nobody any more
    static constexpr std::uint32_t given_up = 256; // its owner does not wait for it any more
    static constexpr std::uint32_t came_back = 512; // it was given up, and has ended nevertheless
    static constexpr std::uint32_t taken_over = 1024; // it was given up, and its owner has taken what it had to take

    // True: the flag was not set before. The caller then unparks, which makes the process look. release: pairs with now
    // and clear, so that who sees the flag sees what it speaks of.
    [[nodiscard]] bool raise(std::uint32_t flag) noexcept {
        return (flags_.fetch_or(flag, std::memory_order_release) & flag) == 0;
    }
    // The flags as they were. Of two who say something to one another, the second sees what the first has said, and done before.
    [[nodiscard]] std::uint32_t say(std::uint32_t flag) noexcept {
        return flags_.fetch_or(flag, std::memory_order_acq_rel);
    }
    // acquire: also what those wrote who found the flag set and so wake nobody.
    void clear(std::uint32_t flag) noexcept { flags_.fetch_and(~flag, std::memory_order_acquire); }
    [[nodiscard]] std::uint32_t now() const noexcept { return flags_.load(std::memory_order_acquire); }
    void reset() noexcept { flags_.store(0, std::memory_order_relaxed); } // nobody else knows the block yet

private:
    typename Atomics::template atomic<std::uint32_t> flags_{0};
};

using life_cycle = basic_life_cycle<>;
using signal_flags = basic_signal_flags<>;

} // namespace bastion::detail

#endif
