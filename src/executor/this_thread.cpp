#include <bastion/executor/this_thread.hpp>

namespace bastion::detail {

constinit worker_counters nobodys_counters;

#if defined(__x86_64__) && defined(__linux__)
thread_local constinit thread_state the_thread_state;
#else
BASTION_NOINLINE thread_state& this_thread() noexcept {
    static thread_local constinit thread_state state __attribute__((tls_model("initial-exec")));
    asm volatile("");  // keeps the call: the address is worth nothing on the far side of a suspension
    return state;
}
#endif

} // namespace bastion::detail
