// Processes that processes spawn: their supervisor does not know of them until there is something to do with them.
#include "supervision/tree.hpp"

#include <bastion/process/control_block.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

using namespace tree;

namespace {

struct bear {
    std::string name;
    using answer_type = bastion::child_ref;
};

// Spawns elements of these names.
auto mother(journal& j) {
    return [&j](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto q = m.asked<bear>()) {
                const std::string name = q->name;
                q.reply(ctx.spawn(element(j, name)));
            } else if (m.told<finish>() != nullptr) {
                co_return;
            }
        }
    };
}

// A child of `m`'s, which is up.
bastion::child_ref born(world& w, const bastion::child_ref& m, std::string name) {
    auto r = w.rt.run(m.ask(bear{std::move(name)}));
    REQUIRE(r);
    w.settle();
    return *r;
}

std::vector<std::string> names_in(const bastion::snapshot_entry& e) {
    std::vector<std::string> all;
    for (const auto& c : e.children) all.push_back(c.name);
    return all;
}

} // namespace

TEST_CASE("crowd: what processes and plain threads have spawned stops in reverse order of the spawns") {
    world w(GENERATE(1u, 2u));
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto m = sup.spawn(mother(w.events));
    w.settle();
    (void)born(w, m, "a");
    (void)sup.spawn(element(w.events, "b"));
    w.settle();
    (void)born(w, m, "c");
    (void)w.events.take();
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end c3", "end b2", "end a1"});
}

TEST_CASE("crowd: who was spoken of stops in its turn") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto m = sup.spawn(mother(w.events));
    w.settle();
    std::vector<bastion::child_ref> born_there;
    for (const char* name : {"a", "b", "c", "d"}) born_there.push_back(born(w, m, name));
    for (std::size_t i : {2u, 0u}) {
        const auto up = w.rt.run(born_there[i].started());
        CHECK(up);
    }
    (void)w.events.take();
    sup.stop();
    w.settle();
    CHECK(w.events.take() == lines{"end d4", "end c3", "end b2", "end a1"});
}

TEST_CASE("crowd: who spawned them may be gone, and each is stopped, watched and found as any other") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto m = sup.spawn(mother(w.events));
    w.settle();
    const auto a = born(w, m, "a");
    const auto b = born(w, m, "b");
    const auto c = born(w, m, "c");
    m.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"start a1", "start b2", "start c3"});

    const auto up = w.rt.run(a.started());
    CHECK(up.has_value());
    const auto there = w.rt.run(b.ask(are_you_there{}));
    CHECK(there.has_value());
    std::vector<std::string> downs;
    (void)w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        const auto first = ctx.monitor(a);
        const auto second = ctx.monitor(b);
        for (int i = 0; i < 2; ++i) {
            auto d = co_await ctx.recv<bastion::down>();
            downs.push_back(d.reason().what());
        }
    });
    w.settle();
    a.stop();
    w.settle();
    CHECK_FALSE(a.alive());
    CHECK(w.events.take() == lines{"end a1"});
    a.stop(); // of one that is gone nothing comes
    b.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"end b2"});
    CHECK(downs == std::vector<std::string>{"stopped", "normal"});
    auto late = w.rt.run(b.started());
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == bastion::errc::noproc);

    sup.broadcast(std::string("all"));
    w.settle();
    CHECK(w.events.take() == lines{"c3 heard all"});
    c.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"end c3"});
    CHECK(w.log.take().empty());
}

TEST_CASE("crowd: their faults are told") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto m = sup.spawn(mother(w.events));
    w.settle();
    const auto a = born(w, m, "a");
    const auto b = born(w, m, "b");
    a.tell(die{"why not"});
    w.settle();
    CHECK(w.log.take() == lines{"/s/temporary/1: panic: why not; ends: it is temporary"});
    b.tell(give_up{"no more"});
    w.settle();
    CHECK(w.log.take() == lines{"/s/temporary/2: error: no more; ends: it is temporary"});
    b.exit(bastion::exit_reason(bastion::exit_kind::error)); // of one that is gone nothing comes
    w.settle();
    CHECK(w.log.take().empty());
    CHECK(m.alive());
}

TEST_CASE("crowd: a snapshot shows all of them, in the order in which they were spawned") {
    world w(2);
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto m = sup.spawn(mother(w.events));
    w.settle();
    const auto gone = born(w, m, "gone");
    (void)born(w, m, "a");
    (void)sup.spawn(element(w.events, "b"));
    gone.tell(finish{});
    w.settle();
    const auto shown = [&] {
        auto s = w.rt.run(sup.snapshot());
        REQUIRE(s);
        REQUIRE(s->root.children.size() == 1);
        return names_in(s->root.children[0]);
    };
    CHECK(shown() == std::vector<std::string>{"0", "2", "4"}); // a worker takes some numbers ahead
    (void)born(w, m, "c");
    CHECK(shown() == std::vector<std::string>{"0", "2", "4", "5"});
    (void)w.events.take();
    sup.kill();
    w.settle();
    CHECK_FALSE(m.alive());
}

TEST_CASE("crowd: those that processes spawn while their supervisor stops to start again are started with it") {
    world w(GENERATE(1u, 2u));
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s").with_restart_strategy(at_once()));
    const auto inner =
        sup.spawn(bastion::supervisor().with_name("i").with_restart_strategy(at_once()).with_intensity(0, 10s));
    const auto slow = inner.spawn(named(w.events, "slow").with_shutdown(bastion::shutdown::infinite()));
    w.settle();
    const auto other = inner.spawn(named(w.events, "other"));
    w.settle();
    std::vector<bastion::child_ref> spawned;
    const auto outside = sup.spawn([&](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<finish>() != nullptr) spawned.push_back(inner.spawn(element(w.events, "t")));
        }
    });
    w.settle();
    outside.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"start slow0", "start other0", "start t0"});
    slow[0].tell(nap{1h}); // its stop waits for that
    w.settle();
    other[0].tell(die{"now"}); // more than its supervisor stands
    w.settle();
    CHECK(w.events.take() == lines{"slow0 naps", "end other0", "end t0"});
    CHECK_FALSE(spawned[0].alive());
    outside.tell(finish{});
    w.settle();
    CHECK(w.events.take().empty());
    CHECK(spawned[1].alive());
    w.advance(1h);
    lines all = w.events.take();
    std::sort(all.begin(), all.end());
    CHECK(all == lines{"end slow0", "slow0 woke", "start other0", "start slow0", "start t1"});
    outside.tell(finish{});
    w.settle();
    CHECK(w.events.take() == lines{"start t2"});
    CHECK(spawned[1].alive());
}

TEST_CASE("crowd: what a body owns is gone when nobody knows its process any more, and may do anything") {
    world w(GENERATE(1u, 2u));
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    const auto reader = sup.spawn(element(w.events, "r"));
    w.settle();
    struct busy_end {
        const bastion::supervisor_ref& sup;
        const bastion::child_ref& reader;
        journal& events;
        busy_end(const bastion::supervisor_ref& s, const bastion::child_ref& r, journal& j)
            : sup(s), reader(r), events(j) {}
        busy_end(const busy_end&) = delete;
        busy_end& operator=(const busy_end&) = delete;
        ~busy_end() {
            reader.tell(std::string("from the end"));
            (void)sup.spawn(element(events, "heir"));
        }
    };
    (void)sup.spawn([&](bastion::context ctx) -> bastion::process {
        (void)ctx.spawn([end = std::make_shared<busy_end>(sup, reader, w.events)](
                            bastion::context) -> bastion::process { co_return; });
        co_return;
    });
    w.settle();
    lines all = w.events.take();
    std::sort(all.begin(), all.end());
    CHECK(all == lines{"r0: from the end", "start heir3", "start r0"});
}

TEST_CASE("crowd: spawns, ends, stops, looks and restarts by two workers and a plain thread: nobody is lost") {
    const auto blocks = bastion::detail::live_blocks();
    std::atomic<std::uint64_t> begun{0};
    std::atomic<std::uint64_t> ended{0};
    {
        bastion::runtime rt(
            bastion::config().with_workers(2).with_signals(false).with_log([](const bastion::log_record&) {}));
        struct life {
            std::atomic<std::uint64_t>& ended;
            explicit life(std::atomic<std::uint64_t>& b, std::atomic<std::uint64_t>& e) : ended(e) { ++b; }
            life(const life&) = delete;
            life& operator=(const life&) = delete;
            ~life() { ++ended; }
        };
        const auto sup = rt.spawn(bastion::supervisor().with_name("s"));
        std::atomic<bool> over{false};
        // Of its children every fourth waits to be stopped, every seventh panics.
        const auto spawner = [&](bastion::context ctx) -> bastion::process {
            for (unsigned i = 0; !over; ++i) {
                (void)ctx.spawn([&, i](bastion::context child) -> bastion::process {
                    const life mine(begun, ended);
                    if (i % 4 == 0) (void)co_await child.recv<int>().within(2ms);
                    if (i % 7 == 0) bastion::panic("on purpose");
                    co_return;
                });
                if (i % 16 == 0) co_await ctx.yield();
            }
        };
        std::vector<bastion::child_ref> spawners;
        for (int i = 0; i < 3; ++i) spawners.push_back(sup.spawn(spawner));
        for (int round = 0; round < 60; ++round) {
            auto s = rt.run(sup.snapshot());
            REQUIRE(s);
            for (const auto& group : s->root.children)
                for (const auto& e : group.children)
                    if (std::none_of(spawners.begin(), spawners.end(), [&](const auto& p) { return p == e.ref; }))
                        e.ref.stop();
            (void)rt.run(spawners[0].started());
            while (begun < 300u * static_cast<unsigned>(round)) std::this_thread::yield();
        }
        over = true;
        for (const auto& s : spawners)
            while (s.alive()) std::this_thread::yield();
        sup.stop();
        while (sup.alive()) std::this_thread::yield();
        rt.stop();
        CHECK(rt.wait() == 0);
    }
    CHECK(begun == ended);
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("crowd: a body that needs a special alignment gets it, and its memory goes back") {
    struct alignas(64) wide {
        char bytes[64] = {};
    };
    world w;
    std::vector<std::uintptr_t> where;
    const auto look = [&where, own = wide()](bastion::context) -> bastion::process {
        where.push_back(reinterpret_cast<std::uintptr_t>(&own));
        co_return;
    };
    (void)w.rt.spawn([&](bastion::context ctx) -> bastion::process {
        for (int i = 0; i < 3; ++i) (void)ctx.spawn(look);
        co_return;
    });
    w.settle();
    REQUIRE(where.size() == 3);
    for (std::uintptr_t at : where) CHECK(at % 64 == 0);
}
