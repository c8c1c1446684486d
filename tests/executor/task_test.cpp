#include "support/catch.hpp"
#include "support/fork_join.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>

namespace {

bastion::task<int> give(int n) { co_return n; }
bastion::task<int> fail_with(std::string why) {
    throw std::runtime_error(why);
    co_return 0;
}
bastion::task<int> sum_of(int n) {
    int sum = 0;
    for (int i = 1; i <= n; ++i) sum += co_await give(i);
    co_return sum;
}
bastion::task<int> deep(int n) {
    if (n == 0) co_return 0;
    auto below = co_await deep(n - 1);
    co_return below + 1;
}

struct counted {
    explicit counted(std::atomic<int>& n) : alive(n) { ++alive; }
    ~counted() { --alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    std::atomic<int>& alive;
};

} // namespace

TEST_CASE("a task hands its value or its exception to who awaits it") {
    bastion::runtime rt(bastion::config().with_workers(2));
    CHECK(rt.run(sum_of(100)) == 5050);
    CHECK_THROWS_AS(rt.run(fail_with("as told")), std::runtime_error);
    auto through_a_reference = []() -> bastion::task<int> {
        int here = 0;
        auto refer = [](int& n) -> bastion::task<int&> { co_return n; };
        int& again = co_await refer(here);
        again = 3;
        co_return here;
    };
    CHECK(rt.run(through_a_reference()) == 3);
}

TEST_CASE("a task that never ran is destroyed with its arguments") {
    auto token = std::make_shared<int>(1);
    {
        auto hold = [](std::shared_ptr<int> t) -> bastion::task<int> { co_return *t; };
        auto task = hold(token);
        CHECK(token.use_count() == 2);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("tasks nest ten thousand deep, and not deeper") {
    bastion::runtime rt(bastion::config().with_workers(1));
    CHECK(rt.run(deep(9'990)) == 9'990);
    CHECK_THROWS_AS(rt.run(deep(10'010)), bastion::limit_error);
}

TEST_CASE("forked tasks are joined, at one worker and at several") {
    for (std::size_t workers : {1u, 2u, 4u}) {
        bastion::runtime rt(bastion::config().with_workers(workers));
        CHECK(rt.run(test::forked_fibonacci(18)) == 2584);
    }
}

TEST_CASE("who waits between a fork and the join goes on, whoever takes what was forked") {
    constexpr int rounds = 100'000;
    for (std::size_t workers : {2u, 4u}) {
        bastion::runtime rt(bastion::config().with_workers(workers));
        for (int again = 0; again < 3; ++again) {
            std::promise<int> done;
            rt.spawn([&done](bastion::context ctx) -> bastion::process {
                int sum = 0;
                for (int i = 0; i < rounds; ++i) {
                    bastion::scope s;
                    auto a = s.fork(give(1));
                    co_await ctx.yield();
                    co_await s.join();
                    sum += *a;
                }
                done.set_value(sum);
            });
            CHECK(done.get_future().get() == rounds);
        }
    }
}

TEST_CASE("the exception of a forked task comes out of the join and of its handle") {
    bastion::runtime rt(bastion::config().with_workers(2));
    auto work = []() -> bastion::task<int> {
        bastion::scope s;
        auto a = s.fork(give(1));
        auto b = s.fork(fail_with("in a fork"));
        int caught = 0;
        try {
            co_await s.join();
        } catch (const std::runtime_error& e) {
            if (std::string(e.what()) == "in a fork") ++caught;
        }
        try {
            (void)*b;
        } catch (const std::runtime_error&) { ++caught; }
        co_return caught + *a;
    };
    CHECK(rt.run(work()) == 3);
}

TEST_CASE("a scope that was joined is used again, also after a task of it has failed") {
    bastion::runtime rt(bastion::config().with_workers(2));
    auto work = []() -> bastion::task<int> {
        bastion::scope s;
        int caught = 0;
        for (int round = 0; round < 3; ++round) {
            auto a = s.fork(fail_with("round " + std::to_string(round)));
            try {
                co_await s.join();
            } catch (const std::runtime_error& e) {
                if (std::string(e.what()) == "round " + std::to_string(round)) ++caught;
            }
        }
        co_return caught;
    };
    CHECK(rt.run(work()) == 3);
}

TEST_CASE("a scope left by an exception waits for its tasks") {
    std::atomic<int> alive{0};
    std::atomic<int> ran{0};
    bastion::runtime rt(bastion::config().with_workers(2));
    auto child = [](std::atomic<int>& a, std::atomic<int>& r) -> bastion::task<int> {
        counted c(a);
        ++r;
        co_return 1;
    };
    auto work = [&]() -> bastion::task<int> {
        bastion::scope s;
        auto a = s.fork(child(alive, ran));
        auto b = s.fork(child(alive, ran));
        throw std::runtime_error("left");
        co_return *a + *b;
    };
    CHECK_THROWS_AS(rt.run(work()), std::runtime_error);
    CHECK(ran == 2);
    CHECK(alive == 0);
}

TEST_CASE("a forked task has no mailbox, and says so") {
    bastion::runtime rt(bastion::config().with_workers(1));
    auto body = [](bastion::context ctx, bastion::child_ref parent) -> bastion::process {
        auto listen = [](bastion::context c) -> bastion::task<int> {
            auto m = co_await c.recv();
            (void)m;
            co_return 1;
        };
        bastion::scope s;
        auto a = s.fork(listen(ctx));
        std::string said;
        try {
            co_await s.join();
        } catch (const bastion::usage_error& e) { said = e.what(); }
        (void)parent;
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<int>()) q.reply(said);
    };
    auto p = rt.spawn([body](bastion::context ctx) { return body(ctx, {}); });
    auto said = rt.run(p.request<std::string>(1));
    REQUIRE(said);
    CHECK(said->find("outside its process") != std::string::npos);
}

TEST_CASE("a scope on a plain thread is refused") {
    bastion::scope s;
    CHECK_THROWS_AS(s.fork(give(1)), bastion::usage_error);
}
