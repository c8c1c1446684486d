// What is done with a process that is given up: it runs, does not come back from a step of its body, was killed, and its owner does not wait
// for it any more (on_stuck::abandon_worker).
//
// Protocol:
//  1. What a running process touches of itself, and its owner takes from it when it gives it up (its lane, those who watch it, links,
//     memberships, its right to say how it ends), it touches in hand only: executor/turn_mark.hpp, 5.
//  2. The watchdog raises `given_up` in a look in which the process is not in hand. From then on all that is the owner's, and whoever has
//     taken the process in hand sees it, and leaves it alone.
//  3. The owner takes it over: its lane is closed, its mail is buried, whoever watches it is told; its refs name nobody any more. Another
//     block takes its place among the owner's children.
//  4. When it comes back it ends as one that was killed, and tells nobody. Of the two, its owner (taken_over) and itself (came_back), whoever
//     comes second gives the block back.
#ifndef BASTION_SRC_PROCESS_IN_HAND_HPP
#define BASTION_SRC_PROCESS_IN_HAND_HPP

#include <bastion/process/control_block.hpp>

namespace bastion::detail {

// While one lives, the process that runs on this thread is in hand. May nest.
class [[nodiscard]] in_hand {
public:
    explicit in_hand(const control_block& process) noexcept
        : worker_(*this_thread().current_worker), before_(worker_.take_in_hand()),
          is_lost_((process.signals.now() & signal_flags::given_up) != 0) {}
    in_hand(const in_hand&) = delete;
    in_hand& operator=(const in_hand&) = delete;
    ~in_hand() { worker_.leave_in_hand(before_); }

    // It was given up: nothing of what it has in hand is its own.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }

private:
    worker& worker_;
    const bool before_;
    const bool is_lost_;
};

// By the owner of a process that was given up: all but its block, which is still the owner's to read. `why`: for those who watch it.
void take_over(control_block& process, const exit_reason& why) noexcept;
// The last that its owner does with it.
void let_lost_go(control_block& process) noexcept;
// The last that it does itself, when it has come back.
void end_lost(control_block& process) noexcept;

} // namespace bastion::detail

#endif
