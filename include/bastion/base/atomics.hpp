// The atomics policy: every lock-free class is a template over it, so that the same code runs on std::atomic in
// programs and on the model checker's atomics in the proof lane.
//
// A policy has: atomic<T>, var<T> (plain memory whose races the model must see), pause() for short waits, yield() for
// those that end when another thread was given the processor.
#ifndef BASTION_BASE_ATOMICS_HPP
#define BASTION_BASE_ATOMICS_HPP

#include <atomic>
#include <thread>
#include <utility>

namespace bastion {

// A plain variable seen through the policy: get and set, nothing else.
template <class T>
class plain_var {
public:
    constexpr plain_var() noexcept = default;
    constexpr explicit plain_var(T value) noexcept : value_(std::move(value)) {}

    [[nodiscard]] const T& get() const noexcept { return value_; }
    void set(T value) noexcept { value_ = std::move(value); }

private:
    T value_{};
};

// A pointer that strangers may look at while its owner changes it; whoever follows it has checked by other means that it
// is meant for them. All accesses are relaxed: it orders nothing.
template <class T>
class relaxed_ptr {
public:
    relaxed_ptr() noexcept = default;
    relaxed_ptr& operator=(T* p) noexcept {
        p_.store(p, std::memory_order_relaxed);
        return *this;
    }
    [[nodiscard]] operator T*() const noexcept { return p_.load(std::memory_order_relaxed); }
    [[nodiscard]] T* operator->() const noexcept { return *this; }

private:
    std::atomic<T*> p_{nullptr};
};

// A pointer of one thread that shows others what it has at hand, with all that this thread knows of it: put releases it, and who follows it
// from another thread acquires it, and has checked by other means that it is still there.
template <class T>
class shown_ptr {
public:
    constexpr shown_ptr() noexcept = default;
    shown_ptr(const shown_ptr& other) noexcept : p_(other.get()) {}
    shown_ptr& operator=(const shown_ptr& other) noexcept { return *this = other.get(); }
    shown_ptr& operator=(T* p) noexcept {
        p_.store(p, std::memory_order_release); // pairs with seen_by_another
        return *this;
    }
    // The owner's.
    [[nodiscard]] T* get() const noexcept { return p_.load(std::memory_order_relaxed); }
    [[nodiscard]] operator T*() const noexcept { return get(); }
    [[nodiscard]] T* operator->() const noexcept { return get(); }
    [[nodiscard]] T* seen_by_another() const noexcept { return p_.load(std::memory_order_acquire); }

private:
    std::atomic<T*> p_{nullptr};
};

// A flag that another thread may look at: it orders nothing.
class relaxed_flag {
public:
    constexpr relaxed_flag() noexcept = default;
    relaxed_flag(const relaxed_flag& other) noexcept : on_(static_cast<bool>(other)) {}
    relaxed_flag& operator=(const relaxed_flag& other) noexcept { return *this = static_cast<bool>(other); }
    relaxed_flag& operator=(bool on) noexcept {
        on_.store(on, std::memory_order_relaxed);
        return *this;
    }
    [[nodiscard]] operator bool() const noexcept { return on_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> on_{false};
};

struct std_atomics {
    template <class T>
    using atomic = std::atomic<T>;
    template <class T>
    using var = plain_var<T>;

    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
    static void yield() noexcept { std::this_thread::yield(); }
};

} // namespace bastion

#endif
