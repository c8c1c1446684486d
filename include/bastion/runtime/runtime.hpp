// `runtime`: workers, a root supervisor, and the door for plain threads.
//
// An object: several may live in one program, one after another or at once. Its constructor starts the workers, its
// destructor stops the tree and waits. Refs outlive it safely.
#ifndef BASTION_RUNTIME_RUNTIME_HPP
#define BASTION_RUNTIME_RUNTIME_HPP

#include <bastion/executor/scope.hpp>
#include <bastion/executor/when.hpp>
#include <bastion/routing/names.hpp>
#include <bastion/runtime/config.hpp>
#include <bastion/runtime/figures.hpp>
#include <bastion/supervision/join.hpp>
#include <bastion/supervision/partitions.hpp>
#include <bastion/supervision/snapshot.hpp>
#include <bastion/supervision/spawn.hpp>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace bastion {

// Told to subscribers: somebody sent a message that reached nobody.
struct dead_letter {
    drop_reason cause;
    std::string type;  // of the message
    child_ref to;
    child_ref from;    // nobody for questions and for plain threads
};

struct runtime_counters {
    std::uint64_t resumes = 0;
    std::uint64_t steals = 0;
    std::uint64_t far_steals = 0; // of these, from another NUMA node
    std::uint64_t parks = 0;
    std::uint64_t dead_letters = 0;
};

// Of crash reports, since the start: made == delivered + dropped + waiting, at any time.
struct crash_counters {
    std::uint64_t made = 0; // abnormal ends of processes, whether there was room for their reports or not
    std::uint64_t delivered = 0; // calls of the sink that have returned
    std::uint64_t dropped = 0; // for want of room or memory, or because the sink threw or took too long at the end
    std::uint64_t waiting = 0; // queued, and the one that the sink is being told
};

namespace detail {

struct runtime_state;

// One value on its way from a process to a plain thread.
template <class T>
class handover {
public:
    void give(T value) {
        const std::lock_guard lock(mutex_);
        value_.emplace(std::move(value));
        done_ = true;
        changed_.notify_one();
    }
    void fail(std::exception_ptr e) {
        const std::lock_guard lock(mutex_);
        if (done_) return;
        exception_ = std::move(e);
        done_ = true;
        changed_.notify_one();
    }
    [[nodiscard]] bool done() {
        const std::lock_guard lock(mutex_);
        return done_;
    }
    T wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return done_; });
        if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
        return std::move(*value_);
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<T> value_;
    std::exception_ptr exception_;
    bool done_ = false;
};

// Part of the body that works for rt.run: goes with its element, whether it ever ran or not, and then the caller has
// its answer.
template <class T>
class handover_end {
public:
    explicit handover_end(std::shared_ptr<handover<T>> to) noexcept : to_(std::move(to)) {}
    handover_end(const handover_end&) = delete;
    handover_end& operator=(const handover_end&) = delete;
    ~handover_end() { fail("bastion: rt.run: the runtime stopped before the task was done"); }
    // Nothing here holds the exception, or its text, when the caller has it.
    void fail(const char* why) noexcept {
        std::exception_ptr e = std::make_exception_ptr(usage_error(why));
        to_->fail(std::move(e));
    }
    [[nodiscard]] const std::shared_ptr<handover<T>>& target() const noexcept { return to_; }

private:
    std::shared_ptr<handover<T>> to_;
};

template <class T>
class run_task_body final : public process_body {
public:
    run_task_body(task<T> t, std::shared_ptr<handover<value_or_monostate<T>>> to)
        : end_(std::move(to)), task_(std::move(t)) {}
    void start(control_block& block) override {
        install_frame(block, work(context(block), std::move(task_), end_.target()));
    }
    void be_lost() noexcept override {
        end_.fail("bastion: rt.run: the task does not come back, and is not waited for (on_stuck)");
    }

private:
    // The exception is handed over when nothing here holds it any more: the caller alone has it then, and it ends there.
    static process work(context, task<T> t, std::shared_ptr<handover<value_or_monostate<T>>> to) {
        std::exception_ptr failed;
        try {
            if constexpr (std::is_void_v<T>) {
                co_await t;
                to->give({});
            } else {
                T value = co_await t;
                to->give(std::move(value));
            }
        } catch (...) { failed = std::current_exception(); }
        if (failed) to->fail(std::exchange(failed, nullptr));
    }
    handover_end<value_or_monostate<T>> end_;
    task<T> task_;
};

} // namespace detail

class BASTION_API runtime {
public:
    // Starts the workers and the root supervisor. Throws bad_config.
    explicit runtime(config c = config());
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    // Stops everything and waits, also for the sink of crash reports and for blocking functions that run: those that still do after the shutdown time-out
    // are named in the log (and end the program, if on_stuck says so). On a manual clock, whose deadlines do not come any more, it kills what still sleeps then.
    // Destroying it from one of its own processes is a fatal error, reported.
    ~runtime();

    // Below the root supervisor. Any thread. Throws usage_error when the runtime has stopped.
    template <class F>
    child_ref spawn(F&& body, source_location where = source_location::current()) {
        require_running();
        return root().spawn(std::forward<F>(body), where);
    }
    template <class F>
    child_ref spawn(F&& body, const placement& at, source_location where = source_location::current()) {
        require_running();
        return root().spawn(std::forward<F>(body), at, where);
    }
    children_ref spawn(children&& group) {
        require_running();
        return root().spawn(std::move(group));
    }
    supervisor_ref spawn(supervisor&& tree) {
        require_running();
        return root().spawn(std::move(tree));
    }
    partitions_ref spawn(partitions&& all) {
        require_running();
        return root().spawn(std::move(all));
    }
    // Runs a task as a process of its own. `rt.run(std::move(handle))` waits for it.
    template <class T>
    join_handle<T> spawn(task<T>&& t, source_location where = source_location::current()) {
        require_running();
        return root().spawn(std::move(t), where);
    }
    template <class T>
    join_handle<T> spawn(task<T>&& t, const placement& at, source_location where = source_location::current()) {
        require_running();
        return root().spawn(std::move(t), at, where);
    }
    template <class M>
    void broadcast(M&& m) {
        root().broadcast(std::forward<M>(m));
    }

    // ---- routing: as in a process (see context), from any thread
    [[nodiscard]] bastion::distributor distributor(std::string_view name) const;
    [[nodiscard]] bastion::topic topic(std::string_view name) const;
    template <class M>
    std::size_t broadcast_message(const broadcast_target& target, M&& m) const {
        return detail::dispatch_value(home(), target, std::forward<M>(m));
    }
    // Until that element ends for good; also for another than the caller: errc::name_taken, errc::noproc, errc::invalid.
    result<void> register_name(std::string_view name, const child_ref& who) const;
    bool unregister_name(std::string_view name) const;
    [[nodiscard]] child_ref whereis(std::string_view name) const;
    // By path: "/pool/workers", "/pool". Those that are not there name nobody. A group has its path when it has started.
    [[nodiscard]] children_ref find_children(std::string_view path) const;
    [[nodiscard]] supervisor_ref find_supervisor(std::string_view path) const;

    // Stops the tree in order; wait() then returns `code`. The first call decides. Any thread, any number of times.
    void stop(int code = 0) noexcept;
    // As stop, but without asking the processes.
    void kill(int code = 1) noexcept;
    // Until the runtime has stopped; the exit code: stop's, or 1 after an unhandled fault. Plain threads only.
    int wait();

    // Blocks a plain thread for an answer (also of ref.started() and the like) or for a task, which runs as a process.
    template <class R>
    result<R> run(answer<R> a) {
        require_plain_thread("waiting for an answer");
        a.pending().wait_on_thread(driven());
        return a.take();
    }
    // For what was spawned by a plain thread: the value, or errc::target_died and why.
    template <class T>
    typename join_handle<T>::value_type run(join_handle<T> h) {
        require_plain_thread("waiting for a task");
        h.pending().wait_on_thread(driven());
        return h.take();
    }
    template <class T>
    T run(task<T> t) {
        static_assert(!std::is_reference_v<T>, "bastion: rt.run: a task that returns a reference: return a value");
        require_plain_thread("waiting for a task");
        require_running();
        using value = detail::value_or_monostate<T>;
        auto to = std::make_shared<detail::handover<value>>();
        (void)detail::spawn_body(root().temporaries(),
            detail::shared<detail::process_body>(new detail::run_task_body<T>(std::move(t), to)), source_location());
        drive_until([&to] { return to->done(); });
        if constexpr (std::is_void_v<T>) to->wait();
        else return to->wait();
    }

    // From now on `who` is told a bastion::dead_letter for each, until it ends.
    void subscribe_dead_letters(const child_ref& who);
    // Since the start: all, or those for one reason. Counted where a message is sent from, if that is a process; else where
    // it is sent to: a process, a distributor, the dispatchers. A ref that names nobody knows no runtime, nor does one
    // whose memory was given back: what a plain thread tells it is counted by the only runtime that there is (tell() says noproc). A topic's broadcast that nobody hears is no dead letter.
    [[nodiscard]] std::uint64_t dead_letters() const noexcept;
    [[nodiscard]] std::uint64_t dead_letters(drop_reason cause) const noexcept;

    [[nodiscard]] supervisor_ref root() const noexcept { return root_; }
    // Those that it was started with.
    [[nodiscard]] std::size_t workers() const noexcept;
    // Of these, how many run, and are to go on. Without resize_workers it follows the CPUs and the quota that the system grants, up to
    // workers(), within 2 s; not where a number of workers was asked for.
    [[nodiscard]] std::size_t active_workers() const noexcept;
    // So many of the workers run from now on, at least one on each NUMA node and at most workers(); the others hand what they have to their
    // node, and their threads end. Returns at once: a worker leaves when it comes back from what it runs, and one that is to come back is there
    // within 5 ms. From then on the number follows no CPUs by itself. Any thread. Throws usage_error: out of these bounds, or in a simulation.
    void resize_workers(std::size_t n);
    [[nodiscard]] runtime_counters counters() const noexcept;
    // The same and more of each worker and each NUMA node (see figures.hpp). Any thread. Cost: where there are several nodes the system walks
    // the page tables of the program. Throws std::bad_alloc.
    [[nodiscard]] runtime_figures figures() const;
    // The pool of blocking(fn): its backlog, what runs, its threads. Any thread; takes the pool's lock.
    [[nodiscard]] bastion::blocking_counters blocking_counters() const noexcept;
    // What has become of the crash reports; all 0 without a sink (config::with_crash_reports). Any thread; takes a lock.
    [[nodiscard]] crash_counters crash_reports() const noexcept;
    [[nodiscard]] bastion::clock& clock() noexcept;
    // The runtime and its tree, as they are now (see snapshot.hpp). Blocks a plain thread, at most as long as the limits
    // say; throws usage_error on a worker: there, co_await ctx.runtime().root().snapshot(). Of a runtime that has ended,
    // its counters and an empty tree.
    [[nodiscard]] bastion::snapshot snapshot(const snapshot_limits& limits = snapshot_limits()) const;

    [[nodiscard]] detail::runtime_state& state() noexcept { return *state_; }

private:
    [[nodiscard]] detail::runtime_home& home() const noexcept;
    void require_running() const;
    void require_plain_thread(const char* what) const;
    // The executor, if a driver takes its turns.
    [[nodiscard]] detail::executor* driven() const noexcept;
    // Has the driver work, if there is one.
    void drive_until(const std::function<bool()>& done) const;

    std::unique_ptr<detail::runtime_state> state_;
    supervisor_ref root_;
};

namespace detail {
// Throws usage_error when it has ended before its process.
[[nodiscard]] BASTION_API runtime& runtime_of(const control_block& process);
} // namespace detail

inline runtime& context::runtime() const { return detail::runtime_of(*block_); }

// ---- free functions: the running process' runtime, else BASTION_MAIN's ----------------------------------------------

// Throws usage_error when there is none.
[[nodiscard]] BASTION_API runtime& this_runtime();

template <class F>
child_ref spawn(F&& body) {
    return this_runtime().spawn(std::forward<F>(body));
}
template <class F>
child_ref spawn(F&& body, const placement& at) {
    return this_runtime().spawn(std::forward<F>(body), at);
}
template <class T>
join_handle<T> spawn(task<T>&& t, source_location where = source_location::current()) {
    return this_runtime().spawn(std::move(t), where);
}
template <class T>
join_handle<T> spawn(task<T>&& t, const placement& at, source_location where = source_location::current()) {
    return this_runtime().spawn(std::move(t), at, where);
}
inline children_ref spawn(children&& group) { return this_runtime().spawn(std::move(group)); }
inline supervisor_ref spawn(supervisor&& tree) { return this_runtime().spawn(std::move(tree)); }
inline partitions_ref spawn(partitions&& all) { return this_runtime().spawn(std::move(all)); }
inline void stop(int code = 0) { this_runtime().stop(code); }

} // namespace bastion

#endif
