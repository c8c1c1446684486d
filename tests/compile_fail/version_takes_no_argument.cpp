// expect: too many arguments to function
// only: GNU
#include <bastion/base/version.hpp>

auto wrong = bastion::version(1);
