#include <bastion/base/version.hpp>

std::string_view linked_version() { return bastion::version(); }
