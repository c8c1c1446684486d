#include <bastion/executor/blocking.hpp>
#include <bastion/executor/executor.hpp>

#include <utility>

namespace bastion::detail {
namespace {

const runnable_ops forked_ops{
    [](runnable& r, worker&) {
        thread_state& thread = this_thread();
        // Safety: only a forked_wait has these operations; its leaf is suspended, and this is its one wake-up.
        const auto& forked = static_cast<const forked_wait&>(r);
        strand* const outer = std::exchange(thread.current, nullptr);
        strand* const outer_fork = std::exchange(thread.forked_by, forked.forked_by);
        resume_flat(forked.leaf, thread);
        thread_state& after = this_thread();
        after.current = outer;
        after.forked_by = outer_fork;
    },
    [](runnable& r) { static_cast<forked_wait&>(r).workers->resume_forked(r); },
};

// The function is no process: what it does is done by nobody.
void run_within_this_turn(blocking_job& job) noexcept {
    strand* const outer = std::exchange(this_thread().current, nullptr);
    job.call(job);
    this_thread().current = outer;
    (void)job.word.complete(); // its asker is awake
}

} // namespace

forked_wait::forked_wait() noexcept { ops = &forked_ops; }

bool blocking_ticket::start() {
    const thread_state& thread = this_thread();
    if (thread.current_worker == nullptr) throw_not_in_process("a blocking function");
    if (pool_ != nullptr || over()) throw usage_error("bastion: a blocking function is awaited once");
    executor& workers = thread.current_worker->owner();
    if (workers.driven_by() != nullptr) {
        run_within_this_turn(*job_);
        return true;
    }
    if (thread.current == nullptr) return false;
    job_->owner = thread.current;
    job_->process = thread.current;
    workers.blocking().submit(*job_);
    pool_ = &workers.blocking();
    asker_ = thread.current;
    count_elsewhere(*asker_, 1);
    return true;
}

void blocking_ticket::wait_as_fork(std::coroutine_handle<> leaf) {
    thread_state& thread = this_thread();
    executor& workers = thread.current_worker->owner();
    forked_->workers = &workers;
    forked_->leaf = leaf;
    job_->owner = forked_;
    forked_->forked_by = thread.forked_by;
    if (thread.forked_by != nullptr && thread.forked_by->bound) {
        forked_->node = thread.forked_by->node;
        forked_->bound = true;
    }
    job_->process = thread.forked_by;
    pool_ = &workers.blocking();
    try {
        workers.blocking().submit(*job_); // then this object may be gone
    } catch (...) {
        pool_ = nullptr;
        throw;
    }
}

bool blocking_ticket::leave() noexcept { return over() || pool_ == nullptr || pool_->cancel(*job_); }

void blocking_ticket::end(bool left) noexcept {
    if (job_ == nullptr) return;
    if (asker_ != nullptr)
        count_elsewhere(*asker_, -1); // in its turn; at a kill, too, which waits here for the function
    const bool may_go = leave();
    blocking_job& job = *std::exchange(job_, nullptr);
    if (!may_go && left) {
        const thread_state& thread = this_thread();
        if (thread.current_worker != nullptr)
            pool_->note_asker(job, thread.current_worker->owner().name_of(thread.current));
        if (!job.word.abandon()) return; // its thread frees it
    } else if (!may_go) {
        blocking_pool::wait_for(job);
    }
    job.dispose(job);
}

} // namespace bastion::detail
