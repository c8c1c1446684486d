// The yardstick: what a message between two coroutines of one thread costs at least. A node from a free list, a CAS push
// on a word that packs {newest node, length, generation, closed, parked}, an exchange that drains it, a reversal, a
// resume, a park. No types, no names, no limits, no thieves: nothing of the library. About 10.3 ns on the machine on
// which the targets were set.

#include "machine.hpp"

#include "harness.hpp"

#include <atomic>
#include <coroutine>
#include <cstdlib>
#include <utility>

namespace bench {
namespace {

struct alignas(64) node {
    node* next;
    std::uint64_t generation;
    std::uint64_t value;
};

// [node >> 6 : 41][length : 12][generation : 8][closed : 1][parked elsewhere : 1][parked on mail : 1]
constexpr std::uint64_t parked = 1;
constexpr std::uint64_t elsewhere = 2;
constexpr std::uint64_t closed = 4;
constexpr std::uint64_t generation = 7;
constexpr std::uint64_t empty = generation << 3;

struct actor {
    alignas(64) std::atomic<std::uint64_t> word{empty | parked};
    alignas(64) node* mail = nullptr;
    std::coroutine_handle<> leaf;

    static node* newest(std::uint64_t w) { return reinterpret_cast<node*>((w >> 23) << 6); }

    // True: the receiver was parked, and is now the caller's to schedule.
    bool push(node* n) {
        std::uint64_t seen = word.load(std::memory_order_relaxed);
        for (;;) {
            if ((seen & closed) != 0 || ((seen >> 3) & 255) != n->generation) [[unlikely]]
                failed("machine: a push was refused");
            const std::uint64_t length = (seen >> 11) & 4095;
            n->next = newest(seen);
            const std::uint64_t next = (reinterpret_cast<std::uint64_t>(n) >> 6) << 23 |
                                       (length + (length != 4095 ? 1 : 0)) << 11 | n->generation << 3 |
                                       (seen & elsewhere);
            if (word.compare_exchange_weak(seen, next)) return (seen & parked) != 0;
        }
    }
    void drain() {
        node* n = newest(word.exchange(empty));
        while (n != nullptr) {
            node* const older = n->next;
            n->next = mail;
            mail = n;
            n = older;
        }
    }
    bool park() {
        std::uint64_t expected = empty;
        return word.compare_exchange_strong(expected, empty | parked);
    }
};

struct hopper {
    struct promise_type {
        hopper get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    std::coroutine_handle<promise_type> handle;
};

struct receive {
    explicit receive(actor& a) noexcept : self(a) {}
    [[nodiscard]] bool await_ready() const noexcept { return self.mail != nullptr; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { self.leaf = h; }
    [[nodiscard]] node* await_resume() const noexcept { return std::exchange(self.mail, self.mail->next); }
    actor& self;
};

struct worker {
    actor* slot = nullptr;
    node* free = nullptr;

    node* take(std::uint64_t value) {
        node* n = free != nullptr ? std::exchange(free, free->next) : new node;
        n->generation = generation;
        n->value = value;
        return n;
    }
    void give(node* n) { n->next = std::exchange(free, n); }
    void tell(actor& to, std::uint64_t value) {
        if (to.push(take(value))) slot = &to;
    }
    [[gnu::noinline]] void loop() {
        while (actor* a = std::exchange(slot, nullptr)) {
            do {
                a->drain();
                a->leaf.resume();
            } while (!a->park());
        }
    }
};

hopper hop(worker& w, actor& self, actor& peer, std::uint64_t& left) {
    for (;;) {
        node* n = co_await receive(self);
        const std::uint64_t value = n->value;
        w.give(n);
        if (left == 0) continue;
        --left;
        w.tell(peer, value + 1);
    }
}

} // namespace

double hop_ns(std::uint64_t n) {
    worker w;
    actor a;
    actor b;
    std::uint64_t left = 0;
    const hopper first = hop(w, a, b, left);
    const hopper second = hop(w, b, a, left);
    first.handle.resume(); // To the first receive.
    second.handle.resume();
    const double ns = median_ns(n, [&] {
        left = n - 1;
        w.tell(a, 0);
        w.loop();
        check(left == 0, "machine: the number of hops");
    });
    first.handle.destroy();
    second.handle.destroy();
    while (w.free != nullptr) delete std::exchange(w.free, w.free->next);
    return ns;
}

} // namespace bench
