#pragma once

// A sink of crash reports for tests: keeps what it is told, and holds it up while the test wants that.

#include <bastion/bastion.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace test {

class crash_sink {
public:
    void operator()(const bastion::crash_report& r) {
        std::unique_lock lock(mutex_);
        all_.push_back(r);
        changed_.notify_all();
        changed_.wait(lock, [this] { return !closed_; });
    }

    // The reports so far, once there are so many.
    [[nodiscard]] std::vector<bastion::crash_report> wait_for(std::size_t n) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this, n] { return all_.size() >= n; });
        return all_;
    }
    [[nodiscard]] std::vector<bastion::crash_report> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(all_, {});
    }
    [[nodiscard]] std::size_t size() {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }

private:
    friend class closed_sink;
    void set(bool closed) {
        const std::lock_guard lock(mutex_);
        closed_ = closed;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<bastion::crash_report> all_;
    bool closed_ = false;
};

// Calls of the sink do not return while it lives, or until it is opened.
class closed_sink {
public:
    explicit closed_sink(crash_sink& sink) : sink_(sink) { sink_.set(true); }
    closed_sink(const closed_sink&) = delete;
    closed_sink& operator=(const closed_sink&) = delete;
    ~closed_sink() { open(); }
    void open() { sink_.set(false); }

private:
    crash_sink& sink_;
};

} // namespace test
