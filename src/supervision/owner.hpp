// The owner: what groups and supervisors have in common. A process of the system kind that decides about its children.
//
// Every change of the tree is a signal to its owner, handled one after another, so callbacks, stops, faults and late
// additions are ordered by construction and no lock is needed. An owner never waits: whatever takes time (a child that
// stops, a back-off, a start) continues at the signal that ends it.
#ifndef BASTION_SRC_SUPERVISION_OWNER_HPP
#define BASTION_SRC_SUPERVISION_OWNER_HPP

#include "supervision/owner_request.hpp"

#include <bastion/executor/blocking_pool.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/supervision/crash_report.hpp>
#include <bastion/supervision/snapshot.hpp>

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace bastion::detail {

// What an owner decides must happen: its containers take their memory from the pool, which has a reserve.
template <class T>
using pooled_vector = std::vector<T, pool_allocator<T>>;
template <class T>
using pooled_deque = std::deque<T, pool_allocator<T>>;
template <class T>
using pooled_list = std::list<T, pool_allocator<T>>; // empty it has no memory, and every owner has some
template <class K, class V>
using pooled_map = std::unordered_map<K, V, std::hash<K>, std::equal_to<>, pool_allocator<std::pair<const K, V>>>;
template <class K, class V>
using pooled_multimap =
    std::unordered_multimap<K, V, std::hash<K>, std::equal_to<>, pool_allocator<std::pair<const K, V>>>;

// Of the group in which a supervisor has what was spawned as a function or a task.
inline constexpr std::string_view implicit_group_name = "temporary";

// What is only said may be said shortly: the text that `make` makes, or a short one when there is no memory for it.
template <class Make>
[[nodiscard]] std::string said(Make make) {
    try {
        return make();
    } catch (const std::bad_alloc&) { return "(no memory)"; } // no longer than fits without an allocation
}

// An error of that code which says more; the code alone, when there is no memory for it.
template <class Make>
[[nodiscard]] error error_or(errc code, Make make) noexcept {
    try {
        return {code, make()};
    } catch (const std::bad_alloc&) { return error(code); }
}

// "20 ms", "1.5 s": for reports.
[[nodiscard]] std::string readable(std::chrono::nanoseconds d);
// "a blocking function (file.cpp:12) that has run for 20 ms".
[[nodiscard]] std::string described(const running_function& f);

// Where an owner's child stands. Kept in the child's block, written by the owner alone.
enum class child_state : std::uint8_t {
    unborn,      // adopted, never started
    starting,    // scheduled, does not count as started yet
    up,          // started
    stopping,    // asked to stop (or killed)
    down,        // ended, may be started again
    backing_off, // ended, a timer will start it again
    ended, // has no process, and nobody's turn to start it: its spec is kept, or it is behind one that backs off
};

// Bits of control_block::owner_flags.
namespace child_flag {
inline constexpr std::uint8_t in_plan = 1; // the current plan stops and starts it
inline constexpr std::uint8_t for_good = 2; // must not come back
inline constexpr std::uint8_t was_started = 4; // its next start is a restart
inline constexpr std::uint8_t is_main = 8; // its end stops the runtime
inline constexpr std::uint8_t is_owner = 16; // a group or a supervisor
inline constexpr std::uint8_t killed = 32; // kill was raised
inline constexpr std::uint8_t callback_fault = 64; // ended because of a callback: `reason` was kept aside
inline constexpr std::uint8_t apart = 128; // in its place in the plan it restarts single elements, and goes on else
} // namespace child_flag

// While it lives, what the thread runs is a user's: a fault of the processor may become an exception, and there is no
// reserve.
class users_code : may_fail {
public:
    users_code() noexcept { this_thread().callback = true; }
    ~users_code() {
        thread_state& thread = this_thread();
        if (thread.current_worker != nullptr) thread.current_worker->leave_callback(thread);
        else thread.callback = false;
    }
};

class owner : public process_body {
public:
    owner(control_block& self, std::string name, runtime_home& home, std::shared_ptr<owner_fate> fate);

    void start(control_block&) override {} // owners are not bodies of coroutines

    // ---- for the parent and for spawn
    [[nodiscard]] control_block& self() noexcept { return self_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string_view shown_path() const noexcept { return path_.empty() ? "/" : std::string_view(path_); }
    [[nodiscard]] std::string path_of(control_block& child) const { return path_ + "/" + child_name(child); }
    [[nodiscard]] std::string said_name(control_block& child) const {
        return said([&] { return child_name(child); });
    }
    // Ends the time in which only its maker, then its owner, touches it: before, signals wait and it never runs.
    void release() noexcept;
    static void announce_end(control_block& owner, bool kill) noexcept {
        (void)owner.signals.raise(signal_flags::closing | (kill ? signal_flags::kill : 0));
    }
    // It stands in the tree from now on, as does all below it: nothing has its path before all above it have theirs, so that a chain which is
    // made from its end does not give them anew at each step.
    void place(std::string path);
    void set_name(std::string name) { name_ = std::move(name); }
    [[nodiscard]] bool gone() const noexcept { return gone_; }
    [[nodiscard]] bool silent() const noexcept { return silent_; }
    // Whether one of its children is being started again, as it says itself.
    [[nodiscard]] bool restarts_a_child() const noexcept { return restarts_one_.load(std::memory_order_relaxed); }
    // Its end was nobody's order: not its own stop, nor that of an element of it.
    [[nodiscard]] bool ended_naturally() const noexcept { return natural_; }
    // It stands still, or is gone, because none of its children is left.
    [[nodiscard]] bool ended_by_itself() const noexcept { return ended_by_itself_; }
    // Nothing but owners that stand still is left below it.
    [[nodiscard]] bool holds_nothing() const noexcept { return empties_ || ended_by_itself_; }
    // None of its elements wanted to start.
    [[nodiscard]] bool ignored() const noexcept { return ignored_; }
    // None of its elements is left, and it had not counted as started.
    [[nodiscard]] bool ended_unstarted() const noexcept { return ended_by_itself_ && !announced_; }
    [[nodiscard]] virtual bool is_supervisor() const noexcept = 0;
    void make_root() noexcept { is_root_ = true; }

    // ---- the run loop's
    // `rest`: the signals drained behind it. False: the owner's block was given up.
    [[nodiscard]] bool handle_signal(system_signal& signal, system_signal* rest);
    // Told to end for good, by a request that lies further behind in the lane: it begins at once, so that no flood of
    // spawns delays it. `rest`: the signals drained and not handled.
    [[nodiscard]] bool must_close() const noexcept {
        return (self_.signals.now() & signal_flags::closing) != 0 && running_ && !ending_for_good_;
    }
    [[nodiscard]] bool close_early(system_signal* rest);
    // A child that comes too late: it ends without ever having started.
    static void send_away(control_block& child, const exit_reason& why = exit_reason()) noexcept;
    // The same, and says so.
    void turn_away(control_block& child);
    // Of a group or supervisor that has ended for good; of one whose children were given up, and still run, the last of these does it.
    // `ended`: by who had it as a child.
    static void give_back(control_block& owner, bool ended) noexcept;
    // One that could not be made completely, with all below it: nobody knows it.
    static void abandon(owner& o) noexcept;
    // Of one that is to be a child of the implicit group, and runs at once.
    static void is_up(control_block& child) noexcept {
        set_state(child, child_state::up);
        child.starts_quietly = true;
    }
    static owner& of(control_block& block) noexcept { return *static_cast<owner*>(block.frame); }

    // How this owner, as a child, is treated by its parent.
    std::optional<bastion::shutdown> own_stop;
    bastion::callbacks own_callbacks;
    std::atomic<bool> significant{
        false}; // written by the parent alone, and read here for a snapshot: it orders nothing

    // What the supervisor above notes about it; that one's only.
    struct notes {
        bool late = false; // it was added while its supervisor ran
        bool known = false; // it is among those whose specs are kept: described with its supervisor, or started once
        bool hidden = false; // its spec was deleted; it is there again when its supervisor is started again
        bool emptying = false; // it is being stopped so that nothing is left of it but its spec
        bool by_hand = false; // restart_child starts it: when that fails nobody tries again
        bool holds_up = false; // those behind it wait until it has started
        bool behind = false; // it is one of those
        bastion::shutdown element_stop = bastion::shutdown::infinite(); // a group's elements', as its spec says
        shared<change_answer> described; // by that change, which waits until nothing but its spec is there; null: it is
        exit_reason did_not_start; // why not, until that is told: when nothing is left of the try
    } noted;

protected:
    enum class phase : std::uint8_t { idle, stopping, starting, ending };

    // ---- what groups and supervisors do differently
    [[nodiscard]] virtual const bastion::callbacks& callbacks_of(control_block& child) const noexcept = 0;
    [[nodiscard]] virtual bastion::restart_strategy restart_of(control_block& child) const noexcept = 0;
    [[nodiscard]] virtual restart_when when_of(const control_block& child) const noexcept = 0;
    [[nodiscard]] virtual bastion::shutdown shutdown_of(control_block& child) const noexcept = 0;
    [[nodiscard]] virtual std::string child_name(control_block& child) const = 0;
    // Prepares a child's next incarnation and lets it run. False: it cannot begin, `reason` says why.
    [[nodiscard]] virtual bool launch(control_block& child, bool again) = 0;
    // Whether one that has ended by itself is started again.
    [[nodiscard]] virtual bool comes_back(const control_block& child) const noexcept {
        return comes_back_after(when_of(child), child.reason);
    }
    // Whether nobody else can refuse a restart that this owner has decided.
    [[nodiscard]] virtual bool restarts_by_itself() const noexcept = 0;
    // A child's waiting is over (or there was none): restart it and whom the policy adds.
    virtual void restart(control_block& child) = 0;
    virtual void adopt(control_block& child) = 0;
    virtual void on_request(owner_request& r) = 0;
    // At a start; the fault of what it must make for it.
    [[nodiscard]] virtual std::optional<exit_reason> on_start() { return {}; }
    // At the first start: to be found by its path.
    virtual void list_in(directory& names) const = 0;
    virtual void on_empty() {}
    // After a child has started or ended.
    virtual void on_progress() {}
    // A child that is an owner is about to start, or has ended.
    virtual void on_change(const control_block&) {}
    // Whether on_progress has something to do again, by what happened after it.
    [[nodiscard]] virtual bool has_work() const noexcept { return false; }
    // In the starting phase, of a child that the plan has not stopped: whether it must be waited for.
    [[nodiscard]] virtual bool restarts_apart(control_block&) { return false; }
    [[nodiscard]] virtual control_block* stops_first() noexcept { return nullptr; }
    // Whether its children stop all at once, and not one after another.
    [[nodiscard]] virtual bool stops_together() const noexcept { return false; }
    virtual void forget(control_block&) noexcept {}
    // ---- of children that are not in the table until there is something to do with them: crowd.hpp
    virtual void admit() noexcept {}
    virtual void admit_no_more() noexcept {}
    virtual void list_all() noexcept {}
    virtual void list(control_block&) noexcept {} // one that has ended
    // Whether that is a child of this owner; from then on it is in the table.
    [[nodiscard]] virtual bool lists(const address& child) noexcept {
        return child.block->lives(child.generation) && child.block->owner.now() == &self_;
    }
    // ---- of elements that are given up: given_up.cpp
    // Another block, which is what this child is, and was never started. May throw.
    [[nodiscard]] virtual control_block* successor_of(control_block&) { return nullptr; }
    // Whatever is kept about a child is about its successor from now on.
    virtual void succeed(control_block&, control_block&) noexcept {}
    // A child has ended for good and is about to be closed: the last moment for what it has not read.
    virtual void before_close(control_block&) noexcept {}
    // Before it stands still or ends for good.
    virtual void on_end() noexcept {}
    // Of a child that has ended by itself, and does not come back: whether that may be this owner's end; it was.
    [[nodiscard]] virtual bool is_significant(const control_block&) const noexcept { return false; }
    virtual void significant_end() {}
    // A plan is done, and it runs.
    virtual void on_idle() {}
    // ---- what only supervisors do: specs that outlive their children
    // Who asks has a cell.
    virtual void on_question(request_ptr r);
    // Whether a child that has ended, and does not come back, stays with its spec.
    [[nodiscard]] virtual bool keeps(const control_block&) const noexcept { return false; }
    // Whether a child that ends while a plan, or its owner's stop, waits for it comes back whatever it ended with.
    [[nodiscard]] virtual bool plan_revives(const control_block&) const noexcept { return false; }
    // Whether one that a plan stops comes back only with its owner.
    [[nodiscard]] virtual bool hides(const control_block&) const noexcept { return false; }
    // Whether a child that is stopped with others, or for its owner's next start, does not come back.
    [[nodiscard]] virtual bool leaves(const control_block&) const noexcept { return false; }
    // Of an owner that did not start, in a run that had started: whether it is tried again.
    [[nodiscard]] virtual bool tries_again(const control_block& child) const noexcept { return child.restarts > 0; }
    // A child counts as started.
    virtual void note_start(control_block&) {}
    // A child stands still with nothing below it.
    virtual void emptied(control_block&) {}
    // True: it was started, and nobody waits until it counts as that.
    [[nodiscard]] virtual bool starts_unawaited(control_block&) { return false; }
    // Whether those behind a child wait until it has started.
    [[nodiscard]] virtual bool starts_in_order() const noexcept { return false; }
    virtual void answer_started_child(control_block&, completion_cell* cell, bool) { answer_started(cell); }
    virtual void pass_on(broadcast_source& source) = 0;
    // For a snapshot: what only this owner knows of itself, and of a child.
    virtual void describe(snapshot_entry& self) const = 0;
    virtual void describe_child(control_block& child, snapshot_entry& of_it) const = 0;

    // ---- the plan: stop a set in reverse order, then start it in order
    void plan_restart_of_marked();
    void plan_start(std::optional<exit_reason> fault);
    void plan_stop(bool for_good, bool kill, bool empties = false);
    void plan_done();
    void break_off(control_block& child);
    void leave_behind(control_block& child);
    void progress();
    void start_arrivals();
    void start_behind();
    // What a signal made possible: the plan, or the next late addition.
    void go_on();

    // ---- children
    void start_child(control_block& child);
    void tell_monitors(control_block& child, const exit_reason& why, bool returns = true);
    void tell_unless_undecided(control_block& child);
    void tell_of_the_dead();
    void end_life(control_block& child);
    // As far as it knows itself, once it has a reason to end. Its parent may change the policy at any time.
    [[nodiscard]] bool expects_no_return() const noexcept {
        const bool never_started = !announced_ && self_.restarts == 0; // nobody tries that again
        return is_root_ || last_life_ || never_started ||
               !comes_back_after(std::atomic_ref(self_.policy).load(std::memory_order_relaxed), why_);
    }
    void child_started(control_block& child);
    void child_exited(control_block& child);
    void order_stop(control_block& child, bool for_good, bool kill, bool empties = false);
    // It does not come back: its spec stays, or everything goes.
    void retire(control_block& child);
    void empty_out(control_block& child);
    [[nodiscard]] bool stays_for_next_start(const control_block& child) const noexcept;
    // `later`: never from inside a start, which would call itself again and again.
    void decide(control_block& child, bool later = false);
    void finalize(control_block& child);
    void finalize_stopped(control_block& child);
    void fail_upwards(exit_reason why);
    void start_failed(control_block& child);
    // Once it has a name; a place comes with that of this one.
    void place_below(owner& child);
    void refuse(control_block& child, const std::string& text);
    static void end_unstarted(control_block& child, const exit_reason& why) noexcept;
    [[nodiscard]] const std::shared_ptr<owner_fate>& fate() const noexcept { return fate_; }
    [[nodiscard]] bool go_on_living();
    void common_request(owner_request& r);
    // ---- snapshots: snapshot.cpp
    void answer_snapshot(owner_request& r) noexcept;
    void describe_self(snapshot_entry& self) const;
    [[nodiscard]] snapshot_entry entry_of(control_block& child, std::int64_t now);
    [[nodiscard]] std::optional<snapshot_status> own_status() const noexcept;
    void stop_child(const owner_request& r);
    void terminate_by_ref(owner_request& r); // of a dynamic child
    void kill_by_signal();
    void still_running(control_block& child);
    void ask_to_give_up(control_block& child);
    void give_up(owner_request& r);
    [[nodiscard]] bool runtime_stops() const noexcept;

    // Calls what the user gave for that moment; the fault of a callback that throws. Reads and writes nothing that a
    // running child writes.
    [[nodiscard]] std::optional<exit_reason> call(
        bastion::callbacks::moment when, control_block& child, const exit_reason& reason);
    [[nodiscard]] std::optional<exit_reason> call_after(control_block& child);
    void report(control_block& child, const exit_reason& why, std::string_view next);
    void announce(const fault_report& fault) const;
    // A child has ended: keeps what a crash report tells until it is known what happens next. crash.cpp.
    void look_at_crash(control_block& child, child_state before) noexcept;
    void tell_crash(const exit_reason& why, std::string_view next) noexcept;
    void arm(control_block& child, request_kind what, std::chrono::nanoseconds d);
    void disarm(control_block& child) noexcept;
    // A request to itself after that time. `child` may be empty.
    [[nodiscard]] owner_timer* set_timer(request_kind what, address child, std::chrono::nanoseconds d);
    // Takes it back; null: there is none.
    static void cancel_timer(owner_timer* timer) noexcept;
    [[nodiscard]] std::int64_t now() const noexcept;
    void tell_parent_started();
    void end(bool for_good);
    void discard_all(system_signal* oldest);

    [[nodiscard]] static child_state state_of(const control_block& c) noexcept {
        return static_cast<child_state>(c.owner_state);
    }
    // Who runs in it reads it meanwhile: an element at its end, an owner for a snapshot.
    static void set_policy(control_block& c, restart_when when) noexcept {
        std::atomic_ref(c.policy).store(when, std::memory_order_relaxed);
    }
    static void set_state(control_block& c, child_state s) noexcept { c.owner_state = static_cast<std::uint8_t>(s); }
    [[nodiscard]] static bool has(const control_block& c, std::uint8_t flag) noexcept {
        return (c.owner_flags & flag) != 0;
    }
    // Who says what an element is called reads one of them meanwhile (group::is_main).
    static void set(control_block& c, std::uint8_t flag) noexcept {
        std::atomic_ref(c.owner_flags)
            .store(static_cast<std::uint8_t>(c.owner_flags | flag), std::memory_order_relaxed);
    }
    static void clear(control_block& c, std::uint8_t flag) noexcept {
        std::atomic_ref(c.owner_flags)
            .store(static_cast<std::uint8_t>(c.owner_flags & ~flag), std::memory_order_relaxed);
    }

    control_block& self_;
    runtime_home& home_;
    std::string name_;
    std::string path_; // "/" and the name as long as it has no place
    intrusive_list<control_block, &control_block::sibling> children_; // in start order
    phase phase_ = phase::idle;
    control_block* cursor_ = nullptr; // where the plan stands
    bool placed_ = false;
    bool restarting_ = false; // the plan starts what it has stopped
    bool ending_for_good_ = false;
    bool kill_all_ = false;
    bool empties_ = false; // its children end for good, or are emptied if they are owners
    bool ignored_ = false;
    bool some_started_ = false; // one of its children has counted as started in this life
    pooled_vector<control_block*>
        stopped_in_start_; // elements that somebody has stopped before they counted as started
    exit_reason unready_; // of such a one, if none had started; normal: there was none
    std::size_t hidden_ = 0; // how many children are out of sight
    bool behind_due_ = false; // the one that held up those behind it is gone
    bool running_ = false; // was told to start, and not to stop since
    bool announced_ = false; // the parent knows that this run has started
    bool gone_ = false;
    // Written by the parent while this stands still: it has no try left for it.
    bool last_life_ = false;
    // It (or an owner above) ends, and is not to come back: whether its children do is not known.
    bool undecided_ = false;
    bool is_root_ = false;
    bool silent_ = false; // its fault was reported by a child's
    bool ended_by_itself_ = false; // not asked to: no child is left
    bool natural_ = false;
    bool some_stopped_ = false; // of a group: an element of this life has ended because somebody ordered it
    bool listed_ = false; // was started once
    bool stands_still_ = false; // its last life has ended, the parent decides
    system_signal* late_monitors_ = nullptr; // made while it stands still, newest first: they watch its next life
    bool only_spec_is_left_ = false; // it stands still, and its monitors were told that it does not come back
    void admit_late_monitors() noexcept;
    void refuse_late_monitors() noexcept;
    void drop_late_monitor(std::uint64_t number) noexcept;
    system_signal* rest_ = nullptr; // drained and not handled yet
    std::atomic<std::uint32_t> holders_{1}; // of this block: its owner, and children that were given up and still run
    pooled_vector<std::pair<control_block*, exit_reason>> aside_; // why a child is being killed for its owner's sake
    pooled_map<const control_block*, address>
        shown_as_; // those that stand for one that was given up, until they are started: by what name they are known
    pooled_map<control_block*, exit_reason> before_; // why the last incarnation ended, for after_restart
    // Those that failed and have not started again.
    std::unordered_set<const control_block*, std::hash<const control_block*>, std::equal_to<>,
        pool_allocator<const control_block*>>
        returning_;
    std::atomic<bool> restarts_one_{false}; // written by itself, read by its parent; relaxed: it orders nothing
    void note_return(const control_block& child, bool comes_back);
    pooled_list<address> restarts_due_; // children whose restart waits for the current plan
    pooled_list<address> arrivals_; // adopted after the start and not started yet
    struct crash_seen {
        address child;
        std::unique_ptr<crash_report> report; // null: it was not made
    };
    crash_seen crash_; // of the child whose exit is being handled
    exit_reason why_; // what it ends with
    const std::shared_ptr<owner_fate> fate_;
    struct start_watcher {
        completion_cell* cell;
        bool ordered; // by start_child or restart_child: the answer is what answer_started_child gives
    };
    pooled_multimap<const control_block*, start_watcher> watchers_; // by the child; null: this owner's own start
    pooled_multimap<const control_block*, completion_cell*> ends_; // who ordered a child's end
    void answer_ends(const control_block& child) noexcept;
    // Those who wait for the start of a child, or (null) of this owner: `why` null: it has started.
    // `declined`: it has ended because it did not want to start.
    void answer_watchers(control_block* child, const exit_reason* why, bool declined = false);
    void tell_watchers_of_end(control_block& child);
};

extern const runnable_ops owner_ops;

// Whether an element whose incarnation has ended had declined to start.
[[nodiscard]] bool has_ignored(const control_block& element) noexcept;

// Makes the block of a group or supervisor: system kind, `frame` is the owner.
[[nodiscard]] control_block* make_owner_block(runtime_home& home);

} // namespace bastion::detail

#endif
