// Names: a process registers itself, or is registered, and whoever knows the name finds it.
//
//   auto r = ctx.register_name("cache");        // until this process ends or is restarted
//   ctx.whereis("cache").tell(store{...});      // nobody there: a dead letter, counted if a process sends it
//   ctx.whereis("/pool/workers/0");             // by its path: with_name of the supervisor and the group, and its number
//
// A name is gone before anybody is told of the end of its process. Any thread.
// Cost: looking up a name of at most 47 bytes is a hash and a probe without a lock, quickest up to 15 bytes; a longer one,
// a path, a registering and an unregistering take a short lock.
#ifndef BASTION_ROUTING_NAMES_HPP
#define BASTION_ROUTING_NAMES_HPP

#include <bastion/routing/dispatcher.hpp>
#include <bastion/routing/distributor.hpp>
#include <bastion/routing/topic.hpp>
#include <bastion/supervision/refs.hpp>

#include <string_view>

namespace bastion {
namespace detail {

[[nodiscard]] BASTION_API result<void> give_name(runtime_home& home, std::string_view name, const child_ref& who);
BASTION_API bool take_name(runtime_home& home, std::string_view name);
[[nodiscard]] BASTION_API child_ref find_process(runtime_home& home, std::string_view name);
[[nodiscard]] BASTION_API children_ref find_children(runtime_home& home, std::string_view path);
[[nodiscard]] BASTION_API supervisor_ref find_supervisor(runtime_home& home, std::string_view path);

// Makes a directory known to all who have the home with these hooks.
void list_in(directory& names, home_hooks& hooks) noexcept;

} // namespace detail

inline distributor context::distributor(std::string_view name) const {
    return bastion::distributor(detail::find_set(*block_->home, detail::set_kind::distributor, name));
}
inline topic context::topic(std::string_view name) const {
    return bastion::topic(detail::find_set(*block_->home, detail::set_kind::topic, name));
}
template <class M>
std::size_t context::broadcast_message(const broadcast_target& target, M&& m) const {
    detail::require_running(*block_, "ctx.broadcast_message");
    return detail::dispatch_value(*block_->home, target, std::forward<M>(m));
}

} // namespace bastion

#endif
