// What the sanitizers must be told: which pooled memory is free.
//
// All calls are empty unless the program is built with AddressSanitizer.
#ifndef BASTION_BASE_SANITIZER_HPP
#define BASTION_BASE_SANITIZER_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>

#if BASTION_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace bastion::detail {

inline void poison_memory([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t n) noexcept {
#if BASTION_ASAN
    __asan_poison_memory_region(p, n);
#endif
}

inline void unpoison_memory([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t n) noexcept {
#if BASTION_ASAN
    __asan_unpoison_memory_region(p, n);
#endif
}

} // namespace bastion::detail

#endif
