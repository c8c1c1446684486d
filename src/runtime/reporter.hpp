// Where reports go: the user's hook, or standard error with a bound on its flood.
#ifndef BASTION_SRC_RUNTIME_REPORTER_HPP
#define BASTION_SRC_RUNTIME_REPORTER_HPP

#include <bastion/process/home.hpp>
#include <bastion/runtime/config.hpp>

#include <cstdint>
#include <mutex>

namespace bastion::detail {

class reporter {
public:
    static constexpr unsigned lines_per_second = 10;

    reporter(config::log_function hook, bool quiet) : hook_(std::move(hook)), quiet_(quiet) {}
    ~reporter();

    // From any thread. A hook that throws is reported once and used no more. True: the first line of this second that was
    // not shown: somebody should call `sum_up` when the second is over.
    [[nodiscard]] bool report(const fault_report& r) noexcept;
    // Says how many lines were not shown.
    void sum_up() noexcept;
    // One line of text, not counted against the flood.
    static void line(const std::string& text) noexcept;

private:
    [[nodiscard]] bool print(const fault_report& r) noexcept;
    [[nodiscard]] bool print_line(const fault_report& r);
    void print_suppressed() noexcept;

    std::recursive_mutex mutex_; // a hook may do what is reported itself: that goes to standard error
    config::log_function hook_;
    bool in_hook_ = false;
    const bool quiet_;
    std::int64_t second_ = 0;
    unsigned shown_ = 0;
    std::uint64_t suppressed_ = 0;
};

} // namespace bastion::detail

#endif
