// Row 1 with handlers for bodies: both processes have a state and no coroutine frame.

#include "rows.hpp"

namespace bench {
namespace {

struct begin {
    bastion::child_ref peer;
    bastion::child_ref driver;
    std::uint64_t hops;
};

class player {
public:
    void on_begin(const begin& b) {
        peer_ = b.peer;
        driver_ = b.driver;
        hops_ = b.hops;
        if (hops_ != 0) peer_.tell(number{1});
    }
    void on_number(const number& m) {
        if (m.value == hops_) driver_.tell(number{m.value});
        else peer_.tell(number{m.value + 1});
    }

private:
    bastion::child_ref peer_;
    bastion::child_ref driver_;
    std::uint64_t hops_ = 0; // Of the one that counts them; the other has none.
};

bastion::task<figure> play(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto players = ctx.spawn(bastion::children().with_redundancy(2).with_handlers<player>(
        bastion::on_tell(&player::on_number), bastion::on_tell(&player::on_begin)));
    players[1].tell(begin{players[0], me, 0});
    players[0].tell(begin{players[1], me, 2 * n});
    co_return co_await finish(ctx, clock, 2 * n, 2 * n, "pingpong_handlers: the number of hops");
}

} // namespace

figure pingpong_handlers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, play); }

} // namespace bench
