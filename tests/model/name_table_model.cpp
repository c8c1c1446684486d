// The table of names in all interleavings: readers against one who takes a name away and gives its slot to another.
#include "model/checked.hpp"
#include "routing/name_table.hpp"

#include <array>

namespace {

using bastion::detail::found_name;
using bastion::detail::named;
using model::atomics;

using table = bastion::detail::name_table<2, 1, 1, atomics>;
using short_name = table::name;

// What stands for a name says which name it is, in each of its words.
named what(std::uint64_t n) { return {{static_cast<std::uintptr_t>(n), 10 * n}, 100 * n}; }
void require_whole(const found_name& found, std::uint64_t n) {
    if (!found) return;
    model::require(
        found.block == n && found.generation == 10 * n, "what is found is what was given, and nothing of another");
}

// One name goes, another takes its place; two readers look for both. They differ in one of their words.
constexpr std::array<std::array<const char*, 2>, 2> pairs{{{"one", "two"}, {"the same, one", "the same, two"}}};

void slot_used_again(model::run& r, std::size_t differ) {
    auto& t = r.make<table>();
    auto& names =
        r.make<std::array<short_name, 2>>(std::array{short_name(pairs[differ][0]), short_name(pairs[differ][1])});
    model::require(t.insert(1, names[0], what(1)), "it is new");
    r.thread([&] {
        model::require(t.erase(1, names[0]), "it was there");
        model::require(t.insert(1, names[1], what(2)), "it is new");
    });
    for (std::uint64_t i = 0; i < 2; ++i) r.thread([&, i] { require_whole(t.find(1, names[i]), i + 1); });
    r.at_end([&] {
        model::require(!t.find(1, names[0]), "the first one is gone");
        model::require(bool(t.find(1, names[1])), "the second one is there");
    });
}

// What was there before, and is not touched, is found all the time, also while the table grows.
void others_are_found(model::run& r) {
    auto& t = r.make<table>();
    auto& names = r.make<std::array<short_name, 2>>(std::array{short_name("stays"), short_name("comes")});
    model::require(t.insert(1, names[0], what(1)), "it is new");
    r.thread([&] { model::require(t.insert(1, names[1], what(2)), "it is new"); });
    for (int i = 0; i < 2; ++i)
        r.thread([&] {
            const auto found = t.find(1, names[0]);
            model::require(bool(found), "it is found");
            require_whole(found, 1);
        });
}

// A table of four is left for another of four, which is left for the first: a reader of that sees it filled again.
void filled_again(model::run& r) {
    using four = bastion::detail::name_table<2, 4, 1, atomics>;
    auto& t = r.make<four>();
    auto& names =
        r.make<std::array<short_name, 3>>(std::array{short_name("first"), short_name("stays"), short_name("comes")});
    // All three want the first place, so that two groups say that somebody went on.
    for (std::uint64_t i = 0; i < 3; ++i) model::require(t.insert(0, names[i], what(i + 1)), "it is new");
    const auto comes_again = [&t, &names](int times) {
        for (int i = 0; i < times; ++i)
            model::require(t.erase(0, names[2]) && t.insert(0, names[2], what(3)), "it goes and comes");
    };
    comes_again(5); // the third time to the other table; twice more
    r.thread([&t, comes_again] {
        comes_again(4); // to the first table; and at last back
        model::require(t.moves() == 4, "it has moved as often as was wanted");
    });
    r.thread([&] {
        const auto found = t.find(0, names[1]);
        model::require(bool(found), "it is found");
        require_whole(found, 2);
    });
}

} // namespace

namespace {

// Without late reads to two preemptions, with them to one.
void check_names(const model::program& p) {
    model::check(p, {.preemptions = 2, .stale_reads = 1}, 1, -1);
    model::check(p, {.preemptions = 1, .stale_reads = 1, .late_reads = true}, 1);
}

} // namespace

TEST_CASE("model: a slot of the names is given to another") {
    for (std::size_t differ = 0; differ < pairs.size(); ++differ)
        check_names([differ](model::run& r) { slot_used_again(r, differ); });
}
TEST_CASE("model: names beside one that comes") { check_names(others_are_found); }
TEST_CASE("model: a table of names is filled again") {
    model::check(filled_again, {.preemptions = 2, .stale_reads = 1}, 2, -1);
    model::check(filled_again, {.preemptions = 1, .stale_reads = 1, .late_reads = true}, 1);
}
