// Lets the allocations of operator new fail, too, where a simulation says so (simulation::fail_allocation).
//
// Replaces the global operators new and delete: include it in exactly one source file of a test program. What is
// allocated outside a simulation's turns is as before. Under the thread sanitizer, whose operators cannot be replaced, it
// does nothing, and only the pools fail.
#ifndef BASTION_TESTING_OPERATOR_NEW_HPP
#define BASTION_TESTING_OPERATOR_NEW_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/allocation_gate.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace bastion::detail {

[[nodiscard]] inline void* gated_new_or_null(std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes == 0) bytes = 1;
    if (!may_allocate(bytes) || bytes > std::size_t(-1) - alignment) return nullptr;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes);
    return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
[[nodiscard]] inline void* gated_new(std::size_t bytes, std::size_t alignment) {
    void* const p = gated_new_or_null(bytes, alignment);
    if (p == nullptr) throw std::bad_alloc{};
    return p;
}

} // namespace bastion::detail

#if !BASTION_TSAN

// All forms: a sanitizer has its own of those that are left out, and they do not go together. Never inlined: otherwise g++
// sees a block from malloc where a delete expression stands, and warns.
BASTION_NOINLINE void* operator new(std::size_t n) { return bastion::detail::gated_new(n, 1); }
BASTION_NOINLINE void* operator new(std::size_t n, std::align_val_t alignment) {
    return bastion::detail::gated_new(n, static_cast<std::size_t>(alignment));
}
BASTION_NOINLINE void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
    return bastion::detail::gated_new_or_null(n, 1);
}
BASTION_NOINLINE void* operator new(std::size_t n, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return bastion::detail::gated_new_or_null(n, static_cast<std::size_t>(alignment));
}
BASTION_NOINLINE void* operator new[](std::size_t n) { return bastion::detail::gated_new(n, 1); }
BASTION_NOINLINE void* operator new[](std::size_t n, std::align_val_t alignment) {
    return bastion::detail::gated_new(n, static_cast<std::size_t>(alignment));
}
BASTION_NOINLINE void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
    return bastion::detail::gated_new_or_null(n, 1);
}
BASTION_NOINLINE void* operator new[](std::size_t n, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return bastion::detail::gated_new_or_null(n, static_cast<std::size_t>(alignment));
}
BASTION_NOINLINE void operator delete(void* p) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::size_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }

#endif // BASTION_TSAN

#endif
