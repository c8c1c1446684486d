#pragma once

// What processes count themselves, on any thread, to be compared with what the library says.

#include "runtime/state.hpp"

#include <bastion/bastion.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace test {

using count = std::atomic<std::uint64_t>;

// "" when they are equal, a line when not.
[[nodiscard]] inline std::string mismatch(const std::string& what, std::uint64_t a, std::uint64_t b) {
    if (a == b) return "";
    return what + ": " + std::to_string(a) + " is not " + std::to_string(b) + "\n";
}

// By bastion::drop_reason.
inline constexpr std::size_t causes = static_cast<std::size_t>(bastion::drop_reason::stopped) + 1;
using counts_by_cause = std::array<count, causes>;

// Messages that carry a token.
struct messages {
    count made{0};
    count handled{0};
    count lost{0}; // destroyed unhandled
    count again{0}; // handled a second time

    [[nodiscard]] std::string faults(const std::string& which) const {
        return mismatch(which + ", and handled or lost", made, handled + lost) +
               mismatch(which + ", handled twice and never", again, 0);
    }
};

struct ledger {
    messages sent;
    count dead{0}; // of those lost, by the library's account
    // Questions.
    count asked{0};
    count answered{0};
    count failed{0}; // an error came
    count abandoned{0}; // the asker ended first
    count mistaken{0}; // of those answered: the answer is to another question
    // Bodies.
    count began{0};
    count over{0};

    // One line for each account that does not add up; "" when all do. How many of those lost become dead letters
    // differs from use to use: it is compared there.
    [[nodiscard]] std::string faults() const {
        return sent.faults("messages made") +
               mismatch("questions asked, and ended", asked, answered + failed + abandoned) +
               mismatch("answers to another question, and none", mistaken, 0) +
               mismatch("bodies begun, and over", began, over);
    }
};

// Goes with a message: handled once, or lost.
class token {
public:
    explicit token(messages& account) : account_(account) { ++account_.made; }
    token(token&& other) noexcept : account_(other.account_), open_(std::exchange(other.open_, false)) {}
    token& operator=(token&&) = delete;
    ~token() {
        if (open_) ++account_.lost;
    }
    void handle() { ++(std::exchange(open_, false) ? account_.handled : account_.again); }

private:
    messages& account_;
    bool open_ = true;
};

// In every body.
class presence {
public:
    explicit presence(ledger& book) : book_(book) { ++book_.began; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { ++book_.over; }

private:
    ledger& book_;
};

// A question on its way, in the asker's frame.
class asking {
public:
    explicit asking(ledger& book) : book_(book) { ++book_.asked; }
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;
    ~asking() {
        if (!over_) ++book_.abandoned;
    }
    void ends(const bastion::result<std::uint64_t>& r, std::uint64_t right_answer) {
        over_ = true;
        ++(r ? book_.answered : book_.failed);
        if (r && *r != right_answer) ++book_.mistaken;
    }

private:
    ledger& book_;
    bool over_ = false;
};

template <class... Messages>
[[nodiscard]] bool is_one_of([[maybe_unused]] std::string_view type) {
    return ((type == bastion::type_name<Messages>()) || ...);
}

// Below every subscription: sees all dead letters of these types, to the end. One runtime at a time.
template <class... Messages>
void count_dead_letters(bastion::runtime& rt, ledger& of) {
    static ledger* book;
    static void (*next)(void*, const bastion::detail::dead_letter_info&);
    bastion::detail::home_hooks& hooks = rt.state().home->hooks;
    book = &of;
    next = hooks.dead_letter;
    hooks.dead_letter = [](void* data, const bastion::detail::dead_letter_info& info) {
        if (is_one_of<Messages...>(info.type)) ++book->dead;
        next(data, info);
    };
}

// The same by cause; of all types if none is named.
template <class... Messages>
void count_dead_letters(bastion::runtime& rt, counts_by_cause& of) {
    static counts_by_cause* book;
    static void (*next)(void*, const bastion::detail::dead_letter_info&);
    bastion::detail::home_hooks& hooks = rt.state().home->hooks;
    book = &of;
    next = hooks.dead_letter;
    hooks.dead_letter = [](void* data, const bastion::detail::dead_letter_info& info) {
        if (sizeof...(Messages) == 0 || is_one_of<Messages...>(info.type))
            ++(*book)[static_cast<std::size_t>(info.cause)];
        next(data, info);
    };
}

} // namespace test
