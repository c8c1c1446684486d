// Whole programs in which each allocation fails once: nothing hangs, nothing is lost to nobody's knowledge, no memory.
#include "memory/messages.hpp"
#include "support/catch.hpp"
#include "support/fork_join.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/testing/simulation.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <bastion/testing/operator_new.hpp>

using namespace bastion;
using namespace std::chrono_literals;
using testing::simulation;

namespace {

using test::long_text;
using job = test::note;
using test::query;

struct news {
    std::string text;
};

process serve(context ctx) {
    ctx.ready();
    for (;;) {
        message m = co_await ctx.recv();
        if (auto q = m.asked<query>()) {
            if (q->n == 3) panic("three");
            q.reply(q->n + 1);
        } else if (auto* j = m.told<job>()) {
            if (j->text == "fail") co_return ctx.fail("told to, and with a long text");
        } else if (m.broadcast<news>() == nullptr) {
            m.unhandled();
        }
    }
}

struct account {
    int sum = 0;
    void add(const job&) { ++sum; }
    int balance(const query& q) { return q.n + sum; }
};

process watch(context ctx, child_ref whom) {
    auto handle = ctx.monitor(whom);
    auto taken_back = ctx.monitor(whom);
    ctx.trap_stop();
    const auto token = ctx.stop_token();
    taken_back.cancel();
    for (;;) {
        message m = co_await ctx.recv();
        if (m.told<stop_request>()) co_return;
    }
}

task<int> twice(context ctx, int n) {
    co_await ctx.sleep_for(1ms);
    co_return 2 * n;
}

process use(context ctx, child_ref server) {
    for (int i = 0; i < 5; ++i) {
        auto answer = co_await server.ask<query>(i).within(1s);
        (void)answer;
        server.tell<job>(long_text);
        (void)co_await twice(ctx, i);
    }
    auto later = ctx.tell_after(2ms, server, job{long_text});
    auto often = ctx.tell_every(2ms, server, news{long_text});
    auto never = ctx.tell_after(1h, server, job{long_text});
    (void)co_await ctx.recv<int>().within(5ms);
    never.cancel();
    (void)co_await test::forked_fibonacci(5);
    auto first = co_await when_any(ctx.recv<int>(), ctx.sleep_for(1ms));
    (void)first;
    server.tell<job>("fail");
    auto sent = co_await server.send(std::string(long_text)).within(10ms);
    (void)sent;
    const child_ref self = ctx.self();
    auto short_life = [self](context c) -> process {
        self.tell<job>("x");
        co_await c.sleep_for(1ms);
    };
    const child_ref child = ctx.spawn(short_life);
    auto up = co_await child.started();
    (void)up;
    auto group = ctx.spawn(children().with_redundancy(2).with_exec(serve).with_start(wait_ready));
    auto ready = co_await group.started();
    (void)ready;
    group.broadcast(news{long_text});
    co_await ctx.sleep_for(3ms);
    group.stop();
    child.kill();
    co_await ctx.sleep_for(3ms);
}

// Everything that supervision does: starts, faults, restarts by all strategies, refusals, stops.
void supervised(simulation& sim) {
    const auto nothing = [](const event&) {};
    auto group = [&](const char* name) {
        return children().with_name(name).with_redundancy(2).with_exec(serve).with_callbacks(
            bastion::callbacks().before_start(nothing).after_restart(nothing).after_stop(nothing));
    };
    auto tree = sim.spawn(supervisor()
            .with_name("a supervisor with a name that is long enough")
            .with_strategy(strategy::one_for_all)
            .with_intensity(3, 1s)
            .with_children(group("first group").with_start(wait_ready))
            .with_children(group("second").with_restart_scope(restart_scope::element))
            .with_supervisor(supervisor()
                    .with_strategy(strategy::rest_for_one)
                    .with_children(group("deep"))
                    .with_children(
                        children().with_handlers<account>(on_tell(&account::add), on_question(&account::balance)))));
    sim.advance(1ms);
    auto late = tree.spawn(group("late"));
    auto refused = tree.spawn(group("late"));
    sim.advance(1ms);
    tree.broadcast(news{long_text});
    for (int i = 0; i < 3; ++i) {
        for (std::size_t k = 0; k < late.size(); ++k) late[k].tell<job>("fail");
        sim.advance(10ms);
    }
    tree.stop();
    sim.advance(10s);
}

// Orders about children and changes: each is answered.
void managed(simulation& sim) {
    const auto group = [](const char* name) {
        return children().with_name(name).with_exec(serve).with_start(wait_ready);
    };
    const auto flags = [](strategy how) {
        return supervisor().with_otp_defaults().with_intensity(1'000, 1s).with_strategy(how);
    };
    const auto below = [&](const char* name, const char* child) {
        const auto with_text = [text = std::string(long_text)](const event&) { (void)text; };
        return flags(strategy::one_for_one)
            .with_name(name)
            .with_callbacks(callbacks().after_start(with_text).after_stop(with_text))
            .with_children(group(child));
    };
    const auto tree = sim.spawn(flags(strategy::one_for_all).with_name("managed").with_children(group("first")));
    const auto dynamic = sim.spawn(flags(strategy::simple_one_for_one)
            .with_name("dynamic")
            .with_max_children(1)
            .with_children(
                children().with_start(wait_ready).with_template([](context ctx, int) { return serve(ctx); })));
    std::vector<answer<child_info>> started;
    std::vector<answer<void>> done;
    started.push_back(tree.start_child(group("second")));
    started.push_back(tree.start_child(below("below", "child")));
    started.push_back(tree.start_child(1));
    for (int i = 0; i < 2; ++i) started.push_back(dynamic.start_child(i));
    started.push_back(dynamic.start_child(std::string("not a number")));
    sim.advance(1ms);
    for (const char* child : {"child", "another"})
        done.push_back(tree.reconfigure(flags(strategy::rest_for_one)
                .with_children(group("second"))
                .with_supervisor(below("below", child))
                .with_supervisor(below("new", child))
                .with_children(group("newer"))));
    done.push_back(tree.reconfigure(flags(strategy::one_for_one).with_supervisor(below("second", "wrong"))));
    sim.advance(1ms);
    started.push_back(tree.restart_child("new"));
    done.push_back(tree.terminate_child("second"));
    done.push_back(tree.delete_child("second"));
    sim.advance(10s);
    for (const auto& a : started) CHECK(a.poll());
    for (const auto& a : done) CHECK(a.poll());
}

// Elements that are made anew, at a restart with a sibling, are those that the group names.
void made_anew(simulation& sim) {
    const auto group = [](const char* name) {
        return children().with_name(name).with_exec(serve).with_start(wait_ready);
    };
    const auto tree = sim.spawn(supervisor()
            .with_otp_defaults()
            .with_intensity(1'000, 1s)
            .with_strategy(strategy::one_for_all)
            .with_name("kept")
            .with_children(group("first"))
            .with_children(group("group").with_redundancy(2)));
    const auto look = [&](const char* name) {
        auto looked = tree.which_child(name);
        sim.advance(1ms);
        REQUIRE(looked.poll());
        return looked.take();
    };
    sim.advance(1ms);
    const auto before = look("group");
    const auto first = look("first");
    if (!before || !first) return; // its first start has failed, or there was no memory for what it says
    for (const child_ref& element : before->group) element.stop();
    sim.advance(1ms);
    first->group[0].tell<job>("fail");
    sim.advance(10s);
    const auto after = look("group");
    if (!after) return;
    CHECK(after->status == child_status::running);
    for (const child_ref& element : after->group.current()) {
        auto answered = element.ask<query>(1);
        sim.advance(1ms);
        REQUIRE(answered.poll());
        const auto n = answered.take();
        CHECK((n.has_value() || n.error() != errc::noproc));
    }
}

void conversation(simulation& sim) {
    const auto box = mailbox::bounded(2, overflow::wait);
    auto group = sim.spawn(children().with_redundancy(2).with_exec(serve).with_mailbox(box));
    sim.advance(1ms);
    const child_ref server = group[0];
    auto watcher = sim.spawn([server](context c) { return watch(c, server); });
    sim.runtime().subscribe_dead_letters(watcher);
    auto user = sim.spawn([server](context c) { return use(c, server); });
    (void)sim.spawn([user](context c) { return watch(c, user); });
    sim.advance(200ms);
}

// Runs it with the first allocation failing, the second, and so on; says how many there were.
std::uint64_t fail_each(
    const std::function<void(simulation&)>& scenario, const std::function<void(config&)>& settings = nullptr) {
    for (std::uint64_t n = 1;; ++n) {
        const std::uint64_t processes = detail::live_blocks();
        const std::uint64_t blocks = detail::read_pool_stats().live_blocks;
        INFO("allocation " << n);
        bool failed = false;
        {
            simulation sim(1, testing::settings().with_step_limit(100'000));
            config c = sim.runtime_config();
            if (settings) settings(c);
            (void)sim.runtime(std::move(c));
            sim.fail_allocation(n);
            scenario(sim);
            sim.finish();
            failed = sim.seen().failed_allocations != 0;
        }

        REQUIRE(detail::live_blocks() == processes);
        REQUIRE(detail::read_pool_stats().live_blocks == blocks);
        if (!failed) return n - 1;
    }
}

} // namespace

TEST_CASE("supervision goes on whichever allocation fails") { CHECK(fail_each(supervised) > 50); }

TEST_CASE("orders about children and changes are answered whichever allocation fails") {
    CHECK(fail_each(managed) > 100);
}

TEST_CASE("a group that is made anew names its elements, whichever allocation fails") {
    CHECK(fail_each(made_anew) > 30);
}

TEST_CASE("processes that talk go on, or end as their policy says, whichever allocation fails") {
    CHECK(fail_each(conversation) > 50);
}

TEST_CASE("a crash report is told or counted as dropped, whichever allocation fails") {
    std::uint64_t said = 0;
    std::uint64_t told = 0;
    std::uint64_t dropped = 0;
    const auto settings = [&](config& c) {
        c.with_log([&](const log_record& r) { said += r.reason.is_fault() ? 1u : 0u; });
        c.with_crash_reports([&](const crash_report&) { ++told; });
    };
    const auto scenario = [&](simulation& sim) {
        said = told = 0;
        auto group = sim.spawn(children().with_name("servers").with_exec(serve));
        const child_ref plain = sim.spawn(serve);
        sim.advance(1ms);
        for (int i = 0; i < 3; ++i) {
            group[0].tell<job>("fail");
            sim.advance(10ms);
        }
        plain.tell<query>(3);
        plain.tell<job>("fail");
        sim.advance(10ms);
        const crash_counters c = sim.runtime().crash_reports();
        REQUIRE(c.made == said);
        REQUIRE(c.delivered == told);
        REQUIRE(c.made == told + c.dropped);
        dropped += c.dropped;
    };
    CHECK(fail_each(scenario, settings) > 20);
#if !BASTION_TSAN // whose operators new cannot be made to fail
    CHECK(dropped > 0);
#endif
}
