// Where the parts of a snapshot come together.
//
// Protocol: each owner that is asked has a ticket, which names its place in the tree that is being made. In its turn it
// makes the list of its children aside, puts it in its place under the lock, asks those of them that are owners, with a
// ticket each, and gives its own ticket back. A ticket that is destroyed unused says that its owner is gone: what the parent
// has written there stays. The last ticket, or the deadline, seals: from then on nobody writes, and who sealed completes
// the asker's cell. No owner waits, and none assembles what others have made.
// Invariant: a list that was put in its place is not resized, so places stay where they are until the seal.
#ifndef BASTION_SRC_SUPERVISION_SNAPSHOT_JOIN_HPP
#define BASTION_SRC_SUPERVISION_SNAPSHOT_JOIN_HPP

#include "supervision/owner_request.hpp"

#include <bastion/base/ref_counted.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/cell.hpp>
#include <bastion/executor/worker.hpp>
#include <bastion/supervision/snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace bastion::detail {

class snapshot_join final : public late_timer, public ref_counted {
public:
    snapshot_join(snapshot start, const snapshot_limits& limits, completion_cell* cell) noexcept;

    [[nodiscard]] const snapshot_limits& limits() const noexcept { return limits_; }
    // Before the first ticket is on its way. The wheel's runtime stands until the last one is back.
    void arm(worker& wheel) noexcept;
    // The time is over: what has come in is the answer.
    void expire() noexcept;

private:
    friend class snapshot_ticket;

    [[nodiscard]] std::size_t reserve(std::size_t entries) noexcept;
    void give_back() noexcept;
    [[nodiscard]] bool seal() noexcept;
    void complete() noexcept;

    const snapshot_limits limits_;
    spin_lock lock_; // guards what follows
    snapshot value_;
    std::size_t entries_left_;
    std::size_t out_ = 1; // tickets
    std::size_t failed_ = 0; // owners that had no memory for their part
    bool answered_ = false; // by the owner that was asked first
    bool sealed_ = false;
    bool nobody_ = false; // has answered, and nobody will
    completion_cell* const cell_; // completed by who has sealed
    worker* wheel_ = nullptr; // null: no deadline of its own
};

// The right of one owner to describe itself. Moved with its request.
class snapshot_ticket {
public:
    snapshot_ticket() noexcept = default;
    // The first one.
    explicit snapshot_ticket(shared<snapshot_join> join) noexcept : join_(std::move(join)) {
        place_ = &join_->value_.root;
    }
    snapshot_ticket(snapshot_ticket&& other) noexcept
        : join_(std::move(other.join_)), place_(other.place_), depth_(other.depth_) {}
    snapshot_ticket& operator=(snapshot_ticket&& other) noexcept {
        join_.swap(other.join_);
        std::swap(place_, other.place_);
        std::swap(depth_, other.depth_);
        return *this;
    }
    ~snapshot_ticket();

    [[nodiscard]] const snapshot_limits& limits() const noexcept { return join_->limits(); }
    [[nodiscard]] bool is_first() const noexcept { return depth_ == 0; }
    [[nodiscard]] bool may_ask_below() const noexcept { return depth_ < limits().max_depth(); }
    // How many of so many entries may be listed.
    [[nodiscard]] std::size_t reserve(std::size_t entries) noexcept { return join_->reserve(entries); }

    // The owner's part. `status`: nothing if only its parent knows; `asks`: how many of the children get a ticket next.
    // Returns their list; null: it is too late.
    [[nodiscard]] snapshot_entry* put(
        snapshot_entry& own, std::optional<snapshot_status> status, bool runtime_stops, std::size_t asks) noexcept;
    // Of a child in that list.
    [[nodiscard]] snapshot_ticket of_child(snapshot_entry& place) const noexcept;
    // After the part, or instead of it: there is no memory for it.
    void done() noexcept;
    void failed() noexcept;

private:
    shared<snapshot_join> join_; // null: given back
    snapshot_entry* place_ = nullptr;
    std::uint32_t depth_ = 0;
};

// A kind of its own, so that the other requests stay as small as they are. `request_deleter` knows it by its kind.
struct snapshot_request final : owner_request {
    snapshot_ticket ticket;
};

} // namespace bastion::detail

#endif
