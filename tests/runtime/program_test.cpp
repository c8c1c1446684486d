// What ends a program, or is said on standard error: run as programs of their own (hidden test cases of this one).
#include "runtime/child.hpp"
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"
#include "support/lingering.hpp"

#include <bastion/executor/arena.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>

using namespace tree;

namespace {

int count(const std::string& text, const std::string& part) {
    int n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

} // namespace

TEST_CASE("program-destroy-inside", "[.]") {
    auto* rt = new bastion::runtime(bastion::config().with_workers(1));
    (void)rt->spawn([rt](bastion::context) -> bastion::process {
        delete rt;
        co_return;
    });
    rt->wait();
}
TEST_CASE("A runtime destroyed from inside: one clear line, then abort") {
    child_program p("program-destroy-inside");
    const auto said = p.finish();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("a runtime was destroyed from inside"));
    CHECK((p.killed_by == SIGABRT || p.code != 0));
}

TEST_CASE("program-stuck", "[.]") {
    std::atomic<bool> running{false};
    bastion::runtime rt(
        bastion::config().with_workers(2).with_kill_grace(1ms).with_on_stuck(bastion::on_stuck::exit_program));
    const auto g = rt.spawn(bastion::children().with_name("g").with_exec([&](bastion::context ctx) -> bastion::process {
        running = true;
        for (;;) std::this_thread::yield();
        co_await ctx.yield();
    }));
    while (!running) std::this_thread::yield();
    g.kill();
    rt.wait();
}
TEST_CASE("A stuck process under on_stuck::exit_program ends the program with a report") {
    child_program p("program-stuck");
    CHECK_THAT(p.finish(), BASTION_CATCH_CONTAINS("bastion: /g/0: killed; still runs after a kill: the program ends"));
    CHECK(p.code == 1);
}

TEST_CASE("program-signals", "[.]") {
    int code = 0;
    {
        bastion::runtime rt(bastion::config().with_workers(1));
        (void)rt.spawn([](bastion::context ctx) -> bastion::process {
            ctx.trap_stop();
            auto m = co_await ctx.recv();
            if (m.told<bastion::stop_request>() != nullptr) std::puts("asked to stop");
            std::fflush(stdout);
            if (std::getenv("STUBBORN") != nullptr) co_await ctx.sleep_for(1h);
        });
        struct sigaction before = {};
        sigaction(SIGTERM, nullptr, &before);
        std::jthread herald([before] {
            struct sigaction now = before;
            while (now.sa_handler == before.sa_handler) sigaction(SIGTERM, nullptr, &now);  // until wait() has them
            std::puts("ready");
            std::fflush(stdout);
        });
        code = rt.wait();
    }
    std::puts("over");
    std::fflush(stdout);
    std::_Exit(code);
}
TEST_CASE("program-two-runtimes", "[.]") {
    bastion::runtime first(bastion::config().with_workers(1));
    bastion::runtime second(bastion::config().with_workers(1));
    const pid_t here = gettid();
    struct sigaction before = {};
    sigaction(SIGTERM, nullptr, &before);
    std::atomic<pid_t> second_waiter{0};
    std::thread other([&] {
        second_waiter = gettid();
        (void)second.wait();
    });
    while (second_waiter == 0) std::this_thread::yield();
    std::thread herald([&] {
        struct sigaction now = before;
        while (now.sa_handler == before.sa_handler) sigaction(SIGTERM, nullptr, &now);  // until one of them has them
        const auto sleeps = [](pid_t thread) {
            std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
            for (std::string line; std::getline(status, line);)
                if (line.rfind("State:\tS", 0) == 0) return true;
            return false;
        };
        while (!sleeps(here) || !sleeps(second_waiter)) std::this_thread::yield();
        std::puts("ready");
        std::fflush(stdout);
    });
    (void)first.wait();
    other.join();
    herald.join();
    std::puts("both over");
    std::fflush(stdout);
    std::_Exit(0);
}
// The thread sanitizer holds a signal back until the thread leaves its raw futex call: never.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIGNALS_ARE_HELD_BACK
#endif
#endif
#if !defined(SIGNALS_ARE_HELD_BACK)
TEST_CASE("SIGINT and SIGTERM stop gracefully, a second one kills") {
    const int number = GENERATE(SIGINT, SIGTERM);
    SECTION("one") {
        child_program p("program-signals");
        REQUIRE(p.saw("ready"));
        p.signal(number);
        REQUIRE(p.saw("asked to stop"));
        CHECK_THAT(p.finish(), BASTION_CATCH_CONTAINS("over"));
        CHECK(p.code == 0);
    }
    SECTION("two") {
        child_program p("program-signals", {"STUBBORN=1", "BASTION_SHUTDOWN_MS=1000000"});
        REQUIRE(p.saw("ready"));
        p.signal(number);
        REQUIRE(p.saw("asked to stop"));
        p.signal(number);
        CHECK_THAT(p.finish(), BASTION_CATCH_CONTAINS("over"));
    }
}
TEST_CASE("A signal reaches every runtime that is waited for") {
    child_program p("program-two-runtimes");
    REQUIRE(p.saw("ready"));
    p.signal(SIGTERM);
    CHECK_THAT(p.finish(), BASTION_CATCH_CONTAINS("both over"));
    CHECK(p.code == 0);
}
#endif

namespace {
void throws() { throw std::runtime_error("out of noexcept"); }
void breaks_its_word(void (*how)()) noexcept { how(); }
} // namespace
TEST_CASE("program-terminate", "[.]") {
    const bool temporary = std::getenv("TEMPORARY") != nullptr;
    bastion::runtime rt(bastion::config().with_workers(1));
    const auto body = [](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        breaks_its_word(&throws);
    };
    if (temporary) rt.spawn(body);
    else (void)rt.spawn(bastion::children().with_name("victim").with_exec(body));
    rt.wait();
}
TEST_CASE("What ends the program inside a process names the process") {
    test::acceptance("B14");
    SECTION("in a group") {
        child_program p("program-terminate");
        CHECK_THAT(
            p.finish(), BASTION_CATCH_CONTAINS("bastion: /victim/0 (spawned at program_test.cpp:") &&
                            BASTION_CATCH_CONTAINS("): the program ends inside this process: panic: out of noexcept"));
    }
    SECTION("a temporary one") {
        child_program p("program-terminate", {"TEMPORARY=1"});
        CHECK_THAT(p.finish(), BASTION_CATCH_CONTAINS("bastion: /temporary/0 (spawned at program_test.cpp:"));
    }
}

TEST_CASE("program-abort", "[.]") {
    // On a busy machine the way to the end takes so long that the watchdog would name the process, too.
    bastion::runtime rt(bastion::config().with_workers(1).with_slice_log([](const bastion::long_slice&) {}));
    (void)rt.spawn(bastion::children().with_name("victim").with_exec([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        std::abort();
    }));
    rt.wait();
}
TEST_CASE("abort() inside a process names the process, once, and ends the program as ever") {
    child_program p("program-abort");
    const auto text = p.finish();
    CHECK(count(text, "bastion: /victim/0 (spawned at program_test.cpp:") == 1);
    CHECK_THAT(text, BASTION_CATCH_CONTAINS("): the program ends inside this process: SIGABRT: abort() was called\n"));
    CHECK(p.aborted());
}

TEST_CASE("program-log", "[.]") {
    auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(bastion::config().with_workers(1).with_signals(false).with_clock(clock));
    const auto g = rt.spawn(bastion::children()
            .with_name("g")
            .with_restart_strategy(bastion::restart_strategy::tries(49).immediate())
            .with_exec([](bastion::context ctx) -> bastion::process {
                auto m = co_await ctx.recv();
                if (m.told<die>() != nullptr) bastion::panic("oh no");
            }));
    for (int i = 0; i < 50; ++i) g[0].tell(die{"x"});
    while (g[0].alive()) std::this_thread::yield();
    clock->advance(1s);
    std::fputs("a second later\n", stderr);
}
TEST_CASE("The default log: one line that says who, why, where and what next, and a flood is summed up") {
    child_program p("program-log");
    const auto said = p.finish();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("bastion: /g/0: panic: oh no (") &&
                         BASTION_CATCH_CONTAINS("program_test.cpp:") && BASTION_CATCH_CONTAINS("handling ") &&
                         BASTION_CATCH_CONTAINS("1 message lost; restarts now"));
    // 50 reports fall into one second, or into two when it ends between them.
    const int lines = count(said, "bastion: /g/0: panic: oh no");
    CHECK(lines >= 10);
    CHECK(lines <= 20);
    const auto sum = said.find("more reports within a second were not shown");
    REQUIRE(sum != std::string::npos);
    CHECK(sum < said.find("a second later"));
}

namespace {

// From here on the system refuses that call to this program. False: it cannot.
bool forbid(unsigned call) {
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), // the number of the call
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(steps)), steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

TEST_CASE("program-unbound-memory", "[.]") {
    if (!forbid(SYS_mbind)) return std::puts("cannot forbid it"), void();
    std::size_t right = 0;
    for (const int node : {0, 1}) {
        const bastion::detail::memory_home home = bastion::detail::home_of_node(node, 0);
        auto* const piece = static_cast<char*>(bastion::detail::arena_reserve(std::size_t{1} << 20, home));
        piece[0] = piece[(1 << 20) - 1] = 'x';
        if (bastion::detail::home_of(piece) == home) ++right;
    }
    std::printf("at home: %zu of 2\n", right);
}
TEST_CASE("Where the system refuses to bind memory it lies where it is first touched, and one line says so") {
    child_program p("program-unbound-memory");
    const auto said = p.finish();
    if (count(said, "cannot forbid it") != 0) return;
    CHECK(count(said, "memory cannot be bound to NUMA node 0: it lies where it is first touched") == 1);
    CHECK(count(said, "at home: 2 of 2") == 1);
    CHECK(p.code == 0);
}

TEST_CASE("program-lingers-without-membarrier", "[.]") {
    if (!forbid(SYS_membarrier)) return std::puts("cannot forbid it"), void();
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(2).with_slice_limits(1ms, 1h).with_slice_log(
        [](const bastion::long_slice&) {}));
    test::keeper_and_patient two(rt);
    two.tell_patient();
    two.tell_patient();
    std::printf("heard: %d\n", two.heard.load());
    two.held.open();
    rt.stop();
    CHECK(rt.wait() == 0);
}
TEST_CASE("Without membarrier who lingers is found all the same") {
    child_program p("program-lingers-without-membarrier");
    const auto said = p.finish();
    CHECK(p.code == 0);
    if (count(said, "cannot forbid it") != 0) return;
    CHECK(count(said, "heard: 2") == 1);
}

TEST_CASE("program-without-membarrier", "[.]") {
    if (!forbid(SYS_membarrier)) return std::puts("cannot forbid it"), void();
    try {
        bastion::runtime refused(bastion::config().with_on_stuck(bastion::on_stuck::abandon_worker));
    } catch (const bastion::bad_config& e) { std::puts(e.what()); }
    std::atomic<bool> said{false};
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(1).with_slice_limits(1ms, 1h).with_slice_log(
        [&](const bastion::long_slice& slice) {
            std::printf("replaced: %d, named: %d\n", slice.replaced, !slice.process.empty());
            said = true;
        }));
    const auto held = rt.spawn([&](bastion::context) -> bastion::process {
        while (!said) std::this_thread::yield();
        co_return;
    });
    while (held.alive()) std::this_thread::yield();
    rt.stop();
    CHECK(rt.wait() == 0);
}

TEST_CASE("Without membarrier nobody is given up, which is said at once, and workers that do not come back are "
          "replaced all the same") {
    child_program program("program-without-membarrier");
    const std::string output = program.finish();
    INFO(output);
    CHECK(program.code == 0);
    if (output.find("cannot forbid it") != std::string::npos) return;
    CHECK(output.find("on_stuck::abandon_worker needs the system call membarrier") != std::string::npos);
    CHECK(output.find("replaced: 1, named: 0") != std::string::npos);
}
