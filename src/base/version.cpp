#include <bastion/base/version.hpp>

namespace bastion {

std::string_view version() noexcept { return "0.1.0"; }

} // namespace bastion
