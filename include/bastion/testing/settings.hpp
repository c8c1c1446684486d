// `settings`: what a simulation is told at its start. A value, chained.
#ifndef BASTION_TESTING_SETTINGS_HPP
#define BASTION_TESTING_SETTINGS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace bastion::testing {

// Who decides: each strategy finds other mistakes, so a search uses all of them.
enum class scheduling : std::uint8_t {
    random, // every possibility is as likely as any other
    priorities, // workers have random priorities that change at a few random steps (Burckhardt et al., PCT, 2010)
    adversarial, // one worker runs as long as it may, everything is stolen, turns are short, time is always up
};

// What goes wrong by chance: how many of 10,000 messages, each.
struct fault_rates {
    unsigned panic = 0; // the process panics at the message, which is lost with it
    unsigned kill = 0; // the process is killed before the message
    unsigned drop = 0; // the message becomes a dead letter
    unsigned delay = 0; // the message, and all that follow from the same sender, come later
    std::chrono::nanoseconds most_delay = std::chrono::milliseconds(10);
    unsigned allocation = 0; // not of messages: so many of 10,000 allocations fail (simulation::fail_allocation)

    // Whether something goes wrong with messages.
    [[nodiscard]] bool any() const noexcept { return (panic | kill | drop | delay) != 0; }
};

// The choices of a run, to have it again. Made by simulation::decisions_made.
using decisions = std::vector<std::uint16_t>;

class settings {
public:
    settings() noexcept {}

    // Simulated workers, at least 1. Default 3.
    settings& with_workers(std::size_t n) & { return workers_ = n, *this; }
    // On so many simulated NUMA nodes, at least 1. Default 1. What they change is who robs and wakes whom, and whose queue is whose.
    settings& with_nodes(std::size_t n) & { return nodes_ = n, *this; }
    // Default random.
    settings& with_scheduling(scheduling s) & { return scheduling_ = s, *this; }
    // Default: nothing goes wrong by chance.
    settings& with_faults(fault_rates f) & { return faults_ = f, *this; }
    // Whether time may pass while there is work, as on a machine that is too slow. Default no: all that can happen at
    // an instant happens before the next.
    settings& with_slow_machine(bool on) & { return slow_machine_ = on, *this; }
    // A run of more steps is taken for a livelock. Default 10 million.
    settings& with_step_limit(std::uint64_t n) & { return step_limit_ = n, *this; }
    // Decides as an earlier run did; after the last of its decisions, always for the first possibility.
    settings& with_replay(decisions d) & {
        replay_ = std::make_shared<const decisions>(std::move(d));
        return *this;
    }

    settings with_workers(std::size_t n) && { return with_workers(n), std::move(*this); }
    settings with_nodes(std::size_t n) && { return with_nodes(n), std::move(*this); }
    settings with_scheduling(scheduling s) && { return with_scheduling(s), std::move(*this); }
    settings with_faults(fault_rates f) && { return with_faults(f), std::move(*this); }
    settings with_slow_machine(bool on) && { return with_slow_machine(on), std::move(*this); }
    settings with_step_limit(std::uint64_t n) && { return with_step_limit(n), std::move(*this); }
    settings with_replay(decisions d) && { return with_replay(std::move(d)), std::move(*this); }

    [[nodiscard]] std::size_t workers() const noexcept { return workers_; }
    [[nodiscard]] std::size_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] scheduling chosen_scheduling() const noexcept { return scheduling_; }
    [[nodiscard]] const fault_rates& faults() const noexcept { return faults_; }
    [[nodiscard]] bool slow_machine() const noexcept { return slow_machine_; }
    [[nodiscard]] std::uint64_t step_limit() const noexcept { return step_limit_; }
    // Null: nothing is replayed.
    [[nodiscard]] const std::shared_ptr<const decisions>& replay() const noexcept { return replay_; }

private:
    std::size_t workers_ = 3;
    std::size_t nodes_ = 1;
    scheduling scheduling_ = scheduling::random;
    fault_rates faults_;
    bool slow_machine_ = false;
    std::uint64_t step_limit_ = 10'000'000;
    std::shared_ptr<const decisions> replay_;
};

} // namespace bastion::testing

#endif
