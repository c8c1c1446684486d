// The fork deque, one thread at a time: both ends, growing, and nothing that is lost on the way.
#include <bastion/base/random.hpp>
#include <bastion/executor/fork_deque.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <deque>

using namespace bastion::detail;

namespace {

std::array<int, 4096> numbers{};

} // namespace

TEST_CASE("fork_deque: the owner takes the newest, a thief the oldest", "[executor]") {
    for (const bool has_thieves : {true, false}) {
        fork_deque<int, 4> deque;
        bool lost = true;
        REQUIRE(deque.empty());
        REQUIRE(deque.pop(has_thieves) == nullptr);
        REQUIRE(deque.steal(&lost) == nullptr);
        REQUIRE_FALSE(lost);
        for (std::size_t i = 0; i < 5; ++i) deque.push(&numbers[i]);
        REQUIRE(deque.size() == 5);
        REQUIRE(deque.pop(has_thieves) == &numbers[4]);
        REQUIRE(deque.steal() == &numbers[0]);
        REQUIRE(deque.steal() == &numbers[1]);
        REQUIRE(deque.pop(has_thieves) == &numbers[3]);
        REQUIRE(deque.pop(has_thieves) == &numbers[2]); // The last one.
        REQUIRE(deque.pop(has_thieves) == nullptr);
        REQUIRE(deque.steal() == nullptr);
        deque.push(&numbers[7]);
        REQUIRE(deque.steal() == &numbers[7]);
        REQUIRE(deque.pop(has_thieves) == nullptr);
        REQUIRE(deque.empty());
    }
}

TEST_CASE("fork_deque: grows without losing or moving anything", "[executor]") {
    fork_deque<int, 2> deque;
    // The window is shifted first, so that the copies wrap around.
    for (std::size_t i = 0; i < 3; ++i) {
        deque.push(&numbers[i]);
        REQUIRE(deque.steal() == &numbers[i]);
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) deque.push(&numbers[i]);
    REQUIRE(deque.size() == numbers.size());
    for (std::size_t i = 0; i < numbers.size() / 2; ++i) {
        REQUIRE(deque.steal() == &numbers[i]);
        REQUIRE(deque.pop() == &numbers[numbers.size() - 1 - i]);
    }
    REQUIRE(deque.empty());
}

TEST_CASE("fork_deque: random operations agree with a deque", "[executor]") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        bastion::random_source random(seed);
        fork_deque<int, 4> deque;
        std::deque<int*> expected;
        for (int step = 0; step < 20'000; ++step) {
            const std::uint64_t pushes = (step / 500) % 2 == 0 ? 6 : 3; // Grows for a while, then shrinks.
            if (random.below(10) < pushes) {
                int* const item = &numbers[random.below(numbers.size())];
                deque.push(item);
                expected.push_back(item);
            } else if (random.below(2) == 0) {
                int* const item = deque.pop(random.below(2) == 0);
                REQUIRE(item == (expected.empty() ? nullptr : expected.back()));
                if (!expected.empty()) expected.pop_back();
            } else {
                int* const item = deque.steal();
                REQUIRE(item == (expected.empty() ? nullptr : expected.front()));
                if (!expected.empty()) expected.pop_front();
            }
            REQUIRE(deque.size() == expected.size());
        }
    }
}
