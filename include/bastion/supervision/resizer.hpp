// `resizer()`: how many elements a group has while it runs. More while their mail piles up, fewer while they idle.
//
// A value, given to `children().with_resizer(...)`. Once an interval the group asks each element how much mail it has not
// read, which costs the element one wake-up, and decides by what it was told: `detail::change_of`.
#ifndef BASTION_SUPERVISION_RESIZER_HPP
#define BASTION_SUPERVISION_RESIZER_HPP

#include <bastion/base/compiler.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bastion {

class resizer {
public:
    static constexpr std::uint32_t unlimited = 10'000'000; // as many as a group may have

    // It never shrinks the group below that (0 counts as 1; default 1), nor lets it grow above (default 10). Elements that
    // are lost, because they failed for good (temporary ones, or out of tries), are replaced up to the lower bound, at the
    // next look; those that came to a normal end, or were stopped or killed, are not.
    [[nodiscard]] resizer with_lower_bound(std::uint32_t n) const noexcept {
        resizer r = *this;
        r.lower_ = n == 0 ? 1 : n;
        return r;
    }
    [[nodiscard]] resizer with_upper_bound(std::uint32_t n) const noexcept {
        resizer r = *this;
        r.upper_ = n;
        return r;
    }
    // The group grows while its elements have more unread messages than that, on average over them and over time
    // (default 3), and none of them idles. More than 1,023 of one element count as 1,023.
    [[nodiscard]] resizer with_mailbox_size_threshold(std::uint32_t messages) const noexcept {
        resizer r = *this;
        r.threshold_ = messages;
        return r;
    }
    // By which part of the elements it grows at once, rounded up (default 0.1).
    [[nodiscard]] resizer with_upscale_rate(double part) const noexcept {
        resizer r = *this;
        r.up_rate_ = part;
        return r;
    }
    // It shrinks while less than this part of the elements has something to do (default 0.3),
    [[nodiscard]] resizer with_downscale_threshold(double part) const noexcept {
        resizer r = *this;
        r.down_threshold_ = part;
        return r;
    }
    // by that part of the elements, rounded up (default 0.1): of those that idle the youngest.
    [[nodiscard]] resizer with_downscale_rate(double part) const noexcept {
        resizer r = *this;
        r.down_rate_ = part;
        return r;
    }
    // How often it looks (default 100 ms).
    [[nodiscard]] resizer with_interval(std::chrono::nanoseconds d) const noexcept {
        resizer r = *this;
        r.interval_ = d;
        return r;
    }

    [[nodiscard]] std::uint32_t lower_bound() const noexcept { return lower_; }
    [[nodiscard]] std::uint32_t upper_bound() const noexcept { return upper_; }
    [[nodiscard]] std::uint32_t mailbox_size_threshold() const noexcept { return threshold_; }
    [[nodiscard]] double upscale_rate() const noexcept { return up_rate_; }
    [[nodiscard]] double downscale_threshold() const noexcept { return down_threshold_; }
    [[nodiscard]] double downscale_rate() const noexcept { return down_rate_; }
    [[nodiscard]] std::chrono::nanoseconds interval() const noexcept { return interval_; }

private:
    std::uint32_t lower_ = 1;
    std::uint32_t upper_ = 10;
    std::uint32_t threshold_ = 3;
    double up_rate_ = 0.1;
    double down_threshold_ = 0.3;
    double down_rate_ = 0.1;
    std::chrono::nanoseconds interval_ = std::chrono::milliseconds(100);
};

namespace detail {

// What a group has learned of its elements.
struct group_load {
    std::size_t elements = 0;
    std::size_t idle = 0; // wait for mail, and have none
    std::uint64_t unread = 0; // messages, of all
};

// How many elements more, or (below 0) fewer. `pressure`: unread messages of one element, the running average of the
// group: half of it is what it was before. Starts with 0.
[[nodiscard]] BASTION_API std::int64_t change_of(const resizer& by, const group_load& now, double& pressure) noexcept;

} // namespace detail
} // namespace bastion

#endif
