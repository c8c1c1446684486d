// What reached nobody: counted by cause, shown to subscribers.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

using namespace bastion;

namespace {

struct named_type {
    int n;
};
struct named_question {
    using answer_type = int;
};

} // namespace

TEST_CASE("subscribers are told of every dead letter: cause, type, to, from") {
    test::world w;
    test::journal log;
    auto sub = w.spawn([&](context ctx) -> process {
        for (;;) {
            auto d = co_await ctx.recv<dead_letter>();
            log(std::to_string(static_cast<int>(d.cause)) +
                (d.type.find("named_") != std::string::npos ? " named" : " ?") +
                (d.from == child_ref() ? "" : " from somebody") + (d.to == child_ref() ? " to nobody" : ""));
        }
    });
    w.rt.subscribe_dead_letters(sub);
    auto unread = w.spawn([](context ctx) -> process { (void)co_await ctx.recv<std::string>(); });
    auto strict = w.spawn([](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            m.unhandled();
        }
    });
    auto full = w.only(children().with_mailbox(mailbox::bounded(1)).with_exec([](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
    }));
    unread.tell(named_type{1});
    auto asked = unread.ask(named_question{});
    w.settle();
    unread.kill();
    w.settle();
    REQUIRE(log.take() == "2 named, 2 named");
    REQUIRE(test::shown(w.rt.run(std::move(asked))) == "target_died (killed)");
    w.spawn([&](context) -> process {
        strict.tell(named_type{2});
        co_return;
    });
    w.settle();
    REQUIRE(log.take() == "4 named from somebody");
    full.tell(named_type{3});
    full.tell(named_type{4});
    w.settle();
    REQUIRE(log.take() == "3 named");
    (void)unread.tell(named_type{5});
    w.settle();
    REQUIRE(log.take() == "0 named");
    REQUIRE(w.rt.dead_letters() == 5);
    REQUIRE(w.dead(drop_reason::unread) == 2);
    REQUIRE(w.dead(drop_reason::unhandled) == 1);
    REQUIRE(w.dead(drop_reason::full) == 1);
    REQUIRE(w.dead(drop_reason::noproc) == 1);
}

TEST_CASE("a ref to the dead does not reach who lives in its block now") {
    test::world w;
    test::journal log;
    auto old = w.spawn([](context) -> process { co_return; });
    w.settle();
    w.spawn([&](context ctx) -> process {
        for (int i = 0; i < 1000; ++i) {
            auto next = ctx.spawn([](context c) -> process { (void)co_await c.recv(); });
            if (next.where().block != old.where().block) continue;
            log(old.alive() ? "alive" : "gone");
            log(old.tell(1) == delivery::noproc ? "noproc" : "accepted");
            old.kill();
            co_await ctx.yield();
            log(next.alive() ? "lives" : "was killed");
            break;
        }
    });
    w.settle();
    REQUIRE(log.take() == "gone, noproc, lives");
    REQUIRE(w.dead(drop_reason::noproc) == 1);
}

TEST_CASE("a subscription ends with its subscriber, and dead letters about dead letters are not told") {
    test::world w;
    auto sub = w.only(children().with_mailbox(mailbox::bounded(1)).with_exec([](context ctx) -> process {
        (void)co_await ctx.recv<std::string>();
    }));
    w.rt.subscribe_dead_letters(sub);
    auto gone = w.spawn([](context) -> process { co_return; });
    w.settle();
    for (int i = 0; i < 3; ++i) (void)gone.tell(named_type{i});
    REQUIRE(w.dead(drop_reason::noproc) == 3);
    REQUIRE(w.dead(drop_reason::full) == 2);  // the subscriber's own mailbox
    sub.kill();
    w.settle();
    (void)gone.tell(named_type{9});
    REQUIRE(w.dead(drop_reason::noproc) == 4);
}

TEST_CASE("a thread that tells a full mailbox while the runtime goes") {
    for (int round = 0; round < 20; ++round) {
        auto w = std::make_unique<test::world>();
        auto full = w->only(children().with_mailbox(mailbox::bounded(1)).with_exec([](context ctx) -> process {
            (void)co_await ctx.recv<std::string>();
        }));
        full.tell(1);
        std::atomic<bool> tells{false};
        std::thread plain([&] {
            for (int i = 0; i < 20'000; ++i) {
                (void)full.tell(named_type{i});
                tells = true;
            }
        });
        while (!tells) std::this_thread::yield();
        w.reset();
        plain.join();
        REQUIRE(full.tell(1) == delivery::noproc);
    }
}
