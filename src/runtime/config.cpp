#include "runtime/hardware_faults.hpp"

#include <bastion/base/asymmetric_fence.hpp>
#include <bastion/executor/claimed_plan.hpp>
#include <bastion/runtime/config.hpp>
#include <bastion/topology/cpu_list.hpp>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
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

std::vector<int> cpus(std::string_view name, std::string_view value) {
    try {
        return topology::cpus_of(value);
    } catch (const std::invalid_argument& part) {
        throw bad_config("bastion: " + std::string(name) + "=" + std::string(value) + ": \"" + part.what() +
                         "\" is no CPU and no range of them, as \"0,2-5\"");
    }
}

topology::pinning pinning(std::string_view name, std::string_view value) {
    if (const auto p = topology::pinning_of(value)) return *p;
    throw bad_config(
        "bastion: " + std::string(name) + "=" + std::string(value) + ": expected never, automatic or always");
}

// Once in a program.
void say_what_is_odd(const topology::machine& on) {
    static std::once_flag said_warning;
    static std::once_flag said_synthetic;
    if (!on.warning.empty())
        std::call_once(said_warning, [&on] { std::fprintf(stderr, "bastion: %s\n", on.warning.c_str()); });
    if (on.synthetic)
        std::call_once(said_synthetic, [] {
            std::fputs(
                "bastion: the machine is a description (with_machine, BASTION_MACHINE or HWLOC_SYNTHETIC): workers are "
                "bound to no CPU\n",
                stderr);
        });
}

} // namespace

config& config::with_machine(const std::string& description) & {
    try {
        machine_ = std::make_shared<const topology::machine>(topology::described_machine(description));
    } catch (const std::invalid_argument& e) { throw bad_config(e.what()); }
    return *this;
}

config& config::with_variable(std::string_view name, std::string_view value) & {
    if (name == "BASTION_WORKERS") {
        with_workers(number<std::size_t>(name, value, 1, most_workers));
        wishes_.workers_per_node = 0; // what was said last holds
        per_node_set_ = false;
    } else if (name == "BASTION_WORKERS_PER_NODE") {
        with_workers_per_node(number<std::size_t>(name, value, 1, most_workers));
        wishes_.workers = 0;
        workers_set_ = false;
    } else if (name == "BASTION_CPUS") with_cpus(cpus(name, value));
    else if (name == "BASTION_CORES_LEFT_FREE")
        wishes_.cores_left_free = number<std::size_t>(name, value, 0, most_workers);
    else if (name == "BASTION_SPARE_SMT") wishes_.spare_smt = flag(name, value);
    else if (name == "BASTION_PINNING") wishes_.pinning = pinning(name, value);
    else if (name == "BASTION_MACHINE") with_machine(std::string(value));
    else if (name == "BASTION_SEED") seed_ = number<std::uint64_t>(name, value, 0, ~std::uint64_t{0});
    else if (name == "BASTION_BUDGET") budget_ = number<std::int32_t>(name, value, 1, 1'000'000);
    else if (name == "BASTION_ASK_TIMEOUT_MS") ask_ = milliseconds(name, value);
    else if (name == "BASTION_START_TIMEOUT_MS") start_ = milliseconds(name, value);
    else if (name == "BASTION_SHUTDOWN_MS") stop_ = milliseconds(name, value);
    else if (name == "BASTION_KILL_GRACE_MS") grace_ = milliseconds(name, value);
    else if (name == "BASTION_SLICE_WARNING_MS") slice_warning_ = milliseconds(name, value);
    else if (name == "BASTION_SLICE_ERROR_MS") slice_error_ = milliseconds(name, value);
    else if (name == "BASTION_MAX_SPARE_WORKERS") max_spares_ = number<std::size_t>(name, value, 0, most_spare_workers);
    else if (name == "BASTION_BLOCKING_THREADS")
        blocking_threads_ = number<std::size_t>(name, value, 1, most_blocking_threads);
    else if (name == "BASTION_BLOCKING_IDLE_MS") blocking_idle_ = milliseconds(name, value);
    else if (name == "BASTION_PAGES_GIVEN_BACK") give_back_ = flag(name, value);
    else if (name == "BASTION_STACK_KIB")
        stacks_.bytes =
            1024 * number<std::size_t>(name, value, stack_limits::least_bytes / 1024, stack_limits::most_bytes / 1024);
    else if (name == "BASTION_GUARDED_STACKS")
        stacks_.most_guarded = number<std::size_t>(name, value, 0, std::numeric_limits<std::uint32_t>::max());
    else if (name == "BASTION_SIGNALS") signals_ = flag(name, value);
    else if (name == "BASTION_HARDWARE_FAULTS") hardware_faults_ = flag(name, value);
    else if (name == "BASTION_LOG") quiet_ = !flag(name, value);
    else if (name == "BASTION_ON_STUCK" && value == "wait") stuck_ = on_stuck::wait;
    else if (name == "BASTION_ON_STUCK" && value == "abandon_worker") stuck_ = on_stuck::abandon_worker;
    else if (name == "BASTION_ON_STUCK" && value == "exit_program") stuck_ = on_stuck::exit_program;
    else if (name == "BASTION_ON_STUCK")
        throw bad_config(
            "bastion: BASTION_ON_STUCK=" + std::string(value) + ": expected wait, abandon_worker or exit_program");
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
    if (workers_set_ && wishes_.workers == 0)
        throw bad_config("bastion: with_workers(0): a runtime needs at least one worker; leave it out for one per CPU");
    if (stacks_.bytes < stack_limits::least_bytes || stacks_.bytes > stack_limits::most_bytes)
        throw bad_config(
            "bastion: with_stacks: " + std::to_string(stacks_.bytes) + " bytes: a stack has from 16 KiB to 1 GiB");
    if (per_node_set_ && wishes_.workers_per_node == 0)
        throw bad_config(
            "bastion: with_workers_per_node(0): a node has at least one worker; leave it out for one per CPU");
    if (cpus_set_ && wishes_.cpus.empty())
        throw bad_config("bastion: with_cpus: no CPU is named; leave it out for all that the process may use");
    if (wishes_.workers > most_workers)
        throw bad_config("bastion: with_workers(" + std::to_string(wishes_.workers) + "): at most " +
                         std::to_string(most_workers) + " workers");
    if (blocking_threads_ < 1 || blocking_threads_ > most_blocking_threads)
        throw bad_config("bastion: with_blocking_threads(" + std::to_string(blocking_threads_) +
                         "): expected a number from 1 to " + std::to_string(most_blocking_threads));
    if (blocking_idle_.count() < 0) throw bad_config("bastion: with_blocking_idle: a time is not negative");
    if (slice_warning_.count() != 0 && slice_warning_ < std::chrono::milliseconds(1))
        throw bad_config("bastion: with_slice_limits: a warning is given after 1 ms at the earliest, or never: 0");
    if (stuck_ == on_stuck::abandon_worker && slice_warning_.count() == 0)
        throw bad_config(
            "bastion: on_stuck::abandon_worker needs the watchdog, which with_slice_limits(0) switches off");
    if (stuck_ == on_stuck::abandon_worker && driver_ == nullptr && !detail::asymmetric_fence::available())
        throw bad_config(
            "bastion: on_stuck::abandon_worker needs the system call membarrier, which this system refuses: a "
            "sandbox forbids it, or the kernel is older than 4.14");
    if (slice_warning_.count() != 0 && slice_error_ < slice_warning_)
        throw bad_config("bastion: with_slice_limits: an error is not said before the warning");
    if (const std::size_t spares = max_spares_.value_or(0); spares > most_spare_workers)
        throw bad_config("bastion: with_max_spare_workers(" + std::to_string(spares) +
                         "): expected a number from 0 to " + std::to_string(most_spare_workers));
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

detail::claimed_plan config::plan_workers() const {
    const topology::machine& on = machine_ != nullptr ? *machine_ : topology::this_machine();
    if (driver_ != nullptr && machine_ == nullptr)
        return detail::claimed_plan::without_threads(
            wishes_.workers != 0 ? wishes_.workers : static_cast<std::size_t>(on.workers()), driven_nodes_);
    if (driver_ == nullptr && !quiet_) say_what_is_odd(on);
    try {
        return detail::claimed_plan(on, wishes_);
    } catch (const topology::bad_wish& e) {
        throw bad_config("bastion: with_" + std::string(e.wish()) + ": " + e.what());
    }
}

} // namespace bastion
