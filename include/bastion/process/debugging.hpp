// What a debugger asks of a live process, and what is noted about one that is watched.
//
// An order travels in the system lane and is carried out by the process itself, between two of its steps. Only who is suspended or
// watched pays: two signal flags send it the slow way round its run loop, and its thread knows it while it runs.
// Public: bastion::sys (supervision/sys.hpp).
#ifndef BASTION_PROCESS_DEBUGGING_HPP
#define BASTION_PROCESS_DEBUGGING_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/process/envelope.hpp>
#include <bastion/process/system_lane.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace bastion {
class exit_reason;
} // namespace bastion

namespace bastion::detail {

// Owned by the target's lane from the push on.
class BASTION_API debug_order : public system_signal {
public:
    debug_order() = default;
    debug_order(const debug_order&) = delete;
    debug_order& operator=(const debug_order&) = delete;
    virtual ~debug_order() = default;

    // In the target's own turn, by the holder of its right to run. False: not while something runs for it elsewhere, which may use
    // what the order is about; its debug part has been made.
    [[nodiscard]] virtual bool carry_out(control_block& target) noexcept = 0;
    // Instead: there is no such process, or no incarnation of it just now.
    virtual void refuse() noexcept = 0;

    std::uint64_t target_generation = 0;
};

enum class step_taken : std::uint8_t {
    received, // it has taken a message
    sent, // it sends one
    answered, // it has answered a question
};

// Whom the steps of a process are told to.
class trace_sink {
public:
    trace_sink() = default;
    trace_sink(const trace_sink&) = delete;
    trace_sink& operator=(const trace_sink&) = delete;
    virtual ~trace_sink() = default;

    // False: it was the last one. Both in the turn of `who`.
    [[nodiscard]] virtual bool tell(
        const control_block& who, step_taken step, std::string_view type, const address& peer) noexcept = 0;
    virtual void ended(const exit_reason& why) noexcept = 0;
};

// Part of the cold part, of an incarnation that is or was watched or suspended.
struct debug_part {
    bool counts = false;
    std::int64_t counts_since_ns = 0;
    std::uint64_t taken[3] = {}; // by step_taken
    std::unique_ptr<trace_sink> sink; // null: nobody traces it
    system_signal* waiting = nullptr; // orders for the time when nothing runs for it elsewhere, newest first
};

// All of these by the holder of the right to run `block`.

// Throws std::bad_alloc.
[[nodiscard]] BASTION_API debug_part& debug_of(control_block& block);
// From now on it takes no mail, whatever comes, until it is told to go on, stopped or killed.
BASTION_API void hold_back(control_block& block, bool on) noexcept;
// To be called when what is noted has changed.
BASTION_API void settle_watch(control_block& block) noexcept;
// Notes a step of a process that is watched.
BASTION_API void note_step(control_block& block, step_taken step, std::string_view type, const address& peer) noexcept;
// An order that was not carried out: it is, as soon as nothing runs for the process elsewhere.
void keep_waiting(control_block& block, std::unique_ptr<debug_order> order) noexcept;
// Those that can be carried out now are.
void carry_out_waiting(control_block& block) noexcept;
// The incarnation ends, and all that was asked about it.
void end_debugging(control_block& block, const exit_reason& why) noexcept;

} // namespace bastion::detail

#endif
