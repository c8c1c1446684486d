#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/executor/sleepers.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace bastion::detail;

namespace {

// A runnable that does one thing each time it is run, and may schedule itself again.
struct job : runnable {
    std::function<void(job&, worker&)> work;
    explicit job(std::function<void(job&, worker&)> w) : work(std::move(w)) {
        static const runnable_ops table{
            [](runnable& r, worker& w2) { static_cast<job&>(r).work(static_cast<job&>(r), w2); }, [](runnable&) {}};
        ops = &table;
    }
};

// `count` of them, each to be run once.
struct counted_jobs {
    explicit counted_jobs(int count) : done(count) {
        for (int i = 0; i < count; ++i)
            jobs.push_back(std::make_unique<job>([this](job&, worker&) {
                ++runs;
                done.count_down();
            }));
    }
    std::atomic<int> runs{0};
    std::latch done;
    std::vector<std::unique_ptr<job>> jobs;
};

executor_options with_workers(std::size_t n, std::shared_ptr<bastion::clock> time = {}) {
    executor_options o;
    o.plan.emplace(bastion::topology::this_machine(), bastion::topology::worker_wishes{.workers = n});
    o.time = std::move(time);
    return o;
}

} // namespace

TEST_CASE("an executor runs what strangers schedule, each once") {
    for (std::size_t workers : {1u, 2u, 3u}) {
        executor e(with_workers(workers));
        constexpr int count = 2000;
        counted_jobs all(count);
        for (auto& j : all.jobs) e.schedule(*j);
        all.done.wait();
        e.stop();
        CHECK(all.runs == count);
    }
}

TEST_CASE("what a worker wakes runs there next, what yields goes to the end of the line") {
    executor e(with_workers(1));
    std::vector<int> order;
    std::latch done(4);
    auto note = [&](int n) {
        return [&order, &done, n](job&, worker&) {
            order.push_back(n);
            done.count_down();
        };
    };
    job a(note(1)), b(note(2)), c(note(3));
    job first([&](job&, worker& w) {
        w.push_last(a);
        w.push_last(b);
        w.push_next(c);
        done.count_down();
    });
    e.schedule(first);
    done.wait();
    CHECK(order == std::vector<int>{3, 1, 2});
}

TEST_CASE("the slot is taken at most three times in a row while others wait") {
    executor e(with_workers(1));
    std::vector<char> order;
    std::latch done(1);
    job other([&](job&, worker&) {
        order.push_back('o');
        done.count_down();
    });
    int left = 20;
    std::unique_ptr<job> greedy;
    greedy = std::make_unique<job>([&](job& self, worker& w) {
        order.push_back('g');
        if (order.size() == 1) w.push_last(other);
        if (--left > 0) w.push_next(self);
    });
    e.schedule(*greedy);
    done.wait();
    e.stop();
    const auto at = static_cast<std::size_t>(std::find(order.begin(), order.end(), 'o') - order.begin());
    CHECK(at <= 5);
}

TEST_CASE("system work goes first, and leaves others one turn in eight") {
    test::acceptance("C11");
    executor e(with_workers(1));
    std::vector<char> order;
    std::latch done(1);
    int left = 40;
    job user([&](job&, worker&) { order.push_back('u'); });
    std::unique_ptr<job> system;
    system = std::make_unique<job>([&](job& self, worker& w) {
        order.push_back('s');
        if (order.size() == 1) w.push_last(user);
        if (--left > 0) w.push_system(self);
        else done.count_down();
    });
    e.schedule_system(*system);
    done.wait();
    e.stop();
    const auto at = static_cast<std::size_t>(std::find(order.begin(), order.end(), 'u') - order.begin());
    CHECK(at >= 2);
    CHECK(at <= 9);
}

TEST_CASE("a full ring overflows to the node's queue and nothing is lost") {
    executor e(with_workers(2));
    constexpr int count = 5000;
    counted_jobs all(count);
    job spill([&](job&, worker& w) {
        for (auto& j : all.jobs) w.push_last(*j);
    });
    e.schedule(spill);
    all.done.wait();
    e.stop();
    CHECK(all.runs == count);
}

TEST_CASE("timers fire at their instant of a manual clock, in order, and not after a cancel") {
    auto clock = std::make_shared<bastion::manual_clock>();
    executor e(with_workers(2, clock));
    struct entry : late_timer {
        entry(std::vector<std::pair<int, std::int64_t>>& l, bastion::clock& c, int n)
            : late_timer(
                  [](late_timer& t) {
                      auto& self = static_cast<entry&>(t);
                      self.log.emplace_back(self.number, self.clock.now_ns());
                  },
                  [](late_timer&) {}),
              log(l), clock(c), number(n) {}
        std::vector<std::pair<int, std::int64_t>>& log;
        bastion::clock& clock;
        int number;
    };
    std::vector<std::pair<int, std::int64_t>> log;
    entry a(log, *clock, 1), b(log, *clock, 2), c(log, *clock, 3), d(log, *clock, 4);
    e.worker_at(0).arm(a, 3'000'000);
    e.worker_at(0).arm(b, 1'000'000);
    e.worker_at(0).arm(c, 1'000'001);
    e.worker_at(0).arm(d, 2'000'000);
    clock->settle();
    CHECK(e.worker_at(0).cancel(d));
    CHECK_FALSE(e.worker_at(0).cancel(d));
    clock->advance(std::chrono::milliseconds(10));
    CHECK(log == std::vector<std::pair<int, std::int64_t>>{{2, 1'000'000}, {3, 1'000'001}, {1, 3'000'000}});
    CHECK_FALSE(e.worker_at(0).cancel(a));
    e.stop();
}

TEST_CASE("a timer that a stranger arms while all workers sleep fires in time") {
    for (std::size_t workers : {1u, 2u}) {
        auto clock = std::make_shared<bastion::manual_clock>();
        executor e(with_workers(workers, clock));
        clock->settle(); // all sleep: whoever arms must wake the worker whose wheel it is
        struct entry : late_timer {
            entry() : late_timer([](late_timer& t) { static_cast<entry&>(t).fired.store(true); }, [](late_timer&) {}) {}
            std::atomic<bool> fired{false};
        };
        entry soon;
        e.worker_at(0).arm(soon, 1'000'000);
        clock->settle();
        CHECK(e.next_due() == 1'000'000);
        clock->advance(std::chrono::milliseconds(1));
        CHECK(soon.fired.load());
        e.stop();
    }
}

// A worker that runs out of work looks at the clock now and then, the last time just before it sleeps. At some of these
// looks a stranger brings work, and the worker goes on only when it is there: it must not go to sleep over it.
TEST_CASE("work that comes while a worker goes to sleep is found") {
    struct busy_clock final : bastion::clock {
        std::int64_t now_ns() noexcept override {
            if (this_thread().current_worker == nullptr || ++looks < gap) return 0;
            looks = 0;
            wants_work = true;
            while (wants_work && !over) std::this_thread::yield();
            return 0;
        }
        bool runs() const noexcept override { return false; }
        std::atomic<int> looks{0};
        std::atomic<int> gap{1};
        std::atomic<bool> wants_work{false};
        std::atomic<bool> over{false};
    };
    constexpr int count = 2000;
    counted_jobs all(count);
    const auto clock = std::make_shared<busy_clock>();
    late_timer far([](late_timer&) {}, [](late_timer&) {}); // without a timer nobody looks at the clock
    executor e(with_workers(1, clock));
    std::uint64_t parks = 0;
    for (int i = 0; i < count; ++i) {
        while (!clock->wants_work && e.counters().parks == parks) std::this_thread::yield();
        if (!clock->wants_work) REQUIRE(all.runs == i); // it sleeps, and nothing is left
        parks = e.counters().parks;
        clock->gap = 1 + i % 50;
        if (i == 0) e.worker_at(0).arm(far, 1'000'000'000);
        e.schedule(*all.jobs[static_cast<std::size_t>(i)]);
        clock->wants_work = false;
    }
    clock->over = true;
    all.done.wait();
    e.stop();
    CHECK(all.runs == count);
}

TEST_CASE("an executor at rest sleeps: no worker parks again by itself") {
    auto clock = std::make_shared<bastion::manual_clock>();
    executor e(with_workers(2, clock));
    clock->settle();
    const auto before = e.counters();
    clock->settle();
    const auto after = e.counters();
    CHECK(before.parks == after.parks);
    CHECK(before.resumes == after.resumes);
}

TEST_CASE("sleepers: a taken bit is taken once, searchers are bounded") {
    sleepers s(4);
    const auto take = [&s](std::vector<std::size_t> order) {
        return s.take(order.size(), [&order](std::size_t i) { return order[i]; });
    };
    CHECK_FALSE(s.any());
    CHECK(take({0, 1, 2, 3}) == -1);
    s.announce_sleep(2);
    CHECK(s.any());
    CHECK(take({0, 1, 2, 3}) == 2);
    CHECK(take({0, 1, 2, 3}) == -1);
    CHECK_FALSE(s.withdraw(2));
    s.announce_sleep(1);
    s.announce_sleep(3);
    CHECK(take({0, 2}) == -1);
    CHECK(take({2, 3, 1}) == 3);
    s.announce_sleep(3);
    CHECK(s.take_this(3));
    CHECK_FALSE(s.take_this(3));
    CHECK(s.withdraw(1));
    // Four busy workers: two may search.
    CHECK(s.enter_search());
    CHECK(s.enter_search());
    CHECK_FALSE(s.enter_search());
    CHECK_FALSE(s.leave_search());
    CHECK(s.leave_search());
}
