// A look into a process that is parked, by its owner, without waking it.
//
// Protocol: who clears the park bit of a process has the right to run it. So whoever looks takes that right as a waker
// does, reads what only its holder may read, and parks the process again as its worker would. Mail or a wake-up that came
// meanwhile makes that park fail: then the process is scheduled, as it would have been.
#ifndef BASTION_PROCESS_PARKED_HPP
#define BASTION_PROCESS_PARKED_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/process/control_block.hpp>

#include <cstdint>
#include <optional>

namespace bastion::detail {

inline constexpr std::uint32_t most_unread = 1023; // of more only so many are counted, as by an inbox

struct parked_look {
    std::uint32_t unread = 0;
    const message_meta* in_hand = nullptr; // null: it waits for mail, or has had none
};

// Unread mail, what was drained or skipped included, up to most_unread. Holder of the right to run, or the owner between
// two incarnations.
[[nodiscard]] BASTION_API std::uint32_t unread_mail(control_block& block) noexcept;

// Nothing: the process runs, is queued or has ended. A worker of its runtime, in a turn of its owner. Cost: two
// read-modify-writes, and one step for each message that the process has skipped.
[[nodiscard]] BASTION_API std::optional<parked_look> look_at_parked(control_block& element) noexcept;

} // namespace bastion::detail

#endif
