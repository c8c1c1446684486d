// Callbacks: what a user wants to be told about an element's life.
//
// Each is called exactly once per event, by the element's owner, in order with everything else that happens in the
// tree; one that throws is a fault of its element. Keep them short: their group waits for them.
#ifndef BASTION_SUPERVISION_CALLBACKS_HPP
#define BASTION_SUPERVISION_CALLBACKS_HPP

#include <bastion/process/context.hpp>
#include <bastion/process/exit_reason.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace bastion {

// What happened to whom.
class event {
public:
    event(child_ref who, std::string_view path, const exit_reason& reason, int restarts,
        std::string_view in_hand) noexcept
        : who_(who), path_(path), reason_(reason), restarts_(restarts), in_hand_(in_hand) {}

    [[nodiscard]] child_ref who() const noexcept { return who_; }
    // "/supervisor/group/0"; valid during the callback.
    [[nodiscard]] std::string_view path() const noexcept { return path_; }
    // before_restart, after_restart, after_stop: why the last incarnation ended. Otherwise `normal`.
    [[nodiscard]] const exit_reason& reason() const noexcept { return reason_; }
    // How often the element has been started again.
    [[nodiscard]] int restarts() const noexcept { return restarts_; }
    // before_restart, after_stop: the type of the message that the element had taken last when its fault came. Empty: it
    // had taken none, or it was no fault.
    [[nodiscard]] std::string_view in_hand() const noexcept { return in_hand_; }

private:
    child_ref who_;
    std::string_view path_;
    const exit_reason& reason_;
    int restarts_;
    std::string_view in_hand_;
};

class callbacks {
public:
    using function = std::function<void(const event&)>;

    callbacks() noexcept {}
    // Before the first incarnation's body exists.
    callbacks& before_start(function f) & { return before_start_ = std::move(f), *this; }
    callbacks before_start(function f) && { return before_start_ = std::move(f), std::move(*this); }
    // When the first incarnation counts as started.
    callbacks& after_start(function f) & { return after_start_ = std::move(f), *this; }
    callbacks after_start(function f) && { return after_start_ = std::move(f), std::move(*this); }
    // The old incarnation has ended, the new one does not exist yet.
    callbacks& before_restart(function f) & { return before_restart_ = std::move(f), *this; }
    callbacks before_restart(function f) && { return before_restart_ = std::move(f), std::move(*this); }
    // The new incarnation counts as started.
    callbacks& after_restart(function f) & { return after_restart_ = std::move(f), *this; }
    callbacks after_restart(function f) && { return after_restart_ = std::move(f), std::move(*this); }
    // The element has ended for good.
    callbacks& after_stop(function f) & { return after_stop_ = std::move(f), *this; }
    callbacks after_stop(function f) && { return after_stop_ = std::move(f), std::move(*this); }

    enum class moment : std::uint8_t { before_start, after_start, before_restart, after_restart, after_stop };
    [[nodiscard]] const function& at(moment m) const noexcept {
        switch (m) {
        case moment::before_start: return before_start_;
        case moment::after_start: return after_start_;
        case moment::before_restart: return before_restart_;
        case moment::after_restart: return after_restart_;
        case moment::after_stop: break;
        }
        return after_stop_;
    }

private:
    function before_start_;
    function after_start_;
    function before_restart_;
    function after_restart_;
    function after_stop_;
};

} // namespace bastion

#endif
