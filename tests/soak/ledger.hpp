#pragma once

// What the processes of the soak count themselves, on all threads, to be compared with what the library says.

#include <bastion/bastion.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace soak {

using count = std::atomic<std::uint64_t>;

struct ledger {
    // Messages that carry a token.
    count made{0};
    count handled{0};
    count lost{0};
    count dead{0}; // of those lost, by the library's account
    // Questions.
    count asked{0};
    count answered{0};
    count failed{0}; // an error came
    count abandoned{0}; // the asker ended first
    // Bodies.
    count began{0};
    count over{0};
    count panics{0};
    count reported{0}; // faults, by the log
    count ticks{0};
    count heard{0};

    // One line for each account that does not add up; "" when all do.
    [[nodiscard]] std::string faults() const {
        std::string text;
        const auto adds_up = [&text](const char* what, std::uint64_t a, std::uint64_t b) {
            if (a != b) text += std::string(what) + ": " + std::to_string(a) + " is not " + std::to_string(b) + "\n";
        };
        adds_up("messages made, and handled or lost", made, handled + lost);
        adds_up("messages lost, and dead letters", lost, dead);
        adds_up("questions asked, and ended", asked, answered + failed + abandoned);
        adds_up("bodies begun, and over", began, over);
        adds_up("panics, and reports", panics, reported);
        return text;
    }
};

inline ledger* book = nullptr; // of the round that runs

// Goes with a message: handled once, or lost.
class token {
public:
    token() { ++book->made; }
    token(token&& other) noexcept : open_(std::exchange(other.open_, false)) {}
    token& operator=(token&&) = delete;
    ~token() {
        if (open_) ++book->lost;
    }
    void handle() {
        if (std::exchange(open_, false)) ++book->handled;
    }

private:
    bool open_ = true;
};

struct work {
    token ticket;
};
struct tick {}; // one that comes later may end with the runtime, without a word
struct query {
    using answer_type = std::uint64_t;
    explicit query(std::uint64_t number) : n(number) {}
    token ticket;
    std::uint64_t n;
};

// In every body.
class presence {
public:
    presence() { ++book->began; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { ++book->over; }
};

[[nodiscard]] inline bool counted(std::string_view type) {
    return type == bastion::type_name<work>() || type == bastion::type_name<query>();
}

} // namespace soak
