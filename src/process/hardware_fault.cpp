#include <bastion/process/hardware_fault.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <string_view>

namespace bastion {

hardware_fault::hardware_fault(int signal, const void* address, bool known) noexcept
    : signal_(signal), address_(address) {
    // Inside a signal handler: nothing but copies, and to_chars, which for integers touches nothing else.
    char* end = text_.data();
    const auto add = [&end](std::string_view part) { end = std::copy(part.begin(), part.end(), end); };
    add(signal == SIGSEGV ? "SIGSEGV" : signal == SIGBUS ? "SIGBUS" : signal == SIGFPE ? "SIGFPE" : "a signal");
    add(known ? " at address 0x" : " at an unknown address");
    if (!known) return;
    // The last character stays the terminating zero.
    std::to_chars(end, text_.data() + text_.size() - 1, reinterpret_cast<std::uintptr_t>(address), 16);
}

} // namespace bastion
