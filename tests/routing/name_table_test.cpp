// The table of names against a map: growing, erasing, groups that overflow.
#include "routing/name_table.hpp"
#include "support/catch.hpp"

#include <bastion/base/random.hpp>

#include <functional>
#include <map>
#include <string>

using namespace bastion::detail;

namespace {

std::size_t hash_of(const std::string& name) { return std::hash<std::string>()(name); }

} // namespace

TEST_CASE("The table of names agrees with a map, whatever comes and goes") {
    bastion::random_source random(7);
    for (const bool all_alike : {false, true}) { // all with one hash: every group overflows
        const std::uint32_t many = all_alike ? 100 : 5000;
        basic_name_table<1> table;
        std::map<std::string, std::uint64_t> map;
        for (std::uint64_t step = 1; step < 40'000; ++step) {
            const std::string text = "name " + std::to_string(random.below(many));
            const short_name name(text);
            const std::size_t hash = all_alike ? 5 : hash_of(text);
            if (random.below(2) == 0) {
                REQUIRE(table.insert(hash, name, {1, 2, step}) == map.emplace(text, step).second);
            } else {
                REQUIRE(table.erase(hash, name) == (map.erase(text) == 1));
            }
            const auto found = table.find(hash, name);
            REQUIRE(found.has_value() == (map.count(text) == 1));
            if (found) REQUIRE(found->number == map[text]);
            REQUIRE(table.size() == map.size());
        }
        for (const auto& [text, number] : map) {
            const auto found = table.find(all_alike ? 5 : hash_of(text), short_name(text));
            REQUIRE(found.has_value());
            REQUIRE(found->number == number);
        }
    }
}

TEST_CASE("A table whose names come and go stays as it is: no bigger, and as quickly through") {
    basic_name_table<1> table;
    std::uint64_t next = 0;
    const auto name = [](std::uint64_t n) { return "name " + std::to_string(n); };
    for (; next < 1000; ++next) REQUIRE(table.insert(hash_of(name(next)), short_name(name(next)), {1, 2, next}));
    const std::size_t groups = table.groups();
    for (; next < 100'000; ++next) {
        REQUIRE(table.erase(hash_of(name(next - 1000)), short_name(name(next - 1000))));
        REQUIRE(table.insert(hash_of(name(next)), short_name(name(next)), {1, 2, next}));
    }
    REQUIRE(table.groups() == groups);
    REQUIRE(table.size() == 1000);
    // Without a move now and then every group would send all searches on.
    REQUIRE(table.groups_that_overflow() < groups / 2);
}

TEST_CASE("Names of one length, one tag or one beginning are told apart") {
    basic_name_table<1> table;
    const std::string longest(short_name::longest, 'x');
    REQUIRE(table.insert(1, short_name("a"), {1, 1, 1}));
    REQUIRE(table.insert(1, short_name(std::string("a\0", 2)), {2, 2, 2}));
    REQUIRE(table.insert(1, short_name(longest), {3, 3, 3}));
    REQUIRE(table.insert(1, short_name(longest.substr(1)), {4, 4, 4}));
    REQUIRE_FALSE(table.insert(1, short_name("a"), {5, 5, 5}));
    REQUIRE(table.find(1, short_name("a"))->number == 1);
    REQUIRE(table.find(1, short_name(std::string("a\0", 2)))->number == 2);
    REQUIRE(table.find(1, short_name(longest))->number == 3);
    REQUIRE(table.find(1, short_name(longest.substr(1)))->number == 4);
    REQUIRE_FALSE(table.find(1, short_name("b")).has_value());
}
