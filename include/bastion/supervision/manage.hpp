// Changing the children of a running supervisor by name: `start_child`, `terminate_child`, `restart_child`, `delete_child`,
// after OTP's.
//
// Questions to the supervisor, answered when what was asked for is done: the child has started, or has ended. Any thread. While
// the supervisor stops a set of children they wait, as in OTP, and while it starts them those wait that are about one of
// them; between two tries of a child that does not start they get their turn. Orders about one child are carried out in the
// order they came, each when the one before lets it: a restart waits for the end that was ordered before it, and a
// terminate_child breaks off a start. Siblings behind it in a restart start without it; but when it has failed to start before
// they stay down, as in OTP. Orders about other children do not wait for them. An answer that nobody waits for any more changes
// nothing about what is done. Cost: O(1), however many orders wait, and what the child's start or stop takes.
//
// Without with_specs_kept a child that has ended is unknown: there is nothing to restart or delete. Of a kept supervisor that has ended
// and does not come back, or was only described, only the spec is left: it says noproc until it is started, while
// alive() is true: its ref is good for its next life.
#ifndef BASTION_SUPERVISION_MANAGE_HPP
#define BASTION_SUPERVISION_MANAGE_HPP

#include <bastion/supervision/look.hpp>

#include <string_view>
#include <utility>

namespace bastion {
namespace detail {

enum class child_order : std::uint8_t { start, restart, terminate, terminate_ref, remove, reconfigure };

// A cell for the answer; noproc: there is no such supervisor (any more).
[[nodiscard]] BASTION_API pending_answer order_child(address to, child_order what, std::string_view id);
[[nodiscard]] BASTION_API pending_answer order_start(address to, children&& group);
[[nodiscard]] BASTION_API pending_answer order_start(address to, supervisor&& tree);
[[nodiscard]] BASTION_API pending_answer order_change(address to, supervisor&& as);

} // namespace detail

// The child as it started; `stopped` if it declined (ctx.ignore). Errors: already_started, already_present; start_failed, also if somebody
// has stopped or terminated it before it counted as started, and nothing is left of it; invalid: it is significant, which it cannot be here. Throws bad_spec.
inline answer<child_info> supervisor_ref::start_child(children&& group) const {
    return answer<child_info>(detail::order_start(self_, std::move(group)));
}
inline answer<child_info> supervisor_ref::start_child(supervisor&& tree) const {
    return answer<child_info>(detail::order_start(self_, std::move(tree)));
}
// Starts a child that has ended. Errors: running, restarting, not_found; start_failed: its spec is still kept (also if somebody has stopped
// or terminated it before it counted as started).
inline answer<child_info> supervisor_ref::restart_child(std::string_view id) const {
    return answer<child_info>(detail::order_child(self_, detail::child_order::restart, id));
}
// Stops it as its spec says; good, too, if it had ended. Its spec is kept, if the supervisor keeps any, but for a temporary
// one. It counts neither for the intensity nor for auto_shutdown. Error: not_found.
inline answer<void> supervisor_ref::terminate_child(std::string_view id) const {
    return answer<void>(detail::order_child(self_, detail::child_order::terminate, id));
}
// Deletes the spec of a child that has ended; its name is free. Errors: running, restarting, not_found.
inline answer<void> supervisor_ref::delete_child(std::string_view id) const {
    return answer<void>(detail::order_child(self_, detail::child_order::remove, id));
}

// From now on the supervisor is as described, after OTP's code change: its strategy, intensity, auto_shutdown, defaults, and its
// children by their names. One that it has gets what is said about it: how it restarts and stops at once; its body, of either kind, at
// its next start, with a new object of with_data if that has another type. What its elements were made with stays: mailbox, limits,
// memberships, placement, the resizer; so does their number, until the group starts again with its spec kept.
// One that it has not is there, in its place, and not started: restart_child does. One that is not described stays, behind the
// others, until its supervisor starts again. Children below supervisors are described with these.
// What the supervisor itself is as a child (with_own_restart, with_significant, with_shutdown, callbacks) is taken from the description of the
// one above only.
// It waits for the end of a restart of several children, and a supervisor that stops is changed before it starts again; it is not ordered
// with the orders about children. The answer comes when everything below has taken its part. Errors: invalid, which says of which supervisor
// and why: it has another name; simple_one_for_one is or was its strategy, and not both; it has partitions or is to have some, and not both, or another number
// of them; a group where there was a supervisor; new children of a supervisor that keeps no specs;
// another restart type of its own, or significance. start_failed: a factory of a new child's
// with_data has thrown. The supervisor that cannot be what is described, and all below it, is left as it was; above and beside it the
// change is made. Throws bad_spec. Cost: a hop to each child.
inline answer<void> supervisor_ref::reconfigure(supervisor&& as) const {
    return answer<void>(detail::order_change(self_, std::move(as)));
}

} // namespace bastion

#endif
