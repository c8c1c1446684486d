#include "executor/native_backtrace.hpp"

#include <bastion/executor/parker.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <boost/core/demangle.hpp>

#if defined(__GLIBC__)
#include <execinfo.h>
#endif

namespace bastion::detail {

#if defined(__GLIBC__)
namespace {

constexpr int most_frames = 64;
constexpr int frames_of_ours = 2; // the handler, and the return from it
constexpr std::int64_t patience_ns = 100'000'000;

// The question that is asked now. Its number is in `asked` from the question until the answer or the end of patience, and each changes it
// by an exchange: so a late handler writes nothing.
struct question {
    std::mutex one_at_a_time;
    std::atomic<std::uint32_t> state{0}; // 0: none; a futex word
    pthread_t whom = {};
    std::array<void*, most_frames> frames = {};
    int count = 0;
};
question the_question;

constexpr std::uint32_t nothing = 0;
constexpr std::uint32_t asked = 1;
constexpr std::uint32_t being_answered = 2;
constexpr std::uint32_t answered = 3;

struct sigaction earlier;

void on_signal(int number, siginfo_t* info, void* context) {
    std::uint32_t expected = asked;
    // acquire: pairs with the question. `whom` is read only by who has the answer to give, or nobody has asked.
    if (the_question.state.load(std::memory_order_acquire) == asked &&
        pthread_equal(the_question.whom, pthread_self()) != 0 &&
        the_question.state.compare_exchange_strong(expected, being_answered, std::memory_order_acquire)) {
        const int error = errno;
        the_question.count = backtrace(the_question.frames.data(), most_frames);
        the_question.state.store(answered, std::memory_order_release); // pairs with native_backtrace_of
        futex_wake(the_question.state, 1);
        errno = error;
        return;
    }
    if ((earlier.sa_flags & SA_SIGINFO) != 0) earlier.sa_sigaction(number, info, context);
    else if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) earlier.sa_handler(number);
}

// "module(mangled+0x12) [0x...]" as backtrace_symbols says it, with the function's name as it is written.
std::string readable(const std::string& symbol) {
    const auto open = symbol.find('(');
    const auto plus = symbol.find('+', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || plus == std::string::npos || plus == open + 1) return symbol;
    return symbol.substr(0, open + 1) + boost::core::demangle(symbol.substr(open + 1, plus - open - 1).c_str()) +
           symbol.substr(plus);
}

} // namespace

void prepare_native_backtraces() noexcept {
    static const bool prepared = [] {
        std::array<void*, 1> frame{};
        (void)backtrace(frame.data(), 1); // loads what it needs, which a handler may not
        struct sigaction action = {};
        action.sa_sigaction = &on_signal;
        sigemptyset(&action.sa_mask);
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        return sigaction(SIGURG, &action, &earlier) == 0;
    }();
    (void)prepared;
}

std::vector<std::string> native_backtrace_of(pthread_t thread) {
    question& q = the_question;
    const std::lock_guard lock(q.one_at_a_time);
    q.whom = thread;
    q.state.store(asked, std::memory_order_release); // pairs with the handler
    std::uint32_t seen = asked;
    if (pthread_kill(thread, SIGURG) == 0) {
        const std::int64_t deadline = monotonic_ns() + patience_ns;
        while ((seen = q.state.load(std::memory_order_acquire)) == asked && monotonic_ns() < deadline)
            (void)futex_wait_until(q.state, asked, deadline);
        // Who has begun to answer ends soon.
        if (seen != asked || !q.state.compare_exchange_strong(seen, nothing, std::memory_order_acquire))
            while ((seen = q.state.load(std::memory_order_acquire)) != answered) (void)futex_wait(q.state, seen, -1);
    }
    q.state.store(nothing, std::memory_order_relaxed);
    std::vector<std::string> lines;
    if (seen != answered || q.count <= frames_of_ours) return lines;
    struct free_it {
        void operator()(char** p) const noexcept { std::free(static_cast<void*>(p)); }
    };
    const std::unique_ptr<char*[], free_it> symbols(backtrace_symbols(q.frames.data(), q.count));
    if (symbols == nullptr) throw std::bad_alloc();
    for (int i = frames_of_ours; i < q.count; ++i) lines.push_back(readable(symbols[static_cast<std::size_t>(i)]));
    return lines;
}
#else
void prepare_native_backtraces() noexcept {}
std::vector<std::string> native_backtrace_of(pthread_t) { return {}; }
#endif

} // namespace bastion::detail
