#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace bastion::detail {
namespace {

std::atomic<int> executors_alive{0};

executor_options completed(executor_options options) {
    if (options.workers == 0) options.workers = static_cast<std::size_t>(topology::this_machine().workers());
    if (!options.time) options.time = steady_clock_source();
    return options;
}

} // namespace

executor::executor(executor_options options)
    : options_(completed(std::move(options))), time_(options_.time), sleepers_(options_.workers),
      blocking_(options_.blocking, this) {
    random_source seeds(options_.seed);
    for (std::size_t i = 0; i < options_.workers; ++i)
        workers_.push_back(std::make_unique<worker>(*this, i, seeds.next(), options_.workers > 1));
    if (options_.driven_by != nullptr) {
        options_.driven_by->attach(*this);
        return;
    }
    // Pinned only when this is the program's only runtime and it uses every allowed core.
    const auto& cpus = topology::this_machine().cpus;
    const bool pin = executors_alive.fetch_add(1) == 0 && options_.pin && options_.workers == cpus.size();
    for (std::size_t i = 0; i < options_.workers; ++i)
        threads_.emplace_back([this, i, pin, &cpus] {
            if (pin) topology::pin_this_thread(cpus[i]);
            if (options_.around != nullptr) options_.around(*workers_[i]);
            else workers_[i]->loop();
        });
    time_->attach(*this);
}

executor::~executor() {
    stop();
    if (options_.driven_by == nullptr) executors_alive.fetch_sub(1);
}

void executor::stop() {
    if (std::exchange(stopped_, true)) return;
    if (options_.driven_by != nullptr) options_.driven_by->detach(*this);
    else time_->detach(*this);
    stopping_.store(true, std::memory_order_relaxed); // whoever sleeps is woken, and then sees it
    wake_all();
    for (auto& thread : threads_) thread.join();
    blocking_.stop();
    // Timers of cells went with their frames; messages to be sent later are dropped.
    for (auto& w : workers_) {
        timer_list left;
        w->collect_young();
        w->wheel_.advance(time_->now_ns(), left);
        w->wheel_.advance(std::numeric_limits<std::int64_t>::max(), left);
        fired_timers fired;
        while (timer_entry* entry = left.pop_front()) entry->fire(entry, &fired);
        while (fired.late != nullptr) {
            auto* entry = static_cast<late_timer*>(fired.late);
            fired.late = entry->next;
            entry->drop(*entry);
        }
    }
}

std::size_t executor::nodes() const {
    return topology::plan_workers(topology::this_machine(), {.count = size()}).nodes();
}

bool executor::on_worker() const noexcept {
    const worker* here = this_thread().current_worker;
    return here != nullptr && &here->owner() == this;
}

worker& executor::timer_home() noexcept {
    worker* here = this_thread().current_worker;
    return here != nullptr && &here->owner() == this ? *here : *workers_.front();
}

executor_counters executor::counters() const noexcept {
    executor_counters sum;
    for (const auto& w : workers_) {
        sum.resumes += w->counters().resumes.load(std::memory_order_relaxed);
        sum.steals += w->counters().steals.load(std::memory_order_relaxed);
        sum.parks += w->counters().parks.load(std::memory_order_relaxed);
    }
    return sum;
}

void executor::inject(runnable& r) noexcept {
    shared_.push_back(&r);
    if (sleepers_.any()) wake_one();
}

void executor::inject_system(runnable& r) noexcept {
    shared_system_.push_back(&r);
    if (sleepers_.any()) wake_one();
}

void executor::wake_one() noexcept {
    driver* const chooser = options_.driven_by;
    const int index = sleepers_.take(chooser != nullptr ? chooser->choose(decision::who_is_woken, size()) : 0);
    if (index < 0) return;
    workers_[static_cast<std::size_t>(index)]->parker_.unpark();
}

void executor::wake(std::size_t index) noexcept {
    if (sleepers_.take_this(index)) workers_[index]->parker_.unpark();
}

void executor::wake_all() noexcept {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        sleepers_.withdraw(i);
        workers_[i]->parker_.unpark();
    }
}

void executor::rested() noexcept {
    if (rest_.begin(workers_.size())) tell_of_rest();
}

bool executor::at_rest() noexcept {
    const std::uint64_t functions = blocking_.count().state();
    return !function_count::is_busy(functions) && rest_.resting() == workers_.size() &&
           sleepers_.asleep() == workers_.size() && shared_.empty_for_sure() && shared_system_.empty_for_sure() &&
           resumed_.empty_for_sure() && blocking_.count().state() == functions;
}

void executor::blocking_done() noexcept {
    if (rest_.is_awaited()) tell_of_rest();
}

void executor::tell_of_rest() noexcept {
    const std::lock_guard lock(rest_mutex_);
    rest_changed_.notify_all();
}

void executor::resume_forked(runnable& r) noexcept {
    resumed_.push_back(&r);
    if (sleepers_.any()) wake_one();
}

std::string executor::name_of(strand* s) const noexcept {
    try {
        if (s != nullptr && options_.name_of != nullptr) return options_.name_of(*s);
    } catch (const std::bad_alloc&) {} // a report without a name
    return {};
}

void executor::check_caller() const {
    const worker* here = this_thread().current_worker;
    if (here != nullptr && &here->owner() == this)
        throw usage_error("bastion: a process moved the manual clock of its own runtime, and would wait for itself: "
                          "call advance and settle from a plain thread");
}

void executor::wait_until_at_rest() {
    std::unique_lock lock(rest_mutex_);
    rest_.await();
    rest_changed_.wait(lock, [this] { return at_rest(); });
    rest_.await_no_more();
}

std::optional<std::int64_t> executor::next_due() {
    std::optional<std::int64_t> earliest;
    for (auto& w : workers_) {
        const std::lock_guard lock(w->wheel_lock_);
        const auto due = w->wheel_.next_due();
        if (due && (!earliest || *due < *earliest)) earliest = due;
    }
    return earliest;
}

void executor::time_moved() {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        {
            // A worker on its way to sleep sees this if it read the clock before, or is woken.
            const std::lock_guard lock(workers_[i]->wheel_lock_);
            workers_[i]->timers_.armed();
        }
        wake(i);
    }
}

} // namespace bastion::detail
