// The check of figures (figures_checks.cpp), a row of the table in guest.cpp.
#pragma once

#include "numa/check.hpp"

namespace numa {

void figures_are_the_kernels(findings& f, const asked& a);

} // namespace numa
