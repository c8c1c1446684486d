// Curves over the number of senders to one process.
// senders: each has one message on its way at a time, and sends the next when it was told that the last was read; the op is a message, with
// that. senders_batch: each sends 100, and waits until the last of them was read; the op is a message.

#include "curves.hpp"

#include <atomic>

namespace curves {
namespace {

// What a sender sends; `wanted`: it waits to be told that it was read.
struct note {
    bastion::child_ref from;
    std::uint64_t value;
    bool wanted;
};

// All are written before the first spawn, but for `left`.
bastion::child_ref driver;
bastion::child_ref reader;
std::vector<bastion::child_ref> visited; // the senders
std::uint64_t batch = 1;
std::atomic<std::uint64_t> left{0}; // senders that are not done

void one_less() {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) driver.tell(number{0});
}

// Told how many batches, it sends so many.
bastion::process send_when_told(bastion::context ctx) {
    const bastion::child_ref me = ctx.self();
    one_less();
    std::uint64_t sent = 0;
    for (;;) {
        auto told = co_await ctx.recv();
        for (std::uint64_t n = value_of(told); n > 0; --n) {
            for (std::uint64_t i = 1; i <= batch; ++i) reader.tell(note{me, ++sent, i == batch});
            auto m = co_await ctx.recv();
            check(value_of(m) == sent, "senders: what was read");
        }
        one_less();
    }
}

// A question: how many messages were read.
struct count {
    using answer_type = number;
};

bastion::process read_all(bastion::context ctx) {
    std::uint64_t read = 0;
    for (;;) {
        auto m = co_await ctx.recv();
        if (const auto* n = m.told<note>()) {
            ++read;
            if (n->wanted) n->from.tell(number{n->value});
        } else if (auto q = m.asked<count>()) {
            q.reply(number{read});
        } else {
            m.unhandled();
        }
    }
}

bastion::task<void> start(bastion::context ctx, std::uint64_t n) {
    driver = ctx.self();
    reader = ctx.spawn(read_all);
    left = n;
    visited.assign(n, bastion::child_ref());
    for (std::uint64_t i = 0; i < n; ++i) {
        visited[i] = ctx.spawn(send_when_told);
        if (i % 100 == 99) co_await ctx.yield();
    }
    auto all = co_await ctx.recv();
    check(value_of(all) == 0 && left == 0, "senders: not all have come");
}

bastion::task<double> weigh_sender(bastion::context ctx, std::uint64_t n) {
    visited.assign(n, bastion::child_ref());
    const double before = bench::resident_bytes();
    co_await start(ctx, n);
    co_return (bench::resident_bytes() - before) / static_cast<double>(n);
}

bastion::task<double> send_all(bastion::context ctx, std::uint64_t each) {
    left = visited.size();
    const stopwatch clock;
    for (const bastion::child_ref& sender : visited) sender.tell(number{each});
    auto all = co_await ctx.recv();
    check(value_of(all) == 0 && left == 0, "senders: not all are done");
    co_return clock.ns() / static_cast<double>(each * batch * visited.size());
}

bastion::task<point> measure(bastion::context ctx, request r) {
    co_await start(ctx, r.x);
    const std::uint64_t each = std::max<std::uint64_t>(r.share(batch == 1 ? 4'000'000 : 10'000'000) / (r.x * batch), 5);
    const std::uint64_t first = each / 10 + 1;
    co_await send_all(ctx, first);
    const double ns = co_await send_all(ctx, each);
    auto read = co_await reader.ask<count>();
    check(read.has_value() && read->value == (first + each) * batch * r.x, "senders: how many were read");
    co_return point{.ns = ns, .ops = each * batch * r.x};
}

} // namespace

point senders(const request& r) {
    batch = 1;
    // A sender that was told is run at once, and its next message read, up to three times in a row: 3 lines a message.
    const double bytes = touched(weigh(r, 200'000, weigh_sender), 3);
    point p = run(r, measure);
    p.bytes = bytes;
    p.elements = static_cast<double>(r.x);
    p.list_ns = walk_ns(places(visited), bytes, p.ops);
    return p;
}

point senders_batch(const request& r) {
    batch = 100;
    point p = run(r, measure);
    // What is visited most are the messages, all of which may be on their way at once: an envelope holds a note in two lines.
    static_assert(bastion::detail::envelope_bytes<note> == 128);
    p.bytes = 128;
    p.elements = static_cast<double>(r.x * batch);
    p.list_ns = fill_and_drain_ns(r.x * batch, std::max<std::uint64_t>(p.ops / (r.x * batch), 1));
    return p;
}

} // namespace curves
