#pragma once

// A mailbox that producers flood, ten times faster than its process takes: what they count, and what must be true of it.
//
// Ten times by count, not by the clock: the consumer takes the next message only when ten have been offered for each
// that it took, or, where producers wait for room, when one has waited for each mailboxful that it took.

#include "soak/ledger.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

namespace soak {

inline constexpr std::uint32_t room = 100;
inline constexpr std::uint64_t times_faster = 10;
inline constexpr bastion::overflow policies[] = {bastion::overflow::fail, bastion::overflow::drop_newest,
    bastion::overflow::drop_oldest, bastion::overflow::kill, bastion::overflow::wait};
inline constexpr const char* policy_names[] = {"fail", "drop_newest", "drop_oldest", "kill", "wait"};

// What a mailbox may hold. What gives way under drop_oldest is dropped when its process looks there next: until then it
// lies beside the new ones, at most as many again.
[[nodiscard]] constexpr std::uint64_t ceiling(bastion::overflow policy) {
    return policy == bastion::overflow::drop_oldest ? 2 * room : room;
}

// Counted by its producers and its consumer, and, by cause, in what the library says of dead letters of the type.
struct flood_ledger {
    explicit flood_ledger(bastion::overflow p) : policy(p) {}

    const bastion::overflow policy;
    test::messages parcels;
    test::count accepted{0}; // after the call that was told so
    test::count refused{0}; // the same
    test::count gone{0}; // of those refused: there was no process
    test::counts_by_cause dead{};
    test::count waits{0}; // sendings that found no room, and waited
    test::count fullest{0}; // accepted and unread at once, as the producers and the consumer saw it
    std::atomic<bool> over{false}; // the round ends: nobody need be ahead of anybody

    // To somebody who lives. At least so many, while others count.
    [[nodiscard]] std::uint64_t offered() const {
        const std::uint64_t m = parcels.made;
        return m - std::min<std::uint64_t>(m, gone);
    }
    // Whether the consumer may take one more.
    [[nodiscard]] bool producers_are_ahead() const {
        const std::uint64_t h = parcels.handled;
        return over || (policy == bastion::overflow::wait ? room * waits > h : offered() >= times_faster * h);
    }
    // `in_hand`: as many the consumer may have taken and not counted yet.
    void look(std::uint64_t in_hand) {
        const std::uint64_t all = unread();
        const std::uint64_t n = all - std::min(all, in_hand);
        for (std::uint64_t most = fullest; n > most && !fullest.compare_exchange_weak(most, n);) {}
    }

    // At least so many, while others count: what is taken away is read later than what it is taken from.
    [[nodiscard]] std::uint64_t unread() const {
        const std::uint64_t r = refused;
        const std::uint64_t a = accepted;
        const std::uint64_t h = parcels.handled;
        const std::uint64_t l = parcels.lost;
        const std::uint64_t ended = h + l - std::min(l, r);
        return a - std::min(a, ended);
    }
    // One line for each thing that is wrong; "" when nothing is. At the end.
    [[nodiscard]] std::string faults() const {
        using bastion::drop_reason;
        const auto died = [this](drop_reason why) { return dead[static_cast<std::size_t>(why)].load(); };
        std::uint64_t all = 0;
        for (const auto& d : dead) all += d;
        std::string wrong = parcels.faults("parcels made") +
                            test::mismatch("parcels lost, and dead letters", parcels.lost, all) +
                            test::mismatch("parcels accepted or refused, and made", accepted + refused, parcels.made);
        if (fullest > ceiling(policy))
            wrong += std::to_string(fullest) + " unread in a mailbox for " + std::to_string(room) +
                     ", which may hold " + std::to_string(ceiling(policy)) + "\n";
        const std::uint64_t full = refused - gone;
        switch (policy) {
        case bastion::overflow::fail:
        case bastion::overflow::drop_newest:
            wrong += test::mismatch("refused, and dead for want of room", full, died(drop_reason::full));
            break;
        case bastion::overflow::kill:
            wrong += test::mismatch("refused, and dead by the limit", full, died(drop_reason::limit));
            break;
        case bastion::overflow::drop_oldest:
            wrong += test::mismatch("refused for want of room, and none", full, 0);
            break;
        case bastion::overflow::wait:
            wrong += test::mismatch("dead for want of room, and none", died(drop_reason::full), 0);
            break;
        }
        return wrong + test::mismatch("told that nobody is there, and dead for that", gone, died(drop_reason::noproc)) +
               thirst();
    }

private:
    // A flood that never filled the mailbox has shown nothing.
    [[nodiscard]] std::string thirst() const {
        using bastion::drop_reason;
        const auto died = [this](drop_reason why) { return dead[static_cast<std::size_t>(why)].load(); };
        if (policy == bastion::overflow::wait)
            return waits != 0 ? "" : "no producer waited: the mailbox was never full\n";
        std::string wrong;
        const drop_reason why = policy == bastion::overflow::kill ? drop_reason::limit : drop_reason::full;
        if (died(why) == 0) wrong += "nothing died for want of room: the mailbox was never full\n";
        if (2 * offered() < times_faster * parcels.handled) // half of it, for what is taken at the end
            wrong += std::to_string(offered()) + " offered to a consumer that took " +
                     std::to_string(parcels.handled.load()) + ": less than five times as many\n";
        return wrong;
    }
};

inline flood_ledger* flood_book = nullptr; // of the round that runs

struct parcel {
    test::token ticket{flood_book->parcels};
};

// A send that counts whether it has to wait.
class counted_sending : public bastion::awaitable<counted_sending> {
public:
    static constexpr bool mail = false;

    explicit counted_sending(const bastion::child_ref& to) : sending_(to.send(parcel())) {}
    void start() { sending_.start(); }
    [[nodiscard]] bool poll() {
        const bool ready = sending_.poll();
        if (!ready && !std::exchange(waited_, true)) ++flood_book->waits;
        return ready;
    }
    [[nodiscard]] bastion::result<void> take() { return sending_.take(); }

private:
    bastion::detail::send_wait<parcel> sending_;
    bool waited_ = false;
};

inline bastion::process slow_consumer(bastion::context ctx) {
    test::presence here(*book);
    for (;;) {
        auto p = co_await ctx.recv<parcel>();
        p.ticket.handle();
        flood_book->look(0);
        for (int spin = 0; spin < 500; ++spin) bastion::std_atomics::pause();
        while (!flood_book->producers_are_ahead() && !ctx.stop_requested()) co_await ctx.yield();
    }
}

inline bastion::process producer(bastion::context ctx, bastion::child_ref to) {
    test::presence here(*book);
    for (int n = 1; !ctx.stop_requested(); ++n) {
        if (flood_book->policy == bastion::overflow::wait) {
            auto sending = counted_sending(to);
            const auto sent = co_await sending;
            ++(sent ? flood_book->accepted : flood_book->refused);
            if (!sent && sent.error() == bastion::errc::noproc) ++flood_book->gone;
        } else {
            const bastion::delivery d = to.tell<parcel>();
            ++(d == bastion::delivery::accepted ? flood_book->accepted : flood_book->refused);
            if (d == bastion::delivery::noproc) ++flood_book->gone;
        }
        if (n % 16 == 0) flood_book->look(1);
        // A plain call cannot suspend; and a turn of the consumer takes a hundred.
        if (n % 1000 == 0) co_await ctx.yield();
    }
}

} // namespace soak
