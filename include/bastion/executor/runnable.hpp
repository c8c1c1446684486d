// What run queues hold, and the logical thread of coroutines that a process is to the executor.
//
// A `runnable` is queued at most once: whoever holds the right to run it (granted by the atomic step that cleared its
// park bit) schedules it, and the worker that takes it holds that right while it runs. A `strand` is a runnable whose
// work is coroutines: it remembers which leaf to resume and what that leaf waits for.
#ifndef BASTION_EXECUTOR_RUNNABLE_HPP
#define BASTION_EXECUTOR_RUNNABLE_HPP

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

class worker;
struct runnable;

struct runnable_ops {
    // Runs once on a worker; the callee gives up the right to run before it returns, or reschedules itself.
    void (*run)(runnable&, worker&);
    // Makes it runnable if it waits; any thread. A spurious call does nothing lasting.
    void (*unpark)(runnable&);
    // Of a strand that counts what runs for it elsewhere, and may use what lies in its frame: functions that it awaits, scopes in which
    // it has forked. One more or one less; in its turn.
    void (*works_elsewhere)(runnable&, int by) = nullptr;
    // Of one that lingers (worker.hpp), which may not do so any longer: it parks, or is scheduled.
    void (*park)(runnable&) = nullptr;
};

struct runnable {
    const runnable_ops* ops = nullptr;
    runnable* next = nullptr; // in node queues
    // Where it is at home: one of its executor's nodes, by their numbers from 1; 0: nowhere. Set before anybody else knows it.
    std::uint16_t node = 0;
    bool bound = false; // to that node: it never runs elsewhere. Else it does when that has no worker free
    bool unbegun = false; // a process that has not run yet
};

// What a wait is asked: whether it is over; or whether it may be left unfinished. The second is asked when it shall be
// left, and may cancel what has not begun: only an end or a result that says so can follow.
enum class wait_query : std::uint8_t { over, may_leave };

// What a suspended coroutine waits for. Level-triggered: `answer` may be asked as often as one likes whether it is over,
// it looks at the state and changes nothing that matters, so every wake-up may be spurious and none can be lost.
struct wait_slot {
    using question = bool (*)(void*, wait_query);

    std::coroutine_handle<> leaf;
    void* object = nullptr;
    question answer = nullptr; // null: ready at once (a yield)
    bool mail = false; // mail ends the waiting
    bool uninterruptible = false; // a kill must wait until ready
    bool asks = false; // `answer` says whether it may be left; otherwise any time
    bool refused = false; // it was to be left, and a blocking function that runs in it kept it

    void set(
        std::coroutine_handle<> h, void* what, question q, bool by_mail = false, bool must_finish = false) noexcept {
        leaf = h;
        object = what;
        answer = q;
        mail = by_mail;
        uninterruptible = must_finish;
        asks = refused = false;
    }
    [[nodiscard]] bool is_ready() const { return answer == nullptr || answer(object, wait_query::over); }
    [[nodiscard]] bool may_leave() const { return !asks || answer(object, wait_query::may_leave); }
};

// What a strand with a memory limit uses. Frames are charged by the strand itself, mail by its senders.
struct memory_meter {
    std::atomic<std::int64_t> used{0}; // relaxed everywhere: a sum, it orders nothing
    std::int64_t limit = 0;

    // False: it would be too much; nothing was charged.
    [[nodiscard]] bool charge(std::size_t bytes) noexcept {
        const auto n = static_cast<std::int64_t>(bytes);
        if (used.fetch_add(n, std::memory_order_relaxed) + n <= limit) return true;
        used.fetch_sub(n, std::memory_order_relaxed);
        return false;
    }
    void discharge(std::size_t bytes) noexcept {
        used.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
    }
};

// Invariant: written only by the thread that runs the strand.
struct strand : runnable {
    std::int32_t budget = 0; // what this turn may still do; at zero the next co_await yields
    wait_slot* slot = nullptr; // the active slot: the strand's own, or a combinator's branch
    memory_meter* meter = nullptr; // null: no limit on memory
    std::uint32_t max_depth = 0; // tasks awaiting one another
    bool again = false; // a combinator stopped for lack of budget, not for lack of work
};

inline void count_elsewhere(strand& s, int by) {
    if (s.ops->works_elsewhere != nullptr) s.ops->works_elsewhere(s, by);
}

} // namespace bastion::detail

#endif
