#include <bastion/process/exit_reason.hpp>

namespace bastion {

std::string_view to_string(exit_kind kind) noexcept {
    switch (kind) {
    case exit_kind::normal: return "normal";
    case exit_kind::stopped: return "stopped";
    case exit_kind::killed: return "killed";
    case exit_kind::error: return "error";
    case exit_kind::panic: return "panic";
    case exit_kind::noproc: return "noproc";
    case exit_kind::noconnection: return "noconnection";
    case exit_kind::limit: return "limit";
    case exit_kind::start_failed: return "start failed";
    case exit_kind::intensity: return "too many restarts";
    }
    return "unknown";
}

std::string exit_reason::what() const {
    std::string line(to_string(kind_));
    if (!detail_) return line;
    if (!detail_->child.empty()) line += ": " + detail_->child + ": " + cause().what();
    if (!detail_->text.empty()) line += ": " + detail_->text;
    return line;
}

error::error(errc code, const exit_reason& reason) : code_(code) {
    auto d = detail::make_shared_object<detail::error_detail>(reason.what());
    d->reason = detail::shared<const detail::ref_counted>(reason.details().get());
    d->reason_kind = static_cast<std::uint8_t>(reason.kind());
    d->has_reason = true;
    detail_ = d;
}

exit_reason error::reason() const {
    if (!detail_ || !detail_->has_reason) return exit_reason();
    // Safety: only the constructor above stores a reason, and it stores a reason_detail.
    return {static_cast<exit_kind>(detail_->reason_kind),
        detail::shared<const detail::reason_detail>(static_cast<const detail::reason_detail*>(detail_->reason.get()))};
}

} // namespace bastion
