// The arena: process-wide memory that is handed out and, deliberately, never unmapped.
//
// Called by the pools and by the slabs of control blocks, always on their slow paths. Promises: every piece is zeroed,
// aligned to a cache line and stays mapped until the process ends, so that a stale pointer into it can always be read
// and looked at (DESIGN 4, "Many runtimes"). Pieces lie one after another in big chunks that ask for huge pages: fresh
// memory then costs about 27 ns per 256 bytes instead of 141. Thread safety: any function from any thread.
// Cost: a short lock and an addition; once per chunk, a mapping.
//
// Homes: on a machine with several NUMA nodes each node has chunks of its own, whose pages the system is asked to take from this
// node. What no worker of a node has asked for has no home, and lies where it is first touched; on a machine with one node that is
// everything, and costs nothing. The number of a home is found by the address, in a table with a byte for 2 MiB.
#ifndef BASTION_EXECUTOR_ARENA_HPP
#define BASTION_EXECUTOR_ARENA_HPP

#include <bastion/base/compiler.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bastion::detail {

// Address space is taken in chunks of this size; only what is touched becomes resident.
inline constexpr std::size_t arena_chunk_bytes = std::size_t{64} << 20;

// Whose memory it is; `no_home`: nobody's in particular.
using memory_home = std::uint8_t;
inline constexpr memory_home no_home = 0;
inline constexpr std::size_t most_homes = 256;

// The home of a node, by its number in a machine; it is made when it is first asked for. `os_node`: the system's number, below 0: a node
// of a machine that is only described, whose memory is apart from others', but lies anywhere. Where there is no memory for it:
// no_home. Where the system refuses to bind memory, a line on standard error says so, once.
[[nodiscard]] BASTION_API memory_home home_of_node(int node, int os_node) noexcept;

// `bytes` (rounded up to a cache line) of zeroed memory. Throws std::bad_alloc when the system has none.
[[nodiscard]] BASTION_API void* arena_reserve(std::size_t bytes, memory_home home = no_home);

// Anybody has a home. relaxed: homes are made before the threads that allocate from them, and what they have made reaches others
// in some order already.
extern BASTION_API constinit std::atomic<bool> homes_were_made;
[[nodiscard]] inline bool anybody_has_a_home() noexcept { return homes_were_made.load(std::memory_order_relaxed); }
// Of a piece of the arena.
[[nodiscard]] BASTION_API memory_home home_of(const void* piece) noexcept;

// The sum of all pieces handed out so far, in bytes.
[[nodiscard]] BASTION_API std::size_t arena_bytes() noexcept;

// What of a home's memory the system has given pages for, in bytes: on the home's node, and on others.
struct home_pages {
    std::uint64_t at_home = 0;
    std::uint64_t away = 0;
};
// By the numbers of homes; empty: the system does not say it, or nobody has a home. A home whose node is only described has none. Cost: the
// system walks the page tables of the whole program. Throws std::bad_alloc.
[[nodiscard]] BASTION_API std::vector<home_pages> count_pages();

// What was handed out of one home, a stretch for each chunk, in no order. For tests and figures; not of no_home.
struct arena_stretch {
    const char* begin;
    const char* end;
};
[[nodiscard]] BASTION_API std::vector<arena_stretch> stretches_of(memory_home home);

} // namespace bastion::detail

#endif
