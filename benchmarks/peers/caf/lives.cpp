// Rows of actors that come and go: spawn, idle, skynet, fork.

#include "card.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace card {
namespace {

using caf::actor;
using caf::behavior;
using self_t = caf::event_based_actor*;

std::atomic<number> left{0};
std::atomic<number> sum{0};
last_word done;

// The last act of each is to count itself off; the last one tells.
void leaf(self_t) {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.set_value(0);
}

// One actor makes them all: `share` at a time, and then a message to itself. After ten of these they have their turn (main.cpp).
figure spawn_many(caf::actor_system& system, number n, number share) {
    left = n;
    const stopwatch clock;
    system.spawn([n, share](self_t self) -> behavior {
        tell(self, self, ping_v);
        return {
            [self, n, share, made = number{0}](ping_t) mutable {
                const number until = std::min(n, made + share);
                for (; made != until; ++made) self->spawn<caf::hidden>(leaf);
                if (made == n) self->quit();
                else tell(self, self, ping_v);
            },
        };
    });
    done.get_future().wait();
    check(left == 0, "spawn: the number of actors");
    return {n, clock.ns(), {}};
}

std::atomic<number> coming{0};
last_word all_there;

behavior wait(self_t self) {
    if (coming.fetch_sub(1, std::memory_order_acq_rel) == 1) all_there.set_value(0);
    return {
        [self](number value) {
            sum.fetch_add(value, std::memory_order_relaxed);
            if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.set_value(0);
            self->quit();
        },
    };
}

behavior node(self_t self, const actor& parent, number first, number leaves) {
    if (leaves == 1) {
        tell(self, parent, first);
        return {};
    }
    const number share = leaves / 10;
    for (number i = 0; i < 10; ++i)
        self->spawn<caf::hidden>(node, caf::actor_cast<actor>(self), first + i * share, share);
    return {
        [self, parent, more = 10, total = number{0}](number value) mutable {
            total += value;
            if (--more != 0) return;
            tell(self, parent, total);
            self->quit();
        },
    };
}

// Says the last number that it gets.
behavior root(self_t self) {
    return {
        [self](number value) {
            done.set_value(value);
            self->quit();
        },
    };
}

// fib(n): the branch of n - 1 is an actor, that of n - 2 goes on in this one.
behavior fib(self_t self, const actor& parent, number n) {
    int children = 0;
    for (; n >= 2; n -= 2) {
        self->spawn<caf::hidden>(fib, caf::actor_cast<actor>(self), n - 1);
        ++children;
    }
    if (children == 0) {
        tell(self, parent, n);
        return {};
    }
    return {
        [self, parent, children, total = n](number value) mutable {
            total += value;
            if (--children != 0) return;
            tell(self, parent, total);
            self->quit();
        },
    };
}

} // namespace

figure spawn(caf::actor_system& system, number n) { return spawn_many(system, n, 100); }
figure spawn_flood(caf::actor_system& system, number n) { return spawn_many(system, n, n); }

// n actors that wait; one message to each. Not timed: 50 ms before the resident set is read.
figure idle(caf::actor_system& system, number n) {
    coming = n;
    left = n;
    std::vector<actor> waiting(n); // its pages are there before the first reading
    const double before = resident_bytes();
    const stopwatch spawning;
    for (auto& one : waiting) one = system.spawn<caf::hidden>(wait);
    all_there.get_future().wait();
    double ns = spawning.ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const double bytes = (resident_bytes() - before) / static_cast<double>(n);
    const stopwatch messages;
    for (auto& one : waiting) {
        tell_from_outside(one, number{1});
        one = nullptr;
    }
    done.get_future().wait();
    check(sum == n, "idle: the messages received");
    const double messages_ns = messages.ns();
    ns += messages_ns;
    char more[96];
    std::snprintf(
        more, sizeof more, " bytes_per_actor=%.0f messages_ns=%.1f", bytes, messages_ns / static_cast<double>(n));
    return {n, ns, more};
}

// A tree, 10 children a node, n leaves.
figure skynet(caf::actor_system& system, number n) {
    number nodes = 0;
    for (number level = n; level > 0; level /= 10) {
        check(level == 1 || level % 10 == 0, "skynet: N must be a power of 10");
        nodes += level;
    }
    const stopwatch clock;
    auto top = system.spawn(root);
    system.spawn(node, top, number{0}, n);
    check(done.get_future().get() == n * (n - 1) / 2, "skynet: the sum");
    return {nodes, clock.ns(), {}};
}

// The op is a call.
figure fork(caf::actor_system& system, number n) {
    number now = 0;
    number next = 1;
    for (number i = 0; i < n; ++i) now = std::exchange(next, now + next);
    const stopwatch clock;
    auto top = system.spawn(root);
    system.spawn(fib, top, n);
    check(done.get_future().get() == now, "fork: the value");
    return {2 * next - 1, clock.ns(), {}};
}

} // namespace card
