#include "supervision/snapshot_words.hpp"

#include <array>
#include <cstdint>

namespace bastion {

std::string_view to_string(snapshot_kind kind) noexcept {
    static constexpr std::array<std::string_view, 3> words{"supervisor", "group", "element"};
    return words[static_cast<std::size_t>(kind)];
}

std::string_view to_string(snapshot_status status) noexcept {
    static constexpr std::array<std::string_view, 8> words{
        "starting", "queued", "running", "waiting", "suspended", "stopping", "restarting", "stopped"};
    return words[static_cast<std::size_t>(status)];
}

std::string_view to_string(snapshot_knowledge known) noexcept {
    static constexpr std::array<std::string_view, 3> words{"whole", "cut", "missing"};
    return words[static_cast<std::size_t>(known)];
}

std::string_view to_string(snapshot_stage stage) noexcept {
    static constexpr std::array<std::string_view, 3> words{"running", "stopping", "ended"};
    return words[static_cast<std::size_t>(stage)];
}

namespace detail {

std::string_view word_of(restart_when when) noexcept {
    static constexpr std::array<std::string_view, 3> words{"permanent", "transient", "temporary"};
    return words[static_cast<std::size_t>(when)];
}

std::string_view word_of(bastion::strategy s) noexcept {
    static constexpr std::array<std::string_view, 3> words{"one_for_one", "one_for_all", "rest_for_one"};
    return words[static_cast<std::size_t>(s)];
}

std::string_view word_of(drop_reason cause) noexcept {
    static constexpr std::array<std::string_view, 7> words{
        "noproc", "stale", "unread", "full", "unhandled", "limit", "stopped"};
    return words[static_cast<std::size_t>(cause)];
}

std::string_view word_of(exit_kind kind) noexcept {
    static constexpr std::array<std::string_view, 10> words{"normal", "stopped", "killed", "error", "panic", "noproc",
        "noconnection", "limit", "start_failed", "intensity"};
    return words[static_cast<std::size_t>(kind)];
}

namespace {

constexpr std::uint32_t no_character = 0xfffd;

struct decoded {
    std::uint32_t point = no_character;
    std::size_t bytes = 1;
    bool valid = false;
};

// The character that `text`, which is not empty, begins with. As RFC 3629 says: nothing overlong, no surrogates, nothing
// above U+10FFFF.
decoded first_character(std::string_view text) noexcept {
    const auto at = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t first = at(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
    std::uint32_t point = first & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((at(i) & 0xc0u) != 0x80u) return {};
        point = point << 6 | (at(i) & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (point < least[bytes] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) return {};
    return {point, bytes, true};
}

void append_unit(std::string& to, std::uint32_t unit) {
    static constexpr std::string_view digits = "0123456789abcdef";
    to += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) to += digits[unit >> shift & 0xf];
}

void append_point(std::string& to, std::uint32_t point) {
    if (point < 0x10000) return append_unit(to, point);
    point -= 0x10000;
    append_unit(to, 0xd800 + (point >> 10));
    append_unit(to, 0xdc00 + (point & 0x3ff));
}

void append_text(std::string& to, std::string_view text, bool ascii) {
    while (!text.empty()) {
        const decoded c = first_character(text);
        const bool control = c.point < 0x20 || (c.point >= 0x7f && c.point < 0xa0) || c.point == 0x2028 ||
                             c.point == 0x2029; // lines and paragraphs
        if (ascii && (c.point == '"' || c.point == '\\')) (to += '\\') += text.front();
        else if (!c.valid || control || (ascii && c.point >= 0x80)) append_point(to, c.point);
        else to += text.substr(0, c.bytes);
        text.remove_prefix(c.bytes);
    }
}

} // namespace

void append_escaped(std::string& to, std::string_view text) { append_text(to, text, true); }
void append_readable(std::string& to, std::string_view text) { append_text(to, text, false); }

} // namespace detail
} // namespace bastion
