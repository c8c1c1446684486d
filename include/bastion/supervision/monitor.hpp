// Monitors: `auto w = ctx.monitor(ref);` and the `bastion::down` that it brings.
//
// Watches the incarnation alive at the call (or being restarted then), fires once at its end, says why and whether the
// element comes back. The notice travels behind the dying process' last message to the watcher. Cost: O(1).
#ifndef BASTION_SUPERVISION_MONITOR_HPP
#define BASTION_SUPERVISION_MONITOR_HPP

#include <bastion/mailbox/send.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/supervision/refs.hpp>

namespace bastion {

// Told to the watcher.
class down {
public:
    using bastion_notice = void; // see detail::notice
    down(child_ref who, exit_reason reason, bool returns) noexcept
        : who_(who), reason_(std::move(reason)), returns_(returns) {}
    [[nodiscard]] child_ref who() const noexcept { return who_; }
    [[nodiscard]] const exit_reason& reason() const noexcept { return reason_; }
    // True: the element is started again.
    [[nodiscard]] bool returns() const noexcept { return returns_; }

private:
    child_ref who_;
    exit_reason reason_;
    bool returns_;
};

// Ends the watching with its own life. A `down` that is on its way then still arrives.
class [[nodiscard]] monitor_handle {
public:
    monitor_handle() noexcept {}
    monitor_handle(detail::address target, std::uint64_t number) noexcept : target_(target), number_(number) {}
    monitor_handle(monitor_handle&& other) noexcept
        : target_(std::exchange(other.target_, {})), number_(std::exchange(other.number_, 0)) {}
    monitor_handle& operator=(monitor_handle&& other) noexcept {
        std::swap(target_, other.target_);
        std::swap(number_, other.number_);
        return *this;
    }
    ~monitor_handle() { cancel(); }

    BASTION_API void cancel() noexcept;

private:
    detail::address target_;
    std::uint64_t number_ = 0;
};

namespace detail {
[[nodiscard]] BASTION_API monitor_handle watch(control_block& watcher, address target);
} // namespace detail

inline monitor_handle context::monitor(const child_ref& target) const {
    detail::require_running(*block_, "ctx.monitor");
    return detail::watch(*block_, target.where());
}
inline monitor_handle context::monitor(const children_ref& target) const { return monitor(child_ref(target.where())); }
inline monitor_handle context::monitor(const supervisor_ref& target) const {
    return monitor(child_ref(target.where()));
}

} // namespace bastion

#endif
