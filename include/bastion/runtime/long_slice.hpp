// `long_slice`: what is said when a process keeps its worker for long, without a pause in which others get their turn.
//
// C++ code cannot be interrupted: a process that computes or blocks in a call keeps its worker until its next co_await (or, of handlers, the
// end of the message). The runtime looks for that, lets a spare worker step in, and says who it is: after 10 ms as a warning, after 1 s, 10 s,
// 100 s... as an error with a backtrace (config::with_slice_limits, with_max_spare_workers, with_slice_log).
// What to do: wrap calls that block in bastion::blocking; in long computations `co_await ctx.yield()`, or fork tasks.
#ifndef BASTION_RUNTIME_LONG_SLICE_HPP
#define BASTION_RUNTIME_LONG_SLICE_HPP

#include <bastion/base/compiler.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace bastion {

struct long_slice {
    bool error = false; // a second and more; else a warning
    std::string
        process; // its path, and where it was spawned; a callback's supervisor or group; "": a forked task, or one that is just ending
    std::size_t worker = 0; // as ctx.worker() says it
    std::chrono::nanoseconds so_far{0}; // with a core or blocked; not what it waited for a core
    // A spare worker does what this one cannot. False: as many as config::with_max_spare_workers allows do so for others already, or the system
    // gives no thread: what waits is left to the other workers, if there are any.
    bool replaced = false;
    std::size_t max_spare_workers = 0;
    // Warnings that were not given since the last one: there is one in a second, at most, and each that says that no spare worker is left.
    std::size_t left_out = 0;
    std::vector<std::string>
        backtrace; // of an error, the innermost call first: "module(function+0x12)"; empty where the system cannot tell
};

// The line that the default log writes, without "bastion: ", and with each frame of a backtrace on a line of its own.
[[nodiscard]] BASTION_API std::string to_string(const long_slice& slice);

} // namespace bastion

#endif
