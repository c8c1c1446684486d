#include <bastion/executor/task.hpp>

#include <string>

namespace bastion::detail {

void throw_too_deep(std::uint32_t limit) {
    throw limit_error(limit_error::kind::depth, "tasks await one another more than " + std::to_string(limit) +
                                                    " deep; raise it with limits().depth(n) or use a loop");
}

void throw_out_of_memory(std::int64_t limit) {
    throw limit_error(
        limit_error::kind::memory, "memory: frames and unread mail are more than " + std::to_string(limit) + " bytes");
}

} // namespace bastion::detail
