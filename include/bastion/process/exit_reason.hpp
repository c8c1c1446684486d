// `exit_reason`: why a process ended. One value for callbacks, monitors, askers, events and the log.
//
// Cheap to copy (a count), safe to pass between threads, equal in kind when `kind()` is equal.
#ifndef BASTION_PROCESS_EXIT_REASON_HPP
#define BASTION_PROCESS_EXIT_REASON_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/error.hpp>
#include <bastion/base/ref_counted.hpp>
#include <bastion/base/source_location.hpp>

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace bastion {

enum class exit_kind : std::uint8_t {
    normal,        // the body came to its end
    stopped,       // it was asked to stop, and did
    killed,        // its frame was destroyed
    error,         // ctx.fail(...)
    panic,         // bastion::panic or any exception
    noproc,        // there was no such process
    noconnection,  // its node cannot be reached
    limit,         // a limit was met: memory, mailbox, depth, stack
    start_failed,  // a child did not start
    intensity,     // restarted too often within the window
};

namespace detail {

// Invariant: never changed after it is shared.
class reason_detail final : public ref_counted {
public:
    std::string text;             // the message of an error or panic; the limit's name
    std::string type;             // of the exception; empty for bastion::panic
    source_location where;        // of the panic, when known
    std::string child;            // start_failed, intensity: who
    exit_kind inner_kind = exit_kind::normal;
    bool delayed = false;         // it was to end before, and had to wait
    shared<const reason_detail> inner;  // start_failed, intensity: why
};

} // namespace detail

class exit_reason {
public:
    exit_reason() noexcept = default;  // normal
    explicit exit_reason(exit_kind k) noexcept : kind_(k) {}
    exit_reason(exit_kind k, detail::shared<const detail::reason_detail> d) noexcept
        : kind_(k), detail_(std::move(d)) {}

    [[nodiscard]] static exit_reason error(std::string text) { return make(exit_kind::error, std::move(text)); }
    [[nodiscard]] static exit_reason limit(std::string text) { return make(exit_kind::limit, std::move(text)); }
    [[nodiscard]] static exit_reason panic(std::string text, std::string type, source_location where) {
        auto d = detail::make_shared_object<detail::reason_detail>();
        d->text = std::move(text);
        d->type = std::move(type);
        d->where = where;
        return {exit_kind::panic, std::move(d)};
    }
    [[nodiscard]] static exit_reason of_child(exit_kind k, std::string child, const exit_reason& why) {
        auto d = detail::make_shared_object<detail::reason_detail>();
        d->child = std::move(child);
        d->inner_kind = why.kind_;
        d->inner = why.detail_;
        return {k, std::move(d)};
    }

    // An end that was ordered and had to wait; the text says for what.
    [[nodiscard]] static exit_reason delayed(exit_kind k, std::string text) {
        auto d = detail::make_shared_object<detail::reason_detail>();
        d->text = std::move(text);
        d->delayed = true;
        return {k, std::move(d)};
    }

    [[nodiscard]] exit_kind kind() const noexcept { return kind_; }
    // A fault of the process itself, or of one that it is linked to.
    [[nodiscard]] bool is_fault() const noexcept { return kind_ >= exit_kind::error; }
    // What the default restart policy (transient) restarts after: all but a normal end and an ordered stop.
    [[nodiscard]] bool is_abnormal() const noexcept { return kind_ >= exit_kind::killed; }
    // The text of an error, panic or limit; "" otherwise.
    [[nodiscard]] std::string_view text() const noexcept { return detail_ ? std::string_view(detail_->text) : ""; }
    // The type of the exception behind a panic; "" for bastion::panic.
    [[nodiscard]] std::string_view type() const noexcept { return detail_ ? std::string_view(detail_->type) : ""; }
    // Where bastion::panic was called; unknown for other exceptions.
    [[nodiscard]] source_location where() const noexcept { return detail_ ? detail_->where : source_location(); }
    // start_failed and intensity: the child and its reason.
    [[nodiscard]] std::string_view child() const noexcept { return detail_ ? std::string_view(detail_->child) : ""; }
    [[nodiscard]] exit_reason cause() const {
        return detail_ ? exit_reason(detail_->inner_kind, detail_->inner) : exit_reason();
    }
    // killed and stopped: a blocking function ran, and the process was kept until it had returned.
    [[nodiscard]] bool was_delayed() const noexcept { return detail_ && detail_->delayed; }
    // One line: "panic: division by zero".
    [[nodiscard]] BASTION_API std::string what() const;

    [[nodiscard]] const detail::shared<const detail::reason_detail>& details() const noexcept { return detail_; }

private:
    [[nodiscard]] static exit_reason make(exit_kind k, std::string text) {
        auto d = detail::make_shared_object<detail::reason_detail>();
        d->text = std::move(text);
        return {k, std::move(d)};
    }

    exit_kind kind_ = exit_kind::normal;
    detail::shared<const detail::reason_detail> detail_;
};

[[nodiscard]] BASTION_API std::string_view to_string(exit_kind kind) noexcept;

namespace detail {

// The reason that `make` makes; without memory for its details only its kind is known.
template <class Make>
[[nodiscard]] exit_reason reason_or(exit_kind kind, Make make) {
    try {
        return make();
    } catch (const std::bad_alloc&) { return exit_reason(kind); }
}

} // namespace detail

} // namespace bastion

#endif
