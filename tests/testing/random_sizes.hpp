#pragma once

// Groups of a random tree that grow and shrink: within their bounds, and the mail of who is taken away is not lost.

#include <bastion/bastion.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace trees {

class ledger;

// A group with a resizer, as its elements see it.
struct sized_group {
    std::uint32_t lower = 1;
    std::uint32_t upper = 1;
    bool is_ready_at_once = true; // who is added starts at once, and so is seen
    bastion::children_ref group; // known when one has begun
    std::vector<bastion::child_ref> seen; // at the last look

    [[nodiscard]] bool lists(const bastion::child_ref& who) const;
};

struct size_book {
    std::deque<sized_group> groups;
    std::unordered_map<bastion::child_ref, sized_group*> of; // elements; looked up only, as the next
    std::unordered_set<bastion::child_ref> let_go; // not listed any more while they were there
    std::uint64_t grown = 0; // elements
    std::uint64_t ended = 0; // of those let go
    std::uint64_t inherited = 0; // messages that were another one's

    // Of one group with a resizer.
    [[nodiscard]] bool are_kin(const bastion::child_ref& a, const bastion::child_ref& b) const;
    // Whether the mail of one may come to the other.
    [[nodiscard]] bool inherits(const bastion::child_ref& heir, const bastion::child_ref& from) const;
    [[nodiscard]] std::string faults() const;
};

// In each body: of the process itself.
void enters(ledger& l, bastion::context ctx);
void looks(ledger& l, const bastion::child_ref& self);

// A resizer at random for a group; null: it keeps its elements.
[[nodiscard]] sized_group* resize_some(bastion::children& group, ledger& l, std::uint32_t redundancy);
// Nothing that an heir could read may be a dead letter.
void watch_unread(bastion::runtime& rt, ledger& l);

} // namespace trees
