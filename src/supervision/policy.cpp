#include <bastion/base/random.hpp>
#include <bastion/supervision/policy.hpp>

#include <algorithm>

namespace bastion {

std::chrono::nanoseconds restart_strategy::delay(std::uint32_t attempt, random_source& random) const noexcept {
    using std::chrono::nanoseconds;
    if (attempt == 0) return nanoseconds(0);
    std::uint32_t doublings = attempt - 1;
    switch (backoff_) {
    case backoff::none: return nanoseconds(0);
    case backoff::linear: {
        const auto step = std::max<std::int64_t>(0, from_.count());
        return step > cap_.count() / attempt ? cap_ : nanoseconds(step * attempt);
    }
    case backoff::standard:
        if (attempt == 1) return nanoseconds(0);
        doublings = attempt - 2;
        break;
    case backoff::exponential: break;
    }
    std::int64_t wait = std::max<std::int64_t>(0, from_.count());
    for (; doublings > 0 && wait < cap_.count(); --doublings) wait = wait > cap_.count() / 2 ? cap_.count() : wait * 2;
    wait = std::min(wait, cap_.count());
    const auto most = static_cast<std::uint32_t>(std::min<std::int64_t>(wait / 100 * jitter_percent_, 0x7fffffff));
    return nanoseconds(wait - static_cast<std::int64_t>(random.below(most)));
}

const char* restart_strategy::mistake() const noexcept {
    if (from_.count() < 0) return "a back-off below 0";
    if (cap_ < from_) return "a back-off that begins above its cap";
    if (health_.count() < 0) return "a time of health below 0";
    return nullptr;
}

} // namespace bastion
