#include <bastion/supervision/crash_report.hpp>

#include <bastion/base/counted.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string_view>
#include <utility>

namespace bastion {
namespace {

using detail::counted;

std::string shown(const child_ref& who) {
    const detail::address a = who.where();
    char text[48];
    std::snprintf(text, sizeof text, "<%llx.%llu>",
        static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(a.block)),
        static_cast<unsigned long long>(a.generation));
    return text;
}
std::string_view shown(std::string_view text) { return text; }

std::string seconds(std::chrono::nanoseconds d) {
    char text[48];
    std::snprintf(text, sizeof text, "%lld.%03lld s", static_cast<long long>(d.count() / 1'000'000'000),
        static_cast<long long>(d.count() % 1'000'000'000 / 1'000'000));
    return text;
}

// "a, b, ...". `all`: there were no more than the list has.
template <class T>
std::string listed(const std::vector<T>& list, bool all, std::size_t depth) {
    std::string text;
    const std::size_t n = std::min(depth, list.size());
    for (std::size_t i = 0; i < n; ++i) (text += i == 0 ? "" : ", ") += shown(list[i]);
    if (n < list.size() || !all) text += n == 0 ? "..." : ", ...";
    return text;
}

std::string process_of(const crash_report& r) {
    std::string text = shown(r.who);
    if (!r.name.empty()) text += " \"" + r.name + "\"";
    text += ", incarnation " + std::to_string(r.incarnation);
    if (r.restarts > 0) text += ", restarted " + counted(static_cast<std::uint64_t>(r.restarts), "time");
    if (r.spawned_at.known()) text += ", spawned at " + r.spawned_at.to_string();
    return text;
}

std::string reason_of(const exit_reason& why) {
    std::string text = why.what();
    if (why.where().known()) text += " (" + why.where().to_string() + ")";
    if (!why.type().empty()) text.append(" [").append(why.type()).append("]");
    return text;
}

std::string mailbox_of(const crash_report& r, std::size_t depth) {
    std::string text = (r.more_unread ? "more than " : "") + std::to_string(r.unread) + " unread";
    if (r.unread == 0) return text;
    return text + ": " + listed(r.mailbox, !r.more_unread && r.mailbox.size() == r.unread, depth);
}

// Puts the parts of a report together.
class printer {
public:
    printer(const crash_report& r, bool single_line) : single_line_(single_line) {
        text_ = "crash of ";
        append(r.path);
    }

    void add(std::string_view label, std::string_view value) {
        if (value.empty()) return;
        if (single_line_) {
            text_.append("; ").append(label).append(": ");
        } else {
            text_.append("\n    ").append(label).append(":").append(
                std::max(width, label.size()) - label.size() + 1, ' ');
        }
        append(value);
    }
    [[nodiscard]] std::string take() && { return std::move(text_); }

private:
    static constexpr std::size_t width = 11;

    // In several lines those of a text stand below one another.
    void append(std::string_view value) {
        for (const char c : value) {
            const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
            if (single_line_ && control) text_ += ' ';
            else if (c == '\n') text_.append("\n").append(4 + width + 2, ' ');
            else text_ += c;
        }
    }

    std::string text_;
    const bool single_line_;
};

void cut(std::string& text, std::size_t most) {
    if (text.size() <= most) return;
    const std::string_view dots = std::string_view("...").substr(0, std::min<std::size_t>(most, 3));
    std::size_t end = most - dots.size();
    // Not in the midst of a character.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += dots;
}

} // namespace

std::string to_string(const crash_report& r, const crash_format& how) {
    const std::size_t depth = how.max_depth();
    printer p(r, how.is_single_line());
    p.add("process", process_of(r));
    p.add("reason", reason_of(r.reason));
    p.add("in hand", r.in_hand);
    if (r.lost > 0) p.add("lost", counted(r.lost, "message"));
    p.add("ancestors", listed(r.ancestors, true, depth));
    p.add("mailbox", mailbox_of(r, depth));
    p.add("links", listed(r.links, r.links.size() == r.linked, depth));
    if (r.monitors > 0) p.add("watched by", counted(r.monitors, "monitor"));
    p.add("traps exits", r.traps_exits ? "yes" : "no");
    p.add("next", r.next);
    p.add("time", seconds(r.at));
    if (r.dropped_before > 0) p.add("before this", counted(r.dropped_before, "report") + " dropped");
    std::string text = std::move(p).take();
    cut(text, how.max_characters());
    return text;
}

std::ostream& operator<<(std::ostream& to, const crash_report& r) { return to << to_string(r); }

} // namespace bastion
