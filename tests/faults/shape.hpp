#pragma once

// The tree, as the test describes it to the library, and what the test expects of it: which elements come back after a
// fault, and which supervisors have had too many restarts. The windows of intensities are longer than any run, so that
// is a matter of counting, not of time.

#include "faults/ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace faults {

inline constexpr std::uint32_t group_size = 5;
inline constexpr std::uint32_t groups_of_branch = 5;
inline constexpr std::uint32_t branches_of_region = 4;
inline constexpr std::uint32_t regions = 10;
inline constexpr std::uint32_t elements = regions * branches_of_region * groups_of_branch * group_size;

struct group {
    bastion::restart_scope scope = bastion::restart_scope::element;
    bool says_ready = false;
    bool is_permanent = false;
    std::vector<slot*> slots;
    std::vector<bastion::child_ref> refs;
};

struct branch {
    std::uint32_t number = 0;
    bastion::strategy strategy = bastion::strategy::one_for_one;
    std::uint32_t limit = 0;
    std::uint32_t used = 0;
    std::vector<group> groups; // a dynamic one has one, of as many elements
    bastion::supervisor_ref ref;

    [[nodiscard]] bool is_dynamic() const { return strategy == bastion::strategy::simple_one_for_one; }
    // Two that fail at once, or one twice in turn, have a certain outcome only where others have no part in it.
    [[nodiscard]] bool is_simple(std::uint32_t group) const {
        return (strategy == bastion::strategy::one_for_one || is_dynamic()) &&
               groups[group].scope == bastion::restart_scope::element;
    }
};

struct region {
    std::uint32_t number = 0;
    bastion::strategy strategy = bastion::strategy::one_for_one;
    std::uint32_t limit = 0;
    std::uint32_t used = 0;
    bool traps = false; // its elements trap exits
    std::vector<branch> branches;
    bastion::supervisor_ref ref;
    bastion::child_ref conductor;

    [[nodiscard]] std::string name() const { return "r" + std::to_string(number); }
};

// What a fault brings about.
struct outcome {
    std::vector<slot*> born;
    std::vector<branch*> branches; // that are started again
    bool branch_failed = false;
    bool region_failed = false;
};

[[nodiscard]] inline bool once_too_often(std::uint32_t& used, std::uint32_t limit) {
    if (++used <= limit) return false;
    used = 0;
    return true;
}

inline void comes_back(const group& g, outcome& all) {
    all.born.insert(all.born.end(), g.slots.begin(), g.slots.end());
}
inline void comes_back(branch& b, outcome& all) {
    b.used = 0;
    all.branches.push_back(&b);
    for (const group& g : b.groups) comes_back(g, all);
}

// Whom a strategy restarts with the failed one, which has its own way to come back.
[[nodiscard]] inline bool goes_along(bastion::strategy how, std::size_t which, std::size_t failed) {
    return how == bastion::strategy::one_for_all || (how == bastion::strategy::rest_for_one && which > failed);
}

// Of a whole region, by its own supervisor's end.
inline outcome expect_end(region& r) {
    outcome all;
    all.branch_failed = all.region_failed = true;
    r.used = 0;
    for (branch& b : r.branches) comes_back(b, all);
    return all;
}
// Of a branch.
inline outcome expect_end(region& r, branch& b) {
    if (once_too_often(r.used, r.limit)) return expect_end(r);
    outcome all;
    all.branch_failed = true;
    for (branch& other : r.branches)
        if (&other == &b || goes_along(r.strategy, other.number, b.number)) comes_back(other, all);
    return all;
}

inline outcome expect_fault(region& r, branch& b, std::uint32_t in_group, std::uint32_t element) {
    outcome all;
    if (!once_too_often(b.used, b.limit)) {
        for (std::uint32_t g = 0; g < b.groups.size(); ++g)
            if (g != in_group && goes_along(b.strategy, g, in_group)) comes_back(b.groups[g], all);
        const group& failed = b.groups[in_group];
        if (failed.scope == bastion::restart_scope::group) comes_back(failed, all);
        else all.born.push_back(failed.slots[element]);
        return all;
    }
    return expect_end(r, b);
}

// Slots outlive the rounds: they take their memory once.
inline std::vector<region> make_shape(std::deque<slot>& slots) {
    const bastion::strategy strategies[] = {
        bastion::strategy::one_for_one, bastion::strategy::one_for_all, bastion::strategy::rest_for_one};
    std::vector<region> all(regions);
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < regions; ++i) {
        region& r = all[i];
        const bool dynamic = i % 5 == 4;
        r.number = i;
        r.strategy = strategies[i % 3];
        r.limit = 3 + i % 2;
        r.traps = i % 2 == 1;
        r.branches.resize(branches_of_region);
        for (std::uint32_t j = 0; j < branches_of_region; ++j) {
            branch& b = r.branches[j];
            b.number = j;
            b.strategy = dynamic ? bastion::strategy::simple_one_for_one : strategies[j % 3];
            b.limit = 6 + 2 * j;
            b.groups.resize(dynamic ? 1 : groups_of_branch);
            for (std::uint32_t k = 0; k < b.groups.size(); ++k) {
                group& g = b.groups[k];
                g.scope = dynamic || (j + k) % 2 == 0 ? bastion::restart_scope::element : bastion::restart_scope::group;
                g.says_ready = k % 3 == 1;
                g.is_permanent = !dynamic && k % 2 == 0;
                for (std::uint32_t n = dynamic ? group_size * groups_of_branch : group_size; n != 0; --n) {
                    slots[next].number = next;
                    g.slots.push_back(&slots[next++]);
                }
            }
        }
    }
    return all;
}

} // namespace faults
