// The ring, one thread at a time: order, bounds, and what half means.
#include <bastion/base/random.hpp>
#include <bastion/executor/ring.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

using namespace bastion::detail;

namespace {

std::array<int, 4096> numbers{}; // Items are pointers into it: their order is their address.

template <class Ring>
std::vector<std::ptrdiff_t> drain(Ring& ring) {
    std::vector<std::ptrdiff_t> out;
    while (const int* p = ring.pop()) out.push_back(p - numbers.data());
    return out;
}

} // namespace

TEST_CASE("fifo_ring: first in, first out, and full when full", "[executor]") {
    for (const bool has_thieves : {true, false}) {
        fifo_ring<int, 8> ring;
        REQUIRE(ring.pop(has_thieves) == nullptr);
        for (std::size_t round = 0; round < 20; ++round) {
            for (std::size_t i = 0; i < 8; ++i) REQUIRE(ring.push(&numbers[i]));
            REQUIRE_FALSE(ring.push(&numbers[9]));
            REQUIRE(ring.size() == 8);
            for (std::size_t i = 0; i < 3; ++i) REQUIRE(ring.pop(has_thieves) == &numbers[i]);
            for (std::size_t i = 8; i < 11; ++i) REQUIRE(ring.push(&numbers[i]));
            for (std::size_t i = 3; i < 11; ++i) REQUIRE(ring.pop(has_thieves) == &numbers[i]);
            REQUIRE(ring.empty());
            REQUIRE(ring.pop(has_thieves) == nullptr);
        }
    }
}

TEST_CASE("fifo_ring: a thief takes the older half, rounded up", "[executor]") {
    for (std::size_t n = 0; n <= 16; ++n) {
        fifo_ring<int, 16> victim;
        fifo_ring<int, 16> own;
        for (std::size_t i = 0; i < n; ++i) REQUIRE(victim.push(&numbers[i]));
        int* first = nullptr;
        const std::size_t got = victim.steal_half(own, first);
        if (n <= 1) {
            REQUIRE(got == 0);
            REQUIRE(first == nullptr);
            REQUIRE(victim.size() == n); // A single item is its owner's.
            REQUIRE(victim.steal_half(own, first, true) == n);
            REQUIRE(first == (n == 1 ? &numbers[0] : nullptr));
            continue;
        }
        REQUIRE(got == (n + 1) / 2);
        REQUIRE(first == &numbers[0]);
        REQUIRE(own.size() == got - 1);
        for (std::size_t i = 1; i < got; ++i) REQUIRE(own.pop() == &numbers[i]);
        for (std::size_t i = got; i < n; ++i) REQUIRE(victim.pop() == &numbers[i]);
        REQUIRE(victim.empty());
    }
}

TEST_CASE("fifo_ring: a thief takes no more than it has room for", "[executor]") {
    fifo_ring<int, 8> victim;
    fifo_ring<int, 8> own;
    for (std::size_t i = 0; i < 8; ++i) REQUIRE(victim.push(&numbers[i]));
    for (std::size_t i = 20; i < 26; ++i) REQUIRE(own.push(&numbers[i])); // Room for two, and one in hand.
    int* first = nullptr;
    REQUIRE(victim.steal_half(own, first) == 3);
    REQUIRE(first == &numbers[0]);
    REQUIRE(drain(own) == std::vector<std::ptrdiff_t>{20, 21, 22, 23, 24, 25, 1, 2});
    REQUIRE(drain(victim) == std::vector<std::ptrdiff_t>{3, 4, 5, 6, 7});

    for (std::size_t i = 0; i < 8; ++i) REQUIRE(own.push(&numbers[i]));
    for (std::size_t i = 8; i < 12; ++i) REQUIRE(victim.push(&numbers[i]));
    REQUIRE(victim.steal_half(own, first) == 1);
    REQUIRE(first == &numbers[8]);
    REQUIRE(own.size() == 8);
}

TEST_CASE("fifo_ring: the owner moves half away", "[executor]") {
    fifo_ring<int, 8> ring;
    std::array<int*, 4> out{};
    REQUIRE(ring.pop_half(out.data()) == 0);
    for (std::size_t i = 0; i < 8; ++i) REQUIRE(ring.push(&numbers[i]));
    REQUIRE(ring.pop_half(out.data()) == 4);
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(out[i] == &numbers[i]);
    REQUIRE(ring.pop() == &numbers[4]);
    REQUIRE(ring.pop_half(out.data()) == 2);
    REQUIRE(out[1] == &numbers[6]);
    REQUIRE(ring.pop_half(out.data()) == 1);
    REQUIRE(out[0] == &numbers[7]);
}

TEST_CASE("fifo_ring: random operations agree with two deques", "[executor]") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        bastion::random_source random(seed);
        std::array<fifo_ring<int, 16>, 2> rings;
        std::array<std::deque<int*>, 2> expected;
        for (int step = 0; step < 20'000; ++step) {
            const std::size_t self = random.below(2);
            auto& ring = rings[self];
            auto& model = expected[self];
            switch (random.below(5)) {
            case 0:
            case 1: {
                int* const item = &numbers[random.below(numbers.size())];
                const bool fits = model.size() < 16;
                if (fits) model.push_back(item);
                REQUIRE(ring.push(item) == fits);
                break;
            }
            case 2: {
                int* const item = ring.pop(random.below(2) == 0);
                REQUIRE(item == (model.empty() ? nullptr : model.front()));
                if (!model.empty()) model.pop_front();
                break;
            }
            case 3: {
                std::array<int*, 8> out{};
                const std::size_t n = ring.pop_half(out.data());
                REQUIRE(n == (model.size() + 1) / 2);
                for (std::size_t i = 0; i < n; ++i) {
                    REQUIRE(out[i] == model.front());
                    model.pop_front();
                }
                break;
            }
            default: {
                auto& other = expected[1 - self];
                int* first = nullptr;
                const bool take_last = random.below(2) == 0;
                const std::size_t n = rings[1 - self].steal_half(ring, first, take_last);
                std::size_t wanted = std::min((other.size() + 1) / 2, 16 - model.size() + 1);
                if (other.size() == 1 && !take_last) wanted = 0;
                REQUIRE(n == wanted);
                for (std::size_t i = 0; i < n; ++i) {
                    if (i == 0) {
                        REQUIRE(first == other.front());
                    } else {
                        model.push_back(other.front());
                    }
                    other.pop_front();
                }
            }
            }
            REQUIRE(ring.size() == model.size());
        }
    }
}
