// The decisions a user makes about failure: strategies, restart strategies, scopes, policies, limits, shutdown.
//
// Plain values, set on builders, constant once spawned.
#ifndef BASTION_SUPERVISION_POLICY_HPP
#define BASTION_SUPERVISION_POLICY_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/process/control_block.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace bastion {

class random_source;

// A specification that makes no sense; thrown where it is spawned.
class bad_spec : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

// Whom a supervisor restarts beside the child that failed.
enum class strategy : std::uint8_t {
    one_for_one,
    one_for_all,
    rest_for_one,
    simple_one_for_one, // nobody; its children are made from one template (see dynamic.hpp)
};

// Whether a supervisor ends when children that are significant have ended by themselves, after OTP's auto_shutdown.
enum class auto_shutdown : std::uint8_t {
    never,           // the default
    any_significant, // when the first of them has
    all_significant, // when the last of them has
};

// How many partitions there are when no number is given (see partitions.hpp).
enum class one_per : std::uint8_t {
    worker, // the default
    node, // of the NUMA nodes on which the runtime has workers; its groups have their home there, unless they say where (with_placement)
};

// Whom a group restarts when one of its elements failed.
enum class restart_scope : std::uint8_t { group, element };

// After which ends an element comes back.
using detail::restart_when;
inline constexpr restart_when permanent = restart_when::permanent; // after every end
inline constexpr restart_when transient = restart_when::transient; // after faults only (the default)
inline constexpr restart_when temporary = restart_when::temporary; // never

// When an element counts as started.
enum class start_mode : std::uint8_t {
    at_first_suspend, // when its body first suspends or ends, or its handlers' state is constructed
    wait_ready, // when it calls ctx.ready(), within the start time-out
};
inline constexpr start_mode wait_ready = start_mode::wait_ready;

// What happens to the object of with_data when its element panics.
enum class on_panic : std::uint8_t { keep, rebuild };

// What the runtime does about a process that still runs a grace time after it was killed: one that is caught in a step of its body, which
// nobody can end from outside.
enum class on_stuck : std::uint8_t {
    wait, // its supervisor waits, and says so
    // It is given up, with the worker that runs it, which gets a stand-in: its supervisor goes on as if it had ended, killed. If it is
    // restarted, that is another process: its old refs name nobody, a with_data object is made anew, and both run at once; the body must
    // bear that. The end of the runtime leaves it behind, with its thread and all memory of the runtime. When it comes back from its step
    // it ends, and tells nobody. Needs the watchdog (config::with_slice_limits) and, on the system's side, membarrier; where a process does
    // not run, but waits for a function (bastion::blocking) or in a queue, its supervisor waits.
    abandon_worker,
    exit_program, // at once, with code 1
};

// How often and how soon an element is started again.
//
// Default: always; the first restart at once, then exponential from 1 ms to 1 s with jitter; counting starts anew
// after 10 s of health.
class restart_strategy {
public:
    restart_strategy() noexcept {}
    [[nodiscard]] static restart_strategy always() noexcept { return restart_strategy(); }
    [[nodiscard]] static restart_strategy never() noexcept { return tries(0); }
    // At most n restarts in a row.
    [[nodiscard]] static restart_strategy tries(std::uint32_t n) noexcept {
        restart_strategy s;
        s.tries_ = n;
        return s;
    }

    // No waiting at all.
    [[nodiscard]] restart_strategy immediate() const noexcept { return with(backoff::none, {}, {}, 0); }
    // The k-th restart in a row waits k * step.
    [[nodiscard]] restart_strategy with_linear_backoff(std::chrono::nanoseconds step) const noexcept {
        return with(backoff::linear, step, std::chrono::nanoseconds::max(), 0);
    }
    // The k-th restart in a row waits from * 2^(k-1), at most `cap`; a quarter of it is taken away at random.
    [[nodiscard]] restart_strategy with_exponential_backoff(
        std::chrono::nanoseconds from, std::chrono::nanoseconds cap) const noexcept {
        return with(backoff::exponential, from, cap, 25);
    }
    // Exactly the formula: for tests and for those who know that nothing restarts together.
    [[nodiscard]] restart_strategy without_jitter() const noexcept {
        restart_strategy s = *this;
        s.jitter_percent_ = 0;
        return s;
    }
    // After so long without a fault the count starts anew (default 10 s).
    [[nodiscard]] restart_strategy with_health(std::chrono::nanoseconds d) const noexcept {
        restart_strategy s = *this;
        s.health_ = d;
        return s;
    }

    [[nodiscard]] bool limited() const noexcept { return tries_ != unlimited; }
    [[nodiscard]] std::uint32_t max_tries() const noexcept { return tries_; }
    [[nodiscard]] std::chrono::nanoseconds health() const noexcept { return health_; }
    // How long the `attempt`-th restart in a row waits (from 1).
    [[nodiscard]] BASTION_API std::chrono::nanoseconds delay(
        std::uint32_t attempt, random_source& random) const noexcept;

    // What cannot be meant; null: nothing.
    [[nodiscard]] BASTION_API const char* mistake() const noexcept;

private:
    enum class backoff : std::uint8_t { standard, none, linear, exponential };
    static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

    [[nodiscard]] restart_strategy with(
        backoff b, std::chrono::nanoseconds from, std::chrono::nanoseconds cap, std::uint8_t jitter) const noexcept {
        restart_strategy s = *this;
        s.backoff_ = b;
        s.from_ = from;
        s.cap_ = cap;
        s.jitter_percent_ = jitter;
        return s;
    }

    std::uint32_t tries_ = unlimited;
    backoff backoff_ = backoff::standard;
    std::uint8_t jitter_percent_ = 25;
    std::chrono::nanoseconds from_ = std::chrono::milliseconds(1);
    std::chrono::nanoseconds cap_ = std::chrono::seconds(1);
    std::chrono::nanoseconds health_ = std::chrono::seconds(10);
};

// How long a child may take to stop before it is killed.
class shutdown {
public:
    [[nodiscard]] static shutdown brutal() noexcept { return shutdown(std::chrono::nanoseconds(0)); }
    // 0: brutal. A time below 0 is refused by whoever is given it.
    [[nodiscard]] static shutdown within(std::chrono::nanoseconds d) noexcept { return shutdown(d); }
    [[nodiscard]] static shutdown infinite() noexcept { return shutdown(std::chrono::nanoseconds::max()); }

    [[nodiscard]] bool is_brutal() const noexcept { return time_.count() <= 0; }
    [[nodiscard]] bool is_infinite() const noexcept { return time_ == std::chrono::nanoseconds::max(); }
    [[nodiscard]] std::chrono::nanoseconds time() const noexcept { return time_; }

private:
    explicit shutdown(std::chrono::nanoseconds d) noexcept : time_(d) {}
    std::chrono::nanoseconds time_;
};

// What one element may use. Default: no limit on memory, tasks 10,000 deep.
class limits {
public:
    // Bytes of coroutine frames and unread mail.
    [[nodiscard]] limits memory(std::uint64_t bytes) const noexcept {
        limits l = *this;
        l.memory_ = bytes;
        return l;
    }
    // Tasks that await one another.
    [[nodiscard]] limits depth(std::uint32_t n) const noexcept {
        limits l = *this;
        l.depth_ = n;
        return l;
    }
    [[nodiscard]] std::uint64_t max_memory() const noexcept { return memory_; }
    [[nodiscard]] std::uint32_t max_depth() const noexcept { return depth_; }

private:
    std::uint64_t memory_ = 0;
    std::uint32_t depth_ = 10'000;
};

} // namespace bastion

#endif
