// A look at the children of a supervisor: `which_children`, `which_child`, `count_children`, after OTP's.
//
// Questions to the supervisor, answered in its turn, in order with the changes of its tree; any thread (`rt.run` on a plain
// one). Whether a group restarts an element just now is the group's own knowledge and read from it as it is. Children are
// groups and supervisors, in start order; what was spawned as a bare function or task is none. Cost: O(children).
#ifndef BASTION_SUPERVISION_LOOK_HPP
#define BASTION_SUPERVISION_LOOK_HPP

#include <bastion/supervision/refs.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bastion {

enum class child_kind : std::uint8_t { group, supervisor, element };

enum class child_status : std::uint8_t {
    running,
    restarting, // it has failed, and is being started again, or waits for that
    stopped, // not started yet, or about to end for good
};

// What a supervisor says about one of its children.
struct child_info {
    std::string id; // its name, unique among its siblings
    child_kind kind = child_kind::group;
    child_status status = child_status::stopped;
    restart_when restart = restart_when::transient; // of a group: of its elements
    bool significant = false;
    bastion::shutdown shutdown = bastion::shutdown::infinite(); // how long it may take to stop
    children_ref group; // if it is one
    supervisor_ref supervisor; // if it is one
    child_ref element; // if it is one: of a template, known by this ref, without an id

    // What its first element gave to ctx.ready, the last time it started. Null: nothing, or another type.
    template <class T>
    [[nodiscard]] const T* extra() const noexcept {
        return said.type == &detail::data_type_tag<T> ? static_cast<const T*>(said.object.get()) : nullptr;
    }
    detail::user_data said;
};

struct child_counts {
    std::size_t specs = 0;
    std::size_t active = 0; // that run
    std::size_t supervisors = 0;
    std::size_t workers = 0; // groups

    bool operator==(const child_counts&) const = default;
};

namespace detail {

enum class look : std::uint8_t { all, one, by_ref, count, partitions };

// A cell for the answer; noproc: there is no such supervisor (any more).
[[nodiscard]] BASTION_API pending_answer look_at(address supervisor, look what, std::string_view id = {});
[[nodiscard]] BASTION_API pending_answer look_at(address supervisor, address child);

} // namespace detail

inline answer<std::vector<child_info>> supervisor_ref::which_children() const {
    return answer<std::vector<child_info>>(detail::look_at(self_, detail::look::all));
}
inline answer<child_info> supervisor_ref::which_child(std::string_view id) const {
    return answer<child_info>(detail::look_at(self_, detail::look::one, id));
}
inline answer<child_info> supervisor_ref::which_child(const child_ref& process) const {
    return answer<child_info>(detail::look_at(self_, process.where()));
}
inline answer<child_info> supervisor_ref::which_child(const children_ref& group) const {
    return answer<child_info>(detail::look_at(self_, group.where()));
}
inline answer<child_info> supervisor_ref::which_child(const supervisor_ref& below) const {
    return answer<child_info>(detail::look_at(self_, below.where()));
}
inline answer<child_counts> supervisor_ref::count_children() const {
    return answer<child_counts>(detail::look_at(self_, detail::look::count));
}

} // namespace bastion

#endif
