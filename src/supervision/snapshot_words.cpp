#include "supervision/snapshot_words.hpp"

#include <array>
#include <cstdint>

namespace bastion {

// By switches: the compiler names a word that is missing.

std::string_view to_string(snapshot_kind kind) noexcept {
    switch (kind) {
    case snapshot_kind::supervisor: return "supervisor";
    case snapshot_kind::group: return "group";
    case snapshot_kind::element: return "element";
    }
    return {};
}

std::string_view to_string(snapshot_status status) noexcept {
    switch (status) {
    case snapshot_status::starting: return "starting";
    case snapshot_status::queued: return "queued";
    case snapshot_status::running: return "running";
    case snapshot_status::waiting: return "waiting";
    case snapshot_status::suspended: return "suspended";
    case snapshot_status::stopping: return "stopping";
    case snapshot_status::restarting: return "restarting";
    case snapshot_status::stopped: return "stopped";
    }
    return {};
}

std::string_view to_string(snapshot_knowledge known) noexcept {
    switch (known) {
    case snapshot_knowledge::whole: return "whole";
    case snapshot_knowledge::cut: return "cut";
    case snapshot_knowledge::missing: return "missing";
    }
    return {};
}

std::string_view to_string(snapshot_stage stage) noexcept {
    switch (stage) {
    case snapshot_stage::running: return "running";
    case snapshot_stage::stopping: return "stopping";
    case snapshot_stage::ended: return "ended";
    }
    return {};
}

namespace detail {

std::string_view word_of(restart_when when) noexcept {
    switch (when) {
    case restart_when::permanent: return "permanent";
    case restart_when::transient: return "transient";
    case restart_when::temporary: return "temporary";
    }
    return {};
}

std::string_view word_of(bastion::strategy s) noexcept {
    switch (s) {
    case strategy::one_for_one: return "one_for_one";
    case strategy::one_for_all: return "one_for_all";
    case strategy::rest_for_one: return "rest_for_one";
    case strategy::simple_one_for_one: return "simple_one_for_one";
    }
    return {};
}

std::string_view word_of(drop_reason cause) noexcept {
    switch (cause) {
    case drop_reason::noproc: return "noproc";
    case drop_reason::stale: return "stale";
    case drop_reason::unread: return "unread";
    case drop_reason::full: return "full";
    case drop_reason::unhandled: return "unhandled";
    case drop_reason::limit: return "limit";
    case drop_reason::stopped: return "stopped";
    }
    return {};
}

std::string_view word_of(exit_kind kind) noexcept {
    switch (kind) {
    case exit_kind::normal: return "normal";
    case exit_kind::stopped: return "stopped";
    case exit_kind::killed: return "killed";
    case exit_kind::error: return "error";
    case exit_kind::panic: return "panic";
    case exit_kind::noproc: return "noproc";
    case exit_kind::noconnection: return "noconnection";
    case exit_kind::limit: return "limit";
    case exit_kind::start_failed: return "start_failed";
    case exit_kind::intensity: return "intensity";
    }
    return {};
}

std::string_view word_of(placement::kind kind) noexcept {
    switch (kind) {
    case placement::kind::any: return "any";
    case placement::kind::node: return "node";
    case placement::kind::spread: return "spread";
    case placement::kind::near: return "near";
    }
    return {};
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
