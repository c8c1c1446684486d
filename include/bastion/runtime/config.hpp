// `config()`: what a runtime is told at its start.
//
// A value, chained. Environment variables of the same names override it, so that an operator can: BASTION_WORKERS,
// BASTION_SEED, BASTION_BUDGET, BASTION_ASK_TIMEOUT_MS, BASTION_START_TIMEOUT_MS, BASTION_SHUTDOWN_MS,
// BASTION_KILL_GRACE_MS, BASTION_ON_STUCK (wait, abandon_worker or exit_program), BASTION_SIGNALS (0 or 1), BASTION_LOG (0 or 1),
// BASTION_HARDWARE_FAULTS (0 or 1), BASTION_BLOCKING_THREADS, BASTION_BLOCKING_IDLE_MS, BASTION_WORKERS_PER_NODE, BASTION_CPUS ("0,2-5"),
// BASTION_CORES_LEFT_FREE, BASTION_SPARE_SMT (0 or 1), BASTION_PINNING (never, automatic or always), BASTION_MACHINE, BASTION_PAGES_GIVEN_BACK (0 or 1),
// BASTION_SLICE_WARNING_MS, BASTION_SLICE_ERROR_MS, BASTION_MAX_SPARE_WORKERS, BASTION_STACK_KIB, BASTION_GUARDED_STACKS. An unknown BASTION_ variable is an error: a typing mistake must not pass in silence.
#ifndef BASTION_RUNTIME_CONFIG_HPP
#define BASTION_RUNTIME_CONFIG_HPP

#include <bastion/base/clock.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/executor/stacks.hpp>
#include <bastion/process/exit_reason.hpp>
#include <bastion/process/hardware_fault.hpp>
#include <bastion/runtime/hardware_faults.hpp>
#include <bastion/runtime/long_slice.hpp>
#include <bastion/supervision/crash_report.hpp>
#include <bastion/supervision/policy.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion {

namespace detail {
class claimed_plan;
class driver;
} // namespace detail

// A configuration that makes no sense; the text names the setting.
class bad_config : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// What the log hook is given: who failed, why, what happens next.
struct log_record {
    std::string_view path;
    const exit_reason& reason;
    std::string_view next;
    std::string_view in_hand; // the type of the message handled at the fault; may be empty
    unsigned lost = 0; // messages in hand that were lost with it
    int restarts = 0;
};

class config {
public:
    using log_function = std::function<void(const log_record&)>;
    using crash_function = std::function<void(const crash_report&)>;
    using slice_function = std::function<void(const long_slice&)>;
    static constexpr std::size_t most_workers = topology::most_workers;
    static constexpr std::size_t most_blocking_threads = 65'536;
    static constexpr std::size_t most_spare_workers = 1024;

    config() noexcept {}

    // Worker threads, 1 to 1024. Default: one for each CPU that they may have, no more than the cgroup's quota. More than there are
    // CPUs share them.
    config& with_workers(std::size_t n) & { return wishes_.workers = n, workers_set_ = true, *this; }
    // So many workers on each NUMA node that has CPUs, instead of a number in all.
    config& with_workers_per_node(std::size_t n) & { return wishes_.workers_per_node = n, per_node_set_ = true, *this; }
    // Workers run on these CPUs only, by the system's numbers. Default: all that the process may use (sched_getaffinity).
    config& with_cpus(std::vector<int> numbers) & { return wishes_.cpus = std::move(numbers), cpus_set_ = true, *this; }
    // So many cores, with all their hardware threads, are left to others: slow ones first, then the last ones. Default 0.
    config& with_cores_left_free(std::size_t n) & { return wishes_.cores_left_free = n, *this; }
    // At most one worker on each core, where a core has several hardware threads. Default no.
    config& with_spare_smt(bool on = true) & { return wishes_.spare_smt = on, *this; }
    // Which CPUs a worker's thread may run on; topology/worker_plan.hpp says what each word means. Threads that a process starts itself
    // inherit it, as the system has it; those for blocking functions are bound to nothing. Default automatic.
    config& with_pinning(topology::pinning p) & { return wishes_.pinning = p, *this; }
    // Another machine than this one, in hwloc's synthetic format ("numa:2 core:4 pu:2") or its XML: workers turn to one another as they
    // would there, and are bound to nothing. For tests, and for machines that hwloc does not know. Throws bad_config.
    BASTION_API config& with_machine(const std::string& description) &;
    // Where time comes from: default the steady clock; tests give a manual_clock.
    config& with_clock(std::shared_ptr<clock> c) & { return clock_ = std::move(c), *this; }
    // The seed of every random choice. Default 1.
    config& with_seed(std::uint64_t s) & { return seed_ = s, *this; }
    // Messages that a process may handle before others get their turn. Default 100.
    config& with_budget(std::int32_t n) & { return budget_ = n, *this; }
    config& with_ask_timeout(std::chrono::nanoseconds d) & { return ask_ = d, *this; } // 30 s
    config& with_start_timeout(std::chrono::nanoseconds d) & { return start_ = d, *this; } // 10 s
    config& with_shutdown_timeout(std::chrono::nanoseconds d) & { return stop_ = d, *this; } // 5 s
    config& with_kill_grace(std::chrono::nanoseconds d) & { return grace_ = d, *this; } // 1 s
    // What becomes of a process that still runs so long after it was killed. Default wait.
    config& with_on_stuck(on_stuck s) & { return stuck_ = s, *this; }
    // Threads for blocking functions, at most; 1 to 65,536. Default 512. They are started when they are needed.
    config& with_blocking_threads(std::size_t most) & { return blocking_threads_ = most, *this; }
    // A thread for blocking functions ends when it has had nothing to do for so long. Default 10 s.
    config& with_blocking_idle(std::chrono::nanoseconds d) & { return blocking_idle_ = d, *this; }
    // Called for every report, from workers, one at a time. Default: one line on standard error, at most 10 a second.
    config& with_log(log_function f) & { return log_ = std::move(f), *this; }
    // Told each end of a process by a fault or an exit signal, with what was known of it; beside the line in the log. Called
    // by a thread of its own, one report after another: it may block, which delays no supervision, and use the runtime, but
    // not destroy it. More than the limits allow is dropped, and counted (runtime::crash_reports,
    // crash_report::dropped_before). A sink that throws is told no more, and the log says so; after std::bad_alloc it is
    // told the next. The end of the runtime waits until it was told what is queued, and for its last call. In a simulation
    // it is called at once, in the owner's turn. Default: none, and none are made. Cost of a report: up to 5 us of the owner
    // (it counts 1,000 messages at most), less than 0.1 us of one that is dropped.
    config& with_crash_reports(crash_function sink, crash_limits limits = crash_limits()) & {
        return crash_sink_ = std::move(sink), crash_limits_ = limits, *this;
    }
    // Whether memory that a burst has left free goes back to the system when all workers have been idle for a second or, where timers come
    // again and again, for nine tenths of one. It takes some 10 to 100 ns of an idle worker for each free block; work comes first. Default yes.
    config& with_pages_given_back(bool on) & { return give_back_ = on, *this; }
    // Whether SIGINT and SIGTERM stop the runtime while a thread is in wait(). Default yes.
    config& with_signals(bool on) & { return signals_ = on, *this; }
    // Whether a process that divides by zero or follows a bad pointer panics, with a bastion::hardware_fault, instead of
    // ending the program. Best effort: memory may be damaged already. Default no. Needs a program built by g++ with the
    // CMake target bastion::hardware_faults; otherwise the runtime's constructor throws bad_config.
    config& with_hardware_faults(bool on) & { return hardware_faults_ = on, *this; }
    // How long a process may keep its worker without a pause until that is said, and a spare worker steps in: at least 1 ms; then until it
    // is said as an error, with a backtrace: not before the warning. A warning of 0: nobody looks, and no spare worker steps in.
    // Default 10 ms and 1 s. For the backtrace the thread is interrupted by SIGURG: a system call it is in may return with EINTR.
    config& with_slice_limits(std::chrono::nanoseconds warning, std::chrono::nanoseconds error) & {
        return slice_warning_ = warning, slice_error_ = error, *this;
    }
    // So many workers step in at once for others that do not come back from a process, at most; 0 to 1,024. With 0 a runtime of one worker
    // never runs two processes at a time, and a process that computes for long keeps all others waiting. Default: as many as there are
    // workers.
    config& with_max_spare_workers(std::size_t n) & { return max_spares_ = n, *this; }
    // Stacks of fibers: the bytes of one whose size nobody has said, from 16 KiB to 1 GiB, rounded up to a power of two; and how many may have a
    // guard, in the whole program: each takes two of the system's mappings, of which a program may have 65,530. Default 64 KiB and 16,384.
    config& with_stacks(stack_limits s) & { return stacks_ = s, *this; }
    // Told of processes that keep their worker for long, by a thread of the runtime's own, which looks at no worker meanwhile. What it throws
    // is lost. Default: lines on standard error.
    config& with_slice_log(slice_function f) & { return slice_log_ = std::move(f), *this; }
    // As the environment variable of that name would, for settings that come from elsewhere; the environment still has the
    // last word. Throws bad_config.
    BASTION_API config& with_variable(std::string_view name, std::string_view value) &;
    // For bastion::testing: no threads, the driver takes the workers' turns, which are on so many NUMA nodes. It must outlive the runtime.
    config& with_driver(detail::driver* d, std::size_t nodes = 1) & {
        return driver_ = d, driven_nodes_ = nodes, *this;
    }

    config with_workers(std::size_t n) && { return with_workers(n), std::move(*this); }
    config with_workers_per_node(std::size_t n) && { return with_workers_per_node(n), std::move(*this); }
    config with_cpus(std::vector<int> numbers) && { return with_cpus(std::move(numbers)), std::move(*this); }
    config with_cores_left_free(std::size_t n) && { return with_cores_left_free(n), std::move(*this); }
    config with_spare_smt(bool on = true) && { return with_spare_smt(on), std::move(*this); }
    config with_pinning(topology::pinning p) && { return with_pinning(p), std::move(*this); }
    config with_machine(const std::string& description) && { return with_machine(description), std::move(*this); }
    config with_clock(std::shared_ptr<clock> c) && { return with_clock(std::move(c)), std::move(*this); }
    config with_seed(std::uint64_t s) && { return with_seed(s), std::move(*this); }
    config with_budget(std::int32_t n) && { return with_budget(n), std::move(*this); }
    config with_ask_timeout(std::chrono::nanoseconds d) && { return with_ask_timeout(d), std::move(*this); }
    config with_start_timeout(std::chrono::nanoseconds d) && { return with_start_timeout(d), std::move(*this); }
    config with_shutdown_timeout(std::chrono::nanoseconds d) && { return with_shutdown_timeout(d), std::move(*this); }
    config with_kill_grace(std::chrono::nanoseconds d) && { return with_kill_grace(d), std::move(*this); }
    config with_on_stuck(on_stuck s) && { return with_on_stuck(s), std::move(*this); }
    config with_blocking_threads(std::size_t most) && { return with_blocking_threads(most), std::move(*this); }
    config with_blocking_idle(std::chrono::nanoseconds d) && { return with_blocking_idle(d), std::move(*this); }
    config with_log(log_function f) && { return with_log(std::move(f)), std::move(*this); }
    config with_crash_reports(crash_function sink, crash_limits limits = crash_limits()) && {
        return with_crash_reports(std::move(sink), limits), std::move(*this);
    }
    config with_pages_given_back(bool on) && { return with_pages_given_back(on), std::move(*this); }
    config with_signals(bool on) && { return with_signals(on), std::move(*this); }
    config with_hardware_faults(bool on) && { return with_hardware_faults(on), std::move(*this); }
    config with_slice_limits(std::chrono::nanoseconds warning, std::chrono::nanoseconds error) && {
        return with_slice_limits(warning, error), std::move(*this);
    }
    config with_max_spare_workers(std::size_t n) && { return with_max_spare_workers(n), std::move(*this); }
    config with_stacks(stack_limits s) && { return with_stacks(s), std::move(*this); }
    config with_slice_log(slice_function f) && { return with_slice_log(std::move(f)), std::move(*this); }
    config with_variable(std::string_view name, std::string_view value) && {
        return with_variable(name, value), std::move(*this);
    }
    config with_driver(detail::driver* d, std::size_t nodes = 1) && { return with_driver(d, nodes), std::move(*this); }

private:
    friend class runtime;

    // Applies the environment and checks everything; throws bad_config.
    void complete();
    // Of a complete one. Says what is odd about the machine, once. Throws bad_config.
    [[nodiscard]] detail::claimed_plan plan_workers() const;

    topology::worker_wishes wishes_;
    bool workers_set_ = false;
    bool per_node_set_ = false;
    bool cpus_set_ = false;
    std::shared_ptr<const topology::machine> machine_; // null: this one
    std::shared_ptr<clock> clock_;
    std::uint64_t seed_ = 1;
    std::int32_t budget_ = 100;
    std::chrono::nanoseconds ask_ = std::chrono::seconds(30);
    std::chrono::nanoseconds start_ = std::chrono::seconds(10);
    std::chrono::nanoseconds stop_ = std::chrono::seconds(5);
    std::chrono::nanoseconds grace_ = std::chrono::seconds(1);
    on_stuck stuck_ = on_stuck::wait;
    std::size_t blocking_threads_ = 512;
    std::chrono::nanoseconds blocking_idle_ = std::chrono::seconds(10);
    log_function log_;
    bool quiet_ = false;
    crash_function crash_sink_;
    crash_limits crash_limits_;
    std::chrono::nanoseconds slice_warning_ = std::chrono::milliseconds(10);
    std::chrono::nanoseconds slice_error_ = std::chrono::seconds(1);
    std::optional<std::size_t> max_spares_; // none: as many as there are workers
    slice_function slice_log_;
    bool give_back_ = true;
    stack_limits stacks_;
    bool signals_ = true;
    bool hardware_faults_ = false;
    detail::driver* driver_ = nullptr;
    std::size_t driven_nodes_ = 1;
};

} // namespace bastion

#endif
