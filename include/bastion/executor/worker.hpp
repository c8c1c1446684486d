// A worker: one thread that runs strands and forked jobs, and the queues it owns.
//
// Made by the executor. The push functions are for the worker's own thread; `steal_from` is called by other workers.
// A hop between two strands of one worker costs the slot (no atomic read-modify-write when the executor has one
// worker) and an indirect call.
#ifndef BASTION_EXECUTOR_WORKER_HPP
#define BASTION_EXECUTOR_WORKER_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/random.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/fork_deque.hpp>
#include <bastion/executor/next_slot.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/executor/ring.hpp>
#include <bastion/executor/runnable.hpp>
#include <bastion/executor/this_thread.hpp>
#include <bastion/executor/timer_wheel.hpp>
#include <bastion/executor/turn_mark.hpp>
#include <bastion/executor/waiting_room.hpp>
#include <bastion/executor/wheel_notice.hpp>
#include <bastion/executor/worker_counters.hpp>
#include <bastion/executor/worker_node.hpp>
#include <bastion/executor/young_timers.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <pthread.h>
#include <vector>

namespace bastion::detail {

class executor;

// A forked task on its way to a worker: embedded in the task's promise scope record.
struct fork_job {
    void (*run)(fork_job&, worker&) = nullptr;
};

// A timer whose effect runs user code or takes locks, and so waits until the wheel's lock is free. When it has fired
// (cancel says false) it belongs to its `late` function.
struct late_timer : timer_entry {
    late_timer(void (*f)(late_timer&), void (*d)(late_timer&)) noexcept : timer_entry(&queue), late(f), drop(d) {}
    void (*late)(late_timer&);
    void (*drop)(late_timer&);  // instead of `late`, when the executor ends first

private:
    static void queue(timer_entry* entry, void* context) noexcept;
};

// What the timers of one poll want done once the wheel's lock is free.
struct fired_timers {
    std::vector<runnable*> wake;
    timer_entry* late = nullptr;  // in due order, chained by `next`; each owned by its `late` function now
    timer_entry* last = nullptr;
};

inline void late_timer::queue(timer_entry* entry, void* context) noexcept {
    auto* fired = static_cast<fired_timers*>(context);
    if (fired->late == nullptr) fired->late = entry;
    else fired->last->next = entry;
    fired->last = entry;
}

class alignas(cache_line) worker {
public:
    static constexpr unsigned slot_turns = 3;     // the slot, at most so often in a row
    static constexpr int most_patience = 4;       // with those who linger in vain
    static constexpr unsigned system_turns = 7;   // system strands in a row before the others get one turn
    static constexpr unsigned poll_every = 64;    // turns between two looks at the clock and the node queue
    static constexpr unsigned eldest_every = 1024; // and at what has waited longest for room in the ring
    static constexpr std::uint64_t spin_most_ns =
        40'000; // a search: where sleeping and waking costs as much (executors.md)
    // Woken so soon after it fell asleep, so often in a row, it naps: it looks again by itself after so long, twice as long each time.
    static constexpr std::int64_t quick_wake_ns = 20'000;
    static constexpr unsigned most_quick_wakes = 4;
    static constexpr std::int64_t nap_least_ns = 50'000;
    static constexpr std::int64_t nap_most_ns = 200'000;
    static constexpr std::int64_t idle_before_giving_back_ns = 1'000'000'000;
    static constexpr unsigned near_rounds = 2; // a thief looks at its own node so often before it looks farther

    // `place` and the nodes outlive it. `others`: the nodes of other workers, the nearest first.
    // `has_thieves`: from the beginning, and for good.
    worker(executor& owner, std::size_t index, std::uint64_t seed, const topology::planned_worker& place,
        worker_node& node, std::vector<worker_node*> others, bool has_thieves);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    // The strand just woken: it runs next, here, or goes to the node where it is at home. What lay in the slot goes to the ring and
    // wakes nobody.
    BASTION_INLINE void push_next(runnable& r) noexcept {
        if (has_far_nodes_ && r.node != 0) [[unlikely]]
            return push_next_at_home(r);
        put_next(r);
    }
    // After one of the others: a strand that has far more to do than a turn allows, until it has caught up.
    BASTION_INLINE void push_after_one(runnable& r) noexcept {
        push_next(r);
        slot_streak_ = slot_turns;
    }
    // The end of the line: a strand whose budget is spent.
    BASTION_INLINE void push_last(runnable& r) noexcept {
        if (has_far_nodes_ && r.node != 0) [[unlikely]]
            return push_last_at_home(r);
        if (!ring_.push(&r)) [[unlikely]]
            overflow(r);
    }
    BASTION_INLINE void push_system(runnable& r) noexcept {
        if (!system_.push(&r)) [[unlikely]]
            overflow_system(r);
    }
    // `bound`: it is of a process that is bound to this node, and so it is itself; there are two stacks of jobs.
    BASTION_API void push_job(fork_job& job, bool bound);
    // The newest forked job of that stack; null: none left here.
    [[nodiscard]] fork_job* pop_job(bool bound) noexcept {
        fork_deque<fork_job>& jobs = jobs_of(bound);
        if (mark_.has_thieves()) return jobs.pop(true);
        const turn_mark::step alone(mark_);
        return jobs.pop(mark_.has_thieves());
    }
    void return_job(fork_job& job, bool bound) { jobs_of(bound).push(&job); }
    // Lets a forked task go on that has waited for a blocking function. False: there is none.
    BASTION_API bool run_resumed();

    [[nodiscard]] executor& owner() const noexcept { return owner_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    // Whose place it has: its own, or of a spare worker that of the planned one for which it has stepped in.
    [[nodiscard]] std::size_t seat() const noexcept {
        return seat_.load(std::memory_order_relaxed);
    } // a number, no order
    // Where it is, and in what order it turns to the others.
    [[nodiscard]] const topology::planned_worker& place() const noexcept { return place_; }
    [[nodiscard]] worker_node& node() const noexcept { return node_; }
    [[nodiscard]] random_source& random() noexcept { return random_; }
    [[nodiscard]] std::int32_t budget() const noexcept { return budget_; }
    // The state of this worker's own thread; for that thread.
    [[nodiscard]] thread_state& thread() const noexcept { return *thread_; }
    [[nodiscard]] const worker_counters& counters() const noexcept { return counters_; }
    // The turns of processes and forked tasks that it has begun. Any thread.
    [[nodiscard]] std::uint64_t resumes() const noexcept { return mark_.turns(); }
    // What lies in its own queues now, about.
    [[nodiscard]] std::size_t queued() const noexcept;
    // Whether it has anything at all in hand but what runs.
    [[nodiscard]] bool holds_any() const noexcept { return queued() != 0 || !lingerer_.empty(); }

    // Timers. The duration counts from this worker's next look at the clock.
    // For this worker's thread, and timers that only one thread at a time knows: most of them never come into the wheel.
    BASTION_INLINE void arm_own(timer_entry& entry, std::int64_t duration_ns) noexcept {
        entry.due_ns = duration_ns;
        if (!young_.put(entry)) [[unlikely]]
            arm_behind_young(entry);
    }
    // Any thread, any timer.
    void arm(timer_entry& entry, std::int64_t duration_ns) noexcept;
    // Any thread. False: it was not armed, or is on its way to its function.
    BASTION_INLINE bool cancel(timer_entry& entry) noexcept { return take_back_young(entry) || cancel_in_wheel(entry); }

    // One that is about to park, and has no news, may linger instead while another is to run here next: the worker keeps the right to run it,
    // and whoever is elsewhere is told that it may linger. If that next one turns to it, as where two talk to one another, neither the park nor the
    // wake-up has cost a read-modify-write. Else it is parked when the next turn is over, or stolen when that does not end.
    // Where most linger in vain, as in a ring, one in `poll_every` does.
    [[nodiscard]] BASTION_INLINE bool lets_linger() const noexcept { return patience_ > 0 && !slot_.empty(); }
    BASTION_INLINE void linger(runnable& r) noexcept {
        if (!lingerer_.empty()) [[unlikely]]
            park_lingerer();
        lingerer_.put(r); // only this thread puts
        lingers_anew_ = true;
    }
    [[nodiscard]] BASTION_INLINE bool has_lingering(const runnable& r) const noexcept { return lingerer_.holds(r); }
    // True: it does not linger any more, and the caller, on this worker's thread, has the right to run it.
    [[nodiscard]] BASTION_INLINE bool end_lingering() noexcept {
        patience_ += patience_ < most_patience ? 1 : 0;
        return take_lingerer() != nullptr;
    }

    // The process that runs here is anybody's from now on, once this has returned: whoever looks at it is through.
    BASTION_INLINE void let_go(thread_state& thread) noexcept {
        thread.current = nullptr;
        mark_.let_go();
    }

    // The same of a callback that a system process has called.
    void leave_callback(thread_state& thread) noexcept {
        thread.callback = false;
        mark_.let_go();
    }
    // And of a forked task, whose end lets its process go on elsewhere.
    void leave_fork(thread_state& thread) noexcept {
        thread.forked_by = nullptr;
        mark_.let_go();
    }

    // See turn_mark.hpp, 5: while the process that runs does what nobody may do at the same time, were it given up.
    [[nodiscard]] bool take_in_hand() noexcept { return mark_.in_hand(); }
    void leave_in_hand(bool as) noexcept {
        if (!as) mark_.out_of_hand();
    }

    // The thread's whole life, or of a spare worker its time in one seat.
    void loop();

    // ---- for drivers, in place of loop; on the driver's thread
    // What the loop does until something has run or there is nothing left to do.
    BASTION_API void take_turn();
    // False: it sleeps, nobody has woken it, and nothing is due.
    [[nodiscard]] BASTION_API bool may_turn() const noexcept;
    // What the driver's `run` calls; a turn of at most `messages`.
    BASTION_API void run_now(runnable& r, std::int32_t messages) noexcept;

private:
    friend class executor;
    friend class seat;
    friend class spare_workers;
    friend class watchdog;

    enum class reach : std::uint8_t { node, machine };

    BASTION_INLINE void put_next(runnable& r) noexcept {
        if (slot_.empty()) slot_.put(r); // only this thread puts
        else replace_next(r);
    }
    BASTION_INLINE void replace_next(runnable& r) noexcept {
        const turn_mark::step alone(mark_);
        if (runnable* const old = slot_.displace(mark_.slot_is_robbed())) push_last(*old);
        slot_.put(r);
    }
    [[nodiscard]] BASTION_INLINE bool take_back_young(timer_entry& entry) noexcept {
        if (mark_.has_thieves()) return young_.take_back(entry, false);
        if (!young_timers::was_put(entry)) return false; // by another thread, perhaps: no step of the worker
        const turn_mark::step alone(mark_);
        return young_.take_back(entry, !mark_.has_thieves());
    }
    BASTION_API void push_next_at_home(runnable& r) noexcept;
    BASTION_API void push_last_at_home(runnable& r) noexcept;
    [[nodiscard]] BASTION_INLINE runnable* take_lingerer() noexcept {
        const turn_mark::step alone(mark_);
        return lingerer_.take(mark_.slot_is_robbed());
    }
    BASTION_API void park_lingerer() noexcept;

    [[nodiscard]] runnable* next_local() noexcept;
    [[nodiscard]] runnable* pop_rings() noexcept;
    [[nodiscard]] runnable* take_queued() noexcept;
    [[nodiscard]] BASTION_NOINLINE runnable* next_by_rank() noexcept;
    template <class Take>
    [[nodiscard]] auto of_a_spare(reach how_far, Take take) noexcept;
    [[nodiscard]] runnable* steal_any(reach how_far) noexcept;
    [[nodiscard]] runnable* steal_far() noexcept;
    void count_steal(bool from_afar) noexcept;
    [[nodiscard]] runnable* rob_one(worker& victim, bool from_afar) noexcept;
    [[nodiscard]] runnable* steal_from(worker& victim, bool from_afar) noexcept;
    [[nodiscard]] runnable* steal_slot(worker& victim) noexcept;
    [[nodiscard]] bool has_hands_free(worker_node& other) noexcept;
    // Whether a thief from another node would find something.
    [[nodiscard]] bool offers_work(worker& victim) noexcept;
    [[nodiscard]] bool run_some_jobs();
    [[nodiscard]] bool search();
    [[nodiscard]] bool enter_search() noexcept;
    bool leave_search() noexcept;
    [[nodiscard]] bool rob(reach how_far);
    [[nodiscard]] fork_job* steal_job(reach how_far) noexcept;
    [[nodiscard]] fork_deque<fork_job>& jobs_of(bool bound) noexcept { return bound ? bound_->jobs : jobs_; }
    [[nodiscard]] bool has_jobs() const noexcept {
        return !jobs_.empty() || (bound_ != nullptr && !bound_->jobs.empty());
    }
    [[nodiscard]] bool has_next(const worker& victim) const noexcept;
    [[nodiscard]] bool hears_a_call() noexcept;
    [[nodiscard]] bool stands_still(worker& victim) noexcept;
    [[nodiscard]] bool sleep();
    // False: nobody else of its node is awake.
    [[nodiscard]] bool nap();
    // Whether it has nothing to do, for thieves from other nodes.
    void set_idle(bool idle) noexcept;
    // The next timer's, of all that there are; < 0: there is none.
    [[nodiscard]] std::int64_t time_until_due() const noexcept;
    void take_seat(thread_state& thread) noexcept;
    // Before its thread begins, and after it has ended without a stop: whoever reads its figures sees that it does nothing meanwhile.
    void sit_down() noexcept;
    void stand_up() noexcept;
    // Before it leaves its seat: what lies here goes to its node.
    void hand_in();
    [[nodiscard]] bool is_to_end() const noexcept;
    template <class From>
    [[nodiscard]] bool empty_into(From& from, node_queue<runnable>& to) noexcept;
    // Whether the wheel must be looked at; in this order, see young_timers.hpp. For searchers a hint.
    [[nodiscard]] bool timers_wait() const noexcept { return young_.any() || timers_.pending(); }
    BASTION_API void arm_behind_young(timer_entry& entry) noexcept;
    BASTION_API bool cancel_in_wheel(timer_entry& entry) noexcept;
    void collect_young() noexcept; // under the wheel's lock; says first that there is news
    [[nodiscard]] std::int64_t first_due() const noexcept;
    [[nodiscard]] bool sees_work() noexcept;
    [[nodiscard]] bool offers_to(worker& other) noexcept;
    void park();
    void begin_idling() noexcept;
    void end_idling() noexcept;
    [[nodiscard]] bool all_are_idle() const noexcept;
    [[nodiscard]] bool was_mostly_idle() noexcept;
    // Gives pages back to the system, and does meanwhile what comes.
    void sweep() noexcept;
    [[nodiscard]] bool goes_on_sweeping();
    // As the loop does; false: there is nothing to do here.
    [[nodiscard]] bool do_one();
    // From the loop.
    BASTION_INLINE void run(runnable& r) noexcept {
        assert(!r.bound || r.node == node_.home);
        mark_.begin_turn();
        r.ops->run(r, *this);
        mark_.end_turn();
    }
    void run(fork_job& job);
    void run_nested(runnable& r) noexcept;
    bool poll_timers();
    bool poll_due_wheels();
    bool poll_wheel_of(worker& other);
    void run_late();
    using runnables = waiting_room<runnable>::chain;
    BASTION_API void overflow(runnable& r) noexcept;
    BASTION_API void overflow_system(runnable& r) noexcept;
    void overflow_bound(runnable& r) noexcept;
    void hand_over(const runnables& some) noexcept;
    void push_here(runnable& r) noexcept;
    void line_up(runnable* some) noexcept;
    void take_in() noexcept;
    [[nodiscard]] runnables share_of(node_queue<runnable>& queue) noexcept;
    [[nodiscard]] runnable* take_batch(const runnables& some) noexcept;
    [[nodiscard]] runnable* take_waiting() noexcept;
    // More work lies here than this thread can do at once: if somebody sleeps and nobody searches, wake one.
    void spread() noexcept {
        if (mark_.has_thieves()) spread_if_asleep();
    }
    BASTION_API void spread_if_asleep() noexcept;
    BASTION_COLD void spread_slowly() noexcept;

    // What the owner touches at every turn.
    executor& owner_;
    worker_node& node_;
    const std::size_t index_;
    const bool has_far_nodes_; // false: nobody is at home anywhere
    std::int32_t budget_;
    thread_state* thread_ = nullptr;
    unsigned turn_ = 0;
    unsigned slot_streak_ = 0;
    unsigned system_streak_ = 0;
    unsigned job_streak_ = 0;
    bool idle_ = false;
    bool sweep_is_due_ = false;
    std::int64_t sweep_began_ns_ = 0;
    std::int64_t sweep_worked_ns_ = 0; // what it has done for others meanwhile
    std::int64_t sweep_alone_ns_ = 0; // when nobody else was awake
    bool robbed_in_vain_ = false; // in this search somebody was stolen who lingered without news
    bool lingers_anew_ = false; // who lingers does so since the last turn
    std::uint64_t calls_heard_ = 0; // of the executor's, when it looked last
    unsigned quick_wakes_ = 0; // in a row
    std::int64_t nap_ns_ = nap_least_ns; // the next one
    int patience_ = 0; // so many more may linger in vain; none: until the next look at the clock
    std::int64_t idle_from_ns_ = 0; // when the search before a sleep began
    std::int64_t idle_looked_ns_ = 0; // when it was last asked how idle it was
    std::int64_t idle_then_ns_ = 0; // and what it had idled by then
    bool unbegun_last_ = false; // what was taken last when the ring was empty had not begun
    bool bound_last_ = false; // what was taken last from a ring or the node's queue was bound
    std::uint64_t spin_limit_ns_;
    random_source random_;

    alignas(cache_line) next_slot<runnable> slot_;
    next_slot<runnable> lingerer_;
    turn_mark mark_;
    worker_counters counters_;
    fifo_ring<runnable, 256> ring_;
    waiting_room<runnable> unbegun_; // that did not fit into the ring
    fifo_ring<runnable, 64> system_;
    fork_deque<fork_job> jobs_;
    // What is bound to this node: only its workers take from it. Null where there is one node, and nothing is bound.
    struct bound_work {
        fifo_ring<runnable, 256> ring;
        fork_deque<fork_job> jobs;
    };
    const std::unique_ptr<bound_work> bound_;

    alignas(cache_line) young_timers young_;

    alignas(cache_line) spin_lock wheel_lock_;
    timer_wheel wheel_;
    wheel_notice timers_;
    fired_timers fired_;

    alignas(cache_line) parker parker_;
    const topology::planned_worker& place_;
    const std::vector<worker_node*> other_nodes_; // the nearest first
    // As a thief: what this worker saw of each victim, to tell one that stands still.
    struct sighting {
        std::uint64_t resumes = 0;
        std::int64_t since_ns = 0;
    };
    std::vector<sighting> sightings_;
    std::vector<bool> spared_; // the nodes, by their numbers, that this search leaves alone
    bool asleep_ = false; // of a driven worker: it would be in its park
    std::atomic<std::size_t> seat_;
    // Who says so wakes it (take_this in sleepers.hpp orders it), or it is asked as a hint.
    std::atomic<bool> leaving_{false};
    std::atomic<bool> stuck_{false}; // says the watchdog, which looks after what that misses
    // Of its thread, for the watchdog, which has seen a turn of it.
    pthread_t native_ = {};
    int native_id_ = 0;
};

} // namespace bastion::detail

#endif
