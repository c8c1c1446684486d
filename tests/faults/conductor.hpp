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
        } else if (auto* w = msg.told<waits_for_answer>()) {
            w->who.exit(bastion::exit_reason(bastion::exit_kind::killed));
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
        if (d.reason().kind() == bastion::exit_kind::killed) ++book->kill_notices;
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
    if (c.below(8) == 0) {
        witness.tell(let_go());
        witness.tell(hold{victim}); // perhaps the one that it has just let go
    }
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

inline target choose_target(conducting& c, branch& in) {
    target t;
    t.in = &in;
    t.group = static_cast<std::uint32_t>(c.below(t.in->groups.size()));
    const std::size_t size = t.in->groups[t.group].slots.size();
    t.element = static_cast<std::uint32_t>(c.below(size));
    t.other = static_cast<std::uint32_t>((t.element + 1 + c.below(size - 1)) % size);
    return t;
}
inline branch& some_branch(conducting& c) { return c.of().branches[c.below(c.of().branches.size())]; }

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

// Of which nobody else is a part: any number of them may come at once.
inline fault choose_plain_fault(conducting& c, const target& t) {
    constexpr std::array<fault, 8> plain{fault::panics, fault::signalled, fault::killed, fault::throws, fault::fails,
        fault::exits, fault::mid_ask, fault::leaves_ask};
    return plain[c.below(is_deaf(c.of(), *t.in, t.group, t.element) ? 3 : plain.size())];
}

// What has been ordered at once, and what comes of it.
struct volley {
    std::vector<branch*> branches; // that are started again
    int faults = 0;
    std::uint64_t restarts = 0; // of elements, by the supervisor right above
    std::uint64_t branch_restarts = 0;
    std::uint64_t region_restarts = 0;
};

inline void expect(conducting& c, volley& v, const outcome& all) {
    c.expect(all);
    v.branches.insert(v.branches.end(), all.branches.begin(), all.branches.end());
    if (!all.branch_failed) ++v.restarts;
    else ++(all.region_failed ? v.region_restarts : v.branch_restarts);
}

// Orders it; what it brings about is expected.
inline void inject(conducting& c, const target& t, fault how, int again, volley& v) {
    const auto expect_one = [&](fault of, std::uint32_t element) {
        order(of);
        ++v.faults;
        expect(c, v, expect_fault(c.of(), *t.in, t.group, element));
    };
    slot& victim = t.of();
    const group& g = t.in->groups[t.group];
    switch (how) {
    case fault::signalled:
    case fault::killed:
        expect_one(how, t.element);
        victim.doom = how;
        t.ref().exit(how == fault::killed ? bastion::exit_reason(bastion::exit_kind::killed) : reason_of(how));
        return;
    case fault::struck:
        expect_one(how, t.element);
        victim.doom = how;
        g.refs[t.other].tell(strike{t.ref()});
        return;
    case fault::mid_ask:
        expect_one(how, t.element);
        victim.doom = how;
        t.ref().tell(die{how, c.all().deaf});
        return;
    case fault::linked:
        expect_one(fault::panics, t.element);
        expect_one(how, t.other);
        g.slots[t.other]->doom = how;
        t.ref().tell(die{how, g.refs[t.other]});
        return;
    case fault::at_start:
        expect_one(fault::panics, t.element);
        for (int i = 0; i < again; ++i) expect_one(how, t.element);
        victim.bad_starts = again;
        t.ref().tell(die{fault::panics, {}});
        return;
    default: expect_one(how, t.element); t.ref().tell(die{how, how == fault::nobody ? c.gone() : c.all().deaf});
    }
}

inline void inject_one(conducting& c, const target& t, volley& v) {
    const int again = 1 + static_cast<int>(c.below(2));
    inject(c, t, choose_fault(c, t, again), again, v);
}

// A supervisor that ends starts its children again: one of them fails in that start.
inline void fails_in_its_start(conducting& c, const target& t, volley& v) {
    order(fault::at_start);
    ++v.faults;
    t.of().bad_starts = 1;
    expect(c, v, expect_fault(c.of(), *t.in, t.group, t.element));
}

// The end of a supervisor by an exit signal, and mostly of one of its elements when it starts again.
inline void kill_supervisor(conducting& c, branch& b, volley& v) {
    const bool whole = c.below(4) == 0;
    expect(c, v, whole ? expect_end(c.of()) : expect_end(c.of(), b));
    ++(whole ? book->region_kills : book->branch_kills);
    const target t = choose_target(c, b);
    if (!b.is_dynamic() && b.is_simple(t.group) && !b.groups[t.group].says_ready) fails_in_its_start(c, t, v);
    const bastion::supervisor_ref& whom = whole ? c.of().ref : b.ref;
    bastion::child_ref(whom.where()).exit(bastion::exit_reason(bastion::exit_kind::killed));
}

// Faults in several branches at once, and of several elements of one where none has a part in what another brings about.
inline void inject_many(const bastion::context& ctx, conducting& c, volley& v) {
    for (branch& b : c.of().branches) {
        if (c.below(4) == 0) continue;
        const bool is_last = b.used == b.limit;
        if (is_last && (c.of().strategy != bastion::strategy::one_for_one || c.of().used == c.of().limit)) continue;
        const target first = choose_target(c, b);
        make_traffic(ctx, c, first.ref());
        std::vector<const slot*> taken{&first.of(), b.groups[first.group].slots[first.other]};
        inject_one(c, first, v);
        for (int more = is_last ? 0 : static_cast<int>(c.below(4)); more != 0 && b.used < b.limit; --more) {
            const target t = choose_target(c, b);
            if (!b.is_simple(t.group) || std::find(taken.begin(), taken.end(), &t.of()) != taken.end()) continue;
            taken.push_back(&t.of());
            inject(c, t, choose_plain_fault(c, t), 0, v);
        }
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
        branch& b = some_branch(c);
        const target t = choose_target(c, b);
        if (b.is_dynamic() && c.below(8) == 0) co_await exchange(ctx, &c, &b, t.element);
        volley v;
        make_traffic(ctx, c, t.ref());
        const auto what = c.below(16);
        if (what == 0) kill_supervisor(c, b, v);
        else if (what < 6) inject_many(ctx, c, v);
        else inject_one(c, t, v);
        all->left -= v.faults;
        co_await until(ctx, &c, &conducting::supervisors_are_back);
        for (branch* back : v.branches)
            if (back->is_dynamic()) co_await fill(ctx, back);
        co_await until(ctx, &c, &conducting::all_born);
        if (c.below(4) == 0) co_await catch_up(ctx, &c);
        book->restarts += v.restarts;
        book->branch_restarts += v.branch_restarts;
        book->region_restarts += v.region_restarts;
        book->injected += static_cast<std::uint64_t>(v.faults);
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
