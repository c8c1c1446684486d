#pragma once

// Every transition of the life cycle where it is made, also inside turns: in a program that is compiled with
// BASTION_COUNT_TRANSITIONS as a whole; elsewhere none is counted. One thread: that of the simulations.

#include <bastion/testing/coverage.hpp>

namespace transitions {

using table = decltype(bastion::testing::coverage::transitions);

#if defined(BASTION_COUNT_TRANSITIONS)
inline constexpr bool are_counted = true;
// What was made since the last call.
[[nodiscard]] table take();
#else
inline constexpr bool are_counted = false;
[[nodiscard]] inline table take() { return {}; }
#endif

} // namespace transitions
