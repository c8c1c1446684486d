// The simulator: takes the turns of all workers on one thread, moves time, and makes things go wrong.
#ifndef BASTION_SRC_TESTING_SIMULATOR_HPP
#define BASTION_SRC_TESTING_SIMULATOR_HPP

#include "testing/choices.hpp"
#include "testing/trace.hpp"

#include <bastion/base/clock.hpp>
#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/driver.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/runtime/config.hpp>
#include <bastion/testing/coverage.hpp>
#include <bastion/testing/settings.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bastion::detail {

// Time that only the simulator moves; for everybody else it passes by itself.
class simulated_clock final : public clock {
public:
    [[nodiscard]] std::int64_t now_ns() noexcept override { return now_; }
    [[nodiscard]] bool runs() const noexcept override { return true; }
    void set(std::int64_t ns) noexcept { now_ = ns; }

private:
    std::int64_t now_ = 0;
};

// What the user ordered to go wrong with one process.
struct fault_order {
    enum class kind : std::uint8_t { panic, kill, drop, delay, slow };
    kind what{};
    address who;
    std::uint32_t at = 0; // when so many messages were taken; slow: not used
    std::chrono::nanoseconds by{}; // delay, slow
};

// While it lives, what is allocated on this thread is the simulation's own, or the test's: it does not fail.
class own_allocations {
public:
    explicit own_allocations(bool& theirs) noexcept : theirs_(theirs), before_(std::exchange(theirs, false)) {}
    own_allocations(const own_allocations&) = delete;
    own_allocations& operator=(const own_allocations&) = delete;
    ~own_allocations() { theirs_ = before_; }

private:
    bool& theirs_;
    const bool before_;
};

class simulator final : public driver, private allocation_gate {
public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    simulator(std::uint64_t seed, testing::settings s);
    simulator(const simulator&) = delete;
    simulator& operator=(const simulator&) = delete;
    ~simulator();

    // ---- driver
    [[nodiscard]] std::size_t choose(decision what, std::size_t n) noexcept override {
        const own_allocations own(in_turn_);
        return choices_.choose(what, n);
    }
    void run(worker& w, runnable& r) noexcept override;
    void note_last(worker& w, runnable& r) noexcept override;
    bool run_until(const std::function<bool()>& done, std::int64_t deadline_ns) override;
    void run_to_end(const std::function<bool()>& done) noexcept override;
    void run_another(worker& waiting) noexcept override;
    void check_thread() const override;
    void attach(executor& e) override;
    void detach(executor& e) noexcept override;

    // Everything up to `target`, then it is that time.
    void advance_to(std::int64_t target);
    // From now on no more than `n` steps.
    void limit_steps(std::uint64_t n) noexcept { most_steps_ = steps_ + n; }
    void order(fault_order o) { orders_.push_back(o); }
    // The allocation that is the `nth` from now, counted from 1, in turns of workers fails.
    void fail_allocation(std::uint64_t nth) noexcept;
    // What follows is not the simulation's: it lets all allocations be.
    void leave_allocations() noexcept;
    void note_report(const log_record& r) noexcept;

    // How many incarnations of that process have ended, and why the last one did; null: it never had a turn, or another
    // process lives in its block by now.
    struct ending {
        std::uint32_t ends;
        exit_reason why;
    };
    [[nodiscard]] std::optional<ending> ended(address who) const;

    [[nodiscard]] const std::shared_ptr<simulated_clock>& time() const noexcept { return clock_; }
    [[nodiscard]] const testing::settings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    [[nodiscard]] const trace& events() const noexcept { return trace_; }
    [[nodiscard]] const testing::decisions& decisions() const noexcept { return choices_.made(); }
    [[nodiscard]] testing::coverage seen() const;

private:
    struct acquaintance {
        std::uint32_t number = 0;
        std::uint64_t generation = 0;
        life last = life::free;
        std::uint32_t ends = 0; // incarnations
        exit_reason why; // of the last of them
        std::shared_ptr<const std::string> path; // shared with the events
    };
    // A process put aside with its right to run.
    struct held_turn {
        std::int64_t due;
        runnable* r;
        executor* where;
    };
    // A message on its way, for longer than usual.
    struct late_message {
        std::int64_t due;
        address to;
        envelope* message;
        runtime_home* home;
    };

    // A message in its process' list; `before` is null for the oldest.
    struct mail_place {
        envelope* before;
        envelope* message;
    };

    // One turn, or time moves to the next instant, which is not after `limit`. False: nothing can happen until then.
    [[nodiscard]] bool step(std::int64_t limit);
    // The workers that may run, but for one, beginning with the next in turn.
    void find_able(const worker* but);
    void let_one_run();
    [[nodiscard]] std::int64_t next_due();
    void move_time(std::int64_t to);
    void bring_back();

    acquaintance& know(const control_block& b);
    void count(life from, life to) noexcept;
    void note_before(acquaintance& a);
    void note_after(acquaintance& a, const control_block& b);
    [[nodiscard]] trace_event event_now(std::string_view what) const noexcept;
    [[nodiscard]] trace_event event_of(
        std::string_view what, const worker& w, const acquaintance& a, const control_block& b) const noexcept;
    void note_fault(
        std::string_view what, const worker& w, const acquaintance& a, const control_block& b, const envelope& at);
    void note_turn(const worker& w, const acquaintance& a, const control_block& b, std::uint32_t taken);

    // False: it does not get this turn.
    [[nodiscard]] bool allow(worker& w, control_block& b, const acquaintance& a, std::int32_t& messages);
    [[nodiscard]] bool may_allocate(std::size_t bytes) noexcept override;
    [[nodiscard]] std::optional<fault_order> take_order(const control_block& b);
    [[nodiscard]] std::optional<fault_order> by_chance(const control_block& b, mail_place& at);
    [[nodiscard]] std::optional<fault_order> any_fault();
    [[nodiscard]] bool put_aside(worker& w, control_block& b, const acquaintance& a);
    void go_wrong(worker& w, control_block& b, const acquaintance& a, const fault_order& fault, const mail_place& at);
    [[nodiscard]] std::int64_t late_until(const control_block& b, const void* sender) const;
    void hold_back(control_block& b, const void* sender, std::int64_t due, const mail_place& from);
    void hold_followers(control_block& b);
    [[nodiscard]] bool is_overtaken(const late_message& m) const;
    void bring_back_late(const std::function<bool(const late_message&)>& which);
    [[noreturn]] void stalled();

    const std::uint64_t seed_;
    const testing::settings settings_;
    choices choices_;
    trace trace_;
    std::shared_ptr<simulated_clock> clock_ = std::make_shared<simulated_clock>();
    const std::thread::id thread_ = std::this_thread::get_id();
    std::vector<executor*> executors_;
    std::uint64_t steps_ = 0;
    std::uint64_t most_steps_;

    std::vector<worker*> able_;
    std::vector<std::uint32_t> able_numbers_;
    std::uint32_t last_ = 0; // the number of the worker that ran last

    // Looked up only, never walked: no decision may depend on an address.
    std::unordered_map<const control_block*, acquaintance> known_;
    std::uint32_t processes_ = 0;
    testing::coverage coverage_;
    std::uint64_t steals_of_the_gone_ = 0;

    bool gated_ = false; // this is the thread's allocation_gate
    allocation_gate* gate_before_ = nullptr;
    std::uint32_t taken_before_ = 0; // by the process that runs, before its turn
    bool in_turn_ = false; // of a worker, and not in the simulation's own work
    std::uint64_t allocations_ = 0; // in turns
    std::uint64_t failing_allocation_ = 0; // its number; 0: none

    std::vector<fault_order> orders_;
    std::vector<held_turn> held_;
    std::vector<late_message> late_;
    std::vector<const runnable*> let_go_; // come back from being held: they get their turn
};

} // namespace bastion::detail

#endif
