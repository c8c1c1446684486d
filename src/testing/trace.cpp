#include "testing/trace.hpp"

#include <algorithm>

namespace bastion::detail {
namespace {

void append(std::string& text, const trace_event& e) {
    text += "  step " + std::to_string(e.step) + ", " + std::to_string(e.ns) + " ns";
    if (e.process != 0) text += ", worker " + std::to_string(e.worker);
    text.append(": ").append(e.what);
    if (e.path != nullptr) text += " " + *e.path;
    if (e.process != 0)
        text += " (process " + std::to_string(e.process) + ", start " + std::to_string(e.incarnation) + ")";
    if (!e.counts.empty()) text.append(", ").append(e.counts).append(" ") += std::to_string(e.number);
    if (!e.type.empty()) text.append(", message ").append(e.type);
    if (e.over) text += "; ended: " + e.why.what();
    text += "\n";
}

} // namespace

std::string trace::last(std::size_t n) const {
    std::string text;
    const auto shown = std::min<std::uint64_t>({n, kept, count_});
    for (std::uint64_t i = count_ - shown; i < count_; ++i) append(text, events_[i % kept]);
    return text;
}

} // namespace bastion::detail
