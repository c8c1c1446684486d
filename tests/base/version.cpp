#include "support/catch.hpp"

#include <bastion/base/version.hpp>

TEST_CASE("version is major.minor.patch") {
    auto version = bastion::version();
    int dots = 0;
    for (char c : version) {
        if (c == '.') ++dots;
        else REQUIRE((c >= '0' && c <= '9'));
    }
    REQUIRE(dots == 2);
    REQUIRE(version.front() != '.');
    REQUIRE(version.back() != '.');
}
