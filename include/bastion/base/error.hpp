// `error`: why an operation did not give its value.
//
// Made by the library and by `bastion::fail`; read by users through `result<T>`. A value: 16 bytes, copied by a
// reference count, safe to pass between threads. Errors are off the hot path.
#ifndef BASTION_BASE_ERROR_HPP
#define BASTION_BASE_ERROR_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/ref_counted.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace bastion {

class exit_reason;

// What kind of failure: stable numbers, for programs; `error::what()` is for people.
enum class errc : std::uint8_t {
    failed = 1,        // said by user code: bastion::fail("...")
    timeout,           // the deadline passed first
    noproc,            // no such process: it ended before, or never was
    target_died,       // it ended while we waited; reason() says why
    dropped,           // the question was destroyed unanswered
    unhandled,         // the receiver does not know this message
    mailbox_full,      // a bounded mailbox refused it
    deadlock,          // waiting for an answer that only the waiter could give
    wrong_type,        // the answer has another type than expected
    cancelled,         // the waiting was given up: stop, stop_token
    stopped,           // the runtime is stopping or gone
    start_failed,      // a child did not start
    limit,             // a limit of the process was reached
    wrong_thread,      // the call is not allowed from here
    noconnection,      // the node of the target cannot be reached
    invalid,           // the call makes no sense in this state
    name_taken,        // another process is registered by that name
    not_found,         // the supervisor has no child of that name
    running,           // the child runs: it cannot be started, or its spec deleted
    restarting,        // the child is being started again
    already_present,   // the supervisor has a child of that name, which does not run
    already_started,   // the supervisor has a child of that name, which runs
    simple_one_for_one, // its children are made from a template: they have no names
};

[[nodiscard]] BASTION_API std::string_view to_string(errc code) noexcept;

namespace detail {

// Invariant: never changed after it is shared.
class error_detail final : public ref_counted {
public:
    explicit error_detail(std::string t) : text(std::move(t)) {}

    std::string text;
    shared<const ref_counted> reason;  // an exit_reason's detail
    std::uint8_t reason_kind = 0;
    bool has_reason = false;
};

} // namespace detail

class error {
public:
    // An error of `code` that explains itself by the code's own text.
    explicit error(errc code) noexcept : code_(code) {}
    error(errc code, std::string text)
        : code_(code), detail_(detail::make_shared_object<detail::error_detail>(std::move(text))) {}
    explicit error(std::string text) : error(errc::failed, std::move(text)) {}
    // The target ended with `reason`.
    error(errc code, const exit_reason& reason);

    [[nodiscard]] errc code() const noexcept { return code_; }
    // One line for people.
    [[nodiscard]] std::string what() const { return detail_ ? detail_->text : std::string(to_string(code_)); }
    // Why the target ended; `exit_reason::normal` when no process' end is behind this error.
    [[nodiscard]] exit_reason reason() const;

    friend bool operator==(const error& e, errc code) noexcept { return e.code_ == code; }

private:
    errc code_;
    detail::shared<const detail::error_detail> detail_;
};

} // namespace bastion

#endif
