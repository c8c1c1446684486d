// The watchdog: notices workers that do not come back from a turn, lets others take over what waits with them, and says who keeps them.
//
// Owned by the executor: one thread, which looks at all workers every 5 ms (if no slices are watched: every 250 ms) while any of them is
// awake, and sleeps when they do. It alone says who takes a seat and who leaves one: as many of each node come back from their turns as are
// wanted there (runtime::resize_workers, or CPUs that this process has been given or lost: it asks once a second).
// A turn counts while its thread has a core or is blocked, not while it is ready and has none: on a busy machine nobody is stuck for that.
// From `warning_ns` on a worker is stuck: its queues, its slot and its timers are everybody's, and a spare worker steps in, if there may be
// one more (spare_workers.hpp). It is told to leave when the stuck one is back.
// A process that is stuck may be given up, if its owner asks for that: when it is seen in a turn, and not in hand (turn_mark.hpp), what it has
// is its owner's from then on. Its worker counts as lost until it is back: it may have a stand-in beside as many as there may be.
// Cost: a tick 2 us and 0.5 us for each worker that runs; of a worker: two plain stores a turn (turn_mark.hpp).
//
// Protocol of its sleep: it says that it sleeps, makes a heavy fence, and looks whether all workers sleep; a worker that has woken up is out
// of the sleepers first, then asks whether the watchdog sleeps. One of them sees the other.
#ifndef BASTION_EXECUTOR_WATCHDOG_HPP
#define BASTION_EXECUTOR_WATCHDOG_HPP

#include <bastion/base/asymmetric_fence.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/executor/runnable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace bastion::detail {

class executor;
class worker;
struct worker_node;

// How long a turn may be: from `warning_ns` on it is said, and others take over; from `error_ns` on it is said with a backtrace, and again
// after ten times as long, and so on. 0: nobody watches.
struct slice_limits {
    std::int64_t warning_ns = 0;
    std::int64_t error_ns = 0;
    [[nodiscard]] bool watched() const noexcept { return warning_ns > 0; }
};

struct slice_report {
    bool error = false;
    std::size_t worker = 0; // its seat
    std::int64_t so_far_ns = 0;
    std::string who; // "": no process
    bool replaced = false; // somebody stands in for it
    std::size_t most_spares = 0; // if not: there may be no more than so many
    std::size_t left_out =
        0; // warnings, of which there is one in a second at most unless nobody is left to stand in, since the last one that was given
    std::vector<std::string> backtrace; // of errors, where the system can tell
};

// A wish to give up a process that is stuck. Whoever makes it keeps it until it is told.
struct giving_up {
    strand* who = nullptr;
    // In a look: the process is in a turn, and not in hand. False: another life of it is not meant.
    bool (*mark)(giving_up&) noexcept = nullptr;
    // Then, whether that was so. The last that is done with it.
    void (*tell)(giving_up&, bool given_up) noexcept = nullptr;
    giving_up* next = nullptr;
};

class watchdog {
public:
    explicit watchdog(executor& owner);
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog();

    // By who makes the executor. Throws std::system_error.
    void start();
    // So many planned workers are wanted from now on. Any thread.
    void want(std::size_t workers) noexcept;
    // Within a tick or two. Any thread, until it is stopped; who asks then is told at once.
    void give_up(giving_up& wish) noexcept;
    void stop() noexcept; // waits for its thread; idempotent
    // Whether the process that this worker runs was given up, and still runs. When it is stopped.
    [[nodiscard]] bool is_lost(const worker& w) const noexcept;

    // By a worker that has slept and does not any more.
    void somebody_is_awake() noexcept {
        asymmetric_fence::light();
        if (asleep_.load(std::memory_order_relaxed)) [[unlikely]]
            wake();
    }

private:
    // What was seen of a worker.
    struct watched {
        std::uint64_t turn = 0; // 0: it was in none
        std::int64_t ran_ns = 0; // its thread, when it was last looked at
        std::int64_t held_ns = 0; // by this turn
        std::int64_t error_ns = 0; // the next one is said then
        bool stuck = false;
        bool warned = false;
        bool lost = false; // who runs there was given up
    };

    void wake() noexcept;
    void work() noexcept;
    void sleep_as_they_do() noexcept;
    void look_at_all();
    [[nodiscard]] std::size_t wanted() const noexcept {
        return wanted_.load(std::memory_order_relaxed) & ~somebody_said_so;
    }
    void ask_for_cpus();
    void deal_out(std::size_t workers);
    void look_at(worker& w, std::int64_t passed_ns);
    [[nodiscard]] bool let_others_in(worker& w) noexcept;
    void balance(worker_node& node, std::size_t wanted);
    [[nodiscard]] bool seat_again(worker_node& node) noexcept;
    void wake_for_stuck(worker& w) noexcept;
    void say_what_is_due(worker& w);
    void give_up_who_is_stuck() noexcept;
    [[nodiscard]] bool give_up_on(worker& w, giving_up& wish) noexcept;
    [[nodiscard]] std::size_t lost() const noexcept;
    [[nodiscard]] bool name(worker& w, std::string& who);

    executor& owner_;
    parker parker_;
    std::atomic<bool> stopping_{false}; // whoever says so wakes it
    std::atomic<bool> asleep_{false};
    // relaxed: who changes it wakes the thread.
    static constexpr std::size_t somebody_said_so = ~(~std::size_t{0} >> 1); // `want` did: it stays
    std::atomic<std::size_t> wanted_{0};
    std::size_t dealt_out_ = 0; // so many were wanted when it last looked
    std::vector<std::size_t> wanted_here_; // by nodes
    std::int64_t asked_ns_ = 0; // when it last asked for CPUs
    std::vector<watched> seen_; // by the workers' numbers
    bool opened_ = false; // the only worker has thieves
    bool settled_ = true; // as many workers are there as are to be, or on their way: else there must be another look
    bool lacks_spares_ = false; // as many as may be are seated, and one more is needed
    std::int64_t looked_ns_ = 0; // when it last looked
    std::int64_t warned_ns_ = 0; // when the last warning was given
    std::size_t left_out_ = 0;
    spin_lock wishes_lock_;
    giving_up* wishes_ = nullptr; // guarded by the lock, as the next
    bool takes_wishes_ = true;
    std::thread thread_;
};

} // namespace bastion::detail

#endif
