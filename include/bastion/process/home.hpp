// Where a process belongs: the part of a runtime that outlives it, and the gate through which plain threads enter.
//
// Lives in the arena, never unmapped, so that a ref to a dead runtime's process is safe to use for ever.
#ifndef BASTION_PROCESS_HOME_HPP
#define BASTION_PROCESS_HOME_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/function.hpp>
#include <bastion/executor/worker.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/exit_reason.hpp>
#include <bastion/process/gate.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace bastion {
class children_ref;
class crash_limits;
class runtime;
class supervisor_ref;
struct crash_report;
} // namespace bastion

namespace bastion::detail {

class directory;

// A message that was not delivered, as the dead-letter hook sees it.
struct dead_letter_info {
    drop_reason cause;
    std::string_view type;
    address to;
    address from;
};

// What supervision reports to the runtime: a fault, what is lost by it and what happens next.
struct fault_report {
    std::string_view path;
    const exit_reason& reason;
    std::string_view next; // "restarts now", "ends: out of tries", ...
    std::string_view in_hand; // the type of the message handled at the fault; may be empty
    unsigned lost = 0; // messages destroyed with the fault
    int restarts = 0;
};

// What the layers above plug in; set before the first process starts, constant afterwards.
struct home_hooks {
    // Counts and passes on a dead letter; any thread of the runtime or inside its gate.
    void (*dead_letter)(void* runtime, const dead_letter_info&) = nullptr;
    void (*report)(void* runtime, const fault_report&) = nullptr;
    // The element marked as main, and the root supervisor, have ended for good.
    void (*main_ended)(void* runtime, const exit_reason&) = nullptr;
    void (*root_ended)(void* runtime, const exit_reason&) = nullptr;
    // The runtime stops, and a child that was killed still runs, which was said: who else keeps it.
    void (*stop_is_kept)(void* runtime, const control_block& child) = nullptr;
    // A signal for an owner reached a block that is none (any more).
    void (*discard_signal)(system_signal&) = nullptr;
    // The last of a process that was given up: its owner may have kept its block for it.
    void (*came_back)(control_block& owner) noexcept = nullptr;
    void* runtime_data = nullptr;
    // Names, and what has members; see routing/.
    directory* names = nullptr;
    // A group or a supervisor has got its place in the tree, or is about to end for good.
    void (*group_placed)(directory&, const std::string& path, const children_ref&) = nullptr;
    void (*supervisor_placed)(directory&, const std::string& path, const supervisor_ref&) = nullptr;
    void (*displaced)(directory&, const std::string& path, address owner) noexcept = nullptr;
    // What crash reports are to hold; null: nobody wants any, and then the next two are null, too.
    const crash_limits* crashes = nullptr;
    // Whether one that came now would be taken: else it need not be made.
    bool (*takes_crash)(void* runtime) noexcept = nullptr;
    // A process has ended abnormally; a null report was not made, and counts as dropped.
    void (*crashed)(void* runtime, std::unique_ptr<crash_report>) noexcept = nullptr;
};

struct runtime_home {
    relaxed_ptr<bastion::runtime> whose; // null: it has ended, and has left processes behind that were given up
    std::atomic<executor*> workers{nullptr};
    gate entrance;
    home_hooks hooks;
    std::chrono::nanoseconds default_ask_timeout{std::chrono::seconds(30)};
    std::chrono::nanoseconds start_timeout{std::chrono::seconds(10)};
    std::chrono::nanoseconds shutdown_timeout{std::chrono::seconds(5)};
    std::chrono::nanoseconds kill_grace{std::chrono::seconds(1)};
    bool exit_when_stuck = false;
    bool gives_up_who_is_stuck = false;
    std::size_t planned_workers = 0; // as `workers` has them, which is made later
    std::int64_t started_ns = 0; // by the clock of its workers
    std::atomic<std::uint64_t> dead_letters[8] = {}; // by cause
    // Groups and supervisors that came too late and end by themselves: the workers must stand until they have.
    std::atomic<std::uint32_t> turned_away{0};
    runtime_home* next_free = nullptr;
};

[[nodiscard]] BASTION_API runtime_home* make_home();
BASTION_API void recycle_home(runtime_home* home) noexcept;

[[nodiscard]] inline std::size_t this_stripe() noexcept {
    // Any number that differs between threads: the address of their state.
    return reinterpret_cast<std::uintptr_t>(&this_thread()) >> 8;
}

// True on a worker of that runtime.
[[nodiscard]] inline bool at_home(const runtime_home& home, const thread_state& thread) noexcept {
    return thread.home == &home;
}

// The home of what an address names; null: it names nobody.
[[nodiscard]] inline runtime_home* home_of(const address& a) noexcept {
    return a.block != nullptr ? static_cast<runtime_home*>(a.block->home) : nullptr;
}

// The only runtime that there is; null: there is none, or several. Any thread. Cost: a short lock.
[[nodiscard]] BASTION_API runtime_home* only_home() noexcept;

// Where a message for it is counted that nobody gets: where its receiver lived, or, if that is not known any more (or it names nobody), by
// the only runtime. Null: nobody can say.
[[nodiscard]] inline runtime_home* home_of_lost(const address& to) noexcept {
    runtime_home* const home = home_of(to);
    return home != nullptr ? home : only_home();
}

// While it holds, the runtime stands: a visit of one of its workers always does, a stranger's goes through the gate.
class visit {
public:
    explicit visit(runtime_home& home) noexcept
        : home_(at_home(home, this_thread()) ? nullptr : &home), stripe_(this_stripe()),
          holds_(home_ == nullptr || home_->entrance.enter(stripe_)) {}
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() {
        if (home_ != nullptr && holds_) home_->entrance.leave(stripe_);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return holds_; }

private:
    runtime_home* home_; // null: nothing to leave
    std::size_t stripe_;
    bool holds_;
};

// Passes a fault on to the runtime that `where` lives in, if that stands. Any thread.
inline void report_there(const address& where, const fault_report& fault) {
    runtime_home* const home = home_of(where);
    if (home == nullptr) return;
    const visit standing(*home);
    if (standing && home->hooks.report != nullptr) home->hooks.report(home->hooks.runtime_data, fault);
}

// Schedules a block whose park bit the caller has cleared.
BASTION_API void schedule_foreign(control_block& block) noexcept;
BASTION_INLINE void schedule_block(control_block& block, thread_state& thread) noexcept {
    block.life_state.enqueue();
    if (at_home(*block.home, thread)) [[likely]] {
        if (block.kind == process_kind::system) [[unlikely]]
            thread.current_worker->push_system(block);
        else thread.current_worker->push_next(block);
    } else {
        schedule_foreign(block);
    }
}
// Parks a block whose right to run the caller holds, or schedules it if there is news.
inline void park_block(control_block& block, bool on_mail) noexcept {
    if (!(on_mail ? block.inbox.park_on_mail() : block.inbox.park_elsewhere())) schedule_block(block, this_thread());
}
// Whether it lingers on this thread's worker, which does not do so any longer: the caller has the right to run it.
[[nodiscard]] BASTION_INLINE bool end_lingering(control_block& block, thread_state& thread) noexcept {
    worker* const here = thread.current_worker;
    return here != nullptr && here->has_lingering(block) && here->end_lingering();
}
// Of one that may linger beside a turn that is long, and was told something by somebody else: an idle worker looks. It may have ended since.
BASTION_API BASTION_COLD void call_thief(const control_block& block) noexcept;
inline void unpark_block(control_block& block) noexcept {
    thread_state& thread = this_thread();
    const unpark_result so = end_lingering(block, thread) ? unpark_result::claimed : block.inbox.unpark();
    if (so == unpark_result::claimed) schedule_block(block, thread);
    else if (so == unpark_result::lingers) [[unlikely]] call_thief(block);
}
// Pushes a signal to an owner; false: the lane is closed.
inline bool push_signal(control_block& to, system_signal& signal, signal_kind kind) noexcept {
    signal.kind = kind;
    switch (to.lane.push(&signal)) {
    case lane_result::closed: return false;
    case lane_result::first: unpark_block(to); return true;
    case lane_result::queued: return true;
    }
    return true;
}
// The same to an element, which looks at its lane only when a flag says so.
inline bool push_element_signal(control_block& to, system_signal& signal, signal_kind kind) noexcept {
    signal.kind = kind;
    const lane_result pushed = to.lane.push(&signal);
    if (pushed == lane_result::closed) return false;
    if (to.signals.raise(signal_flags::lane) || pushed == lane_result::first) unpark_block(to);
    return true;
}

} // namespace bastion::detail

#endif
