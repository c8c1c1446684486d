// Where another thread of this program is: its call stack, as the system tells it.
#ifndef BASTION_SRC_EXECUTOR_NATIVE_BACKTRACE_HPP
#define BASTION_SRC_EXECUTOR_NATIVE_BACKTRACE_HPP

#include <pthread.h>
#include <string>
#include <vector>

namespace bastion::detail {

// Before the first backtrace: installs the handler of SIGURG, once. Whoever had that signal before gets what is not ours.
void prepare_native_backtraces() noexcept;

// The frames of that thread, the innermost first: "module(function+0x12)". It is interrupted by a signal, SIGURG: a system call that it is
// in may return with EINTR. Empty: it did not answer within 100 ms, or the system cannot tell. One thread at a time asks. Throws
// std::bad_alloc.
[[nodiscard]] std::vector<std::string> native_backtrace_of(pthread_t thread);

} // namespace bastion::detail

#endif
