// What a message is: told, asked or broadcast; of any movable type, size and alignment; in order for each sender.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

using namespace bastion;

namespace {

struct question_of_int {
    using answer_type = int;
    int value;
};

// Says what each message is, until a std::monostate comes.
process describe(context ctx, test::journal& log) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* n = m.told<int>()) log("told " + std::to_string(*n));
        else if (auto* s = m.told<std::string>()) log("told " + *s);
        else if (auto q = m.asked<question_of_int>()) {
            log("asked " + std::to_string(q->value));
            q.reply(q->value);
        } else if (auto* b = m.broadcast<int>()) log("broadcast " + std::to_string(*b));
        else if (auto* t = m.broadcast<std::string>()) log("broadcast " + *t);
        else if (m.told<std::monostate>()) break;
        else {
            log("unknown");
            m.unhandled();
        }
    }
}

} // namespace

TEST_CASE("a message is told, asked or broadcast, and only that") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children().with_exec([&log](context ctx) { return describe(ctx, log); }));
    w.settle();
    const child_ref p = group[0];
    REQUIRE(p.tell(1) == delivery::accepted);
    auto a = p.ask(question_of_int{2});
    REQUIRE(group.broadcast(3) == 1);
    (void)p.tell(question_of_int{4});  // told, so it is not a question
    REQUIRE(group.broadcast(question_of_int{5}) == 1);
    auto b = p.ask(6);  // asked, so it is not told
    w.settle();
    REQUIRE(log.take() == "told 1, asked 2, broadcast 3, unknown, unknown, unknown");
    REQUIRE(test::shown(w.rt.run(std::move(a))) == "2");
    REQUIRE(test::shown(w.rt.run(std::move(b))) == "unhandled");
}

TEST_CASE("text literals and views travel as std::string") {
    test::world w;
    test::journal log;
    auto group = w.rt.spawn(children().with_exec([&log](context ctx) { return describe(ctx, log); }));
    const char* pointer = "pointer";
    char array[] = "array";
    group[0].tell("literal");
    group[0].tell(pointer);
    group[0].tell(array);
    group[0].tell(std::string_view("view"));
    group[0].tell(std::string("string"));
    group[0].tell<std::string>(std::size_t{3}, 'x');
    group.broadcast("shared");
    w.settle();
    REQUIRE(log.take() == "told literal, told pointer, told array, told view, told string, told xxx, broadcast shared");
}

TEST_CASE("messages of one sender stay in order, also among others'") {
    test::world w(2);
    std::vector<int> got[3];
    auto to = w.spawn([&](context ctx) -> process {
        for (int left = 3'000; left > 0; --left) {
            auto m = co_await ctx.recv<std::pair<int, int>>();
            got[m.first].push_back(m.second);
        }
    });
    for (int sender = 0; sender < 3; ++sender)
        w.spawn([=](context ctx) -> process {
            for (int i = 0; i < 1'000; ++i) {
                to.tell(std::pair(sender, i));
                if (i % 7 == 0) co_await ctx.yield();
            }
        });
    w.settle();
    std::vector<int> all(1'000);
    std::iota(all.begin(), all.end(), 0);
    for (auto& one : got) REQUIRE(one == all);
}

TEST_CASE("the sender of a message is the process that told it") {
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) -> process {
        for (;;) {
            auto m = co_await ctx.recv();
            log(m.sender() == child_ref() ? "nobody" : m.sender().alive() ? "alive" : "dead");
        }
    });
    to.tell(1);
    auto from = w.spawn([&](context ctx) -> process {
        to.tell(2);
        (void)co_await ctx.recv();
    });
    w.settle();
    REQUIRE(log.take() == "nobody, alive");
    REQUIRE(from.alive());
    w.spawn([&](context) -> process {
        to.tell(3);
        co_return;
    });
    w.settle();
    REQUIRE(log.take().substr(0, 1) != "n");
}

TEST_CASE("move-only, 16-byte aligned, empty and big messages arrive whole") {
    struct alignas(16) aligned {
        std::int64_t a, b;
    };
    struct big {
        std::array<std::uint32_t, 3'000> words;
    };
    struct empty {};
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) -> process {
        auto p = co_await ctx.recv<std::unique_ptr<int>>();
        log(*p);
        auto m = co_await ctx.recv();
        auto* a = m.told<aligned>();
        log(reinterpret_cast<std::uintptr_t>(a) % 16 == 0 && a->a == 1 && a->b == 2 ? "aligned" : "wrong");
        auto b = co_await ctx.recv<big>();
        log(std::accumulate(b.words.begin(), b.words.end(), 0LL));
        (void)co_await ctx.recv<empty>();
        log("empty");
        auto s = co_await ctx.recv<std::string>();
        log(static_cast<long long>(s.size()));
    });
    to.tell(std::make_unique<int>(7));
    to.tell(aligned{1, 2});
    big words;
    std::iota(words.words.begin(), words.words.end(), 0u);
    to.tell(words);
    to.tell(empty{});
    to.tell(std::string(10'000, 'x'));
    w.settle();
    REQUIRE(log.take() == "7, aligned, 4498500, empty, 10000");
}

TEST_CASE("a broadcast shares one value, which lives as long as its last reader needs it") {
    test::world w;
    auto value = std::make_shared<int>(5);
    const std::weak_ptr<int> alive = value;
    std::vector<const void*> seen;
    auto group = w.rt.spawn(children().with_redundancy(3).with_exec([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        if (auto* b = m.broadcast<std::shared_ptr<int>>()) seen.push_back(b);
        (void)co_await ctx.recv<int>();
    }));
    REQUIRE(group.broadcast(std::move(value)) == 3);
    w.settle();
    REQUIRE(seen.size() == 3);
    REQUIRE(seen[0] == seen[1]);
    REQUIRE(seen[1] == seen[2]);
    REQUIRE(alive.use_count() == 1);
    group[0].tell(1);
    group[1].tell(1);
    w.settle();
    REQUIRE(alive.use_count() == 1);
    group[2].tell(1);
    w.settle();
    REQUIRE(alive.expired());
}

TEST_CASE("a told value belongs to the receiver, who may change it and take it") {
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) -> process {
        auto m = co_await ctx.recv();
        if (auto* s = m.told<std::string>()) {
            *s += "!";
            const std::string mine = std::move(*s);
            log(mine);
        }
        log(std::string(m.type()).find("string") != std::string::npos ? "string" : "other");
    });
    to.tell("text");
    w.settle();
    REQUIRE(log.take() == "text!, string");
}

TEST_CASE("telling the dead or nobody is noproc, a dead letter, and no error") {
    test::world w;
    auto gone = w.spawn([](context) -> process { co_return; });
    w.settle();
    REQUIRE_FALSE(gone.alive());
    REQUIRE(gone.tell(1) == delivery::noproc);
    REQUIRE(w.dead(drop_reason::noproc) == 1);
    REQUIRE(child_ref().tell(1) == delivery::noproc); // counted by the only runtime that there is
    REQUIRE(w.dead(drop_reason::noproc) == 2);
    {
        test::world another;
        REQUIRE(child_ref().tell(1) == delivery::noproc); // of two neither can know
        REQUIRE(another.dead(drop_reason::noproc) == 0);
        REQUIRE(w.dead(drop_reason::noproc) == 2);
    }
    // Its block may live again: the old ref still names nobody.
    auto next = w.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    w.settle();
    REQUIRE(next.alive());
    REQUIRE(gone.tell(1) == delivery::noproc);
    REQUIRE(next.alive());
}

TEST_CASE("a message whose constructor throws is not sent") {
    struct thrower {
        thrower() = default;
        thrower(thrower&&) = default;
        explicit thrower(int) { throw 1; }
    };
    test::world w;
    test::journal log;
    auto to = w.spawn([&](context ctx) -> process {
        (void)co_await ctx.recv<int>();
        auto m = ctx.try_recv();
        log(m.has_value() ? "mail" : "none");
    });
    w.settle();
    const auto before = detail::read_pool_stats().live_blocks;
    REQUIRE_THROWS(to.tell<thrower>(1));
    REQUIRE(detail::read_pool_stats().live_blocks == before);
    to.tell(1);
    w.settle();
    REQUIRE(log.take() == "none");
}
