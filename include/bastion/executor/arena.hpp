// The arena: process-wide memory that is handed out and, deliberately, never unmapped.
//
// Called by the pools and by the slabs of control blocks, always on their slow paths. Promises: every piece is zeroed,
// aligned to a cache line and stays mapped until the process ends, so that a stale pointer into it can always be read
// and looked at (DESIGN 4, "Many runtimes"). Pieces lie one after another in big chunks that ask for huge pages: fresh
// memory then costs about 27 ns per 256 bytes instead of 141. Thread safety: any function from any thread.
// Cost: a short lock and an addition; once per chunk, a mapping.
#ifndef BASTION_EXECUTOR_ARENA_HPP
#define BASTION_EXECUTOR_ARENA_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>

namespace bastion::detail {

// Address space is taken in chunks of this size; only what is touched becomes resident.
inline constexpr std::size_t arena_chunk_bytes = std::size_t{64} << 20;

// `bytes` (rounded up to a cache line) of zeroed memory. Throws std::bad_alloc when the system has none.
[[nodiscard]] BASTION_API void* arena_reserve(std::size_t bytes);

// The sum of all pieces handed out so far, in bytes.
[[nodiscard]] BASTION_API std::size_t arena_bytes() noexcept;

} // namespace bastion::detail

#endif
