#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/scope.hpp>

namespace bastion::detail {

void throw_not_in_process(const char* what) {
    throw usage_error(std::string("bastion: ") + what +
                      " was awaited outside a process: await it in a process body or in a task that one awaits");
}

void scope_base::push(fork_node& child) {
    thread_state& thread = this_thread();
    if (thread.current_worker == nullptr)
        throw usage_error("bastion: scope::fork was called on a plain thread: fork inside a process or a task");
    if (unclaimed_ == 0) {
        strand_ = thread.current;
        root_ = strand_ != nullptr ? strand_ : thread.forked_by;
        bound_ = root_ != nullptr && root_->bound;
    }
    thread.current_worker->push_job(child, bound_); // may throw: there is no room, and no child
    ++unclaimed_;
    if (strand_ != nullptr && !std::exchange(counted_, true)) count_elsewhere(*strand_, 1);
}

void scope_base::keep_exception(std::exception_ptr e) noexcept {
    if (stolen_.first_to_fail()) exception_ = std::move(e);
}

std::coroutine_handle<> scope_base::next_in_place(thread_state& thread) noexcept {
    if (strand_ == nullptr) {
        worker& here = *thread.current_worker;
        if (fork_job* job = here.pop_job(bound_)) {
            auto& child = static_cast<fork_node&>(*job);
            if (child.owner == this) {
                child.in_place = true;
                --unclaimed_;
                return child.handle;
            }
            here.return_job(*job, bound_);
        }
    }
    const std::int32_t rest = std::exchange(unclaimed_, 0);
    if (rest == 0) return parent_;
    if (strand_ != nullptr) {
        strand_->slot->set(
            parent_, this, [](void* s, wait_query) { return static_cast<scope_base*>(s)->all_done(); }, false, true);
        stolen_.expect(rest);
        return std::noop_coroutine();
    }
    const auto parent = parent_;
    return stolen_.expect(rest) ? parent : std::noop_coroutine();
}

std::coroutine_handle<> scope_base::child_done(fork_node& child) noexcept {
    if (child.in_place) return next_in_place(this_thread());
    // Read before the count goes down: the scope may be gone after it, and its process.
    strand* const waiting = strand_;
    thread_state& thread = this_thread();
    thread.current_worker->leave_fork(thread);
    if (!stolen_.complete()) return std::noop_coroutine();
    if (waiting == nullptr) { // Safety: only the last one resumes the parent, so the scope still stands
        thread.forked_by = root_; // whose forked task goes on here
        return parent_;
    }
    waiting->ops->unpark(*waiting);
    return std::noop_coroutine();
}

void scope_base::wait_blocking() noexcept {
    worker& here = *this_thread().current_worker;
    parent_ = std::noop_coroutine();
    stolen_.expect_and_hold(std::exchange(unclaimed_, 0)); // no child touches the scope after we left
    while (!stolen_.only_held()) {
        // Also a job of another scope: ours may lie below it.
        if (fork_job* job = here.pop_job(bound_)) {
            job->run(*job, here);
        } else if (here.run_resumed()) {
            // one of ours may have waited for a blocking function
        } else if (driver* const d = here.owner().driven_by()) {
            d->run_another(here);
        } else {
            std_atomics::pause();
            std::this_thread::yield();
        }
    }
    stolen_.let_go();
}

} // namespace bastion::detail
