#include "testing/random_families.hpp"

#include "testing/random_tree.hpp"

#include <algorithm>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Its turns and the stop may be late, and of a group one element after another stops.
constexpr auto soon = 100ms;

task<void> child_task(ledger& l, std::uint64_t parent) {
    const childhood here(l, parent);
    co_await sleep_wait(l.time_below(20ms));
}

} // namespace

childhood::childhood(ledger& l, std::uint64_t parent) : ledger_(l), parent_(parent), began_(l.now()) {
    ++l.families.living;
    ++l.families.children;
}

childhood::~childhood() {
    family_book& book = ledger_.families;
    --book.living;
    const auto& parent_over = book.bodies[parent_];
    if (!parent_over) {
        ++book.ended_before;
        return;
    }
    ++book.ended_with;
    if (ledger_.is_punctual && ledger_.now() > std::max(*parent_over, began_) + soon)
        ledger_.wrong("a child of a process outlives it");
}

void raise_child(context ctx, ledger& l, int generation) {
    if (l.families.living > 12 || generation > 2) return;
    const std::uint64_t me = l.routing.last_body[ctx.self()];
    const auto body = [book = &l, me, generation](context c) { return child_life(c, *book, me, generation + 1); };
    if (generation != 0) ++l.families.of_children;
    switch (l.below(6)) {
    case 0:
        ++l.families.groups;
        (void)ctx.spawn_child(children().with_redundancy(1 + l.below(3)).with_exec(body));
        break;
    case 1:
        ++l.families.supervisors;
        (void)ctx.spawn_child(supervisor().with_children(children().with_exec(body)));
        break;
    case 2:
        ++l.families.tasks;
        (void)ctx.spawn_child(child_task(l, me));
        break;
    default: (void)ctx.spawn_child(body);
    }
}

std::string family_book::faults() const {
    return test::mismatch("children of processes begun, and ended", children, ended_before + ended_with);
}

} // namespace trees
