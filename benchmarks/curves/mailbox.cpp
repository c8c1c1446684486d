// Curves over the mailbox of one process, which tells itself, so that nobody else decides how deep it is.
// depth_fill: x messages are told, then all of them are read. depth_standing: x messages wait, and each time one is told and one is
// read. size: one message of x bytes is told and read, all of them. The op is a message, told and read.

#include "curves.hpp"

#include <memory>

namespace curves {
namespace {

// ---- depth

bastion::task<double> fill_and_drain(bastion::context ctx, std::uint64_t depth, std::uint64_t rounds) {
    const bastion::child_ref me = ctx.self();
    const stopwatch clock;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::uint64_t i = 0; i < depth; ++i) me.tell(number{i});
        for (std::uint64_t i = 0; i < depth; ++i) {
            auto m = co_await ctx.recv();
            check(value_of(m) == i, "depth_fill: the order");
        }
    }
    co_return clock.ns() / static_cast<double>(depth * rounds);
}

std::uint64_t rounds_of(const request& r) { return std::max<std::uint64_t>(r.share(10'000'000) / r.x, 2); }

bastion::task<point> fill(bastion::context ctx, request r) {
    const std::uint64_t rounds = rounds_of(r);
    co_await fill_and_drain(ctx, r.x, rounds / 10 + 1);
    const double ns = co_await fill_and_drain(ctx, r.x, rounds);
    co_return point{.ns = ns, .ops = rounds * r.x};
}

// From the `from`-th message that is read to the `to`-th; `depth` more have been told than read.
bastion::task<double> one_in_one_out(bastion::context ctx, std::uint64_t depth, std::uint64_t from, std::uint64_t to) {
    const bastion::child_ref me = ctx.self();
    const stopwatch clock;
    for (std::uint64_t i = from; i < to; ++i) {
        me.tell(number{i + depth});
        auto m = co_await ctx.recv();
        check(value_of(m) == i, "depth_standing: the order");
    }
    co_return clock.ns() / static_cast<double>(to - from);
}

bastion::task<point> stand(bastion::context ctx, request r) {
    for (std::uint64_t i = 0; i < r.x; ++i) ctx.self().tell(number{i});
    const std::uint64_t ops = r.share(10'000'000);
    co_await one_in_one_out(ctx, r.x, 0, 2 * r.x);
    const double ns = co_await one_in_one_out(ctx, r.x, 2 * r.x, 2 * r.x + ops);
    co_return point{.ns = ns, .ops = ops};
}

// ---- size

template <std::size_t bytes>
struct block {
    std::array<std::uint64_t, bytes / sizeof(std::uint64_t)> words;
};

template <std::size_t bytes>
bastion::task<double> tell_and_read(bastion::context ctx, std::uint64_t n) {
    const bastion::child_ref me = ctx.self();
    auto source = std::make_unique<block<bytes>>();
    source->words.fill(1);
    std::uint64_t sum = 0;
    const stopwatch clock;
    for (std::uint64_t i = 0; i < n; ++i) {
        source->words[0] = i;
        me.tell(*source);
        auto m = co_await ctx.recv();
        const auto* const got = m.template told<block<bytes>>();
        check(got != nullptr, "size: a message of another type");
        for (const std::uint64_t word : got->words) sum += word;
    }
    const double ns = clock.ns() / static_cast<double>(n);
    check(sum == n * (source->words.size() - 1) + n * (n - 1) / 2, "size: the sum");
    co_return ns;
}

struct of_size {
    std::uint64_t bytes;
    bastion::task<double> (*tell)(bastion::context ctx, std::uint64_t n);
};
constexpr of_size sizes[] = {
    {8, tell_and_read<8>},
    {64, tell_and_read<64>},
    {128, tell_and_read<128>},
    {256, tell_and_read<256>},
    {1024, tell_and_read<1024>},
    {4096, tell_and_read<4096>},
    {16384, tell_and_read<16384>},
    {65536, tell_and_read<65536>},
};

std::uint64_t messages_of(const request& r) {
    return std::max<std::uint64_t>(r.share(std::min<std::uint64_t>(10'000'000, 4'000'000'000 / r.x)), 10);
}

bastion::task<point> send(bastion::context ctx, request r) {
    for (const of_size& s : sizes) {
        if (s.bytes != r.x) continue;
        const std::uint64_t ops = messages_of(r);
        co_await s.tell(ctx, ops / 10 + 1);
        const double ns = co_await s.tell(ctx, ops);
        co_return point{.ns = ns, .ops = ops};
    }
    bench::failed("size: X is one of the sizes that bastion-curves list names");
}

} // namespace

point depth_fill(const request& r) {
    point p = run(r, fill);
    p.bytes = 64; // an envelope
    p.elements = static_cast<double>(r.x);
    p.list_ns = fill_and_drain_ns(r.x, rounds_of(r));
    return p;
}

point depth_standing(const request& r) {
    point p = run(r, stand);
    p.bytes = 64;
    p.elements = static_cast<double>(r.x + 1);
    p.list_ns = walk_ns(places_in_line(r.x + 1), p.bytes, p.ops);
    return p;
}

point size(const request& r) {
    point p = run(r, send);
    p.bytes = static_cast<double>(std::max<std::uint64_t>(r.x, 64));
    p.elements = 2; // what is told, and the message
    p.list_ns = copy_and_read_ns(r.x, p.ops);
    return p;
}

} // namespace curves
