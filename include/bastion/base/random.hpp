// A small fast generator, seeded by the runtime so that the simulator owns every random choice.
//
// splitmix64 (Steele, Lea, Flood 2014): one multiplication chain per number, any seed is good. Not for secrets.
#ifndef BASTION_BASE_RANDOM_HPP
#define BASTION_BASE_RANDOM_HPP

#include <cstdint>

namespace bastion {

class random_source {
public:
    explicit random_source(std::uint64_t seed = 1) noexcept : state_(seed) {}

    [[nodiscard]] std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    // A number in [0, bound); 0 when bound is 0. Multiply-shift: no division.
    [[nodiscard]] std::uint64_t below(std::uint32_t bound) noexcept { return ((next() >> 32) * bound) >> 32; }

private:
    std::uint64_t state_;
};

} // namespace bastion

#endif
