// The timers that a worker has armed last: places, order, and what is taken back.
#include "support/catch.hpp"

#include <bastion/executor/young_timers.hpp>

#include <array>
#include <vector>

using namespace bastion::detail;

namespace {

using places = basic_young_timers<timer_entry, 4>;

std::vector<timer_entry*> collected(places& young) {
    std::vector<timer_entry*> found;
    young.collect([&](timer_entry& e) { found.push_back(&e); });
    return found;
}

} // namespace

TEST_CASE("young timers: as many as there are places, collected in the order of arming") {
    places young;
    std::array<timer_entry, 6> t;
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(young.put(t[i]));
    REQUIRE_FALSE(young.put(t[4]));
    REQUIRE(young.any());
    REQUIRE(collected(young) == std::vector{&t[0], &t[1], &t[2], &t[3]});
    REQUIRE_FALSE(young.any());
    REQUIRE(young.put(t[4]));
    REQUIRE(young.put(t[5]));
    REQUIRE(collected(young) == std::vector{&t[4], &t[5]});
}

TEST_CASE("young timers: one that was taken back leaves its place until its turn comes again") {
    for (const bool alone : {true, false}) {
        places young;
        std::array<timer_entry, 6> t;
        for (std::size_t i = 0; i < 3; ++i) REQUIRE(young.put(t[i]));
        REQUIRE(young.take_back(t[0], alone));
        REQUIRE_FALSE(young.take_back(t[0], alone));
        REQUIRE(young.put(t[3]));
        REQUIRE(young.put(t[4])); // where the first one was
        REQUIRE_FALSE(young.put(t[5]));
        REQUIRE(collected(young) == std::vector{&t[1], &t[2], &t[3], &t[4]});
        REQUIRE_FALSE(young.take_back(t[4], alone));
    }
}

TEST_CASE("young timers: what was never put cannot be taken back") {
    places young;
    timer_entry t;
    REQUIRE_FALSE(young.take_back(t, true));
    REQUIRE_FALSE(young.take_back(t, false));
}
