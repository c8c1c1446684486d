#pragma once

// What stress tests of queues push: shows when it is taken twice, or before what was written into it is to be seen.

#include <atomic>
#include <cstdint>

namespace test {

struct stolen_item {
    std::uint32_t id = 0;
    std::uint32_t check = 0; // Plain, written before the push: the race detector watches.
    unsigned char taken = 0; // Plain, written by the one who took it.

    void make(std::uint32_t number) noexcept {
        id = number;
        check = ~number;
    }
    // Counts what is wrong with it.
    void take(std::atomic<int>& wrong) noexcept {
        if (check != ~id || taken++ != 0) wrong.fetch_add(1, std::memory_order_relaxed);
    }
};

} // namespace test
