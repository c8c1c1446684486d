// The table of names in all interleavings: readers against one who takes a name away and gives its slot to another.
#include "model/checked.hpp"
#include "routing/name_table.hpp"

#include <array>
#include <optional>

namespace {

using bastion::detail::named;
using bastion::detail::short_name;
using model::atomics;

using table = bastion::detail::basic_name_table<1, 1, atomics>;

// What stands for a name says which name it is, in each of its words.
named what(std::uint64_t n) { return {static_cast<std::uintptr_t>(n), 10 * n, 100 * n}; }
void require_whole(const std::optional<named>& found, std::uint64_t n) {
    if (!found) return;
    model::require(found->block == n && found->generation == 10 * n && found->number == 100 * n,
        "what is found is what was given, and nothing of another");
}

// One name goes, another takes its place; two readers look for both. They differ in one of their words.
constexpr std::array<std::array<const char*, 2>, 3> pairs{
    {{"one", "two"}, {"the same, one", "the same, two"}, {"the same, the same, one", "the same, the same, two"}}};

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
        model::require(t.find(1, names[1]).has_value(), "the second one is there");
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
            model::require(found.has_value(), "it is found");
            require_whole(found, 1);
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
