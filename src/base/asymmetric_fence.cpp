#include <bastion/base/asymmetric_fence.hpp>

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace bastion::detail {
namespace {

#if defined(__linux__)
long membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0); }
#endif

} // namespace

bool asymmetric_fence::available() noexcept {
#if defined(__linux__)
    static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
    return registered;
#else
    return false;
#endif
}

void asymmetric_fence::heavy() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__linux__)
    (void)membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
#endif
}

} // namespace bastion::detail
