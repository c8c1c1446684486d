// A function on its way through a pool of blocking threads (executor/blocking_pool.hpp), and what such a pool counts.
#ifndef BASTION_EXECUTOR_BLOCKING_JOB_HPP
#define BASTION_EXECUTOR_BLOCKING_JOB_HPP

#include <bastion/base/intrusive_list.hpp>
#include <bastion/base/source_location.hpp>
#include <bastion/executor/cell.hpp>
#include <bastion/executor/runnable.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace bastion {

// What a runtime's pool of blocking threads does: numbers of one instant.
struct blocking_counters {
    std::size_t queued = 0; // the backlog: functions that wait for a thread
    std::size_t running = 0;
    std::size_t threads = 0;
    std::size_t idle = 0; // of the threads
    std::size_t peak_threads = 0;
    std::uint64_t completed = 0; // since the start
    std::uint64_t cancelled = 0; // while they were queued
};

namespace detail {

class blocking_pool;

// One function on its way through a pool. Its asker makes it and keeps it where it is until it has returned, was
// cancelled, or is abandoned.
struct blocking_job {
    enum class place : std::uint8_t { outside, queued, running, returned };

    blocking_job(void (*call_it)(blocking_job&) noexcept, void (*free_it)(blocking_job&) noexcept,
        source_location where) noexcept
        : call(call_it), dispose(free_it), given_at(where) {}

    void (*call)(blocking_job&) noexcept; // runs the function, keeps what it gave
    void (*dispose)(blocking_job&) noexcept; // destroys and frees the job
    basic_cell_word<> word; // pending until the function has returned
    runnable* owner = nullptr; // who is woken then. Invariant: set before submit, as the next one
    const strand* process = nullptr; // whose it is: the same, or the one that has forked it
    source_location given_at;

    // ---- guarded by the pool's lock
    list_hook<blocking_job> hook;
    place at = place::outside;
    std::int64_t since_ns = 0; // of the monotonic clock; when it began to run
    std::string asker; // whose it was, once it is abandoned
};

} // namespace detail
} // namespace bastion

#endif
