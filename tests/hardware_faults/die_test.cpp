// What ends the program also where hardware faults are available, and what is said before. And where they are not.
#include "hardware_faults/faults.hpp"
#include "runtime/child.hpp"

#include <cstdlib>
#include <cstring>

using namespace faults;

#if BASTION_CAN_THROW_FAULTS

namespace {

void breaks_its_word(std::atomic<int>& alive) noexcept { (void)follow(alive); }

struct faults_at_its_end {
    std::atomic<int>& alive;
    ~faults_at_its_end() noexcept(false) { (void)follow(alive); }
};

// The depth depends on what the compiler does not know.
[[gnu::noinline]] int without_end(volatile char* above) { // NOLINT(misc-no-recursion)
    volatile char here[512];
    here[0] = above != nullptr ? above[0] : char(1);
    return here[0] == 0 ? 0 : without_end(here) + here[0];
}

const char* volatile no_text = nullptr;

void run_one(bastion::process (*body)(bastion::context)) {
    alarm(60); // for whom it survives
    ledger l;
    bastion::runtime rt(with_faults(l, 1));
    (void)rt.spawn(bastion::children().with_name("victim").with_exec(body));
    rt.wait();
}

std::atomic<int> alive_here{0};

} // namespace

TEST_CASE("program-fault-noexcept", "[.]") {
    run_one([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        breaks_its_word(alive_here);
    });
}
TEST_CASE("program-fault-unwinding", "[.]") {
    run_one([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        const faults_at_its_end f{alive_here};
        bastion::panic("first");
    });
}
TEST_CASE("program-fault-overflow", "[.]") {
    run_one([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        std::printf("%d\n", without_end(nullptr));
    });
}
TEST_CASE("program-fault-elsewhere", "[.]") {
    run_one([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        std::printf("%d\n", std::memcmp(no_text, "a text that is long enough to be compared by a call", 50));
    });
}
TEST_CASE("program-fault-plain-thread", "[.]") {
    ledger l;
    const bastion::runtime rt(with_faults(l, 1));
    std::thread([&l] { (void)follow(l.alive); }).join();
}
TEST_CASE("program-fault-other-runtime", "[.]") {
    ledger l;
    const bastion::runtime asked(with_faults(l, 1));
    bastion::runtime other(bastion::config().with_workers(1));
    (void)other.spawn(bastion::children().with_name("other").with_exec([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        (void)follow(alive_here);
    }));
    other.wait();
}
TEST_CASE("program-fault-sent", "[.]") {
    run_one([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        (void)raise(SIGSEGV);
    });
}
TEST_CASE("program-fault-log", "[.]") {
    bastion::runtime rt(bastion::config().with_workers(1).with_hardware_faults(true).with_log(
        [](const bastion::log_record&) { (void)follow(alive_here); }));
    (void)rt.spawn(bastion::children().with_name("victim").with_exec([](bastion::context ctx) -> bastion::process {
        co_await ctx.yield();
        bastion::panic("for the log");
    }));
    rt.wait();
}

TEST_CASE("What cannot become a panic ends the program, and says why") {
    struct row {
        const char* program;
        const char* who;
        const char* what;
        int signal;
    };
    // What is thrown out of noexcept ends by std::terminate, everything else by the signal itself.
    const row r = GENERATE(row{"program-fault-noexcept", "bastion: /victim/0 (spawned at die_test.cpp:",
                               "): the program ends inside this process: panic: SIGSEGV at address 0x0", SIGABRT},
        row{"program-fault-unwinding", "bastion: /victim/0 (spawned at die_test.cpp:",
            "): the program ends inside this process: SIGSEGV at address 0x0: while an exception unwinds", SIGSEGV},
        row{"program-fault-overflow", "bastion: /victim/0 (spawned at die_test.cpp:", ": stack overflow\n", SIGSEGV},
        row{"program-fault-elsewhere", "bastion: /victim/0 (spawned at die_test.cpp:",
            "SIGSEGV at address 0x0: in code that was not built for hardware faults\n", SIGSEGV},
        row{"program-fault-plain-thread", "bastion: the program ends: SIGSEGV at address 0x0",
            ": on a thread that is no worker with hardware faults\n", SIGSEGV},
        row{"program-fault-other-runtime", "bastion: /other/0 (spawned at die_test.cpp:",
            ": on a thread that is no worker with hardware faults\n", SIGSEGV},
        row{"program-fault-sent", "bastion: /victim/0 (spawned at die_test.cpp:",
            "SIGSEGV at an unknown address: sent from outside\n", SIGSEGV},
        row{"program-fault-log", "bastion: a system process /victim", "SIGSEGV at address 0x0: in supervision itself\n",
            SIGSEGV});
    INFO(r.program);
    child_program p(r.program);
    const auto said = p.finish();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS(r.who) && BASTION_CATCH_CONTAINS(r.what));
    CHECK(p.killed_by == r.signal);
}

#else

TEST_CASE("Where hardware faults are not available the runtime says so in one sentence") {
    ledger l;
    const auto make = [&l] { const bastion::runtime rt(with_faults(l)); };
    CHECK_THROWS_AS(make(), bastion::bad_config);
    CHECK_THROWS_WITH(make(), BASTION_CATCH_CONTAINS("bastion: hardware faults are not available: "));
    setenv("BASTION_HARDWARE_FAULTS", "1", 1);
    CHECK_THROWS_AS(bastion::runtime(bastion::config().with_workers(1)), bastion::bad_config);
    setenv("BASTION_HARDWARE_FAULTS", "0", 1); // the environment has the last word
    CHECK_NOTHROW(make());
    unsetenv("BASTION_HARDWARE_FAULTS");
}

#endif
