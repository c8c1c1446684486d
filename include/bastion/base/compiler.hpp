// Compiler shims: export marks, inlining hints, and which compiler faults the headers must refuse.
//
// Everything here is a macro or a constant; nothing has a cost. Included by every other header.
#ifndef BASTION_BASE_COMPILER_HPP
#define BASTION_BASE_COMPILER_HPP

#include <cstddef>

#define BASTION_API __attribute__((visibility("default")))

#define BASTION_NOINLINE __attribute__((noinline))
#define BASTION_INLINE inline __attribute__((always_inline))
#define BASTION_COLD __attribute__((noinline, cold))

// g++ before 13 destroys some temporaries of a co_await full-expression twice (docs/pitfalls.md). The configure-time
// probe compares this with what the compiler at hand really does.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define BASTION_BROKEN_AWAIT_TEMPORARIES 1
#else
#define BASTION_BROKEN_AWAIT_TEMPORARIES 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define BASTION_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASTION_ASAN 1
#endif
#endif
#ifndef BASTION_ASAN
#define BASTION_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define BASTION_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BASTION_TSAN 1
#endif
#endif
#ifndef BASTION_TSAN
#define BASTION_TSAN 0
#endif

namespace bastion {

// What two cores pass between each other at once; blocks and shared fields are laid out by it.
inline constexpr std::size_t cache_line = 64;

} // namespace bastion

#endif
