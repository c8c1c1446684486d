#include "runtime/state.hpp"

#include <array>
#include <csignal>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace bastion::detail {
namespace {

using futex_word = std::atomic<std::uint32_t>;

// Only what a signal handler may touch: atomics, and a futex by a bare system call.
constexpr std::size_t most_waiting = 64;
std::array<std::atomic<futex_word*>, most_waiting> waiting;  // one for each runtime in wait(); null: free
std::atomic<int> arrived{0};
std::atomic<int> handling{0};  // handlers that run now: a word stays until they have left

std::mutex installing;
int guards = 0;  // guarded by `installing`, as what follows
struct sigaction old_interrupt;
struct sigaction old_terminate;

void on_signal(int) {
    const int saved = errno;
    handling.fetch_add(1);
    arrived.fetch_add(1);
    for (auto& place : waiting) {
        futex_word* word = place.load();
        if (word == nullptr) continue;
        word->fetch_add(2);
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr, 0);
    }
    handling.fetch_sub(1);
    errno = saved;
}

} // namespace

signal_guard::signal_guard(runtime_state& state) : before_(arrived.load()), place_(most_waiting) {
    for (std::size_t i = 0; i < most_waiting && place_ == most_waiting; ++i) {
        futex_word* none = nullptr;
        if (waiting[i].compare_exchange_strong(none, &state.events)) place_ = i;
    }
    const std::lock_guard lock(installing);
    if (guards++ != 0) return;
    struct sigaction action = {};
    action.sa_handler = &on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &old_interrupt);
    sigaction(SIGTERM, &action, &old_terminate);
}

signal_guard::~signal_guard() {
    {
        const std::lock_guard lock(installing);
        if (--guards == 0) {
            sigaction(SIGINT, &old_interrupt, nullptr);
            sigaction(SIGTERM, &old_terminate, nullptr);
        }
    }
    if (place_ == most_waiting) return;
    waiting[place_].store(nullptr);
    while (handling.load() != 0) std::this_thread::yield();
}

int signal_guard::count() const noexcept { return arrived.load() - before_; }

} // namespace bastion::detail
