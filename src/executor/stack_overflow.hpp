// What becomes of a fiber that steps into the guard below its stack: it is left for good, and its process told so.
//
// The signal handler is installed when a thread first enters a fiber, and stays; faults that are nobody's overflow go to the handler that
// was there before. Linux on x86-64 and aarch64; elsewhere an overflow ends the program.
#ifndef BASTION_SRC_EXECUTOR_STACK_OVERFLOW_HPP
#define BASTION_SRC_EXECUTOR_STACK_OVERFLOW_HPP

#include <csignal>

namespace bastion::detail {

struct thread_state;

// This thread can meet an overflow: the handler is installed, and it has a stack for signals. Idempotent.
void meet_overflows(thread_state& thread) noexcept;

// This thread has a stack for signals from now on, with a page below it that nobody may touch. Idempotent.
void have_signal_stack() noexcept;

// In a signal handler, when it has returned: the fiber is left. False: that fault is no overflow of a fiber.
[[nodiscard]] bool leave_overflowed(const siginfo_t& fault, void* interrupted) noexcept;

} // namespace bastion::detail

#endif
