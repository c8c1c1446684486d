#pragma once

// A mailbox that producers flood, ten times faster than its process can take: what they count, and what must be true of it.

#include "soak/ledger.hpp"

#include <algorithm>
#include <iterator>

namespace soak {

inline constexpr std::uint32_t room = 100;
inline constexpr bastion::overflow policies[] = {bastion::overflow::fail, bastion::overflow::drop_newest,
    bastion::overflow::drop_oldest, bastion::overflow::kill, bastion::overflow::wait};

// Counted by its producers and its consumer, and, by cause, in what the library says of dead letters of the type.
struct flood_ledger {
    test::messages parcels;
    test::count accepted{0}; // after the call that was told so
    test::count refused{0}; // the same
    test::count gone{0}; // of those refused: there was no process
    test::counts_by_cause dead{};
    std::uint64_t fullest = 0; // accepted and unread, as the consumer saw it

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
    [[nodiscard]] std::string faults(bastion::overflow policy) const {
        using bastion::drop_reason;
        const auto died = [this](drop_reason why) { return dead[static_cast<std::size_t>(why)].load(); };
        std::uint64_t all = 0;
        for (const auto& d : dead) all += d;
        std::string wrong = parcels.faults("parcels made") +
                            test::mismatch("parcels lost, and dead letters", parcels.lost, all) +
                            test::mismatch("parcels accepted or refused, and made", accepted + refused, parcels.made);
        // What gives way is dropped when its process looks there: until then it lies beside the new ones.
        const std::uint64_t ceiling = policy == bastion::overflow::drop_oldest ? 2 * room : room;
        if (fullest > ceiling)
            wrong += std::to_string(fullest) + " unread in a mailbox for " + std::to_string(room) + "\n";
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
        return wrong + test::mismatch("told that nobody is there, and dead for that", gone, died(drop_reason::noproc));
    }
};

inline flood_ledger* flood_book = nullptr; // of the round that runs

struct parcel {
    test::token ticket{flood_book->parcels};
};

inline bastion::process slow_consumer(bastion::context ctx) {
    test::presence here(*book);
    for (;;) {
        auto p = co_await ctx.recv<parcel>();
        p.ticket.handle();
        flood_book->fullest = std::max(flood_book->fullest, flood_book->unread());
        for (int spin = 0; spin < 500; ++spin) bastion::std_atomics::pause();
    }
}

inline bastion::process producer(bastion::context ctx, bastion::child_ref to, bool waits) {
    test::presence here(*book);
    for (int n = 1; !ctx.stop_requested(); ++n) {
        if (waits) {
            auto sending = to.send(parcel());
            const auto sent = co_await sending;
            ++(sent ? flood_book->accepted : flood_book->refused);
            if (!sent && sent.error() == bastion::errc::noproc) ++flood_book->gone;
        } else {
            const bastion::delivery d = to.tell<parcel>();
            ++(d == bastion::delivery::accepted ? flood_book->accepted : flood_book->refused);
            if (d == bastion::delivery::noproc) ++flood_book->gone;
        }
        // A plain call cannot suspend; and a turn of the consumer takes a hundred.
        if (n % 1000 == 0) co_await ctx.yield();
    }
}

} // namespace soak
