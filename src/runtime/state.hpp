// What a runtime keeps: its home, its executor, its root, and who waits for its end.
#ifndef BASTION_SRC_RUNTIME_STATE_HPP
#define BASTION_SRC_RUNTIME_STATE_HPP

#include "routing/directory.hpp"
#include "runtime/crash_reporter.hpp"
#include "runtime/hardware_faults.hpp"
#include "runtime/reporter.hpp"
#include "supervision/supervisor.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/runtime/runtime.hpp>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace bastion::detail {

struct runtime_state {
    explicit runtime_state(config c) : settings(std::move(c)) {}

    config settings;
    runtime_home* home = nullptr;
    std::optional<hardware_fault_guard> hardware_faults; // outlives the workers
    std::optional<hardware_faults_here> driver_faults;
    directory names; // outlives the workers
    std::unique_ptr<executor> workers;
    std::int64_t workers_since_ns = 0; // by monotonic_ns
    supervisor_owner* root = nullptr;
    address root_address;
    std::unique_ptr<reporter> reports;
    config::slice_function slice_log; // none: standard error
    // For CPUs that the system gives and takes; the watchdog's thread's.
    topology::worker_wishes wishes; // without a number of workers
    bool number_was_given = false;
    bool cpus_are_shared = false; // by workers whose number was given, and that was said
    std::vector<int> cpus_known;
    double quota_known = 0;
    std::size_t workers_for_cpus = 0;
    bool quiet = false;
    std::unique_ptr<crash_reporter> crashes; // null: nobody wants any

    // A futex word: bit 0: the root has ended; the rest counts wake-ups.
    std::atomic<std::uint32_t> events{0};
    std::atomic<bool> stop_asked{false};
    std::atomic<bool> functions_named{false}; // those that keep the stop were said
    std::atomic<int> code{0};
    std::atomic<bool> code_set{false};

    spin_lock subscribers_lock;
    std::vector<child_ref> subscribers;
    std::atomic<bool> has_subscribers{false};

    [[nodiscard]] bool ended() const noexcept { return (events.load() & 1) != 0; }
    // Until `events` is not `seen` any more, or for no reason. Plain threads.
    void sleep(std::uint32_t seen) {
        if (driver* const d = workers->driven_by())
            (void)d->run_until(
                [this, seen] { return events.load() != seen; }, std::numeric_limits<std::int64_t>::max());
        else futex_wait(events, seen, -1);
    }
    void set_code(int c) noexcept {
        if (!code_set.exchange(true)) code.store(c);
    }
};

// While it lives, SIGINT and SIGTERM wake the runtime's wait(); every runtime that is waited for gets them.
class signal_guard {
public:
    explicit signal_guard(runtime_state& state);
    signal_guard(const signal_guard&) = delete;
    signal_guard& operator=(const signal_guard&) = delete;
    ~signal_guard();
    // Signals since the guard was made.
    [[nodiscard]] int count() const noexcept;

private:
    int before_;
    std::size_t place_;  // in the handler's table
};

} // namespace bastion::detail

#endif
