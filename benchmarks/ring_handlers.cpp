// Row 2 with handlers for bodies: a group of 503, each told its neighbour.

#include "rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t ring_size = 503;

struct place {
    bastion::child_ref driver;
    bastion::child_ref next;
    std::uint64_t index;
};

class node {
public:
    void on_place(const place& p) { place_ = p; }
    void on_number(const number& m) {
        if (m.value == 0) place_.driver.tell(number{place_.index});
        else place_.next.tell(number{m.value - 1});
    }

private:
    place place_;
};

bastion::task<figure> turn(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto nodes = ctx.spawn(bastion::children().with_redundancy(ring_size).with_handlers<node>(
        bastion::on_tell(&node::on_number), bastion::on_tell(&node::on_place)));
    for (std::uint64_t i = 0; i < ring_size; ++i) nodes[i].tell(place{me, nodes[(i + 1) % ring_size], i});
    nodes[0].tell(number{n});
    co_return co_await finish(ctx, clock, n, n % ring_size, "ring_handlers: where the token stopped");
}

} // namespace

figure ring_handlers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, turn); }

} // namespace bench
