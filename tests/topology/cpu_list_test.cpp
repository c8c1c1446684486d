#include "support/catch.hpp"

#include <bastion/topology/cpu_list.hpp>

#include <stdexcept>
#include <vector>

using namespace bastion::topology;

TEST_CASE("lists of CPUs are read as the system writes them") {
    CHECK(cpus_of("0") == std::vector{0});
    CHECK(cpus_of("0,2-5") == std::vector{0, 2, 3, 4, 5});
    CHECK(cpus_of("7,1-1,1") == std::vector{7, 1, 1});
    for (const char* wrong : {"", "-", "3-1", "1-", "-1", "a", "1 2", "0x1", "1-2-3", "99999999999"}) {
        INFO(wrong);
        CHECK_THROWS_AS(cpus_of(wrong), std::invalid_argument);
        CHECK_THROWS_WITH(cpus_of(wrong), wrong);
    }
    CHECK_THROWS_WITH(cpus_of("1,,2"), "");
    CHECK_THROWS_WITH(cpus_of("1,x-2,3"), "x-2");
}

TEST_CASE("lists of CPUs are written in order, each once") {
    CHECK(to_list({}).empty());
    CHECK(to_list({3}) == "3");
    CHECK(to_list({5, 0, 3, 4, 4}) == "0,3-5");
    CHECK(to_list({0, 1}) == "0-1");
}
