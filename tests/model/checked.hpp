// What the tests of this folder do with a program: explore it, then weaken every order in it once.
#ifndef BASTION_TESTS_MODEL_CHECKED_HPP
#define BASTION_TESTS_MODEL_CHECKED_HPP

#include "model/explorer.hpp"
#include "support/catch.hpp"

namespace model {

// Explores the program and prints how many interleavings it has. With BASTION_MODEL_WEAKEN set, prints for each place
// whose order is not relaxed what becomes of the program when that order is one step weaker.
void check(const program& p, limits l = {});

} // namespace model

#endif
