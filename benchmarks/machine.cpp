// The row `machine`: what this machine charges for the operations that a message, a restart and a wake-up are made of.

#include "machine.hpp"

#include "rows.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <coroutine>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

namespace bench {
namespace {

struct free_frame {
    free_frame* next;
    std::size_t bytes;
};
free_frame* free_frames = nullptr;

struct short_lived {
    struct promise_type {
        static void* operator new(std::size_t n) {
            if (free_frames != nullptr && free_frames->bytes >= n) return std::exchange(free_frames, free_frames->next);
            return ::operator new(n);
        }
        static void operator delete(void* p, std::size_t n) noexcept {
            free_frames = ::new (p) free_frame{free_frames, n};
        }
        short_lived get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    std::coroutine_handle<promise_type> handle;
};

// Not inlined, so that no compiler keeps the frame on the stack.
[[gnu::noinline]] short_lived count_up(std::uint64_t& counter) {
    ++counter;
    co_return;
}

[[gnu::noinline]] void throw_one(std::uint64_t i) {
    if (i != ULLONG_MAX) throw std::runtime_error("as told");
}

using futex_word = std::atomic<std::uint32_t>;

void futex(futex_word& word, int operation, std::uint32_t value) {
    ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}
void set_and_wake(futex_word& word, std::uint32_t value) {
    word.store(value);
    futex(word, FUTEX_WAKE, 1);
}
void wait_for(futex_word& word, std::uint32_t value) {
    for (std::uint32_t seen = word.load(); seen != value; seen = word.load()) futex(word, FUTEX_WAIT, seen);
}

// Keeps the calling thread on the index-th allowed core while it lives; does nothing where there is none.
class on_core {
public:
    explicit on_core(int index) {
        if (::sched_getaffinity(0, sizeof before_, &before_) != 0) return;
        for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (!CPU_ISSET(cpu, &before_) || index-- != 0) continue;
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            pinned_ = ::sched_setaffinity(0, sizeof one, &one) == 0;
        }
    }
    on_core(const on_core&) = delete;
    on_core& operator=(const on_core&) = delete;
    ~on_core() {
        if (pinned_) ::sched_setaffinity(0, sizeof before_, &before_);
    }

private:
    cpu_set_t before_{};
    bool pinned_ = false;
};

} // namespace

double exchange_ns(std::uint64_t n) {
    alignas(64) std::atomic<std::uint64_t> word{0};
    std::uint64_t sum = 0;
    const double ns = median_ns(n, [&] {
        for (std::uint64_t i = 0; i < n; ++i) sum += word.exchange(i);
    });
    check(sum + word == 5 * (n * (n - 1) / 2), "machine: the exchanges");
    return ns;
}

double frame_ns(std::uint64_t n) {
    std::uint64_t counter = 0;
    const double ns = median_ns(n, [&] {
        for (std::uint64_t i = 0; i < n; ++i) {
            const short_lived made = count_up(counter);
            made.handle.resume();
            made.handle.destroy();
        }
    });
    check(counter == 5 * n, "machine: the frames");
    while (free_frames != nullptr) ::operator delete(std::exchange(free_frames, free_frames->next));
    return ns;
}

double throw_ns(std::uint64_t n) {
    std::uint64_t caught = 0;
    const double ns = median_ns(n, [&] {
        for (std::uint64_t i = 0; i < n; ++i) {
            try {
                throw_one(i);
            } catch (const std::exception&) { ++caught; }
        }
    });
    check(caught == 5 * n, "machine: the exceptions");
    return ns;
}

double futex_ns(std::uint64_t n) {
    const auto rounds = static_cast<std::uint32_t>(n);
    futex_word here{0};
    futex_word there{0};
    std::thread other([&] {
        const on_core second(1);
        for (std::uint32_t i = 1; i <= 5 * rounds; ++i) {
            wait_for(there, i);
            set_and_wake(here, i);
        }
    });
    const on_core first(0);
    std::uint32_t last = 0;
    const double ns = median_ns(2 * n, [&] {
        for (std::uint32_t i = 0; i < rounds; ++i) {
            set_and_wake(there, ++last);
            wait_for(here, last);
        }
    });
    other.join();
    return ns;
}

double line_ns(std::uint64_t n) {
    const auto rounds = static_cast<std::uint32_t>(n);
    alignas(64) futex_word turn{0};
    // acquire and release: each has what the other one wrote.
    const auto wait_until_it_is = [&turn](std::uint32_t value) {
        for (unsigned looks = 1; turn.load(std::memory_order_acquire) != value; ++looks)
            if (looks % 4096 == 0) std::this_thread::yield(); // on one core
    };
    std::thread other([&] {
        const on_core second(1);
        for (std::uint32_t i = 1; i < 10 * rounds; i += 2) {
            wait_until_it_is(i);
            turn.store(i + 1, std::memory_order_release);
        }
    });
    const on_core first(0);
    std::uint32_t last = 0;
    const double ns = median_ns(2 * n, [&] {
        for (std::uint32_t i = 0; i < rounds; ++i) {
            turn.store(last + 1, std::memory_order_release);
            last += 2;
            wait_until_it_is(last);
        }
    });
    other.join();
    return ns;
}

void machine(std::uint64_t n) {
    const double hop = hop_ns(n);
    const double exchange = exchange_ns(n);
    const double frame = frame_ns(n);
    const double thrown = throw_ns(n / 100 + 1);
    const double woken = futex_ns(n / 1000 + 1);
    const double line = line_ns(n / 100 + 1);
    std::printf("bench=machine hop_ns=%.1f exchange_ns=%.1f frame_ns=%.1f throw_ns=%.0f futex_ns=%.0f line_ns=%.1f\n",
        hop, exchange, frame, thrown, woken, line);
}

} // namespace bench
