// Snapshots: what each field says, while children come, fail, wait and go, and what is left out.
#include "runtime/state.hpp"
#include "supervision/tree.hpp"
#include "support/blocking.hpp"

#include <bastion/process/parked.hpp>
#include <bastion/testing/simulation.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

using namespace tree;

namespace {

using bastion::snapshot_entry;
using bastion::snapshot_knowledge;
using bastion::snapshot_limits;
using bastion::snapshot_status;

// The entry of that path; a test that asks for one that is not there fails.
const snapshot_entry* find(const snapshot_entry& tree, std::string_view path) {
    if (tree.path == path) return &tree;
    for (const snapshot_entry& c : tree.children)
        if (const snapshot_entry* found = find(c, path)) return found;
    return nullptr;
}
const snapshot_entry& at(const snapshot_entry& tree, std::string_view path) {
    const snapshot_entry* const found = find(tree, path);
    INFO(path << " in\n" << tree);
    REQUIRE(found != nullptr);
    return *found;
}

std::string status(const bastion::snapshot& s, std::string_view path) {
    return std::string(to_string(at(s.root, path).status));
}

// Everything spawned, "name status", depth first; the implicit groups only if they have elements.
lines statuses(const snapshot_entry& tree) {
    lines all;
    if (tree.implicit && tree.total == 0) return all;
    all.push_back(tree.path + " " + std::string(to_string(tree.status)));
    for (const snapshot_entry& c : tree.children)
        for (std::string& line : statuses(c)) all.push_back(std::move(line));
    return all;
}

struct order {
    int n = 0;
};

// Handles an order by waiting for what never comes.
bastion::process deaf(bastion::context ctx) {
    for (;;) {
        auto got = co_await ctx.recv<order>();
        if (got.n > 0) co_await ctx.sleep_for(1h);
    }
}

// Behind the runtime: so that no failed assertion leaves somebody in the door, for whom the runtime would wait.
class opens_at_end {
public:
    explicit opens_at_end(test::door& d) : door_(d) {}
    opens_at_end(const opens_at_end&) = delete;
    opens_at_end& operator=(const opens_at_end&) = delete;
    ~opens_at_end() { door_.open(); }

private:
    test::door& door_;
};

} // namespace

TEST_CASE("A snapshot shows a tree four deep, in start order, with what each is") {
    world w;
    auto leaf = [&](const char* name) { return named(w.events, name).with_redundancy(2); };
    const auto top = w.rt.spawn(bastion::supervisor()
            .with_name("a")
            .with_strategy(bastion::strategy::rest_for_one)
            .with_children(leaf("one"))
            .with_supervisor(bastion::supervisor()
                    .with_name("b")
                    .with_strategy(bastion::strategy::one_for_all)
                    .with_auto_shutdown(bastion::auto_shutdown::any_significant)
                    .with_supervisor(bastion::supervisor().with_name("c").with_children(
                        leaf("two").with_restart(bastion::permanent)))
                    .with_children(leaf("three").with_restart(bastion::temporary).with_significant(true)))
            .with_children(leaf("four")));
    w.settle();
    const bastion::snapshot s = w.rt.snapshot();
    CHECK_FALSE(s.partial());
    CHECK(statuses(s.root) == lines{"/ running", "/a running", "/a/one running", "/a/one/0 waiting", "/a/one/1 waiting",
                                  "/a/b running", "/a/b/c running", "/a/b/c/two running", "/a/b/c/two/0 waiting",
                                  "/a/b/c/two/1 waiting", "/a/b/three running", "/a/b/three/0 waiting",
                                  "/a/b/three/1 waiting", "/a/four running", "/a/four/0 waiting", "/a/four/1 waiting"});
    CHECK(s.supervisors == 4);
    CHECK(s.groups == 4 + 4); // an implicit one below each supervisor
    CHECK(s.elements == 8);

    const snapshot_entry& root = s.root;
    CHECK(root.name.empty());
    CHECK(root.kind == bastion::snapshot_kind::supervisor);
    CHECK(root.strategy == bastion::strategy::one_for_one);
    CHECK_FALSE(root.restart);
    CHECK_FALSE(root.where.known());
    CHECK(root.total == 2);
    CHECK(root.children[0].implicit);
    CHECK(root.children[0].restart == bastion::temporary);

    const snapshot_entry& a = at(root, "/a");
    CHECK(a.name == "a");
    CHECK(a.strategy == bastion::strategy::rest_for_one);
    CHECK(a.restart == bastion::transient);
    CHECK(a.restarts == 0u);
    CHECK_FALSE(a.significant);
    CHECK_FALSE(a.reason);
    CHECK_FALSE(a.unread);
    CHECK_FALSE(a.incarnation);
    CHECK(at(root, "/a/b").strategy == bastion::strategy::one_for_all);

    const snapshot_entry& two = at(root, "/a/b/c/two");
    CHECK(two.kind == bastion::snapshot_kind::group);
    CHECK(two.restart == bastion::permanent);
    CHECK_FALSE(two.strategy);
    CHECK_FALSE(two.implicit);
    CHECK(two.total == 2);
    CHECK(two.unlisted() == 0);
    CHECK(two.where.to_string().substr(0, 8) == "tree.hpp"); // where `named` wrote children()
    CHECK(at(root, "/a/b/three").significant);

    const snapshot_entry& element = at(root, "/a/b/three/1");
    CHECK(element.kind == bastion::snapshot_kind::element);
    CHECK(element.restart == bastion::temporary);
    CHECK(element.incarnation == 0u);
    CHECK(element.restarts == 0u);
    CHECK(element.unread == bastion::unread_count{0, true});
    CHECK(element.ref == w.rt.find_children("/a/b/three")[1]);
    CHECK(element.where.known());
    CHECK(element.children.empty());

    SECTION("a supervisor that is asked is the root of its snapshot") {
        auto part = w.rt.run(top.snapshot());
        REQUIRE(part.has_value());
        CHECK(part->root.path == "/a");
        CHECK(part->root.restart == bastion::transient);
        CHECK(part->root.restarts == 0u);
        CHECK(part->elements == 8);
        CHECK(statuses(part->root).size() == 15);
    }
    SECTION("it is a value") {
        const bastion::snapshot copy = s;
        top.stop();
        w.settle();
        CHECK(statuses(copy.root) == statuses(s.root));
        CHECK(statuses(w.rt.snapshot().root) == lines{"/ running"});
    }
}

TEST_CASE("A snapshot's figures are those of its runtime, at the instant of the question") {
    world w(2);
    w.advance(3s);
    const auto a = w.rt.spawn(named(w.events, "a"));
    w.settle();
    bastion::child_ref().tell(1);
    const auto gone = a[0];
    gone.stop();
    w.settle();
    gone.tell(1);
    w.rt.run([]() -> bastion::task<> { co_await bastion::blocking([] {}); }());
    w.settle();
    w.advance(2s);
    const bastion::snapshot s = w.rt.snapshot();
    CHECK(s.stage == bastion::snapshot_stage::running);
    CHECK(s.time == 5s);
    CHECK(s.uptime == 5s);
    CHECK(s.workers == 2);
    CHECK(s.resumes > 0);
    CHECK(s.resumes <= w.rt.counters().resumes);
    CHECK(s.steals <= w.rt.counters().steals);
    CHECK(s.parks <= w.rt.counters().parks);
    CHECK(s.dead_letters[static_cast<std::size_t>(bastion::drop_reason::noproc)] == 2);
    CHECK(s.dead_letters[static_cast<std::size_t>(bastion::drop_reason::full)] == 0);
    CHECK(s.blocking.completed == 1);
}

TEST_CASE("A snapshot shows who restarts, how often, and why") {
    world w;
    const auto slow = bastion::restart_strategy::always().with_linear_backoff(1s);
    w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(named(w.events, "a")
                    .with_redundancy(2)
                    .with_restart_strategy(slow)
                    .with_restart_scope(bastion::restart_scope::element))
            .with_children(named(w.events, "b").with_restart_strategy(at_once())));
    w.advance(10s);
    w.rt.find_children("/s/a")[1].tell(die{"tired"});
    w.rt.find_children("/s/a")[1].tell(1);
    w.rt.find_children("/s/a")[1].tell(2);
    w.rt.find_children("/s/b")[0].tell(die{"x"});
    w.settle();
    bastion::snapshot s = w.rt.snapshot();
    CHECK(status(s, "/s") == "running");
    CHECK(status(s, "/s/a") == "restarting");
    CHECK(status(s, "/s/a/0") == "waiting");
    CHECK(at(s.root, "/s/a/0").age == 10s);
    const snapshot_entry& failed = at(s.root, "/s/a/1");
    CHECK(failed.status == snapshot_status::restarting);
    REQUIRE(failed.reason);
    CHECK(failed.reason->text() == "tired");
    CHECK_FALSE(failed.age);
    CHECK(failed.restarts == 0u);
    CHECK(failed.unread == bastion::unread_count{2, true}); // its owner has them
    const snapshot_entry& again = at(s.root, "/s/b/0");
    CHECK(again.status == snapshot_status::waiting);
    CHECK(again.restarts == 1u);
    CHECK(again.incarnation == 1u);
    CHECK(again.age == 0s);
    CHECK_FALSE(again.reason);
    w.advance(1s);
    s = w.rt.snapshot();
    CHECK(status(s, "/s/a") == "running");
    CHECK(status(s, "/s/a/1") == "waiting");
    CHECK(at(s.root, "/s/a/1").restarts == 1u);
    CHECK(at(s.root, "/s/a/0").age == 11s);
}

TEST_CASE("A snapshot in the middle of a restart of all shows who stops and who waits to be started") {
    world w;
    w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_strategy(bastion::strategy::one_for_all)
            .with_children(named(w.events, "a"))
            .with_children(named(w.events, "b").with_shutdown(bastion::shutdown::infinite()))
            .with_supervisor(bastion::supervisor().with_name("c").with_children(named(w.events, "d"))));
    w.settle();
    w.rt.find_children("/s/b")[0].tell(nap{1s}); // deaf for a stop
    w.settle();
    w.rt.find_children("/s/a")[0].tell(die{"x"});
    w.settle();
    const bastion::snapshot s = w.rt.snapshot();
    CHECK(statuses(s.root) == lines{"/ running", "/s running", "/s/a restarting", "/s/a/0 restarting", "/s/b stopping",
                                  "/s/b/0 stopping", "/s/c restarting", "/s/c/d restarting", "/s/c/d/0 restarting"});
    CHECK(at(s.root, "/s/c").reason);
    CHECK_FALSE(at(s.root, "/s/b").reason);
    w.advance(1s);
    w.settle();
    const bastion::snapshot after = w.rt.snapshot();
    CHECK(statuses(after.root) == lines{"/ running", "/s running", "/s/a running", "/s/a/0 waiting", "/s/b running",
                                      "/s/b/0 waiting", "/s/c running", "/s/c/d running", "/s/c/d/0 waiting"});
    CHECK(at(after.root, "/s/c").restarts == 1u);
    CHECK(at(after.root, "/s/b").restarts == 1u);
}

TEST_CASE("A snapshot shows who starts, and who has not been started yet") {
    world w;
    w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(bastion::children()
                    .with_name("slow")
                    .with_start(bastion::wait_ready)
                    .with_exec([](bastion::context ctx) -> bastion::process {
                        (void)co_await ctx.recv();
                        ctx.ready();
                        (void)co_await ctx.recv();
                    }))
            .with_supervisor(bastion::supervisor().with_name("later").with_children(named(w.events, "g"))));
    w.settle();
    const bastion::snapshot upper = w.rt.snapshot(snapshot_limits().depth(1)); // what is below says nothing itself
    CHECK(status(upper, "/s") == "starting");
    CHECK(status(upper, "/s/temporary") == "running");
    CHECK(status(upper, "/s/slow") == "starting");
    CHECK(status(upper, "/s/later") == "starting");
    CHECK_FALSE(at(upper.root, "/s/later").reason);
    CHECK(statuses(w.rt.snapshot().root) == lines{"/ running", "/s starting", "/s/slow starting", "/s/slow/0 starting",
                                                "/s/later starting", "/s/later/g starting", "/s/later/g/0 starting"});
    w.rt.find_children("/s/slow")[0].tell(0);
    w.settle();
    CHECK(statuses(w.rt.snapshot().root) == lines{"/ running", "/s running", "/s/slow running", "/s/slow/0 waiting",
                                                "/s/later running", "/s/later/g running", "/s/later/g/0 waiting"});
}

TEST_CASE("A snapshot counts unread mail, and names what a waiting process has in hand") {
    world w;
    const auto g = w.rt.spawn(bastion::children().with_name("g").with_exec(deaf));
    const auto bounded =
        w.rt.spawn(bastion::children().with_name("b").with_mailbox(bastion::mailbox::bounded(8)).with_exec(deaf));
    w.settle();
    for (int i = 0; i < 3; ++i) (void)g[0].tell(std::string("skipped"));
    for (int i = 0; i < 2; ++i) (void)bounded[0].tell(std::string("skipped"));
    w.settle();
    bastion::snapshot s = w.rt.snapshot();
    CHECK(at(s.root, "/g/0").unread == bastion::unread_count{3, true}); // skipped, and still there
    CHECK(at(s.root, "/b/0").unread == bastion::unread_count{2, true});
    CHECK(at(s.root, "/g/0").in_hand.empty()); // it waits for mail
    (void)g[0].tell(order{1});
    (void)bounded[0].tell(order{1});
    w.settle();
    for (int i = 0; i < 4; ++i) (void)g[0].tell(order{2});
    for (int i = 0; i < 4; ++i) (void)bounded[0].tell(order{2});
    w.settle();
    s = w.rt.snapshot();
    CHECK(at(s.root, "/g/0").unread == bastion::unread_count{7, true});
    CHECK(at(s.root, "/b/0").unread == bastion::unread_count{6, true});
    CHECK(at(s.root, "/g/0").in_hand == bastion::type_name<order>());
    CHECK(at(s.root, "/b/0").in_hand == bastion::type_name<order>());
    CHECK(status(s, "/g/0") == "waiting");
    for (int i = 0; i < 2'000; ++i) (void)g[0].tell(order{2});
    s = w.rt.snapshot();
    CHECK(at(s.root, "/g/0").unread == bastion::unread_count{1'023, false}); // counting ends there
    w.advance(1h); // it is woken by its timer, as before
    s = w.rt.snapshot();
    CHECK(at(s.root, "/b/0").unread == bastion::unread_count{5, true});
}

TEST_CASE("A snapshot wakes nobody who waits, and leaves no deadline behind") {
    world w;
    const auto g = w.rt.spawn(bastion::children().with_name("g").with_redundancy(3).with_exec(deaf));
    w.settle();
    (void)g[0].tell(order{1});
    (void)g[1].tell(std::string("skipped"));
    w.settle();
    (void)g[0].tell(order{2}); // lies in its inbox: it waits for its timer
    w.settle();
    const bastion::snapshot first = w.rt.snapshot();
    w.settle();
    const bastion::snapshot second = w.rt.snapshot();
    CHECK(at(second.root, "/g/0").unread == bastion::unread_count{1, true});
    CHECK(second.resumes - first.resumes == first.supervisors + first.groups); // a turn of each owner
    g.stop();
    w.settle();
    w.advance(1h); // nobody sleeps any more
    const auto third = w.rt.run(w.rt.root().snapshot(snapshot_limits().within(2h)));
    REQUIRE(third.has_value());
    w.settle();
    CHECK_FALSE(w.rt.state().workers->next_due());
}

TEST_CASE("A snapshot does not wait for a process that computes") {
    test::door door;
    bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
    const auto g = rt.spawn(bastion::children().with_name("g").with_redundancy(2).with_exec(
        [&door](bastion::context ctx) -> bastion::process {
            (void)co_await ctx.recv();
            if (ctx.block().index == 1) door.pass();
            (void)co_await ctx.recv();
        }));
    (void)g[1].tell(0);
    const opens_at_end opens(door);
    door.wait_for(1);
    for (int i = 0; i < 5; ++i) (void)g[1].tell(i);
    const bastion::snapshot s = rt.snapshot(snapshot_limits().within(1h));
    CHECK(status(s, "/g/1") == "running");
    CHECK(at(s.root, "/g/1").unread == bastion::unread_count{5, false});
    CHECK(at(s.root, "/g/1").in_hand.empty());
    door.open();
}

TEST_CASE("A snapshot tells what waits for a blocking function, and what was spawned as a bare function") {
    test::door door;
    world w;
    const opens_at_end opens(door);
    w.settle(); // the root runs: it starts nobody later
    w.rt.spawn([&door](bastion::context ctx) -> bastion::process {
        (void)ctx;
        co_await bastion::blocking([&door] { door.pass(); });
    });
    door.wait_for(1);
    bastion::snapshot s = w.rt.snapshot();
    const snapshot_entry& e = at(s.root, "/temporary/0");
    CHECK((e.status == snapshot_status::waiting || e.status == snapshot_status::running));
    CHECK(e.where.to_string().substr(0, 17) == "snapshot_test.cpp");
    CHECK_FALSE(e.age); // its start is no owner's
    CHECK(s.blocking.running == 1);
    door.open();
    w.settle();
    s = w.rt.snapshot();
    CHECK(at(s.root, "/temporary").total == 0);
}

TEST_CASE("A snapshot lists as many as its limits say, and counts the rest") {
    world w;
    w.rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(named(w.events, "many").with_redundancy(10'000))
            .with_children(named(w.events, "few").with_redundancy(3)));
    w.settle();
    bastion::snapshot s = w.rt.snapshot();
    CHECK(at(s.root, "/s/many").total == 10'000);
    CHECK(at(s.root, "/s/many").children.size() == 100);
    CHECK(at(s.root, "/s/many").unlisted() == 9'900);
    CHECK(at(s.root, "/s/few").children.size() == 3);
    CHECK(s.elements == 10'003);
    CHECK_FALSE(s.partial());
    SECTION("elements") {
        s = w.rt.snapshot(snapshot_limits().elements(20'000));
        CHECK(at(s.root, "/s/many").children.size() == 10'000);
        s = w.rt.snapshot(snapshot_limits().elements(0));
        CHECK(at(s.root, "/s/many").children.empty());
        CHECK(s.elements == 10'003);
    }
    SECTION("children") {
        s = w.rt.snapshot(snapshot_limits().children(2)); // the implicit group is one of them
        CHECK(at(s.root, "/s").total == 3);
        CHECK(at(s.root, "/s").unlisted() == 1);
        CHECK(at(s.root, "/s").children[1].name == "many");
        CHECK(s.elements == 10'000);
        CHECK(s.groups == 3);
    }
    SECTION("depth") {
        s = w.rt.snapshot(snapshot_limits().depth(1));
        CHECK(s.supervisors == 2);
        CHECK(s.groups == 1);
        CHECK(at(s.root, "/s").known == snapshot_knowledge::whole);
        CHECK(at(s.root, "/s/many").known == snapshot_knowledge::cut);
        CHECK(at(s.root, "/s/many").status == snapshot_status::running);
        CHECK_FALSE(s.partial());
        s = w.rt.snapshot(snapshot_limits().depth(0));
        CHECK(at(s.root, "/s").known == snapshot_knowledge::cut);
        CHECK(at(s.root, "/s").children.empty());
    }
    SECTION("entries") {
        s = w.rt.snapshot(snapshot_limits().entries(50));
        std::size_t listed = 0;
        const std::function<void(const snapshot_entry&)> count = [&](const snapshot_entry& e) {
            listed += e.children.size();
            for (const snapshot_entry& c : e.children) count(c);
        };
        count(s.root);
        CHECK(listed == 50);
        CHECK(s.elements == 10'003);
    }
}

TEST_CASE("A supervisor that is stuck in a callback makes the snapshot partial, below it alone") {
    test::door door;
    journal events;
    bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
    rt.spawn(bastion::supervisor()
            .with_name("s")
            .with_children(named(events, "a").with_redundancy(2))
            .with_supervisor(bastion::supervisor().with_name("stuck").with_children(
                named(events, "b").with_callbacks(bastion::callbacks().after_start([&door](const bastion::event&) {
                    door.pass();
                })))));
    const opens_at_end opens(door);
    door.wait_for(1);
    const bastion::snapshot s = rt.snapshot(snapshot_limits().within(20ms));
    CHECK(s.partial());
    CHECK(s.missing == 1);
    CHECK(at(s.root, "/s").known == snapshot_knowledge::whole);
    CHECK(at(s.root, "/s/a").children.size() == 2);
    CHECK(at(s.root, "/s/stuck").known == snapshot_knowledge::whole);
    const snapshot_entry& b = at(s.root, "/s/stuck/b");
    CHECK(b.known == snapshot_knowledge::missing);
    CHECK(b.kind == bastion::snapshot_kind::group);
    CHECK(b.status == snapshot_status::starting);
    CHECK(b.restart == bastion::transient);
    CHECK(b.children.empty());
    door.open();
    const bastion::snapshot whole = rt.snapshot(snapshot_limits().within(1h)); // answered by whoever comes out of it
    CHECK_FALSE(whole.partial());
    CHECK(at(whole.root, "/s/stuck/b").children.size() == 1);
    // Its answer to the first question came too late to be written.
    CHECK(b.known == snapshot_knowledge::missing);
    CHECK(b.children.empty());
}

TEST_CASE("A question for a snapshot ends at its deadline with what has come in, in a process, too") {
    test::door door;
    journal events;
    bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
    const auto sup = rt.spawn(bastion::supervisor().with_name("s").with_children(
        named(events, "b").with_callbacks(bastion::callbacks().after_start([&door](const bastion::event&) {
            door.pass();
        }))));
    const opens_at_end opens(door);
    door.wait_for(1);
    const auto s = rt.run([](bastion::supervisor_ref asked) -> bastion::task<bastion::result<bastion::snapshot>> {
        auto got = co_await asked.snapshot(snapshot_limits().within(10ms));
        co_return std::move(got);
    }(sup));
    REQUIRE(s.has_value());
    CHECK(s->missing == 1);
    CHECK(s->root.path == "/s");
    CHECK(at(s->root, "/s/b").known == snapshot_knowledge::missing);
    door.open();
}

TEST_CASE("A snapshot while its runtime stops, and after") {
    world w;
    w.rt.spawn(bastion::supervisor().with_name("s").with_children(
        named(w.events, "a").with_shutdown(bastion::shutdown::infinite())));
    w.settle();
    w.rt.find_children("/s/a")[0].tell(nap{1s});
    w.settle();
    w.rt.stop();
    w.settle();
    bastion::snapshot s = w.rt.snapshot();
    CHECK(s.stage == bastion::snapshot_stage::stopping);
    CHECK(statuses(s.root) == lines{"/ stopping", "/s stopping", "/s/a stopping", "/s/a/0 stopping"});
    w.advance(1s);
    CHECK(w.rt.wait() == 0);
    s = w.rt.snapshot();
    CHECK(s.stage == bastion::snapshot_stage::ended);
    CHECK(statuses(s.root) == lines{"/ stopped"});
    CHECK(s.time == 1s);
    CHECK(s.elements == 0);
    CHECK_FALSE(s.partial());
}

TEST_CASE("Asking a supervisor that has ended for a snapshot says noproc, and a worker may not block for one") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    w.settle();
    w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        try {
            (void)ctx.runtime().snapshot();
        } catch (const bastion::usage_error& e) { w.events.add(e.what()); }
        auto s = co_await ctx.runtime().root().snapshot();
        w.events.add(s ? std::to_string(s->supervisors) : s.error().what());
    });
    w.settle();
    CHECK(w.events.take() == lines{"bastion: a snapshot blocks, and was called on a worker thread: in a process, "
                                   "co_await instead",
                                 "2"});
    sup.stop();
    w.settle();
    const auto gone = w.rt.run(sup.snapshot());
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code() == bastion::errc::noproc);
    const auto nobody = w.rt.run(bastion::supervisor_ref().snapshot());
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code() == bastion::errc::noproc);
}

TEST_CASE("Whoever asks for a snapshot and ends before it comes leaves nothing behind") {
    const std::uint64_t before = bastion::detail::live_blocks();
    {
        test::door door;
        journal events;
        bastion::runtime rt(bastion::config().with_workers(2).with_signals(false));
        const auto sup = rt.spawn(bastion::supervisor().with_name("s").with_children(
            named(events, "b").with_callbacks(bastion::callbacks().after_start([&door](const bastion::event&) {
                door.pass();
            }))));
        const opens_at_end opens(door);
        door.wait_for(1);
        const auto asker = rt.spawn([sup](bastion::context ctx) -> bastion::process {
            (void)ctx;
            auto s = co_await sup.snapshot(snapshot_limits().within(1h));
            (void)s;
        });
        asker.kill();
        rt.stop();
        door.open();
    }
    CHECK(bastion::detail::live_blocks() == before);
}

TEST_CASE("A snapshot of a simulated runtime takes its time from the simulation") {
    journal events;
    bastion::testing::simulation sim(7);
    sim.spawn(bastion::supervisor().with_name("s").with_children(named(events, "a").with_redundancy(2)));
    const bastion::snapshot s = sim.runtime().snapshot();
    CHECK(s.uptime == 0s);
    CHECK(at(s.root, "/s/a").children.size() == 2);
    sim.advance(2h);
    CHECK(sim.runtime().snapshot().uptime == 2h);
    CHECK(status(sim.runtime().snapshot(), "/s/a/1") == "waiting");
    SECTION("its deadline, too: while others are at work no time passes") {
        const auto before = sim.now();
        CHECK_FALSE(sim.runtime().snapshot(snapshot_limits().within(0s)).partial());
        CHECK(sim.now() == before);
    }
}
