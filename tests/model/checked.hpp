// What the tests of this folder do with a program: explore it, then weaken every order in it once.
#ifndef BASTION_TESTS_MODEL_CHECKED_HPP
#define BASTION_TESTS_MODEL_CHECKED_HPP

#include "model/explorer.hpp"
#include "support/catch.hpp"

namespace model {

// Explores the program and prints how many interleavings it has. By the environment variable BASTION_MODEL:
//   not set   with at most `quick_preemptions`, for programs that take long otherwise;
//   full      with all that the limits allow; then again with loads that return what is stored later, and at most
//             `late_preemptions` and one old value (below 0: not);
//   weaken    weakens each order in it that is not relaxed, one at a time, within the quick bound, and prints what
//             becomes of the program: tests/model/weaken.sh reads that.
void check(const program& p, limits l = {}, int quick_preemptions = 3, int late_preemptions = 2);

} // namespace model

#endif
