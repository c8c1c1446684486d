// `coverage`: what a simulation has seen happen, to tell whether a search reaches what it is to prove.
#ifndef BASTION_TESTING_COVERAGE_HPP
#define BASTION_TESTING_COVERAGE_HPP

#include <bastion/process/exit_reason.hpp>
#include <bastion/process/life_cycle.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bastion::testing {

struct coverage {
    static constexpr std::size_t lives = static_cast<std::size_t>(detail::life::exited) + 1;
    static constexpr std::size_t kinds = static_cast<std::size_t>(exit_kind::intensity) + 1;

    // Of the life cycle: from, to. Seen from outside, between turns: those that a turn makes and takes back are not
    // counted, nor those of a process that ends before its first turn. (The library's own tests count them all.)
    std::array<std::array<std::uint64_t, lives>, lives> transitions{};
    // Incarnations and owners that ended, by reason. Nobody ends with noproc: who watches a process that is gone hears it.
    std::array<std::uint64_t, kinds> exits{};
    std::uint64_t turns = 0;
    std::uint64_t steals = 0;
    std::uint64_t panics = 0; // that the simulation has injected
    std::uint64_t kills = 0;
    std::uint64_t drops = 0;
    std::uint64_t delays = 0;
    std::uint64_t failed_allocations = 0;

    coverage& operator+=(const coverage& other) noexcept;
    // A table, a line each: what, how often; also what has not been seen.
    [[nodiscard]] std::string text() const;
    // The transitions that were seen and must not be, a line each; "": none.
    [[nodiscard]] std::string forbidden() const;
    // The transitions and the exit reasons that were not seen, and steals, a line each; "": all were.
    [[nodiscard]] std::string unseen() const;
};

} // namespace bastion::testing

#endif
