#pragma once

// The version of the library that a program runs with. Any thread may call it; no cost worth naming.

#include <string_view>

#include <bastion/base/compiler.hpp>

namespace bastion {

/// "major.minor.patch" of the linked library.
[[nodiscard]] BASTION_API std::string_view version() noexcept;

} // namespace bastion
