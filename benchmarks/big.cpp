// Row 5: 120 processes; each sends n pings to random others, one outstanding, and answers every ping. The op is a ping
// and its pong.

#include "rows.hpp"

#include <memory>
#include <vector>

namespace bench {
namespace {

constexpr std::uint64_t players = 120;

using everybody = std::shared_ptr<const std::vector<bastion::child_ref>>;

struct ping {
    std::uint64_t serial;
};
struct pong {
    std::uint64_t serial;
};
// The game is over: how many pings did you answer?
struct answered {
    using answer_type = number;
};

class random_peer {
public:
    explicit random_peer(std::uint64_t me) : me_(me), state_(me * 7919 + 88172645463325252u) {}
    [[nodiscard]] std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        const std::uint64_t other = state_ % (players - 1);
        return other < me_ ? other : other + 1;
    }

private:
    std::uint64_t me_;
    std::uint64_t state_;
};

bastion::process play(bastion::context ctx, bastion::child_ref driver, std::uint64_t me, std::uint64_t n) {
    const auto all = co_await ctx.recv<everybody>();
    random_peer peer(me);
    std::uint64_t served = 0;
    std::uint64_t sent = 1;
    (*all)[peer.next()].tell(ping{sent});
    for (;;) {
        auto m = co_await ctx.recv();
        if (const auto* asked = m.told<ping>()) {
            ++served;
            m.sender().tell(pong{asked->serial});
        } else if (const auto* back = m.told<pong>()) {
            check(back->serial == sent, "big: a pong for another ping");
            if (sent == n) driver.tell(number{me});
            else (*all)[peer.next()].tell(ping{++sent});
        } else if (auto over = m.asked<answered>()) {
            over.reply(number{served});
            co_return;
        }
    }
}

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    std::vector<bastion::child_ref> made;
    for (std::uint64_t i = 0; i < players; ++i) {
        const auto ref = ctx.spawn([me, i, n](bastion::context self) { return play(self, me, i, n); });
        made.push_back(ref);
    }
    const everybody all = std::make_shared<const std::vector<bastion::child_ref>>(made);
    for (const auto& ref : *all) ref.tell(all);
    for (std::uint64_t i = 0; i < players; ++i) {
        auto m = co_await ctx.recv();
        check(value_of(m) < players, "big: who is done");
    }
    std::uint64_t served = 0;
    for (const auto& ref : *all) {
        auto share = co_await ref.ask<answered>();
        check(share.has_value(), "big: a process did not answer");
        served += share->value;
    }
    check(served == players * n, "big: the number of pings answered");
    const double ns = clock.ns();
    co_return figure{.ops = players * n, .ns = ns};
}

} // namespace

figure big(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
