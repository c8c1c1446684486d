#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/executor.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace bastion::detail {
namespace {

claimed_plan plan_of(executor_options& options) {
    if (options.plan) return std::move(*options.plan);
    return claimed_plan(topology::this_machine(), topology::worker_wishes());
}

executor_options completed(executor_options options) {
    if (!options.time) options.time = steady_clock_source();
    return options;
}

} // namespace

executor::executor(executor_options options)
    : options_(completed(std::move(options))), plan_(plan_of(options_)), time_(options_.time),
      sleepers_(plan_.workers().size()), blocking_(options_.blocking, this) {
    make_workers();
    if (options_.driven_by != nullptr) {
        options_.driven_by->attach(*this);
        return;
    }
    for (auto& w : workers_)
        threads_.emplace_back([this, &w = *w] {
            if (const auto& cpus = w.place().bound_to; !cpus.empty()) (void)topology::bind_this_thread(cpus);
            this_thread_pool().set_home(plan_.home_of(w.index()));
            if (options_.around != nullptr) options_.around(w);
            else w.loop();
        });
    time_->attach(*this);
}

void executor::make_workers() {
    const std::vector<topology::planned_worker>& plan = plan_.workers();
    std::map<int, worker_node*> by_number;
    for (std::size_t i = 0; i < plan.size(); ++i) {
        worker_node*& here = by_number[plan[i].where.node];
        if (here != nullptr) continue;
        here = nodes_.emplace_back(std::make_unique<worker_node>()).get();
        here->number = plan[i].where.node;
        here->nearest.push_back(static_cast<std::uint32_t>(i));
        here->nearest.insert(here->nearest.end(), plan[i].nearest.begin(), plan[i].nearest.end());
        here->own = 1 + plan[i].near;
        here->home = static_cast<std::uint16_t>(nodes_.size());
    }
    random_source seeds(options_.seed);
    for (std::size_t i = 0; i < plan.size(); ++i) {
        worker_node& here = *by_number[plan[i].where.node];
        std::vector<worker_node*> others;
        for (const std::uint32_t other : plan[i].nearest) {
            worker_node* const there = by_number[plan[other].where.node];
            if (there != &here && std::find(others.begin(), others.end(), there) == others.end())
                others.push_back(there);
        }
        workers_.push_back(std::make_unique<worker>(*this, i, seeds.next(), plan[i], here, std::move(others)));
    }
}

executor::~executor() { stop(); }

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
        sum.far_steals += w->counters().far_steals.load(std::memory_order_relaxed);
        sum.parks += w->counters().parks.load(std::memory_order_relaxed);
    }
    return sum;
}

worker_node& executor::next_node() noexcept {
    if (nodes_.size() == 1) return *nodes_.front();
    return *nodes_[turn_of_nodes_.fetch_add(1, std::memory_order_relaxed) % nodes_.size()]; // a number, no order
}

bool executor::queues_empty_for_sure() noexcept {
    for (auto& node : nodes_)
        if (!node->empty_for_sure()) return false;
    return true;
}

std::uint16_t executor::next_home() noexcept {
    return static_cast<std::uint16_t>(1 + turn_of_homes_.fetch_add(1, std::memory_order_relaxed) % nodes_.size());
}

void executor::send_home(runnable& r) noexcept {
    worker_node& node = *nodes_[r.node - 1u];
    const bool bound = r.bound; // `r` may be running by then
    (bound ? node.bound : node.work).push_back(&r);
    if (sleepers_.any()) (void)wake_one(node.nearest, bound ? node.own : node.nearest.size());
}

void executor::inject(runnable& r) noexcept {
    if (r.node != 0) return send_home(r);
    worker_node& node = next_node();
    node.work.push_back(&r);
    if (sleepers_.any()) wake_one(node.nearest);
}

void executor::inject_system(runnable& r) noexcept {
    worker_node& node = next_node();
    node.system.push_back(&r);
    if (sleepers_.any()) wake_one(node.nearest);
}

bool executor::wake_one(const std::vector<std::uint32_t>& order, std::size_t n) noexcept {
    driver* const chooser = options_.driven_by;
    const std::size_t first = chooser != nullptr && n > 0 ? chooser->choose(decision::who_is_woken, n) : 0;
    const int index = sleepers_.take(n, [&](std::size_t i) { return order[(first + i) % n]; });
    if (index < 0) return false;
    workers_[static_cast<std::size_t>(index)]->parker_.unpark();
    return true;
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
           sleepers_.asleep() == workers_.size() && queues_empty_for_sure() && blocking_.count().state() == functions;
}

void executor::blocking_done() noexcept {
    if (rest_.is_awaited()) tell_of_rest();
}

void executor::tell_of_rest() noexcept {
    const std::lock_guard lock(rest_mutex_);
    rest_changed_.notify_all();
}

void executor::resume_forked(runnable& r) noexcept {
    worker_node& node = next_node();
    node.resumed.push_back(&r);
    if (sleepers_.any()) wake_one(node.nearest);
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
