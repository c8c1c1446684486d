// What the `machine` row measures; it uses nothing of the library. All in nanoseconds per operation, medians of five.
#ifndef BASTION_BENCHMARKS_MACHINE_HPP
#define BASTION_BENCHMARKS_MACHINE_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace bench {

// A hop of a bare prototype (machine_hop.cpp): the yardstick for the card's targets.
[[nodiscard]] double hop_ns(std::uint64_t n);
// An atomic exchange on a line that nobody else touches.
[[nodiscard]] double exchange_ns(std::uint64_t n);
// A coroutine frame from a free list: created, run to its end, destroyed.
[[nodiscard]] double frame_ns(std::uint64_t n);
// A std::runtime_error thrown and caught.
[[nodiscard]] double throw_ns(std::uint64_t n);
// From a futex wake to the running of the thread that slept, on another core if there is one: half of a round.
[[nodiscard]] double futex_ns(std::uint64_t n);
// A cache line from one core to another, if there are two: half of a round of two threads that look at it.
[[nodiscard]] double line_ns(std::uint64_t n);

// The median time of five runs of `body`, for each of its n operations.
template <class F>
[[nodiscard]] double median_ns(std::uint64_t n, F body) {
    std::array<double, 5> runs{};
    for (double& run : runs) {
        const auto begin = std::chrono::steady_clock::now();
        body();
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        run = took.count() / static_cast<double>(n);
    }
    std::sort(runs.begin(), runs.end());
    return runs[2];
}

} // namespace bench

#endif
