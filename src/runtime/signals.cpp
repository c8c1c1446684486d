#include "runtime/state.hpp"

#include <csignal>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bastion::detail {
namespace {

// Only what a signal handler may touch: atomics, and a futex by a bare system call.
std::atomic<std::atomic<std::uint32_t>*> waiting_word{nullptr};
std::atomic<int> arrived{0};
struct sigaction old_interrupt;
struct sigaction old_terminate;
std::atomic<int> guards{0};

void on_signal(int) {
    const int saved = errno;
    arrived.fetch_add(1);
    if (auto* word = waiting_word.load()) {
        word->fetch_add(2);
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr, 0);
    }
    errno = saved;
}

} // namespace

signal_guard::signal_guard(runtime_state& state) {
    if (guards.fetch_add(1) != 0) return;  // another runtime is being waited for: it has the signals
    installed_ = true;
    arrived.store(0);
    waiting_word.store(&state.events);
    struct sigaction action = {};
    action.sa_handler = &on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &old_interrupt);
    sigaction(SIGTERM, &action, &old_terminate);
}

signal_guard::~signal_guard() {
    if (installed_) {
        sigaction(SIGINT, &old_interrupt, nullptr);
        sigaction(SIGTERM, &old_terminate, nullptr);
        waiting_word.store(nullptr);
    }
    guards.fetch_sub(1);
}

int signal_guard::count() noexcept { return arrived.load(); }

} // namespace bastion::detail
