// Who decides in a simulation: a strategy with a seed, or an earlier run's decisions. Writes all of them down.
#ifndef BASTION_SRC_TESTING_CHOICES_HPP
#define BASTION_SRC_TESTING_CHOICES_HPP

#include <bastion/base/random.hpp>
#include <bastion/executor/driver.hpp>
#include <bastion/testing/settings.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bastion::detail {

class choices {
public:
    choices(std::uint64_t seed, const testing::settings& s);

    // One of n possibilities.
    [[nodiscard]] std::size_t choose(decision what, std::size_t n);
    // One of the workers that may run, given by their numbers. The first is next in turn: who always takes it is fair.
    // `last` ran last.
    [[nodiscard]] std::size_t choose_worker(const std::vector<std::uint32_t>& able, std::uint32_t last);

    [[nodiscard]] const testing::decisions& made() const noexcept { return made_; }

private:
    [[nodiscard]] std::size_t decide(decision what, std::size_t n);
    [[nodiscard]] std::size_t by_priority(const std::vector<std::uint32_t>& able);
    [[nodiscard]] std::size_t by_spite(const std::vector<std::uint32_t>& able, std::uint32_t last);
    template <class Decide>
    [[nodiscard]] std::size_t written_down(std::size_t n, Decide decide);

    random_source random_;
    const testing::scheduling scheduling_;
    const std::shared_ptr<const testing::decisions> replay_;
    testing::decisions made_;
    // priorities: the higher runs. Lowered ones count down from 0.
    std::vector<std::int64_t> priority_;
    std::int64_t lowest_ = 0;
    std::uint64_t next_change_ = 0;
    std::uint64_t worker_turns_ = 0;
    // adversarial: what this seed's adversary is like.
    std::uint64_t character_;
    std::uint32_t favourite_turns_ = 0;
};

} // namespace bastion::detail

#endif
