// The words that a snapshot is printed with, in both its forms.
#ifndef BASTION_SRC_SUPERVISION_SNAPSHOT_WORDS_HPP
#define BASTION_SRC_SUPERVISION_SNAPSHOT_WORDS_HPP

#include <bastion/supervision/snapshot.hpp>

#include <string>
#include <string_view>

namespace bastion::detail {

[[nodiscard]] std::string_view word_of(restart_when when) noexcept;
[[nodiscard]] std::string_view word_of(bastion::strategy s) noexcept;
[[nodiscard]] std::string_view word_of(drop_reason cause) noexcept;
[[nodiscard]] std::string_view word_of(exit_kind kind) noexcept;
[[nodiscard]] std::string_view word_of(placement::kind kind) noexcept;

// Appends text as the inside of a JSON string, in ASCII: `"`, `\`, control characters and all beyond ASCII are escaped;
// what is no UTF-8 becomes U+FFFD, one for each byte that cannot begin or go on.
void append_escaped(std::string& to, std::string_view text);
// The same for people: only control characters and what is no UTF-8 are escaped, so that a line stays a line.
void append_readable(std::string& to, std::string_view text);

} // namespace bastion::detail

#endif
