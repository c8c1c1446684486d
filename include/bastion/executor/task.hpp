// `task<T>`: a lazy helper coroutine, awaited once, inside a process or a forked task.
//
// Starts when awaited, runs on the awaiting strand, hands its value or exception to the awaiter. Awaiting costs a frame
// from the worker's pool and two transfers, no allocation from the heap and no atomic. Nesting is limited
// (`limits().depth(n)`, 10,000 by default): deeper awaits throw `bastion::limit_error`.
#ifndef BASTION_EXECUTOR_TASK_HPP
#define BASTION_EXECUTOR_TASK_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/result.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/this_thread.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

namespace bastion {

template <class T = void>
class task;

// Thrown where a limit of the process is met; the process ends with reason `limit`.
class limit_error : public std::runtime_error {
public:
    enum class kind : std::uint8_t { memory, mailbox, depth, stack };
    limit_error(kind what_limit, const std::string& text) : std::runtime_error(text), kind_(what_limit) {}
    [[nodiscard]] kind which() const noexcept { return kind_; }

private:
    kind kind_;
};

namespace detail {

inline constexpr std::uint32_t default_max_depth = 10'000;

[[noreturn]] BASTION_API BASTION_COLD void throw_out_of_memory(std::int64_t limit);

// Frames come from the pools and are charged to the running strand if it has a memory limit; the size comes back with the sized delete.
struct pooled_frame {
    static void* operator new(std::size_t n) {
        thread_state& thread = this_thread();
        if (thread.current != nullptr && thread.current->meter != nullptr) [[unlikely]]
            if (!thread.current->meter->charge(n)) throw_out_of_memory(thread.current->meter->limit);
        return thread.blocks().allocate(n);
    }
    static void operator delete(void* p, std::size_t n) noexcept {
        thread_state& thread = this_thread();
        if (thread.current != nullptr && thread.current->meter != nullptr) [[unlikely]]
            thread.current->meter->discharge(n);
        thread.blocks().free(p, n);
    }
};

// Who goes on when a task is done: its awaiter, or whatever a fork scope finds next.
struct final_transfer {
    constexpr final_transfer() noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
        return transfer(done.promise().next());
    }
    void await_resume() const noexcept {}
};

class task_promise_base : public pooled_frame {
public:
    task_promise_base() noexcept {}
    task_promise_base(const task_promise_base&) = delete;
    task_promise_base& operator=(const task_promise_base&) = delete;

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] final_transfer final_suspend() const noexcept { return final_transfer(); }
    [[nodiscard]] std::coroutine_handle<> next() { return done_ ? done_(*this) : continuation_; }

    std::coroutine_handle<> continuation_;
    // Set by fork scopes and combinators: what to resume when this task is done.
    std::coroutine_handle<> (*done_)(task_promise_base&) = nullptr;
    void* done_object_ = nullptr;
    std::uint32_t depth_ = 0;
};

template <class Promise>
[[nodiscard]] std::uint32_t depth_of(const Promise& promise) noexcept {
    if constexpr (std::is_base_of_v<task_promise_base, Promise>) return promise.depth_;
    else return 0;
}

[[noreturn]] BASTION_API BASTION_COLD void throw_too_deep(std::uint32_t limit);

template <class T>
class task_promise final : public task_promise_base {
public:
    task_promise() noexcept {}
    [[nodiscard]] task<T> get_return_object() noexcept;
    void unhandled_exception() noexcept { value_.template emplace<2>(std::current_exception()); }

    template <class U>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& value) {
        value_.template emplace<1>(std::forward<U>(value));
    }

    [[nodiscard]] T take() {
        if (value_.index() == 2) std::rethrow_exception(std::exchange(std::get<2>(value_), nullptr));
        return std::get<1>(std::move(value_));
    }
    [[nodiscard]] T& value() {
        if (value_.index() == 2) std::rethrow_exception(std::get<2>(value_));
        return std::get<1>(value_);
    }
    [[nodiscard]] std::exception_ptr exception() const noexcept {
        return value_.index() == 2 ? std::get<2>(value_) : nullptr;
    }

private:
    std::variant<std::monostate, T, std::exception_ptr> value_;
};

template <class T>
class task_promise<T&> final : public task_promise_base {
public:
    task_promise() noexcept {}
    [[nodiscard]] task<T&> get_return_object() noexcept;
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }
    void return_value(T& value) noexcept { value_ = &value; }
    [[nodiscard]] T& take() {
        if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
        return *value_;
    }
    [[nodiscard]] T& value() {
        if (exception_) std::rethrow_exception(exception_);
        return *value_;
    }
    [[nodiscard]] std::exception_ptr exception() const noexcept { return exception_; }

private:
    T* value_ = nullptr;
    std::exception_ptr exception_;
};

template <>
class task_promise<void> final : public task_promise_base {
public:
    task_promise() noexcept {}
    [[nodiscard]] task<void> get_return_object() noexcept;
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }
    void return_void() const noexcept {}
    void take() {
        if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
    }
    void value() const {
        if (exception_) std::rethrow_exception(exception_);
    }
    [[nodiscard]] std::exception_ptr exception() const noexcept { return exception_; }

private:
    std::exception_ptr exception_;
};

} // namespace detail

template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task() noexcept {}
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~task() {
        // Safety: a task that never ran, or is suspended at its end, or inside a frame that is being destroyed.
        if (handle_) handle_.destroy();
    }

    class awaiter {
    public:
        explicit awaiter(std::coroutine_handle<promise_type> child) noexcept : child_(child) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) {
            detail::thread_state& thread = detail::this_thread();
            detail::strand* strand = thread.current;
            const std::uint32_t depth = detail::depth_of(parent.promise()) + 1;
            const std::uint32_t limit = strand ? strand->max_depth : detail::default_max_depth;
            if (depth > limit) detail::throw_too_deep(limit);
            child_.promise().depth_ = depth;
            child_.promise().continuation_ = parent;
            if (strand && strand->budget <= 0) { // overspent: the child starts in the next turn
                strand->slot->set(child_, nullptr, nullptr);
                return std::noop_coroutine();
            }
            if (++thread.transfers < detail::max_transfers) return child_;
            thread.bounced = child_;
            return std::noop_coroutine();
        }
        T await_resume() { return child_.promise().take(); }

    private:
        std::coroutine_handle<promise_type> child_;
    };

    // The task stays the owner of its frame: it is destroyed with the task object, after the value was taken.
    [[nodiscard]] awaiter operator co_await() const noexcept { return awaiter(handle_); }

    // Gives up after `d`, or when the token is asked to stop: gives result<T>, with errc::timeout or errc::cancelled,
    // and destroys the frame. Runs the task as a branch, as when_any does.
    [[nodiscard]] auto within(std::chrono::nanoseconds d) &&;
    [[nodiscard]] auto until(std::stop_token token) &&;

    [[nodiscard]] std::coroutine_handle<promise_type> handle() const noexcept { return handle_; }
    [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(handle_, nullptr); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class A>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
template <class T>
task<T&> task_promise<T&>::get_return_object() noexcept {
    return task<T&>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace detail
} // namespace bastion

#endif
