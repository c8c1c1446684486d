#pragma once

// What the processes of the test count, and what the library says about the same things. One ledger a round.

#include "support/ledger.hpp"

#include <bastion/bastion.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

namespace faults {

using test::count;

// How an element is brought to its end.
enum class fault : std::uint8_t {
    panics,       // bastion::panic
    throws,       // another exception
    fails,        // ctx.fail
    exits,        // ctx.exit
    finishes,     // comes to its end, and is permanent
    signalled,    // an exit signal of its conductor
    struck,       // an exit signal of another element
    killed,       // the exit signal that nobody traps
    mid_ask,      // killed while it waits for an answer
    leaves_ask,   // panics with a question on its way
    linked,       // by a link with another one that panics
    nobody,       // by a link with one that has ended
    at_start,     // panics before it has started
    none,
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault::none);
inline constexpr std::array<const char*, fault_kinds> fault_names{"panic", "exception", "ctx.fail", "ctx.exit",
    "normal end", "exit signal", "another's signal", "killed", "killed in an ask", "panic with an ask", "link",
    "link with nobody", "at the start"};
using counts_by_fault = std::array<count, fault_kinds>;

[[nodiscard]] inline std::uint64_t sum(const counts_by_fault& all) {
    std::uint64_t n = 0;
    for (const count& c : all) n += c;
    return n;
}

// Of monitors, or of links, by those who made them.
struct notices {
    count made{0};
    count told{0};
    count given_up{0}; // the watcher ended first, or unlinked, and none has come since
    count open{0};     // waited for
    count strange{0};  // told, and nobody waits for it: a second one, or another's
};

// An element of the tree, over all its incarnations. What is no atomic is the incarnation's that runs.
struct slot {
    std::uint32_t number = 0;
    std::atomic<fault> doom{fault::none}; // what others do to it
    std::atomic<int> bad_starts{0};       // so many of its next starts fail
    std::unordered_set<std::uint64_t> given_up; // monitors of incarnations that have ended
};

struct ledger {
    // ---- by the processes
    test::ledger talk;       // messages, questions, and the bodies that are not of the tree
    count sent{0};           // by those who send
    count births{0};         // of elements of the tree
    count rebirths{0};       // of them, those that are not the first of their element
    count ends{0};
    counts_by_fault ordered{};
    counts_by_fault suffered{};
    count injected{0};       // ordered, and their consequences seen
    count stray_faults{0};   // of temporary processes
    count restarts{0};       // of elements that failed, by the supervisor right above
    count branch_restarts{0};
    count region_restarts{0};
    count branch_failures{0};  // told by monitors: too many restarts
    count region_failures{0};
    count branch_kills{0};     // ordered: exit signals to supervisors
    count region_kills{0};
    count kill_notices{0};     // told by monitors: supervisors that were killed, or with the one above
    count surprises{0};      // births and ends of supervisors that nobody expected
    notices mortal;          // monitors of elements
    notices watched;         // monitors of those who never fail
    notices links;
    notices visitors;        // a conductor's, of the processes that it spawns
    notices gone;            // links and monitors of witnesses with those who have ended
    notices late;            // the same, come when another lives in the block
    count late_orders{0};    // exits and unlinkings come so late
    // ---- by the library
    count starts_told{0};    // callbacks
    count restarts_told{0};
    count normal_told{0};    // restarts after a normal end
    count stops_told{0};
    count branch_restarts_told{0}; // after too many restarts below
    count region_restarts_told{0};
    count branch_kills_told{0}; // after `killed`
    count region_kills_told{0};
    count restarts_logged{0};
    count branch_failures_logged{0};
    count region_failures_logged{0};
    count branch_kills_logged{0};
    count region_kills_logged{0};
    count strays_logged{0};
    count others_logged{0};  // no other line is due
};

inline ledger* book = nullptr; // of the round that runs

// Goes through an incarnation with its frame: made where the frame is, so an end before the first line counts, too.
class life {
public:
    explicit life(slot& of, int incarnation) : of_(&of) {
        ++book->births;
        if (incarnation > 0) ++book->rebirths;
    }
    life(life&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    life& operator=(life&&) = delete;
    ~life() {
        if (of_ == nullptr) return;
        if (const fault by = of_->doom.exchange(fault::none); by != fault::none) suffers(by);
        ++book->ends;
    }
    static void suffers(fault how) { ++book->suffered[static_cast<std::size_t>(how)]; }

private:
    slot* of_;
};

// ---- messages

struct work {
    test::token ticket{book->talk.sent};
};
struct query {
    using answer_type = std::uint64_t;
    explicit query(std::uint64_t number) : n(number) {}
    test::token ticket{book->talk.sent};
    std::uint64_t n;
};

inline void tell_work(const bastion::child_ref& to) {
    ++book->sent;
    (void)to.tell<work>();
}

// Orders to an element: nobody is told twice, so each has its effect once.
struct die {
    fault how;
    bastion::child_ref other; // whom it asks, or is linked with
};
struct strike { // order another one to end
    bastion::child_ref whom;
};
struct watch {
    bastion::child_ref whom;
};
struct hold { // be linked with it
    bastion::child_ref whom;
};
struct let_go {}; // of one that it is linked with
enum class reaching : std::uint8_t { link, monitor, link_late, monitor_late, unlink_late, exit_late, kill_late };
inline constexpr std::size_t reaching_kinds = 7;
struct reach { // one that has ended
    bastion::child_ref gone;
    reaching how;
};
// To a conductor.
struct born {
    slot* who;
};
struct waits_for_answer {
    bastion::child_ref who;
};
struct back { // a supervisor has started again
    std::uint32_t which; // a branch's number, or the_region
};
inline constexpr std::uint32_t the_region = ~std::uint32_t{0};

} // namespace faults
