// `for_each_seed`: runs a program under many seeds; a run that fails is shortened and reported with what repeats it.
//
//     for_each_seed({1, 1000}, [](simulation& sim) {
//         ... spawn, advance, expect(...)
//     });
//
// With the environment variable BASTION_SEED set, only that seed is run: the report names it.
#ifndef BASTION_TESTING_EXPLORE_HPP
#define BASTION_TESTING_EXPLORE_HPP

#include <bastion/testing/simulation.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bastion::testing {

// A program and its checks. It must do the same under the same decisions: nothing random but through the simulation.
using program = std::function<void(simulation&)>;

// What a failing run was, after it was shortened.
struct finding {
    std::uint64_t seed = 0;
    std::string what; // what went wrong, at last
    decisions shortest; // repeats it: the same settings, with_replay(shortest)
    std::uint64_t steps = 0; // of that run
    std::uint64_t steps_before = 0; // of the run that the seed gives
    std::string last_events;

    // All of it, for people.
    [[nodiscard]] std::string report() const;
};

struct seed_range {
    std::uint64_t first = 1;
    std::uint64_t count = 100;
};

struct search_result {
    std::optional<finding> found; // the first failure; the search ends with it
    std::uint64_t runs = 0; // without those that shorten
    coverage seen;
};

// Runs the seeds, in turn under each way of scheduling, until one fails: by an exception, or by not ending. The rest of
// `s` holds for all of them. A failing run is shortened by at most `attempts` further runs.
[[nodiscard]] search_result find_failure(
    seed_range seeds, const program& p, const settings& s = {}, unsigned attempts = 300);

// The same, throwing `failure` with the report.
coverage for_each_seed(seed_range seeds, const program& p, const settings& s = {});

} // namespace bastion::testing

#endif
