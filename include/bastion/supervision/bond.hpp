// `ctx.spawn_child(...)`: a child whose parent is the process that spawned it, and which is stopped when that ends.
//
// The child is owned by the supervisor above, as all that is spawned; the bond is two memberships (membership.hpp): one in
// the parent's list, so that its end stops the child, one in the child's, so that nothing of it stays when it ends first.
#ifndef BASTION_SUPERVISION_BOND_HPP
#define BASTION_SUPERVISION_BOND_HPP

#include <bastion/supervision/join.hpp>
#include <bastion/supervision/membership.hpp>
#include <bastion/supervision/refs.hpp>
#include <bastion/supervision/spawn.hpp>

namespace bastion {
namespace detail {

// Made before the child, so that nothing is spawned when there is no memory. Left without one it is forgotten.
class BASTION_API bond {
public:
    explicit bond(control_block& parent);
    bond(const bond&) = delete;
    bond& operator=(const bond&) = delete;
    ~bond();
    void tie(address child) noexcept;

private:
    class kinship;
    const address parent_;
    shared<kinship> kin_;
    bool tied_ = false;
};

[[nodiscard]] inline address end_of_bond(const child_ref& c) noexcept { return c.where(); }
[[nodiscard]] inline address end_of_bond(const children_ref& g) noexcept { return g.where(); }
[[nodiscard]] inline address end_of_bond(const supervisor_ref& s) noexcept { return s.where(); }
template <class T>
[[nodiscard]] address end_of_bond(const join_handle<T>& h) noexcept {
    return h.ref().where();
}

// What `make` spawns has that parent.
template <class Make>
[[nodiscard]] auto spawn_tied(control_block& parent, Make make) {
    require_running(parent, "ctx.spawn_child");
    bond with_parent(parent);
    auto child = make();
    with_parent.tie(end_of_bond(child));
    return child;
}

} // namespace detail

template <class What>
auto context::spawn_child(What&& what, source_location where) const {
    return detail::spawn_tied(*block_, [&] {
        if constexpr (detail::is_builder<What>) return spawn(std::forward<What>(what)); // it knows where it was written
        else return spawn(std::forward<What>(what), where);
    });
}
template <class What>
auto context::spawn_child(What&& what, const placement& at, source_location where) const {
    return detail::spawn_tied(*block_, [&] { return spawn(std::forward<What>(what), at, where); });
}

} // namespace bastion

#endif
