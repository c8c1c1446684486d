// The runtime as an object: start, stop, codes, rt.run, two at once, wrong use.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

#include <bastion/topology/cpu_list.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <set>
#include <thread>

using namespace tree;

namespace {

bastion::config quiet(std::size_t workers = 2) {
    return bastion::config().with_workers(workers).with_signals(false).with_log([](const bastion::log_record&) {});
}

bastion::task<int> half(int n) {
    if (n % 2 != 0) throw std::invalid_argument("odd");
    co_return n / 2;
}
bastion::task<void> nothing() { co_return; }

// Notes which thread it ends on.
struct ends_here {
    explicit ends_here(std::thread::id& at) noexcept : at_(&at) {}
    ends_here(const ends_here&) noexcept = default;
    ~ends_here() { *at_ = std::this_thread::get_id(); }

private:
    std::thread::id* at_;
};
template <class T>
bastion::task<T> fails(std::thread::id& at) {
    co_await nothing();
    throw ends_here(at);
}
template <class T>
bastion::task<int> passes_on(std::thread::id& at) {
    (void)co_await fails<T>(at);
    co_return 1;
}
bastion::task<int> for_ever() {
    co_await bastion::sleep_wait(1h);
    co_return 1;
}

// The CPUs that the calling thread may run on, by the system's numbers.
std::vector<int> allowed() {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
    std::vector<int> all;
    for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(static_cast<std::size_t>(i), &mask)) all.push_back(i);
    return all;
}
// What the workers may use, of those that get one of these tasks.
std::vector<int> workers_may_use(bastion::runtime& rt) {
    std::set<int> all;
    for (int i = 0; i < 20; ++i) {
        const auto here = rt.run([]() -> bastion::task<std::vector<int>> { co_return allowed(); }());
        all.insert(here.begin(), here.end());
    }
    return {all.begin(), all.end()};
}

struct sum {
    using answer_type = int;
    int a, b;
};
bastion::process adder(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<sum>()) q.reply(q->a + q->b);
    }
}

std::set<std::string> threads() {
    std::set<std::string> all;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) all.insert(task.path().filename());
    return all;
}

// What the kernel says in its line `key` about each thread of this program but those.
std::vector<std::string> status_of(const std::set<std::string>& but, const std::string& key) {
    std::vector<std::string> all;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        if (but.count(task.path().filename()) != 0) continue;
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);)
            if (line.rfind(key + ":\t", 0) == 0) all.push_back(line.substr(key.size() + 2));
    }
    return all;
}

std::uint64_t voluntary_switches(const std::set<std::string>& but) {
    std::uint64_t all = 0;
    for (const std::string& n : status_of(but, "voluntary_ctxt_switches")) all += std::stoull(n);
    return all;
}

bool all_sleep(const std::set<std::string>& but) {
    const auto states = status_of(but, "State");
    return std::all_of(states.begin(), states.end(), [](const std::string& s) { return s.front() == 'S'; });
}

} // namespace

TEST_CASE("stop(code): the first call decides, wait returns it") {
    bastion::runtime rt(quiet());
    rt.stop(7);
    rt.stop(8);
    CHECK(rt.wait() == 7);
    CHECK(rt.wait() == 7);
    CHECK_THROWS_AS(rt.spawn(adder), bastion::usage_error);
    CHECK_THROWS_AS(rt.spawn(bastion::children().with_exec(adder)), bastion::usage_error);
    CHECK_THROWS_AS(rt.run(nothing()), bastion::usage_error);
}

TEST_CASE("kill ends processes that do not listen") {
    bastion::runtime rt(quiet());
    (void)rt.spawn([](bastion::context ctx) -> bastion::process { co_await ctx.sleep_for(1h); });
    rt.kill(3);
    CHECK(rt.wait() == 3);
}

TEST_CASE("rt.run waits for answers, tasks and starts") {
    bastion::runtime rt(quiet());
    const auto a = rt.spawn(adder);
    auto r = rt.run(a.ask(sum{1, 2}));
    REQUIRE(r);
    CHECK(*r == 3);
    CHECK(rt.run(half(8)) == 4);
    rt.run(nothing());
    CHECK_THROWS_WITH(rt.run(half(7)), "odd");
    auto s = rt.run(a.started());
    CHECK(s.has_value());
    auto late = rt.run(rt.spawn([](bastion::context ctx) -> bastion::process { (void)co_await ctx.recv<double>(); })
            .ask(sum{1, 2})
            .within(1ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == bastion::errc::timeout);
}

TEMPLATE_TEST_CASE("What rt.run rethrows is the caller's alone, and ends on its thread", "", void, int&, std::string) {
    std::thread::id at;
    bastion::runtime rt(quiet());
    for (int i = 0; i < 300; ++i) {
        at = std::thread::id();
        CHECK_THROWS_AS(rt.run(passes_on<TestType>(at)), ends_here);
        REQUIRE(at == std::this_thread::get_id());
    }
    at = std::thread::id();
    CHECK_THROWS_AS(rt.run(fails<std::remove_reference_t<TestType>>(at)), ends_here);
    CHECK(at == std::this_thread::get_id());
}

TEST_CASE("rt.run(task) ends with an error when the runtime stops first") {
    bastion::runtime rt(quiet());
    std::jthread stopper([&] { rt.kill(); });
    CHECK_THROWS_AS(rt.run(for_ever()), bastion::usage_error);
}

TEST_CASE("Waiting on a worker thread is a usage error") {
    bastion::runtime rt(quiet());
    std::atomic<int> errors{0};
    const auto a = rt.spawn(adder);
    auto count = [&](auto f) {
        try {
            f();
        } catch (const bastion::usage_error&) { ++errors; }
    };
    (void)rt.spawn([&](bastion::context ctx) -> bastion::process {
        count([&] { (void)rt.run(a.ask(sum{1, 2})); });
        count([&] { (void)rt.run(half(2)); });
        count([&] { (void)rt.run(a.started()); });
        count([&] { (void)rt.wait(); });
        ctx.runtime().stop();
        co_return;
    });
    rt.wait();
    CHECK(errors == 4);
}

TEST_CASE("A process that moves its own manual clock is told so") {
    const auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(quiet().with_clock(clock));
    std::atomic<int> errors{0};
    (void)rt.spawn([&](bastion::context) -> bastion::process {
        try {
            clock->advance(1s);
        } catch (const bastion::usage_error&) { ++errors; }
        try {
            clock->settle();
        } catch (const bastion::usage_error&) { ++errors; }
        co_return;
    });
    clock->settle();
    CHECK(errors == 2);
    CHECK(clock->now() == 0s);
}

TEST_CASE("Two runtimes, and plain threads use the refs of a destroyed one") {
    test::acceptance("B11");
    bastion::runtime other(quiet());
    const auto alive = other.spawn(adder);
    bastion::child_ref child;
    bastion::children_ref group;
    bastion::supervisor_ref sup;
    {
        bastion::runtime rt(quiet());
        sup = rt.spawn(bastion::supervisor().with_name("s"));
        group = sup.spawn(bastion::children().with_redundancy(2).with_exec(adder));
        child = rt.spawn(adder);
        auto r = rt.run(child.ask(sum{1, 2}));
        CHECK(r.has_value());
    }
    auto use = [&] {
        CHECK(child.tell(1) == bastion::delivery::noproc);
        CHECK(group.broadcast(1) == 0);
        sup.broadcast(1);
        child.stop();
        child.kill();
        group.stop();
        sup.kill();
        CHECK_FALSE(child.alive());
        CHECK_FALSE(sup.spawn(adder).alive());
        CHECK_FALSE(sup.spawn(bastion::children().with_exec(adder)).alive());
        CHECK_FALSE(sup.spawn(bastion::supervisor()).alive());
    };
    use();
    auto asked = other.run(child.ask(sum{1, 2}));
    REQUIRE_FALSE(asked);
    CHECK(asked.error().code() == bastion::errc::noproc);
    for (auto started : {other.run(child.started()), other.run(group.started()), other.run(sup.started())}) {
        REQUIRE_FALSE(started);
        CHECK(started.error().code() == bastion::errc::noproc);
    }
    // From a process of another runtime, too, which can monitor it.
    std::atomic<bool> noproc{false};
    const auto p = other.spawn([&](bastion::context ctx) -> bastion::process {
        const auto handle = ctx.monitor(child);
        auto d = co_await ctx.recv<bastion::down>();
        noproc = d.reason().kind() == bastion::exit_kind::noproc;
        use();
    });
    while (p.alive()) std::this_thread::yield();
    CHECK(noproc);
    // And a third runtime may use the same memory.
    bastion::runtime third(quiet());
    (void)third.spawn(adder);
    use();
    auto works = other.run(alive.ask(sum{2, 2}));
    CHECK(works.has_value());
}

TEST_CASE("Messages cross between two runtimes") {
    test::acceptance("B11");
    bastion::runtime a(quiet()), b(quiet());
    const auto in_a = a.spawn(adder);
    std::atomic<int> got{0};
    const auto in_b = b.spawn([&](bastion::context) -> bastion::process {
        auto answer = co_await in_a.ask(sum{20, 22});
        if (answer) got = *answer;
    });
    while (in_b.alive()) std::this_thread::yield();
    CHECK(got == 42);
}

TEST_CASE("Dead letters: counted and told to subscribers") {
    world w;
    std::vector<std::string> seen;
    const auto subscriber = w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto d = co_await ctx.recv<bastion::dead_letter>();
            seen.push_back(d.type);
        }
    });
    w.rt.subscribe_dead_letters(subscriber);
    const auto gone = w.rt.spawn(element(w.events, "a"));
    w.settle();
    gone.stop();
    w.settle();
    (void)gone.tell(42);
    w.settle();
    CHECK(seen == std::vector<std::string>{"int"});
    CHECK(w.rt.dead_letters() == 1);
    subscriber.stop();
    w.settle();
    (void)gone.tell(42);
    CHECK(w.rt.dead_letters() == 2);
}

TEST_CASE("Free functions need a runtime here, and inside a process they use its own") {
    CHECK_THROWS_AS(bastion::spawn(adder), bastion::usage_error);
    CHECK_THROWS_AS(bastion::stop(), bastion::usage_error);
    bastion::runtime other(quiet());
    bastion::runtime rt(quiet());
    (void)rt.spawn([](bastion::context) -> bastion::process {
        (void)bastion::spawn([](bastion::context) -> bastion::process {
            bastion::stop(5);
            co_return;
        });
        co_return;
    });
    CHECK(rt.wait() == 5);
    CHECK_NOTHROW(other.spawn(adder));
}

TEST_CASE("Workers run only on the CPUs that they are given, and blocking functions on all") {
    const std::vector<int> all = allowed(); // of a plain thread
    const std::vector<int> last{all.back()};
    {
        bastion::runtime rt(bastion::config().with_cpus(last).with_signals(false));
        CHECK(rt.workers() == 1);
        CHECK(workers_may_use(rt) == last);
        const auto blocking =
            rt.run([]() -> bastion::task<std::vector<int>> { co_return co_await bastion::blocking(&allowed); }());
        CHECK(blocking == all);
    }
    {
        bastion::runtime rt(bastion::config().with_cpus(last).with_workers(3).with_signals(false));
        CHECK(workers_may_use(rt) == last);
    }
    {
        using bastion::topology::pinning;
        bastion::runtime rt(bastion::config().with_pinning(pinning::never).with_signals(false));
        CHECK(workers_may_use(rt) == all);
        CHECK(rt.workers() == static_cast<std::size_t>(bastion::topology::this_machine().workers()));
    }
    if (all.size() < 2) return; // no core can be left free
    bastion::runtime rt(bastion::config().with_cores_left_free(1).with_signals(false));
    const auto used = workers_may_use(rt);
    CHECK(used.size() < all.size());
    // A second runtime takes what the first has left.
    using bastion::topology::pinning;
    bastion::runtime second(bastion::config().with_workers(1).with_pinning(pinning::always).with_signals(false));
    for (const int cpu : workers_may_use(second)) CHECK(std::find(used.begin(), used.end(), cpu) == used.end());
}

TEST_CASE("Zero or too many workers and other senseless settings are refused by name") {
    auto refused = [](bastion::config c) { bastion::runtime rt(std::move(c)); };
    CHECK_THROWS_WITH(refused(bastion::config().with_workers(0)), BASTION_CATCH_CONTAINS("with_workers(0)"));
    CHECK_THROWS_WITH(refused(bastion::config().with_workers(2000)), BASTION_CATCH_CONTAINS("at most 1024"));
    const auto wrong = [&refused](bastion::config c, const std::string& why) {
        CHECK_THROWS_WITH(refused(c), BASTION_CATCH_CONTAINS("bastion: " + why));
        CHECK_THROWS_AS(refused(c), bastion::bad_config);
    };
    wrong(bastion::config().with_workers_per_node(0), "with_workers_per_node(0)");
    wrong(bastion::config().with_cpus({}), "with_cpus: no CPU is named");
    wrong(bastion::config().with_cpus({100'000}), "with_cpus: there is no CPU 100000: this process may use the CPU");
    wrong(
        bastion::config().with_workers_per_node(1000), "with_workers_per_node: 1000 workers on each node: node 0 has ");
    wrong(bastion::config().with_cores_left_free(1000), "with_cores_left_free: 1000 cores left free of the ");
    wrong(
        bastion::config().with_workers(1).with_workers_per_node(1), "with_workers_per_node: a number of workers, and");
    wrong(bastion::config().with_workers(1000).with_pinning(bastion::topology::pinning::always),
        "with_pinning: 1000 workers, each on a CPU of its own: they may have ");
    CHECK_THROWS_WITH(
        bastion::config().with_machine("nonsense"), BASTION_CATCH_CONTAINS("\"nonsense\" is no synthetic"));
    CHECK_THROWS_AS(bastion::config().with_machine("nonsense"), bastion::bad_config);
    CHECK_THROWS_WITH(refused(bastion::config().with_budget(0)), BASTION_CATCH_CONTAINS("with_budget"));
    CHECK_THROWS_WITH(refused(bastion::config().with_blocking_threads(0)),
        BASTION_CATCH_CONTAINS("with_blocking_threads(0): expected a number from 1 to 65536"));
    CHECK_THROWS_WITH(
        refused(bastion::config().with_blocking_idle(-1ms)), BASTION_CATCH_CONTAINS("with_blocking_idle"));
}

TEST_CASE("The environment overrides the program, and what it does not know is an error") {
    struct variable {
        variable(const char* n, const char* v) : name(n) { setenv(n, v, 1); }
        ~variable() { unsetenv(name); }
        const char* name;
    };
    auto make = [] { bastion::runtime rt(quiet(2)); };
    {
        const variable v("BASTION_WORKERS", "3");
        bastion::runtime rt(quiet(1));
        CHECK(rt.workers() == 3);
    }
    for (const char* known : {"BASTION_SEED", "BASTION_BUDGET", "BASTION_ASK_TIMEOUT_MS", "BASTION_START_TIMEOUT_MS",
             "BASTION_SHUTDOWN_MS", "BASTION_KILL_GRACE_MS", "BASTION_SIGNALS", "BASTION_LOG",
             "BASTION_BLOCKING_THREADS", "BASTION_BLOCKING_IDLE_MS"}) {
        INFO(known);
        {
            const variable v(known, "1");
            CHECK_NOTHROW(make());
        }
        const variable v(known, "many");
        CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS(std::string(known) + "=many"));
    }
    {
        const variable v("BASTION_WORKERS_PER_NODE", "1");
        bastion::runtime rt(quiet(5));
        CHECK(rt.workers() < 5);
    }
    {
        const variable v("BASTION_MACHINE", "numa:4 core:1 pu:1");
        bastion::runtime rt(bastion::config().with_signals(false));
        CHECK(rt.workers() == 4);
        CHECK(workers_may_use(rt) == allowed());
    }
    {
        const variable v("BASTION_CPUS", "3-1");
        CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS("BASTION_CPUS=3-1: \"3-1\" is no CPU and no range of them"));
    }
    {
        const auto cpu = std::to_string(allowed().back());
        const variable v("BASTION_CPUS", cpu.c_str());
        bastion::runtime rt(bastion::config().with_signals(false));
        CHECK(rt.workers() == 1);
        CHECK(bastion::topology::to_list(workers_may_use(rt)) == cpu);
    }
    for (const auto& [known, right, wrong] : {std::array{"BASTION_WORKERS_PER_NODE", "1", "0"},
             std::array{"BASTION_CORES_LEFT_FREE", "0", "-1"}, std::array{"BASTION_SPARE_SMT", "1", "yes"},
             std::array{"BASTION_PINNING", "never", "sometimes"}, std::array{"BASTION_PAGES_GIVEN_BACK", "0", "2"}}) {
        INFO(known);
        {
            const variable v(known, right);
            CHECK_NOTHROW(make());
        }
        const variable v(known, wrong);
        CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS(std::string(known) + "=" + wrong));
        CHECK_THROWS_AS(make(), bastion::bad_config);
    }
    {
        const variable v("BASTION_ON_STUCK", "exit_program");
        CHECK_NOTHROW(make());
    }
    {
        const variable v("BASTION_ON_STUCK", "panic");
        CHECK_THROWS_AS(make(), bastion::bad_config);
    }
    const variable v("BASTION_WORKRES", "3");
    CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS("unknown environment variable BASTION_WORKRES"));
}

TEST_CASE("Hardware faults need a program that was built for them") {
    const auto make = [] { bastion::runtime rt(quiet(1).with_hardware_faults(true)); };
    CHECK_THROWS_AS(make(), bastion::bad_config);
    CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS("bastion: hardware faults are not available: "));
}

TEST_CASE("A log hook that throws is used no more") {
    int calls = 0;
    bastion::runtime rt(bastion::config().with_workers(1).with_signals(false).with_log([&](const bastion::log_record&) {
        ++calls;
        throw std::runtime_error("hook");
    }));
    const auto a = rt.spawn([](bastion::context) -> bastion::process {
        bastion::panic("expected");
        co_return;
    });
    while (a.alive()) std::this_thread::yield();
    rt.stop();
    CHECK(rt.wait() == 0);
    CHECK(calls == 1);
}

TEST_CASE("An idle runtime makes no context switch within a second") {
    std::thread([] {}).join();  // a sanitizer starts its own thread with the first
    const auto others = threads();
    bastion::runtime rt(quiet(2));
    (void)rt.spawn(bastion::children().with_redundancy(100).with_exec(adder));
    auto r = rt.run(rt.spawn(adder).ask(sum{1, 2}));
    CHECK(r.has_value());
    while (!all_sleep(others)) std::this_thread::yield();  // searchers fall asleep
    std::this_thread::sleep_for(100ms); // and two looks after them the watchdog, which nothing shows from outside
    const auto before = voluntary_switches(others);
    std::this_thread::sleep_for(1s);
    CHECK(voluntary_switches(others) == before);
}
