// The checks of placement (placement_checks.cpp), rows of the table in guest.cpp.
#pragma once

#include "numa/check.hpp"

#include <string>

namespace numa {

[[nodiscard]] inline std::string of_node(int number) { return "node " + std::to_string(number); }

void bound_processes_stay(findings& f, const asked& a);
void homes_are_left_by_few(findings& f, const asked& a);
void stacks_lie_at_home(findings& f, const asked& a);
void near_and_spread_are_true(findings& f, const asked& a);

} // namespace numa
