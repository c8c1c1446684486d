// What few processes need: made on first use, lives until the element ends for good.
#ifndef BASTION_PROCESS_COLD_PART_HPP
#define BASTION_PROCESS_COLD_PART_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/base/ref_counted.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/debugging.hpp>
#include <bastion/process/links.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>

namespace bastion::detail {

// Somebody who wants to know when a process ends: one `ctx.monitor(ref)`, or a name or membership that the process has.
// A request on its way to the target, then an entry in the target's list. Owned by the target from the push on; who made
// it names it by its number.
struct monitor_record : system_signal {
    list_hook<monitor_record> hook;
    address watcher;
    std::uint64_t number = 0;
    std::uint64_t target_generation = 0;
    // Sends the DOWN message, or takes the membership away; set by the layer that knows how.
    void (*notify)(monitor_record&, control_block& target, const exit_reason&, bool returns) noexcept = nullptr;
    // Of a membership only: what the process is a member of (the record has a share), and whether it stays over restarts.
    // Memberships go before the monitors are told, so that who hears of an end does not find the process any more.
    ref_counted* member_of = nullptr;
    bool of_element = false;
};

// A request to take a monitor or a membership back.
struct demonitor_request : system_signal {
    std::uint64_t number = 0;
    std::uint64_t target_generation = 0;
    completion_cell* cell = nullptr; // of who waits until it is handled; may be null
    envelope* done = nullptr; // what that is completed with
};

// Somebody who wants to know how much mail an element has not read. Owned by who asks, who must not ask again, or free it,
// before it is back: an element answers in its next turn, or when its lane is closed.
struct mail_measure : system_signal {
    std::uint32_t unread = 0; // of more than 1,023 only so many are counted
    bool idle = false; // it waits for mail, and has none
    std::atomic<bool> out{false}; // Written with release by who answers, read with acquire by who asks.
};

using monitor_list = intrusive_list<monitor_record, &monitor_record::hook>;

// The address that names a type: of with_data, and of the state of handlers.
template <class T>
inline constexpr char data_type_tag = 0;

// A type-erased user object with the address that names its type.
struct user_data {
    std::shared_ptr<void> object;
    const void* type = nullptr;
    std::string_view type_name;
};

// Signals, the oldest first.
struct signal_chain {
    system_signal* first = nullptr;
    system_signal* last = nullptr; // unless it is empty

    void push_back(system_signal* s) noexcept {
        s->next = nullptr;
        (first != nullptr ? last->next : first) = s;
        last = s;
    }
};

struct cold_part {
    monitor_list monitors; // in the order they were made
    monitor_list memberships;
    std::unordered_map<std::uint64_t, monitor_record*, std::hash<std::uint64_t>, std::equal_to<>,
        pool_allocator<std::pair<const std::uint64_t, monitor_record*>>>
        monitors_by_number;
    link_table links;
    link_list trapped; // exit signals whose marks have not come yet
    signal_chain put_off; // debug orders that came by a look in passing
    std::optional<exit_reason> exit_with; // an exit signal ends this incarnation, and this is why
    envelope* kept_back =
        nullptr; // mail that lies behind that signal, oldest first: nobody of this incarnation takes it
    envelope* kept_back_last = nullptr; // unless there is none
    bool keeps_mail_back = false; // such a signal has been seen: all that is still drained lies behind it
    bool keeps_list_back = false; // and all that is still handed over
    user_data data;
    user_data extra; // what this incarnation said when it was ready; constant from then on
    std::optional<std::stop_source> stopper; // guarded by the lock: the owner asks, the process makes
    spin_lock stopper_lock;
    std::unique_ptr<debug_part> debug; // null: nobody has asked
    bool trap_stop = false;
    bool trap_exit = false;
    bool ignored = false; // it has declined to start
    bool stop_trapped = false; // a stop came as a message: the end that follows is the stop's

    cold_part() = default;
    cold_part(const cold_part&) = delete;
    cold_part& operator=(const cold_part&) = delete;
    ~cold_part() { free_all(trapped); }
};

// A number for a monitor, a joining or a link, unique in the program.
[[nodiscard]] BASTION_API std::uint64_t new_record_number() noexcept;

[[nodiscard]] BASTION_API cold_part& cold_of(control_block& block);
// Null when it was never made.
[[nodiscard]] inline cold_part* cold_if_any(const control_block& block) noexcept { return block.cold.if_any(); }
// The owner, after it raised stop or kill: wakes what waits for the process' stop_token.
BASTION_API void request_stop_token(control_block& block) noexcept;

// Ends the memberships of the incarnation that has ended, whether the element comes back or not, and its links, unless the element is in a set
// over restarts: then they wait for notify_monitors. Holder of the right to run.
BASTION_API void leave_with_incarnation(control_block& block) noexcept;
// Tells all monitors that the incarnation has ended, and forgets them. Holder of the right to run.
BASTION_API void notify_monitors(control_block& block, const exit_reason& why, bool returns) noexcept;
// Handles monitor and demonitor signals. Holder of the right to run.
BASTION_API void handle_element_signals(control_block& block, system_signal* oldest) noexcept;
// Takes the monitor or membership back that is meant, if it is there, and frees the request. Holder of the right to run.
void end_watch(control_block& block, demonitor_request* request) noexcept;
// Handles what lies in the lane, if anything does. Holder of the right to run, between two steps of the process.
BASTION_API void look_at_lane(control_block& block) noexcept;
// The same within a step of the process: orders of bastion::sys wait for its end.
void look_at_lane_in_passing(control_block& block) noexcept;
// Sends a measure to an element of the caller's runtime. False: its lane is closed, and the measure still the caller's.
BASTION_API bool send_measure(control_block& element, mail_measure& m) noexcept;
// Enters a record without a signal. Holder of the right to run.
BASTION_API void hold_record(control_block& block, monitor_record& record);

} // namespace bastion::detail

#endif
