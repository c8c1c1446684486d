// The answer to a change of a supervisor, which is one when everything below has taken its part of it.
#ifndef BASTION_SRC_SUPERVISION_CHANGE_ANSWER_HPP
#define BASTION_SRC_SUPERVISION_CHANGE_ANSWER_HPP

#include <bastion/base/error.hpp>
#include <bastion/base/ref_counted.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/cell.hpp>

#include <optional>

namespace bastion::detail {

// Shared by the order and by what it has sent to groups and supervisors below. The last of them to be carried out, or to be freed because
// its owner is gone, completes the cell: whoever is gone needs no change.
class change_answer final : public ref_counted {
public:
    change_answer() noexcept = default;
    ~change_answer() override;

    // Whom it answers: once, before it is shared.
    void answers(completion_cell* cell) noexcept { cell_ = cell; }

    // The first one is told. Any thread.
    void refuse(error why) noexcept;

private:
    completion_cell* cell_ = nullptr; // null: the order was never carried out, and is answered itself
    spin_lock lock_;
    std::optional<error> why_; // guarded by the lock
};

} // namespace bastion::detail

#endif
