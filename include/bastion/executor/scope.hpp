// `scope`: forks tasks that other workers may steal, and joins them before it ends.
//
// Used inside processes and tasks: `scope s; auto a = s.fork(f(x)); auto b = co_await g(x); co_await s.join();` then
// `*a`. A forked task is plain computation: it may run on another thread, so it has no process (no recv, no sleep).
// Its exception is rethrown by join, and by the handle. Leaving a scope that was not joined (by an exception) waits for
// its tasks, working meanwhile. Cost: a frame, a push and a pop of the worker's deque; atomics only for what was stolen.
//
// Protocol:
//  1. fork pushes the child's job on this worker's deque (one of two: what a process forks that is bound to a node stays there, too) and counts
//     it (plain: only the scope's strand forks).
//  2. A forked task that joins pops the newest job; while it is one of ours, it runs in place, one after another,
//     without any atomic. Each child that ends so pops the next.
//  3. A foreign job on top means that all of ours left were stolen: as many completions must come from others
//     (join_count.hpp). Whoever is the last resumes the parent: for a process by unparking it, for a forked task by a
//     transfer.
//  4. A process that joins runs nothing in place (its children must not meet its mailbox): it waits as in 3, and its
//     worker runs the jobs from the deque.
#ifndef BASTION_EXECUTOR_SCOPE_HPP
#define BASTION_EXECUTOR_SCOPE_HPP

#include <bastion/executor/join_count.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/executor/worker.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace bastion {

template <class T>
class forked;

namespace detail {

class scope_base;

// Lies in the handle that fork returns; the frame it runs belongs to that handle, too.
struct fork_node : fork_job {
    scope_base* owner = nullptr;
    std::coroutine_handle<> handle;
    bool in_place = false; // runs on the joiner's stack of transfers: no atomics
};

class scope_base {
public:
    scope_base() noexcept = default;
    scope_base(const scope_base&) = delete;
    scope_base& operator=(const scope_base&) = delete;

    // What to resume next for the joining strand; noop when it must wait for stolen children.
    [[nodiscard]] BASTION_API std::coroutine_handle<> next_in_place(thread_state& thread) noexcept;
    [[nodiscard]] BASTION_API std::coroutine_handle<> child_done(fork_node& child) noexcept;
    BASTION_API void push(fork_node& child);
    BASTION_API void wait_blocking() noexcept;
    // Nothing forked by the strand runs any more.
    void close() noexcept {
        if (std::exchange(counted_, false)) count_elsewhere(*strand_, -1);
    }

    [[nodiscard]] bool all_done() const noexcept { return stolen_.all_done(); }

    BASTION_API void keep_exception(std::exception_ptr e) noexcept;

    std::coroutine_handle<> parent_; // Invariant: written before join counts, read by the last child
    strand* strand_ = nullptr; // of the joiner, known from the first fork; null inside a forked task
    strand* root_ = nullptr; // the same, or the one whose forked task that is
    std::int32_t unclaimed_ = 0; // forked, and not run in place
    bool bound_ = false; // as `root_` is
    bool counted_ = false; // by the strand, as what runs elsewhere
    std::exception_ptr exception_; // Invariant: written by the first to fail, read after the join
    join_count stolen_;
};

} // namespace detail

// What fork returns: owns the child's frame, gives its result after the join.
template <class T>
class [[nodiscard]] forked {
public:
    forked(detail::scope_base& owner, task<T>&& t) : task_(std::move(t)) {
        auto& promise = task_.handle().promise();
        node_.owner = &owner;
        node_.handle = task_.handle();
        node_.run = [](detail::fork_job& job, detail::worker&) {
            auto& node = static_cast<detail::fork_node&>(job);
            detail::thread_state& thread = detail::this_thread();
            detail::strand* const outer = std::exchange(thread.current, nullptr);
            detail::strand* const outer_fork = std::exchange(thread.forked_by, node.owner->root_);
            detail::resume_flat(node.handle, thread); // then the node may be gone
            detail::thread_state& after = detail::this_thread();
            after.current = outer;
            after.forked_by = outer_fork;
        };
        promise.done_ = [](detail::task_promise_base& p) -> std::coroutine_handle<> {
            auto& node = *static_cast<detail::fork_node*>(p.done_object_);
            if (auto e = static_cast<detail::task_promise<T>&>(p).exception()) node.owner->keep_exception(std::move(e));
            return node.owner->child_done(node);
        };
        promise.done_object_ = &node_;
        owner.push(node_);
    }
    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;
    ~forked() {
        // Its frame may still run elsewhere: a scope left in the middle, or in its join, waits here.
        if (node_.owner->unclaimed_ != 0 || !node_.owner->all_done()) node_.owner->wait_blocking();
    }

    // The result; only after the scope was joined. Rethrows what the task threw.
    [[nodiscard]] decltype(auto) operator*() { return task_.handle().promise().value(); }
    [[nodiscard]] decltype(auto) get() { return task_.handle().promise().value(); }

private:
    task<T> task_;
    detail::fork_node node_;
};

class scope : private detail::scope_base {
public:
    scope() noexcept {}
    ~scope() {
        if (unclaimed_ != 0 || !all_done()) wait_blocking();
        close();
    }

    // Starts `t` where a worker finds time. The handle must not outlive the scope, nor the scope the handle's use.
    template <class T>
    [[nodiscard]] forked<T> fork(task<T>&& t) {
        return forked<T>(*this, std::move(t));
    }

    class [[nodiscard]] join_wait {
    public:
        explicit join_wait(scope_base& s) noexcept : scope_(s) {}
        [[nodiscard]] bool await_ready() const noexcept { return scope_.unclaimed_ == 0; }
        [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
            detail::thread_state& thread = detail::this_thread();
            scope_.parent_ = parent;
            return detail::transfer(scope_.next_in_place(thread));
        }
        void await_resume() const {
            scope_.close();
            if (scope_.exception_ == nullptr) return;
            scope_.stolen_.forget_failure();
            std::rethrow_exception(std::exchange(scope_.exception_, nullptr));
        }
        // A forked task cannot be left alone: it may use what lies in the joiner's frame.
        template <class Duration>
        void within(Duration) {
            static_assert(!std::is_same_v<Duration, Duration>,
                "bastion: a join cannot be given up: bound what the forked tasks do, or have a stop_token end them");
        }
        template <class Token>
        void until(Token token) {
            within(token);
        }

    private:
        scope_base& scope_;
    };

    // Waits until every forked task is done, working on them. Uninterruptible: a kill takes effect afterwards.
    [[nodiscard]] join_wait join() noexcept { return join_wait(*this); }
};

} // namespace bastion

#endif
