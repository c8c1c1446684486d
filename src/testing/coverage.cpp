#include <bastion/testing/coverage.hpp>

namespace bastion::testing {
namespace {

constexpr const char* names[coverage::lives] = {
    "free", "starting", "queued", "running", "waiting", "draining", "suspended", "stopping", "restarting", "exited"};

std::string name_of(detail::life from, detail::life to) {
    return std::string(names[static_cast<std::size_t>(from)]) + " -> " + names[static_cast<std::size_t>(to)];
}

std::string name_of(std::size_t kind) { return "exit " + std::string(to_string(static_cast<exit_kind>(kind))); }

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
    for (const detail::transition& t : detail::transitions)
        line(
            text, name_of(t.from, t.to), transitions[static_cast<std::size_t>(t.from)][static_cast<std::size_t>(t.to)]);
    for (std::size_t k = 0; k < kinds; ++k) line(text, name_of(k), exits[k]);
    line(text, "turns", turns);
    line(text, "steals", steals);
    line(text, "injected panics", panics);
    line(text, "injected kills", kills);
    line(text, "messages dropped", drops);
    line(text, "messages delayed", delays);
    line(text, "failed allocations", failed_allocations);
    return text;
}

std::string coverage::forbidden() const {
    std::string text;
    for (std::size_t from = 0; from < lives; ++from)
        for (std::size_t to = 0; to < lives; ++to) {
            const auto f = static_cast<detail::life>(from);
            const auto t = static_cast<detail::life>(to);
            if (transitions[from][to] != 0 && !detail::is_transition(f, t))
                line(text, name_of(f, t), transitions[from][to]);
        }
    return text;
}

std::string coverage::unseen() const {
    std::string text;
    for (const detail::transition& t : detail::transitions)
        if (transitions[static_cast<std::size_t>(t.from)][static_cast<std::size_t>(t.to)] == 0)
            text += name_of(t.from, t.to) + "\n";
    for (std::size_t k = 0; k < kinds; ++k)
        if (exits[k] == 0) text += name_of(k) + "\n";
    if (steals == 0) text += "steals\n";
    return text;
}

} // namespace bastion::testing
