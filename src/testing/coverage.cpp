#include <bastion/testing/coverage.hpp>

namespace bastion::testing {
namespace {

constexpr const char* names[coverage::lives] = {
    "free", "starting", "queued", "running", "waiting", "draining", "suspended", "stopping", "restarting", "exited"};

void line(std::string& text, const std::string& what, std::uint64_t n) {
    text += what + ": " + std::to_string(n) + "\n";
}

} // namespace

coverage& coverage::operator+=(const coverage& other) noexcept {
    for (std::size_t from = 0; from < lives; ++from)
        for (std::size_t to = 0; to < lives; ++to) transitions[from][to] += other.transitions[from][to];
    for (std::size_t k = 0; k < kinds; ++k) exits[k] += other.exits[k];
    turns += other.turns;
    steals += other.steals;
    panics += other.panics;
    kills += other.kills;
    drops += other.drops;
    delays += other.delays;
    failed_allocations += other.failed_allocations;
    return *this;
}

std::string coverage::text() const {
    std::string text;
    for (std::size_t from = 0; from < lives; ++from)
        for (std::size_t to = 0; to < lives; ++to)
            if (transitions[from][to] != 0)
                line(text, std::string(names[from]) + " -> " + names[to], transitions[from][to]);
    for (std::size_t k = 0; k < kinds; ++k)
        line(text, "exit " + std::string(to_string(static_cast<exit_kind>(k))), exits[k]);
    line(text, "turns", turns);
    line(text, "steals", steals);
    line(text, "injected panics", panics);
    line(text, "injected kills", kills);
    line(text, "messages dropped", drops);
    line(text, "messages delayed", delays);
    line(text, "failed allocations", failed_allocations);
    return text;
}

} // namespace bastion::testing
