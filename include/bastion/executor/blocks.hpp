// Blocks and objects from the calling thread's pool: any thread, at any time.
#ifndef BASTION_EXECUTOR_BLOCKS_HPP
#define BASTION_EXECUTOR_BLOCKS_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/this_thread.hpp>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace bastion::detail {

[[nodiscard]] inline void* pool_allocate(std::size_t bytes) { return this_thread().blocks().allocate(bytes); }
inline void pool_free(void* p, std::size_t bytes) noexcept { this_thread().blocks().free(p, bytes); }

// An object in a block from the pool, and its end, by any thread.
template <class T, class... Args>
[[nodiscard]] T* pool_new(Args&&... args) {
    static_assert(alignof(T) <= cache_line);
    void* const room = pool_allocate(sizeof(T));
    if constexpr (std::is_nothrow_constructible_v<T, Args&&...>) {
        return ::new (room) T(std::forward<Args>(args)...);
    } else {
        try {
            return ::new (room) T(std::forward<Args>(args)...);
        } catch (...) {
            pool_free(room, sizeof(T));
            throw;
        }
    }
}
template <class T>
void pool_delete(T* object) noexcept {
    object->~T();
    pool_free(object, sizeof(T));
}

} // namespace bastion::detail

#endif
