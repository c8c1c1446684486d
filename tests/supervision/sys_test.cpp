// bastion::sys: suspend, resume, statistics, state, other handlers, trace; each on processes of handlers and on coroutines.
#include "supervision/tree.hpp"

#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace tree;
namespace sys = bastion::sys;
using bastion::errc;

namespace {

struct add {
    int n;
};
struct total {
    using answer_type = int;
};

struct counter {
    int sum = 0;
    void on_add(const add& a) { sum += a.n; }
    int on_total(const total&) { return sum; }
};
struct fixed { // cannot be moved or copied
    fixed() = default;
    fixed(const fixed&) = delete;
    fixed& operator=(const fixed&) = delete;
    int sum = 0;
    void on_add(const add& a) { sum += a.n; }
    int on_total(const total&) { return sum; }
};

template <class State = counter>
bastion::children counters() {
    return bastion::children()
        .with_name("counters")
        .with_restart(bastion::permanent)
        .template with_handlers<State>(bastion::on_tell(&State::on_add), bastion::on_question(&State::on_total));
}

template <class R>
std::string said(const R& r) {
    return r ? "ok" : r.error().what();
}
template <class R>
std::optional<errc> code(const R& r) {
    if (r) return {};
    return r.error().code();
}

class sys_world : public world {
public:
    using world::world;
    // What the call answers, when everything that can happen has.
    template <class A>
    auto ask(A a) {
        auto r = rt.run(std::move(a));
        settle();
        return r;
    }
    int sum_of(const bastion::child_ref& who) {
        auto r = rt.run(who.ask<total>());
        REQUIRE(r.has_value());
        return *r;
    }
};

} // namespace

// ---- suspend, resume

TEST_CASE("suspend keeps handlers from their mail until resume") {
    sys_world w;
    const auto group = w.rt.spawn(counters());
    w.settle();
    const bastion::child_ref who = group[0];
    CHECK(said(w.ask(sys::suspend(who))) == "ok");
    CHECK(said(w.ask(sys::suspend(who))) == "ok"); // as well
    for (int i = 0; i < 3; ++i) {
        who.tell(add{1});
        w.settle();
    }
    auto waits = who.ask<total>();
    w.settle();
    CHECK_FALSE(waits.poll());
    auto state = w.ask(sys::get_state<counter>(who)); // that is no mail
    REQUIRE(state.has_value());
    CHECK(state->sum == 0);
    CHECK(said(w.ask(sys::resume(who))) == "ok");
    auto sum = w.rt.run(std::move(waits));
    REQUIRE(sum.has_value());
    CHECK(*sum == 3);
    CHECK(said(w.ask(sys::resume(who))) == "ok");
    CHECK(w.sum_of(who) == 3);
}

TEST_CASE("suspend keeps a coroutine from every way of taking mail") {
    enum class by { recv, recv_typed, recv_within, try_recv };
    for (const by how : {by::recv, by::recv_typed, by::recv_within, by::try_recv}) {
        sys_world w;
        const auto group =
            w.rt.spawn(bastion::children().with_exec([&w, how](bastion::context ctx) -> bastion::process {
                co_await ctx.sleep_for(1s); // it is suspended meanwhile, and mail comes
                for (;;) {
                    if (how == by::recv) {
                        auto m = co_await ctx.recv();
                        w.events.add("took " + std::string(m.type()));
                    } else if (how == by::recv_typed) {
                        auto a = co_await ctx.recv<add>();
                        w.events.add("took " + std::to_string(a.n));
                    } else if (how == by::recv_within) {
                        auto m = co_await ctx.recv().within(5s);
                        w.events.add(m ? "took one" : "nothing");
                    } else {
                        const bool there = ctx.try_recv().has_value();
                        w.events.add(there ? "took one" : "nothing");
                        co_await ctx.sleep_for(1s);
                    }
                }
            }));
        w.settle();
        const bastion::child_ref who = group[0];
        CHECK(said(w.ask(sys::suspend(who))) == "ok");
        who.tell(add{1});
        w.advance(1s);
        who.tell(add{2});
        w.advance(10s); // a deadline of its own does not count either
        for (const std::string& line : w.events.take()) CHECK(line == "nothing");
        CHECK(said(w.ask(sys::resume(who))) == "ok");
        w.advance(2s);
        const lines took = w.events.take();
        CHECK(std::count_if(took.begin(), took.end(), [](const std::string& l) { return l != "nothing"; }) == 2);
    }
}

TEST_CASE("One that is suspended is stopped and killed all the same") {
    enum class by { stop, kill, exit, trapped };
    for (const by how : {by::stop, by::kill, by::exit, by::trapped}) {
        sys_world w;
        const auto group = w.rt.spawn(named(w.events, "a").with_restart(bastion::temporary));
        w.settle();
        const bastion::child_ref who = group[0];
        if (how == by::trapped) who.tell(trap{});
        w.settle();
        CHECK(said(w.ask(sys::suspend(who))) == "ok");
        who.tell(std::string("unread"));
        if (how == by::stop || how == by::trapped) who.stop();
        else if (how == by::kill) who.kill();
        else who.exit(bastion::exit_reason::error("enough"));
        w.settle();
        if (how == by::trapped) { // it hears of it, and goes on
            CHECK(w.events.take() == lines{"start a0", "a0: unread", "a0 asked to stop"});
            who.tell(finish{});
            w.settle();
            CHECK(w.events.take() == lines{"end a0"});
        } else {
            CHECK(w.events.take() == lines{"start a0", "end a0"});
        }
        CHECK_FALSE(who.alive());
        CHECK(code(w.ask(sys::resume(who))) == errc::noproc);
    }
}

TEST_CASE("The next incarnation of one that was suspended is not") {
    sys_world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    const auto group = sup.spawn(named(w.events, "a").with_restart(bastion::permanent));
    w.settle();
    CHECK(said(w.ask(sys::suspend(group[0]))) == "ok");
    group[0].exit(bastion::exit_reason::error("enough"));
    group[0].tell(std::string("x"));
    w.settle();
    CHECK(w.events.take() == lines{"start a0", "end a0", "start a0", "a0: x"});
}

TEST_CASE("A snapshot shows one that is suspended, and its mail") {
    sys_world w;
    const auto group = w.rt.spawn(counters());
    w.settle();
    CHECK(said(w.ask(sys::suspend(group[0]))) == "ok");
    group[0].tell(add{1});
    group[0].tell(add{2});
    w.settle();
    const auto seen = w.rt.snapshot();
    const std::string text = bastion::to_string(seen);
    CHECK(text.find("suspended") != std::string::npos);
    CHECK(text.find("2 unread") != std::string::npos);
    group[0].tell(add{4}); // the look has left it parked as it was
    w.settle();
    CHECK(said(w.ask(sys::resume(group[0]))) == "ok");
    CHECK(w.sum_of(group[0]) == 7);
}

// ---- statistics

TEST_CASE("statistics count what a process takes, sends and answers, from when they are switched on") {
    sys_world w;
    const auto sink = w.rt.spawn(named(w.events, "sink"));
    const bastion::child_ref to = sink[0];
    const auto group = w.rt.spawn(bastion::children().with_handlers(bastion::on_tell([to](const add& a) {
        for (int i = 0; i < a.n; ++i) to.tell(std::string("x"));
    }),
        bastion::on_question([](const total&) { return 1; })));
    w.settle();
    const bastion::child_ref who = group[0];
    who.tell(add{1});
    w.settle();
    CHECK(code(w.ask(sys::get_statistics(who))) == errc::invalid);
    CHECK(said(w.ask(sys::statistics(who, true))) == "ok");
    who.tell(add{2});
    CHECK(w.sum_of(who) == 1);
    w.advance(3s);
    auto all = w.ask(sys::get_statistics(who));
    REQUIRE(all.has_value());
    CHECK(all->counted_for == 3s);
    CHECK(all->received == 2);
    CHECK(all->sent == 2);
    CHECK(all->answered == 1);
    CHECK(said(w.ask(sys::statistics(who, true))) == "ok"); // from nothing
    all = w.ask(sys::get_statistics(who));
    REQUIRE(all.has_value());
    CHECK(all->received == 0);
    CHECK(said(w.ask(sys::statistics(who, false))) == "ok");
    CHECK(code(w.ask(sys::get_statistics(who))) == errc::invalid);
}

// ---- state

TEST_CASE("get_state and replace_state: of handlers") {
    sys_world w;
    const auto group = w.rt.spawn(counters());
    w.settle();
    const bastion::child_ref who = group[0];
    who.tell(add{5});
    w.settle();
    auto state = w.ask(sys::get_state<counter>(who));
    REQUIRE(state.has_value());
    CHECK(state->sum == 5);
    CHECK(said(w.ask(sys::replace_state<counter>(who, [](counter& c) { c.sum *= 2; }))) == "ok");
    CHECK(w.sum_of(who) == 10);
    CHECK(said(w.ask(sys::get_state<int>(who))) ==
          "its state is a " + std::string(bastion::type_name<counter>()) + ", not a int");
    auto thrown = w.ask(sys::replace_state<counter>(who, [](counter&) { throw std::runtime_error("not today"); }));
    CHECK(code(thrown) == errc::failed);
    CHECK(thrown.error().what().find("not today") != std::string::npos);
    CHECK(w.sum_of(who) == 10);
}

TEST_CASE("get_state and replace_state: of a coroutine, its data") {
    sys_world w;
    const auto group = w.rt.spawn(
        bastion::children().with_data(std::string("begin")).with_exec([](bastion::context ctx) -> bastion::process {
            for (;;) {
                auto m = co_await ctx.recv();
                if (auto* a = m.told<add>()) ctx.data<std::string>() += std::to_string(a->n);
            }
        }));
    const auto bare = w.rt.spawn(named(w.events, "bare"));
    w.settle();
    CHECK(said(w.ask(sys::replace_state<std::string>(group[0], [](std::string& s) { s = "x"; }))) == "ok");
    group[0].tell(add{1});
    w.settle();
    auto text = w.ask(sys::get_state<std::string>(group[0]));
    REQUIRE(text.has_value());
    CHECK(*text == "x1");
    CHECK(code(w.ask(sys::get_state<int>(group[0]))) == errc::wrong_type);
    CHECK(said(w.ask(sys::get_state<int>(bare[0]))) == "it has no state that others can see");
}

// ---- other handlers

namespace {

// What a function on another thread waits for, and says.
struct gate {
    std::promise<void> entered;
    std::promise<void> open;
    void pass() {
        entered.set_value();
        open.get_future().wait();
    }
};

bastion::task<int> pass_by_blocking(gate& g, std::vector<int>& data) {
    co_await bastion::blocking([&g, &data] {
        g.pass();
        data.push_back(7);
    });
    co_return 1;
}

enum class runs { a_function, a_forked_task };

// One whose data another thread changes, while the gate is shut, and then waits for mail; with its scope open.
bastion::children one_that_lets_others_work(gate& g, runs what) {
    return bastion::children()
        .with_data(std::vector<int>{1})
        .with_exec([&g, what](bastion::context ctx) -> bastion::process {
            auto& data = ctx.data<std::vector<int>>();
            bastion::scope s;
            if (what == runs::a_function) {
                const int n = co_await pass_by_blocking(g, data);
                data.push_back(n);
                (void)co_await ctx.recv();
            } else {
                auto f = s.fork(pass_by_blocking(g, data));
                co_await s.join();
                data.push_back(*f);
                (void)co_await ctx.recv();
            }
        });
}

} // namespace

TEST_CASE("get_state and replace_state wait for what runs for the process elsewhere") {
    for (const runs what : {runs::a_function, runs::a_forked_task}) {
        gate g;
        bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
        const auto group = rt.spawn(one_that_lets_others_work(g, what));
        const bastion::child_ref who = group[0];
        g.entered.get_future().wait();
        auto replaced = sys::replace_state<std::vector<int>>(who, [](std::vector<int>& data) { data.push_back(9); });
        auto seen = sys::get_state<std::vector<int>>(who);
        CHECK(said(rt.run(sys::suspend(who))) == "ok"); // behind them, and not held up
        CHECK(said(rt.run(sys::resume(who))) == "ok");
        CHECK_FALSE(replaced.poll());
        CHECK_FALSE(seen.poll());
        g.open.set_value();
        CHECK(said(rt.run(std::move(replaced))) == "ok");
        const auto data = rt.run(std::move(seen));
        REQUIRE(data.has_value());
        CHECK(*data == std::vector<int>{1, 7, 1, 9});
        CHECK(said(rt.run(sys::resume(who))) == "ok"); // so the turn in which it was answered is over
        CHECK((who.where().block->signals.now() & bastion::detail::signal_flags::watched) == 0);
    }
}

TEST_CASE("A get_state that waits is answered when the process ends instead") {
    gate g;
    bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
    const auto group = rt.spawn(one_that_lets_others_work(g, runs::a_function).with_restart(bastion::temporary));
    const bastion::child_ref who = group[0];
    g.entered.get_future().wait();
    auto seen = sys::get_state<std::vector<int>>(who);
    CHECK(said(rt.run(sys::resume(who))) == "ok");
    who.kill();
    CHECK(said(rt.run(group.started())) == "ok"); // the group has passed it on
    g.open.set_value();
    CHECK(said(rt.run(std::move(seen))) == bastion::error(errc::noproc).what());
}

TEST_CASE("replace_handlers: others over the same state, and those of the group at the next start") {
    sys_world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    const auto group = sup.spawn(counters<fixed>());
    w.settle();
    const bastion::child_ref who = group[0];
    who.tell(add{3});
    w.settle();
    CHECK(said(w.ask(sys::suspend(who))) == "ok");
    who.tell(add{1}); // taken by the new ones
    CHECK(said(w.ask(sys::replace_handlers<fixed>(who, bastion::on_tell([](const add&) {}),
              bastion::on_question([](bastion::context, const total&) { return -1; })))) == "ok");
    CHECK(said(w.ask(sys::resume(who))) == "ok");
    CHECK(w.sum_of(who) == -1);
    CHECK(said(w.ask(sys::replace_state<fixed>(who, [](fixed& f) { CHECK(f.sum == 3); }))) == "ok");
    who.exit(bastion::exit_reason::error("enough"));
    w.settle();
    CHECK(w.sum_of(who) == 0);
}

namespace {

struct better {
    std::string text;
    int on_total(const total&) { return static_cast<int>(text.size()); }
};

} // namespace

TEST_CASE("replace_handlers: over a new state made from the old one") {
    sys_world w;
    const auto group = w.rt.spawn(counters().with_redundancy(2));
    w.settle();
    const bastion::child_ref who = group[0];
    who.tell(add{3});
    w.settle();
    CHECK(said(w.ask(sys::replace_handlers<counter, better>(
              who, [](counter&& c) { return better{std::string(static_cast<std::size_t>(c.sum), 'x')}; },
              bastion::on_question(&better::on_total)))) == "ok");
    CHECK(w.sum_of(who) == 3);
    CHECK(code(w.ask(sys::get_state<counter>(who))) == errc::wrong_type);
    auto no = w.ask(sys::replace_handlers<better, counter>(
        who, [](better old) -> counter { throw std::runtime_error("it does not fit: " + old.text); },
        bastion::on_question(&counter::on_total)));
    CHECK(code(no) == errc::failed);
    CHECK(w.sum_of(who) == 3); // nothing has changed
    CHECK(code(w.ask(sys::replace_handlers<counter>(who))) == errc::wrong_type);
    CHECK(w.sum_of(group[1]) == 0); // its sibling's are what they were
    const auto other = w.rt.spawn(named(w.events, "a"));
    w.settle();
    CHECK(code(w.ask(sys::replace_handlers<counter>(other[0]))) == errc::wrong_type);
}

// ---- trace

namespace {

// Writes what it is told of a trace.
bastion::children reader(journal& j) {
    return bastion::children()
        .with_name("reader")
        .with_restart(bastion::temporary)
        .with_handlers(bastion::on_tell([&j](bastion::context ctx, const sys::traced& t) {
            static constexpr const char* what[] = {" received ", " sent ", " answered "};
            const bool own = t.peer.where() == ctx.self().where();
            j.add(std::to_string(t.number) + what[static_cast<int>(t.step)] + std::string(t.type) + (own ? " me" : ""));
        }),
            bastion::on_tell([&j](const sys::trace_ended& e) {
                static constexpr const char* why[] = {"limit", "stopped", "replaced", "ended"};
                j.add("over: " + std::string(why[static_cast<int>(e.why)]) + " after " + std::to_string(e.steps) +
                      ", " + e.reason.what());
            }),
            bastion::on_tell([](const finish&) { throw std::runtime_error("gone"); }),
            bastion::on_tell([](bastion::context ctx, const bastion::child_ref& to) {
                to.tell(add{1});
                (void)ctx;
            }));
}

const std::string add_name(bastion::type_name<add>());
const std::string total_name(bastion::type_name<total>());

} // namespace

TEST_CASE("trace tells the steps of a process, in order, up to its limit") {
    for (const bool handlers : {true, false}) {
        sys_world w;
        const auto r = w.rt.spawn(reader(w.events));
        const auto sink = w.rt.spawn(counters());
        const bastion::child_ref to = sink[0];
        const auto group = w.rt.spawn(
            handlers ? bastion::children().with_handlers(bastion::on_tell([to](const add& a) { to.tell(a); }),
                           bastion::on_question([](const total&) { return 1; }))
                     : bastion::children().with_exec([to](bastion::context ctx) -> bastion::process {
                           for (;;) {
                               auto m = co_await ctx.recv();
                               if (auto* a = m.told<add>()) to.tell(*a);
                               else if (auto q = m.asked<total>()) q.reply(1);
                           }
                       }));
        w.settle();
        const bastion::child_ref who = group[0];
        CHECK(said(w.ask(sys::trace(who, r[0], 5))) == "ok");
        r[0].tell(who); // has it told by the reader
        w.settle();
        CHECK(w.sum_of(who) == 1);
        w.settle();
        who.tell(add{1});
        who.tell(add{1});
        w.settle();
        CHECK(
            w.events.take() == lines{"1 received " + add_name + " me", "2 sent " + add_name, "3 received " + total_name,
                                   "4 answered int", "5 received " + add_name, "over: limit after 5, normal"});
        CHECK(w.sum_of(to) == 3); // it goes on
    }
}

TEST_CASE("A trace ends with the process, by order, and when another takes over") {
    sys_world w;
    const auto r = w.rt.spawn(reader(w.events));
    const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    const auto group = sup.spawn(named(w.log, "a").with_restart(bastion::permanent));
    w.settle();
    const bastion::child_ref who = group[0];
    SECTION("with the process: the next incarnation is not traced") {
        CHECK(said(w.ask(sys::trace(who, r[0], 100))) == "ok");
        who.tell(give_up{"no more"});
        w.settle();
        who.tell(std::string("x"));
        w.settle();
        CHECK(w.events.take() == lines{"1 received tree::give_up", "over: ended after 1, error: no more"});
    }
    SECTION("by order") {
        CHECK(said(w.ask(sys::trace(who, r[0], 100))) == "ok");
        CHECK(said(w.ask(sys::no_trace(who))) == "ok");
        CHECK(said(w.ask(sys::no_trace(who))) == "ok");
        who.tell(std::string("x"));
        w.settle();
        CHECK(w.events.take() == lines{"over: stopped after 0, normal"});
    }
    SECTION("by another") {
        CHECK(said(w.ask(sys::trace(who, r[0], 100))) == "ok");
        CHECK(said(w.ask(sys::trace(who, r[0], 1))) == "ok");
        who.tell(finish{});
        w.settle();
        CHECK(w.events.take() ==
              lines{"over: replaced after 0, normal", "1 received tree::finish", "over: limit after 1, normal"});
    }
    SECTION("its reader is restarted: the next incarnation has not asked") {
        const auto again = sup.spawn(reader(w.events).with_restart(bastion::permanent));
        w.settle();
        CHECK(said(w.ask(sys::trace(who, again[0], 100))) == "ok");
        who.tell(std::string("x"));
        w.settle();
        CHECK(w.events.take().size() == 1);
        again[0].tell(finish{});
        w.settle();
        CHECK(again[0].alive());
        who.tell(std::string("y"));
        who.tell(give_up{"no more"});
        w.settle();
        CHECK(w.events.take().empty());
        CHECK(said(w.ask(sys::trace(who, again[0], 1))) == "ok"); // for the incarnation that is there
        who.tell(std::string("z"));
        w.settle();
        CHECK(w.events.take().size() == 2);
    }
    SECTION("its reader has gone") {
        CHECK(said(w.ask(sys::trace(who, r[0], 100))) == "ok");
        r[0].tell(finish{});
        w.settle();
        const auto lost = w.rt.dead_letters();
        who.tell(std::string("x"));
        who.tell(std::string("y"));
        w.settle();
        CHECK(w.rt.dead_letters() == lost); // nobody tells one that is not there
        CHECK((who.where().block->signals.now() & bastion::detail::signal_flags::watched) == 0);
    }
}

TEST_CASE("What a trace refuses") {
    sys_world w;
    const auto r = w.rt.spawn(reader(w.events));
    w.settle();
    CHECK(code(w.ask(sys::trace(r[0], r[0], 5))) == errc::invalid);
    const auto group = w.rt.spawn(counters());
    w.settle();
    CHECK(code(w.ask(sys::trace(group[0], r[0], 0))) == errc::invalid);
    CHECK(said(w.ask(sys::trace(group[0], r[0], 5))) == "ok");
    CHECK(code(w.ask(sys::trace(group[0], bastion::child_ref(), 5))) == errc::invalid); // and the other goes on
    const auto sup = w.rt.spawn(bastion::supervisor());
    CHECK(code(w.ask(sys::trace(group[0], bastion::child_ref(sup.where()), 5))) == errc::invalid); // it reads nothing
    w.settle();
    CHECK(w.events.take().empty());
}

TEST_CASE("A trace names each message that is taken, however it is taken") {
    enum class by { recv, typed, within, try_recv, bounded, branch };
    for (const by how : {by::recv, by::typed, by::within, by::try_recv, by::bounded, by::branch}) {
        sys_world w;
        const auto r = w.rt.spawn(reader(w.events));
        auto described = bastion::children().with_exec([how](bastion::context ctx) -> bastion::process {
            for (;;) {
                if (how == by::typed) {
                    auto a = co_await ctx.recv<add>();
                    (void)a;
                } else if (how == by::within) {
                    auto m = co_await ctx.recv().within(100s);
                    (void)m;
                } else if (how == by::try_recv) {
                    (void)ctx.try_recv();
                    co_await ctx.sleep_for(1s);
                } else if (how == by::branch) {
                    auto first = co_await bastion::when_any(ctx.recv(), ctx.sleep_for(100s));
                    (void)first;
                } else {
                    auto m = co_await ctx.recv();
                    (void)m;
                }
            }
        });
        if (how == by::bounded) described.with_mailbox(bastion::mailbox::bounded(10));
        const auto group = w.rt.spawn(std::move(described));
        w.settle();
        const bastion::child_ref who = group[0];
        CHECK(said(w.ask(sys::trace(who, r[0], 3))) == "ok");
        for (int i = 0; i < 3; ++i) {
            who.tell(add{i}); // three at once, too
            if (i == 0) w.advance(1s);
        }
        w.advance(5s);
        CHECK(w.events.take() == lines{"1 received " + add_name, "2 received " + add_name, "3 received " + add_name,
                                     "over: limit after 3, normal"});
    }
}

TEST_CASE("A trace of more messages than one turn takes misses none and doubles none") {
    for (const bool handlers : {true, false}) {
        sys_world w;
        const auto r = w.rt.spawn(reader(w.events));
        const auto group = w.rt.spawn(handlers ? counters() : named(w.log, "a"));
        w.settle();
        const bastion::child_ref who = group[0];
        CHECK(said(w.ask(sys::trace(who, r[0], 100'000))) == "ok");
        CHECK(said(w.ask(sys::statistics(who, true))) == "ok");
        constexpr int many = 10'000; // the budget of many turns, and more than one batch
        for (int i = 0; i < many; ++i) who.tell(add{1});
        w.settle();
        auto all = w.ask(sys::get_statistics(who));
        REQUIRE(all.has_value());
        CHECK(all->received == many);
        CHECK(w.events.take().size() == many);
    }
}

// ---- errors of all

TEST_CASE("Who has ended, waits to be restarted, or is a group, says so") {
    sys_world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_restart_strategy(
        bastion::restart_strategy::always().with_linear_backoff(1s).without_jitter()));
    const auto group = sup.spawn(named(w.events, "a").with_restart(bastion::permanent));
    w.settle();
    CHECK(code(w.ask(sys::suspend(bastion::child_ref(group.where())))) == errc::invalid);
    CHECK(code(w.ask(sys::suspend(bastion::child_ref(sup.where())))) == errc::invalid);
    CHECK(code(w.ask(sys::suspend(bastion::child_ref()))) == errc::noproc);
    group[0].tell(die{"x"});
    w.settle();
    auto waits = sys::suspend(group[0]);
    w.settle();
    w.advance(1s);
    REQUIRE(waits.poll());
    const bastion::child_ref who = group[0];
    sup.stop();
    w.settle();
    CHECK(code(w.ask(sys::suspend(who))) == errc::noproc);
}
