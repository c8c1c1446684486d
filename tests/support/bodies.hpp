#pragma once

// Of the supervision tests, which are built twice.

#include <bastion/executor/stacks.hpp>

#include <cstddef>

namespace test {

#if defined(BASTION_TEST_BODIES_ON_FIBERS)
inline constexpr bool bodies_on_fibers = true; // bodies_on_fibers.hpp
#else
inline constexpr bool bodies_on_fibers = false;
#endif

// What the stack of a body counts for a memory limit.
inline constexpr std::size_t stack_bytes = bodies_on_fibers ? bastion::stack_limits().bytes : 0;

} // namespace test
