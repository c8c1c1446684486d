#pragma once

// The conductor of a region: brings its elements to their ends, one after another, and goes on when all that the fault
// brings about has happened. Regions fail beside each other, and look at each other's elements.

#include "faults/bodies.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <semaphore>
#include <unordered_map>
#include <vector>

namespace faults {

// What the conductors share; constant while they work.
struct world {
    std::deque<slot> slots{elements};
    std::vector<region> shape;
    std::vector<bastion::child_ref> everyone; // the elements that stay the same process
    bastion::child_ref deaf;
    std::vector<bastion::child_ref> witnesses;
    std::atomic<std::int64_t> left{0}; // faults
    std::counting_semaphore<> done{0}; // conductors
};
struct begin {};
struct finish {};

class conducting {
public:
    conducting(world& all, region& mine, std::uint64_t seed) : world_(all), region_(mine), random_(seed) {}

    [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
    [[nodiscard]] region& of() { return region_; }
    [[nodiscard]] world& all() { return world_; }

    // ---- what is to come
    void expect(const slot& s) {
        ++births_due_[s.number];
        ++all_births_due_;
    }
    void expect_restart(std::uint32_t which) {
        ++ends_due_[which];
        ++backs_due_[which];
    }
    void expect(const outcome& all) {
        for (const slot* s : all.born) expect(*s);
        for (const branch* b : all.branches) expect_restart(b->number);
        if (all.region_failed) expect_restart(the_region);
    }
    [[nodiscard]] bool all_born() const { return all_births_due_ == 0; }
    [[nodiscard]] bool supervisors_are_back() const {
        const auto none = [](const auto& due) { return due.second == 0; };
        return std::all_of(ends_due_.begin(), ends_due_.end(), none) &&
               std::all_of(backs_due_.begin(), backs_due_.end(), none);
    }
    [[nodiscard]] bool alone() const { return visitors_.empty(); }
    [[nodiscard]] bool has_few_visitors() const { return visitors_.size() <= 8; }

    // ---- what has come
    void note(const bastion::context& ctx, bastion::message& msg) {
        if (auto* b = msg.told<born>()) {
            if (--births_due_[b->who->number] < 0) ++book->surprises;
            --all_births_due_;
        } else if (auto* k = msg.told<back>()) {
            if (--backs_due_[k->which] < 0) ++book->surprises;
        } else if (auto* d = msg.told<bastion::down>()) {
            ended(ctx, *d);
        } else if (msg.told<waits_for_answer>() != nullptr) {
            asking_.exit(bastion::exit_reason(bastion::exit_kind::killed));
        }
    }
    void oversee(const bastion::context& ctx, std::uint32_t which) {
        auto handle = ctx.monitor(which == the_region ? region_.ref : region_.branches[which].ref);
        const std::uint64_t number = handle.number();
        overseen_.emplace(number, std::make_pair(which, std::move(handle)));
    }
    bastion::child_ref invite(const bastion::context& ctx, const bastion::child_ref& whom) {
        const std::uint64_t number = ++visits_;
        const bool fails = number % 16 == 0;
        auto [child, handle] =
            ctx.spawn_monitor([whom, number, fails](bastion::context c) { return visitor(c, whom, number, fails); });
        ++book->visitors.made;
        ++book->visitors.open;
        const std::uint64_t of_monitor = handle.number();
        visitors_.emplace(of_monitor, std::move(handle));
        return child;
    }
    // The visitor that has ended last.
    [[nodiscard]] const bastion::child_ref& gone() const { return gone_; }
    [[nodiscard]] bool somebody_is_gone() const { return gone_ != bastion::child_ref(); }
    void kills_when_it_asks(const bastion::child_ref& whom) { asking_ = whom; }

private:
    void ended(const bastion::context& ctx, const bastion::down& d) {
        if (visitors_.erase(d.number()) == 1) {
            ++book->visitors.told;
            --book->visitors.open;
            gone_ = d.who();
            return;
        }
        const auto found = overseen_.find(d.number());
        if (found == overseen_.end()) {
            ++book->visitors.strange;
            return;
        }
        const std::uint32_t which = found->second.first;
        overseen_.erase(found);
        if (--ends_due_[which] < 0 || !d.returns()) ++book->surprises;
        if (d.reason().kind() == bastion::exit_kind::intensity)
            ++(which == the_region ? book->region_failures : book->branch_failures);
        if (d.returns()) oversee(ctx, which);
    }

    world& world_;
    region& region_;
    std::mt19937_64 random_;
    std::vector<int> births_due_ = std::vector<int>(elements);
    std::int64_t all_births_due_ = 0;
    std::unordered_map<std::uint32_t, int> ends_due_;
    std::unordered_map<std::uint32_t, int> backs_due_;
    std::unordered_map<std::uint64_t, std::pair<std::uint32_t, bastion::monitor_handle>> overseen_;
    std::unordered_map<std::uint64_t, bastion::monitor_handle> visitors_;
    std::uint64_t visits_ = 0;
    bastion::child_ref gone_;
    bastion::child_ref asking_;
};

using condition = bool (conducting::*)() const;

inline bastion::task<void> until(bastion::context ctx, conducting* c, condition what) {
    while (!(c->*what)()) {
        auto msg = co_await ctx.recv();
        c->note(ctx, msg);
    }
}

// A dynamic branch has lost all its children.
inline bastion::task<void> fill(bastion::context, branch* b) {
    group& g = b->groups[0];
    g.refs.resize(g.slots.size());
    for (std::size_t i = 0; i < g.slots.size(); ++i) {
        auto made = co_await b->ref.start_child(g.slots[i]);
        if (made) g.refs[i] = made->element;
        else ++book->surprises;
    }
}

inline bastion::task<void> exchange(bastion::context ctx, conducting* c, branch* b, std::size_t which) {
    group& g = b->groups[0];
    const bastion::child_ref gone = g.refs[which];
    auto stopped = co_await b->ref.terminate_child(gone);
    if (!stopped) ++book->surprises;
    tell_work(gone);
    c->invite(ctx, gone);
    c->expect(*g.slots[which]);
    auto made = co_await b->ref.start_child(g.slots[which]);
    if (made) g.refs[which] = made->element;
    else ++book->surprises;
}

inline bastion::child_ref someone(conducting& c) { return c.all().everyone[c.below(c.all().everyone.size())]; }

// So that there is always something on its way when somebody ends.
inline void make_traffic(const bastion::context& ctx, conducting& c, const bastion::child_ref& victim) {
    tell_work(someone(c));
    tell_work(victim);
    const bastion::child_ref visitor = c.invite(ctx, c.below(2) == 0 ? victim : someone(c));
    if (c.below(2) == 0) {
        const bastion::child_ref watcher = someone(c);
        if (watcher != c.all().deaf) watcher.tell(watch{c.below(2) == 0 ? victim : someone(c)});
    }
    const bastion::child_ref& witness = c.all().witnesses[c.below(c.all().witnesses.size())];
    if (c.below(2) == 0) witness.tell(watch{c.below(2) == 0 ? victim : someone(c)});
    else witness.tell(hold{c.below(2) == 0 ? victim : c.below(2) == 0 ? visitor : someone(c)});
    if (c.somebody_is_gone() && c.below(2) == 0)
        witness.tell(reach{c.gone(), static_cast<reaching>(c.below(reaching_kinds))});
    if (c.below(8) == 0) witness.tell(let_go());
}

struct target {
    branch* in = nullptr;
    std::uint32_t group = 0;
    std::uint32_t element = 0;
    std::uint32_t other = 0; // in the same group

    [[nodiscard]] slot& of() const { return *in->groups[group].slots[element]; }
    [[nodiscard]] bastion::child_ref ref() const { return in->groups[group].refs[element]; }
};

inline bool is_deaf(const region& r, const branch& b, std::uint32_t group, std::uint32_t element) {
    return r.number == 0 && b.number == 0 && group == 0 && element == 0;
}

inline target choose_target(conducting& c) {
    target t;
    t.in = &c.of().branches[c.below(c.of().branches.size())];
    t.group = static_cast<std::uint32_t>(c.below(t.in->groups.size()));
    const std::size_t size = t.in->groups[t.group].slots.size();
    t.element = static_cast<std::uint32_t>(c.below(size));
    t.other = static_cast<std::uint32_t>((t.element + 1 + c.below(size - 1)) % size);
    return t;
}

inline fault choose_fault(conducting& c, const target& t, int again) {
    const auto how = static_cast<fault>(c.below(fault_kinds));
    const group& g = t.in->groups[t.group];
    const bool deaf = is_deaf(c.of(), *t.in, t.group, t.element);
    switch (how) {
    case fault::finishes: return g.is_permanent ? how : fault::panics;
    case fault::fails:
    case fault::exits:
    case fault::mid_ask:
    case fault::leaves_ask: return deaf ? fault::panics : how;
    case fault::nobody: return deaf || c.of().traps || !c.somebody_is_gone() ? fault::panics : how;
    case fault::struck: return is_deaf(c.of(), *t.in, t.group, t.other) ? fault::signalled : how;
    case fault::linked:
    case fault::at_start: {
        const auto needs = static_cast<std::uint32_t>(how == fault::linked ? 2 : 1 + again);
        return t.in->is_simple(t.group) && t.in->used + needs <= t.in->limit ? how : fault::panics;
    }
    default: return how;
    }
}

inline void order(fault how) { ++book->ordered[static_cast<std::size_t>(how)]; }

// Orders it; what it brings about is expected. How many faults it makes.
inline int inject(conducting& c, const target& t, fault how, int again, outcome& all) {
    const auto expect_one = [&](std::uint32_t element) {
        all = expect_fault(c.of(), *t.in, t.group, element);
        c.expect(all);
    };
    slot& victim = t.of();
    expect_one(t.element);
    switch (how) {
    case fault::signalled:
    case fault::killed:
        order(how);
        victim.doom = how;
        t.ref().exit(how == fault::killed ? bastion::exit_reason(bastion::exit_kind::killed) : reason_of(how));
        return 1;
    case fault::struck:
        order(how);
        victim.doom = how;
        t.in->groups[t.group].refs[t.other].tell(strike{t.ref()});
        return 1;
    case fault::mid_ask:
        order(how);
        victim.doom = how;
        c.kills_when_it_asks(t.ref());
        t.ref().tell(die{how, c.all().deaf});
        return 1;
    case fault::linked:
        order(how);
        order(fault::panics);
        expect_one(t.other);
        t.in->groups[t.group].slots[t.other]->doom = how;
        t.ref().tell(die{how, t.in->groups[t.group].refs[t.other]});
        return 2;
    case fault::at_start:
        for (int i = 0; i < again; ++i) {
            order(how);
            expect_one(t.element);
        }
        victim.bad_starts = again;
        order(fault::panics);
        t.ref().tell(die{fault::panics, {}});
        return 1 + again;
    case fault::nobody:
        order(how);
        t.ref().tell(die{how, c.gone()});
        return 1;
    default:
        order(how);
        t.ref().tell(die{how, c.all().deaf});
        return 1;
    }
}

// A worker that gets no core for a while leaves no backlog: it would show in the resident set, and a snapshot counts no
// further than 1,023.
inline bastion::task<void> catch_up(bastion::context ctx, conducting* c) {
    co_await until(ctx, c, &conducting::has_few_visitors);
    for (const bastion::child_ref& who : c->all().witnesses) {
        auto heard = co_await who.ask<roll_call>();
        if (!heard) ++book->surprises;
    }
    auto heard = co_await c->all().deaf.tell_acknowledged(die{fault::none, {}});
    (void)heard; // it may die of another order
}

inline bastion::process conductor(bastion::context ctx, world* all, region* mine, std::uint64_t seed) {
    test::presence here(book->talk);
    conducting c(*all, *mine, seed);
    // Those of the first start are told before the order to begin, or after it.
    for (branch& b : mine->branches)
        for (group& g : b.groups)
            for (const slot* s : g.slots) c.expect(*s);
    for (bool begun = false; !begun;) {
        auto msg = co_await ctx.recv();
        begun = msg.told<begin>() != nullptr;
        if (!begun) c.note(ctx, msg);
    }
    for (branch& b : mine->branches) {
        c.oversee(ctx, b.number);
        if (b.is_dynamic()) co_await fill(ctx, &b);
    }
    c.oversee(ctx, the_region);
    co_await until(ctx, &c, &conducting::all_born);
    while (all->left.load() > 0) {
        const target t = choose_target(c);
        if (t.in->is_dynamic() && c.below(8) == 0) co_await exchange(ctx, &c, t.in, t.element);
        const int again = 1 + static_cast<int>(c.below(2));
        const fault how = choose_fault(c, t, again);
        make_traffic(ctx, c, t.ref());
        outcome what;
        const int made = inject(c, t, how, again, what);
        all->left -= made;
        co_await until(ctx, &c, &conducting::supervisors_are_back);
        for (branch* b : what.branches)
            if (b->is_dynamic()) co_await fill(ctx, b);
        co_await until(ctx, &c, &conducting::all_born);
        if (c.below(4) == 0) co_await catch_up(ctx, &c);
        if (!what.branch_failed) book->restarts += static_cast<std::uint64_t>(made);
        else ++(what.region_failed ? book->region_restarts : book->branch_restarts);
        book->injected += static_cast<std::uint64_t>(made);
    }
    co_await until(ctx, &c, &conducting::alone);
    all->done.release();
    for (bool enough = false; !enough;) { // nothing is due any more
        auto msg = co_await ctx.recv();
        enough = msg.told<finish>() != nullptr;
        if (!enough) c.note(ctx, msg);
    }
    (void)co_await ctx.recv<begin>(); // none comes: the tree's end is not looked at
}

} // namespace faults
