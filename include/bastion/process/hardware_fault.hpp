// `hardware_fault`: what the processor refused to do for a process, thrown where it did so. A panic as any other.
//
// Only in programs that have opted in, by the CMake target bastion::hardware_faults and config::with_hardware_faults.
// Thrown out of a signal handler: making one allocates nothing, and `what` is short enough to live inside.
#ifndef BASTION_PROCESS_HARDWARE_FAULT_HPP
#define BASTION_PROCESS_HARDWARE_FAULT_HPP

#include <bastion/base/compiler.hpp>

#include <array>
#include <exception>

namespace bastion {

class BASTION_API hardware_fault final : public std::exception {
public:
    // `known`: whether `address` says anything; the processor does not tell that of an address that cannot exist.
    hardware_fault(int signal, const void* address, bool known) noexcept;

    // "SIGSEGV at address 0x0".
    [[nodiscard]] const char* what() const noexcept override { return text_.data(); }
    // SIGSEGV, SIGBUS or SIGFPE.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    // SIGSEGV and SIGBUS: what was accessed, null also when that is unknown. SIGFPE: the instruction.
    [[nodiscard]] const void* address() const noexcept { return address_; }

private:
    int signal_;
    const void* address_;
    std::array<char, 48> text_{};
};

} // namespace bastion

#endif
