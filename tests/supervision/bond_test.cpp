// Children of the process that spawned them.

#include <bastion/bastion.hpp>

#include "support/acceptance.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <string>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Says that it begins and, when it is stopped or killed, that it is over.
struct said {
    said(test::journal& log, std::string name) : log_(log), name_(std::move(name)) { log_(name_); }
    said(const said&) = delete;
    said& operator=(const said&) = delete;
    ~said() { log_("no " + name_); }

private:
    test::journal& log_;
    const std::string name_;
};

process lives(test::journal& log, context ctx, std::string name) {
    const said here(log, std::move(name));
    for (;;) {
        auto msg = co_await ctx.recv();
        msg.unhandled();
    }
}

// What a parent does when it is told so.
enum class end { normal, error, panic };

children parents(test::journal& log) {
    return children()
        .with_restart_strategy(restart_strategy::always().immediate())
        .with_exec([&log](context ctx) -> process {
            ctx.spawn_child([&log](context c) { return lives(log, c, "child"); });
            ctx.spawn([&log](context c) { return lives(log, c, "other"); });
            const auto how = co_await ctx.recv<end>();
            if (how == end::panic) panic("the parent");
            if (how == end::error) co_return ctx.fail("the parent");
        });
}

int count(const std::string& text, const std::string& what) {
    int n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

} // namespace

TEST_CASE("spawn_child: the child is stopped when its parent ends, what was only spawned is not") {
    test::journal log; // goes after the world: what still lives says so when it ends
    test::world w;
    const child_ref parent = w.only(parents(log));
    const std::string begun = log.take();
    REQUIRE(count(begun, "child") == 1);
    REQUIRE(count(begun, "other") == 1);
    parent.tell(end::normal);
    w.settle();
    REQUIRE(log.take() == "no child");
}

TEST_CASE("spawn_child: a fault, a stop and a kill of the parent stop it as well, and a restart makes a new one") {
    test::journal log;
    test::world w;
    const child_ref parent = w.only(parents(log));
    (void)log.take();
    for (const end how : {end::error, end::panic}) {
        parent.tell(how);
        w.settle();
        const std::string text = log.take();
        INFO(text);
        REQUIRE(count(text, "no child") == 1);
        REQUIRE(count(text, "child") == 2);
        REQUIRE(count(text, "no other") == 0);
    }
    parent.stop();
    w.settle();
    REQUIRE(log.take() == "no child");
    const child_ref another = w.only(parents(log));
    (void)log.take();
    another.kill();
    w.settle();
    REQUIRE(log.take() == "no child");
}

TEST_CASE("spawn_child: the child is stopped at once, however long its parent waits for what its owners decide") {
    test::journal log;
    test::world w;
    const auto slowly = restart_strategy::always().with_linear_backoff(10s);
    const auto top = w.rt.spawn(supervisor().with_restart_strategy(slowly).with_supervisor(
        supervisor().with_name("inner").with_intensity(0, 1s).with_children(parents(log).with_name("parents"))));
    w.settle();
    const std::string begun = log.take();
    REQUIRE(count(begun, "child") == 1);
    w.rt.whereis("/supervisor-1/inner/parents/0").tell(end::panic); // too many for the inner supervisor
    w.settle();
    const std::string ended = log.take();
    INFO(ended);
    REQUIRE(count(ended, "no child") == 1);
    REQUIRE(count(ended, "child") == 1);
    w.advance(10s);
    w.settle();
    REQUIRE(count(log.take(), "child") == 1);
}

TEST_CASE("spawn_child: groups, supervisors and joined tasks have a parent, too, and children have children") {
    test::acceptance("C7");
    test::journal log;
    test::world w;
    const child_ref parent = w.only(children().with_exec([&log](context ctx) -> process {
        ctx.spawn_child(
            children().with_redundancy(2).with_exec([&log](context c) { return lives(log, c, "element"); }));
        ctx.spawn_child(supervisor().with_children(
            children().with_exec([&log](context c) { return lives(log, c, "below a supervisor"); })));
        auto h = ctx.spawn_child([](test::journal& l) -> task<> {
            const said here(l, "task");
            co_await sleep_wait(1h);
        }(log));
        ctx.spawn_child([&log](context c) -> process {
            c.spawn_child([&log](context below) { return lives(log, below, "grandchild"); });
            const said here(log, "child");
            co_await c.recv<int>();
        });
        co_await ctx.recv<int>();
    }));
    std::string text = log.take();
    REQUIRE(count(text, "element") == 2);
    REQUIRE(count(text, "child") == 2);
    REQUIRE(count(text, "task") == 1);
    REQUIRE(count(text, "below a supervisor") == 1);
    parent.tell(1);
    w.settle();
    text = log.take();
    INFO(text);
    REQUIRE(count(text, "no element") == 2);
    REQUIRE(count(text, "no child") == 1);
    REQUIRE(count(text, "no grandchild") == 1);
    REQUIRE(count(text, "no below a supervisor") == 1);
    w.advance(5s); // a task in a sleep is killed when its shutdown time is over
    w.settle();
    REQUIRE(log.take() == "no task");
}

TEST_CASE("spawn_child: a parent that lives long keeps nothing of children that have ended") {
    test::world w;
    const auto before = detail::live_blocks();
    std::size_t records = 0;
    const child_ref parent = w.only(children().with_exec([&records](context ctx) -> process {
        for (int i = 0; i < 1000; ++i) {
            auto h = ctx.spawn_child([](int n) -> task<int> { co_return n; }(i));
            const auto r = co_await h;
            if (!r || *r != i) panic("a child is missing");
        }
        co_await ctx.sleep_for(1s);
        records = detail::cold_of(ctx.block()).monitors_by_number.size();
        co_await ctx.recv<int>();
    }));
    w.advance(1s);
    w.settle();
    REQUIRE(records == 0);
    REQUIRE(parent.alive());
    parent.tell(1);
    w.settle();
    REQUIRE(detail::live_blocks() <= before + 1); // the group's, if it is still there
}

TEST_CASE("spawn_child: one that is refused leaves nothing behind, and outside its process it is an error") {
    test::journal log;
    test::world w;
    const child_ref parent = w.only(children().with_exec([&log](context ctx) -> process {
        const supervisor_ref gone = ctx.spawn(supervisor());
        const auto up = co_await gone.started();
        log(test::shown(up));
        ctx.spawn_child(children().with_name("one").with_exec([](context c) -> process { co_await c.recv<int>(); }));
        const children_ref twice = ctx.spawn_child(
            children().with_name("one").with_exec([](context c) -> process { co_await c.recv<int>(); }));
        const auto r = co_await twice.started();
        log(test::shown(r));
        co_await ctx.recv<int>();
    }));
    REQUIRE(log.take() == "done, start_failed");
    const context elsewhere(*parent.where().block);
    REQUIRE_THROWS_AS(elsewhere.spawn_child([](context) -> process { co_return; }), usage_error);
}
