// A move-only callable with a small buffer: what std::move_only_function is in C++23.
//
// For callbacks, factories and hooks: cold. A callable of up to 32 bytes is stored in place.
#ifndef BASTION_BASE_FUNCTION_HPP
#define BASTION_BASE_FUNCTION_HPP

#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace bastion::detail {

template <class Signature>
class unique_function;

template <class R, class... Args>
class unique_function<R(Args...)> {
    static constexpr std::size_t room = 32;

public:
    unique_function() noexcept = default;
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    unique_function(F&& f) {
        using callable = std::decay_t<F>;
        if constexpr (sizeof(callable) <= room && alignof(callable) <= alignof(std::max_align_t) &&
                      std::is_nothrow_move_constructible_v<callable>) {
            ::new (static_cast<void*>(buffer_)) callable(std::forward<F>(f));
            table_ = &in_place<callable>;
        } else {
            ::new (static_cast<void*>(buffer_)) callable*(new callable(std::forward<F>(f)));
            table_ = &on_heap<callable>;
        }
    }
    unique_function(unique_function&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {
        if (table_) table_->move(other.buffer_, buffer_);
    }
    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            reset();
            table_ = std::exchange(other.table_, nullptr);
            if (table_) table_->move(other.buffer_, buffer_);
        }
        return *this;
    }
    ~unique_function() { reset(); }

    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }
    R operator()(Args... args) const {
        return table_->call(const_cast<std::byte*>(buffer_), std::forward<Args>(args)...);
    }

private:
    struct table {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    // Safety: the buffer holds an F (or an F*) from the constructor until destroy; move ends the source's life.
    template <class F>
    static constexpr table in_place{
        [](void* p, Args&&... args) -> R { return std::invoke(*static_cast<F*>(p), std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            static_cast<F*>(from)->~F();
        },
        [](void* p) noexcept { static_cast<F*>(p)->~F(); }};
    template <class F>
    static constexpr table on_heap{
        [](void* p, Args&&... args) -> R { return std::invoke(**static_cast<F**>(p), std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
        [](void* p) noexcept { delete *static_cast<F**>(p); }};

    void reset() noexcept {
        if (table_) table_->destroy(buffer_);
        table_ = nullptr;
    }

    const table* table_ = nullptr;
    alignas(std::max_align_t) std::byte buffer_[room];
};

} // namespace bastion::detail

#endif
