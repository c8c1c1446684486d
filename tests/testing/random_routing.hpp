#pragma once

// What the processes of a random tree do by way of names, distributors, dispatchers and topics, and who may have got what.

#include "support/ledger.hpp"
#include "testing/random_work.hpp"

#include <bastion/bastion.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace trees {

class ledger;

// Something that was sent to several: who may get it, each once.
struct round {
    explicit round(std::vector<bastion::child_ref> members) : to(std::move(members)), may_get(to) {}
    // Whose it was: its own, or that of one whose mail it has inherited. Nobody's: it has had it, or was no member.
    [[nodiscard]] std::optional<bastion::child_ref> arrives_at(ledger& l, const bastion::child_ref& who);

    std::vector<bastion::child_ref> to; // in the order of asking
    std::vector<bastion::child_ref> may_get;
};

// Told to one after another, each of them a member in turn.
struct in_turn {
    in_turn(ledger& l, round& r);
    test::token ticket;
    round* of;
};
// Told to everyone, as copies.
struct circular {
    circular(ledger& l, round& r);
    copied_token ticket;
    round* of;
};
// Asked of everyone, as copies: each answers with its place among them.
struct poll {
    using answer_type = std::uint64_t;
    poll(ledger& l, round& r);
    copied_token ticket;
    round* of;
};
// Published on a topic: one value for all.
struct bulletin {
    round* of;
};
// Given to dispatchers.
struct parcel {
    round* of; // null: to the next in turn
};

// A name that a process has registered for itself.
struct name_account {
    enum class state : std::uint8_t {
        free,
        held, // by a body that is there
        going // its body is over; the name is gone before anybody is told so
    };
    state is = state::free;
    bastion::child_ref who;
    std::uint64_t body = 0; // whose
};

// Shared messages, sent or given to nobody, and what became of them.
struct shares {
    std::uint64_t sent = 0;
    std::uint64_t unsure = 0; // of those: there was no memory in between
    std::uint64_t handled = 0;
    std::uint64_t lost_in_hand = 0;
    test::counts_by_cause dead{};
    [[nodiscard]] std::string faults(const std::string& which) const;
};

class notary; // the handler of a dispatcher

struct routing_book {
    std::array<name_account, 6> names;
    std::array<bastion::child_ref, 4> given; // names that others gave, to whom

    std::uint64_t births = 0;
    std::unordered_map<bastion::child_ref, std::uint64_t> last_body; // of each element
    // By watcher: whom it has begun to watch, and the last body of that one then; oldest first.
    std::unordered_map<bastion::child_ref, std::vector<std::pair<bastion::child_ref, std::uint64_t>>> watched;

    std::deque<round> rounds;
    shares bulletins;
    shares parcels;
    std::uint64_t attentions = 0;
    std::uint64_t in_turn = 0;
    std::uint64_t circulars = 0;
    std::uint64_t polled = 0;
    std::uint64_t found = 0; // by name
    std::uint64_t taken_back = 0; // names, by others
    std::uint64_t ends_checked = 0; // of who had had a name
    std::shared_ptr<notary> handler;

    // Of the bodies of all processes.
    [[nodiscard]] std::uint64_t born(const bastion::child_ref& who);
    void body_over(std::uint64_t body) noexcept;
    void watches(const bastion::child_ref& watcher, const bastion::child_ref& whom);

    [[nodiscard]] std::string faults() const;
};

// One thing out of many. Coroutine bodies only.
[[nodiscard]] bastion::task<void> route(bastion::context ctx, ledger& l);
// Memberships at random for a group.
void join_some(bastion::children& group, ledger& l);
// True: the message was one of those above.
[[nodiscard]] bool take_routed(ledger& l, bastion::context ctx, bastion::message& m);
[[nodiscard]] std::uint64_t answer_poll(ledger& l, bastion::context ctx, poll& p);
void take_bulletin(ledger& l, bastion::context ctx, const bulletin& b);
// The watcher is told that it has ended: it has no name and is no member any more.
void check_gone(ledger& l, bastion::context ctx, const bastion::down& d);
// Counts what the runtime says about messages of these kinds.
void count_routed(bastion::runtime& rt, ledger& l);

} // namespace trees
