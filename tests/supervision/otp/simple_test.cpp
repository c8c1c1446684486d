// supervisor_SUITE: simple_one_for_one. Children are made from one template, and known by their refs.
#include "supervision/otp/suite.hpp"

#include <algorithm>
#include <atomic>
#include <random>

using namespace otp;
using bastion::auto_shutdown;
using counted = std::vector<std::size_t>;

namespace {

// The body is worker's, with its arguments at each start.
auto made_by(suite& of) {
    return [&of](bastion::context ctx, starts how) -> bastion::process {
        const start now = how.next();
        if (now == otp::start::ignore) co_return ctx.ignore();
        if (now == otp::start::panic) bastion::panic("at the start");
        if (now == otp::start::fail_slowly) co_await ctx.sleep_for(2s);
        if (now != otp::start::well) co_return ctx.fail("no start");
        const std::string me = std::to_string(ctx.block().index);
        of.w.events.add("start " + me);
        const tree::end_mark mark(of.w.events, me);
        ctx.ready(std::string("extra_info"));
        std::chrono::nanoseconds stop_takes{0};
        std::optional<bastion::exit_reason> at_stop;
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<tree::die>()) co_return ctx.fail(d->why);
            if (m.told<tree::finish>() != nullptr) co_return;
            if (auto* t = m.told<take_for_stop>()) {
                stop_takes = t->time;
                ctx.trap_stop();
            }
            if (auto* e = m.told<end_with>()) {
                at_stop = e->why;
                ctx.trap_stop();
            }
            if (m.told<bastion::stop_request>() != nullptr) {
                if (stop_takes.count() > 0) co_await ctx.sleep_for(stop_takes);
                if (at_stop) ctx.exit(*at_stop);
                co_return;
            }
            if (auto q = m.asked<tree::are_you_there>()) q.reply(ctx.incarnation());
        }
    };
}

// What the template's children get: how they start.
struct simple : suite {
    explicit simple(bastion::restart_when when = bastion::permanent, std::uint32_t intensity = 2,
        auto_shutdown ends_with = auto_shutdown::never, bastion::shutdown stop = bastion::shutdown::within(1000ms),
        std::chrono::nanoseconds period = 3600s)
        : suite([&](suite& of) {
              return flags(bastion::strategy::simple_one_for_one, intensity, period)
                  .with_auto_shutdown(ends_with)
                  .with_children(of.without_body("child")
                          .with_restart(when)
                          .with_template(made_by(of))
                          .with_significant(ends_with != auto_shutdown::never)
                          .with_shutdown(stop));
          }) {}
    using suite::start;
    using suite::terminate;

    bastion::result<bastion::child_info> start(starts how = {otp::start::well}) {
        return w.rt.run(sup.start_child(std::move(how)));
    }
    // The ref of one more that starts well.
    bastion::child_ref one(starts how = {otp::start::well}) {
        auto made = start(std::move(how));
        REQUIRE(made.has_value());
        CHECK(made->kind == bastion::child_kind::element);
        return made->element;
    }
    std::string terminate(const bastion::child_ref& who) { return said(w.rt.run(sup.terminate_child(who))); }
    std::vector<bastion::child_ref> all() {
        auto found = w.rt.run(sup.which_children());
        REQUIRE(found.has_value());
        std::vector<bastion::child_ref> refs;
        for (const bastion::child_info& c : *found) {
            CHECK(c.id.empty());
            refs.push_back(c.element);
        }
        return refs;
    }
    int incarnation(const bastion::child_ref& who) {
        auto there = w.rt.run(who.ask<tree::are_you_there>());
        return there.has_value() ? *there : -1;
    }
    template <class M>
    void tell_it(const bastion::child_ref& who, M m) {
        who.tell(std::move(m));
        w.settle();
    }
};

using refs = std::vector<bastion::child_ref>;

} // namespace

TEST_CASE("sup_start_ignore_temporary_child_start_child_simple") {
    simple s(bastion::temporary);
    CHECK(s.said(s.start({start::ignore})) == "ok, undefined");
    const auto second = s.one();
    CHECK(s.all() == refs{second});
    CHECK(s.counts() == counted{1, 1, 0, 1});
}

TEST_CASE("sup_start_ignore_permanent_child_start_child_simple") {
    simple s(bastion::permanent);
    CHECK(s.said(s.start({start::ignore})) == "ok, undefined");
    const auto second = s.one();
    CHECK(s.all() == refs{second});
    CHECK(s.counts() == counted{1, 1, 0, 1});
    s.stop();
    CHECK(s.w.log.take().empty());
}

TEST_CASE("sup_start_child_returns_error_simple") {
    simple s;
    CHECK(s.why(s.start({start::fail})) == "start failed: 0: error: no start");
    CHECK(s.why(s.start({start::panic})) == "start failed: 1: panic: at the start");
    CHECK(s.all().empty());
    CHECK(s.counts() == counted{1, 0, 0, 0});
}

// get_childspec by pid is which_child by ref: of a template that says nothing but that its children are temporary.
TEST_CASE("sup_start_map_simple") {
    suite s([](suite& of) {
        return bastion::supervisor()
            .with_otp_defaults()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_children(bastion::children().with_restart(bastion::temporary).with_template(made_by(of)));
    });
    refs all;
    for (int i = 0; i < 3; ++i) {
        const auto started = s.w.rt.run(s.sup.start_child(starts{start::well}));
        REQUIRE(started.has_value());
        all.push_back(started->element);
    }
    for (const auto& child : all) {
        const auto made = s.w.rt.run(s.sup.which_child(child));
        REQUIRE(made.has_value());
        CHECK(made->id.empty());
        CHECK(made->element == child);
        CHECK(made->restart == bastion::temporary);
        CHECK(made->shutdown.time() == 5000ms);
        CHECK(made->kind == bastion::child_kind::element);
        CHECK_FALSE(made->significant);
    }
    const auto stranger = s.w.rt.run(s.sup.which_child(s.w.rt.spawn(tree::named(s.w.events, "stranger"))[0]));
    REQUIRE_FALSE(stranger.has_value());
    CHECK(stranger.error() == bastion::errc::not_found);
    const auto by_name = s.w.rt.run(s.sup.which_child("child"));
    REQUIRE_FALSE(by_name.has_value());
    CHECK(by_name.error() == bastion::errc::simple_one_for_one);
    s.stop();

    simple other; // whose template says more
    const auto made = other.w.rt.run(other.sup.which_child(other.one()));
    REQUIRE(made.has_value());
    CHECK(made->restart == bastion::permanent);
    CHECK(made->shutdown.time() == 1000ms);
}

TEST_CASE("sup_stop_timeout_dynamic") {
    simple s;
    (void)s.one();
    const auto second = s.one();
    s.tell_it(second, take_for_stop{200s});
    s.sup.stop();
    s.w.advance(999ms);
    CHECK(s.sup.alive());
    s.w.advance(1ms);
    CHECK(s.end_of_sup() == "stopped");
    CHECK(s.reasons() == lines{"child stopped", "child killed"});
}

TEST_CASE("sup_stop_brutal_kill_dynamic") {
    simple s(bastion::permanent, 2, auto_shutdown::never, bastion::shutdown::brutal());
    for (int i = 0; i < 10; ++i) (void)s.one();
    s.stop();
    CHECK(s.reasons() == lines(10, "child killed"));
}

// Who ends normally because it was told to stop has stopped.
TEST_CASE("sup_stop_non_shutdown_exit_dynamic") {
    for (const auto when : {bastion::temporary, bastion::transient, bastion::permanent}) {
        simple s(when, 2, auto_shutdown::never, bastion::shutdown::within(5000ms));
        for (const bastion::exit_reason& why : {bastion::exit_reason(), shutdown_reason,
                 bastion::exit_reason::error("other"), bastion::exit_reason::error("another")})
            s.tell_it(s.one(), end_with{why});
        (void)s.one();
        s.stop();
        auto said = s.reasons();
        std::sort(said.begin(), said.end());
        CHECK(said ==
              lines{"child error: another", "child error: other", "child stopped", "child stopped", "child stopped"});
    }
}

TEST_CASE("child_adm_simple") {
    simple s;
    CHECK(s.all().empty());
    CHECK(s.counts() == counted{1, 0, 0, 0});
    const bastion::supervisor_ref foo;
    CHECK(s.said(s.w.rt.run(foo.start_child(starts{start::well}))) == text(bastion::errc::noproc));
    const auto first = s.one();
    CHECK(s.all() == refs{first});
    CHECK(s.counts() == counted{1, 1, 0, 1});
    const auto second = s.one();
    CHECK(s.all() == refs{first, second});
    CHECK(s.counts() == counted{1, 2, 0, 2});

    const std::string by_name = text(bastion::errc::simple_one_for_one);
    CHECK(s.suite::terminate("child1") == by_name);
    CHECK(s.counts() == counted{1, 2, 0, 2});
    CHECK(s.terminate(first) == "ok");
    CHECK(s.all() == refs{second});
    CHECK(s.counts() == counted{1, 1, 0, 1});
    CHECK_FALSE(first.alive());
    CHECK(s.terminate(first) == "ok");
    CHECK(s.counts() == counted{1, 1, 0, 1});
    const auto other = s.w.rt.spawn([](bastion::context ctx) -> bastion::process { (void)co_await ctx.recv(); });
    CHECK(s.terminate(other) == text(bastion::errc::not_found));
    CHECK(other.alive());
    CHECK(s.restart("child1") == by_name);
    CHECK(s.remove("child1") == by_name);
    CHECK(s.suite::start(s.child("named")) == by_name);
    CHECK(s.counts() == counted{1, 1, 0, 1});
}

TEST_CASE("simple_one_for_one") {
    simple s;
    const auto first = s.one();
    const auto second = s.one();
    s.tell_it(first, tree::die{"died"});
    CHECK(s.all() == refs{first, second});
    CHECK(s.incarnation(first) == 1);
    CHECK(s.incarnation(second) == 0);
    CHECK(s.counts() == counted{1, 2, 0, 2});
    s.tell_it(second, tree::die{"died"});
    CHECK(s.sup.alive());
    s.tell_it(first, tree::die{"died"});
    CHECK(s.end_of_sup() == "too many restarts: child/0: error: died");
}

// Two take a second to end, one would take five and is killed after two: all at once, so it takes two.
TEST_CASE("simple_one_for_one_shutdown") {
    simple s(bastion::permanent, 2, auto_shutdown::never, bastion::shutdown::within(2s));
    for (const auto time : {1s, 1s, 5s}) s.tell_it(s.one(), take_for_stop{time});
    s.sup.stop();
    s.w.advance(1s);
    CHECK(s.reasons() == lines{"child stopped", "child stopped"});
    CHECK(s.sup.alive());
    s.w.advance(1s);
    CHECK(s.end_of_sup() == "stopped");
    CHECK(s.reasons() == lines{"child killed"});
}

TEST_CASE("simple_one_for_one_extra") {
    simple s;
    const auto made = s.start();
    REQUIRE(made.has_value());
    REQUIRE(made->extra<std::string>() != nullptr);
    CHECK(*made->extra<std::string>() == "extra_info");
    const auto which = s.w.rt.run(s.sup.which_children());
    REQUIRE(which.has_value());
    REQUIRE(which->size() == 1);
    REQUIRE(which->front().extra<std::string>() != nullptr);
    CHECK(*which->front().extra<std::string>() == "extra_info");
    const auto one = s.w.rt.run(s.sup.which_child(made->element));
    REQUIRE(one.has_value());
    CHECK(one->extra<std::string>() != nullptr);
    CHECK(one->extra<int>() == nullptr);
    const auto second = s.one();
    s.tell_it(made->element, tree::die{"died"});
    CHECK(s.all() == refs{made->element, second});
    CHECK(s.counts() == counted{1, 2, 0, 2});
    s.tell_it(second, tree::die{"died"});
    CHECK(s.sup.alive());
    s.tell_it(second, tree::die{"died"});
    CHECK(s.end_of_sup() == "too many restarts: child/1: error: died");
}

TEST_CASE("simple_one_for_one_escalation") {
    simple s(bastion::permanent, 4);
    const auto first = s.one({start::well, start::fail});
    (void)s.one();
    (void)s.w.events.take();
    s.tell_it(first, tree::die{"died"});
    CHECK(s.end_of_sup() == "too many restarts: child/0: error: no start");
    CHECK(s.w.events.take() == lines{"end 0", "end 1"});
}

TEST_CASE("simple_one_for_one_restart_ignore") {
    for (const auto when : {bastion::transient, bastion::permanent}) {
        simple s(when);
        const auto first = s.one({start::well, start::ignore});
        const auto second = s.one();
        s.tell_it(first, tree::die{"died"});
        CHECK_FALSE(first.alive());
        CHECK(s.all() == refs{second});
        CHECK(s.counts() == counted{1, 1, 0, 1});
        CHECK(s.sup.alive());
        (void)s.one();
        CHECK(s.counts() == counted{1, 2, 0, 2});
    }
}

// As OTP 25 has it, executed there. The case of newer ones is that a template's supervisor may have no auto_shutdown.
TEST_CASE("significant_simple") {
    SECTION("any") {
        simple s(bastion::temporary, 2, auto_shutdown::any_significant);
        const auto first = s.one();
        (void)s.one();
        CHECK(s.terminate(s.one()) == "ok");
        CHECK(s.sup.alive());
        s.tell_it(first, tree::finish{});
        CHECK(s.end_of_sup() == "stopped");
    }
    SECTION("any, transient: an abnormal end is restarted") {
        simple s(bastion::transient, 2, auto_shutdown::any_significant);
        const auto first = s.one();
        s.tell_it(first, tree::die{"died"});
        CHECK(s.sup.alive());
        s.tell_it(first, tree::finish{});
        CHECK(s.end_of_sup() == "stopped");
    }
    SECTION("all") {
        simple s(bastion::temporary, 2, auto_shutdown::all_significant);
        const auto first = s.one();
        const auto second = s.one();
        s.tell_it(first, tree::die{"died"});
        CHECK(s.sup.alive());
        s.tell_it(second, tree::finish{});
        CHECK(s.end_of_sup() == "stopped");
    }
}

TEST_CASE("count_children") {
    simple s(bastion::temporary);
    for (int i = 0; i < 1000; ++i) (void)s.one();
    CHECK(s.all().size() == 1000);
    CHECK(s.counts() == counted{1, 1000, 0, 1000});
    for (int i = 0; i < 1000; ++i) (void)s.one();
    const auto all = s.all();
    CHECK(all.size() == 2000);
    CHECK(s.counts() == counted{1, 2000, 0, 2000});
    CHECK(s.all() == all);
    for (const auto& c : all) c.exit(kill_reason);
    s.w.settle();
    CHECK(s.counts() == counted{1, 0, 0, 0});
}

// A restart takes two seconds, and fails as long as it is told so.
TEST_CASE("count_restarting_children") {
    simple s(bastion::permanent, 20, auto_shutdown::never, bastion::shutdown::brutal(), 10s);
    const starts how{start::well};
    CHECK(s.counts() == counted{1, 0, 0, 0});
    const auto first = s.one(how);
    CHECK(s.counts() == counted{1, 1, 0, 1});
    const auto second = s.one(how);
    CHECK(s.counts() == counted{1, 2, 0, 2});
    const auto third = s.one(how);
    CHECK(s.counts() == counted{1, 3, 0, 3});

    for (const auto& who : {first, second, third}) s.tell_it(who, tree::die{"died"});
    CHECK(s.counts() == counted{1, 3, 0, 3});
    CHECK(s.all() == refs{first, second, third});
    for (const auto& who : {first, second, third}) CHECK(s.incarnation(who) == 1);

    how.set(start::fail_slowly);
    for (const auto& who : {first, second}) s.tell_it(who, tree::die{"died"});
    s.w.advance(4s);
    s.w.settle();
    CHECK(s.counts() == counted{1, 1, 0, 3});
    CHECK(s.which() == " restarting,  restarting, ");

    how.set(start::well);
    s.w.advance(4s);
    s.w.settle();
    CHECK(s.counts() == counted{1, 3, 0, 3});

    CHECK(s.terminate(third) == "ok");
    CHECK(s.counts() == counted{1, 2, 0, 2});
    CHECK(s.all() == refs{first, second});
    CHECK(s.terminate(first) == "ok");
    CHECK(s.counts() == counted{1, 1, 0, 1});
    CHECK(s.all() == refs{second});
    CHECK(s.terminate(second) == "ok");
    CHECK(s.counts() == counted{1, 0, 0, 0});
}

TEST_CASE("hanging_restart_loop_simple") {
    simple s(bastion::permanent, 8, auto_shutdown::never, bastion::shutdown::brutal(), 10s);
    const starts how{start::well};
    const auto hangs = [&](const bastion::child_ref& who) {
        how.set(start::fail_slowly);
        s.tell_it(who, tree::die{"died"});
        s.w.advance(2s);
        s.w.settle();
    };
    const auto first = s.one(how);
    hangs(first);
    CHECK(s.restart("child1") == text(bastion::errc::simple_one_for_one));
    CHECK(s.remove("child1") == text(bastion::errc::simple_one_for_one));
    CHECK(s.which() == " restarting");
    CHECK(s.counts() == counted{1, 0, 0, 1});
    CHECK(s.terminate(first) == "ok");
    CHECK(s.reasons() == lines{"child error: died", "child error: no start", "child killed"});
    CHECK(s.all().empty());
    how.set(start::well);
    const auto second = s.one(how);
    hangs(second);
    s.stop();
    CHECK(s.reasons() == lines{"child error: died", "child error: no start", "child killed"});
    CHECK(s.name_is_free());
}

namespace {

// Counts how many of it there are.
class counted_argument {
public:
    explicit counted_argument(std::atomic<int>& live) : live_(&live) { ++*live_; }
    counted_argument(const counted_argument& other) : live_(other.live_) { ++*live_; }
    counted_argument(counted_argument&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
    counted_argument& operator=(counted_argument) = delete;
    ~counted_argument() {
        if (live_ != nullptr) --*live_;
    }

private:
    std::atomic<int>* live_;
};

using copies = std::vector<int>; // while the children run, and when they have ended

// How many copies of their argument 100 children of a template keep alive: each has its own, and what can be started again one more.
copies kept_by_template(bastion::restart_when when) {
    std::atomic<int> live = 0; // what processes use outlives their runtime
    tree::world w;
    const auto sup = w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
            .with_children(bastion::children().with_restart(when).with_template(
                [](bastion::context ctx, counted_argument) -> bastion::process { (void)co_await ctx.recv(); })));
    refs all;
    for (int i = 0; i < 100; ++i) {
        const auto made = w.rt.run(sup.start_child(counted_argument(live)));
        REQUIRE(made.has_value());
        all.push_back(made->element);
    }
    copies c{live};
    for (const auto& child : all) {
        const auto ended = w.rt.run(sup.terminate_child(child));
        CHECK(ended.has_value());
    }
    w.settle();
    c.push_back(live);
    return c;
}

// The same of 100 named children, whose argument is what their body has captured.
copies kept_by_specs(bastion::strategy how, bastion::restart_when when) {
    std::atomic<int> live = 0;
    suite s(flags(how, 2, 3600s));
    for (int i = 0; i < 100; ++i)
        CHECK(s.start(bastion::children()
                      .with_name(std::to_string(i))
                      .with_restart(when)
                      .with_exec([argument = counted_argument(live)](bastion::context ctx) -> bastion::process {
                          (void)co_await ctx.recv();
                      })) == "ok");
    CHECK(s.counts() == counted{100, 100, 0, 100});
    copies c{live};
    for (int i = 0; i < 100; ++i) CHECK(s.terminate(std::to_string(i)) == "ok");
    s.w.settle();
    c.push_back(live);
    return c;
}

} // namespace

// OTP compares the memory of supervisors while their children run: arguments of temporary ones are not saved. Here copies of the
// arguments are counted. A template's temporary child saves one, while it runs. A named child that runs has its argument in its body,
// whatever its restart type, so there is nothing to save: what is not kept of a temporary one shows when it has ended.
TEST_CASE("do_not_save_start_parameters_for_temporary_children") {
    CHECK(kept_by_template(bastion::permanent) == copies{200, 0});
    CHECK(kept_by_template(bastion::transient) == copies{200, 0});
    CHECK(kept_by_template(bastion::temporary) == copies{100, 0});
    for (const auto how :
        {bastion::strategy::one_for_all, bastion::strategy::one_for_one, bastion::strategy::rest_for_one}) {
        CHECK(kept_by_specs(how, bastion::permanent) == copies{100, 100});
        CHECK(kept_by_specs(how, bastion::transient) == copies{100, 100});
        CHECK(kept_by_specs(how, bastion::temporary) == copies{100, 0});
    }
}

// Arguments that cannot be copied are for children that never come back. (OTP's case is about what stays of them after a child has
// died: nothing does.)
TEST_CASE("simple_one_for_one_corruption") {
    std::atomic<int> live = 0; // what processes use outlives their runtime
    tree::world w;
    const auto sup = w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
            .with_children(bastion::children()
                    .with_restart(bastion::temporary)
                    .with_template([](bastion::context ctx, counted_argument) -> bastion::process {
                        (void)co_await ctx.recv();
                    })));
    const auto start_one = [&] {
        auto made = w.rt.run(sup.start_child(counted_argument(live)));
        REQUIRE(made.has_value());
        return made->element;
    };
    const auto first = start_one();
    CHECK(live == 1);
    first.tell(1);
    w.settle();
    CHECK(live == 0);
    for (int i = 0; i < 10; ++i) (void)start_one();
    CHECK(live == 10);
}

namespace {

struct cost {
    spent ends;
    std::uint64_t held = 0; // bytes, while they run
    std::int64_t left = 0; // more afterwards than before
};

// Of the ends of so many, one by one, in an order that is not that of their starts.
cost cost_of_ends(simple& s, std::size_t n) {
    const std::uint64_t before = held_bytes();
    refs all;
    for (std::size_t i = 0; i < n; ++i) all.push_back(s.one());
    CHECK(s.counts() == counted{1, n, 0, n});
    cost c;
    c.held = held_bytes() - before;
    std::mt19937 random(1);
    std::shuffle(all.begin(), all.end(), random);
    std::size_t ended = 0;
    c.ends = s.spent_by([&](bastion::context) -> bastion::process {
        for (const auto& child : all) {
            const auto done = co_await s.sup.terminate_child(child);
            if (done) ++ended;
        }
    });
    CHECK(ended == n);
    CHECK(s.counts() == counted{1, 0, 0, 0});
    (void)s.w.events.take();
    (void)s.reasons();
    c.left = static_cast<std::int64_t>(held_bytes() - before);
    return c;
}

} // namespace

// OTP measures how long a thousand and then ten thousand take, and allows ten times as many 50 times as long. So it is here, with the
// processor's time of the whole program, which other programs do not lengthen. Compared more narrowly are the turns of all processes,
// and the bytes held while they run and afterwards.
TEST_CASE("simple_one_for_one_scale_many_temporary_children") {
    simple s(bastion::temporary);
    const cost few = cost_of_ends(s, 1000);
    const cost many = cost_of_ends(s, 10'000);
    CHECK(many.ends.time / (few.ends.time + 1) <= 50);
    CHECK(few.ends.turns > 1000);
    CHECK(many.ends.turns <= 11 * few.ends.turns);
    CHECK(few.held > 0);
    CHECK(many.held <= 11 * few.held);
    CHECK(few.left <= 1024); // the last of its requests may still be there
    CHECK(many.left <= 1024);
}

TEST_CASE("simple: as many as with_max_children says, and again when one has gone") {
    tree::world w;
    const auto sup = w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
            .with_name("few")
            .with_max_children(2)
            .with_children(bastion::children()
                    .with_restart(bastion::temporary)
                    .with_template([](bastion::context ctx, int) -> bastion::process { (void)co_await ctx.recv(); })));
    const auto start_one = [&] { return w.rt.run(sup.start_child(7)); };
    const auto first = start_one();
    REQUIRE(first.has_value());
    const auto second = start_one();
    CHECK(second.has_value());
    const auto third = start_one();
    REQUIRE_FALSE(third.has_value());
    CHECK(third.error() == bastion::errc::limit);
    CHECK(third.error().what() == "start_child: /few has as many children as it may have (with_max_children(2))");
    first->element.stop();
    w.settle();
    const auto fourth = start_one();
    CHECK(fourth.has_value());
}

TEST_CASE("simple: wrong use says what is wrong") {
    tree::world w;
    const auto takes_text = [](bastion::context ctx, std::string) -> bastion::process { (void)co_await ctx.recv(); };
    const auto sup = w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
            .with_children(bastion::children().with_template(takes_text)));
    const auto wrong = w.rt.run(sup.start_child("text"));
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error() == bastion::errc::wrong_type);
    CHECK_THAT(wrong.error().what(),
        Catch::Contains("takes std::tuple<std::") && Catch::Contains("not std::tuple<const char"));
    const auto right = w.rt.run(sup.start_child<std::string>("text"));
    CHECK(right.has_value());

    const auto plain = w.rt.spawn(bastion::supervisor().with_name("plain"));
    const auto none = w.rt.run(plain.start_child(1));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error() == bastion::errc::invalid);
    CHECK(none.error().what() ==
          "start_child: /plain has no template that takes arguments (strategy::simple_one_for_one): give it a "
          "description");
    const auto code_of = [&](const auto& of, const auto& ref) {
        const auto r = w.rt.run(of.terminate_child(ref));
        return r ? bastion::errc{} : r.error().code();
    };
    CHECK(code_of(plain, bastion::child_ref()) == bastion::errc::not_found);
    CHECK(code_of(bastion::supervisor_ref(), bastion::child_ref()) == bastion::errc::noproc);
    CHECK(code_of(sup, bastion::child_ref()) == bastion::errc{}); // it has ended

    using bastion::bad_spec;
    CHECK_THROWS_AS(w.rt.spawn(bastion::children().with_template(takes_text)), bad_spec);
    CHECK_THROWS_AS(
        w.rt.spawn(bastion::supervisor().with_children(bastion::children().with_template(takes_text))), bad_spec);
    CHECK_THROWS_AS(w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)), bad_spec);
    CHECK_THROWS_AS(w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
                            .with_children(bastion::children().with_template(takes_text).with_redundancy(2))),
        bad_spec);
    CHECK_THROWS_AS(w.rt.spawn(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
                            .with_children(bastion::children().with_template(
                                [](bastion::context ctx, std::unique_ptr<int>) -> bastion::process {
                                    (void)co_await ctx.recv();
                                }))),
        bad_spec);
}

// OTP: dynamic children do not come back with their supervisor.
TEST_CASE("simple: a restarted supervisor begins with none") {
    suite s(flags(bastion::strategy::one_for_all, 4, 3600s));
    CHECK(s.start(flags(bastion::strategy::simple_one_for_one, 2, 3600s)
                  .with_name("lines")
                  .with_children(bastion::children().with_template(
                      [](bastion::context ctx, int) -> bastion::process { (void)co_await ctx.recv(); }))) == "ok");
    CHECK(s.start(s.child("child1")) == "ok");
    const auto lines_sup = s.info("lines").supervisor;
    const auto made = s.w.rt.run(lines_sup.start_child(1));
    REQUIRE(made.has_value());
    s.dies("child1");
    CHECK_FALSE(made->element.alive());
    CHECK(s.counts_of(lines_sup) == counted{1, 0, 0, 0});
    const auto again = s.w.rt.run(lines_sup.start_child(1));
    CHECK(again.has_value());
    CHECK(s.counts_of(lines_sup) == counted{1, 1, 0, 1});
}

TEST_CASE("which_children_simple_one_for_one") {
    simple s;
    CHECK(s.all().empty());
    const auto first = s.one();
    const auto second = s.one();
    CHECK(s.all() == refs{first, second});
    const auto which = [&](const bastion::child_ref& who) {
        const auto found = s.w.rt.run(s.sup.which_child(who));
        return found ? found->element : bastion::child_ref();
    };
    CHECK(which(first).where() == first.where());
    CHECK(s.terminate(first) == "ok");
    CHECK(s.all() == refs{second});
    CHECK(which(second).where() == second.where());
    CHECK(which(first).where() == bastion::child_ref().where()); // not_found
    const auto by_name = s.w.rt.run(s.sup.which_child("child"));
    REQUIRE_FALSE(by_name.has_value());
    CHECK(by_name.error() == bastion::errc::simple_one_for_one);
    CHECK(s.terminate(second) == "ok");
    CHECK(s.all().empty());
}
