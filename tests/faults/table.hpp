#pragma once

// What a round says: each equation, its sides as the processes have counted them, and as the library says.

#include "faults/ledger.hpp"

#include <cinttypes>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace faults {

inline void print_counts(const ledger& b) {
    std::printf("  faults:");
    for (std::size_t i = 0; i < fault_kinds; ++i)
        std::printf(
            "%s %s %" PRIu64 "/%" PRIu64, i == 0 ? "" : ",", fault_names[i], b.suffered[i].load(), b.ordered[i].load());
    std::printf("\n  questions: %" PRIu64 " answered, %" PRIu64 " failed, %" PRIu64 " abandoned\n",
        b.talk.answered.load(), b.talk.failed.load(), b.talk.abandoned.load());
    const auto print = [](const char* whose, const notices& n) {
        std::printf("  %s: %" PRIu64 " made, %" PRIu64 " told, %" PRIu64 " void, %" PRIu64 " open\n", whose,
            n.made.load(), n.told.load(), n.given_up.load(), n.open.load());
    };
    print("monitors of elements", b.mortal);
    print("monitors of witnesses", b.watched);
    print("links of witnesses", b.links);
    print("conductors' monitors", b.visitors);
    print("links and monitors with the gone", b.gone);
    print("the same, when another lives there", b.late);
    std::printf("  exits and unlinkings that came so late: %" PRIu64 "\n", b.late_orders.load());
    std::printf("  births and ends that nobody expected: %" PRIu64 "\n", b.surprises.load());
}

class table {
public:
    using sides = std::initializer_list<std::uint64_t>;

    explicit table(int round) : round_(round) {}

    // All numbers are to be the same. No sides of the library: it counts nothing of the kind.
    void row(std::string what, sides by_processes, sides by_library) {
        rows_.push_back({std::move(what), by_processes, by_library});
    }
    // False: an equation does not hold.
    [[nodiscard]] bool print(const ledger& accounts) const {
        std::printf("round %d: %" PRIu64 " faults\n", round_, accounts.injected.load());
        bool good = true;
        for (const line& l : rows_) {
            const std::uint64_t first = l.by_processes.front();
            bool holds = true;
            for (const std::uint64_t n : l.by_processes) holds = holds && n == first;
            for (const std::uint64_t n : l.by_library) holds = holds && n == first;
            std::printf("  %-58s %25s %25s%s\n", l.what.c_str(), text(l.by_processes).c_str(),
                text(l.by_library).c_str(), holds ? "" : "  WRONG");
            good = good && holds;
        }
        print_counts(accounts);
        std::fflush(stdout);
        return good;
    }

private:
    struct line {
        std::string what;
        std::vector<std::uint64_t> by_processes;
        std::vector<std::uint64_t> by_library;
    };
    [[nodiscard]] static std::string text(const std::vector<std::uint64_t>& sides) {
        if (sides.empty()) return "-";
        std::string all;
        for (const std::uint64_t n : sides) all += (all.empty() ? "" : " = ") + std::to_string(n);
        return all;
    }

    int round_;
    std::vector<line> rows_;
};

} // namespace faults
