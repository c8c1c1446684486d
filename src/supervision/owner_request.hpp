// Requests to owners: what travels on their lanes besides the nodes that blocks embed.
//
// From the pool, owned by whoever holds the pointer, then by the lane, then by the owner that handles it. A request
// names the owner it was made for: one that reaches another process in the same block is discarded there.
#ifndef BASTION_SRC_SUPERVISION_OWNER_REQUEST_HPP
#define BASTION_SRC_SUPERVISION_OWNER_REQUEST_HPP

#include "supervision/change_answer.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/process/home.hpp>
#include <bastion/supervision/dynamic.hpp>
#include <bastion/supervision/refs.hpp>

#include <memory>
#include <optional>
#include <string>

namespace bastion::detail {

enum class request_kind : std::uint8_t {
    start,          // parent to owner: start your children
    stop,           // stop your children; `for_good`: and end
    tell_monitors, // parent to owner: your last life has ended, for `reason`; there will be another, unless `for_good`
    stop_child, // a user's stop or kill of one element
    watch_started, // a user waits for the start
    broadcast, // pass it on to all below
    restart_wanted, // group to supervisor: an element failed, decide
    proceed, // supervisor to group: restart it yourself
    significant, // group to supervisor: its significant elements have ended by themselves
    proceeded, // group to supervisor: done
    deadline, // a child did not stop in time
    grace, // a killed child still runs
    given_up, // a killed child that does not come back; `for_good`: it is seen to run, and is lost; `seen`: it was taken over
    not_given_up, // it could not be: to be tried again
    start_timeout, // a child did not become ready in time
    backoff_over, // a child's waiting is over
    respec, // supervisor to group: it is changed, and perhaps you are
    look, // a user looks at the children of a supervisor
    order, // a user changes the children of a supervisor
    resize, // a group looks how much its elements have to do
    snapshot, // describe yourself and your children: a snapshot_request
};

// What a supervisor says about its groups.
struct given_from_above {
    given_from_above() = default;
    explicit given_from_above(const supervisor_spec& from, bool ask) noexcept
        : restart(from.restart), when(from.when), max_children(from.max_children), ends(from.ends),
          keeps_specs(from.keeps_specs), ask_first(ask) {}

    // Defaults, for those who are described with it.
    std::optional<bastion::restart_strategy> restart;
    std::optional<restart_when> when;
    // For all.
    std::uint32_t max_children = 0;
    bastion::auto_shutdown ends = bastion::auto_shutdown::never;
    bool keeps_specs = false;
    bool ask_first = false; // its strategy or intensity has a say in restarts
};

struct owner_request : system_signal {
    request_kind what{};
    bool for_good = false;
    bool kill = false;
    bool apart = false; // restart_wanted: its siblings in the group go on; proceed: say when it is done
    bool undecided = false; // stop: whether there will be another start is not known yet
    bool empties = false; // stop: what is below ends for good, and only owners stand still
    child_order order{}; // order; of a start, `child` is its only owner
    bastion::detail::look look_at{}; // look
    std::uint32_t incarnation = 0; // given_up: of the child that was to be
    bool seen = false; // stop: the sender has consumed the owner's last exit, or there was none
    address owner;
    address child;
    completion_cell* cell = nullptr;
    exit_reason reason;
    std::string name;
    shared<broadcast_source> payload;
    struct owner_timer* timer = nullptr; // deadlines and the like: the timer that brought it
};

// What only orders and what follows from them carry.
struct order_request final : owner_request {
    shared<start_arguments> arguments; // start: of a template
    std::unique_ptr<bastion::detail::supervisor_spec> supervisor_spec; // reconfigure
    std::unique_ptr<bastion::detail::group_spec> group_spec; // respec; null: the group is what it was
    given_from_above given; // respec
    shared<change_answer>
        change; // respec and reconfigure; of an order from above it is that one's, and there is no cell
};

// Frees the request and the timer that brought it.
struct request_deleter {
    void operator()(owner_request* r) const noexcept;
};
using request_ptr = std::unique_ptr<owner_request, request_deleter>;

[[nodiscard]] request_ptr make_request(request_kind what, address owner);
// An order, or a respec.
[[nodiscard]] request_ptr make_order(request_kind what, address owner);
[[nodiscard]] inline order_request& order_of(owner_request& r) noexcept { return static_cast<order_request&>(r); }
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

// Completes the cell of somebody who has asked; null afterwards.
template <class R>
void answer_with(completion_cell*& cell, R&& value) {
    using T = std::remove_cvref_t<R>;
    envelope* e = make_envelope<T>(envelope_kind::answer, std::forward<R>(value));
    e->generation = envelope_bytes<T>;
    complete_with(std::exchange(cell, nullptr), e);
}
// Sends a request that is answered, from any thread; noproc: its owner is gone.
[[nodiscard]] pending_answer ask_owner(request_ptr r);

// Completes the cell of somebody who has asked, with an error; `reason` may be null.
void answer_error(completion_cell* cell, errc why, const exit_reason* reason = nullptr) noexcept;
void answer_error(completion_cell* cell, error why) noexcept;

// A request that a timer pushes. Owned by the wheel while armed, then by the owner's lane.
struct owner_timer final : late_timer {
    owner_timer(owner_request* r, worker& w) noexcept;
    owner_request* const request;
    worker& wheel;
    bool dead = false; // cancelled too late: written and read by the owner only
};

// Why an owner never started, for those who ask when it is gone. Shared by the owner and the refs that name it.
struct owner_fate {
    mutable spin_lock lock;
    exit_reason why; // normal: nothing to say
    crowd* spawned = nullptr; // a supervisor's: who was spawned below it as a function or a task
};
struct supervisor_fate : owner_fate {
    explicit supervisor_fate(std::size_t workers) : all(workers) { spawned = &all; }
    crowd all;
};

// Why what is spawned too late does not start.
[[nodiscard]] exit_reason too_late();

} // namespace bastion::detail

#endif
