#include "runtime/hardware_faults.hpp"

#include <bastion/runtime/config.hpp>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

extern char** environ;

namespace bastion {
namespace {

template <class T>
T number(std::string_view name, std::string_view value, T least, T most) {
    T n{};
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (problem != std::errc() || end != value.data() + value.size() || n < least || n > most)
        throw bad_config("bastion: " + std::string(name) + "=" + std::string(value) + ": expected a number from " +
                         std::to_string(least) + " to " + std::to_string(most));
    return n;
}

bool flag(std::string_view name, std::string_view value) { return number<int>(name, value, 0, 1) == 1; }

std::chrono::nanoseconds milliseconds(std::string_view name, std::string_view value) {
    return std::chrono::milliseconds(number<std::int64_t>(name, value, 0, 1'000'000'000));
}

} // namespace

config& config::with_variable(std::string_view name, std::string_view value) & {
    if (name == "BASTION_WORKERS") with_workers(number<std::size_t>(name, value, 1, most_workers));
    else if (name == "BASTION_SEED") seed_ = number<std::uint64_t>(name, value, 0, ~std::uint64_t{0});
    else if (name == "BASTION_BUDGET") budget_ = number<std::int32_t>(name, value, 1, 1'000'000);
    else if (name == "BASTION_ASK_TIMEOUT_MS") ask_ = milliseconds(name, value);
    else if (name == "BASTION_START_TIMEOUT_MS") start_ = milliseconds(name, value);
    else if (name == "BASTION_SHUTDOWN_MS") stop_ = milliseconds(name, value);
    else if (name == "BASTION_KILL_GRACE_MS") grace_ = milliseconds(name, value);
    else if (name == "BASTION_BLOCKING_THREADS")
        blocking_threads_ = number<std::size_t>(name, value, 1, most_blocking_threads);
    else if (name == "BASTION_BLOCKING_IDLE_MS") blocking_idle_ = milliseconds(name, value);
    else if (name == "BASTION_SIGNALS") signals_ = flag(name, value);
    else if (name == "BASTION_HARDWARE_FAULTS") hardware_faults_ = flag(name, value);
    else if (name == "BASTION_LOG") quiet_ = !flag(name, value);
    else if (name == "BASTION_ON_STUCK" && value == "wait") stuck_ = on_stuck::wait;
    else if (name == "BASTION_ON_STUCK" && value == "exit_program") stuck_ = on_stuck::exit_program;
    else if (name == "BASTION_ON_STUCK")
        throw bad_config("bastion: BASTION_ON_STUCK=" + std::string(value) + ": expected wait or exit_program");
    else
        throw bad_config("bastion: unknown environment variable " + std::string(name) +
                         ": see bastion/runtime/config.hpp for the known ones");
    return *this;
}

void config::complete() {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view pair(*entry);
        if (pair.substr(0, 8) != "BASTION_") continue;
        const auto equals = pair.find('=');
        with_variable(
            pair.substr(0, equals), equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    }
    if (workers_set_ && workers_ == 0)
        throw bad_config(
            "bastion: with_workers(0): a runtime needs at least one worker; leave it out for one per core");
    if (workers_ > most_workers)
        throw bad_config("bastion: with_workers(" + std::to_string(workers_) + "): at most " +
                         std::to_string(most_workers) + " workers");
    if (blocking_threads_ < 1 || blocking_threads_ > most_blocking_threads)
        throw bad_config("bastion: with_blocking_threads(" + std::to_string(blocking_threads_) +
                         "): expected a number from 1 to " + std::to_string(most_blocking_threads));
    if (blocking_idle_.count() < 0) throw bad_config("bastion: with_blocking_idle: a time is not negative");
    if (crash_limits_.max_queued() < 1 || crash_limits_.max_queued() > crash_limits::most_queued)
        throw bad_config("bastion: with_crash_reports: a queue of " + std::to_string(crash_limits_.max_queued()) +
                         ": expected a number from 1 to " + std::to_string(crash_limits::most_queued));
    if (crash_limits_.max_burst() < 1) throw bad_config("bastion: with_crash_reports: a burst has at least 1 report");
    if (crash_limits_.window().count() <= 0)
        throw bad_config("bastion: with_crash_reports: the window of a burst is longer than 0");
    if (crash_limits_.flush_time().count() < 0)
        throw bad_config("bastion: with_crash_reports: flush_within: a time is not negative");
    if (budget_ < 1) throw bad_config("bastion: with_budget(" + std::to_string(budget_) + "): at least 1 message");
    if (const char* why = hardware_faults_ ? detail::why_no_hardware_faults() : nullptr) throw bad_config(why);
}

} // namespace bastion
