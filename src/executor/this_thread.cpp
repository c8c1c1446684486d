#include <bastion/executor/this_thread.hpp>

namespace bastion::detail {

BASTION_NOINLINE thread_state& this_thread() noexcept {
    static thread_local constinit thread_state state __attribute__((tls_model("initial-exec")));
    asm volatile("");  // keeps the call: the address is worth nothing on the far side of a suspension
    return state;
}

} // namespace bastion::detail
