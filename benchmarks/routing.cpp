// Routing beside the card. tell_direct and tell_distributor: n messages in turn to 1,000 members, by their refs and by a
// distributor; the op is a message, handled. broadcast: n calls of a topic of 10,000; the op is a member that it is given
// to. whereis: n look-ups of 100,000 names while a thread registers and unregisters others; the op is a look-up. These two
// time their calls only, not what the members do about them.

#include "rows.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

struct total {
    using answer_type = number;
};

// Counts what it is told, and what it hears.
struct counter {
    std::uint64_t sum = 0;
    void add(const number& n) { sum += n.value; }
    number total_of(const total&) const { return {sum}; }
};

bastion::children counters(std::uint32_t many) {
    return bastion::children().with_redundancy(many).with_handlers<counter>(bastion::on_tell(&counter::add),
        bastion::on_broadcast(&counter::add), bastion::on_question(&counter::total_of));
}

bastion::task<std::uint64_t> sum_of(bastion::children_ref group) {
    std::uint64_t sum = 0;
    for (const bastion::child_ref& member : group) {
        auto r = co_await member.ask(total());
        check(r.has_value(), "routing: no answer");
        sum += r->value;
    }
    co_return sum;
}

template <class Send>
bastion::task<figure> send_in_turn(bastion::context ctx, bastion::children_ref group, std::uint64_t n, Send send) {
    auto started = co_await group.started();
    check(started.has_value(), "routing: not started");
    const stopwatch clock;
    for (std::uint64_t i = 0; i < n; ++i) {
        send(i);
        if (i % 100 == 99) co_await ctx.yield();
    }
    auto sum = co_await sum_of(group);
    check(sum == n, "routing: the sum");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

bastion::task<figure> direct(bastion::context ctx, std::uint64_t n) {
    const auto group = ctx.spawn(counters(1000));
    auto f = co_await send_in_turn(ctx, group, n, [&group](std::uint64_t i) { group[i % 1000].tell(number{1}); });
    co_return f;
}

bastion::task<figure> by_distributor(bastion::context ctx, std::uint64_t n) {
    const auto group = ctx.spawn(counters(1000).with_distributor("all"));
    const auto all = ctx.distributor("all");
    auto f = co_await send_in_turn(ctx, group, n, [&all](std::uint64_t) { all.tell_one(number{1}); });
    co_return f;
}

bastion::task<figure> to_topic(bastion::context ctx, std::uint64_t n) {
    constexpr std::uint32_t members = 10'000;
    const auto group = ctx.spawn(counters(members).with_topic("all"));
    const auto all = ctx.topic("all");
    auto started = co_await group.started();
    check(started.has_value(), "broadcast: not started");
    double ns = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const stopwatch clock;
        check(all.broadcast(number{1}) == members, "broadcast: who took it");
        ns += clock.ns();
        auto sum = co_await sum_of(group); // all of them have handled it, and wait
        check(sum == (i + 1) * members, "broadcast: the sum");
    }
    co_return figure{.ops = n * members, .ns = ns};
}

bastion::process stay(bastion::context ctx) { (void)co_await ctx.recv(); }

bastion::task<figure> look_up(bastion::context ctx, std::uint64_t n) {
    constexpr std::size_t names = 100'000;
    bastion::runtime& rt = ctx.runtime();
    const auto named = ctx.spawn(stay);
    std::vector<std::string> known(names);
    for (std::size_t i = 0; i < names; ++i) {
        known[i] = "service-" + std::to_string(i);
        auto r = rt.register_name(known[i], named);
        check(r.has_value(), "whereis: a name was taken");
    }
    std::atomic<bool> done{false};
    std::thread other([&rt, &done, named] {
        for (std::uint64_t i = 0; !done.load(std::memory_order_relaxed); ++i) {
            const std::string name = "passing-" + std::to_string(i % 1000);
            (void)rt.register_name(name, named);
            (void)rt.unregister_name(name);
        }
    });
    double ns = 0;
    std::uint64_t found = 0;
    std::size_t which = 0;
    for (std::uint64_t i = 0; i < n;) {
        const stopwatch clock;
        for (std::uint64_t end = std::min(n, i + 1000); i < end; ++i) {
            which = (which + 7919) % names; // all of them, in no order
            if (ctx.whereis(known[which]) == named) ++found;
        }
        ns += clock.ns();
        co_await ctx.yield(); // `named` hears of what it is registered by
    }
    done.store(true);
    other.join();
    check(found == n, "whereis: a name was not found");
    named.tell(number{0});
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure tell_direct(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, direct); }
figure tell_distributor(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, by_distributor); }
figure broadcast(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, to_topic); }
figure whereis(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, look_up); }

} // namespace bench
