// The pool of threads for blocking functions by itself: order, growth, bound, shrinking, cancellation.
#include "support/catch.hpp"

#include <bastion/executor/blocking_pool.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace bastion::detail;
using namespace std::chrono_literals;

namespace {

// A job that calls a function; nobody waits for it as a strand does.
struct test_job : blocking_job {
    explicit test_job(std::function<void()> f)
        : blocking_job([](blocking_job& j) noexcept { static_cast<test_job&>(j).function(); },
              [](blocking_job& j) noexcept { delete &static_cast<test_job&>(j); },
              bastion::source_location::at("here.cpp", 7)),
          function(std::move(f)) {}
    std::function<void()> function;
};

// The pool's numbers change when others come to it.
template <class Done>
void await(const blocking_pool& pool, Done done) {
    while (!done(pool.counters())) std::this_thread::yield();
}

// Threads held in functions until they are let go.
class held {
public:
    held(blocking_pool& pool, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            jobs_.push_back(std::make_unique<test_job>([this] { go_.wait(); }));
            pool.submit(*jobs_.back());
        }
    }
    held(const held&) = delete;
    held& operator=(const held&) = delete;
    ~held() { release(); }
    void release() {
        if (!std::exchange(released_, true)) go_.count_down();
        for (auto& j : jobs_) blocking_pool::wait_for(*j);
    }

private:
    std::latch go_{1};
    bool released_ = false;
    std::vector<std::unique_ptr<test_job>> jobs_;
};

} // namespace

TEST_CASE("blocking_pool: jobs of one thread run in the order they came") {
    blocking_pool pool({1, 10s});
    std::vector<int> order;
    std::vector<std::unique_ptr<test_job>> jobs;
    {
        const held first(pool, 1);
        for (int i = 0; i < 100; ++i) {
            jobs.push_back(std::make_unique<test_job>([&order, i] { order.push_back(i); }));
            pool.submit(*jobs.back());
        }
        await(pool, [](const auto& c) { return c.running == 1; });
        const auto c = pool.counters();
        CHECK(c.queued == 100);
        CHECK(c.threads == 1);
    }
    CHECK(pool.wait_until_done(1h));
    pool.stop();
    REQUIRE(order.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
    CHECK(pool.counters().completed == 101);
}

TEST_CASE("blocking_pool: grows with its work up to the bound, the rest is the backlog") {
    blocking_pool pool({4, 10s});
    held all(pool, 10);
    await(pool, [](const auto& c) { return c.running == 4; });
    const auto full = pool.counters();
    CHECK(full.threads == 4);
    CHECK(full.queued == 6);
    CHECK(full.idle == 0);
    all.release();
    CHECK(pool.wait_until_done(1h));
    await(pool, [](const auto& c) { return c.idle == c.threads; });
    const auto after = pool.counters();
    CHECK(after.peak_threads == 4);
    CHECK(after.completed == 10);
    CHECK(after.queued == 0);
}

TEST_CASE("blocking_pool: an idle thread is used again, the one that went idle last") {
    blocking_pool pool({8, 10s});
    for (int i = 0; i < 50; ++i) {
        const held one(pool, 1);
        await(pool, [](const auto& c) { return c.running == 1; });
    }
    // A thread may not have come back from its function when the next one is submitted.
    CHECK(pool.counters().peak_threads <= 2);
}

TEST_CASE("blocking_pool: shrinks when it is idle, and grows again") {
    blocking_pool pool({8, 1ms});
    for (int round = 0; round < 3; ++round) {
        {
            const held some(pool, 5);
            await(pool, [](const auto& c) { return c.running == 5; });
        }
        await(pool, [](const auto& c) { return c.threads == 0; });
    }
    CHECK(pool.counters().peak_threads == 5);
    CHECK(pool.counters().completed == 15);
}

TEST_CASE("blocking_pool: what is queued can be cancelled and never runs, what runs cannot") {
    blocking_pool pool({1, 10s});
    std::atomic<int> ran{0};
    std::latch go(1);
    test_job running([&] { go.wait(); });
    test_job never([&] { ++ran; });
    test_job after([&] { ran += 10; });
    pool.submit(running);
    await(pool, [](const auto& c) { return c.running == 1; });
    pool.submit(never);
    pool.submit(after);
    CHECK(pool.cancel(never));
    CHECK(pool.cancel(never)); // again: it is still the caller's
    CHECK_FALSE(pool.cancel(running));
    CHECK(pool.counters().queued == 1);
    CHECK(pool.counters().cancelled == 1);
    go.count_down();
    blocking_pool::wait_for(after);
    CHECK_FALSE(pool.cancel(after));
    CHECK(pool.wait_until_done(1h));
    CHECK(ran == 10);
}

TEST_CASE("blocking_pool: a start and a cancellation exclude each other") {
    blocking_pool pool({2, 10s});
    constexpr int rounds = 2'000;
    std::atomic<int> ran{0};
    int cancelled = 0;
    for (int i = 0; i < rounds; ++i) {
        test_job job([&] { ++ran; });
        pool.submit(job);
        if (i % 3 == 0) std::this_thread::yield();
        if (pool.cancel(job)) ++cancelled;
        else blocking_pool::wait_for(job);
    }
    CHECK(pool.wait_until_done(1h));
    CHECK(ran + cancelled == rounds);
    CHECK(pool.counters().cancelled == static_cast<std::uint64_t>(cancelled));
}

TEST_CASE("blocking_pool: an abandoned job is freed by its thread, and can be named while it runs") {
    blocking_pool pool({2, 10s});
    std::latch go(1);
    const auto sentinel = std::make_shared<int>(1);
    const std::weak_ptr<int> alive = sentinel;
    auto* job = new test_job([&go, kept = sentinel] { go.wait(); });
    pool.submit(*job);
    await(pool, [](const auto& c) { return c.running == 1; });
    pool.note_asker(*job, "/a/0");
    REQUIRE_FALSE(job->word.abandon());
    const auto now = pool.running();
    REQUIRE(now.size() == 1);
    CHECK(now[0].asker == "/a/0");
    CHECK(now[0].given_at.to_string() == "here.cpp:7");
    CHECK(now[0].runs_for.count() >= 0);
    CHECK_FALSE(pool.wait_until_done(0ns));
    CHECK(alive.use_count() == 2);
    go.count_down();
    CHECK(pool.wait_until_done(1h));
    pool.stop();
    CHECK(alive.use_count() == 1);
}

TEST_CASE("blocking_pool: the state is busy from the submission until the asker has been woken") {
    blocking_pool pool({1, 10s});
    const auto before = pool.count().state();
    CHECK_FALSE(bastion::detail::function_count::is_busy(before));
    {
        const held one(pool, 1);
        CHECK(bastion::detail::function_count::is_busy(pool.count().state()));
    }
    while (bastion::detail::function_count::is_busy(pool.count().state())) std::this_thread::yield();
    CHECK(pool.count().state() != before); // who compares sees that something has come and gone
}

TEST_CASE("blocking_pool: many threads submit and cancel at once") {
    blocking_pool pool({4, 1ms});
    constexpr int each = 500;
    std::atomic<int> ran{0}, cancelled{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < each; ++i) {
                    test_job job([&] { ++ran; });
                    pool.submit(job);
                    if (i % 4 != 0) blocking_pool::wait_for(job);
                    else if (pool.cancel(job)) ++cancelled;
                    else blocking_pool::wait_for(job);
                }
            });
    }
    CHECK(pool.wait_until_done(1h));
    CHECK(ran + cancelled == 4 * each);
    CHECK(pool.counters().peak_threads <= 4);
}
