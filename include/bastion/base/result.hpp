// `result<T>`: a value or an `error`, with std::expected's interface.
//
// Everything awaited that can fail gives one. Two differences from std::expected, both deliberate: the error type is
// always `bastion::error`, and `operator bool` and `has_value` are deleted on temporaries, because g++ 12 compiles
// `if (co_await x)` wrongly: name the result first.
#ifndef BASTION_BASE_RESULT_HPP
#define BASTION_BASE_RESULT_HPP

#include <bastion/base/error.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <version>
#if defined(__cpp_lib_expected)
#include <expected>
#endif

namespace bastion {

// Thrown by `result::value()` when there is none.
class bad_result_access : public std::exception {
public:
    explicit bad_result_access(bastion::error e) : error_(std::move(e)), text_(error_.what()) {}
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
    [[nodiscard]] const bastion::error& error() const noexcept { return error_; }

private:
    bastion::error error_;
    std::string text_;
};

// What `fail` returns: converts to any failed `result`.
class failure {
public:
    explicit failure(bastion::error e) noexcept : error_(std::move(e)) {}
    [[nodiscard]] const bastion::error& error() const& noexcept { return error_; }
    [[nodiscard]] bastion::error&& error() && noexcept { return std::move(error_); }

private:
    bastion::error error_;
};

[[nodiscard]] inline failure fail(bastion::error e) { return failure(std::move(e)); }
[[nodiscard]] inline failure fail(errc code) { return failure(bastion::error(code)); }
[[nodiscard]] inline failure fail(std::string_view text) { return failure(bastion::error(std::string(text))); }
[[nodiscard]] inline failure fail(errc code, std::string_view text) {
    return failure(bastion::error(code, std::string(text)));
}

template <class T>
class [[nodiscard]] result;

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;
} // namespace detail

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;
    using error_type = bastion::error;

    result()
        requires std::is_default_constructible_v<T>
        : state_(std::in_place_index<0>) {}
    result(failure f) : state_(std::in_place_index<1>, std::move(f).error()) {}
    template <class U = T>
        requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
                 !std::is_same_v<std::remove_cvref_t<U>, failure> &&
                 !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t>)
    explicit(!std::is_convertible_v<U&&, T>) result(U&& value)
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}
    template <class... Args>
    explicit result(std::in_place_t, Args&&... args) : state_(std::in_place_index<0>, std::forward<Args>(args)...) {}
    result(const result&) = default;
    result(result&&) noexcept(std::is_nothrow_move_constructible_v<T>) = default;
    result& operator=(const result&) = default;
    result& operator=(result&&) noexcept(std::is_nothrow_move_assignable_v<T>) = default;
    ~result() = default;

    [[nodiscard]] bool has_value() const& noexcept { return state_.index() == 0; }
    [[nodiscard]] explicit operator bool() const& noexcept { return has_value(); }
    bool has_value() const&& = delete;         // name the result first: auto r = co_await ...; if (r)
    explicit operator bool() const&& = delete; // name the result first: auto r = co_await ...; if (r)

    [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
    [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    // The value; throws bad_result_access when there is an error instead.
    [[nodiscard]] T& value() & { return require(), **this; }
    [[nodiscard]] const T& value() const& { return require(), **this; }
    [[nodiscard]] T&& value() && { return require(), std::move(**this); }

    template <class U>
    [[nodiscard]] T value_or(U&& other) const& {
        return state_.index() == 0 ? **this : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    [[nodiscard]] T value_or(U&& other) && {
        return state_.index() == 0 ? std::move(**this) : static_cast<T>(std::forward<U>(other));
    }

    // Only when there is no value.
    [[nodiscard]] const bastion::error& error() const& noexcept { return *std::get_if<1>(&state_); }
    [[nodiscard]] bastion::error& error() & noexcept { return *std::get_if<1>(&state_); }
    [[nodiscard]] bastion::error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

    template <class F>
    [[nodiscard]] auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
        if (state_.index() == 0) return std::forward<F>(f)(std::move(**this));
        return failure(std::move(*this).error());
    }
    template <class F>
    [[nodiscard]] auto and_then(F&& f) const& -> std::invoke_result_t<F, const T&> {
        if (state_.index() == 0) return std::forward<F>(f)(**this);
        return failure(error());
    }
    template <class F>
    [[nodiscard]] auto transform(F&& f) && -> result<std::invoke_result_t<F, T&&>> {
        if (state_.index() == 0) return std::forward<F>(f)(std::move(**this));
        return failure(std::move(*this).error());
    }
    template <class F>
    [[nodiscard]] auto transform(F&& f) const& -> result<std::invoke_result_t<F, const T&>> {
        if (state_.index() == 0) return std::forward<F>(f)(**this);
        return failure(error());
    }
    template <class F>
    [[nodiscard]] result or_else(F&& f) && {
        if (state_.index() == 0) return std::move(*this);
        return std::forward<F>(f)(std::move(*this).error());
    }

#if defined(__cpp_lib_expected)
    result(std::expected<T, bastion::error> other)
        : state_(other ? state(std::in_place_index<0>, std::move(*other))
                       : state(std::in_place_index<1>, std::move(other.error()))) {}
    operator std::expected<T, bastion::error>() && {
        if (state_.index() == 0) return std::move(**this);
        return std::unexpected(std::move(*this).error());
    }
#endif

private:
    using state = std::variant<T, bastion::error>;
    void require() const {
        if (state_.index() != 0) throw bad_result_access(error());
    }
    state state_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;
    using error_type = bastion::error;

    result() noexcept {}
    result(failure f) : error_(std::move(f).error()) {}

    [[nodiscard]] bool has_value() const& noexcept { return !error_.has_value(); }
    [[nodiscard]] explicit operator bool() const& noexcept { return has_value(); }
    bool has_value() const&& = delete;         // name the result first: auto r = co_await ...; if (r)
    explicit operator bool() const&& = delete; // name the result first: auto r = co_await ...; if (r)

    void operator*() const noexcept {}
    void value() const {
        if (error_) throw bad_result_access(*error_);
    }
    [[nodiscard]] const bastion::error& error() const& noexcept { return *error_; }
    [[nodiscard]] bastion::error&& error() && noexcept { return std::move(*error_); }

#if defined(__cpp_lib_expected)
    result(std::expected<void, bastion::error> other) {
        if (!other) error_ = std::move(other.error());
    }
    operator std::expected<void, bastion::error>() && {
        if (!error_) return {};
        return std::unexpected(std::move(*error_));
    }
#endif

private:
    std::optional<bastion::error> error_;
};

} // namespace bastion

#endif
