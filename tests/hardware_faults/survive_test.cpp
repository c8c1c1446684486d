// Where faults of the processor are available: they are panics of the process, counted to the last one.
#include "hardware_faults/faults.hpp"

#include <bastion/process/control_block.hpp>
#include <bastion/testing/simulation.hpp>

#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

#if BASTION_CAN_THROW_FAULTS

using namespace faults;

namespace {

bastion::task<int> deep(int levels, ledger& l) {
    const counted c(l.alive);
    if (levels == 0) co_return commit(l.number, l.alive);
    const int below = co_await deep(levels - 1, l);
    co_return below + 1;
}

struct state {
    ledger& l;
    const counted here{l.alive};
    explicit state(ledger& to) : l(to) { ++l.begun; }
};

} // namespace

TEST_CASE("A thousand faults of a process under supervision: each ends and restarts it, nothing is lost or left over") {
    const std::uint64_t blocks = bastion::detail::live_blocks();
    ledger l;
    l.number = GENERATE(SIGSEGV, SIGFPE);
    {
        bastion::runtime rt(with_faults(l));
        const auto g = rt.spawn(bastion::children().with_name("g").with_restart_strategy(at_once()).with_exec(
            [&l](bastion::context ctx) -> bastion::process {
                const counted c(l.alive);
                ++l.begun;
                for (;;) {
                    auto m = co_await ctx.recv();
                    if (m.told<fail>() != nullptr) commit(l.number, l.alive);
                    if (auto q = m.asked<how_many>()) q.reply(ctx.incarnation());
                }
            }));
        for (int i = 0; i < 1000; ++i) g[0].tell(fail{});
        until([&] { return l.begun == 1001; });
        auto answer = rt.run(g[0].ask(how_many{}));
        REQUIRE(answer);
        CHECK(*answer == 1000);
    }
    CHECK(l.begun == 1001);
    CHECK(l.reported == 1000);
    CHECK(l.strange == 0);
    CHECK(l.alive == 0);
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("Faults in a handler, in an awaited task, in a forked task: a hundred of each") {
    ledger l;
    l.number = GENERATE(SIGSEGV, SIGFPE);
    const int where = GENERATE(0, 1, 2);
    {
        bastion::runtime rt(with_faults(l));
        auto spec = bastion::children().with_name("g").with_restart_strategy(at_once());
        if (where == 0)
            spec = std::move(spec).with_handlers(bastion::on_tell([&l](fail) {
                const counted c(l.alive);
                ++l.begun;
                commit(l.number, l.alive);
            }));
        if (where == 1)
            spec = std::move(spec).with_exec([&l](bastion::context ctx) -> bastion::process {
                const counted c(l.alive);
                auto m = co_await ctx.recv();
                ++l.begun;
                (void)co_await deep(20, l);
            });
        if (where == 2)
            spec = std::move(spec).with_exec([&l](bastion::context ctx) -> bastion::process {
                const counted c(l.alive);
                auto m = co_await ctx.recv();
                ++l.begun;
                bastion::scope s;
                auto first = s.fork(deep(3, l));
                auto second = s.fork(deep(0, l));
                co_await s.join();
            });
        const auto g = rt.spawn(std::move(spec));
        for (int i = 0; i < 100; ++i) g[0].tell(fail{});
        until([&] { return l.reported + l.strange == 100; });
    }
    CHECK(l.begun == 100);
    CHECK(l.reported == 100);
    CHECK(l.strange == 0);
    CHECK(l.alive == 0);
}

TEST_CASE("A fault in a callback is a fault of its element") {
    ledger l;
    std::atomic<int> calls{0};
    {
        bastion::runtime rt(with_faults(l));
        const auto g = rt.spawn(bastion::children()
                .with_name("g")
                .with_restart_strategy(at_once())
                .with_callbacks(bastion::callbacks().before_restart([&](const bastion::event&) {
                    if (++calls <= 3) follow(l.alive);
                }))
                .with_exec([&l](bastion::context ctx) -> bastion::process {
                    ++l.begun;
                    auto m = co_await ctx.recv();
                    follow(l.alive);
                }));
        g[0].tell(fail{});
        until([&] { return l.begun == 2; });
    }
    CHECK(calls == 4);
    CHECK(l.reported == 4);
    CHECK(l.strange == 0);
    CHECK(l.alive == 0);
}

TEST_CASE("An asker and a monitor hear of a fault, and a body may catch it") {
    ledger l;
    std::atomic<int> caught{0};
    bastion::runtime rt(with_faults(l, 1));
    const auto victim = rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto m = co_await ctx.recv();
        try {
            (void)follow(l.alive);
        } catch (const bastion::hardware_fault& f) {
            if (f.signal() == SIGSEGV && f.address() == nullptr) ++caught;
        }
        auto q = m.asked<how_many>();
        q.reply(divide(l.alive));
    });
    auto answer = rt.run(victim.ask(how_many{}));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().reason().type() == "bastion::hardware_fault");
    CHECK(caught == 1);
}

TEST_CASE("A page that is gone: the address is told") {
    ledger l;
    bastion::runtime rt(with_faults(l));
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    auto* const gone = static_cast<char*>(mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const auto victim = rt.spawn([gone](bastion::context ctx) -> bastion::process {
        auto m = co_await ctx.recv();
        auto q = m.asked<how_many>();
        *const_cast<volatile char*>(gone + 16) = 1;
        q.reply(0);
    });
    auto answer = rt.run(victim.ask(how_many{}));
    REQUIRE_FALSE(answer);
    std::ostringstream expected;
    expected << "SIGSEGV at address " << static_cast<void*>(gone + 16);
    CHECK(answer.error().reason().text() == expected.str());
    munmap(gone, page);
}

TEST_CASE("The rounding of floating point outlives a fault") {
    ledger l;
    std::atomic<bool> kept{false};
    bastion::runtime rt(with_faults(l, 1));
    (void)rt.run([](ledger& to, std::atomic<bool>& same) -> bastion::task<void> {
        const unsigned before = __builtin_ia32_stmxcsr();
        __builtin_ia32_ldmxcsr(before | 0x6000); // towards zero
        try {
            (void)follow(to.alive);
        } catch (const bastion::hardware_fault&) { same = (__builtin_ia32_stmxcsr() & 0x6000) == 0x6000; }
        __builtin_ia32_ldmxcsr(before);
        co_return;
    }(l, kept));
    CHECK(kept);
}

namespace {
void earlier_handler(int) {}
} // namespace

TEST_CASE("The handlers that were there before are back when the last runtime that asked has ended") {
    struct sigaction mine = {};
    mine.sa_handler = &earlier_handler;
    struct sigaction before = {};
    sigaction(SIGFPE, &mine, &before);
    const auto installed = [] {
        struct sigaction now = {};
        sigaction(SIGFPE, nullptr, &now);
        return now.sa_handler == &earlier_handler;
    };
    {
        ledger l;
        bastion::runtime none(bastion::config().with_workers(1));
        CHECK(installed());
        bastion::runtime first(with_faults(l, 1));
        {
            bastion::runtime second(with_faults(l, 1));
            CHECK_FALSE(installed());
        }
        CHECK_FALSE(installed());
    }
    CHECK(installed());
    sigaction(SIGFPE, &before, nullptr);
}

TEST_CASE("A simulation may have them, too") {
    ledger l;
    bastion::testing::simulation sim(1);
    auto& rt = sim.runtime(sim.runtime_config().with_hardware_faults(true));
    const auto g = rt.spawn(
        bastion::children().with_restart_strategy(at_once()).with_exec([&l](bastion::context ctx) -> bastion::process {
            const counted c(l.alive);
            auto m = co_await ctx.recv();
            follow(l.alive);
        }));
    for (int i = 0; i < 10; ++i) {
        g[0].tell(fail{});
        l.note(sim.expect_exit(g[0]));
    }
    CHECK(l.reported == 10);
    CHECK(l.strange == 0);
    CHECK(l.alive == 1);
}

#endif
