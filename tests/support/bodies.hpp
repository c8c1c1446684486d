#pragma once

// Of the supervision tests, which are built twice.

#include <bastion/base/compiler.hpp>
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

// So many may live at once: to the thread sanitizer a fiber is a thread, with half a megabyte of shadow.
inline constexpr int most_bodies = bodies_on_fibers && BASTION_TSAN != 0 ? 2'000 : 100'000;

} // namespace test
