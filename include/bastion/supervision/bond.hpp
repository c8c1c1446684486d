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

} // namespace detail

template <class What>
auto context::spawn_child(What&& what, source_location where) const {
    detail::require_running(*block_, "ctx.spawn_child");
    detail::bond with_parent(*block_);
    auto child = [&] {
        constexpr bool is_builder = std::is_same_v<std::remove_cvref_t<What>, children> ||
                                    std::is_same_v<std::remove_cvref_t<What>, bastion::supervisor>;
        if constexpr (is_builder) return spawn(std::forward<What>(what)); // it knows where it was written
        else return spawn(std::forward<What>(what), where);
    }();
    with_parent.tie(detail::end_of_bond(child));
    return child;
}

} // namespace bastion

#endif
