#pragma once

// Random orders about the children of a random supervision tree, for simulations: starts, restarts, ends, deletions and changes of
// supervisors at any depth, while elements fail, decline, take long and are killed, and supervisors give up and are killed. In the end
// all starts succeed and time goes by: then every order must be answered, nobody be on his way, and the tree be what it says it is.

#include <bastion/testing/simulation.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace orders {

// A run: what each step does depends on its number alone, not on the steps before it. So those that are not needed can be left out.
struct course {
    std::uint64_t seed = 1;
    std::vector<std::uint32_t> steps; // which of them, in order
};

// As long as is usual.
[[nodiscard]] course whole_course(std::uint64_t seed);

struct outcome {
    std::map<std::string, std::uint64_t> answers; // by order and result
    std::uint64_t restarts = 0;
    std::vector<std::string> said; // what each step was
};

// Throws testing::failure when something does not hold; `seen` is what there was until then.
void run(bastion::testing::simulation& sim, const course& c, outcome& seen);

} // namespace orders
