// The first half of opting in to hardware faults: a program that links the CMake target bastion::hardware_faults says so.
//
// The target compiles with -fnon-call-exceptions and defines BASTION_HARDWARE_FAULTS. Every source file of the program
// that includes this header then notes, before main, that the code of its executable or shared library may be thrown
// out of: a fault anywhere else ends the program (docs/internals/hardware_faults.md). The second half is
// config::with_hardware_faults.
#ifndef BASTION_RUNTIME_HARDWARE_FAULTS_HPP
#define BASTION_RUNTIME_HARDWARE_FAULTS_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef> // says whether the C library is glibc

// Whether code compiled here can be thrown out of at an instruction that is no call.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) &&     \
    !BASTION_ASAN && !BASTION_TSAN
#define BASTION_CAN_THROW_FAULTS 1
#else
#define BASTION_CAN_THROW_FAULTS 0
#endif

namespace bastion::detail {

// The executable or shared library that holds `here` was built for hardware faults. Idempotent; any thread.
BASTION_API bool note_built_for_hardware_faults(const void* here) noexcept;

#if defined(BASTION_HARDWARE_FAULTS) && BASTION_CAN_THROW_FAULTS
[[maybe_unused]] static const bool built_for_hardware_faults =
    note_built_for_hardware_faults(&built_for_hardware_faults);
#endif

} // namespace bastion::detail

#endif
