#include "testing/trace.hpp"

#include <algorithm>

namespace bastion::detail {

std::string trace::last(std::size_t n) const {
    std::string text;
    const auto shown = std::min<std::uint64_t>({n, kept, count_});
    for (std::uint64_t i = count_ - shown; i < count_; ++i) {
        const trace_event& e = events_[i % kept];
        text += "  step " + std::to_string(e.step) + ", " + std::to_string(e.ns) + " ns, worker " +
                std::to_string(e.worker) + ": ";
        text.append(e.what);
        if (e.process != 0)
            text += " process " + std::to_string(e.process) + " (start " + std::to_string(e.incarnation) + ")";
        text += ", " + std::to_string(e.number) + "\n";
    }
    return text;
}

} // namespace bastion::detail
