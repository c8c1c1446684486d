// What the scaling curves share. A curve is one kind of work at different sizes x; one run of the program is one point.
//
// Only the operation is timed, in the steady state: what it works on is made, and visited once, before the clock starts.
// Beside it, in the same run, a bare linked list of as many bytes is walked in the same order (list.hpp).
#ifndef BASTION_BENCHMARKS_CURVES_HPP
#define BASTION_BENCHMARKS_CURVES_HPP

#include "../harness.hpp"
#include "list.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace curves {

using bench::check;
using bench::faults;
using bench::number;
using bench::stopwatch;
using bench::value_of;

struct request {
    unsigned workers = 1;
    std::uint64_t x = 0;
    std::uint64_t part = 1; // So small a part of the operations, for a quick look.

    [[nodiscard]] std::uint64_t share(std::uint64_t ops) const { return std::max<std::uint64_t>(ops / part, 1); }
};

struct quantiles {
    double p50 = -1;
    double p99 = -1;
    double p999 = -1;
};

struct point {
    double ns = 0; // Of one operation.
    std::uint64_t ops = 0;
    double bytes = 0; // Of one of the elements that the operations visit in turn.
    double elements = 0; // So many.
    double list_ns = 0; // Of the same by the bare list; 0: there is none.
    quantiles late = {}; // Negative: not of this curve.
};

// Runs `body` in a process of a fresh runtime, and waits for what it has found.
using work = bastion::task<point> (*)(bastion::context ctx, request r);
[[nodiscard]] point run(const request& r, work body, faults expected = faults::none);

// Resident bytes that each of many elements takes: `body` makes so many and says what the resident set has grown by for
// each. In a forked program, so that the memory of this one is as if nothing had been; before the first runtime.
using weighing = bastion::task<double> (*)(bastion::context ctx, std::uint64_t n);
[[nodiscard]] double weigh(const request& r, std::uint64_t n, weighing body);

// Of what weighs so much no more than the lines that an operation touches, as cachegrind counts them (docs/curves.md), rounded down: a list of all
// that is resident would be dearer than what is visited, and allow too much.
[[nodiscard]] inline double touched(double weight, int lines) { return std::min(weight, lines * 64.0); }

// The order in which these processes lie in memory: the k-th lies at the place[k]-th place.
[[nodiscard]] std::vector<std::uint32_t> places(std::span<const bastion::child_ref> visited);
// 0, 1, 2 ...
[[nodiscard]] std::vector<std::uint32_t> places_in_line(std::uint64_t n);

// What a curve of its name does at one point. See curves.txt.
point live_message(const request& r);
point live_shuffled(const request& r);
point live_ring(const request& r);
point live_spawn(const request& r);
point live_churn(const request& r);
point live_restart(const request& r);
point depth_fill(const request& r);
point depth_standing(const request& r);
point size(const request& r);
point group_one(const request& r);
point group_all(const request& r);
point group_broadcast(const request& r);
point tree_restart(const request& r);
point tree_spawn(const request& r);
point tree_chain(const request& r);
point senders(const request& r);
point senders_batch(const request& r);
point timers_one(const request& r);
point timers_turn(const request& r);
point timers_expire(const request& r);
point tails_load(const request& r);
point tails_busy(const request& r);

} // namespace curves

#endif
