// A snapshot: what the tree and its runtime are just now, as a value that can be kept, printed and sent.
//
// `rt.snapshot()` on a plain thread, `co_await sup.snapshot()` in a process; any thread, any number at once. It never stops the world: each group and
// supervisor describes itself and its children in its turn, in order with the changes of its own part of the tree; two
// parts may be of slightly different instants. Nobody waits for a process that computes: what cannot be known without
// waiting for it is left out. A group or supervisor that does not answer in time (one of its callbacks runs, say) is
// marked as missing, with all below it, and the snapshot is `partial()`.
// Cost: one turn of each group and supervisor asked, O(children listed), and memory for what is listed (see the limits).
#ifndef BASTION_SUPERVISION_SNAPSHOT_HPP
#define BASTION_SUPERVISION_SNAPSHOT_HPP

#include <bastion/base/source_location.hpp>
#include <bastion/executor/blocking_job.hpp>
#include <bastion/process/placement.hpp>
#include <bastion/supervision/refs.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bastion {

// How much a snapshot tells, and how long it may take: `snapshot_limits().depth(2).elements(10)`.
class snapshot_limits {
public:
    snapshot_limits() noexcept {}

    // Levels below the supervisor that is asked; 0: it alone. Who is deeper is not asked, and marked as `cut`.
    // Default 256.
    [[nodiscard]] snapshot_limits depth(std::uint32_t n) const noexcept {
        snapshot_limits l = *this;
        l.depth_ = n;
        return l;
    }
    // Of one group, the first in start order; the rest is only counted. Default 100.
    [[nodiscard]] snapshot_limits elements(std::uint32_t n) const noexcept {
        snapshot_limits l = *this;
        l.elements_ = n;
        return l;
    }
    // Of one supervisor, groups and supervisors; the rest is only counted, and not asked. Default 1,000.
    [[nodiscard]] snapshot_limits children(std::uint32_t n) const noexcept {
        snapshot_limits l = *this;
        l.children_ = n;
        return l;
    }
    // In all, some 300 bytes each; who comes too late for it is only counted. Default 100,000.
    [[nodiscard]] snapshot_limits entries(std::uint32_t n) const noexcept {
        snapshot_limits l = *this;
        l.entries_ = n;
        return l;
    }
    // After that time it is given back with what has come in. Of the runtime's clock; on a plain thread that calls
    // rt.snapshot(), real time, unless a simulation drives the runtime. Default 1 s.
    [[nodiscard]] snapshot_limits within(std::chrono::nanoseconds d) const noexcept {
        snapshot_limits l = *this;
        l.within_ = d;
        return l;
    }

    [[nodiscard]] std::uint32_t max_depth() const noexcept { return depth_; }
    [[nodiscard]] std::uint32_t max_elements() const noexcept { return elements_; }
    [[nodiscard]] std::uint32_t max_children() const noexcept { return children_; }
    [[nodiscard]] std::uint32_t max_entries() const noexcept { return entries_; }
    [[nodiscard]] std::chrono::nanoseconds time() const noexcept { return within_; }

private:
    std::uint32_t depth_ = 256;
    std::uint32_t elements_ = 100;
    std::uint32_t children_ = 1'000;
    std::uint32_t entries_ = 100'000;
    std::chrono::nanoseconds within_ = std::chrono::seconds(1);
};

enum class snapshot_kind : std::uint8_t { supervisor, group, element };

// The words of the life cycle, as far as they are seen from outside.
enum class snapshot_status : std::uint8_t {
    starting, // not started yet
    queued, // may run, and waits for a worker
    running, // of an element: a worker runs it; of a group or supervisor: it is at work
    waiting, // for mail, an answer, a timer
    suspended, // by sys::suspend; or it waits for what a kill must not cut off
    stopping, // asked to stop, or killed
    restarting, // has ended, and is being started again, or waits for that; of a group: one of its elements is
    stopped, // has ended, or is about to
};

enum class snapshot_knowledge : std::uint8_t {
    whole, // all that was asked for
    cut, // a limit: what is below was not asked for
    missing, // it did not answer in time: what is below is not known
};

// Messages that nobody has read.
struct unread_count {
    std::uint32_t messages = 0;
    bool exact = true; // otherwise at least so many: it runs, and may have others at hand; or there are more than 1,023

    bool operator==(const unread_count&) const = default;
};

// One supervisor, group or element. What is not known is left out.
struct snapshot_entry {
    std::string name;
    std::string path; // "/" for the root
    snapshot_kind kind = snapshot_kind::supervisor;
    snapshot_status status = snapshot_status::stopped;
    snapshot_knowledge known = snapshot_knowledge::whole;
    bool implicit = false; // the group of what was spawned as a bare function or task
    bool significant = false;
    std::optional<restart_when> restart; // of a group: of its elements
    std::optional<bastion::strategy> strategy; // of a supervisor
    std::optional<std::uint32_t> restarts; // how often it was started again, as a whole
    std::optional<std::uint32_t> incarnation; // of an element
    std::optional<std::chrono::nanoseconds> age; // since it was started last
    std::optional<exit_reason> reason; // while it is restarting or stopped: why it ended last
    std::optional<unread_count> unread; // of an element
    std::string_view in_hand; // of an element that waits, but not for mail: the type of the message that it handles
    // With workers on several nodes: of an element that has a home, which node it is; of a group as described, unless any.
    std::optional<bastion::placement> placement;
    source_location where; // where it was written to be spawned
    child_ref ref; // of an element; others are found by their path
    std::size_t total = 0; // children, listed or not
    std::vector<snapshot_entry> children; // in start order, behind the implicit group

    // How many of the children are only counted.
    [[nodiscard]] std::size_t unlisted() const noexcept { return total - children.size(); }
};

enum class snapshot_stage : std::uint8_t { running, stopping, ended };

struct snapshot {
    // ---- the runtime, at the instant of the question
    snapshot_stage stage = snapshot_stage::running;
    std::chrono::nanoseconds time{0}; // by the runtime's clock
    std::chrono::nanoseconds uptime{0};
    std::size_t workers = 0;
    std::uint64_t resumes = 0;
    std::uint64_t steals = 0;
    std::uint64_t parks = 0;
    std::array<std::uint64_t, 7> dead_letters{}; // by drop_reason, since the start
    blocking_counters blocking;

    // ---- the tree: the root, or the supervisor that was asked
    snapshot_entry root;
    // Of those who have answered, listed or not. Processes in all: the sum.
    std::size_t supervisors = 0;
    std::size_t groups = 0;
    std::size_t elements = 0;
    std::size_t missing = 0; // groups and supervisors that have not answered in time

    [[nodiscard]] bool partial() const noexcept { return missing != 0; }
};

// As lines for people: one about the runtime, one for each entry, indented. Control characters in names are escaped, so
// that a line stays a line.
[[nodiscard]] BASTION_API std::string to_string(const snapshot& s);
[[nodiscard]] BASTION_API std::string to_string(const snapshot_entry& tree);
BASTION_API std::ostream& operator<<(std::ostream& out, const snapshot& s);
BASTION_API std::ostream& operator<<(std::ostream& out, const snapshot_entry& tree);
// For programs: docs/reference/snapshot.schema.json says what it holds. ASCII; bytes of a name that are no UTF-8 become U+FFFD.
[[nodiscard]] BASTION_API std::string to_json(const snapshot& s);

[[nodiscard]] BASTION_API std::string_view to_string(snapshot_kind kind) noexcept;
[[nodiscard]] BASTION_API std::string_view to_string(snapshot_status status) noexcept;
[[nodiscard]] BASTION_API std::string_view to_string(snapshot_knowledge known) noexcept;
[[nodiscard]] BASTION_API std::string_view to_string(snapshot_stage stage) noexcept;

namespace detail {

[[nodiscard]] BASTION_API pending_answer ask_for_snapshot(address supervisor, const snapshot_limits& limits);
// Blocks a plain thread. `root` may have ended; its home's workers stand.
[[nodiscard]] BASTION_API snapshot snapshot_on_thread(
    runtime_home& home, address root, const snapshot_limits& limits, executor* driven);

} // namespace detail

inline answer<bastion::snapshot> supervisor_ref::snapshot() const { return snapshot(snapshot_limits()); }
inline answer<bastion::snapshot> supervisor_ref::snapshot(const snapshot_limits& limits) const {
    return answer<bastion::snapshot>(detail::ask_for_snapshot(self_, limits));
}

} // namespace bastion

#endif
