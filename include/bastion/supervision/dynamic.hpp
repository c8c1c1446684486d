// Dynamic children, after OTP's simple_one_for_one: a supervisor with one template, from which `start_child` makes any number of
// children, each with arguments of its own.
//
//     auto lines = rt.spawn(bastion::supervisor()
//             .with_strategy(bastion::strategy::simple_one_for_one)
//             .with_children(bastion::children().with_template(talk))); // bastion::process talk(bastion::context, int socket)
//     auto child = co_await lines.start_child(7);
//
// They are known by their refs, not by names; each is restarted alone, with the arguments that it was started with; they are stopped
// all at once; and none comes back when their supervisor is started again. Any thread. Cost: one process and two hops.
//
// A session of several processes is a supervisor of its own, made from a template of supervisors:
//
//     auto sessions = rt.spawn(bastion::supervisor()
//             .with_strategy(bastion::strategy::simple_one_for_one)
//             .with_supervisor_template(session)); // bastion::supervisor session(std::string user)
//     auto one = co_await sessions.start_child<std::string>("ada"); // one->supervisor
//     co_await sessions.terminate_child(one->supervisor);
//
// The function is called once for each, in the turn of their supervisor; one that is restarted has the children that were described
// then. A name that it gives is part of their paths.
#ifndef BASTION_SUPERVISION_DYNAMIC_HPP
#define BASTION_SUPERVISION_DYNAMIC_HPP

#include <bastion/supervision/manage.hpp>

#include <tuple>
#include <utility>

namespace bastion {
namespace detail {

[[nodiscard]] BASTION_API pending_answer order_start(address to, shared<start_arguments> arguments);
[[nodiscard]] BASTION_API pending_answer order_termination(address to, address child);

} // namespace detail

// One more child from the template; the types of the arguments are exactly the template's: `start_child<std::string>("x")`. Errors:
// limit (with_max_children), start_failed, and wrong_type, which names both; invalid: this supervisor has no template. From a template of
// supervisors, too: start_failed with what the function throws or is wrong with what it describes; already_started, already_present:
// another child has that name; invalid: it is significant, which it cannot be here.
template <class... Args>
    requires(detail::are_arguments<Args...>)
answer<child_info> supervisor_ref::start_child(Args... args) const {
    using given = detail::arguments_of<std::tuple<Args...>>;
    return answer<child_info>(detail::order_start(
        self_, detail::shared<detail::start_arguments>(new given(std::in_place, std::move(args)...))));
}

// Stops that child as the template says; good, too, if it has ended. Errors: not_found: it is another's.
inline answer<void> supervisor_ref::terminate_child(const child_ref& child) const {
    return answer<void>(detail::order_termination(self_, child.where()));
}
inline answer<void> supervisor_ref::terminate_child(const supervisor_ref& child) const {
    return answer<void>(detail::order_termination(self_, child.where()));
}

} // namespace bastion

#endif
