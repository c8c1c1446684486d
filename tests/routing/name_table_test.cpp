// The table of names against a map: growing, erasing, groups that overflow.
#include "routing/name_table.hpp"
#include "support/catch.hpp"

#include <bastion/base/random.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace bastion::detail;

namespace {

template <class Name = short_name<2>>
std::size_t hash_of(const std::string& text) {
    return Name(text).hash();
}

} // namespace

TEST_CASE("The table of names agrees with a map, whatever comes and goes") {
    bastion::random_source random(7);
    for (const bool all_alike : {false, true}) { // all with one hash: every group overflows
        const std::uint32_t many = all_alike ? 100 : 5000;
        name_table<2, 1> table;
        std::map<std::string, std::uint64_t> map;
        for (std::uint64_t step = 1; step < 40'000; ++step) {
            const std::string text = "name " + std::to_string(random.below(many));
            const short_name<2> name(text);
            const std::size_t hash = all_alike ? 5 : hash_of(text);
            if (random.below(2) == 0) {
                REQUIRE(table.insert(hash, name, {{1, step}, step}) == map.emplace(text, step).second);
            } else {
                REQUIRE(table.erase(hash, name) == (map.erase(text) == 1));
            }
            const auto found = table.find(hash, name);
            REQUIRE(bool(found) == (map.count(text) == 1));
            if (found) REQUIRE(found.generation == map[text]);
            const auto looked = table.look(hash, name);
            REQUIRE(looked.has_value() == bool(found));
            if (looked) REQUIRE(looked->number == map[text]);
            REQUIRE(table.size() == map.size());
        }
        for (const auto& [text, number] : map) {
            const auto found = table.find(all_alike ? 5 : hash_of(text), short_name<2>(text));
            REQUIRE(found.generation == number);
        }
    }
}

TEST_CASE("A table whose names come and go stays as it is: no bigger, and as quickly through") {
    name_table<2, 1> table;
    std::uint64_t next = 0;
    const auto name = [](std::uint64_t n) { return "name " + std::to_string(n); };
    for (; next < 1000; ++next) REQUIRE(table.insert(hash_of(name(next)), short_name<2>(name(next)), {{1, 2}, next}));
    const std::size_t groups = table.groups();
    for (; next < 100'000; ++next) {
        REQUIRE(table.erase(hash_of(name(next - 1000)), short_name<2>(name(next - 1000))));
        REQUIRE(table.insert(hash_of(name(next)), short_name<2>(name(next)), {{1, 2}, next}));
    }
    REQUIRE(table.groups() == groups);
    REQUIRE(table.size() == 1000);
    // Without a move now and then every group would send all searches on.
    REQUIRE(table.groups_with_marks() < groups / 2);
}

namespace {

template <std::size_t Words>
void told_apart() {
    using short_text = short_name<Words>;
    name_table<Words, 1> table;
    // Of every length, of one letter: the words of some are alike. And each with one letter that differs.
    std::vector<std::string> names;
    for (std::size_t length = 0; length <= short_text::longest; ++length) {
        names.emplace_back(length, 'x');
        if (length < short_text::longest) names.push_back(std::string(length, 'x') + '\0');
        for (std::size_t at = 0; at < length; ++at) (names.emplace_back(length, 'x'))[at] = 'y';
    }
    std::uint64_t number = 0;
    for (const std::string& name : names) REQUIRE(table.insert(1, short_text(name), {{1, ++number}, number}));
    REQUIRE_FALSE(table.insert(1, short_text("x"), {{5, 5}, 5}));
    number = 0;
    for (const std::string& name : names) REQUIRE(table.find(1, short_text(name)).generation == ++number);
    REQUIRE_FALSE(table.find(1, short_text("b")));
    std::set<std::uint64_t> hashes;
    for (const std::string& name : names) hashes.insert(short_text(name).hash());
    REQUIRE(hashes.size() == names.size());
}

} // namespace

TEST_CASE("Names of one length, one tag or one beginning are told apart") {
    told_apart<2>();
    told_apart<6>();
}

TEST_CASE("A slot gives back the whole of an address that fits, and says which do not") {
    name_table<2, 1> table;
    const short_name<2> name("a");
    const std::uint64_t last_block = (std::uint64_t{1} << 48) - 1;
    const std::uint64_t last_generation = (std::uint64_t{1} << 40) - 1;
    for (const std::uint64_t block : {std::uint64_t{1}, std::uint64_t{0xffff}, last_block})
        for (const std::uint64_t generation :
            {std::uint64_t{0}, std::uint64_t{0xffff}, std::uint64_t{0x10000}, last_generation}) {
            const named what{{static_cast<std::uintptr_t>(block), generation}, 7};
            REQUIRE(table.fits(what));
            REQUIRE(table.insert(1, name, what));
            const found_name found = table.find(1, name);
            REQUIRE((found.block == block && found.generation == generation));
            REQUIRE(table.erase(1, name));
            REQUIRE_FALSE(table.find(1, name));
        }
    REQUIRE_FALSE(table.fits({static_cast<std::uintptr_t>(last_block + 1), 1}));
    REQUIRE_FALSE(table.fits({1, last_generation + 1}));
}
