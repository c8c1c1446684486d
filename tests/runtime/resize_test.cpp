// Workers that leave and come back while the runtime works, by order and with the CPUs that the system grants.
#include "runtime/child.hpp"
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using test::wait_until;

namespace {

struct ball {
    int rounds;
};
struct question {
    using answer_type = int;
};

// As the kernel counts them: a list of them may miss one while another ends.
std::size_t threads_of_this_program() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "Threads:" && status >> word) return std::stoul(word);
    return 0;
}

// Gives each ball back to where it came from, until its rounds are over.
auto player(std::atomic<int>& over) {
    return [&over](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* b = m.told<ball>()) {
                if (b->rounds == 0) ++over;
                else m.sender().tell(ball{b->rounds - 1});
            }
            if (auto q = m.asked<question>()) q.reply(ctx.node());
        }
    };
}

int node_of(bastion::runtime& rt, const bastion::child_ref& who) {
    const auto answer = rt.run(who.ask(question()));
    REQUIRE(answer.has_value());
    return *answer;
}

} // namespace

TEST_CASE("Workers leave and come back while processes talk, and nothing is lost") {
    constexpr int pairs = 16;
    constexpr int rounds = 20'000;
    std::atomic<int> over{0};
    std::atomic<int> woken{0};
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(4));
    CHECK(rt.active_workers() == 4);
    for (int i = 0; i < pairs; ++i) {
        const bastion::child_ref one = rt.spawn(player(over));
        rt.spawn([one, &over](bastion::context ctx) -> bastion::process {
            one.tell(ball{rounds});
            for (;;) {
                auto m = co_await ctx.recv();
                if (auto* b = m.told<ball>()) {
                    if (b->rounds == 0) ++over;
                    else m.sender().tell(ball{b->rounds - 1});
                }
            }
        });
        rt.spawn([&woken](bastion::context ctx) -> bastion::process { // timers lie in wheels that are left behind
            for (int n = 0; n < 20; ++n) co_await ctx.sleep_for(1ms);
            ++woken;
        });
    }
    std::size_t orders = 0;
    for (const std::size_t n : {1u, 4u, 2u, 3u, 1u, 3u, 1u, 2u, 4u, 1u, 2u}) {
        rt.resize_workers(n);
        wait_until([&] { return rt.active_workers() == n || over == pairs; });
        ++orders;
    }
    wait_until([&] { return over == pairs && woken == pairs; });
    CHECK(orders == 11);
}

TEST_CASE("A worker that has left has no thread, and one that comes back works") {
    std::atomic<int> ran{0};
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(3).with_max_spare_workers(0));
    const auto hold_all = [&](int n) { // each needs a worker of its own
        test::door at;
        for (int i = 0; i < n; ++i)
            rt.spawn([&](bastion::context) -> bastion::process {
                at.pass();
                ++ran;
                co_return;
            });
        at.wait_for(n);
        at.open();
        wait_until([&] { return ran == n; });
        ran = 0;
    };
    hold_all(3);
    const std::size_t before = threads_of_this_program();
    rt.resize_workers(1);
    wait_until([&] { return threads_of_this_program() == before - 2; });
    CHECK(rt.active_workers() == 1);
    CHECK(rt.workers() == 3);
    hold_all(1);
    rt.resize_workers(3);
    hold_all(3);
    CHECK(threads_of_this_program() == before);
}

// On a single CPU a worker that is told to leave has often gone before the watchdog looks who sleeps.
TEST_CASE("Idle workers leave and come back, all that are to, though everybody sleeps meanwhile") {
    cpu_set_t all;
    REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0); // for all threads to come
    {
        bastion::runtime rt(bastion::config().with_signals(false).with_workers(4).with_max_spare_workers(0));
        const std::size_t before = threads_of_this_program();
        for (int round = 0; round < 120; ++round) {
            rt.resize_workers(1);
            wait_until([&] { return threads_of_this_program() == before - 3; });
            rt.resize_workers(4);
            wait_until([&] { return threads_of_this_program() == before; });
        }
        CHECK(rt.active_workers() == 4);
    }
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

TEST_CASE("Timers of a worker that has left fire") {
    std::atomic<int> woken{0};
    test::door held;
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(2).with_max_spare_workers(0));
    for (int i = 0; i < 2; ++i)
        rt.spawn([&](bastion::context ctx) -> bastion::process {
            held.pass(); // so that each worker has one
            co_await ctx.sleep_for(200ms);
            ++woken;
        });
    held.wait_for(2);
    const std::size_t before = threads_of_this_program();
    rt.resize_workers(1);
    held.open();
    wait_until([&] { return threads_of_this_program() == before - 1; });
    wait_until([&] { return woken == 2; });
}

TEST_CASE("Each NUMA node keeps a worker for what is bound there") {
    std::atomic<int> over{0};
    bastion::runtime rt(bastion::config().with_signals(false).with_machine("numa:2 core:2 pu:1"));
    REQUIRE(rt.workers() == 4);
    const bastion::child_ref there = rt.spawn(player(over), bastion::placement::node(1));
    const std::size_t before = threads_of_this_program();
    rt.resize_workers(2);
    wait_until([&] { return threads_of_this_program() == before - 2; });
    CHECK(node_of(rt, there) == 1);
    CHECK_THROWS_WITH(rt.resize_workers(1),
        "bastion: resize_workers(1): each of the 2 NUMA nodes keeps a worker, for what is bound there");
}

TEST_CASE("Numbers of workers that make no sense are refused") {
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(2));
    CHECK_THROWS_WITH(rt.resize_workers(0), "bastion: resize_workers(0): a runtime needs at least one worker");
    CHECK_THROWS_WITH(rt.resize_workers(3),
        "bastion: resize_workers(3): there are 2: start the runtime with as many as "
        "there may ever be (config::with_workers)");
    CHECK(rt.active_workers() == 2);
}

TEST_CASE("On a manual clock rest is what the workers that are left have") {
    std::atomic<int> ticks{0};
    auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(3).with_clock(clock));
    for (int i = 0; i < 10; ++i)
        rt.spawn([&ticks](bastion::context ctx) -> bastion::process {
            for (;;) {
                co_await ctx.sleep_for(1s);
                ++ticks;
            }
        });
    int expected = 0;
    for (const std::size_t n : {3u, 1u, 2u, 1u, 3u}) {
        rt.resize_workers(n);
        clock->advance(2s);
        clock->settle();
        CHECK(ticks == (expected += 20));
    }
}

namespace {

// The workers of this program, and what watches them.
bool is_a_runtimes(const std::string& name) {
    return name == "bastion-watch" ||
           (name.starts_with("bastion-") && std::isdigit(static_cast<unsigned char>(name[8])) != 0);
}
bool is_the_watchdog(const std::string& name) { return name == "bastion-watch"; }
// Its threads whose names are so, when there are so many.
template <class Is>
std::vector<pid_t> threads_named(Is is, std::size_t n) {
    for (;; std::this_thread::yield()) {
        std::vector<pid_t> found;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
            std::ifstream name(entry.path() / "comm");
            std::string line;
            if (std::getline(name, line) && is(line)) found.push_back(std::stoi(entry.path().filename()));
        }
        if (found.size() == n) return found;
    }
}

cpu_set_t only(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    return one;
}

bool has_two_cpus() {
    return std::getenv("BASTION_WORKERS") == nullptr && bastion::topology::this_machine().workers() >= 2;
}

// Somebody in it is awake, so its watchdog looks which CPUs there are.
class watched_runtime {
    std::atomic<bool> end_{false}; // outlives the runtime

public:
    explicit watched_runtime(bastion::config c) : rt(std::move(c)) {
        rt.spawn([this](bastion::context ctx) -> bastion::process {
            while (!end_) co_await ctx.sleep_for(1ms);
        });
        watcher_ = threads_named(is_the_watchdog, 1).front();
        wait_until([this] { return sched_getaffinity(watcher_, sizeof all, &all) == 0 && CPU_COUNT(&all) > 1; });
    }
    watched_runtime(const watched_runtime&) = delete;
    watched_runtime& operator=(const watched_runtime&) = delete;
    ~watched_runtime() { end_ = true; }

    // As a cpuset that has become smaller, or larger, does to all threads.
    void may_use(const cpu_set_t& cpus) const { REQUIRE(sched_setaffinity(watcher_, sizeof cpus, &cpus) == 0); }

    bastion::runtime rt;
    cpu_set_t all{}; // what the watchdog may use at first

private:
    pid_t watcher_ = 0;
};

} // namespace

TEST_CASE("The number of workers follows the CPUs that the system grants, also of those that were wished") {
    if (!has_two_cpus()) return;
    const auto& cpus = bastion::topology::this_machine().cpus;
    const int first = cpus[0].os_index;
    const int second = cpus[1].os_index;
    auto config = bastion::config().with_signals(false);
    if (GENERATE(false, true)) config.with_cpus({first, second});
    watched_runtime w(std::move(config));
    w.may_use(only(first));
    wait_until([&] { return w.rt.active_workers() == 1; });
    w.may_use(w.all);
    wait_until([&] { return w.rt.active_workers() == w.rt.workers(); });
}

TEST_CASE("Who has said how many workers there are to be is believed, whatever the system grants from then on") {
    if (!has_two_cpus()) return;
    watched_runtime w(bastion::config().with_signals(false));
    w.may_use(only(bastion::topology::this_machine().cpus.front().os_index));
    wait_until([&] { return w.rt.active_workers() == 1; });
    w.rt.resize_workers(2);
    wait_until([&] { return w.rt.active_workers() == 2; });
}

// The watchdog's thread loses a CPU and gets it back.
TEST_CASE("a CPU comes and goes", "[.]") {
    // By the first signal, and the second; the third ends it.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    auto config = bastion::config().with_signals(false);
    if (std::getenv("GIVEN") != nullptr) config.with_workers(2);
    watched_runtime w(std::move(config));
    const cpu_set_t one = only(bastion::topology::this_machine().cpus.front().os_index);
    std::fputs("ready\n", stderr);
    int which = 0;
    for (const cpu_set_t& its : {one, w.all}) {
        sigwait(&signals, &which);
        w.may_use(its);
    }
    sigwait(&signals, &which);
    wait_until([&w] { return w.rt.active_workers() == w.rt.workers(); });
}

TEST_CASE("A line says how many workers run, or share, the CPUs that there are now") {
    if (!has_two_cpus() || bastion::topology::this_machine().workers() != 2) return;
    const bool given = GENERATE(false, true);
    child_program p("a CPU comes and goes", given ? std::vector<std::string>{"GIVEN=1"} : std::vector<std::string>{});
    REQUIRE(p.saw("ready\n"));
    p.signal(SIGUSR1);
    CHECK(p.saw(given ? "bastion: the workers may use 1 CPU now: the 2 that were asked for share it "
                        "(runtime::resize_workers makes them fewer)\n"
                      : "bastion: this process may use 1 CPU now: 1 of 2 workers run\n"));
    p.signal(SIGUSR1);
    CHECK(p.saw(given ? "bastion: the workers may use 2 CPUs now: each has one again\n"
                      : "bastion: this process may use 2 CPUs now: 2 of 2 workers run\n"));
    p.signal(SIGUSR1);
    p.finish();
    CHECK(p.code == 0);
}

TEST_CASE("A runtime that a bound thread makes has its workers on all CPUs") {
    if (!has_two_cpus()) return;
    (void)bastion::topology::this_machine(); // what this program may use
    cpu_set_t before;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    const cpu_set_t one = only(bastion::topology::this_machine().cpus.front().os_index);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    {
        bastion::runtime rt(bastion::config().with_signals(false).with_pinning(bastion::topology::pinning::never));
        const std::size_t all = rt.workers() + 1; // and the watchdog
        wait_until([&] {
            cpu_set_t its;
            for (const pid_t thread : threads_named(is_a_runtimes, all))
                if (sched_getaffinity(thread, sizeof its, &its) != 0 || CPU_EQUAL(&its, &before) == 0) return false;
            return true;
        });
    }
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}
