// Routing beside the card. tell_direct and tell_distributor: n messages in turn to 1,000 members, by their refs and by a
// distributor; the op is a message, handled. broadcast: n calls of a topic of 10,000; the op is a member that it is given
// to. whereis: n look-ups of the names of 100,000 processes while a thread registers and unregisters others; the op is a look-up. These two
// time their calls only, not what the members do about them.

#include "rows.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <string_view>
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

// A text in few bytes, so that the list of all that are looked up takes little of the cache.
class short_text {
public:
    explicit short_text(const std::string& from) : size_(static_cast<unsigned char>(from.size())) {
        check(from.size() < sizeof bytes_, "whereis: a name is too long");
        from.copy(bytes_, sizeof bytes_);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_, size_}; }

private:
    char bytes_[15];
    unsigned char size_;
};

bastion::task<figure> look_up(bastion::context ctx, std::uint64_t n) {
    constexpr std::size_t names = 100'000;
    bastion::runtime& rt = ctx.runtime();
    std::vector<bastion::child_ref> named;
    std::vector<short_text> known;
    for (std::size_t i = 0; i < names; ++i) {
        named.push_back(ctx.spawn(stay));
        known.emplace_back("service-" + std::to_string(i));
        auto r = rt.register_name(known[i].view(), named[i]);
        check(r.has_value(), "whereis: a name was taken");
    }
    for (std::size_t i = 0; i < names; ++i) check(ctx.whereis(known[i].view()) == named[i], "whereis: who was found");
    // From here on in no order of the table. The texts lie one after another: it is a look-up that is measured.
    std::shuffle(known.begin(), known.end(), std::mt19937(1));
    const auto others = ctx.spawn(counters(1));
    std::atomic<bool> done{false};
    std::thread other([&rt, &done, another = others[0]] {
        for (std::uint64_t i = 0; !done.load(std::memory_order_relaxed); ++i) {
            const std::string name = "passing-" + std::to_string(i % 1000);
            (void)rt.register_name(name, another);
            (void)rt.unregister_name(name);
        }
    });
    double ns = 0;
    std::uint64_t found = 0;
    std::size_t which = 0;
    for (std::uint64_t i = 0; i < n;) {
        const stopwatch clock;
        for (std::uint64_t end = std::min(n, i + 1000); i < end; ++i) {
            if (ctx.whereis(known[which].view()) != bastion::child_ref()) ++found;
            if (++which == names) which = 0;
        }
        ns += clock.ns();
        auto sum = co_await sum_of(others); // who is registered has heard of all that
        check(sum == 0, "whereis: nobody sends");
    }
    done.store(true);
    other.join();
    check(found == n, "whereis: a name was not found");
    for (const bastion::child_ref& one : named) one.tell(number{0});
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure tell_direct(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, direct); }
figure tell_distributor(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, by_distributor); }
figure broadcast(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, to_topic); }
figure whereis(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, look_up); }

} // namespace bench
