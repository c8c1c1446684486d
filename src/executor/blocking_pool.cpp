#include <bastion/executor/blocking_pool.hpp>

#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace bastion::detail {

struct blocking_pool::member {
    std::thread thread;
    std::condition_variable wake;
    bool woken = false; // and no longer idle
};

blocking_pool::blocking_pool(blocking_options options, executor* serves) noexcept
    : options_(options), serves_(serves) {}

// The new thread waits for the lock first.
void blocking_pool::start_thread() {
    idle_.reserve(threads_ + 1);
    auto m = std::make_unique<member>();
    member* const made = m.get();
    m->thread = std::thread([this, made] {
        (void)topology::unbind_this_thread(); // it is the child of a worker
        work(*made);
    });
    [[maybe_unused]] const member* const its_own = m.release(); // freed by who joins it
    ++threads_;
    peak_threads_ = std::max(peak_threads_, threads_);
}

void blocking_pool::submit(blocking_job& job) {
    const std::lock_guard lock(mutex_);
    if (idle_.empty() && threads_ < options_.most_threads) {
        try {
            start_thread();
        } catch (const std::exception&) {
            if (threads_ == 0) throw;
        }
    } else if (!idle_.empty()) {
        member& m = *idle_.back();
        idle_.pop_back();
        m.woken = true;
        m.wake.notify_one();
    }
    job.at = blocking_job::place::queued;
    queue_.push_back(&job);
    count_.one_more();
}

bool blocking_pool::cancel(blocking_job& job) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (job.at == blocking_job::place::outside) return true;
        if (job.at != blocking_job::place::queued) return false;
        queue_.erase(&job);
        job.at = blocking_job::place::outside;
        ++cancelled_;
        if (queue_.empty() && running_.empty()) done_.notify_all();
    }
    one_less();
    return true;
}

void blocking_pool::note_asker(blocking_job& job, std::string who) noexcept {
    const std::lock_guard lock(mutex_);
    job.asker = std::move(who);
}

void blocking_pool::wait_for(blocking_job& job) noexcept {
    for (;;) {
        const cell_state now = job.word.load();
        if (now != cell_state::pending) return;
        (void)futex_wait(
            job.word.word(), static_cast<std::uint32_t>(now), 1'000'000); // who completes it need not wake us
    }
}

// Nobody waits for rest unless something was busy: who finds none left tells them.
void blocking_pool::one_less() noexcept {
    if (count_.one_less() && serves_ != nullptr) serves_->blocking_done();
}

void blocking_pool::run_one(blocking_job& job, std::unique_lock<std::mutex>& lock) noexcept {
    job.at = blocking_job::place::running;
    job.since_ns = monotonic_ns();
    running_.push_back(&job);
    lock.unlock();
    job.call(job);
    lock.lock();
    running_.erase(&job);
    job.at = blocking_job::place::returned;
    ++completed_;
    lock.unlock();
    runnable* const owner = job.owner; // the job may be gone after the next step
    switch (job.word.complete()) {
    case cell_event::wake_owner:
        if (owner != nullptr) owner->ops->unpark(*owner);
        break;
    case cell_event::free_payload: job.dispose(job); break;
    case cell_event::none: break;
    }
    one_less();
    lock.lock();
    if (queue_.empty() && running_.empty()) done_.notify_all();
}

// False: it has been idle for long enough, or the pool stops.
bool blocking_pool::wait_for_work(member& self, std::unique_lock<std::mutex>& lock) noexcept {
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    const auto until = std::chrono::steady_clock::now() + std::min(options_.idle, longest);
    self.woken = false;
    idle_.push_back(&self);
    while (!self.woken && !stopping_)
        if (self.wake.wait_until(lock, until) == std::cv_status::timeout) break;
    if (self.woken) return true;
    std::erase(idle_, &self);
    return false;
}

void blocking_pool::work(member& self) noexcept {
    std::unique_lock lock(mutex_);
    do {
        while (blocking_job* const job = queue_.pop_front()) run_one(*job, lock);
    } while (!stopping_ && wait_for_work(self, lock));
    --threads_;
    const std::unique_ptr<member> before(std::exchange(last_ended_, &self));
    if (threads_ == 0) all_ended_.notify_all();
    lock.unlock();
    if (before != nullptr) before->thread.join();
}

blocking_counters blocking_pool::counters() const noexcept {
    const std::lock_guard lock(mutex_);
    blocking_counters c;
    c.queued = queue_.size();
    c.running = running_.size();
    c.threads = threads_;
    c.idle = idle_.size();
    c.peak_threads = peak_threads_;
    c.completed = completed_;
    c.cancelled = cancelled_;
    return c;
}

namespace {

running_function look_at(const blocking_job& job) {
    return {job.asker, job.process, job.given_at, std::chrono::nanoseconds(monotonic_ns() - job.since_ns)};
}

} // namespace

std::vector<running_function> blocking_pool::running() const {
    const std::lock_guard lock(mutex_);
    std::vector<running_function> all;
    for (const blocking_job* job = running_.front(); job != nullptr; job = job_list::next(job))
        all.push_back(look_at(*job));
    return all;
}

std::optional<running_function> blocking_pool::asked_by(const strand* process) const {
    const std::lock_guard lock(mutex_);
    for (const blocking_job* job = running_.front(); job != nullptr; job = job_list::next(job))
        if (job->process == process) return look_at(*job);
    return {};
}

bool blocking_pool::wait_until_done(std::chrono::nanoseconds d) noexcept {
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, std::min(d, longest), [this] { return queue_.empty() && running_.empty(); });
}

void blocking_pool::stop() noexcept {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (member* m : idle_) m->wake.notify_one();
    all_ended_.wait(lock, [this] { return threads_ == 0; });
    const std::unique_ptr<member> last(std::exchange(last_ended_, nullptr));
    lock.unlock();
    if (last != nullptr) last->thread.join();
}

} // namespace bastion::detail
