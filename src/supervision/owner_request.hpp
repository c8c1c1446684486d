// Requests to owners: what travels on their lanes besides the nodes that blocks embed.
//
// From the pool, owned by whoever holds the pointer, then by the lane, then by the owner that handles it. A request
// names the owner it was made for: one that reaches another process in the same block is discarded there.
#ifndef BASTION_SRC_SUPERVISION_OWNER_REQUEST_HPP
#define BASTION_SRC_SUPERVISION_OWNER_REQUEST_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/process/home.hpp>
#include <bastion/supervision/look.hpp>
#include <bastion/supervision/refs.hpp>

#include <memory>
#include <string>

namespace bastion::detail {

enum class request_kind : std::uint8_t {
    start,          // parent to owner: start your children
    stop,           // stop your children; `for_good`: and end
    tell_monitors,  // parent to owner: your last life has ended, for `reason`, and there will be another
    stop_child,     // a user's stop or kill of one element
    watch_started,  // a user waits for the start
    broadcast,      // pass it on to all below
    restart_wanted, // group to supervisor: an element failed, decide
    proceed,        // supervisor to group: restart it yourself
    proceeded,      // group to supervisor: done
    deadline,       // a child did not stop in time
    grace,          // a killed child still runs
    start_timeout,  // a child did not become ready in time
    backoff_over,   // a child's waiting is over
    look,           // a user looks at the children of a supervisor
    resize,         // a group looks how much its elements have to do
    snapshot,       // describe yourself and your children: a snapshot_request
};

struct owner_request : system_signal {
    request_kind what{};
    bool for_good = false;
    bool kill = false;
    bool apart = false; // restart_wanted: its siblings in the group go on; proceed: say when it is done
    bool undecided = false;  // stop: whether there will be another start is not known yet
    bastion::detail::look look_at{}; // look
    bool seen = false;  // stop: the sender has consumed the owner's last exit, or there was none
    address owner;
    address child;
    completion_cell* cell = nullptr;
    exit_reason reason;
    std::string name;
    shared<broadcast_source> payload;
    struct owner_timer* timer = nullptr;  // deadlines and the like: the timer that brought it
};

// Frees the request and the timer that brought it.
struct request_deleter {
    void operator()(owner_request* r) const noexcept;
};
using request_ptr = std::unique_ptr<owner_request, request_deleter>;

[[nodiscard]] request_ptr make_request(request_kind what, address owner);
// Pushes it to its owner's lane. False: refused, and still the caller's. The owner's runtime must stand.
[[nodiscard]] bool try_send(request_ptr& r, signal_kind kind = signal_kind::request) noexcept;
// The same; one that is refused is freed.
void send(request_ptr r) noexcept;

// For signals that reached a block which is no owner any more.
void discard_signal(system_signal& signal) noexcept;

// Completes the cell of somebody who waits for a start: it has started.
void answer_started(completion_cell* cell) noexcept;
// It never will: `why` is the reason when that is a failed start; otherwise there is no such process.
void answer_never_started(completion_cell* cell, const exit_reason& why) noexcept;

// Completes the cell of somebody who has asked, with an error; `reason` may be null.
void answer_error(completion_cell* cell, errc why, const exit_reason* reason = nullptr) noexcept;

// A request that a timer pushes. Owned by the wheel while armed, then by the owner's lane.
struct owner_timer final : late_timer {
    owner_timer(owner_request* r, worker& w) noexcept;
    owner_request* const request;
    worker& wheel;
    bool dead = false;  // cancelled too late: written and read by the owner only
};

// Why an owner never started, for those who ask when it is gone. Shared by the owner and the refs that name it.
struct owner_fate {
    mutable spin_lock lock;
    exit_reason why;  // normal: nothing to say
};

// Why what is spawned too late does not start.
[[nodiscard]] exit_reason too_late();

} // namespace bastion::detail

#endif
