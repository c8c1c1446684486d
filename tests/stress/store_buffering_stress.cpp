// What every sleep protocol and the deques rest on: a sequentially consistent load does not overtake such a store. It is
// the compiler's promise; here it is asked of the machine below, which may be an emulator.
#include <bastion/base/compiler.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <thread>

namespace {

using round_number = std::atomic<int>;

// Waits without a sleep: both shall be at their stores at once. The other may have lost the processor.
void wait_for(const round_number& what, int round) {
    for (int spins = 0; what.load(std::memory_order_acquire) < round; ++spins)
        if (spins > 1'000) std::this_thread::yield();
}

} // namespace

TEST_CASE("store buffering stress: of two that say theirs and look, one sees the other", "[stress]") {
    constexpr int rounds = BASTION_TSAN ? 60'000 : 300'000;
    alignas(64) round_number mine{0};
    alignas(64) round_number theirs{0};
    alignas(64) round_number begun{0};
    alignas(64) round_number ended{0};
    int seen_by_them = 0;
    std::thread other([&] {
        for (int round = 1; round <= rounds; ++round) {
            wait_for(begun, round);
            theirs.store(round);
            seen_by_them = mine.load();
            ended.store(round, std::memory_order_release);
        }
    });
    int blind = 0;
    for (int round = 1; round <= rounds; ++round) {
        begun.store(round, std::memory_order_release);
        mine.store(round);
        const int seen_by_me = theirs.load();
        wait_for(ended, round);
        if (seen_by_me < round && seen_by_them < round) ++blind;
    }
    other.join();
    CHECK(blind == 0);
}
