// The parker: tokens are remembered, none is lost, time-outs are kept.
#include <bastion/executor/parker.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>

using namespace bastion::detail;

namespace {

// A kernel that only counts: shows when the parker asks for a system call.
struct counting_kernel {
    static inline int waits = 0;
    static inline int wakes = 0;
    static inline std::int64_t now = 0;

    static std::int64_t now_ns() noexcept { return now; }
    // Sleeps through to the deadline, or, if there is none, wakes for no reason and changes nothing.
    static bool wait_until(const std::atomic<std::uint32_t>&, std::uint32_t, std::int64_t deadline) noexcept {
        ++waits;
        if (on_wait != nullptr) on_wait();
        if (waits % 3 != 0) return true; // A spurious wake.
        now = deadline;
        return false;
    }
    static void wake_one(const std::atomic<std::uint32_t>&) noexcept { ++wakes; }
    static inline void (*on_wait)() = nullptr;
};
using counted_parker = basic_parker<bastion::std_atomics, counting_kernel>;

counted_parker* sleeper = nullptr;

} // namespace

TEST_CASE("parker: an unpark before the park is remembered, once", "[executor]") {
    counting_kernel::waits = counting_kernel::wakes = 0;
    counting_kernel::on_wait = nullptr;
    counted_parker p;
    p.unpark();
    p.unpark();
    REQUIRE(p.park(-1));
    REQUIRE(counting_kernel::waits == 0);
    REQUIRE(counting_kernel::wakes == 0); // Nobody slept: no system call.
    REQUIRE_FALSE(p.park(0));
    REQUIRE(counting_kernel::waits == 0);
}

TEST_CASE("parker: spurious wakes do not end a park, the deadline does", "[executor]") {
    counting_kernel::waits = 0;
    counting_kernel::now = 1000;
    counting_kernel::on_wait = nullptr;
    counted_parker p;
    REQUIRE_FALSE(p.park(500));
    REQUIRE(counting_kernel::waits == 3);
    REQUIRE(counting_kernel::now == 1500);
    REQUIRE_FALSE(p.park(std::numeric_limits<std::int64_t>::max()));
    REQUIRE(counting_kernel::now == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("parker: an unpark of a sleeper wakes it", "[executor]") {
    counting_kernel::waits = counting_kernel::wakes = 0;
    counted_parker p;
    sleeper = &p;
    counting_kernel::on_wait = [] { sleeper->unpark(); };
    REQUIRE(p.park(-1));
    REQUIRE(counting_kernel::waits == 1);
    REQUIRE(counting_kernel::wakes == 1);
    counting_kernel::on_wait = nullptr;
}

TEST_CASE("parker: a real time-out is not early", "[executor]") {
    parker p;
    const std::int64_t begin = monotonic_ns();
    REQUIRE_FALSE(p.park(2'000'000));
    REQUIRE(monotonic_ns() - begin >= 2'000'000);
}

TEST_CASE("parker: ping-pong between two threads loses nothing", "[executor]") {
    parker ping;
    parker pong;
    std::uint64_t shared = 0; // Handed over by the tokens alone: the race detector watches.
    constexpr std::uint64_t rounds = 5'000;
    std::thread other([&] {
        for (std::uint64_t i = 0; i < rounds; ++i) {
            pong.park(-1);
            ++shared;
            ping.unpark();
        }
    });
    for (std::uint64_t i = 0; i < rounds; ++i) {
        ++shared;
        pong.unpark();
        while (!ping.park(i % 2 == 0 ? -1 : 1'000)) {}
    }
    other.join();
    REQUIRE(shared == 2 * rounds);
}

TEST_CASE("parker: may be destroyed when the park has returned", "[executor]") {
    for (int i = 0; i < 300; ++i) {
        auto p = std::make_unique<parker>();
        std::thread waker([q = p.get()] { q->unpark(); });
        p->park(-1);
        p.reset();
        waker.join();
    }
}

TEST_CASE("futex: a word that has changed is not slept on", "[executor]") {
    std::atomic<std::uint32_t> word{1};
    REQUIRE(futex_wait(word, 0, -1));
    REQUIRE_FALSE(futex_wait(word, 1, 0));
    REQUIRE_FALSE(futex_wait(word, 1, 100'000));
}
