// The checks of workers that come and go (workers_checks.cpp), rows of the table in guest.cpp.
#pragma once

#include "numa/check.hpp"

namespace numa {

void stand_ins_are_of_the_node(findings& f, const asked& a);
void workers_follow_a_cpuset(findings& f, const asked& a);

} // namespace numa
