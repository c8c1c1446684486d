// `crash_report`: what was known of a process when it ended abnormally, after OTP's proc_lib.
//
// Made by the owner of the process, for the sink of `config::with_crash_reports`, which says who calls that and when. A
// value: it owns all that it tells, and is good for as long as it is kept, also when the runtime is gone.
// Made for panics, errors, limits and exit signals; not for normal ends and ordered stops and kills, nor for groups and
// supervisors, which fail by a child that has its own report.
#ifndef BASTION_SUPERVISION_CRASH_REPORT_HPP
#define BASTION_SUPERVISION_CRASH_REPORT_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/source_location.hpp>
#include <bastion/process/context.hpp>
#include <bastion/process/exit_reason.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace bastion {

struct crash_report {
    // Of more unread messages only so many are counted.
    static constexpr std::size_t most_counted = 1'000;

    child_ref who;
    std::string path; // "/supervisor/group/0"
    std::string name; // that it was registered by, the first of several; may be empty
    int incarnation = 0; // the one that ended
    int restarts = 0; // before that
    source_location spawned_at; // its group, or itself; may be unknown
    std::vector<std::string> ancestors; // the paths of its owners, its own first, up to "/"

    exit_reason reason; // with the place of the panic, if that is known
    std::string in_hand; // the type of the message that it had taken last; empty: none
    unsigned lost = 0; // messages in hand that were lost with it

    std::size_t unread = 0; // messages, most_counted at most
    bool more_unread = false; // there were more than that
    std::vector<std::string> mailbox; // the types of the oldest unread ones
    std::vector<child_ref> links; // the oldest ones
    std::size_t linked = 0; // how many there were
    std::size_t monitors = 0; // that watched it
    bool traps_exits = false;

    std::string next; // "restarts in 3 ms", "ends: it is temporary", ...
    std::chrono::nanoseconds at{0}; // on the runtime's clock
    std::uint64_t dropped_before = 0; // reports that the sink was not told, since the one before
};

// What a crash report holds, and how many the sink is told. Chained, by value.
class crash_limits {
public:
    static constexpr std::size_t most_queued = 1'000'000;

    // The types of so many unread messages. Default 10.
    [[nodiscard]] crash_limits messages(std::size_t n) const noexcept {
        crash_limits l = *this;
        l.messages_ = n;
        return l;
    }
    // So many links. Default 100.
    [[nodiscard]] crash_limits links(std::size_t n) const noexcept {
        crash_limits l = *this;
        l.links_ = n;
        return l;
    }
    // Reports that wait for the sink: of more, those that come are dropped. 1 to 1,000,000, default 1,000.
    [[nodiscard]] crash_limits queue(std::size_t n) const noexcept {
        crash_limits l = *this;
        l.queue_ = n;
        return l;
    }
    // Reports within a window of time of the runtime's clock, from the first on: of more, those that come are dropped
    // until it is over. Default 500 in 1 s.
    [[nodiscard]] crash_limits burst(std::size_t n, std::chrono::nanoseconds window) const noexcept {
        crash_limits l = *this;
        l.burst_ = n;
        l.window_ = window;
        return l;
    }
    // How long the end of the runtime waits until the sink has been told all that is queued; by the real time, whatever
    // the runtime's clock is. Default 5 s.
    [[nodiscard]] crash_limits flush_within(std::chrono::nanoseconds d) const noexcept {
        crash_limits l = *this;
        l.flush_ = d;
        return l;
    }

    [[nodiscard]] std::size_t max_messages() const noexcept { return messages_; }
    [[nodiscard]] std::size_t max_links() const noexcept { return links_; }
    [[nodiscard]] std::size_t max_queued() const noexcept { return queue_; }
    [[nodiscard]] std::size_t max_burst() const noexcept { return burst_; }
    [[nodiscard]] std::chrono::nanoseconds window() const noexcept { return window_; }
    [[nodiscard]] std::chrono::nanoseconds flush_time() const noexcept { return flush_; }

private:
    std::size_t messages_ = 10;
    std::size_t links_ = 100;
    std::size_t queue_ = 1'000;
    std::size_t burst_ = 500;
    std::chrono::nanoseconds window_ = std::chrono::seconds(1);
    std::chrono::nanoseconds flush_ = std::chrono::seconds(5);
};

// How a report is printed. Chained, by value.
class crash_format {
public:
    static constexpr std::size_t unlimited = ~std::size_t{0};

    // Everything in one line, without line breaks and other control characters.
    [[nodiscard]] crash_format single_line() const noexcept {
        crash_format f = *this;
        f.single_line_ = true;
        return f;
    }
    // Of each list (ancestors, mailbox, links) only so many elements. Default: all that the report has.
    [[nodiscard]] crash_format depth(std::size_t n) const noexcept {
        crash_format f = *this;
        f.depth_ = n;
        return f;
    }
    // The whole text has at most so many bytes; cut where a character of UTF-8 ends. Default: no limit.
    [[nodiscard]] crash_format characters(std::size_t n) const noexcept {
        crash_format f = *this;
        f.characters_ = n;
        return f;
    }

    [[nodiscard]] bool is_single_line() const noexcept { return single_line_; }
    [[nodiscard]] std::size_t max_depth() const noexcept { return depth_; }
    [[nodiscard]] std::size_t max_characters() const noexcept { return characters_; }

private:
    bool single_line_ = false;
    std::size_t depth_ = unlimited;
    std::size_t characters_ = unlimited;
};

// The text of a report. Processes that are linked are named by <block.generation>, as the one that the report is about: so
// the reports of a set of processes that ended together can be put together. Throws std::bad_alloc. Any thread.
[[nodiscard]] BASTION_API std::string to_string(const crash_report& r, const crash_format& how = crash_format());
// The same, in several lines.
BASTION_API std::ostream& operator<<(std::ostream& to, const crash_report& r);

} // namespace bastion

#endif
