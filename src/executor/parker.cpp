// The futex system call, private to the process.
#include <bastion/executor/parker.hpp>

#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bastion::detail {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

// Safety: the kernel reads the word as an unsigned 32-bit number, which a std::atomic of it is on every platform that
// has futexes.
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

long futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* time) noexcept {
    return ::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, time, nullptr, FUTEX_BITSET_MATCH_ANY);
}

} // namespace

std::int64_t monotonic_ns() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * second_ns + t.tv_nsec;
}

bool futex_wait_until(
    const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns) noexcept {
    timespec t{};
    if (deadline_ns >= 0) {
        t.tv_sec = static_cast<std::time_t>(deadline_ns / second_ns);
        t.tv_nsec = static_cast<long>(deadline_ns % second_ns);
    }
    // With a bit set, the time is a point of the monotonic clock, not a span: an interrupted wait needs no arithmetic.
    const long rc = futex(word, FUTEX_WAIT_BITSET, expected, deadline_ns < 0 ? nullptr : &t);
    return !(rc == -1 && errno == ETIMEDOUT);
}

bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
    if (timeout_ns < 0) return futex_wait_until(word, expected, -1);
    const std::int64_t now = monotonic_ns();
    const std::int64_t never = std::numeric_limits<std::int64_t>::max();
    return futex_wait_until(word, expected, now > never - timeout_ns ? never : now + timeout_ns);
}

void futex_wake(const std::atomic<std::uint32_t>& word, int n) noexcept {
    const int saved = errno; // Wakes happen inside user calls: leave no trace.
    futex(word, FUTEX_WAKE, static_cast<std::uint32_t>(n < 0 ? INT_MAX : n), nullptr);
    errno = saved;
}

} // namespace bastion::detail
