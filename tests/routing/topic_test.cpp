// Topics: one shared value for all who have subscribed; a slow subscriber is bounded by its own mailbox.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/probe.hpp>
#include <bastion/testing/simulation.hpp>

#include <atomic>
#include <set>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;
using testing::simulation;

namespace {

struct headline {
    std::string text;
};

} // namespace

TEST_CASE("A topic's broadcast reaches every subscriber, as one shared value") {
    test::acceptance("C5");
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto news = rt.topic("news");
    std::set<const headline*> seen;
    int heard = 0;
    auto group = rt.spawn(children().with_redundancy(50).with_topic("news").with_exec([&](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto* h = msg.broadcast<headline>()) {
                seen.insert(h);
                ++heard;
            }
        }
    }));
    CHECK(news.size() == 50);
    CHECK(news.broadcast(headline{"one payload"}) == 50);
    sim.settle();
    CHECK(heard == 50);
    CHECK(seen.size() == 1);
    CHECK(news.broadcast_from(group[7], headline{"all but one"}) == 49);
    sim.settle();
    CHECK(heard == 99);
    CHECK(news.unsubscribe(group[7]));
    CHECK(news.broadcast(headline{"without seven"}) == 49);
    group.stop();
    sim.settle();
    const auto lost = rt.dead_letters();
    CHECK(news.broadcast(headline{"nobody"}) == 0);
    CHECK(rt.dead_letters() == lost); // nobody listens: no loss
}

TEST_CASE("A subscriber may leave the topic inside its handler") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto news = rt.topic("news");
    int heard = 0;
    (void)rt.spawn(children().with_redundancy(3).with_topic("news").with_handlers(
        on_broadcast([&heard, news](context ctx, const headline&) {
            ++heard;
            news.unsubscribe(ctx.self());
        })));
    CHECK(news.broadcast(headline{"first"}) == 3);
    CHECK(news.broadcast(headline{"on its way with the first"}) == 3);
    sim.settle();
    CHECK(news.broadcast(headline{"too late"}) == 0);
    CHECK(heard == 6);
}

TEST_CASE("A slow subscriber is bounded by its own mailbox, and holds up nobody") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto news = rt.topic("news");
    int fast = 0;
    int slow = 0;
    (void)rt.spawn(children().with_topic("news").with_handlers(on_broadcast([&fast](const headline&) { ++fast; })));
    (void)rt.spawn(children()
            .with_topic("news")
            .with_mailbox(mailbox::bounded(2, overflow::drop_oldest))
            .with_exec([&slow](context ctx) -> process {
                co_await ctx.sleep_for(1h);
                for (;;) {
                    auto msg = co_await ctx.recv();
                    if (msg.broadcast<headline>() != nullptr) ++slow;
                }
            }));
    sim.settle();
    for (int i = 0; i < 10; ++i) (void)news.broadcast(headline{std::to_string(i)});
    sim.settle();
    CHECK(fast == 10);
    CHECK(slow == 0);
    sim.advance(2h);
    CHECK(slow == 2);
}

TEST_CASE("Topics and distributors of one name are two sets, and sets that nobody needs go") {
    simulation sim(1);
    auto& rt = sim.runtime();
    auto p = rt.spawn([](context ctx) -> process { (void)co_await ctx.recv(); });
    CHECK(rt.topic("x").subscribe(p));
    CHECK(rt.distributor("x").empty());
    CHECK(rt.topic("x").size() == 1);
    for (int i = 0; i < 10'000; ++i) CHECK(rt.topic("passing " + std::to_string(i)).empty());
    CHECK(rt.topic("x").size() == 1);
}

TEST_CASE("A hundred thousand subscribers hear a broadcast, and leave without a trace") {
    const auto blocks = detail::live_blocks();
    {
        runtime rt(config().with_workers(2));
        std::atomic<int> heard{0};
        const auto crowd = rt.topic("crowd");
        auto group = rt.spawn(children().with_redundancy(100'000).with_topic("crowd").with_handlers(
            on_broadcast([&heard](const headline&) { heard.fetch_add(1, std::memory_order_relaxed); })));
        CHECK(crowd.size() == 100'000);
        CHECK(crowd.broadcast(headline{"to all"}) == 100'000);
        auto started = rt.run(group.started().within(60s));
        CHECK(started.has_value());
        group.stop();
        rt.stop();
        (void)rt.wait();
        CHECK(crowd.empty());
    }
    CHECK(detail::live_blocks() == blocks);
}
