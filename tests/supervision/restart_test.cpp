// When an element comes back: policies, tries, delays, health, intensity.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

using namespace tree;

namespace {

// When the element was started, in milliseconds of the clock.
class starts {
public:
    explicit starts(std::shared_ptr<bastion::manual_clock> c) : clock_(std::move(c)) {}
    void mark() {
        const std::lock_guard lock(mutex_);
        at_.push_back(clock_->now());
    }
    std::vector<std::chrono::nanoseconds> at() {
        const std::lock_guard lock(mutex_);
        return at_;
    }

private:
    std::shared_ptr<bastion::manual_clock> clock_;
    std::mutex mutex_;
    std::vector<std::chrono::nanoseconds> at_;
};

auto always_failing(starts& s) {
    return [&s](bastion::context ctx) -> bastion::process {
        s.mark();
        co_await ctx.yield();
        bastion::panic("always");
    };
}

using times = std::vector<std::chrono::nanoseconds>;

} // namespace

TEST_CASE("Linear back-off: starts at 0, T, 3T, 6T, and no more than its tries") {
    test::acceptance("B2");
    test::acceptance("D5");
    world w;
    starts s(w.clock);
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::tries(3).with_linear_backoff(100ms))
            .with_exec(always_failing(s)));
    w.advance(10s);
    CHECK(s.at() == times{0ms, 100ms, 300ms, 600ms});
    CHECK_FALSE(g[0].alive());
    CHECK_FALSE(g.alive());  // the group has no element left
    CHECK(w.log.take().back() == "/group-1/0: panic: always; ends: out of tries (3)");
}

TEST_CASE("Exponential back-off doubles up to its cap") {
    test::acceptance("B3");
    test::acceptance("D5");
    world w;
    starts s(w.clock);
    (void)w.rt.spawn(bastion::children()
            .with_restart_strategy(
                bastion::restart_strategy::tries(5).with_exponential_backoff(10ms, 40ms).without_jitter())
            .with_exec(always_failing(s)));
    w.advance(10s);
    CHECK(s.at() == times{0ms, 10ms, 30ms, 70ms, 110ms, 150ms});
}

TEST_CASE("Jitter takes away at most a quarter and never adds") {
    test::acceptance("B3");
    test::acceptance("D5");
    world w;
    starts s(w.clock);
    (void)w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::tries(20).with_exponential_backoff(100ms, 100ms))
            .with_exec(always_failing(s)));
    w.advance(10s);
    const times at = s.at();
    REQUIRE(at.size() == 21);
    bool differs = false;
    for (std::size_t i = 1; i < at.size(); ++i) {
        CHECK(at[i] - at[i - 1] <= 100ms);
        CHECK(at[i] - at[i - 1] >= 75ms);
        differs = differs || at[i] - at[i - 1] != 100ms;
    }
    CHECK(differs);
}

TEST_CASE("By default the first restart is immediate, then 1 ms doubling to 1 s, for ever") {
    test::acceptance("D5");
    world w;
    starts s(w.clock);
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().without_jitter())
            .with_exec(always_failing(s)));
    w.advance(5s);
    const times at = s.at();
    REQUIRE(at.size() >= 13);
    CHECK(times(at.begin(), at.begin() + 5) == times{0ms, 0ms, 1ms, 3ms, 7ms});
    CHECK(at.back() - at[at.size() - 2] == 1s);
    CHECK(g[0].alive());
}

TEST_CASE("After its time of health an element has all its tries again") {
    test::acceptance("B2");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::tries(1).immediate().with_health(10s))
            .with_exec(element(w.events, "g")));
    w.settle();
    for (int i = 0; i < 5; ++i) {
        g[0].tell(die{"x"});
        w.advance(10s);
        CHECK(g[0].alive());
    }
    g[0].tell(die{"x"});
    w.advance(9s);
    CHECK(g[0].alive());
    g[0].tell(die{"too early"});
    w.settle();
    CHECK_FALSE(g[0].alive());
}

TEST_CASE("permanent, transient and temporary") {
    test::acceptance("B6");
    world w;
    auto spawn = [&](bastion::restart_when when) {
        return w.rt.spawn(
            bastion::children().with_restart(when).with_restart_strategy(at_once()).with_exec(element(w.events, "g")));
    };
    const auto permanent = spawn(bastion::permanent);
    const auto transient = spawn(bastion::transient);
    const auto temporary = spawn(bastion::temporary);
    w.settle();
    SECTION("a normal end") {
        for (const auto& g : {permanent, transient, temporary}) g[0].tell(finish{});
        w.settle();
        CHECK(permanent[0].alive());
        CHECK_FALSE(transient[0].alive());
        CHECK_FALSE(temporary[0].alive());
        CHECK(w.log.take().empty());
    }
    SECTION("a panic") {
        for (const auto& g : {permanent, transient, temporary}) g[0].tell(die{"x"});
        w.settle();
        CHECK(permanent[0].alive());
        CHECK(transient[0].alive());
        CHECK_FALSE(temporary[0].alive());
    }
    SECTION("an error return") {
        for (const auto& g : {permanent, transient, temporary}) g[0].tell(give_up{"x"});
        w.settle();
        CHECK(permanent[0].alive());
        CHECK(transient[0].alive());
        CHECK_FALSE(temporary[0].alive());
    }
    SECTION("a user's stop is for good") {
        for (const auto& g : {permanent, transient, temporary}) g[0].stop();
        w.settle();
        for (const auto& g : {permanent, transient, temporary}) CHECK_FALSE(g[0].alive());
    }
    SECTION("a user's kill is for good") {
        for (const auto& g : {permanent, transient, temporary}) g[0].kill();
        w.settle();
        for (const auto& g : {permanent, transient, temporary}) CHECK_FALSE(g[0].alive());
    }
}

TEST_CASE("A supervisor's restart strategy and policy are the default of its children") {
    world w;
    auto sup =
        w.rt.spawn(bastion::supervisor().with_name("s").with_restart_strategy(bastion::restart_strategy::never()));
    const auto inherits = sup.spawn(named(w.events, "a"));
    const auto own = sup.spawn(named(w.events, "b").with_restart_strategy(at_once()));
    w.settle();
    inherits[0].tell(die{"a"});
    own[0].tell(die{"b"});
    w.settle();
    CHECK_FALSE(inherits[0].alive());
    CHECK(own[0].alive());
    CHECK(w.log.take() == lines{"/s/a/0: panic: a; ends: it is never restarted", "/s/b/0: panic: b; restarts now"});
}

TEST_CASE("Siblings keep working during the back-off and stop only then") {
    test::acceptance("B3");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_redundancy(2)
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_exec(element(w.events, "g")));
    w.settle();
    (void)w.events.take();
    g[0].tell(die{"x"});
    w.advance(999ms);
    g[1].tell("working");
    w.settle();
    CHECK(w.events.take() == lines{"end g0", "g1: working"});
    w.advance(1ms);
    CHECK(w.events.take() == lines{"end g1", "start g0", "start g1"});
}

TEST_CASE("A stop during the back-off ends the element at once") {
    test::acceptance("B3");
    test::acceptance("B6");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_redundancy(2)
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_callbacks(bastion::callbacks().after_stop(
                [&](const bastion::event& e) { w.events.add("after_stop " + std::string(e.path())); }))
            .with_name("g")
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].tell(die{"x"});
    w.settle();
    (void)w.events.take();
    g[0].stop();
    w.settle();
    CHECK_FALSE(g[0].alive());
    CHECK(g[1].alive());
    w.advance(10s);
    CHECK(w.events.take() == lines{"after_stop /g/0"});
}

TEST_CASE("Intensity: past n restarts within the window the supervisor fails upwards") {
    test::acceptance("B2");
    world w;
    auto sup = w.rt.spawn(bastion::supervisor().with_name("outer").with_restart_strategy(at_once()));
    auto inner =
        sup.spawn(bastion::supervisor().with_name("inner").with_restart_strategy(at_once()).with_intensity(2, 10s));
    const auto a = inner.spawn(named(w.events, "a"));
    const auto b = inner.spawn(named(w.events, "b"));
    w.settle();
    (void)w.events.take();
    SECTION("within the window") {
        for (int i = 0; i < 2; ++i) {
            a[0].tell(die{"x"});
            w.settle();
        }
        CHECK(w.events.take() == lines{"end a0", "start a0", "end a0", "start a0"});
        (void)w.log.take();
        a[0].tell(die{"x"});
        w.settle();
        CHECK(w.events.take() == lines{"end a0", "end b0", "start a0", "start b0"});
        CHECK(w.log.take().at(1) ==
              "/outer/inner: too many restarts: a/0: panic: x; stops its children and fails upwards");
        CHECK(a[0].alive());
    }
    SECTION("a window is over a moment after its length") {
        const bool just_over = GENERATE(false, true);
        a[0].tell(die{"x"});
        w.advance(5s);
        a[0].tell(die{"x"});
        w.advance(5s);
        if (just_over) w.advance(1ns);
        (void)w.events.take();
        a[0].tell(die{"x"});
        w.settle();
        CHECK(w.events.take() ==
              (just_over ? lines{"end a0", "start a0"} : lines{"end a0", "end b0", "start a0", "start b0"}));
    }
    SECTION("restarts that lie further apart do not count together") {
        for (int i = 0; i < 10; ++i) {
            a[0].tell(die{"x"});
            w.advance(6s);
        }
        for (const auto& line : w.events.take()) CHECK(line != "end b0");
    }
    SECTION("elements of one group that fail together count once") {
        // The back-off holds all five until time moves: whatever the order in which they fail, they are due at once.
        const auto g = inner.spawn(bastion::children()
                .with_redundancy(5)
                .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(10ms))
                .with_exec(element(w.events, "g")));
        w.settle();
        (void)w.events.take();
        for (const auto& e : g) e.tell(die{"x"});
        w.settle();
        w.advance(1s);
        for (const auto& line : w.events.take()) CHECK(line != "end b0");
        for (const auto& e : g) CHECK(e.alive());
    }
}

TEST_CASE("Intensity exceeded up to the root stops the runtime with exit code 1") {
    test::acceptance("B2");
    test::acceptance("B14");
    world w;
    auto sup =
        w.rt.spawn(bastion::supervisor().with_name("outer").with_restart_strategy(at_once()).with_intensity(1, 10s));
    auto inner =
        sup.spawn(bastion::supervisor().with_name("inner").with_restart_strategy(at_once()).with_intensity(0, 10s));
    const auto a = inner.spawn(named(w.events, "a"));
    w.settle();
    a[0].tell(die{"1"});
    w.settle();
    CHECK(a[0].alive());
    a[0].tell(die{"2"});
    CHECK(w.rt.wait() == 1);
    CHECK_FALSE(a[0].alive());
    CHECK_FALSE(inner.alive());
    const auto log = w.log.take();
    REQUIRE_FALSE(log.empty());
    CHECK_THAT(log.back(), BASTION_CATCH_CONTAINS("the runtime stops"));
}

TEST_CASE("A restarted supervisor counts its children's restarts from the start") {
    world w;
    auto outer = w.rt.spawn(bastion::supervisor()
            .with_name("outer")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once()));
    auto inner =
        outer.spawn(bastion::supervisor().with_name("inner").with_restart_strategy(at_once()).with_intensity(1, 10s));
    const auto y = inner.spawn(named(w.events, "y"));
    const auto x = outer.spawn(named(w.events, "x"));
    w.settle();
    y[0].tell(die{"1"});
    w.settle();
    x[0].tell(die{"2"}); // inner is restarted with it
    w.settle();
    y[0].tell(die{"3"});
    w.settle();
    CHECK(w.log.take() == lines{"/outer/inner/y/0: panic: 1; restarts now", "/outer/x/0: panic: 2; restarts now",
                              "/outer/inner/y/0: panic: 3; restarts now"});
    CHECK(y[0].alive());
}
