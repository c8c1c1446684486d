// The inbox word among threads: pushers, wakers, and a receiver that drains, parks and closes, over several lives.
#include <bastion/base/chain.hpp>
#include <bastion/process/inbox.hpp>

#include "support/catch.hpp"
#include "support/hesitant_atomics.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace bastion::detail;

namespace {

struct alignas(64) node {
    node* next = nullptr;
    std::uint32_t sender = 0;
    std::uint32_t number = 0;
    std::uint64_t generation = 0;
};

constexpr std::uint32_t senders = 3;
constexpr std::uint32_t each = 6'000;

// The right to run, which exactly one holds: pushed by whoever the word gave it to, taken by the receiver.
struct right {
    std::atomic<int> tokens{1};
    std::atomic<int> too_many{0};
    void give() {
        if (tokens.fetch_add(1) != 0) ++too_many;
    }
    void wait() {
        for (int one = 1; !tokens.compare_exchange_weak(one, 0); one = 1) std::this_thread::yield();
    }
};

} // namespace

TEST_CASE("inbox stress: every message once and in order, one right to run, stale ones refused", "[stress]") {
    basic_inbox<node, test::hesitant_atomics> inbox;
    right turn;
    node* handed_over = nullptr; // plain: whoever holds the right to run writes it, and the race detector watches
    std::atomic<std::uint64_t> generation{1};
    std::atomic<std::uint32_t> refused{0}, done{0};
    std::vector<std::unique_ptr<node[]>> memory;
    for (std::uint32_t s = 0; s < senders; ++s) memory.push_back(std::make_unique<node[]>(each));
    inbox.open(1);

    std::vector<std::thread> threads;
    for (std::uint32_t s = 0; s < senders; ++s)
        threads.emplace_back([&, s] {
            for (std::uint32_t i = 0; i < each; ++i) {
                node& n = memory[s][i];
                n.sender = s;
                n.number = i;
                n.generation = generation.load();
                switch (inbox.push(&n, n.generation)) {
                case push_result::refused: ++refused; break;
                case push_result::claimed:
                    n.next = nullptr;
                    handed_over = &n;
                    turn.give();
                    break;
                case push_result::queued:
                case push_result::queued_beside: break;
                }
                if (i % 16 == 0 && inbox.unpark() == bastion::detail::unpark_result::claimed) turn.give();
                if (i % 64 == 0) std::this_thread::yield();
            }
            ++done;
            if (inbox.unpark() == bastion::detail::unpark_result::claimed) turn.give();
        });

    std::uint32_t taken = 0, stale = 0, out_of_order = 0;
    std::vector<std::int64_t> last(senders, -1);
    const auto take = [&](node* newest, std::uint64_t life) {
        for (node* oldest = reversed(newest); oldest != nullptr; oldest = oldest->next) {
            ++taken;
            if ((oldest->generation & 0xff) != (life & 0xff)) ++stale;
            if (static_cast<std::int64_t>(oldest->number) <= last[oldest->sender]) ++out_of_order;
            last[oldest->sender] = oldest->number;
        }
    };
    std::uint64_t life = 1;
    for (std::uint32_t turns = 0;; ++turns) {
        turn.wait();
        for (;;) {
            take(std::exchange(handed_over, nullptr), life);
            const auto drained = inbox.drain();
            take(drained.newest, life);
            if (turns % 50 == 49) {  // the end of a life; the block is used again
                take(inbox.close(), life);
                generation.store(++life);
                inbox.open(life);
                ++turns;
                continue;
            }
            if (done.load() == senders) break;
            if (drained.woken) continue;
            if (turns % 3 == 0 ? inbox.park_elsewhere() : inbox.park_on_mail()) break;
        }
        if (done.load() != senders) continue;
        take(inbox.close(), life);
        break;
    }
    for (auto& t : threads) t.join();
    REQUIRE(turn.too_many == 0);
    REQUIRE(out_of_order == 0);
    REQUIRE(stale == 0);
    REQUIRE(taken + refused == senders * each);
}

// A wake-up speaks of something outside of the inbox: whoever parks must have looked at it after the wake-up.
TEST_CASE("inbox stress: no wake-up is lost between a look, a drain and a park", "[stress]") {
    constexpr std::uint32_t wakes = 5'000;
    basic_inbox<node, test::hesitant_atomics> inbox;
    inbox.open(1);
    std::atomic<std::uint32_t> event{0}, seen{0};
    std::atomic<bool> lost{false}, over{false};
    std::atomic<int> tokens{1};
    std::thread receiver([&] {
        while (!over) {
            int one = 1;
            if (!tokens.compare_exchange_weak(one, 0)) {
                std::this_thread::yield();
                continue;
            }
            for (;;) {
                seen.store(event.load());
                if (inbox.drain().woken) continue;
                if (inbox.park_elsewhere()) break;
            }
        }
    });
    std::thread pusher([&] {  // mail does not wake who is parked elsewhere, but makes the word change
        std::vector<node> nodes(64);
        while (!over)
            for (node& n : nodes) {
                if (inbox.push(&n, 1) == push_result::claimed) lost = true;
                // Free again once drained: the receiver does not look at it.
                while (inbox.has_mail() && !over) std::this_thread::yield();
            }
    });
    for (std::uint32_t i = 1; i <= wakes && !lost; ++i) {
        event.store(i);
        if (inbox.unpark() == bastion::detail::unpark_result::claimed) ++tokens;
        // Far more turns than the receiver can need: nobody else will wake it.
        std::uint32_t turns = 0;
        while (seen.load() != i && !lost) {
            std::this_thread::yield();
            if (++turns == 2'000'000) lost = true;
        }
    }
    over = true;
    receiver.join();
    pusher.join();
    REQUIRE_FALSE(lost);
}
