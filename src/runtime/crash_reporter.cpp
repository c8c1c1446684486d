#include "runtime/crash_reporter.hpp"

#include <bastion/executor/reserve.hpp>
#include <bastion/process/panic.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace bastion::detail {

crash_reporter::crash_reporter(config::crash_function sink, const crash_limits& limits, bool driven, complaint complain)
    : sink_(std::move(sink)), limits_(limits), driven_(driven), complain_(std::move(complain)),
      ring_(limits.max_queued()) {
    if (!driven) thread_ = std::thread([this] { work(); });
}

// The window begins with the first report after the last one.
bool crash_reporter::has_room(std::int64_t now_ns) noexcept {
    if (now_ns - window_began_ >= limits_.window().count()) {
        window_began_ = now_ns;
        in_window_ = 0;
    }
    return !gave_up_ && !stopping_ && queued_ < ring_.size() && in_window_ < limits_.max_burst();
}

bool crash_reporter::takes(std::int64_t now_ns) noexcept {
    const std::lock_guard lock(mutex_);
    return has_room(now_ns);
}

void crash_reporter::give(std::unique_ptr<crash_report> report, std::int64_t now_ns) noexcept {
    std::unique_lock lock(mutex_);
    ++made_;
    if (report == nullptr || !has_room(now_ns)) {
        ++dropped_;
        ++unsaid_;
        lock.unlock(); // the report goes without it
        return;
    }
    ++in_window_;
    report->dropped_before = std::exchange(unsaid_, 0);
    ring_[(oldest_ + queued_++) % ring_.size()] = std::move(report);
    if (driven_) {
        if (!telling_) tell_all(lock); // else who tells now tells this one, too
    } else {
        changed_.notify_one();
    }
}

std::unique_ptr<crash_report> crash_reporter::take_oldest() noexcept {
    std::unique_ptr<crash_report> r = std::move(ring_[oldest_]);
    oldest_ = (oldest_ + 1) % ring_.size();
    --queued_;
    return r;
}

void crash_reporter::drop_queued() noexcept {
    while (queued_ > 0) {
        ++dropped_;
        ++failed_;
        (void)take_oldest();
    }
}

void crash_reporter::tell(std::unique_lock<std::mutex>& lock) noexcept {
    std::unique_ptr<crash_report> report = take_oldest();
    report->dropped_before += failed_;
    const std::uint64_t lost_with_it = report->dropped_before + 1; // if it is not told: the next one says so
    lock.unlock();
    bool told = false;
    bool throws = false;
    try {
        const may_fail users;
        sink_(*report);
        told = true;
    } catch (const std::bad_alloc&) { // the next report may find memory again
    } catch (...) {
        throws = true;
        const exit_reason why = reason_of_current_exception();
        complain_(why, "the sink of crash reports threw an exception: it is told no more");
    }
    report.reset(); // what it holds may be the last of its kind: without the lock
    lock.lock();
    if (told) {
        ++delivered_;
        failed_ = 0;
    } else {
        ++dropped_;
        failed_ = lost_with_it;
    }
    if (throws) {
        gave_up_ = true;
        drop_queued();
    }
}

void crash_reporter::tell_all(std::unique_lock<std::mutex>& lock) noexcept {
    telling_ = true;
    while (queued_ > 0) tell(lock);
    telling_ = false;
    idle_.notify_all();
}

void crash_reporter::work() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return queued_ > 0 || stopping_; });
        if (queued_ == 0) return;
        tell_all(lock);
    }
}

crash_counters crash_reporter::counters() const noexcept {
    const std::lock_guard lock(mutex_);
    return {made_, delivered_, dropped_, queued_ + (telling_ ? 1u : 0u)};
}

bool crash_reporter::flush() noexcept {
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    std::unique_lock lock(mutex_);
    if (idle_.wait_for(lock, std::min(limits_.flush_time(), longest), [this] { return queued_ == 0 && !telling_; }))
        return true;
    drop_queued();
    return !telling_;
}

void crash_reporter::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

} // namespace bastion::detail
