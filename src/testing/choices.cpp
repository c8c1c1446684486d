#include "testing/choices.hpp"

#include <algorithm>

namespace bastion::detail {
namespace {

constexpr std::uint32_t change_every = 2000; // steps, on average: a few changes in a run
constexpr std::uint32_t favour_at_most =
    50; // turns in a row: an adversary that starved others for good would prove nothing

} // namespace

choices::choices(std::uint64_t seed, const testing::settings& s)
    : random_(seed), scheduling_(s.chosen_scheduling()), replay_(s.replay()), character_(random_.next()) {
    next_change_ = random_.below(change_every);
}

template <class Decide>
std::size_t choices::written_down(std::size_t n, Decide decide) {
    if (n <= 1) return 0;
    std::size_t chosen = 0;
    if (replay_ == nullptr) chosen = decide();
    else if (made_.size() < replay_->size()) chosen = std::min<std::size_t>((*replay_)[made_.size()], n - 1);
    made_.push_back(static_cast<std::uint16_t>(chosen));
    return chosen;
}

std::size_t choices::choose(decision what, std::size_t n) {
    return written_down(n, [&] { return decide(what, n); });
}

std::size_t choices::choose_worker(const std::vector<std::uint32_t>& able, std::uint32_t last) {
    return written_down(able.size(), [&]() -> std::size_t {
        switch (scheduling_) {
        case testing::scheduling::random: break;
        case testing::scheduling::priorities: return by_priority(able);
        case testing::scheduling::adversarial: return by_spite(able, last);
        }
        return random_.below(static_cast<std::uint32_t>(able.size()));
    });
}

std::size_t choices::decide(decision what, std::size_t n) {
    if (scheduling_ == testing::scheduling::adversarial && random_.below(16) != 0) {
        switch (what) {
        case decision::last_item: return character_ & 1;
        case decision::who_is_robbed:
        case decision::who_is_woken: return (character_ & 2) != 0 ? n - 1 : 0;
        case decision::how_long: return (character_ & 4) != 0 ? 1 : 0;
        case decision::time: return (character_ & 8) != 0 ? 1 : 0;
        case decision::who_runs:
        case decision::fault: break;
        }
    }
    return random_.below(static_cast<std::uint32_t>(n));
}

std::size_t choices::by_priority(const std::vector<std::uint32_t>& able) {
    while (priority_.size() <= *std::max_element(able.begin(), able.end()))
        priority_.push_back(1 + static_cast<std::int64_t>(random_.below(1u << 30)));
    const auto best = std::max_element(
        able.begin(), able.end(), [this](std::uint32_t a, std::uint32_t b) { return priority_[a] < priority_[b]; });
    if (++worker_turns_ >= next_change_) {
        next_change_ = worker_turns_ + 1 + random_.below(2 * change_every);
        priority_[*best] = --lowest_;
    }
    return static_cast<std::size_t>(best - able.begin());
}

std::size_t choices::by_spite(const std::vector<std::uint32_t>& able, std::uint32_t last) {
    const auto favourite = std::find(able.begin(), able.end(), last);
    if (favourite != able.end() && ++favourite_turns_ < favour_at_most && random_.below(32) != 0)
        return static_cast<std::size_t>(favourite - able.begin());
    favourite_turns_ = 0;
    return random_.below(static_cast<std::uint32_t>(able.size()));
}

} // namespace bastion::detail
