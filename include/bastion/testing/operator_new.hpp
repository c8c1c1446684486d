// Lets the allocations of operator new fail, too, where a simulation says so (simulation::fail_allocation).
//
// Replaces the global operators new and delete: include it in exactly one source file of a test program. What is
// allocated outside a simulation's turns is as before.
#ifndef BASTION_TESTING_OPERATOR_NEW_HPP
#define BASTION_TESTING_OPERATOR_NEW_HPP

#include <bastion/executor/allocation_gate.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace bastion::detail {

[[nodiscard]] inline void* gated_new(std::size_t bytes, std::size_t alignment) {
    if (bytes == 0) bytes = 1;
    if (!may_allocate(bytes)) throw std::bad_alloc{};
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const p =
        alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, rounded);
    if (p == nullptr) throw std::bad_alloc{};
    return p;
}

} // namespace bastion::detail

// The other forms (arrays, nothrow) are those of the standard library, which call these. Never inlined: otherwise g++
// sees a block from malloc where a delete expression stands, and warns.
BASTION_NOINLINE void* operator new(std::size_t bytes) { return bastion::detail::gated_new(bytes, 1); }
BASTION_NOINLINE void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return bastion::detail::gated_new(bytes, static_cast<std::size_t>(alignment));
}
BASTION_NOINLINE void operator delete(void* p) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::size_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
BASTION_NOINLINE void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

#endif
