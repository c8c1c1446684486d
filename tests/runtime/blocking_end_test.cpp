// The end of a runtime while blocking functions run: it waits, and says for whom.
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/questions.hpp"

#include <atomic>
#include <string>

namespace {

using test::door;
using test::wait_until;

// Deadlines of a millisecond, and a log that opens the door once a function was named.
config impatient(test::journal& log, door& d) {
    return config().with_workers(1).with_signals(false).with_shutdown_timeout(1ms).with_kill_grace(1ms).with_log(
        [&log, &d](const log_record& r) {
            log(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
            if (r.next.find("a blocking function") != std::string_view::npos) d.open();
        });
}

} // namespace

TEST_CASE("A runtime that stops waits for a blocking function, and names the process that waits for it") {
    test::journal log;
    door d;
    std::atomic<bool> ended{false};
    {
        runtime rt(impatient(log, d));
        const auto group = rt.spawn(children().with_name("readers").with_exec([&](context) -> process {
            co_await blocking([&] {
                d.pass();
                ended = true;
            });
        }));
        d.wait_for(1);
    }
    REQUIRE(ended);
    const std::string said = log.take();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("/readers/0: killed; waits after a kill for a blocking function "
                                            "(blocking_end_test.cpp:"));
    CHECK_THAT(said, BASTION_CATCH_CONTAINS(") that has run for "));
    CHECK_THAT(said, BASTION_CATCH_CONTAINS(": waiting"));
}

TEST_CASE("A runtime that stops names all functions that run, also those whose turn to stop has not come") {
    test::journal log;
    door d;
    {
        // The first to be killed is named; then all that also run. The door opens when all three were.
        std::atomic<int> named{0};
        runtime rt(impatient(log, d).with_log([&](const log_record& r) {
            log(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
            if (r.next.find("a blocking function") != std::string_view::npos && ++named == 3) d.open();
        }));
        for (const char* name : {"a", "b", "c"})
            rt.spawn(children().with_name(name).with_exec(
                [&](context) -> process { co_await blocking([&] { d.pass(); }); }));
        d.wait_for(3);
    }
    const std::string said = log.take();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("/c/0: killed; waits after a kill for a blocking function "));
    const std::string others = "/: stopped; also waits for a blocking function (blocking_end_test.cpp:";
    const auto first = said.find(others);
    REQUIRE(first != std::string::npos);
    CHECK(said.find(others, first + 1) != std::string::npos);
}

TEST_CASE("A runtime that stops waits for functions that were left behind, and names who left them") {
    test::journal log;
    door d;
    std::atomic<bool> ended{false};
    {
        runtime rt(impatient(log, d));
        const auto p = rt.spawn([&](context) -> process {
            co_await blocking_detached([&] {
                d.pass();
                ended = true;
            });
        });
        d.wait_for(1);
        p.kill();
        wait_until([&] { return !p.alive(); });
        REQUIRE(rt.blocking_counters().running == 1);
    }
    REQUIRE(ended);
    const std::string said = log.take();
    CHECK_THAT(said, BASTION_CATCH_CONTAINS(" (spawned at blocking_end_test.cpp:"));
    CHECK_THAT(said, BASTION_CATCH_CONTAINS("stopped; left a blocking function (blocking_end_test.cpp:"));
}

TEST_CASE("A runtime that stops says nothing about functions that end in time") {
    test::journal log;
    door d;
    std::atomic<int> ended{0};
    {
        runtime rt(impatient(log, d).with_shutdown_timeout(1h).with_kill_grace(1h));
        for (int i = 0; i < 3; ++i)
            rt.spawn([&](context ctx) -> process {
                co_await blocking([&] {
                    d.pass();
                    ++ended;
                });
                (void)co_await ctx.recv();
            });
        d.wait_for(3);
        rt.stop();
        d.open();
        REQUIRE(rt.wait() == 0);
    }
    REQUIRE(ended == 3);
    REQUIRE(log.take().empty());
}

TEST_CASE("A blocking function may tell, also while its runtime ends") {
    test::journal log;
    door d;
    std::atomic<int> after{-1};
    {
        runtime rt(impatient(log, d).with_shutdown_timeout(1h));
        const auto reader = rt.spawn([&](context ctx) -> process {
            auto n = co_await ctx.recv<int>();
            log(n);
            ctx.runtime().stop();
        });
        const auto p = rt.spawn([&, reader](context) -> process {
            co_await blocking_detached([&, reader] {
                reader.tell(5);
                d.pass();
                after = static_cast<int>(reader.tell(6));
            });
        });
        d.wait_for(1);
        p.kill();
        REQUIRE(rt.wait() == 0);
        d.open();
    }
    REQUIRE(log.take() == "5");
    REQUIRE(after == static_cast<int>(delivery::noproc));
}
