// match in plain code, and handlers: the arms, their forms, and the state of handlers.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <chrono>
#include <memory>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

struct balance {
    using answer_type = int;
};
struct add {
    int amount;
};
struct later {
    using answer_type = int;
};
struct explode {};

test::journal* events = nullptr;

struct account {
    account() { (*events)("opened"); }
    account(const account&) = delete;
    account& operator=(const account&) = delete;
    ~account() { (*events)("closed"); }
    void on_add(add a) { total += a.amount; }
    [[nodiscard]] int on_balance(context, const balance&) const { return total; }
    void keep(question<later> q) { kept = std::move(q); }
    void finish(const std::string& s) {
        (*events)(s);
        if (kept) kept.reply(total);
    }
    int total = 0;
    question<later> kept;
};

struct knows_itself {
    explicit knows_itself(context c) : incarnation(c.incarnation()) {}
    int incarnation;
};

} // namespace

TEST_CASE("match calls the first arm that fits, exactly one") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children().with_exec([&](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            const bool fitted = m.match(on_tell([&](int n) { log("int " + std::to_string(n)); }),
                on_tell([&](context c, std::string& s) { log(s + (c.self() == ctx.self() ? " here" : " elsewhere")); }),
                on_question([](balance) { return 42; }), on_question([&](question<later> q) { q.reply(43); }),
                on_broadcast([&](const std::string& s) { log("broadcast " + s); }),
                otherwise([&](message& rest) { log(rest.told<add>() != nullptr ? "add" : "rest"); }));
            if (!fitted) log("no arm");
        }
    }));
    group[0].tell(1);
    group[0].tell("text");
    group.broadcast("all");
    group[0].tell(add{1});
    REQUIRE(test::shown(w.rt.run(group[0].ask(balance{}))) == "42");
    REQUIRE(test::shown(w.rt.run(group[0].ask(later{}))) == "43");
    w.settle();
    REQUIRE(log.take() == "int 1, text here, broadcast all, add");
}

TEST_CASE("what no arm takes is unhandled") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        log(m.match(on_tell([](int) {})) ? "taken" : "not");
        auto n = co_await ctx.recv();
        log(n.match() ? "taken" : "not");
    });
    p.tell("text");
    auto a = p.ask(balance{});
    w.settle();
    REQUIRE(log.take() == "not, not");
    REQUIRE(test::shown(w.rt.run(std::move(a))) == "unhandled");
    REQUIRE(w.dead(drop_reason::unhandled) == 2);
}

TEST_CASE("match moves by value, and takes move-only messages") {
    test::world w;
    test::journal log;
    auto p = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        m.match(on_tell([&](std::unique_ptr<int> n) { log(*n); }));
    });
    p.tell(std::make_unique<int>(3));
    w.settle();
    REQUIRE(log.take() == "3");
}

TEST_CASE("handlers: one state for each incarnation, all forms of arms") {
    test::journal log;
    events = &log;
    test::world w;
    const child_ref p = w.only(children()
            .with_restart_strategy(restart_strategy::always().immediate())
            .with_handlers<account>(on_tell(&account::on_add), on_question(&account::on_balance),
                on_question(&account::keep), on_tell(&account::finish), on_tell([](context c, explode) {
                    if (c.incarnation() == 1) return c.fail("gently");
                    panic("explode");
                })));
    REQUIRE(log.take() == "opened");
    p.tell(add{2});
    p.tell(add{3});
    REQUIRE(test::shown(w.rt.run(p.ask(balance{}))) == "5");
    auto a = p.ask(later{});
    p.tell("done");
    REQUIRE(test::shown(w.rt.run(std::move(a))) == "5");
    w.settle();
    REQUIRE(log.take() == "done");
    auto kept = p.ask(later{});
    p.tell(explode{});
    p.tell(add{1});  // unread mail survives
    w.settle();
    REQUIRE(log.take() == "closed, opened");
    REQUIRE(test::shown(w.rt.run(std::move(kept))) == "target_died (panic: explode)");
    REQUIRE(test::shown(w.rt.run(p.ask(balance{}))) == "1");
    p.tell(explode{});
    w.settle();
    REQUIRE(log.take() == "closed, opened");
    REQUIRE(test::shown(w.rt.run(p.ask(balance{}))) == "0");
    p.kill();
    w.settle();
    REQUIRE(log.take() == "closed");
    REQUIRE_FALSE(p.alive());
    events = nullptr;
}

TEST_CASE("handlers: the state may be made from the context, and a broadcast has its arm") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children()
            .with_restart_strategy(restart_strategy::always().immediate())
            .with_handlers<knows_itself>(on_tell([](explode) { panic("x"); }),
                on_broadcast([&](std::string s) { log(s); }),
                otherwise([&](context, message& m) { log(m.told<int>() != nullptr ? "int" : "?"); })));
    w.settle();
    group.broadcast("hear");
    group[0].tell(1);
    group[0].tell(explode{});
    group[0].tell(1);
    w.settle();
    REQUIRE(log.take() == "hear, int, int");
}

TEST_CASE("handlers: a stop takes effect between two messages") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children().with_handlers(on_tell([&](context c, int n) {
        log(n);
        if (n == 1) c.self().stop();
    })));
    w.settle();
    for (int i = 1; i <= 3; ++i) group[0].tell(i);
    w.settle();
    REQUIRE(log.take().substr(0, 1) == "1");
    REQUIRE_FALSE(group[0].alive());
}

TEST_CASE("handlers: an exception in the state's constructor is a fault") {
    struct cannot {
        cannot() { panic("cannot be"); }
    };
    test::world w;
    auto group = w.rt.spawn(
        children().with_restart_strategy(restart_strategy::tries(2).immediate()).with_handlers<cannot>(on_tell([](int) {
        })));
    w.settle();
    REQUIRE_FALSE(group[0].alive());
}
