// The threads that run what would block a worker: one elastic pool per executor, behind `bastion::blocking`.
//
// A job waits in one queue, first come first served, until a thread takes it. A thread is started when a job finds none
// idle, up to a bound; one that has been idle for a while ends. Made and stopped by the executor.
// Thread safety: any thread, except where it says otherwise. Cost: one lock for each step, some microseconds for a job;
// about 30 us more when a thread must be started. This is not a hot path.
//
// Protocol: what a job is, where it is, and every count is guarded by the pool's lock.
//  1. submit queues the job and wakes the thread that went idle last, or starts one. A thread that cannot be started is
//     an error only if there is none at all: then nobody would take the job. Invariant: while jobs wait there is a thread.
//  2. A thread takes the oldest job: from that step on it runs. cancel before that step takes it off the queue. So
//     the lock decides between a start and a cancellation, and there is nothing in between.
//  3. When its function has returned the job's word says `completed` (executor/cell.hpp), and its asker is woken. Only
//     then does the pool's count of busy jobs go down, so that an executor at rest has no wake-up to come.
//  4. An asker that leaves a running job abandons the word; then the thread frees the job.
#ifndef BASTION_EXECUTOR_BLOCKING_POOL_HPP
#define BASTION_EXECUTOR_BLOCKING_POOL_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/base/source_location.hpp>
#include <bastion/executor/blocking_job.hpp>
#include <bastion/executor/rest.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bastion::detail {

class executor;

// A function that runs now.
struct running_function {
    std::string asker; // path and spawn site, if it was abandoned; else empty
    const strand* process = nullptr; // whose it is, to compare
    source_location given_at;
    std::chrono::nanoseconds runs_for{0};
};

struct blocking_options {
    std::size_t most_threads = 512; // at least 1
    std::chrono::nanoseconds idle = std::chrono::seconds(10);
};

class BASTION_API blocking_pool {
public:
    // `serves`, which may be null, is told when no job is queued or running any more.
    explicit blocking_pool(blocking_options options, executor* serves = nullptr) noexcept;
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;
    ~blocking_pool() { stop(); }

    // Queues it. Throws std::system_error when there is no thread and none can be started; then it is not queued.
    void submit(blocking_job& job);
    // True: it has not begun, and never will; it is the caller's. False: it runs, or has returned.
    [[nodiscard]] bool cancel(blocking_job& job) noexcept;
    // Who asked for a job that the asker is about to abandon; for reports.
    void note_asker(blocking_job& job, std::string who) noexcept;
    // Until it has returned. For askers that cannot leave otherwise.
    static void wait_for(blocking_job& job) noexcept;

    [[nodiscard]] blocking_counters counters() const noexcept;
    // Those that run now, the oldest first. Throws std::bad_alloc.
    [[nodiscard]] std::vector<running_function> running() const;
    // A function that `process` waits for, itself or in a forked task, if one runs.
    [[nodiscard]] std::optional<running_function> asked_by(const strand* process) const;
    // Until no job is queued or running, at most so long; whether that is so.
    [[nodiscard]] bool wait_until_done(std::chrono::nanoseconds d) noexcept;
    // Of the jobs that are queued or run.
    [[nodiscard]] const function_count& count() const noexcept { return count_; }

    // Waits for what is queued and running, and ends the threads. Nobody may submit any more. Idempotent.
    void stop() noexcept;

private:
    struct member;
    using job_list = intrusive_list<blocking_job, &blocking_job::hook>;

    void start_thread(); // under the lock
    void work(member& self) noexcept;
    void run_one(blocking_job& job, std::unique_lock<std::mutex>& lock) noexcept;
    [[nodiscard]] bool wait_for_work(member& self, std::unique_lock<std::mutex>& lock) noexcept;
    void one_less() noexcept;

    const blocking_options options_;
    executor* const serves_;
    function_count count_;

    mutable std::mutex mutex_;
    job_list queue_;
    job_list running_;
    std::vector<member*> idle_; // the one that went idle last is last. Invariant: has room for every thread
    member* last_ended_ = nullptr; // joined by the next one that ends, or by stop
    std::condition_variable all_ended_;
    std::condition_variable done_;
    std::size_t threads_ = 0;
    std::size_t peak_threads_ = 0;
    std::uint64_t completed_ = 0;
    std::uint64_t cancelled_ = 0;
    bool stopping_ = false;
};

} // namespace bastion::detail

#endif
