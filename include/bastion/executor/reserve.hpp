// The reserve: memory for what must not fail when the system has none left.
//
// A call of the user's may throw std::bad_alloc: nothing has happened then. What the library does on its own - a
// supervisor's decisions, the end of a process, an answer that is an error - must happen. It runs as `must_not_fail`:
// when the pool has no block for it and the system gives none, one comes from memory that was put aside when the first
// runtime was made. It is made up as soon as the system gives again. Only when it is used up, too, the program ends.
// Blocks from the reserve are blocks like any other.
// Thread safety: any thread; a scope concerns its own thread and must not span a suspension.
#ifndef BASTION_EXECUTOR_RESERVE_HPP
#define BASTION_EXECUTOR_RESERVE_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/pool.hpp>

#include <cstddef>

namespace bastion::detail {

inline constexpr std::size_t reserve_bytes = std::size_t{256} << 10;

// Makes the reserve whole. Throws std::bad_alloc. Cost: touches the memory, so that the system has really given it.
BASTION_API void fill_reserve();

// Sets whether this thread's allocations may come from the reserve; returns what it was.
BASTION_API bool use_reserve(bool on) noexcept;

class reserve_scope {
public:
    explicit reserve_scope(bool on) noexcept : before_(use_reserve(on)) {}
    reserve_scope(const reserve_scope&) = delete;
    reserve_scope& operator=(const reserve_scope&) = delete;
    ~reserve_scope() { use_reserve(before_); }

private:
    const bool before_;
};

class must_not_fail : reserve_scope {
public:
    must_not_fail() noexcept : reserve_scope(true) {}
};

// The user's code, called from what must not fail: it gets no reserve.
class may_fail : reserve_scope {
public:
    may_fail() noexcept : reserve_scope(false) {}
};

// For the containers of what must not fail: their memory comes from the pool. Beyond pool_max_bytes in one piece there
// is no reserve.
template <class T>
class pool_allocator {
public:
    using value_type = T;

    pool_allocator() noexcept = default;
    template <class U>
    pool_allocator(const pool_allocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t n) { return static_cast<T*>(this_thread_pool().allocate(n * sizeof(T))); }
    void deallocate(T* p, std::size_t n) noexcept { this_thread_pool().free(p, n * sizeof(T)); }

    template <class U>
    friend bool operator==(const pool_allocator&, const pool_allocator<U>&) noexcept {
        return true;
    }
};

} // namespace bastion::detail

#endif
