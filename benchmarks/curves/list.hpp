// The reference of the curves: a bare intrusive linked list, with nothing of the library. What it takes is what the memory of this
// machine takes for so many bytes in this order.
//
// A node has the bytes of one element of the curve, in whole lines of 64, rounded down, but at least one. They lie in one
// piece, with huge pages where the system grants them, as the library's arena does. A visit reads each line of the node, writes into the
// first, and follows the link that lies there: the lines of one node may be fetched at the same time, those of the next one only when
// its address has come.
#ifndef BASTION_BENCHMARKS_CURVES_LIST_HPP
#define BASTION_BENCHMARKS_CURVES_LIST_HPP

#include <cstdint>
#include <span>

namespace curves {

// Nanoseconds of a visit, of `steps` of them; the k-th node lies at the place[k]-th place, and after the last comes the first. One round
// at most is walked before.
[[nodiscard]] double walk_ns(std::span<const std::uint32_t> place, double bytes, std::uint64_t steps);

// Nanoseconds of a node, of `rounds` in which `n` nodes of one line are taken from a free list, written and appended, and then read from the first to the last
// and given back.
[[nodiscard]] double fill_and_drain_ns(std::uint64_t n, std::uint64_t rounds);

// Nanoseconds of a node into which `bytes` are copied, and in which all of them are read; the same node each time.
[[nodiscard]] double copy_and_read_ns(std::uint64_t bytes, std::uint64_t rounds);

} // namespace curves

#endif
