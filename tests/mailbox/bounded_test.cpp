// Bounded mailboxes: the five policies, and senders that wait for room.
#include "support/acceptance.hpp"
#include "support/questions.hpp"

#include <array>
#include <atomic>
#include <future>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace {

// Reads nothing until it is told a std::string, then everything.
process reader(context ctx, test::journal& log) {
    log("starts");
    (void)co_await ctx.recv<std::string>();
    while (auto m = ctx.try_recv()) {
        if (auto* n = m->told<int>()) log(*n);
    }
    (void)co_await ctx.recv<std::string>();
}

struct shop {
    explicit shop(mailbox box)
        : ref(w.only(children()
                  .with_mailbox(box)
                  .with_restart_strategy(restart_strategy::always().immediate())
                  .with_exec([this](context ctx) { return reader(ctx, log); }))) {
        (void)log.take();
    }
    test::journal log;
    test::world w;
    child_ref ref;
};

// Its only place is taken, by 0, and it reads nothing for a millisecond.
child_ref full_for_1ms(test::world& w, test::journal& log) {
    const auto p =
        w.only(children().with_mailbox(mailbox::bounded(1, overflow::wait)).with_exec([&log](context ctx) -> process {
            co_await ctx.sleep_for(1ms);
            for (;;) log(co_await ctx.recv<int>());
        }));
    p.tell(0);
    return p;
}

} // namespace

TEST_CASE("bounded, fail: the message over the bound is refused") {
    test::acceptance("B9");
    test::acceptance("C11");
    shop s(mailbox::bounded(2, overflow::fail));
    REQUIRE(s.ref.tell(1) == delivery::accepted);
    REQUIRE(s.ref.tell(2) == delivery::accepted);
    REQUIRE(s.ref.tell(3) == delivery::full);
    REQUIRE(s.w.dead(drop_reason::full) == 1);
    REQUIRE(test::shown(s.w.rt.run(s.ref.ask(square{1}))) == "mailbox_full");
    s.w.settle();  // skipped mail counts: the reader has looked at both and taken none
    REQUIRE(s.ref.tell(4) == delivery::full);
    REQUIRE(s.w.dead(drop_reason::full) == 3);
}

TEST_CASE("bounded: what is taken makes room") {
    shop s(mailbox::bounded(2, overflow::fail));
    REQUIRE(s.ref.tell(1) == delivery::accepted);
    REQUIRE(s.ref.tell("go") == delivery::accepted);
    s.w.settle();
    REQUIRE(s.log.take() == "1");
    REQUIRE(s.ref.tell(2) == delivery::accepted);
    REQUIRE(s.ref.tell(3) == delivery::accepted);
    REQUIRE(s.ref.tell(4) == delivery::full);
}

TEST_CASE("bounded, drop_newest: the message over the bound is dropped") {
    test::acceptance("B9");
    test::acceptance("C11");
    shop s(mailbox::bounded(2, overflow::drop_newest));
    REQUIRE(s.ref.tell(1) == delivery::accepted);
    REQUIRE(s.ref.tell(2) == delivery::accepted);
    REQUIRE(s.ref.tell("go") == delivery::dropped);  // the reader takes only text, so it starts nothing
    REQUIRE(test::shown(s.w.rt.run(s.ref.ask(square{1}))) == "mailbox_full");
    REQUIRE(s.w.dead(drop_reason::full) == 2);
    s.w.settle();
    REQUIRE(s.log.take().empty());
}

TEST_CASE("bounded, drop_oldest: the oldest message gives way") {
    test::acceptance("B9");
    test::acceptance("C11");
    test::world w;
    test::journal log;
    // The sender runs on the only worker, so the reader reads nothing before it is done.
    auto group =
        w.rt.spawn(children().with_mailbox(mailbox::bounded(2, overflow::drop_oldest)).with_exec([&](context ctx) {
            return reader(ctx, log);
        }));
    w.settle();
    w.spawn([&](context) -> process {
        for (int i = 1; i <= 3; ++i)
            if (group[0].tell(i) != delivery::accepted) log("refused");
        auto lost = group[0].ask(square{1});
        group[0].tell(4);
        group[0].tell("go");  // pushes the question out
        auto r = co_await lost;
        log(test::shown(r));
    });
    w.settle();
    const std::string got = log.take();
    REQUIRE((got == "starts, 4, mailbox_full" || got == "starts, mailbox_full, 4"));
    REQUIRE(w.dead(drop_reason::full) == 4);
}

TEST_CASE("bounded, drop_oldest: what the process has skipped gives way, too") {
    test::world w;
    test::journal log;
    const auto ref = w.only(
        children().with_mailbox(mailbox::bounded(2, overflow::drop_oldest)).with_exec([&](context ctx) -> process {
            log(co_await ctx.recv<std::string>());
            for (;;) log(co_await ctx.recv<int>());
        }));
    for (int i = 1; i <= 5; ++i) {
        REQUIRE(ref.tell(i) == delivery::accepted);
        w.settle();
    }
    REQUIRE(w.dead(drop_reason::full) == 3);
    auto lost = ref.ask(square{1});
    w.settle();
    REQUIRE(ref.tell("go") == delivery::accepted);
    w.settle();
    // 5 gave way to "go", as the question came after it.
    REQUIRE(log.take() == "go");
    REQUIRE(w.dead(drop_reason::full) == 5);
    for (const char* skipped : {"x", "y"}) { // the question gives way
        REQUIRE(ref.tell(skipped) == delivery::accepted);
        w.settle();
    }
    auto r = w.rt.run(std::move(lost));
    REQUIRE(test::shown(r) == "mailbox_full");
    REQUIRE(w.dead(drop_reason::full) == 6);
}

TEST_CASE("bounded: no bound counts or drops notices of ends and of stops") {
    test::world w;
    test::journal log;
    const auto watched = w.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    const auto ref = w.only(
        children().with_mailbox(mailbox::bounded(1, overflow::drop_oldest)).with_exec([&](context ctx) -> process {
            ctx.trap_stop();
            const auto watch = ctx.monitor(watched);
            log(co_await ctx.recv<std::string>());
            (void)co_await ctx.recv<down>();
            log("down");
            (void)co_await ctx.recv<stop_request>();
            log("asked to stop");
            log(co_await ctx.recv<int>());
        }));
    const bool drained = GENERATE(true, false);
    const auto then = [&] {
        if (drained) w.settle();
    };
    ref.tell(1);
    then();
    watched.stop();
    w.settle();
    ref.stop();
    w.settle();
    ref.tell(2);
    then();
    ref.tell(3);
    w.settle();
    REQUIRE(log.take().empty());
    REQUIRE(w.dead(drop_reason::full) == 2);
    ref.tell("go"); // pushes 3 out
    w.settle();
    REQUIRE(log.take() == "go, down, asked to stop");
    ref.tell(4);
    w.settle();
    REQUIRE(log.take() == "4");
    REQUIRE(w.dead(drop_reason::full) == 3);
}

TEST_CASE("bounded, drop_oldest: mail that waits behind the message in hand gives way in order") {
    test::world w;
    test::journal log;
    const auto ref = w.only(
        children().with_mailbox(mailbox::bounded(4, overflow::drop_oldest)).with_exec([&](context ctx) -> process {
            for (;;) {
                log(co_await ctx.recv<int>());
                co_await ctx.sleep_for(1s);
            }
        }));
    for (int i = 0; i < 4; ++i) ref.tell(i);
    w.settle(); // 1, 2 and 3 lie in the list of the process, which sleeps
    for (int i = 4; i < 12; ++i) REQUIRE(ref.tell(i) == delivery::accepted);
    w.advance(10s);
    REQUIRE(log.take() == "0, 8, 9, 10, 11");
    REQUIRE(w.dead(drop_reason::full) == 7);
    for (int i = 12; i < 16; ++i) REQUIRE(ref.tell(i) == delivery::accepted); // all the room is there again
    w.advance(10s);
    REQUIRE(log.take() == "12, 13, 14, 15");
    REQUIRE(w.dead(drop_reason::full) == 7);
}

TEST_CASE("bounded, kill: the receiver is at fault and restarts, and its mail stays") {
    test::acceptance("B9");
    test::acceptance("C11");
    shop s(mailbox::bounded(2, overflow::kill));
    REQUIRE(s.ref.tell(1) == delivery::accepted);
    s.w.settle();
    REQUIRE(s.ref.tell("go") == delivery::accepted);
    (void)s.ref.tell(3);
    s.w.settle();
    // Whether the reader was quick enough is open; a bound over by far is not.
    for (int i = 0; i < 10; ++i) (void)s.ref.tell(i);
    s.w.settle();
    REQUIRE(s.w.dead(drop_reason::limit) > 0);
    REQUIRE(s.ref.alive());
    REQUIRE(s.log.take().find("starts") != std::string::npos);
}

TEST_CASE("bounded, kill: a question over the bound ends with limit, monitors hear of the limit") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children()
            .with_restart(temporary)
            .with_mailbox(mailbox::bounded(1, overflow::kill))
            .with_exec([](context ctx) -> process { (void)co_await ctx.recv<std::string>(); }));
    w.settle();
    w.spawn([&](context ctx) -> process {
        auto watch = ctx.monitor(group[0]);
        co_await ctx.sleep_for(1ms);
        group[0].tell(1);
        auto r = co_await group[0].ask(square{1});
        log(test::shown(r));
        auto d = co_await ctx.recv<down>();
        log(d.reason().what());
    });
    w.advance(1ms);
    REQUIRE(log.take() == "limit, limit: mailbox");
    REQUIRE_FALSE(group[0].alive());
}

TEST_CASE("bounded, wait: tell is refused, send waits until the target ends") {
    shop s(mailbox::bounded(1, overflow::wait));
    REQUIRE(s.ref.tell("go") == delivery::accepted);
    s.w.settle();  // reads "go", waits for the second string
    REQUIRE(s.ref.tell(0) == delivery::accepted);
    s.w.settle();  // skipped: the mailbox is full of it
    REQUIRE(s.ref.tell(1) == delivery::full);
    test::journal sent[2];  // one each: who of the two runs first is not promised
    for (test::journal& mine : sent)
        s.w.spawn([&s, &mine](context) -> process {
            auto r = co_await s.ref.send(std::string("too much"));
            mine(test::shown(r));
        });
    s.w.settle();
    REQUIRE((sent[0].take() + sent[1].take()).empty());
    s.ref.kill();
    s.w.settle();
    REQUIRE(sent[0].take() == "noproc");
    REQUIRE(sent[1].take() == "noproc");
}

TEST_CASE("bounded, wait: everyone who waits is served, in order") {
    test::acceptance("B9");
    test::acceptance("C11");
    test::world w;
    test::journal log;
    auto p = w.only(children().with_mailbox(mailbox::bounded(2, overflow::wait)).with_exec([&](context ctx) -> process {
        for (;;) {
            co_await ctx.sleep_for(1ms);
            auto m = co_await ctx.recv();
            if (auto* n = m.told<int>()) log(*n);
        }
    }));
    test::journal sent;
    for (int i = 0; i < 6; ++i) {
        w.spawn([&, i](context) -> process {
            auto r = co_await p.send(i);
            if (!r) log(test::shown(r));
            sent(i);
        });
        w.settle();  // they stand in line in this order
    }
    REQUIRE(sent.take() == "0, 1");
    w.advance(1ms);
    REQUIRE(sent.take() == "2");
    w.advance(10ms);
    REQUIRE(log.take() == "0, 1, 2, 3, 4, 5");
    REQUIRE(sent.take() == "3, 4, 5");
}

TEST_CASE("send: a deadline, the target's death, and an unbounded or dead target") {
    test::world w;
    test::journal log;
    auto p = w.only(children().with_mailbox(mailbox::bounded(1, overflow::wait)).with_exec([](context ctx) -> process {
        co_await ctx.sleep_for(1h);
    }));
    p.tell(0);
    w.spawn([&](context) -> process {
        auto a = co_await p.send(1).within(1ms);
        log(test::shown(a));
        auto b = co_await p.send(2);
        log(test::shown(b));
        auto c = co_await p.send(3);
        log(test::shown(c));
    });
    auto open = w.spawn([&](context ctx) -> process { log(co_await ctx.recv<std::string>()); });
    w.spawn([&](context) -> process {
        auto r = co_await open.send("unbounded");
        log(test::shown(r));
    });
    w.advance(1ms);
    REQUIRE(log.take() == "done, unbounded, timeout");
    p.kill();
    w.settle();
    REQUIRE(log.take() == "noproc, noproc");
}

TEST_CASE("send: a killed sender leaves the line") {
    test::world w;
    test::journal log;
    auto p = w.only(children().with_mailbox(mailbox::bounded(1, overflow::wait)).with_exec([&](context ctx) -> process {
        for (;;) {
            (void)co_await ctx.recv<std::string>();
            log(co_await ctx.recv<int>());
        }
    }));
    p.tell(0);
    w.settle();
    std::vector<child_ref> senders;
    for (int i = 1; i <= 3; ++i) {
        senders.push_back(w.spawn([&, i](context) -> process {
            auto r = co_await p.send(i);
            log("sent " + std::to_string(i) + " " + test::shown(r));
        }));
        w.settle(); // in line before the next one comes
    }
    REQUIRE(log.take().empty());
    senders[0].kill();
    w.settle();
    p.kill();
    w.settle();
    const std::string got = log.take(); // who of the two runs first is the scheduler's choice
    REQUIRE((got == "sent 2 noproc, sent 3 noproc" || got == "sent 3 noproc, sent 2 noproc"));
}

TEST_CASE("send: a wake-up that its sender did not use goes to the next one") {
    test::world w;
    test::journal log;
    const child_ref p = full_for_1ms(w, log);
    w.spawn([&](context ctx) -> process {
        auto second = p.send(2);
        {
            auto first = p.send(1);
            first.start();
            log(first.poll() ? "room" : "waits");
            second.start();
            log(second.poll() ? "room" : "waits");
            co_await ctx.sleep_for(2ms);  // meanwhile there is room, and the first is told so
        }
        auto r = co_await std::move(second);
        log(test::shown(r));
    });
    w.advance(5ms);
    const std::string got = log.take();
    REQUIRE((got == "waits, waits, 0, 2, done" || got == "waits, waits, 0, done, 2"));
}

TEST_CASE("send: a sender that leaves with its wake-up unused wakes the next one, when nothing else does") {
    test::world w;
    test::journal log;
    const child_ref p = full_for_1ms(w, log);
    w.spawn([&](context ctx) -> process {
        auto first = p.send(1);
        first.start();
        log(first.poll() ? "room" : "waits");
        co_await ctx.sleep_for(2ms); // meanwhile there is room, and it is told so
    });
    w.settle();
    w.spawn([&](context) -> process {
        auto r = co_await p.send(2);
        log(test::shown(r));
    });
    w.advance(1ms);
    REQUIRE(log.take() == "waits, 0"); // the second sender's turn has not come
    w.advance(1ms);
    const std::string got = log.take();
    REQUIRE((got == "2, done" || got == "done, 2"));
}

TEST_CASE("bounded: clear_on_restart drops what was unread") {
    test::world w;
    test::journal log;
    auto body = [&](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<std::string>()) panic("restart");
            if (auto* n = m.told<int>()) log(*n);
        }
    };
    const auto fast = restart_strategy::always().immediate();
    auto clears = w.only(children()
            .with_mailbox(mailbox::bounded(9, overflow::fail).clear_on_restart())
            .with_restart_strategy(fast)
            .with_exec(body));
    w.spawn([&](context) -> process {
        clears.tell("panic");
        for (int i = 0; i < 5; ++i) clears.tell(i);
        co_return;
    });
    w.settle();
    REQUIRE(log.take().empty());
    REQUIRE(w.dead(drop_reason::unread) == 5);
    for (int i = 0; i < 9; ++i) (void)clears.tell(i);  // all room is there again
    w.settle();
    REQUIRE(w.dead(drop_reason::full) == 0);
    auto keeps = w.only(children().with_mailbox(mailbox::bounded(9)).with_restart_strategy(fast).with_exec(body));
    (void)log.take();
    w.spawn([&](context) -> process {
        keeps.tell("panic");
        for (int i = 0; i < 5; ++i) keeps.tell(i);
        co_return;
    });
    w.settle();
    REQUIRE(log.take() == "0, 1, 2, 3, 4");
}

TEST_CASE("limits: unread mail over the memory limit is the receiver's fault") {
    test::world w;
    auto p = w.only(
        children().with_restart(temporary).with_limits(limits().memory(10'000)).with_exec([](context ctx) -> process {
            (void)co_await ctx.recv<std::string>();
        }));
    for (int i = 0; i < 10; ++i) REQUIRE(p.tell(i) == delivery::accepted);
    w.settle();
    REQUIRE(p.alive());
    for (int i = 0; i < 1'000; ++i) (void)p.tell(i);
    w.settle();
    REQUIRE_FALSE(p.alive());
    REQUIRE(w.dead(drop_reason::limit) > 0);
}

TEST_CASE("limits: what the bound refuses or drops is not charged to the memory limit") {
    const auto policy = GENERATE(overflow::fail, overflow::drop_newest, overflow::drop_oldest);
    test::world w;
    auto p = w.only(children()
            .with_restart(temporary)
            .with_mailbox(mailbox::bounded(2, policy))
            .with_limits(limits().memory(10'000))
            .with_exec([](context ctx) -> process { (void)co_await ctx.recv<std::string>(); }));
    for (int i = 0; i < 1'000; ++i) (void)p.tell(i);
    w.settle();
    REQUIRE(p.alive());
    REQUIRE(w.dead(drop_reason::full) == 998);
    REQUIRE(w.dead(drop_reason::limit) == 0);
}

TEST_CASE("bounded: one whose mailbox stays full has no more turns than its neighbours") {
    runtime rt(config().with_workers(1)); // they run one after the other
    std::array<int, 10> turns{};
    std::atomic<bool> over{false};
    std::promise<int> own_turns;
    auto neighbours =
        rt.spawn(children().with_redundancy(turns.size()).with_exec([&turns, &over](context ctx) -> process {
            for (int& mine = turns[ctx.block().index]; !over; ++mine) co_await ctx.yield();
        }));
    const auto flooded = rt.spawn(children()
            .with_mailbox(mailbox::bounded(5000, overflow::drop_oldest))
            .with_exec([&turns, &over, &own_turns](context ctx) -> process {
                int own = 0;
                int others = -1;
                for (int n = 0; n < 20'000; ++n) {
                    (void)co_await ctx.recv<int>();
                    if (n == 0) turns.fill(0);
                    const int now = std::accumulate(turns.begin(), turns.end(), 0);
                    if (std::exchange(others, now) != now) ++own;
                    for (int i = 0; i < 2; ++i) (void)ctx.self().tell(i);
                }
                over = true;
                own_turns.set_value(own);
            }));
    const auto started = rt.run(neighbours.started());
    REQUIRE(started);
    (void)flooded[0].tell(0);
    const int own = own_turns.get_future().get();
    rt.stop();
    (void)rt.wait();
    CHECK(own > 20);
    for (const int each : turns) CHECK(2 * each >= own);
}

TEST_CASE("bounded, drop_oldest: whoever is faster, every message is handled, dropped or unread, once") {
    test::world w(2);
    const bool selective = GENERATE(false, true);
    std::atomic<std::uint64_t> handled{0};
    const auto ref = w.only(
        children().with_mailbox(mailbox::bounded(8, overflow::drop_oldest)).with_exec([&](context ctx) -> process {
            for (;;) {
                if (selective) (void)co_await ctx.recv<int>();
                else (void)co_await ctx.recv();
                ++handled;
            }
        }));
    constexpr std::uint64_t each = 20'000;
    std::atomic<std::uint64_t> accepted{0};
    {
        std::vector<std::jthread> senders;
        for (int s = 0; s < 2; ++s)
            senders.emplace_back([&] {
                for (std::uint64_t i = 0; i < each; ++i) {
                    const auto said = i % 8 == 0 ? ref.tell(std::string("skipped")) : ref.tell(static_cast<int>(i));
                    if (said == delivery::accepted) ++accepted;
                }
            });
    }
    w.settle();
    REQUIRE(accepted == 2 * each);
    const std::uint64_t before = w.dead(drop_reason::full);
    w.elements.stop();
    w.settle();
    const std::uint64_t unread = w.dead(drop_reason::unread);
    REQUIRE(unread <= 8);
    REQUIRE(handled + before + unread == 2 * each);
    REQUIRE(handled > 0);
}
