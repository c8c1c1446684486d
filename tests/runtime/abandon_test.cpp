// on_stuck::abandon_worker: who does not come back after a kill is given up, with its worker, and its supervisor goes on.
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/stuck.hpp"
#include "support/world.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/allocation_gate.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using test::door;
using test::frame_mark;
using test::impatient;
using test::one_for_all;
using test::reports;
using test::wait_until;

namespace {

struct enter { // passes the door, in the midst of a step
    int then = 0;
};
struct fail {};
struct which {
    using answer_type = int; // the incarnation
};
struct letter {};

// Passes the door when it is told to, and answers.
auto visitor(door& at, std::atomic<int>& ended) {
    return [&at, &ended](bastion::context ctx) -> bastion::process {
        const frame_mark mark(ended);
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<enter>()) at.pass();
            else if (auto q = m.asked<which>()) q.reply(static_cast<int>(ctx.incarnation()));
            else if (m.told<fail>()) throw std::runtime_error("boom");
        }
    };
}

// Two groups that stop and start together: "a" has the visitors, "b" fails when it is told to.
struct pair_of_groups {
    bastion::supervisor_ref sup;
    bastion::children_ref a;
    bastion::children_ref b;
};

pair_of_groups together(bastion::runtime& rt, bastion::children a, door& at, std::atomic<int>& ended) {
    auto sup = one_for_all(rt);
    const auto first = sup.spawn(std::move(a).with_name("a"));
    const auto second = sup.spawn(bastion::children().with_name("b").with_exec(visitor(at, ended)));
    const auto started = rt.run(second.started());
    REQUIRE(started.has_value());
    return {sup, first, second};
}

int incarnation(bastion::runtime& rt, const bastion::child_ref& who) {
    const auto answer = rt.run(who.ask(which()));
    return answer ? *answer : -1;
}

} // namespace

TEST_CASE("Who does not come back is replaced by another process when its group is restarted") {
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<int> ended{0};
    door held;
    reports log;
    const auto blocks = bastion::detail::live_blocks();
    {
        bastion::runtime rt(impatient(workers).with_log(log.hook()));
        const auto t =
            together(rt, bastion::children().with_redundancy(2).with_exec(visitor(held, ended)), held, ended);
        const bastion::child_ref stuck = t.a[0];
        const bastion::child_ref sibling = t.a[1];
        stuck.tell(enter());
        held.wait_for(1);
        t.b[0].tell(fail());
        log.wait_for("/sup/a/0: killed; is given up, with the worker that it keeps");
        wait_until([&] { return t.a.current()[0] != stuck; });
        const bastion::child_ref again = t.a.current()[0];
        CHECK(incarnation(rt, again) == 1);
        CHECK(t.a.current()[1] == sibling); // who came back is who it was
        CHECK(incarnation(rt, sibling) == 1);
        CHECK_FALSE(stuck.alive());
        const auto lost = rt.dead_letters(bastion::drop_reason::noproc);
        stuck.tell(letter());
        CHECK(rt.dead_letters(bastion::drop_reason::noproc) == lost + 1);
        const auto refused = rt.run(stuck.ask(which()));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code() == bastion::errc::noproc);
        CHECK(log.count("/sup/a/0: killed; still runs after a kill: to be given up") == 1);
        CHECK(ended == 2); // the sibling's, and b's
        held.open();
        wait_until([&] { return ended == 3; });
        CHECK(incarnation(rt, again) == 1); // its end changes nothing
    }
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE(
    "Who does not come back keeps neither a stop nor the end of its runtime, and finds nobody when it comes back") {
    const std::size_t workers = GENERATE(1u, 2u);
    static std::atomic<int> ended; // a process that is left behind may run as long as the program
    ended = 0;
    static std::atomic<int> tried;
    tried = 0;
    static std::atomic<int> refused;
    refused = 0;
    door held;
    reports log;
    {
        bastion::runtime rt(impatient(workers).with_log(log.hook()));
        const auto group = rt.spawn(bastion::children().with_name("g").with_exec(visitor(held, ended)));
        const auto alone = rt.spawn([&held](bastion::context ctx) -> bastion::process {
            const frame_mark mark(ended);
            held.pass();
            ctx.self().tell(letter());
            ctx.spawn([](bastion::context) -> bastion::process { co_return; });
            ctx.spawn_child([](bastion::context) -> bastion::process { co_return; });
            ctx.link(ctx.self());
            (void)ctx.monitor(ctx.self());
            ++tried;
            try {
                (void)ctx.runtime();
            } catch (const bastion::usage_error&) { ++refused; }
            (void)co_await ctx.recv();
            ++tried; // not reached
        });
        group[0].tell(enter());
        held.wait_for(2);
        rt.stop();
        CHECK(rt.wait() == 0);
        CHECK_FALSE(group[0].alive());
        CHECK_FALSE(alone.alive());
    }
    CHECK(log.count("/: stopped; left behind who was given up, and still runs") == 1);
    held.open();
    wait_until([] { return ended == 2; });
    CHECK(tried == 1);
    CHECK(refused == 1);
}

TEST_CASE("A stop of one that does not come back ends, and so does the stop of its group") {
    std::atomic<int> ended{0};
    door held;
    const auto blocks = bastion::detail::live_blocks();
    {
        bastion::runtime rt(impatient(2));
        const auto group = rt.spawn(bastion::children().with_redundancy(2).with_exec(visitor(held, ended)));
        const auto other = rt.spawn(visitor(held, ended));
        group[0].tell(enter());
        held.wait_for(1);
        SECTION("the element") {
            group[0].stop();
            wait_until([&] { return !group[0].alive(); });
            CHECK(incarnation(rt, group[1]) == 0);
        }
        SECTION("the group, which is gone when the element comes back") {
            group.stop();
            wait_until([&] { return !group.alive(); });
        }
        CHECK(incarnation(rt, other) == 0);
        const int before = ended;
        held.open();
        wait_until([&] { return ended == before + 1; });
        CHECK(incarnation(rt, other) == 0);
    }
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("Whoever has to do with one that is given up learns that it was killed") {
    std::atomic<int> ended{0};
    std::atomic<int> children_ended{0};
    door held;
    bastion::runtime rt(impatient(1));
    const auto stuck = rt.spawn([&](bastion::context ctx) -> bastion::process {
        const frame_mark mark(ended);
        ctx.spawn_child([&](bastion::context child) -> bastion::process {
            const frame_mark its(children_ended);
            (void)co_await child.recv();
        });
        (void)ctx.runtime().register_name("stuck", ctx.self());
        (void)co_await ctx.recv();
        held.pass();
        (void)ctx.runtime().register_name("late", ctx.self());
        (void)co_await ctx.recv();
    });
    std::mutex lock;
    std::vector<std::string> seen;
    const auto say = [&](std::string what) {
        const std::lock_guard here(lock);
        seen.push_back(std::move(what));
    };
    std::atomic<int> ready{0};
    rt.spawn([&](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        ctx.link(stuck);
        ++ready;
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* x = m.told<bastion::exited>()) say("exited " + x->reason().what());
        }
    });
    rt.spawn([&](bastion::context ctx) -> bastion::process {
        const auto watch = ctx.monitor(stuck);
        ++ready;
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<bastion::down>()) say("down " + d->reason().what());
        }
    });
    wait_until([&] { return ready == 2 && rt.whereis("stuck").alive(); });
    stuck.tell(letter());
    held.wait_for(1);
    // Behind it, in its mailbox and in its lane.
    auto question = std::make_shared<std::atomic<int>>(0);
    rt.spawn([&, question](bastion::context ctx) -> bastion::process {
        const auto watch = ctx.monitor(stuck);
        const auto answer = co_await stuck.ask(which());
        *question = answer ? 1 : static_cast<int>(answer.error().code()) + 100;
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<bastion::down>()) say("down " + d->reason().what());
        }
    });
    // Everybody else waits when this has come back: the question is in the mailbox, and the monitor in the lane.
    wait_until([&] { return stuck.where().block->inbox.length() == 1; });
    stuck.kill();
    wait_until([&] {
        const std::lock_guard here(lock);
        return seen.size() == 3;
    });
    CHECK(std::count(seen.begin(), seen.end(), "exited killed") == 1);
    CHECK(std::count(seen.begin(), seen.end(), "down killed") == 2);
    wait_until([&] { return *question != 0; });
    CHECK(*question == static_cast<int>(bastion::errc::target_died) + 100);
    wait_until([&] { return children_ended == 1; });
    CHECK_FALSE(rt.whereis("stuck").alive());
    CHECK(ended == 0);
    held.open();
    wait_until([&] { return ended == 1; });
    CHECK_FALSE(rt.whereis("late").alive());
}

TEST_CASE("Each worker that is lost has a stand-in, beside the spare workers for those that are only stuck") {
    std::atomic<int> ended{0};
    door lost;
    door held;
    {
        bastion::runtime rt(impatient(1).with_max_spare_workers(1));
        const auto other = rt.spawn(visitor(held, ended));
        for (int i = 0; i < 3; ++i) {
            const auto one = rt.spawn(visitor(lost, ended));
            one.tell(enter());
            lost.wait_for(i + 1);
            one.kill();
            wait_until([&] { return !one.alive(); });
            CHECK(incarnation(rt, other) == 0);
        }
        const auto stuck = rt.spawn(visitor(held, ended));
        stuck.tell(enter());
        held.wait_for(1);
        CHECK(incarnation(rt, other) == 0);
        held.open();
        lost.open();
        wait_until([&] { return ended == 3; });
        CHECK(incarnation(rt, stuck) == 0);
    }
    CHECK(ended == 5);
}

TEST_CASE("One that comes back at the moment it is given up ends once, and everybody hears of that once") {
    constexpr int rounds = 100;
    std::atomic<int> ended{0};
    std::atomic<int> told{0};
    std::atomic<int> linked{0};
    const auto blocks = bastion::detail::live_blocks();
    {
        bastion::runtime rt(impatient(2));
        for (int i = 0; i < rounds; ++i) {
            std::atomic<bool> entered{false};
            std::atomic<bool> leave{false};
            const auto one = rt.spawn([&](bastion::context ctx) -> bastion::process {
                const frame_mark mark(ended);
                (void)co_await ctx.recv();
                entered = true;
                while (!leave) std::this_thread::yield();
                // All that it has in hand.
                (void)ctx.runtime().register_name("again", ctx.self());
                ctx.link(ctx.self());
                const auto watch = ctx.monitor(ctx.self());
                ctx.spawn_link([](bastion::context) -> bastion::process { co_return; });
                (void)ctx.try_recv();
                (void)co_await ctx.recv();
            });
            std::atomic<int> ready{0};
            rt.spawn([&, one](bastion::context ctx) -> bastion::process {
                const auto watch = ctx.monitor(one);
                ++ready;
                const auto d = co_await ctx.recv<bastion::down>();
                ++told;
            });
            rt.spawn([&, one](bastion::context ctx) -> bastion::process {
                ctx.trap_exit();
                ctx.link(one);
                ++ready;
                const auto x = co_await ctx.recv<bastion::exited>();
                ++linked;
            });
            wait_until([&] { return ready == 2; });
            one.tell(letter());
            wait_until([&] { return entered.load(); });
            one.kill();
            // The kill, its grace of 1 ms and the watchdog's ticks take some 10 ms.
            const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(200 * i);
            while (std::chrono::steady_clock::now() < until && one.alive()) std::this_thread::yield();
            leave = true;
            wait_until([&] { return ended == i + 1 && told == i + 1 && linked == i + 1; });
        }
    }
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("The object of with_data is made anew for who takes the place of one that was given up") {
    std::atomic<int> ended{0};
    std::atomic<int> made{0};
    door held;
    bastion::runtime rt(impatient(2));
    auto group = bastion::children().with_data([&made] { return ++made; }).with_exec(visitor(held, ended));
    const auto t = together(rt, std::move(group), held, ended);
    CHECK(made == 1);
    const auto stuck = t.a[0];
    stuck.tell(enter());
    held.wait_for(1);
    t.b[0].tell(fail());
    wait_until([&] { return t.a.current()[0] != stuck; });
    CHECK(incarnation(rt, t.a.current()[0]) == 1);
    CHECK(made == 2);
    held.open();
    wait_until([&] { return ended == 2; });
}

TEST_CASE("One that comes back while nobody can take its place yet leaves nothing behind") {
    // There is no memory for blocks on the thread of its owner, until it has come back.
    struct no_blocks final : bastion::detail::allocation_gate {
        no_blocks(std::atomic<int>& e, door& d) : ended(e), held(d) {}
        bool may_allocate(std::size_t bytes) noexcept override {
            if (bytes != sizeof(bastion::detail::control_block) || left == 0) return true;
            if (--left == 0) {
                held.open();
                wait_until([this] { return ended == 2; }); // its own, and b's
            }
            return false;
        }
        std::atomic<int>& ended;
        door& held;
        std::atomic<int> left{20}; // each is tried again after a grace time
    };
    std::atomic<int> ended{0};
    std::atomic<int> refused{0};
    door held;
    no_blocks gate(ended, held);
    const auto blocks = bastion::detail::live_blocks();
    {
        bastion::runtime rt(impatient(1).with_log([&](const bastion::log_record& r) {
            if (r.next.find("is given up") != r.next.npos) bastion::detail::set_allocation_gate(&gate);
            if (r.next == "cannot be replaced yet: to be tried again") ++refused;
        }));
        const auto t = together(rt, bastion::children().with_exec(visitor(held, ended)), held, ended);
        const auto stuck = t.a[0];
        stuck.tell(enter());
        held.wait_for(1);
        t.b[0].tell(fail());
        wait_until([&] { return t.a.current()[0] != stuck; });
        CHECK(incarnation(rt, t.a.current()[0]) == 1);
        CHECK(refused == 20);
        CHECK(gate.left == 0);
    }
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("Who waits for a blocking function is waited for") {
    std::atomic<int> ended{0};
    door held;
    reports log;
    bastion::runtime rt(impatient(1).with_log(log.hook()));
    const auto waits = rt.spawn([&](bastion::context) -> bastion::process {
        const frame_mark mark(ended);
        co_await bastion::blocking([&held] { held.pass(); });
    });
    held.wait_for(1);
    waits.kill();
    wait_until([&] { return test::is_suspended(waits); });
    held.open();
    wait_until([&] { return !waits.alive(); });
    CHECK(ended == 1);
}

TEST_CASE("abandon_worker without the watchdog is an error") {
    CHECK_THROWS_AS(bastion::runtime(
                        bastion::config().with_slice_limits(0ms, 0ms).with_on_stuck(bastion::on_stuck::abandon_worker)),
        bastion::bad_config);
}
