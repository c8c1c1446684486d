#pragma once

// For tests of processes that do not come back: a runtime that gives them up soon, and its log.

#include "support/blocking.hpp"

#include <bastion/bastion.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace test {

using namespace std::chrono_literals;

// What the log was told; it may be asked while the runtime runs.
class reports {
public:
    auto hook() {
        return [this](const bastion::log_record& r) {
            const std::lock_guard lock(mutex_);
            all_.push_back(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
        };
    }
    [[nodiscard]] std::size_t count(const std::string& line) const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(std::count(all_.begin(), all_.end(), line));
    }
    // Lines that have this in them.
    [[nodiscard]] std::size_t count_of(const std::string& part) const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::count_if(all_.begin(), all_.end(), [&](const std::string& s) { return s.find(part) != s.npos; }));
    }
    void wait_for(const std::string& line) const {
        wait_until([&] { return count(line) != 0; });
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> all_;
};

// Gives up who does not come back as soon as it is seen.
inline bastion::config impatient(std::size_t workers) {
    return bastion::config()
        .with_signals(false)
        .with_workers(workers)
        .with_slice_limits(1ms, 1h)
        .with_max_spare_workers(2)
        .with_slice_log([](const bastion::long_slice&) {})
        .with_shutdown_timeout(1ms)
        .with_kill_grace(1ms)
        .with_on_stuck(bastion::on_stuck::abandon_worker);
}

// A supervisor whose children stop and start together, at once and always.
inline bastion::supervisor_ref one_for_all(bastion::runtime& rt) {
    return rt.spawn(bastion::supervisor()
            .with_name("sup")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(bastion::restart_strategy::always().immediate()));
}

// Says when it goes. What it counts outlives it.
class frame_mark {
public:
    explicit frame_mark(std::atomic<int>& ended) : ended_(&ended) {}
    frame_mark(frame_mark&& other) noexcept : ended_(std::exchange(other.ended_, nullptr)) {}
    frame_mark& operator=(frame_mark&&) = delete;
    frame_mark(const frame_mark&) = delete;
    frame_mark& operator=(const frame_mark&) = delete;
    ~frame_mark() {
        if (ended_ != nullptr) ++*ended_;
    }

private:
    std::atomic<int>* ended_;
};

} // namespace test
