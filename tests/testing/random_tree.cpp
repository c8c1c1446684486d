#include "testing/random_tree.hpp"

#include "support/fork_join.hpp"

#include <algorithm>
#include <deque>
#include <new>
#include <optional>
#include <utility>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;
using testing::failure;

namespace {

// In every body: says who lives, and that nobody lives twice.
class presence {
public:
    presence(context ctx, ledger& l)
        : counted_(l), ledger_(l), self_(ctx.self()), element_(self_.where().block), body_(l.routing.born(self_)) {
        if (++l.bodies[element_] != 1) l.wrong("two incarnations of an element at once");
        l.lives(ctx.self());
        l.families.born(body_);
        enters(l, ctx);
    }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() {
        --ledger_.bodies[element_];
        ledger_.routing.body_over(body_);
        ledger_.families.body_over(body_, ledger_.now());
        looks(ledger_, self_);
    }

private:
    test::presence counted_;
    ledger& ledger_;
    const child_ref self_;
    const void* element_;
    const std::uint64_t body_;
};

// The same of an element of a group, and what it has.
struct element {
    element(context ctx, ledger& l) : here(ctx, l), book(ctx, l) {}
    presence here;
    reading book;
    std::vector<monitor_handle> watched;
    std::deque<beating> beats;
};

void heard(ledger& l, context ctx, const down& d) {
    ++l.downs;
    ++l.down_reasons[static_cast<std::size_t>(d.reason().kind())];
    if (--l.downs_due[ctx.self().where().block] < 0) l.wrong("more notices than monitors");
    if (l.work.running(d.who())) l.wrong("the end of a process is told before its blocking function is over");
    check_gone(l, ctx, d);
}

// True: it was something to act upon.
bool take(ledger& l, context ctx, message& m) {
    looks(l, ctx.self());
    if (take_letter(l, m)) return true;
    if (auto* j = m.told<job>()) {
        j->ticket.handle();
        return true;
    }
    if (auto* t = m.told<tick>()) {
        t->ticket.handle();
        return true;
    }
    if (auto q = m.asked<query>()) {
        q->ticket.handle();
        const std::uint32_t way = l.below(20);
        if (way == 0) panic("a question too many");
        if (way == 1) return true; // dropped: the asker hears of it
        ++l.replies;
        q.reply(q->n + 1);
        return true;
    }
    if (const auto* d = m.told<down>()) {
        heard(l, ctx, *d);
        return false;
    }
    if (take_work(l, ctx, m) || take_routed(l, ctx, m)) return false;
    return m.broadcast<news>() != nullptr;
}

task<std::uint64_t> ask_somebody(ledger& l, std::uint64_t number) {
    const child_ref to = l.anybody();
    test::asking mark(l);
    const auto lost = l.sent.lost.load();
    std::optional<answer<std::uint64_t>> coming;
    try {
        coming.emplace(to.ask<query>(l, number));
    } catch (const std::bad_alloc&) { // then the question was made, perhaps, and not sent
        l.not_sent += l.sent.lost - lost;
        throw;
    }
    auto r = co_await std::move(*coming).within(l.time_below(100ms));
    mark.ends(r, number + 1);
    co_return r ? *r : 0;
}

process short_life(context ctx, ledger& l) {
    presence here(ctx, l);
    co_await ctx.sleep_for(l.time_below(5ms));
    (void)co_await ask_somebody(l, 7);
    if (l.below(4) == 0) panic("short, and failed");
}

// One thing out of many. Coroutine bodies only.
task<bool> act(context ctx, ledger& l, element& mine) {
    const std::uint32_t what = l.below(150);
    if (what < 25) {
        (void)l.anybody().tell<job>(l);
    } else if (what < 40) {
        (void)co_await ask_somebody(l, what);
    } else if (what < 50) {
        const auto d = l.time_below(20ms);
        const auto begin = l.now();
        co_await ctx.sleep_for(d);
        if (l.now() < begin + d) l.wrong("a timer came early");
    } else if (what < 55) {
        auto later = ctx.tell_after(l.time_below(10ms), l.anybody(), tick(l));
        if (l.below(3) == 0) (void)later.cancel();
    } else if (what < 60) {
        ++l.downs_due[ctx.self().where().block];
        const child_ref whom = l.anybody();
        auto handle = ctx.monitor(whom);
        l.routing.watches(ctx.self(), whom);
        if (mine.watched.size() < 4) mine.watched.push_back(std::move(handle));
        else mine.watched[l.below(4)] = std::move(handle);
    } else if (what < 64) {
        ledger* book = &l;
        (void)ctx.spawn([book](context c) { return short_life(c, *book); });
    } else if (what < 68) {
        co_await ctx.yield();
    } else if (what < 72) {
        panic("by chance");
    } else if (what < 74) {
        ctx.fail("by chance");
        co_return false;
    } else if (what < 75) {
        co_return false;
    } else if (what < 76) {
        if (l.below(2) == 0) l.anybody().stop();
        else l.anybody().kill();
    } else if (what < 82) {
        auto first = co_await when_any(ask_somebody(l, 1), ctx.sleep_for(l.time_below(3ms)), ask_somebody(l, 2));
        (void)first;
    } else if (what < 85) {
        (void)ctx.parent().broadcast(news{static_cast<int>(what)});
    } else if (what < 88) {
        (void)co_await l.anybody().send(tick(l)).within(l.time_below(10ms));
    } else if (what < 92) {
        const int n = co_await test::forked_fibonacci(5);
        if (n != 5) l.wrong("a sum is wrong");
    } else if (what < 93) {
        const auto d = l.time_below(5ms);
        test::presence here(l);
        auto rest = on_fiber([&](fiber_context c) {
            const test::presence deep(l);
            c.sleep_for(d);
            ++l.rested_on_fiber;
        });
        (void)co_await std::move(rest).within(l.time_below(10ms));
    } else if (what < 94) {
        (void)co_await l.anybody().started().within(l.time_below(10ms));
    } else if (what < 100) {
        mine.book.write();
    } else if (what < 120) {
        co_await work(ctx, l, mine.beats);
    } else if (what < 140) {
        co_await route(ctx, l);
    } else if (what < 147) {
        co_await send_letter(ctx, l);
    } else {
        raise_child(ctx, l, 0);
    }
    co_return true;
}

process selective(context ctx, ledger& l) {
    element me(ctx, l);
    for (bool goes_on = true; goes_on;) {
        const std::uint32_t way = l.below(6);
        if (way == 0) {
            auto t = co_await ctx.recv<letter>().within(l.time_below(10ms));
            if (!t) continue;
            t->is_given();
            t->handle();
        } else if (way < 3) {
            auto j = co_await ctx.recv<job>().within(l.time_below(50ms));
            if (!j) continue;
            j->ticket.handle();
        } else {
            message m = co_await ctx.recv();
            if (!take(l, ctx, m)) continue;
        }
        goes_on = co_await act(ctx, l, me);
    }
}

// Some calls below, it waits for the same.
message received_below(const fiber_context& ctx, ledger& l, std::uint32_t depth) {
    if (depth == 0) return ctx.recv();
    test::presence deep(l);
    message m = received_below(ctx, l, depth - 1);
    ++l.received_deep;
    return m;
}

void on_a_stack(fiber_context ctx, ledger& l) {
    element me(ctx, l);
    for (bool goes_on = true; goes_on;) {
        const std::uint32_t way = l.below(8);
        if (way == 0) {
            auto j = ctx.within(l.time_below(50ms)).recv<job>();
            if (!j) continue;
            j->ticket.handle();
        } else {
            message m = received_below(ctx, l, way);
            if (!take(l, ctx, m)) continue;
        }
        goes_on = ctx.await(act(ctx, l, me));
    }
}

process trapping(context ctx, ledger& l) {
    element me(ctx, l);
    ctx.trap_stop();
    for (bool goes_on = true; goes_on;) {
        message m = co_await ctx.recv();
        if (m.told<stop_request>() != nullptr) {
            co_await ctx.sleep_for(l.time_below(2ms));
            co_return;
        }
        if (take(l, ctx, m)) goes_on = co_await act(ctx, l, me);
    }
}

process late_starter(context ctx, ledger& l) {
    element me(ctx, l);
    co_await ctx.sleep_for(l.time_below(20ms));
    if (l.below(10) == 0) panic("never ready");
    if (l.below(20) == 0) co_return;
    ctx.ready();
    for (bool goes_on = true; goes_on;) {
        message m = co_await ctx.recv();
        if (take(l, ctx, m)) goes_on = co_await act(ctx, l, me);
    }
}

// Handlers: the state is the presence. What it reports to is the run's, and there is one run at a time.
ledger* handlers_book = nullptr;

struct post {
    explicit post(context ctx) : me(ctx, *handlers_book) {}
    void work(context ctx, job& j) {
        j.ticket.handle();
        const std::uint32_t what = handlers_book->below(20);
        if (what == 0) panic("a handler's");
        if (what == 1) ctx.fail("a handler's");
        if (what == 2) ctx.stop();
        if (what < 12) (void)handlers_book->anybody().tell<job>(*handlers_book);
    }
    void tock(context, tick& t) { t.ticket.handle(); }
    void read_letter(context, letter& t) { t.handle(); }
    void beaten(context ctx, beat& b) { b.handle(ctx.self()); }
    void read(context ctx, const bulletin& b) { take_bulletin(*handlers_book, ctx, b); }
    std::uint64_t polled(context ctx, poll& p) { return answer_poll(*handlers_book, ctx, p); }
    std::uint64_t answer(context, query& q) {
        q.ticket.handle();
        ++handlers_book->replies;
        return q.n + 1;
    }
    element me;
};

children handlers_of(ledger& l) {
    handlers_book = &l;
    return children().with_handlers<post>(on_tell(&post::work), on_tell(&post::tock), on_tell(&post::read_letter),
        on_tell(&post::beaten), on_question(&post::answer), on_question(&post::polled), on_broadcast(&post::read));
}

callbacks counting(ledger& l, sized_group* sized = nullptr) {
    ledger* book = &l;
    const auto count = [book](std::size_t i) { return [book, i](const event&) { ++book->moments[i]; }; };
    return callbacks()
        .before_start([book, sized](const event& e) {
            ++book->moments[0];
            if (sized != nullptr) book->sizes.of.try_emplace(e.who(), sized);
        })
        .after_start(count(1))
        .before_restart([book](const event& e) {
            ++book->moments[2];
            book->work.failed[e.who()] |= e.reason().is_fault();
        })
        .after_restart(count(3))
        .after_stop([book](const event& e) {
            ++book->moments[4];
            if (book->sizes.let_go.contains(e.who())) ++book->sizes.ended;
        });
}

restart_strategy any_restarts(ledger& l) {
    switch (l.below(6)) {
    case 0: return restart_strategy().immediate();
    case 1: return restart_strategy::tries(1 + l.below(5)).immediate();
    case 2: return restart_strategy().with_linear_backoff(1ms);
    case 3: return restart_strategy::tries(3).with_exponential_backoff(1ms, 20ms);
    case 4: return restart_strategy::never();
    default: return restart_strategy();
    }
}

restart_when any_policy(ledger& l) {
    static constexpr restart_when all[] = {permanent, permanent, transient, transient, temporary};
    return all[l.below(5)];
}

bastion::shutdown any_shutdown(ledger& l) {
    switch (l.below(3)) {
    case 0: return bastion::shutdown::brutal();
    case 1: return bastion::shutdown::within(l.time_below(5ms));
    default: return bastion::shutdown::infinite();
    }
}

placement any_place(ledger& l) {
    switch (l.below(6)) {
    case 0: return placement::spread();
    case 1: return placement::spread().bound();
    case 2: return placement::node(0);
    case 3: return placement::node(0).soft();
    default: return placement::any();
    }
}

children any_group(ledger& l, std::string name) {
    ledger* book = &l;
    children g;
    const std::uint32_t body = l.below(7);
    switch (body) {
    case 0: g = handlers_of(l); break;
    case 1: g.with_exec([book](context ctx) { return selective(ctx, *book); }); break;
    case 2: g.with_exec([book](context ctx) { return trapping(ctx, *book); }); break;
    case 3:
        g.with_exec([book](context ctx) { return late_starter(ctx, *book); });
        g.with_start(wait_ready, l.time_below(30ms) + 1ms);
        break;
    case 4: g.with_fiber([book](fiber_context ctx) { on_a_stack(ctx, *book); }); break;
    default: g.with_exec([book](context ctx) { return any_worker(ctx, *book); });
    }
    const std::size_t stack_bytes = body == 4 ? stack_limits().bytes : 0;
    static constexpr overflow policies[] = {
        overflow::fail, overflow::drop_newest, overflow::drop_oldest, overflow::kill, overflow::wait};
    if (const std::uint32_t box = l.below(10); box < 5) {
        // Who has no room for what it is told while it starts would never start, and those behind it wait.
        const bool dies_of_it = body == 3 && policies[box] == overflow::kill;
        g.with_mailbox(mailbox::bounded(1 + l.below(8), dies_of_it ? overflow::fail : policies[box]));
    } else if (box == 5) g.with_mailbox(mailbox::unbounded().clear_on_restart());
    // Unread mail that survives may leave no room for a start: at once, for ever.
    if (l.below(8) == 0)
        g.with_limits(limits().memory(stack_bytes + 8000 + l.below(8000)))
            .with_mailbox(mailbox::unbounded().clear_on_restart());
    join_some(g, l);
    const std::uint32_t redundancy = 1 + l.below(5);
    sized_group* const sized = resize_some(g, l, redundancy);
    if (sized != nullptr) sized->is_ready_at_once = body != 3;
    const bool is_rebuilt = l.below(2) == 0;
    return std::move(g)
        .with_data(
            [book, is_rebuilt] { return notebook(*book, is_rebuilt); }, is_rebuilt ? on_panic::rebuild : on_panic::keep)
        .with_name(std::move(name))
        .with_redundancy(redundancy)
        .with_restart(any_policy(l))
        .with_restart_strategy(any_restarts(l))
        .with_restart_scope(l.below(2) == 0 ? restart_scope::group : restart_scope::element)
        .with_shutdown(any_shutdown(l))
        .with_placement(any_place(l))
        .with_callbacks(counting(l, sized));
}

supervisor any_supervisor(ledger& l, const std::string& name, int depth) {
    static constexpr strategy all[] = {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one};
    supervisor s;
    s.with_name(name)
        .with_strategy(all[l.below(3)])
        .with_restart(any_policy(l))
        .with_restart_strategy(any_restarts(l))
        .with_callbacks(counting(l));
    if (depth > 1 && l.below(2) == 0)
        s.with_intensity( // the top's would reach the root, and end the run
            1 + l.below(10), 1ms + l.time_below(1s));
    for (int i = 0; i < 2; ++i) s.with_children(any_group(l, name + "g" + std::to_string(i)));
    if (depth < 3)
        for (int i = 0; i < 2; ++i) s.with_supervisor(any_supervisor(l, name + "s" + std::to_string(i), depth + 1));
    if (l.below(2) == 0) s.with_children(any_group(l, name + "last"));
    return s;
}

} // namespace

std::chrono::nanoseconds ledger::time_below(std::chrono::nanoseconds most) {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(most.count())));
}

child_ref ledger::anybody() {
    while (!known_.empty()) {
        const std::size_t i = below(static_cast<std::uint32_t>(known_.size()));
        const child_ref who = known_[i];
        if (who.alive() || below(8) == 0) return who; // now and then one that is gone
        gone_ = who;
        known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return gone_; // what is sent to nobody at all is nobody's dead letter
}

std::size_t ledger::alive() const {
    return static_cast<std::size_t>(
        std::count_if(known_.begin(), known_.end(), [](const child_ref& c) { return c.alive(); }));
}

void ledger::lives(const child_ref& who) {
    if (std::find(known_.begin(), known_.end(), who) != known_.end()) return;
    if (known_.size() < 64) known_.push_back(who);
    else known_[below(64)] = who;
}

void ledger::report(const log_record& r) {
    if (r.reason.text() != "injected by a simulation") return;
    if (test::is_one_of<job, query, beat, letter, in_turn, circular, poll>(r.in_hand)) lost_in_hand += r.lost;
    if (test::is_one_of<bulletin>(r.in_hand)) routing.bulletins.lost_in_hand += r.lost;
    if (test::is_one_of<parcel>(r.in_hand)) routing.parcels.lost_in_hand += r.lost;
}

void ledger::check() const {
    if (!problem_.empty()) throw failure(problem_);
    const std::string wrong =
        faults() + work.faults() + routing.faults() + letters.faults() + families.faults() + sizes.faults() +
        may_be_cancelled.faults("messages that may be cancelled") +
        test::mismatch("messages lost, and dead letters, in hand at a panic or not sent for lack of memory", sent.lost,
            dead + lost_in_hand + not_sent);
    if (!wrong.empty()) throw failure(wrong);
    if (answered > replies) throw failure("more answers than replies");
}

std::vector<happening> ledger::happenings() const {
    return {{"tell_every came", work.beats_taken}, {"data kept", work.kept}, {"data made again", work.rebuilt},
        {"tasks joined", work.joins.results}, {"of these without a value", work.failed_joins},
        {"joins given up", work.joins.given_up}, {"joins ended by a kill", work.joins.abandoned},
        {"sleeps to their end", work.rests.results}, {"sleeps cut short by a stop", work.rests_cut},
        {"blocking functions", work.calls.results}, {"of these that threw", work.thrown},
        {"told in turn", routing.in_turn}, {"told as one of everyone", routing.circulars},
        {"answers of everyone", routing.polled}, {"bulletins", routing.bulletins.handled},
        {"bulletins in hand at a panic", routing.bulletins.lost_in_hand}, {"parcels", routing.parcels.handled},
        {"dispatchers notified", routing.attentions}, {"found by name", routing.found},
        {"letters acknowledged", letters.acknowledged}, {"of these by recv", letters.given},
        {"letters refused", letters.refused}, {"letters unhandled", letters.unhandled},
        {"letters that died with their receiver", letters.died}, {"letters given up", letters.sends.given_up},
        {"letters whose sender ended", letters.sends.abandoned}, {"children of processes", families.children},
        {"raised by children", families.of_children}, {"groups as children", families.groups},
        {"supervisors as children", families.supervisors}, {"tasks as children", families.tasks},
        {"children that ended first", families.ended_before},
        {"children that ended with their parent", families.ended_with}, {"groups with a resizer", sizes.groups.size()},
        {"elements grown", sizes.grown}, {"elements taken away", sizes.let_go.size()},
        {"messages inherited", sizes.inherited}, {"names taken back", routing.taken_back},
        {"ends told of one that had a name", routing.ends_checked}, {"received in deep calls", received_deep},
        {"rests on a fiber", rested_on_fiber}};
}

supervisor random_tree(ledger& l) { return any_supervisor(l, "top", 1); }

process any_worker(context ctx, ledger& l) {
    element me(ctx, l);
    for (bool goes_on = true; goes_on;) {
        message m = co_await ctx.recv();
        if (take(l, ctx, m)) goes_on = co_await act(ctx, l, me);
    }
}

process child_life(context ctx, ledger& l, std::uint64_t parent, int generation) {
    presence here(ctx, l);
    const childhood counted(l, parent);
    for (;;) {
        message m = co_await ctx.recv();
        if (!take(l, ctx, m)) continue;
        const std::uint32_t what = l.below(20);
        if (what < 4) (void)l.anybody().tell<job>(l);
        else if (what < 8) co_await ctx.sleep_for(l.time_below(2ms));
        else if (what < 12) raise_child(ctx, l, generation);
        else if (what == 12) panic("a child");
        else if (what == 13) co_return;
    }
}

void random_run(testing::simulation& sim, std::uint64_t turns, ledger& l) {
    const std::uint64_t blocks = detail::read_pool_stats().live_blocks;
    const std::uint64_t processes = detail::live_blocks();
    runtime& rt = sim.runtime(sim.runtime_config().with_log([&l](const log_record& r) { l.report(r); }));
    test::count_dead_letters<job, query, beat, letter, in_turn, circular, poll>(rt, l);
    count_routed(rt, l);
    watch_unread(rt, l);
    const auto goes_on = [&] { return sim.seen().turns < turns || sim.steps() < 10'000; };
    for (int trees = 0; goes_on(); ++trees) {
        // A top that has ended keeps its name until its end is through: the next has another.
        const supervisor_ref top = rt.spawn(random_tree(l).with_name("top" + std::to_string(trees)));
        std::uint64_t handled = 0;
        for (int round = 0; round < 20 || (l.alive() > 15 && goes_on()); ++round) {
            sim.advance(l.time_below(5ms)); // first: at the beginning there is nobody
            if (l.alive() == 0) continue;
            for (int i = 0; i < 10; ++i) (void)l.anybody().tell<job>(l);
            // Not while nobody in the tree does anything: it takes turns, and a tree that stands still must be seen.
            if (std::exchange(handled, l.sent.handled.load()) != l.sent.handled && l.below(8) == 0)
                errand_from_outside(rt, l);
        }
        if (l.below(2) == 0) top.stop();
    }
    // Some come too late: the runtime is told to end before their owner has heard of them.
    for (std::uint32_t late = l.below(3); late > 0; --late)
        (void)rt.spawn([&l](context ctx) { return short_life(ctx, l); });
    if (l.below(2) == 0) rt.stop();
    else rt.kill();
    (void)rt.wait();
    sim.finish();
    l.check();
    if (detail::live_blocks() != processes)
        throw failure(std::to_string(detail::live_blocks() - processes) + " processes are left");
    if (detail::read_pool_stats().live_blocks != blocks)
        throw failure(std::to_string(detail::read_pool_stats().live_blocks - blocks) + " blocks are left");
}

} // namespace trees
