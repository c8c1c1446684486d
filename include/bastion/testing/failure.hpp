// `failure`: what a simulation throws when a run goes wrong, and `expect`, which throws it.
#ifndef BASTION_TESTING_FAILURE_HPP
#define BASTION_TESTING_FAILURE_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/source_location.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace bastion::testing {

// What went wrong, in words; thrown through a simulation it gains the seed and the last events.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Throws `failure` unless `holds`. Unlike a test framework's own assertion it may be tried many times while a failing
// run is shortened, and only the shortest is reported.
inline void expect(bool holds, std::string_view what, source_location where = source_location::current()) {
    if (!holds) throw failure(std::string(what) + " (" + where.to_string() + ")");
}

} // namespace bastion::testing

#endif
