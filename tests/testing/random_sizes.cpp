#include "testing/random_sizes.hpp"

#include "supervision/owner.hpp"
#include "testing/random_tree.hpp"

#include <algorithm>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;

bool sized_group::lists(const child_ref& who) const {
    const children_ref now = group.current();
    return std::find(now.begin(), now.end(), who) != now.end();
}

bool size_book::are_kin(const child_ref& a, const child_ref& b) const {
    const auto x = of.find(a);
    const auto y = of.find(b);
    return x != of.end() && y != of.end() && x->second == y->second;
}

bool size_book::inherits(const child_ref& heir, const child_ref& from) const {
    return are_kin(heir, from) && (!from.alive() || !of.at(from)->lists(from));
}

void enters(ledger& l, context ctx) {
    const auto found = l.sizes.of.find(ctx.self());
    if (found == l.sizes.of.end()) return;
    found->second->group = ctx.parent();
    looks(l, ctx.self());
}

void looks(ledger& l, const child_ref& self) {
    size_book& book = l.sizes;
    const auto found = book.of.find(self);
    if (found == book.of.end()) return;
    sized_group& g = *found->second;
    const children_ref now = g.group.current();
    if (now.size() > g.upper) l.wrong("a group has grown above its upper bound");
    std::size_t taken = 0;
    std::size_t others = 0; // that have ended
    for (const child_ref& c : g.seen) {
        if (g.lists(c)) continue;
        // Who ends otherwise is listed to its end.
        if (c.alive()) book.let_go.insert(c);
        ++(book.let_go.contains(c) ? taken : others);
    }
    if (taken != 0 && g.is_ready_at_once && now.size() + others < g.lower)
        l.wrong("a group has shrunk below its lower bound");
    if (!g.seen.empty())
        for (const child_ref& c : now)
            if (std::find(g.seen.begin(), g.seen.end(), c) == g.seen.end()) ++book.grown;
    g.seen.assign(now.begin(), now.end());
}

sized_group* resize_some(children& group, ledger& l, std::uint32_t redundancy) {
    if (l.below(3) != 0) return nullptr;
    sized_group& g = l.sizes.groups.emplace_back();
    g.lower = 1 + l.below(redundancy);
    g.upper = redundancy + l.below(4);
    group.with_resizer(resizer()
            .with_lower_bound(g.lower)
            .with_upper_bound(g.upper)
            .with_mailbox_size_threshold(l.below(2))
            .with_upscale_rate(l.below(2) == 0 ? 0.1 : 1)
            .with_downscale_threshold(l.below(2) == 0 ? 0.3 : 1)
            .with_downscale_rate(l.below(2) == 0 ? 0.1 : 1)
            .with_interval(2ms + l.time_below(20ms)));
    return &g;
}

void watch_unread(runtime& rt, ledger& l) {
    static ledger* book;
    static void (*next)(void*, const detail::dead_letter_info&);
    detail::home_hooks& hooks = rt.state().home->hooks;
    book = &l;
    next = hooks.dead_letter;
    hooks.dead_letter = [](void* data, const detail::dead_letter_info& info) {
        const child_ref to(info.to);
        // One that is there yet has lost it to the simulation.
        const bool has_ended = info.to.block != nullptr && info.to.block->life_state.now() == detail::life::restarting;
        const bool is_own = test::is_one_of<down, stop_request>(info.type);
        if (info.cause == drop_reason::unread && has_ended && !is_own && book->sizes.let_go.contains(to)) {
            const children_ref now = book->sizes.of.at(to)->group.current();
            const auto stays = [](const child_ref& c) {
                return c.alive() && (c.where().block->owner_flags & detail::child_flag::for_good) == 0;
            };
            if (std::any_of(now.begin(), now.end(), stays)) book->wrong("the mail of one that was taken away is lost");
        }
        next(data, info);
    };
}

std::string size_book::faults() const {
    return test::mismatch("elements taken away, and ended", let_go.size(), ended) +
           test::mismatch("elements taken away, and there", 0,
               static_cast<std::uint64_t>(
                   std::count_if(let_go.begin(), let_go.end(), [](const child_ref& c) { return c.alive(); })));
}

} // namespace trees
