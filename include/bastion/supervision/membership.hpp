// The hook of routing: what a process is a member of, and that it leaves when it ends.
//
// Supervision knows no names, dispatchers or topics. It lets a group have `membership`s, which each of its elements
// enters before anybody can know it, and tells them when a member has gone: before the monitors are told, and before
// the owner decides about a restart.
#ifndef BASTION_SUPERVISION_MEMBERSHIP_HPP
#define BASTION_SUPERVISION_MEMBERSHIP_HPP

#include <bastion/base/ref_counted.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/context.hpp>

#include <cstdint>
#include <string_view>

namespace bastion::detail {

// Something that processes are members of. Shared by those who send through it and by its members.
class membership : public ref_counted {
public:
    // That member has left, or has gone. `number`: of the joining, so that a late notice does not end a later one.
    virtual void leave(const child_ref& who, std::uint64_t number) noexcept = 0;
    // The name that a member has by it; empty: it gives none.
    [[nodiscard]] virtual std::string_view name_given() const noexcept { return {}; }
};

// What with_distributor and the like say about the elements of a group; they name it in the runtime that they run in.
class membership_wish {
public:
    membership_wish() = default;
    membership_wish(const membership_wish&) = delete;
    membership_wish& operator=(const membership_wish&) = delete;
    virtual ~membership_wish() = default;
    // Enters an element that nobody knows yet. May throw; then it is not a member.
    virtual void enter(runtime_home& home, control_block& element) = 0;
};

// `who`, already a member of `of` by that number, is to leave it when it ends. Of an element: when it ends for good;
// else also when it is restarted. Any thread. False: it had ended; then the caller takes it out again.
[[nodiscard]] BASTION_API bool leave_at_end(address who, membership& of, std::uint64_t number, bool of_element);
// The same for a block that the caller has the right to run.
BASTION_API void hold_membership(control_block& block, membership& of, std::uint64_t number, bool of_element);
// Its process need not remember it any more: a membership that was given up, a monitor. Any thread.
BASTION_API void forget_record(address who, std::uint64_t number) noexcept;

} // namespace bastion::detail

#endif
