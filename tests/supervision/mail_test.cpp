// What survives a restart: mail and with_data.
#include "supervision/tree.hpp"
#include "support/acceptance.hpp"

#include <algorithm>

using namespace tree;

TEST_CASE("Unread mail survives a restart, oldest first, and only the message in hand is lost") {
    test::acceptance("B4");
    world w;
    const auto g = w.rt.spawn(named(w.events, "g").with_restart_strategy(at_once()));
    w.settle();
    g[0].tell(nap{1s});
    for (const char* s : {"1", "2"}) g[0].tell(s);
    g[0].tell(die{"x"});
    for (const char* s : {"3", "4"}) g[0].tell(s);
    w.advance(1s);
    CHECK(w.events.take() ==
          lines{"start g0", "g0 naps", "g0 woke", "g0: 1", "g0: 2", "end g0", "start g0", "g0: 3", "g0: 4"});
    CHECK(w.rt.dead_letters() == 0);
}

TEST_CASE("Mail that a selective receive skipped survives, too, and is older") {
    world w;
    journal& j = w.events;
    const auto g = w.rt.spawn(
        bastion::children().with_restart_strategy(at_once()).with_exec([&j](bastion::context ctx) -> bastion::process {
            if (ctx.incarnation() == 0) {
                auto d = co_await ctx.recv<die>();
                bastion::panic(d.why);
            }
            for (;;) {
                auto m = co_await ctx.recv();
                if (auto* s = m.told<std::string>()) j.add(*s);
            }
        }));
    w.settle();
    g[0].tell("skipped 1");
    w.settle();
    g[0].tell("skipped 2");
    g[0].tell(die{"x"});
    g[0].tell("after");
    w.settle();
    CHECK(j.take() == lines{"skipped 1", "skipped 2", "after"});
}

TEST_CASE("Mail sent during the back-off waits, and a question is answered by the next incarnation") {
    test::acceptance("B4");
    test::acceptance("C10");
    world w(2);
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::always().with_linear_backoff(1s))
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].tell(die{"x"});
    w.settle();
    CHECK(g[0].tell("waits") == bastion::delivery::accepted);
    auto a = g[0].ask(are_you_there{});
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "end g0"});
    w.advance(1s);
    CHECK(w.events.take() == lines{"start g0", "g0: waits"});
    auto r = w.rt.run(std::move(a));
    REQUIRE(r);
    CHECK(*r == 1);
}

TEST_CASE("clear_on_restart drops what was unread") {
    test::acceptance("B4");
    world w;
    const auto g = w.rt.spawn(bastion::children()
            .with_mailbox(bastion::mailbox::unbounded().clear_on_restart())
            .with_restart_strategy(at_once())
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].tell(nap{1s});
    g[0].tell(die{"x"});
    g[0].tell("unread");
    w.advance(1s);
    g[0].tell("later");
    w.settle();
    CHECK(w.events.take() == lines{"start g0", "g0 naps", "g0 woke", "end g0", "start g0", "g0: later"});
    CHECK(w.rt.dead_letters() == 1);
}

TEST_CASE("The mail of an element that ends for good: dead letters, and askers are told the reason") {
    world w(2);
    const auto g = w.rt.spawn(bastion::children()
            .with_restart_strategy(bastion::restart_strategy::never())
            .with_exec(element(w.events, "g")));
    w.settle();
    g[0].tell(nap{1s});
    g[0].tell(die{"because"});
    g[0].tell("unread");
    auto a = g[0].ask(are_you_there{});
    w.advance(1s);
    auto r = w.rt.run(std::move(a));
    REQUIRE_FALSE(r);
    CHECK(r.error().code() == bastion::errc::target_died);
    CHECK_THAT(r.error().what(), BASTION_CATCH_CONTAINS("because"));
    CHECK(w.rt.dead_letters() == 2);
}

namespace {

struct counted {
    explicit counted(int v) : value(v) { ++made; }
    counted(counted&& o) noexcept : value(o.value) { ++made; }
    counted(const counted&) = delete;
    ~counted() { --made; }
    int value;
    static inline std::atomic<int> made{0};
};

auto counting(journal& j) {
    return [&j](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<die>()) bastion::panic(d->why);
            j.add(std::to_string(++ctx.data<counted>().value));
        }
    };
}

} // namespace

TEST_CASE("with_data: one object per element, kept over restarts or rebuilt after a panic, gone with the group") {
    test::acceptance("B13");
    test::acceptance("C4");
    {
        world w;
        SECTION("kept") {
            const auto g = w.rt.spawn(bastion::children()
                    .with_redundancy(2)
                    .with_restart_strategy(at_once())
                    .with_data([] { return counted(10); })
                    .with_exec(counting(w.events)));
            g[0].tell("");
            g[0].tell("");
            g[0].tell(die{"x"});
            g[0].tell("");
            w.settle();
            g[1].tell("");
            w.settle();
            CHECK(w.events.take() == lines{"11", "12", "13", "11"});
        }
        SECTION("rebuilt for the one that panicked, kept for the sibling that only stopped") {
            const auto g = w.rt.spawn(bastion::children()
                    .with_redundancy(2)
                    .with_restart_strategy(at_once())
                    .with_data([] { return counted(10); }, bastion::on_panic::rebuild)
                    .with_exec(counting(w.events)));
            g[0].tell("");
            g[1].tell("");
            w.settle();
            g[0].tell(die{"x"});
            w.settle();
            g[0].tell("");
            w.settle();
            g[1].tell("");
            w.settle();
            CHECK(w.events.take() == lines{"11", "11", "11", "12"});
        }
        SECTION("a copied value") {
            const auto g = w.rt.spawn(bastion::children()
                    .with_data(std::string("v"))
                    .with_exec([&w](bastion::context ctx) -> bastion::process {
                        w.events.add(ctx.data<std::string>());
                        co_return;
                    }));
            w.settle();
            CHECK(w.events.take() == lines{"v"});
        }
    }
    CHECK(counted::made == 0);
}

TEST_CASE("ctx.data of another type, or without with_data, is a panic that names both") {
    world w;
    auto body = [](bastion::context ctx) -> bastion::process {
        (void)ctx.data<int>();
        co_return;
    };
    (void)w.rt.spawn(bastion::children()
            .with_name("a")
            .with_data(std::string("v"))
            .with_restart_strategy(bastion::restart_strategy::never())
            .with_exec(body));
    w.settle();
    const auto first = w.log.take();
    REQUIRE(first.size() == 1);
    CHECK_THAT(first[0], BASTION_CATCH_CONTAINS("ctx.data<int>()") && BASTION_CATCH_CONTAINS("string"));
    (void)w.rt.spawn(bastion::children().with_restart_strategy(bastion::restart_strategy::never()).with_exec(body));
    w.settle();
    const auto second = w.log.take();
    REQUIRE(second.size() == 1);
    CHECK_THAT(second[0], BASTION_CATCH_CONTAINS("no with_data"));
}

TEST_CASE(
    "A data factory that throws: at the spawn the caller's, at a restart a fault of the element, and nothing leaks") {
    const auto before = bastion::detail::live_blocks();
    {
        world w;
        const auto running = bastion::detail::live_blocks();
        int left = 3;
        auto factory = [&left] {
            if (--left < 0) throw std::runtime_error("no data");
            return counted(1);
        };
        CHECK_THROWS_WITH(w.rt.spawn(bastion::supervisor()
                                  .with_children(bastion::children().with_exec(counting(w.events)))
                                  .with_children(bastion::children().with_redundancy(5).with_data(factory).with_exec(
                                      counting(w.events)))),
            "no data");
        CHECK(bastion::detail::live_blocks() == running);
        CHECK(counted::made == 0);
        left = 1;
        const auto g = w.rt.spawn(bastion::children()
                .with_name("g")
                .with_data(factory, bastion::on_panic::rebuild)
                .with_restart_strategy(bastion::restart_strategy::tries(2).immediate())
                .with_exec(counting(w.events)));
        w.settle();
        g[0].tell(die{"x"});
        w.advance(1ms);
        CHECK_FALSE(g[0].alive());
        CHECK(w.log.take() == lines{"/g/0: panic: x; restarts now", "/g/0: panic: no data; restarts now",
                                  "/g/0: panic: no data; ends: out of tries (2)"});
    }
    CHECK(bastion::detail::live_blocks() == before);
}

TEST_CASE("A broadcast to a supervisor reaches every element below it, one shared value for all") {
    world w;
    std::vector<const void*> values;
    std::mutex lock;
    const auto listener = [&](bastion::context ctx) -> bastion::process {
        for (;;) {
            auto m = co_await ctx.recv();
            if (const auto* text = m.broadcast<std::string>()) {
                const std::lock_guard guard(lock);
                values.push_back(text);
                w.events.add(*text);
            }
        }
    };
    auto sup = w.rt.spawn(bastion::supervisor()
            .with_children(bastion::children().with_redundancy(2).with_exec(listener))
            .with_supervisor(bastion::supervisor().with_children(bastion::children().with_exec(listener))));
    (void)sup.spawn(listener);  // a temporary element
    w.settle();
    sup.broadcast("news");
    w.settle();
    CHECK(w.events.take() == lines{"news", "news", "news", "news"});
    CHECK(values.size() == 4);
    CHECK(std::count(values.begin(), values.end(), values.front()) == 4);
    w.rt.broadcast(std::string("all"));
    w.settle();
    CHECK(w.events.take() == lines{"all", "all", "all", "all"});
}
