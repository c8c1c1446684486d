// What others wait for of a process that is given up (on_stuck::abandon_worker), and what its owner does with those it gives nobody up for.
#include "support/catch.hpp"
#include "support/stuck.hpp"

#include <future>
#include <optional>
#include <stdexcept>

using namespace std::chrono_literals;
using test::door;
using test::frame_mark;
using test::impatient;
using test::one_for_all;
using test::reports;
using test::wait_until;

namespace {

struct enter {};
struct fail {};

// Whoever is left behind comes back before its door goes.
bastion::task<int> passes(door& at, std::atomic<int>& ended) {
    const frame_mark mark(ended);
    at.pass();
    co_return 7;
}

bastion::children fails_when_told() {
    return bastion::children().with_name("b").with_exec([](bastion::context ctx) -> bastion::process {
        (void)co_await ctx.recv();
        throw std::runtime_error("boom");
    });
}

std::string what_came(const bastion::result<int>& r) { return r ? std::to_string(*r) : r.error().reason().what(); }

} // namespace

TEST_CASE("Whoever joins a task that is given up learns that it was killed") {
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<int> ended{0};
    door held;
    bastion::runtime rt(impatient(workers).with_max_spare_workers(4));
    auto of_a_thread = rt.spawn(passes(held, ended));
    std::atomic<bool> asked{false};
    std::promise<std::string> came;
    (void)rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto of_a_process = ctx.spawn(passes(held, ended));
        while (!asked) co_await ctx.sleep_for(1ms);
        of_a_process.kill();
        auto r = co_await of_a_process;
        came.set_value(what_came(r));
    });
    held.wait_for(2);
    of_a_thread.kill();
    asked = true;
    auto r = rt.run(std::move(of_a_thread));
    REQUIRE_FALSE(r);
    CHECK(r.error().code() == bastion::errc::target_died);
    CHECK(what_came(r) == "killed");
    CHECK(came.get_future().get() == "killed");
    held.open();
    wait_until([&] { return ended == 2; });
}

TEST_CASE("rt.run(task) ends with an error when its task is given up, and when it comes back first with that") {
    std::atomic<int> ended{0};
    door held;
    std::optional<bastion::runtime> rt(impatient(2));
    auto caller = std::async(std::launch::async, [&]() -> std::string {
        try {
            return std::to_string(rt->run(passes(held, ended)));
        } catch (const bastion::usage_error& e) { return e.what(); }
    });
    held.wait_for(1);
    rt->kill();
    (void)rt->wait();
    CHECK(caller.get() == "bastion: rt.run: the task does not come back, and is not waited for (on_stuck)");
    held.open();
    wait_until([&] { return ended == 1; });
    rt.reset();
    bastion::runtime other(impatient(2));
    CHECK(other.run(passes(held, ended)) == 7);
}

TEST_CASE("What one that is given up spawns as its children ends, before and after") {
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<int> children{0};
    std::atomic<int> ended{0};
    std::atomic<int> parents{0};
    const auto child = [&](bastion::context ctx) -> bastion::process {
        ++children;
        const frame_mark mark(ended);
        (void)co_await ctx.recv();
    };
    bastion::runtime rt(impatient(workers).with_max_spare_workers(4));
    SECTION("when it has come back") {
        door held;
        const auto stuck = rt.spawn([&](bastion::context ctx) -> bastion::process {
            const frame_mark mark(parents);
            (void)ctx.spawn_child(child);
            (void)co_await ctx.recv();
            held.pass();
            (void)ctx.spawn_child(child);
        });
        stuck.tell(enter());
        held.wait_for(1);
        stuck.kill();
        wait_until([&] { return !stuck.alive() && ended == 1; });
        held.open();
        wait_until([&] { return parents == 1; });
    }
    SECTION("while it is given up") {
        for (int round = 0; round < 20; ++round) {
            std::atomic<bool> over{false};
            std::atomic<int> made{0};
            const int before = parents;
            const auto stuck = rt.spawn([&](bastion::context ctx) -> bastion::process {
                const frame_mark mark(parents);
                while (!over) { // not so many that memory counts
                    (void)ctx.spawn_child(child);
                    ++made;
                    const auto until = std::chrono::steady_clock::now() + 10us;
                    while (std::chrono::steady_clock::now() < until) {}
                }
                (void)co_await ctx.recv();
            });
            wait_until([&] { return made > 0; });
            stuck.kill();
            wait_until([&] { return !stuck.alive(); });
            over = true;
            wait_until([&] { return parents == before + 1; });
        }
    }
    // Nobody is left of them: those that have not begun never do.
    wait_until([&] {
        auto s = rt.snapshot();
        return s.root.children.size() == 1 && s.root.children[0].total == 0;
    });
    CHECK(children == ended);
}

TEST_CASE("A trace of one that is given up ends") {
    door held;
    std::atomic<int> ended{0};
    std::atomic<int> over{0};
    std::atomic<bool> ready{false};
    bastion::runtime rt(impatient(2));
    const auto other = rt.spawn([](bastion::context ctx) -> bastion::process {
        for (;;) (void)co_await ctx.recv();
    });
    const auto stuck = rt.spawn([&](bastion::context ctx) -> bastion::process {
        const frame_mark mark(ended);
        for (;;) {
            (void)co_await ctx.recv();
            held.pass();
            other.tell(1); // is no step of a trace any more
        }
    });
    (void)rt.spawn([&](bastion::context ctx) -> bastion::process {
        auto t = co_await bastion::sys::trace(stuck, ctx.self(), 100);
        ready = t.has_value();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* e = m.told<bastion::sys::trace_ended>(); e != nullptr) ++over;
        }
    });
    wait_until([&] { return ready.load(); });
    stuck.tell(enter());
    held.wait_for(1);
    stuck.kill();
    wait_until([&] { return over == 1; });
    CHECK(ended == 0);
    held.open();
    wait_until([&] { return ended == 1; });
    CHECK(over == 1);
}

TEST_CASE("Of one that is given up and does not come back no object of with_data is made") {
    std::atomic<int> ended{0};
    door held;
    std::atomic<int> made{0};
    bastion::runtime rt(impatient(2));
    const auto sup = rt.spawn(bastion::supervisor().with_name("sup").with_specs_kept());
    const auto group = sup.spawn(bastion::children()
            .with_name("a")
            .with_data([&] {
                if (made++ != 0) throw std::runtime_error("it is locked");
                return std::make_shared<int>(1);
            })
            .with_exec([&](bastion::context ctx) -> bastion::process {
                const frame_mark mark(ended);
                (void)co_await ctx.recv();
                held.pass();
                (void)co_await ctx.recv();
            }));
    auto up = rt.run(group.started());
    REQUIRE(up);
    group[0].tell(enter());
    held.wait_for(1);
    SECTION("terminate_child") {
        auto r = rt.run(sup.terminate_child("a"));
        CHECK(r.has_value());
    }
    SECTION("the stop of its runtime") {
        rt.stop();
        CHECK(rt.wait() == 0);
    }
    CHECK(made == 1);
    held.open();
    wait_until([&] { return ended == 1; });
}

TEST_CASE("One that is given up and started again gets an object of with_data then, and a factory that fails is tried "
          "again") {
    door held;
    std::atomic<int> made{0};
    std::atomic<int> seen{0};
    std::atomic<int> ended{0};
    reports log;
    bastion::runtime rt(impatient(2).with_log(log.hook()));
    const auto sup = one_for_all(rt);
    const auto group = sup.spawn(bastion::children()
            .with_name("a")
            .with_data([&] {
                if (++made == 2) throw std::runtime_error("not yet");
                return std::make_shared<int>(made);
            })
            .with_exec([&](bastion::context ctx) -> bastion::process {
                const frame_mark mark(ended);
                seen = *ctx.data<std::shared_ptr<int>>();
                (void)co_await ctx.recv();
                held.pass();
                (void)co_await ctx.recv();
            }));
    const auto other = sup.spawn(fails_when_told());
    auto up = rt.run(other.started());
    REQUIRE(up);
    group[0].tell(enter());
    held.wait_for(1);
    other[0].tell(fail());
    wait_until([&] { return seen == 3; });
    CHECK(made == 3);
    held.open();
    wait_until([&] { return ended == 1; });
}

TEST_CASE("after_stop of one that is given up names the process that before_start named") {
    std::atomic<int> ended{0};
    door held;
    std::mutex lock;
    std::vector<std::pair<std::string, bastion::child_ref>> seen;
    const auto note = [&](std::string what) {
        return [&, what](const bastion::event& e) {
            const std::lock_guard here(lock);
            seen.emplace_back(what, e.who());
        };
    };
    bastion::runtime rt(impatient(2));
    const auto group = rt.spawn(bastion::children()
            .with_name("a")
            .with_callbacks(bastion::callbacks().before_start(note("before_start")).after_stop(note("after_stop")))
            .with_exec([&](bastion::context ctx) -> bastion::process {
                const frame_mark mark(ended);
                (void)co_await ctx.recv();
                held.pass();
                (void)co_await ctx.recv();
            }));
    const auto stuck = group[0];
    stuck.tell(enter());
    held.wait_for(1);
    group.stop();
    wait_until([&] {
        const std::lock_guard here(lock);
        return seen.size() == 2;
    });
    held.open();
    wait_until([&] { return ended == 1; });
    const std::lock_guard here(lock);
    CHECK(seen[0] == std::pair(std::string("before_start"), stuck));
    CHECK(seen[1] == std::pair(std::string("after_stop"), stuck));
}

TEST_CASE(
    "Who waited for a blocking function when its time was over is given up later, if it does not come back then") {
    std::atomic<int> ended{0};
    door function;
    door held;
    reports log;
    struct guard {
        door& at;
        explicit guard(door& d) : at(d) {}
        guard(const guard&) = delete;
        ~guard() { at.pass(); }
    };
    bastion::runtime rt(impatient(2).with_log(log.hook()));
    const auto stuck = rt.spawn([&](bastion::context ctx) -> bastion::process {
        const frame_mark mark(ended);
        const guard last(held);
        co_await bastion::blocking([&] { function.pass(); });
        (void)co_await ctx.recv();
    });
    function.wait_for(1);
    stuck.kill();
    wait_until([&] { return log.count_of("waits after a kill for a blocking function") != 0; });
    CHECK(stuck.alive());
    function.open();
    wait_until([&] { return !stuck.alive(); });
    held.open();
    wait_until([&] { return ended == 1; });
}

TEST_CASE(
    "That one came back in time takes nothing from its next incarnation: neither a deadline, nor the time it has") {
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<int> up{0};
    std::atomic<int> asked{0};
    std::atomic<bool> slow{true};
    door held;
    door log_line;
    reports log;
    bastion::runtime rt(impatient(workers).with_log(log.hook()).with_slice_log([&](const bastion::long_slice&) {
        if (slow.exchange(false)) log_line.pass(); // the watchdog's thread: it looks at nothing meanwhile
    }));
    const auto sup = one_for_all(rt);
    const auto group =
        sup.spawn(bastion::children().with_name("a").with_exec([&](bastion::context ctx) -> bastion::process {
            const int n = ctx.incarnation();
            if (n == 1) ctx.trap_stop();
            up = n + 1;
            for (;;) {
                auto m = co_await ctx.recv();
                if (m.told<enter>() != nullptr) held.pass();
                else if (m.told<bastion::stop_request>() != nullptr) ++asked; // it is killed at its deadline
            }
        }));
    const auto other = sup.spawn(fails_when_told());
    auto started = rt.run(other.started());
    REQUIRE(started);
    group[0].tell(enter());
    held.wait_for(1);
    log_line.wait_for(1);
    other[0].tell(fail()); // a is asked to stop, and killed; its owner wishes to give it up
    log.wait_for("/sup/a/0: killed; still runs after a kill: to be given up");
    held.open(); // it comes back, and ends, before the watchdog has looked
    wait_until([&] { return up == 2; });
    other[0].tell(fail());
    wait_until([&] { return asked == 1; });
    log_line.open(); // now it is told that the first one could not be given up
    wait_until([&] { return up == 3; });
    CHECK(log.count_of("is given up") == 0);
}
