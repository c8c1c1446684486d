// The executor: workers as planned, work stealing between them, sleep when there is nothing to do.
//
// Owned by a runtime. `schedule` may be called from any thread while the executor lives; plain threads must hold the
// runtime's gate. Knows runnables, jobs and timers, nothing of processes.
#ifndef BASTION_EXECUTOR_EXECUTOR_HPP
#define BASTION_EXECUTOR_EXECUTOR_HPP

#include <bastion/base/clock.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/executor/blocking_pool.hpp>
#include <bastion/executor/claimed_plan.hpp>
#include <bastion/executor/driver.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/executor/rest.hpp>
#include <bastion/executor/runnable.hpp>
#include <bastion/executor/seat.hpp>
#include <bastion/executor/sleepers.hpp>
#include <bastion/executor/spare_workers.hpp>
#include <bastion/executor/stacks.hpp>
#include <bastion/executor/this_thread.hpp>
#include <bastion/executor/watchdog.hpp>
#include <bastion/executor/worker.hpp>
#include <bastion/executor/worker_node.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace bastion::detail {

struct executor_options {
    const void* home = nullptr;  // what this executor serves; workers know each other's strands by it
    std::optional<claimed_plan> plan; // what its workers are; none: one for each CPU of this machine
    std::int32_t budget = 100;
    std::uint64_t seed = 1;
    std::shared_ptr<clock> time;
    void (*around)(worker&) = nullptr;  // calls the worker's loop, on its thread; null: nothing is around it
    driver* driven_by = nullptr;  // null: a thread per worker
    blocking_options blocking;
    bool gives_pages_back = true; // to the system, when all workers have been idle for a while
    // Who a strand is, for reports: called while it runs, on its worker or by the watchdog; `callback`: it is what a system process
    // calls. Null: nobody knows.
    std::string (*name_of)(strand&, bool callback) = nullptr;
    std::size_t most_spares = 0; // workers beside those of the plan, for those that do not come back
    std::size_t most_lost = 0; // and for those that run a process that was given up
    slice_limits slices; // none: nobody watches
    stack_limits stacks; // of fibers
    void (*on_long_slice)(void* data, const slice_report& report) = nullptr; // on the watchdog's thread
    // For how many workers there are CPUs now; 0: nobody knows. On the watchdog's thread. Null: their number does not change by itself.
    std::size_t (*cpus)(void* data) = nullptr;
    void* data = nullptr; // of both
};

struct executor_counters {
    std::uint64_t resumes = 0;
    std::uint64_t steals = 0;
    std::uint64_t far_steals = 0; // of these, from another NUMA node
    std::uint64_t parks = 0;
};

class BASTION_API executor final : public clock_user {
public:
    explicit executor(executor_options options);
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;
    // Stops the workers; whatever is queued then is never run. The owner makes sure that nothing is.
    ~executor();

    // Somebody who may linger (worker.hpp) was told something by another than its worker: an idle one looks at those that stand still.
    void call_thief() noexcept;

    // Puts `r` where it will run; the caller holds the right to schedule it. From one of this executor's workers it
    // runs there next, from elsewhere it goes to the node's queue and a sleeper is woken.
    BASTION_INLINE void schedule(runnable& r) noexcept {
        worker* here = this_thread().current_worker;
        if (here != nullptr && &here->owner() == this) [[likely]]
            here->push_next(r);
        else inject(r);
    }
    BASTION_INLINE void schedule_system(runnable& r) noexcept {
        worker* here = this_thread().current_worker;
        if (here != nullptr && &here->owner() == this) [[likely]]
            here->push_system(r);
        else inject_system(r);
    }

    // The worker whose wheel a timer armed here goes to: the caller's, or the first.
    [[nodiscard]] worker& timer_home() noexcept;
    // A planned one, or a spare one that was made.
    [[nodiscard]] worker& worker_at(std::size_t index) noexcept {
        return index < workers_.size() ? *workers_[index] : *spares_.made()[index - workers_.size()];
    }
    // Those of the plan.
    [[nodiscard]] std::size_t size() const noexcept { return workers_.size(); }
    // With the spare ones that were ever made.
    [[nodiscard]] std::size_t all() const noexcept { return workers_.size() + spares_.made().size(); }
    // On how many NUMA nodes its workers are.
    [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }
    // Of these one, numbered from 1 as in runnable::node.
    [[nodiscard]] const worker_node& node_at(std::size_t home) const noexcept { return *nodes_[home - 1]; }
    // Where memory for what is at home there comes from.
    [[nodiscard]] memory_home memory_of(std::size_t home) const noexcept {
        return plan_.home_of(node_at(home).nearest.front());
    }
    // Of each node in turn: for what is nobody's in particular.
    [[nodiscard]] memory_home memory_of_next_node() noexcept { return memory_of(next_node().home); }
    // For what is to be spread over the nodes: each in turn.
    [[nodiscard]] std::uint16_t next_home() noexcept;
    [[nodiscard]] const void* home() const noexcept { return options_.home; }
    [[nodiscard]] clock& time() noexcept { return *time_; }
    [[nodiscard]] std::int32_t budget() const noexcept { return options_.budget; }
    [[nodiscard]] const stack_limits& stacks() const noexcept { return options_.stacks; }
    // What takes the turns of the workers; null: threads of their own.
    [[nodiscard]] driver* driven_by() const noexcept { return options_.driven_by; }
    [[nodiscard]] executor_counters counters() const noexcept;
    // True on a thread of this executor.
    [[nodiscard]] bool on_worker() const noexcept;

    // The threads for what would block a worker. Unused by an executor that has a driver.
    [[nodiscard]] blocking_pool& blocking() noexcept { return blocking_; }
    // The pool has nothing to do any more.
    void blocking_done() noexcept;
    // A forked task whose blocking function has returned goes on wherever a worker finds time. Any thread.
    void resume_forked(runnable& r) noexcept;
    // "" when nobody knows, or there is no memory for it.
    [[nodiscard]] std::string name_of(strand* s, bool callback = false) const noexcept;

    // From now on so many planned workers have a seat: at least one of each node, at most all; the first of each node. Soon: a worker leaves
    // when it comes back from its turn. Any thread. Not with a driver.
    void resize(std::size_t workers) noexcept;
    // Those of the plan that are seated, and were not told to leave. A hint.
    [[nodiscard]] std::size_t present() const noexcept;

    // Gives up a process that does not come back, if it is seen to run: see watchdog.hpp. Any thread. Not with a driver.
    void give_up(giving_up& wish) noexcept { watch_.give_up(wish); }

    // Ends the threads and waits for them. Not from a worker. Idempotent. False: there are threads that still run a process that was given
    // up: these are left behind, and the executor must stay.
    bool stop();

    void check_caller() const override;
    void wait_until_at_rest() override;
    [[nodiscard]] std::optional<std::int64_t> next_due() override;
    void time_moved() override;
    // Nothing can happen before time moves or a plain thread does something.
    [[nodiscard]] bool at_rest() noexcept;

private:
    friend class worker;
    friend class seat;
    friend class spare_workers;
    friend class watchdog;

    void make_workers();
    // What a thread does for `w`, while it has its seat.
    void work_as(worker& w);
    template <class F>
    void each_of_all(F f) {
        for (auto& w : workers_) f(*w);
        for (worker* w : spares_.made()) f(*w);
    }
    template <class F>
    [[nodiscard]] bool any_of_all(F f) {
        for (auto& w : workers_)
            if (f(*w)) return true;
        for (worker* w : spares_.made())
            if (f(*w)) return true;
        return false;
    }
    // A number that is above that of every worker there will be.
    [[nodiscard]] std::size_t most_workers() const noexcept { return workers_.size() + spares_.most_made(); }
    // A hint.
    [[nodiscard]] bool all_sleep() const noexcept { return sleepers_.asleep() == seated_.seated(); }
    void one_seat_more(const worker& who) noexcept;
    void one_seat_less(const worker& who) noexcept;
    // It leaves as soon as it can.
    void tell_to_leave(worker& w) noexcept;
    void inject(runnable& r) noexcept;
    void inject_system(runnable& r) noexcept;
    // To the queue of the node where it is at home.
    void send_home(runnable& r) noexcept;
    // The sleeper that comes first in `order`, or among its first `n`. False: none of them sleeps.
    bool wake_one(const std::vector<std::uint32_t>& order, std::size_t n) noexcept;
    void wake_one(const std::vector<std::uint32_t>& order) noexcept { (void)wake_one(order, order.size()); }
    // Where what comes from no worker goes: to the nodes in turn.
    [[nodiscard]] worker_node& next_node() noexcept;
    [[nodiscard]] bool queues_empty_for_sure() noexcept;
    void wake(worker& w) noexcept;
    // The worker, which is to look at its wheel; of one that does not come back another one.
    void wake_for_timers(worker& w) noexcept;
    // The spare worker of one that has stepped in, of that node or of any (null), which sleeps.
    [[nodiscard]] bool wake_a_spare(const worker_node* node) noexcept;
    void wake_all() noexcept;
    void rested() noexcept;
    void tell_of_rest() noexcept;

    executor_options options_;
    const std::int64_t began_ns_ = monotonic_ns();
    const claimed_plan plan_;
    std::shared_ptr<clock> time_;
    sleepers sleepers_;
    std::atomic<std::uint64_t> thief_calls_{0};
    std::vector<std::unique_ptr<worker_node>> nodes_; // never empty
    alignas(cache_line) std::atomic<std::size_t> turn_of_nodes_{0};
    std::atomic<std::size_t> turn_of_homes_{0}; // relaxed: a number, no order
    std::atomic<bool> stopping_{false};
    bool stopped_ = false; // Invariant: written by the owner's thread only, as the next
    bool leaves_threads_ = false;
    alignas(cache_line) rest_watch rest_;
    std::mutex rest_mutex_;
    std::condition_variable rest_changed_;
    std::vector<std::unique_ptr<worker>> workers_;
    spare_workers spares_;
    std::unique_ptr<seat[]> seats_; // of the planned ones
    seat_count seated_; // all
    blocking_pool blocking_;
    watchdog watch_;
};

} // namespace bastion::detail

#endif
