// Two fences of which one is free: `light` in the thread that does something often, `heavy` in the one that does something seldom.
//
// A light and a heavy fence are ordered as two seq_cst fences are: either what is before the light one is seen after the heavy one, or the
// other way round. As folly::asymmetric_thread_fence and P1202: membarrier(2), where there is one.
// Cost: light: none, the compiler keeps its order; heavy: 1 to 20 us, and an interrupt on each CPU that runs a thread of the program.
#ifndef BASTION_BASE_ASYMMETRIC_FENCE_HPP
#define BASTION_BASE_ASYMMETRIC_FENCE_HPP

#include <bastion/base/compiler.hpp>

#include <atomic>

namespace bastion::detail {

struct asymmetric_fence {
    // Whether this system has them. Where not, the light one orders nothing, and whoever counts on the pair must do without.
    [[nodiscard]] BASTION_API static bool available() noexcept;
    BASTION_INLINE static void light() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
    BASTION_API static void heavy() noexcept;
};

} // namespace bastion::detail

#endif
