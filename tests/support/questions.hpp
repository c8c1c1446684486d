#pragma once

// The questions that tests of processes ask, and the names they all use.

#include "support/catch.hpp"
#include "support/world.hpp"

#include <chrono>
#include <string>

using namespace bastion;
using namespace std::chrono_literals;

namespace test {

struct square {
    using answer_type = int;
    int n;
};
struct greet {
    using answer_type = std::string;
    std::string name;
};

// Asks `to` for the square of 1 and writes down what comes of it.
inline child_ref asker(world& w, journal& log, child_ref to) {
    return w.spawn([&log, to](context) -> process {
        auto r = co_await to.ask(square{1});
        log(shown(r));
    });
}

} // namespace test

using test::greet;
using test::square;
