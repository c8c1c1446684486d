// Monitors: `auto w = ctx.monitor(ref);` and the `bastion::down` that it brings. Links: `ctx.link(ref)`.
//
// Both watch the incarnation alive at the call (or being restarted then). A monitor fires once at its end, at once, says why and
// whether the element is to come back. A link ends the other side, too, or tells it (ctx.trap_exit). Either travels behind the dying
// process' last message. Cost: O(1).
#ifndef BASTION_SUPERVISION_MONITOR_HPP
#define BASTION_SUPERVISION_MONITOR_HPP

#include <bastion/executor/task.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/supervision/refs.hpp>
#include <bastion/supervision/spawn.hpp>

#include <utility>

namespace bastion {

// Told to the watcher.
class down {
public:
    using bastion_notice = void; // see detail::notice
    down(child_ref who, exit_reason reason, bool returns, std::uint64_t number = 0) noexcept
        : who_(who), reason_(std::move(reason)), returns_(returns), number_(number) {}
    [[nodiscard]] child_ref who() const noexcept { return who_; }
    [[nodiscard]] const exit_reason& reason() const noexcept { return reason_; }
    // True: the element is to be started again, unless its supervisor or one above gives up before it has: watch it again, and you hear of
    // either. False: it has ended for good.
    [[nodiscard]] bool returns() const noexcept { return returns_; }
    // Whether it was told for that monitor.
    [[nodiscard]] bool is_of(const monitor_handle& watch) const noexcept;
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
    child_ref who_;
    exit_reason reason_;
    bool returns_;
    std::uint64_t number_; // of the monitor
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
    [[nodiscard]] detail::address target() const noexcept { return target_; }
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
    detail::address target_;
    std::uint64_t number_ = 0;
};

inline bool down::is_of(const monitor_handle& watch) const noexcept {
    return number_ != 0 && number_ == watch.number();
}

namespace detail {

// Coroutines take what they need by value.
[[nodiscard]] BASTION_API task<bool> demonitor(control_block* watcher, monitor_handle watch);
[[nodiscard]] BASTION_API monitor_handle watch(control_block& watcher, address target);
// A record that tells the watcher of an end; the caller's, from the pool. Throws std::bad_alloc.
[[nodiscard]] BASTION_API monitor_record* new_monitor(control_block& watcher, std::uint64_t number);

class BASTION_API watched_birth final : public birth {
public:
    explicit watched_birth(control_block& watcher) noexcept : watcher_(watcher) {}
    void enter(control_block& child) override;
    // Whoever was not even made has ended.
    [[nodiscard]] monitor_handle of(const child_ref& child);

private:
    control_block& watcher_;
    std::uint64_t number_ = 0;
};

class BASTION_API linked_birth final : public birth {
public:
    explicit linked_birth(control_block& parent) noexcept : parent_(parent) {}
    void enter(control_block& child) override;
    void check(const child_ref& child) noexcept;

private:
    control_block& parent_;
    bool entered_ = false;
};

} // namespace detail

inline monitor_handle context::monitor(const child_ref& target) const {
    detail::require_running(*block_, "ctx.monitor");
    return detail::watch(*block_, target.where());
}
inline monitor_handle context::monitor(const children_ref& target) const { return monitor(child_ref(target.where())); }
inline monitor_handle context::monitor(const supervisor_ref& target) const {
    return monitor(child_ref(target.where()));
}

inline task<bool> context::demonitor(monitor_handle watch) const {
    detail::require_running(*block_, "ctx.demonitor");
    return detail::demonitor(block_, std::move(watch));
}

template <class F>
std::pair<child_ref, monitor_handle> context::spawn_monitor(F&& body, source_location where) const {
    return spawn_monitor(std::forward<F>(body), placement::any(), where);
}
template <class F>
std::pair<child_ref, monitor_handle> context::spawn_monitor(
    F&& body, const placement& at, source_location where) const {
    detail::require_running(*block_, "ctx.spawn_monitor");
    detail::watched_birth watched(*block_);
    const child_ref child = detail::spawn_any(
        detail::supervisor_above(*block_).temporaries(), std::forward<F>(body), where, false, &watched, at);
    return {child, watched.of(child)};
}

template <class F>
child_ref context::spawn_link(F&& body, source_location where) const {
    return spawn_link(std::forward<F>(body), placement::any(), where);
}
template <class F>
child_ref context::spawn_link(F&& body, const placement& at, source_location where) const {
    detail::require_running(*block_, "ctx.spawn_link");
    detail::linked_birth linked(*block_);
    const child_ref child = detail::spawn_any(
        detail::supervisor_above(*block_).temporaries(), std::forward<F>(body), where, false, &linked, at);
    linked.check(child);
    return child;
}

inline void context::link(const children_ref& with) const { link(child_ref(with.where())); }
inline void context::link(const bastion::supervisor_ref& with) const { link(child_ref(with.where())); }
inline void context::unlink(const children_ref& with) const { unlink(child_ref(with.where())); }
inline void context::unlink(const bastion::supervisor_ref& with) const { unlink(child_ref(with.where())); }

} // namespace bastion

#endif
