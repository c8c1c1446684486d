#pragma once

// Letters: what the processes of a random tree have acknowledged. Each ends once, and what its sender is told is so.

#include "support/ledger.hpp"
#include "testing/random_work.hpp"

#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace trees {

class ledger;

struct letter_fate {
    int handled = 0;
    bool given = false; // by recv<letter>, out of its message
    bool refused = false; // its sender was told that nobody has it
    std::optional<std::chrono::nanoseconds> gone;
};

class letter {
public:
    letter(ledger& l, letter_fate& f);
    letter(letter&& other) noexcept;
    letter& operator=(letter&&) = delete;
    ~letter();
    void handle();
    void is_given() { fate_->given = true; }

private:
    ledger* ledger_; // null: moved from
    letter_fate* fate_;
    test::token ticket_;
};

struct letter_book {
    std::deque<letter_fate> fates;
    outcomes sends;
    std::uint64_t acknowledged = 0;
    std::uint64_t given = 0; // of these, by recv<letter>
    std::uint64_t refused = 0; // by a mailbox, or nobody there
    std::uint64_t unhandled = 0;
    std::uint64_t died = 0; // with their receivers

    [[nodiscard]] std::string faults() const;
};

[[nodiscard]] bastion::task<void> send_letter(bastion::context ctx, ledger& l);
// True: the message was a letter.
[[nodiscard]] bool take_letter(ledger& l, bastion::message& m);

} // namespace trees
