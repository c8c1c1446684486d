// Where time comes from: the machine's steady clock, or one that a test owns.
//
// The runtime reads its clock once per budget of work and before it sleeps, never per message. Durations are
// std::chrono values, time points nanoseconds since the clock's own start.
#ifndef BASTION_BASE_CLOCK_HPP
#define BASTION_BASE_CLOCK_HPP

#include <bastion/base/compiler.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace bastion {

namespace detail {

// Who measures time by a manual clock: it must be at rest before time may move.
class clock_user {
public:
    // Throws usage_error on a thread that would wait for itself.
    virtual void check_caller() const = 0;
    // Blocks until nothing can happen before time moves.
    virtual void wait_until_at_rest() = 0;
    // The earliest instant somebody waits for, in nanoseconds of the clock. Only at rest.
    [[nodiscard]] virtual std::optional<std::int64_t> next_due() = 0;
    // Time has moved.
    virtual void time_moved() = 0;

protected:
    ~clock_user() = default;
};

} // namespace detail

class BASTION_API clock {
public:
    clock() = default;
    clock(const clock&) = delete;
    clock& operator=(const clock&) = delete;
    virtual ~clock();

    // Nanoseconds since an arbitrary start, never going back. Any thread.
    [[nodiscard]] virtual std::int64_t now_ns() noexcept = 0;
    // True when time passes by itself.
    [[nodiscard]] virtual bool runs() const noexcept = 0;

    virtual void attach(detail::clock_user&) {}
    virtual void detach(detail::clock_user&) {}
};

// std::chrono::steady_clock; shared by all runtimes that ask for nothing else.
[[nodiscard]] BASTION_API std::shared_ptr<clock> steady_clock_source();

// A clock that stands still until its owner advances it.
//
// `advance` steps from one due instant to the next: before each step it waits until every runtime that uses this clock
// is at rest, so whatever falls due happens exactly at its instant and in order. Called by a process of such a runtime
// it would wait for itself: that throws usage_error.
class BASTION_API manual_clock final : public clock {
public:
    manual_clock();
    ~manual_clock() override;

    [[nodiscard]] std::int64_t now_ns() noexcept override;
    [[nodiscard]] bool runs() const noexcept override { return false; }
    // How far the clock has been advanced. Any thread.
    [[nodiscard]] std::chrono::nanoseconds now() noexcept { return std::chrono::nanoseconds(now_ns()); }

    // Moves time forward by `d` (negative counts as zero) and returns when everything due has happened.
    void advance(std::chrono::nanoseconds d);
    // Returns when every runtime that uses this clock is at rest; time stands still.
    void settle();

    void attach(detail::clock_user&) override;
    void detach(detail::clock_user&) override;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace bastion

#endif
