// Stacks for fibers: pooled, from the memory of a node, with or without a guard page.
//
// Called when a fiber is made and when it has ended; any thread. Sizes are rounded up to powers of two. Up to a number that the runtime says
// a stack is *guarded*: below it lie 64 KiB that nobody may touch, so that an overflow is a fault of the fiber that caused it (fiber.hpp).
// The system allows a program 65,530 mappings by default, and each guard costs two; beyond that number stacks lie side by side, with a
// *canary* below each that is looked at whenever its fiber leaves it. Memory is never unmapped; the pages of slabs whose stacks are all free
// go back to the system with those of the pools (pool.hpp), and a new stack has no page yet but its top.
// Cost: a short lock for each take and put; a fresh one a page fault, a guarded fresh one a system call.
#ifndef BASTION_EXECUTOR_STACKS_HPP
#define BASTION_EXECUTOR_STACKS_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/arena.hpp>

#include <cstddef>
#include <cstdint>

namespace bastion {

// What a runtime gives its fibers.
struct stack_limits {
    static constexpr std::size_t least_bytes = std::size_t{16} << 10;
    static constexpr std::size_t most_bytes = std::size_t{1} << 30;

    std::size_t bytes =
        std::size_t{64} << (BASTION_ASAN ? 12 : 10); // of one whose size nobody has said; frames of ASan's are large
    std::size_t most_guarded = 16'384; // in the program; those that were made stay
};

namespace detail {

// Memory of a stack, from its lowest byte to its end; it grows downwards.
struct stack_memory {
    char* low = nullptr;
    char* high = nullptr;
    bool guarded = false;

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(high - low); }
    [[nodiscard]] bool holds(const void* p) const noexcept {
        const auto* const at = static_cast<const char*>(p);
        return low <= at && at < high;
    }
};

inline constexpr std::size_t stack_guard_bytes = std::size_t{64} << 10; // a frame may step over a page
inline constexpr std::size_t stack_grace_bytes = std::size_t{48}
                                                 << 10; // of these, the upper ones: see stack_overflow.cpp

// At least `bytes`, whose pages are or will be of that home's node. `most_guarded` is asked when a new one must be made. Throws
// std::bad_alloc.
[[nodiscard]] BASTION_API stack_memory take_stack(std::size_t bytes, std::size_t most_guarded, memory_home home);
// Nothing of it is used any more.
BASTION_API void put_stack(const stack_memory& stack) noexcept;
// It is never used again: objects lie on it that nobody destroys, and others may know them.
BASTION_API void abandon_stack(const stack_memory& stack) noexcept;
// The whole pages from its lowest byte to well below `frame`, which runs on it.
BASTION_API void give_stack_back(const stack_memory& stack, const void* frame) noexcept;
// Opens and closes the grace of a guarded one, for the fiber that runs on it. False: the system refuses.
[[nodiscard]] BASTION_API bool set_grace(const stack_memory& stack, bool open) noexcept;
// Of one without a guard: whether what lies below it is untouched. Always true of a guarded one.
[[nodiscard]] BASTION_API bool canary_lives(const stack_memory& stack) noexcept;

} // namespace detail

// Of the whole program.
struct stack_figures {
    std::uint64_t in_use = 0;
    std::uint64_t guarded = 0; // ever made with a guard
    std::uint64_t abandoned = 0; // given up with what lies on them
    std::uint64_t abandoned_bytes = 0; // of address space; what was touched of these stays resident
};
// Any thread.
[[nodiscard]] BASTION_API stack_figures read_stack_figures() noexcept;

} // namespace bastion

#endif
