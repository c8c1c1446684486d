// Where a fiber that has come to the end of its stack can be left.
//
// Left in the middle of malloc it would keep the lock that others wait for. So such a function is to finish first, in what room there is
// below the stack, and the fiber is left when it returns to the user's code.
#ifndef BASTION_SRC_EXECUTOR_OVERFLOW_BOUNDARY_HPP
#define BASTION_SRC_EXECUTOR_OVERFLOW_BOUNDARY_HPP

#include <cstdint>

namespace bastion::detail {

// Learns which code has to finish: the C and C++ libraries, the loader, and this library. Not in a signal handler; idempotent.
void learn_what_must_finish() noexcept;

struct overflow_boundary {
    enum class way : std::uint8_t {
        now, // the user's code runs
        at_return, // when the function returns whose return address lies at `slot`
        not_here, // an exception is being thrown, or nobody knows
    };
    way how = way::now;
    void** slot = nullptr;
};

// Of the interrupted code at `code`, in its signal handler. Allocates nothing. Cost: an unwinding of the frames down to the user's.
[[nodiscard]] overflow_boundary find_overflow_boundary(std::uintptr_t code) noexcept;

} // namespace bastion::detail

#endif
