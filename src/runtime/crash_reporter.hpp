// Where crash reports go: a queue with a bound, and a thread of its own that tells them to the user's sink.
//
// Made by a runtime that has a sink. Owners give reports and go on at once; whatever the sink does (it may block, throw,
// or spawn what crashes itself) delays only the reports behind. In a runtime that is driven there is no thread: who gives a
// report tells the sink, so a simulation is the same each time.
// Thread safety: any thread. Cost of a report: two short locks; no allocation.
#ifndef BASTION_SRC_RUNTIME_CRASH_REPORTER_HPP
#define BASTION_SRC_RUNTIME_CRASH_REPORTER_HPP

#include <bastion/runtime/config.hpp>
#include <bastion/runtime/runtime.hpp>
#include <bastion/supervision/crash_report.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace bastion::detail {

class crash_reporter {
public:
    // Says something about the sink in the ordinary log.
    using complaint = std::function<void(const exit_reason& why, std::string_view what)>;

    // Throws std::bad_alloc, and std::system_error when no thread can be started.
    crash_reporter(config::crash_function sink, const crash_limits& limits, bool driven, complaint complain);
    crash_reporter(const crash_reporter&) = delete;
    crash_reporter& operator=(const crash_reporter&) = delete;
    ~crash_reporter() { stop(); }

    [[nodiscard]] const crash_limits& limits() const noexcept { return limits_; }
    // Whether a report given now would be queued. `now_ns`: of the runtime's clock.
    [[nodiscard]] bool takes(std::int64_t now_ns) noexcept;
    // Queues or drops it; null: it was dropped before it was made.
    void give(std::unique_ptr<crash_report> report, std::int64_t now_ns) noexcept;
    [[nodiscard]] crash_counters counters() const noexcept;

    // Until the sink has been told all that is queued, at most for the time of the limits; what is left then is dropped.
    // False: a call of the sink still runs.
    [[nodiscard]] bool flush() noexcept;
    // Waits for the sink's call that runs, and ends the thread. Idempotent.
    void stop() noexcept;

private:
    void work() noexcept;
    // All under the lock, which these two give up while the sink is called.
    void tell_all(std::unique_lock<std::mutex>& lock) noexcept;
    void tell(std::unique_lock<std::mutex>& lock) noexcept;
    [[nodiscard]] bool has_room(std::int64_t now_ns) noexcept;
    [[nodiscard]] std::unique_ptr<crash_report> take_oldest() noexcept;
    void drop_queued() noexcept;

    const config::crash_function sink_; // called by one thread at a time
    const crash_limits limits_;
    const bool driven_;
    const complaint complain_;

    mutable std::mutex mutex_;
    std::condition_variable changed_; // there is a report, or it stops
    std::condition_variable idle_; // nothing is queued or being told
    std::vector<std::unique_ptr<crash_report>> ring_; // as many as may wait: giving one allocates nothing
    std::size_t oldest_ = 0;
    std::size_t queued_ = 0;
    std::int64_t window_began_ = 0;
    std::size_t in_window_ = 0; // taken since then
    std::uint64_t made_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t unsaid_ = 0; // dropped since one was queued
    std::uint64_t failed_ = 0; // queued and dropped, since one was delivered
    bool telling_ = false;
    bool gave_up_ = false; // the sink threw
    bool stopping_ = false;
    std::thread thread_; // the last: it uses all of the above
};

} // namespace bastion::detail

#endif
