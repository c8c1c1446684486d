#include <bastion/supervision/resizer.hpp>

#include <algorithm>
#include <cmath>

namespace bastion::detail {
namespace {

// Rounded up; the error of the product (30 * 0.1 is a little more than 3) is no reason for one more.
std::int64_t part_of(double elements, double rate) noexcept {
    return static_cast<std::int64_t>(std::ceil(elements * rate - 1e-9));
}

} // namespace

std::int64_t change_of(const resizer& by, const group_load& now, double& pressure) noexcept {
    if (now.elements == 0) return 0;
    const auto elements = static_cast<std::int64_t>(now.elements);
    const auto all = static_cast<double>(now.elements);
    pressure = (pressure + static_cast<double>(now.unread) / all) / 2;
    // While one idles, one more would not help: the mail lies with others.
    if (pressure > by.mailbox_size_threshold() && now.idle == 0) {
        const std::int64_t room = std::int64_t{by.upper_bound()} - elements;
        return std::clamp<std::int64_t>(part_of(all, by.upscale_rate()), 0, std::max<std::int64_t>(room, 0));
    }
    const auto idle = static_cast<std::int64_t>(now.idle);
    if (static_cast<double>(elements - idle) >= all * by.downscale_threshold()) return 0;
    const std::int64_t above = std::max<std::int64_t>(elements - std::int64_t{by.lower_bound()}, 0);
    return -std::min({part_of(all, by.downscale_rate()), above, idle});
}

} // namespace bastion::detail
