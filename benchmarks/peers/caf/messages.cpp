// Rows of messages between few, and hotload.

#include "card.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

namespace card {
namespace {

using caf::actor;
using caf::behavior;
using self_t = caf::event_based_actor*;

constexpr number batch = 100; // messages of a producer before it lets others run

} // namespace

// Two actors, one message in flight, n round trips; each adds one.
figure pingpong(caf::actor_system& system, number n) {
    last_word done;
    const stopwatch clock;
    auto pong = system.spawn([](self_t self) -> behavior {
        return {
            [self](number value) { answer(self, value + 1); },
            [self](ping_t) { self->quit(); },
        };
    });
    system.spawn([n, pong, &done](self_t self) -> behavior {
        tell(self, pong, number{1});
        return {
            [self, n, pong, &done, left = n](number value) mutable {
                if (--left != 0) {
                    tell(self, pong, value + 1);
                    return;
                }
                tell(self, pong, ping_v);
                done.set_value(value);
                self->quit();
            },
        };
    });
    check(done.get_future().get() == 2 * n, "pingpong: the number of hops");
    return {2 * n, clock.ns(), {}};
}

// 503 actors pass one token on, n times.
figure ring(caf::actor_system& system, number n) {
    constexpr number size = 503;
    last_word done;
    const stopwatch clock;
    std::vector<actor> nodes;
    for (number i = 0; i < size; ++i)
        nodes.push_back(system.spawn([i, &done](self_t self) -> behavior {
            auto next = std::make_shared<actor>();
            return {
                [next](const actor& given) { *next = given; },
                [self, i, next, &done](number left) {
                    if (left == 0) done.set_value(i);
                    else tell(self, *next, left - 1);
                },
                [self](ping_t) { self->quit(); },
            };
        }));
    for (number i = 0; i < size; ++i) tell_from_outside(nodes[i], nodes[(i + 1) % size]);
    tell_from_outside(nodes[0], n);
    check(done.get_future().get() == n % size, "ring: where the token stopped");
    const double ns = clock.ns();
    for (const auto& node : nodes) tell_from_outside(node, ping_v);
    return {n, ns, {}};
}

namespace {

// Adds up; answers each question of a producer, with the sum of what came before it.
behavior consume(self_t self) {
    auto so_far = std::make_shared<number>(0);
    return {
        [so_far](number value) { *so_far += value; },
        [self, so_far](ping_t) { tell(self, caf::actor_cast<actor>(self->current_sender()), pong_v, *so_far); },
        [self](ping_t, ping_t) { self->quit(); },
    };
}

// `share` messages at a time, then a question, with whose answer it goes on: CAF has no way to let others run, and what an actor
// sends itself it gets at once.
class producer {
public:
    producer(self_t self, actor consumer, number n, number share)
        : self_(self), consumer_(std::move(consumer)), n_(n), share_(share) {}

    void send_some() {
        const number until = std::min(n_, sent_ + share_);
        while (sent_ != until) tell(self_, consumer_, ++sent_);
        tell(self_, consumer_, ping_v);
    }
    [[nodiscard]] bool all_sent() const { return sent_ == n_; }

private:
    self_t self_;
    actor consumer_;
    number n_;
    number share_;
    number sent_ = 0;
};

figure count(caf::actor_system& system, number n, number share) {
    last_word done;
    const stopwatch clock;
    auto consumer = system.spawn(consume);
    system.spawn([n, share, consumer, &done](self_t self) -> behavior {
        producer state(self, consumer, n, share);
        state.send_some();
        return {
            [self, state, consumer, &done](pong_t, number sum) mutable {
                if (!state.all_sent()) {
                    state.send_some();
                    return;
                }
                tell(self, consumer, ping_v, ping_v);
                done.set_value(sum);
                self->quit();
            },
        };
    });
    check(done.get_future().get() == sum_to(n), "counting: the sum");
    return {n, clock.ns(), {}};
}

// 100 producers send n each to one consumer.
figure fan(caf::actor_system& system, number n, number share) {
    constexpr number producers = 100;
    last_word done;
    const stopwatch clock;
    auto consumer = system.spawn(consume);
    auto sink = system.spawn([consumer, &done](self_t self) -> behavior {
        return {
            [self, consumer, left = producers](ping_t) mutable {
                if (--left == 0) tell(self, consumer, ping_v);
            },
            [self, consumer, &done](pong_t, number sum) {
                tell(self, consumer, ping_v, ping_v);
                done.set_value(sum);
                self->quit();
            },
        };
    });
    for (number i = 0; i < producers; ++i)
        system.spawn([n, share, consumer, sink](self_t self) -> behavior {
            producer state(self, consumer, n, share);
            state.send_some();
            return {
                [self, state, sink](pong_t, number) mutable {
                    if (!state.all_sent()) {
                        state.send_some();
                        return;
                    }
                    tell(self, sink, ping_v);
                    self->quit();
                },
            };
        });
    check(done.get_future().get() == producers * sum_to(n), "fanin: the sum");
    return {producers * n, clock.ns(), {}};
}

// Sends pings to random others of `all`, one outstanding, and answers every ping.
class player {
public:
    player(self_t self, const std::vector<actor>& all, number me, number n)
        : self_(self), all_(all), me_(me), left_(n), state_(me * 7919 + 88172645463325252U) {}

    void ping() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        const number other = state_ % (all_.size() - 1);
        tell(self_, all_[other < me_ ? other : other + 1], ping_v);
    }
    void ponged(const actor& sink) {
        if (--left_ == 0) tell(self_, sink, number{1});
        else ping();
    }
    void pinged() {
        ++answered_;
        tell(self_, caf::actor_cast<actor>(self_->current_sender()), pong_v);
    }
    [[nodiscard]] number answered() const { return answered_; }

private:
    self_t self_;
    const std::vector<actor>& all_;
    number me_;
    number left_;
    number state_;
    number answered_ = 0;
};

behavior play(self_t self, const std::vector<actor>* all, const actor& sink, number me, number n) {
    auto state = std::make_shared<player>(self, *all, me, n);
    return {
        [state](number) { state->ping(); },
        [state](ping_t) { state->pinged(); },
        [state, sink](pong_t) { state->ponged(sink); },
        [state, self, sink](ping_t, ping_t) {
            tell(self, sink, pong_v, state->answered());
            self->quit();
        },
    };
}

} // namespace

figure counting(caf::actor_system& system, number n) { return count(system, n, batch); }
figure counting_flood(caf::actor_system& system, number n) { return count(system, n, n); }
figure fanin(caf::actor_system& system, number n) { return fan(system, n, batch); }
figure fanin_flood(caf::actor_system& system, number n) { return fan(system, n, n); }

// 120 actors, each of which sends n pings to random others.
figure big(caf::actor_system& system, number n) {
    constexpr number players = 120;
    last_word done;
    last_word answered;
    std::vector<actor> all; // full before the first message is sent
    const stopwatch clock;
    auto sink = system.spawn([&done, &answered](self_t self) -> behavior {
        return {
            [&done, left = players](number) mutable {
                if (--left == 0) done.set_value(0);
            },
            [self, &answered, left = players, sum = number{0}](pong_t, number share) mutable {
                sum += share;
                if (--left != 0) return;
                answered.set_value(sum);
                self->quit();
            },
        };
    });
    for (number i = 0; i < players; ++i) all.push_back(system.spawn(play, &all, sink, i, n));
    for (const auto& one : all) tell_from_outside(one, number{0});
    done.get_future().wait();
    for (const auto& one : all) tell_from_outside(one, ping_v, ping_v);
    check(answered.get_future().get() == players * n, "big: the number of pings answered");
    return {players * n, clock.ns(), {}};
}

// n actors get 100 messages each, round robin, from the program's first thread.
figure hotload(caf::actor_system& system, number n) {
    constexpr number rounds = 100;
    std::atomic<number> left{n};
    std::atomic<number> sum{0};
    last_word done;
    const stopwatch clock;
    std::vector<actor> receivers;
    receivers.reserve(n);
    for (number i = 0; i < n; ++i)
        receivers.push_back(system.spawn<caf::hidden>([&](self_t self) -> behavior {
            return {
                [self, &left, &sum, &done, more = rounds, mine = number{0}](number value) mutable {
                    mine += value;
                    if (--more != 0) return;
                    sum.fetch_add(mine, std::memory_order_relaxed);
                    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.set_value(0);
                    self->quit();
                },
            };
        }));
    for (number round = 1; round <= rounds; ++round)
        for (const auto& to : receivers) tell_from_outside(to, round);
    done.get_future().wait();
    check(sum == n * sum_to(rounds), "hotload: the sum");
    return {n * rounds, clock.ns(), {}};
}

} // namespace card
