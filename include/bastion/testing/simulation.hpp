// `simulation`: whole programs on one thread and on virtual time, every decision from a seed.
//
// For tests. It replaces threads, clock and chance, nothing else: the shipped workers, queues, timers and supervisors
// run under it. The same seed gives the same run; hours of waiting take microseconds; `find_failure` (explore.hpp)
// looks for a seed that fails and shortens the run.
//
//     simulation sim(42);
//     auto client = sim.spawn(retries_for_hours);
//     sim.advance(5h);
//
// Thread safety: none; everything happens on the thread that made it. Only the runtimes made from `runtime_config`
// belong to it: no other thread may use them, nor the refs into them. One that spawns or moves the simulation gets a
// usage_error; one whose message wakes a process ends the program, with the same words. A process must not wait for a real thread or a real clock.
#ifndef BASTION_TESTING_SIMULATION_HPP
#define BASTION_TESTING_SIMULATION_HPP

#include <bastion/runtime/runtime.hpp>
#include <bastion/testing/coverage.hpp>
#include <bastion/testing/failure.hpp>
#include <bastion/testing/settings.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace bastion::detail {
class simulator;
}

namespace bastion::testing {

class simulation {
public:
    explicit simulation(std::uint64_t seed, settings s = {});
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;
    // Kills what still runs. Left by an exception (a test's assertion), it prints the seed and the last events, and
    // abandons the run.
    ~simulation();

    // A runtime of its own, made at first use.
    bastion::runtime& runtime();
    // The same, from a runtime_config that the test has added to. Throws usage_error if it is made already.
    bastion::runtime& runtime(config c);
    // For a runtime of the test's own: workers, clock, seed and log are set. It must go before the simulation; if it
    // cannot end, the program is aborted with a report.
    [[nodiscard]] config runtime_config();

    template <class F>
    child_ref spawn(F&& body, source_location where = source_location::current()) {
        return runtime().spawn(std::forward<F>(body), where);
    }
    children_ref spawn(children&& group) { return runtime().spawn(std::move(group)); }
    supervisor_ref spawn(supervisor&& tree) { return runtime().spawn(std::move(tree)); }

    // ---- time. Nothing happens but in these (and in rt.wait, rt.run, and a runtime's destructor).

    // Until nothing can happen before time moves.
    void settle() { advance(std::chrono::nanoseconds(0)); }
    // Everything that happens in the next `d`, then it is that time.
    void advance(std::chrono::nanoseconds d);
    // Until `done` is true, at most so long; what it returns at the end. It is asked after each step.
    [[nodiscard]] bool run_until(
        const std::function<bool()>& done, std::chrono::nanoseconds within = std::chrono::hours(1));
    // Since the beginning.
    [[nodiscard]] std::chrono::nanoseconds now() const noexcept;

    // ---- what is expected; each throws `failure` if it does not happen in time.

    // Why `who` ended: the incarnation that lives now; if none will ever live again, the last one. What
    // follows from the end at the same instant has happened, too.
    exit_reason expect_exit(const child_ref& who, std::chrono::nanoseconds within = std::chrono::minutes(1));
    // Its element is started again; the number of that start, 1 for the first restart.
    int expect_restart(const child_ref& who, std::chrono::nanoseconds within = std::chrono::minutes(1));

    // ---- faults by order. `nth` counts from 1 the messages that `who` takes from now on.

    // It panics at that message, which is lost with it.
    void panic_at(const child_ref& who, unsigned nth);
    // It is killed before that message.
    void kill_at(const child_ref& who, unsigned nth);
    // That message becomes a dead letter, unless it is a notice of the library (down, stop_request).
    void drop_at(const child_ref& who, unsigned nth);
    // That message comes later by `d`, and so does what follows from the same sender. Not for bounded mailboxes.
    void delay_at(const child_ref& who, unsigned nth, std::chrono::nanoseconds d);
    // From now on each of its turns begins later by `d`, and handles one message.
    void slow(const child_ref& who, std::chrono::nanoseconds d);
    // The `nth` allocation from now, counted from 1, fails with std::bad_alloc, whoever makes it in a turn: processes,
    // supervisors, timers. Of the library's pools; of operator new only in a program that includes
    // <bastion/testing/operator_new.hpp>.
    // (To have each of them fail once, run with 1, 2, 3, ... until seen().failed_allocations stays 0.)
    void fail_allocation(std::uint64_t nth);

    // ---- the run

    [[nodiscard]] std::uint64_t seed() const noexcept;
    // Turns of workers and moves of time so far.
    [[nodiscard]] std::uint64_t steps() const noexcept;
    // Equal for equal runs.
    [[nodiscard]] std::uint64_t trace_hash() const noexcept;
    // One line each, oldest first; at most 64.
    [[nodiscard]] std::string last_events(std::size_t n = 20) const;
    [[nodiscard]] decisions decisions_made() const;
    [[nodiscard]] coverage seen() const;

    // Kills what still runs and ends the runtime that `runtime` has made. Throws `failure` if something does not end.
    void finish();
    // Leaves the run where it is, as the last thing done with it: no process of it runs again, none is destroyed (what
    // they refer to may be gone with the test that failed).
    void abandon() noexcept;

private:
    struct parts;

    std::unique_ptr<parts> parts_; // null: abandoned
    detail::simulator* simulator_; // lives as long as the parts, also when they are left behind
    const int exceptions_;
};

} // namespace bastion::testing

#endif
