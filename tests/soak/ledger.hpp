#pragma once

// What the processes of the soak count, and the messages that they count.

#include "support/ledger.hpp"

#include <bastion/bastion.hpp>

#include <cstdint>
#include <string>

namespace soak {

struct ledger : test::ledger {
    test::count panics{0};
    test::count reported{0}; // faults, by the log
    test::count ticks{0};
    test::count heard{0};

    [[nodiscard]] std::string faults() const {
        return test::ledger::faults() + test::mismatch("messages lost, and dead letters", sent.lost, dead) +
               test::mismatch("panics, and reports", panics, reported);
    }
};

inline ledger* book = nullptr; // of the round that runs

struct work {
    test::token ticket{book->sent};
};
struct tick {}; // one that comes later may end with the runtime, without a word
struct query {
    using answer_type = std::uint64_t;
    explicit query(std::uint64_t number) : n(number) {}
    test::token ticket{book->sent};
    std::uint64_t n;
};

} // namespace soak
