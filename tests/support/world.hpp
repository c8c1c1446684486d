#pragma once

// For tests of processes: a runtime whose time stands still, and a list of what happened.
// Assertions belong on the test's own thread: processes write into the journal, the test settles and compares.

#include <bastion/bastion.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace test {

// What processes report, in order: "a, b, c". Any thread.
class journal {
public:
    void operator()(std::string line) {
        const std::lock_guard lock(mutex_);
        text_ += (text_.empty() ? "" : ", ") + std::move(line);
    }
    void operator()(long long number) { (*this)(std::to_string(number)); }
    // Everything since the last call.
    [[nodiscard]] std::string take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(text_, {});
    }

private:
    std::mutex mutex_;
    std::string text_;
};

// A runtime with a manual clock and no log. Its processes are given to `spawn` one by one.
class world {
public:
    explicit world(std::size_t workers = 1, bastion::config settings = bastion::config())
        : rt(std::move(settings).with_workers(workers).with_clock(clock).with_log([](const bastion::log_record&) {})) {}

    world(const world&) = delete;
    world& operator=(const world&) = delete;
    // Time stands still: a graceful stop would wait for ever for those who sleep.
    ~world() { rt.kill(); }

    template <class F>
    bastion::child_ref spawn(F&& body) {
        return rt.spawn(std::forward<F>(body));
    }
    // The only element of a group of its own.
    bastion::child_ref only(bastion::children&& group) {
        elements = rt.spawn(std::move(group));
        settle();
        return elements[0];
    }
    // Until nothing can happen before time moves.
    void settle() { clock->settle(); }
    void advance(std::chrono::nanoseconds d) { clock->advance(d); }
    [[nodiscard]] std::uint64_t dead(bastion::drop_reason cause) const { return rt.dead_letters(cause); }

    std::shared_ptr<bastion::manual_clock> clock = std::make_shared<bastion::manual_clock>();
    bastion::children_ref elements;
    bastion::runtime rt;
};

// The value, or the error's name; with the exit reason when there is one: "target_died (panic: why)".
template <class T>
std::string shown(const bastion::result<T>& r) {
    if (!r) {
        static constexpr const char* names[] = {"?", "failed", "timeout", "noproc", "target_died", "dropped",
            "unhandled", "mailbox_full", "deadlock", "wrong_type", "cancelled", "stopped", "start_failed", "limit",
            "wrong_thread", "noconnection", "invalid"};
        std::string name = names[static_cast<std::size_t>(r.error().code())];
        if (r.error() == bastion::errc::target_died) name += " (" + r.error().reason().what() + ")";
        return name;
    }
    if constexpr (std::is_void_v<T>) return "done";
    else if constexpr (std::is_arithmetic_v<T>) return std::to_string(*r);
    else if constexpr (std::is_convertible_v<T, std::string>) return std::string(*r);
    else return "a value";
}

} // namespace test
