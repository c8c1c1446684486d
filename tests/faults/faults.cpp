// `bastion-faults COUNT`: so many injected faults, in ten rounds, each in a runtime of its own: a tree of 1,000
// elements on two workers, three levels of supervisors, all strategies. When a round's faults have had their
// consequences and all is at rest, each equation is looked at: what the processes have counted, and what the library
// says. See docs/internals/faults.md.
#include "faults/conductor.hpp"
#include "faults/memory.hpp"
#include "faults/table.hpp"

#include <bastion/executor/pool.hpp>
#include <bastion/process/cold_part.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

using namespace bastion;
using namespace std::chrono_literals;
using namespace faults;

namespace {

constexpr int rounds = 10;
constexpr std::size_t witnesses = 4;
constexpr auto patience = 60s; // without any progress: something was lost

// ---- the tree

callbacks of_elements() {
    return callbacks()
        .before_start([](const event&) { ++book->starts_told; })
        .before_restart([](const event& e) {
            ++book->starts_told;
            ++book->restarts_told;
            if (e.reason().kind() == exit_kind::normal) ++book->normal_told;
        })
        .after_stop([](const event&) { ++book->stops_told; });
}

callbacks of_supervisor(region& r, std::uint32_t which) {
    return callbacks()
        .before_restart([which](const event& e) {
            if (e.reason().kind() == exit_kind::intensity)
                ++(which == the_region ? book->region_restarts_told : book->branch_restarts_told);
            if (e.reason().kind() == exit_kind::killed)
                ++(which == the_region ? book->region_kills_told : book->branch_kills_told);
        })
        .after_restart([&r, which](const event&) { r.conductor.tell(back{which}); });
}

children described(region& r, branch& b, std::uint32_t number) {
    group& g = b.groups[number];
    children all;
    all.with_name("g" + std::to_string(number))
        .with_restart_scope(g.scope)
        .with_restart(g.is_permanent ? permanent : transient)
        .with_shutdown(shutdown::infinite())
        .with_callbacks(of_elements());
    if (g.says_ready) all.with_start(wait_ready, 1h);
    if (b.is_dynamic()) {
        all.with_template([&r](context ctx, slot* s) {
            return element(ctx, life(*s, ctx.incarnation()), place{&r, s, false, false});
        });
        return all;
    }
    all.with_redundancy(static_cast<std::uint32_t>(g.slots.size())).with_exec([&r, &b, &g](context ctx) {
        const std::uint32_t i = ctx.block().index;
        const auto group_number = static_cast<std::uint32_t>(&g - b.groups.data());
        slot* const s = g.slots[i];
        return element(ctx, life(*s, ctx.incarnation()), place{&r, s, g.says_ready, is_deaf(r, b, group_number, i)});
    });
    return all;
}

supervisor described(region& r) {
    const auto at_once = restart_strategy::always().immediate();
    supervisor all;
    all.with_name(r.name()).with_strategy(r.strategy).with_intensity(r.limit, 1000h).with_restart_strategy(at_once);
    all.with_callbacks(of_supervisor(r, the_region));
    for (branch& b : r.branches) {
        supervisor below;
        below.with_name("b" + std::to_string(b.number))
            .with_strategy(b.strategy)
            .with_intensity(b.limit, 1000h)
            .with_restart_strategy(at_once)
            .with_callbacks(of_supervisor(r, b.number));
        for (std::uint32_t g = 0; g < b.groups.size(); ++g) below.with_children(described(r, b, g));
        all.with_supervisor(std::move(below));
    }
    return all;
}

void find_everyone(runtime& rt, world& w) {
    for (region& r : w.shape) {
        r.ref = rt.find_supervisor("/top/" + r.name());
        for (branch& b : r.branches) {
            const std::string path = "/top/" + r.name() + "/b" + std::to_string(b.number);
            b.ref = rt.find_supervisor(path);
            if (b.is_dynamic()) continue;
            for (std::uint32_t g = 0; g < b.groups.size(); ++g) {
                const auto found = rt.find_children(path + "/g" + std::to_string(g));
                b.groups[g].refs.assign(found.begin(), found.end());
                w.everyone.insert(w.everyone.end(), found.begin(), found.end());
            }
        }
    }
    w.deaf = w.shape[0].branches[0].groups[0].refs[0];
}

void write_down(const log_record& r) {
    const auto depth = std::count(r.path.begin(), r.path.end(), '/');
    if (r.next.starts_with("restarts now")) {
        ++(depth > 3 ? book->restarts_logged : depth == 3 ? book->branch_kills_logged : book->region_kills_logged);
    } else if (r.next == "stops its children and fails upwards") {
        ++(depth == 3 ? book->branch_failures_logged : book->region_failures_logged);
    } else if (r.next == "ends: it is temporary") {
        ++book->strays_logged;
    } else {
        std::printf("not expected: %.*s: %s; %.*s\n", static_cast<int>(r.path.size()), r.path.data(),
            r.reason.what().c_str(), static_cast<int>(r.next.size()), r.next.data());
        ++book->others_logged;
    }
}

// ---- at rest

struct counted_tree {
    std::uint64_t elements = 0; // below "/top"
    std::uint64_t unread = 0;
    bool rests = true;
};

void count_tree(const snapshot_entry& e, counted_tree& into) {
    if (e.kind != snapshot_kind::supervisor)
        into.rests = into.rests && (e.status == snapshot_status::waiting || e.kind == snapshot_kind::group);
    if (e.kind == snapshot_kind::group) into.rests = into.rests && e.status == snapshot_status::running;
    if (e.kind == snapshot_kind::element) {
        if (e.path.starts_with("/top/")) ++into.elements;
        into.unread += e.unread ? e.unread->messages : 0;
        into.rests = into.rests && e.unread && e.unread->exact;
    }
    into.rests = into.rests && e.unlisted() == 0;
    for (const snapshot_entry& below : e.children) count_tree(below, into);
}

[[noreturn]] void give_up(const char* waiting_for) {
    std::printf("nothing happens any more; waiting for %s\n", waiting_for);
    print_counts(*book);
    std::fflush(stdout);
    std::_Exit(1);
}

// A number that grows as long as anything happens.
std::uint64_t progress() { return book->injected + book->births + book->ends + book->talk.over; }

void wait_for_conductors(world& w) {
    std::uint64_t seen = 0;
    for (std::uint32_t done = 0; done < regions;) {
        if (w.done.try_acquire_for(patience)) {
            ++done;
            continue;
        }
        if (progress() == seen) give_up("a conductor");
        seen = progress();
    }
}

// Turns without a sleep until it is so; a tree that has stopped short of it ends the program.
template <class Condition>
void wait_for(const char* what, Condition is_so) {
    auto last = std::chrono::steady_clock::now();
    for (std::uint64_t seen = 0; !is_so();) {
        const std::uint64_t now = progress();
        if (now != seen) last = std::chrono::steady_clock::now();
        seen = now;
        if (std::chrono::steady_clock::now() - last > patience) give_up(what);
        std::this_thread::yield();
    }
}

snapshot at_rest(runtime& rt, counted_tree& tree) {
    snapshot s;
    wait_for("the tree's rest", [&] {
        s = rt.snapshot(snapshot_limits().elements(elements).within(60s));
        tree = counted_tree();
        count_tree(s.root, tree);
        return !s.partial() && tree.rests;
    });
    return s;
}

bool answers(runtime& rt, const child_ref& who, std::uint64_t n) {
    test::asking mark(book->talk);
    ++book->sent;
    const auto r = rt.run(who.ask<query>(n));
    mark.ends(r, n + 1);
    return r.has_value();
}

// How many are there, by their own word. Who has answered has looked at all signals that came before.
std::uint64_t call_roll(runtime& rt, world& w) {
    std::uint64_t there = 0;
    for (region& r : w.shape)
        for (branch& b : r.branches)
            for (group& g : b.groups)
                for (const child_ref& e : g.refs)
                    if (e == w.deaf ? e.alive() : answers(rt, e, there)) ++there;
    return there;
}

struct held_records {
    std::uint64_t monitors = 0;
    std::uint64_t links = 0;
};

// What elements keep for those who watch them. Safety: they are at rest, and a snapshot has looked at them since.
held_records records(const world& w) {
    held_records all;
    for (const region& r : w.shape)
        for (const branch& b : r.branches)
            for (const group& g : b.groups)
                for (const child_ref& e : g.refs)
                    if (const detail::cold_part* cold = detail::cold_if_any(*e.where().block)) {
                        all.monitors += cold->monitors.size();
                        all.links += cold->links.size();
                    }
    return all;
}

// What witnesses wait for. Their second answer counts: the end of a link is a signal, which one that was about to take
// its mail may see behind a message that came later, once.
std::uint64_t still_open(runtime& rt, const world& w) {
    std::uint64_t open = 0;
    for (const child_ref& who : w.witnesses) {
        for (int i = 0; i < 2; ++i) {
            const auto answer = rt.run(who.ask<roll_call>());
            if (!answer) return ~std::uint64_t{0};
            if (i == 1) open += *answer;
        }
    }
    return open;
}

// ---- a round

std::uint64_t run_round(int number, std::int64_t faults, bool& good) {
    ledger accounts;
    book = &accounts;
    test::counts_by_cause letters{};
    world w;
    w.shape = make_shape(w.slots);
    w.left = faults;
    const std::uint64_t blocks = detail::read_pool_stats().live_blocks;
    const std::uint64_t processes = detail::live_blocks();
    table t(number);
    const bool with_crashes = number % 2 == 1;
    const detail::runtime_home* home = nullptr;
    {
        // A killed element ends when a worker that has a core comes to it: how soon is the machine's.
        // What is resident is compared: it must not depend on whether there was time to give pages back.
        auto settings = config()
                            .with_pages_given_back(false)
                            .with_workers(2)
                            .with_signals(false)
                            .with_log(write_down)
                            .with_kill_grace(patience);
        if (with_crashes) settings.with_crash_reports([](const crash_report&) {});
        runtime rt(std::move(settings));
        home = rt.state().home;
        test::count_dead_letters<work, query>(rt, accounts.talk);
        test::count_dead_letters(rt, letters);
        for (std::size_t i = 0; i < witnesses; ++i) w.witnesses.push_back(rt.spawn(witness));
        supervisor top;
        top.with_name("top").with_restart_strategy(restart_strategy::always().immediate());
        for (region& r : w.shape) {
            const auto seed = static_cast<std::uint64_t>(number) * regions + r.number;
            r.conductor = rt.spawn([&w, &r, seed](context ctx) { return conductor(ctx, &w, &r, seed); });
            top.with_supervisor(described(r));
        }
        const auto tree = rt.spawn(std::move(top));
        const auto started = rt.run(tree.started());
        if (!started) give_up("the tree's start");
        find_everyone(rt, w);
        for (region& r : w.shape) r.conductor.tell(begin());
        wait_for_conductors(w);
        counted_tree seen;
        (void)at_rest(rt, seen);
        // Who has answered twice has looked at all signals that there were before.
        (void)call_roll(rt, w);
        const std::uint64_t alive = call_roll(rt, w);
        const snapshot s = at_rest(rt, seen);
        const held_records held = records(w);

        const ledger& b = accounts;
        const std::uint64_t normal = b.suffered[static_cast<std::size_t>(fault::finishes)];
        t.row("elements: spawned = exited + alive", {b.births, b.ends + alive},
            {b.starts_told, b.restarts_told + b.stops_told + seen.elements});
        t.row("elements: spawned again", {b.rebirths}, {b.restarts_told});
        t.row("other processes: spawned = exited + alive", {b.talk.began, b.talk.over + witnesses + regions},
            {b.talk.began, b.talk.over + s.elements - seen.elements});
        t.row("processes that live", {alive + witnesses + regions + s.groups + s.supervisors},
            {detail::live_blocks() - processes});
        t.row("faults: ordered = suffered", {sum(b.ordered), sum(b.suffered)}, {b.restarts_logged + b.normal_told});
        t.row("faults of temporary processes", {b.stray_faults}, {b.strays_logged});
        if (with_crashes)
            t.row("faults that are no normal end", {sum(b.suffered) - normal + b.stray_faults},
                {rt.crash_reports().made});
        t.row("restarts of elements = faults - failures of branches", {b.restarts, sum(b.suffered) - b.branch_failures},
            {b.restarts_logged + b.normal_told - b.branch_failures_logged});
        const std::uint64_t with_regions = branches_of_region * b.region_kills_told;
        t.row("restarts of branches = their ends - failures of regions",
            {b.branch_restarts, b.branch_failures + b.branch_kills - b.region_failures},
            {b.branch_restarts_told + b.branch_kills_told - with_regions - b.region_restarts_told,
                b.branch_failures_logged + b.branch_kills_logged - b.region_failures_logged});
        t.row("restarts of regions = their ends", {b.region_restarts, b.region_failures + b.region_kills},
            {b.region_restarts_told + b.region_kills_told, b.region_failures_logged + b.region_kills_logged});
        t.row("supervisors that ended as killed",
            {b.branch_kills + (1 + branches_of_region) * b.region_kills, b.kill_notices},
            {b.branch_kills_told + b.region_kills_told});
        t.row("monitors of elements: made = told + void + open",
            {b.mortal.made, b.mortal.told + b.mortal.given_up + b.mortal.open}, {});
        t.row("monitors of witnesses: made = told + open", {b.watched.made, b.watched.told + b.watched.open}, {});
        t.row("monitors that are open", {b.mortal.open + b.watched.open}, {held.monitors});
        t.row("links of witnesses: made = told + unlinked + open",
            {b.links.made, b.links.told + b.links.given_up + b.links.open}, {});
        t.row("links of witnesses that are open", {b.links.open}, {held.links});
        t.row("links and monitors with the gone: made = told", {b.gone.made, b.gone.told}, {});
        t.row("those that find another there: made = told", {b.late.made, b.late.told}, {});
        t.row("conductors' monitors: made = told", {b.visitors.made, b.visitors.told}, {});
        t.row("notices told twice or to others",
            {b.mortal.strange + b.watched.strange + b.links.strange + b.visitors.strange + b.gone.strange +
                    b.late.strange,
                0},
            {});
        t.row("births and ends that nobody expected", {b.surprises, 0}, {b.others_logged, 0});
        t.row("questions: asked = answered + failed + abandoned",
            {b.talk.asked, b.talk.answered + b.talk.failed + b.talk.abandoned}, {});
        const test::messages& m = b.talk.sent;
        t.row("messages: sent = received + dead letters + queued", {b.sent, m.made},
            {m.handled + b.talk.dead + seen.unread});

        for (const region& r : w.shape) r.conductor.tell(finish());
        tree.stop();
        wait_for("the tree's end", [&] { return !tree.alive(); });
        t.row("notices that witnesses wait for, behind the end of all", {still_open(rt, w), 0}, {});
        t.row("monitors of witnesses: made = told", {b.watched.made, b.watched.told}, {});
        t.row("links of witnesses: made = told + unlinked", {b.links.made, b.links.told + b.links.given_up}, {});
        rt.stop();
        (void)rt.wait();
    }
    const test::ledger& talk = accounts.talk;
    t.row("at the end: spawned = exited", {accounts.births + talk.began, accounts.ends + talk.over}, {});
    t.row("at the end: sent = received + dead letters", {accounts.sent, talk.sent.handled + talk.sent.lost},
        {talk.sent.handled + talk.dead});
    std::uint64_t all_letters = 0;
    for (std::size_t c = 0; c < test::causes; ++c) all_letters += home->dead_letters[c];
    std::uint64_t seen_letters = 0;
    for (const count& c : letters) seen_letters += c;
    t.row("dead letters of all types", {seen_letters}, {all_letters});
    t.row("messages handled twice, answers to other questions", {talk.sent.again + talk.mistaken, 0}, {});
    t.row("processes: before = after", {processes, detail::live_blocks()}, {});
    t.row("blocks: before = after", {blocks, detail::read_pool_stats().live_blocks}, {});
    good = t.print(accounts);
    return accounts.injected;
}

} // namespace

int main(int argc, char** argv) {
    const long long faults = argc == 2 ? std::strtoll(argv[1], nullptr, 10) : 0;
    if (faults < rounds) {
        std::fputs("usage: bastion-faults COUNT, at least 10\n", stderr);
        return 2;
    }
    settle_memory();
    std::thread(take_room).join();
    std::uint64_t injected = 0;
    memory_held before = held_memory(); // the first look takes memory itself
    for (int n = 1; n <= rounds; ++n) {
        bool good = false;
        // On a thread of its own: what malloc keeps for a thread goes with it, as for the workers.
        std::thread([&] { injected += run_round(n, (faults + rounds - 1) / rounds, good); }).join();
        if (!good) return 1;
        if (!memory_is_counted) continue;
        const memory_held now = held_memory();
        std::printf("  memory after round %d: %" PRIu64 " bytes of the heap in use, %" PRIu64 " kB resident\n", n,
            now.heap, now.resident);
        std::fflush(stdout);
        if (n > 1 && (now.heap > before.heap || now.resident > before.resident)) {
            std::puts("a round has kept memory");
            return 1;
        }
        before = now;
    }
    std::printf("injected %llu faults in a tree of %u elements: all equations hold\n",
        static_cast<unsigned long long>(injected), elements);
    return 0;
}
