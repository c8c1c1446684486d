#include <bastion/executor/awaitable.hpp>
#include <bastion/executor/executor.hpp>

#include <algorithm>
#include <cassert>
#include <limits>
#include <map>
#include <pthread.h>
#include <set>
#include <utility>

namespace bastion::detail {
namespace {

claimed_plan plan_of(executor_options& options) {
    if (options.plan) return std::move(*options.plan);
    return claimed_plan(topology::this_machine(), topology::worker_wishes());
}

std::size_t nodes_of(const claimed_plan& plan) {
    std::set<int> numbers;
    for (const topology::planned_worker& w : plan.workers()) numbers.insert(w.where.node);
    return numbers.size();
}

executor_options completed(executor_options options) {
    if (!options.time) options.time = steady_clock_source();
    return options;
}

} // namespace

executor::executor(executor_options options)
    : options_(completed(std::move(options))), plan_(plan_of(options_)), time_(options_.time),
      sleepers_(plan_.workers().size()),
      spares_(*this, options_.driven_by != nullptr || !options_.slices.watched() ? 0 : options_.most_spares,
          options_.most_lost, nodes_of(plan_)),
      blocking_(options_.blocking, this), watch_(*this) {
    make_workers();
    if (options_.driven_by != nullptr) {
        for (auto& w : workers_) {
            w->sit_down();
            one_seat_more(*w);
        }
        options_.driven_by->attach(*this);
        return;
    }
    seats_ = std::make_unique<seat[]>(workers_.size());
    for (auto& w : workers_) seats_[w->index()].begin(*this, *w, true);
    time_->attach(*this);
    watch_.start();
}

void executor::work_as(worker& w) {
    if (const auto& cpus = w.place().bound_to; !cpus.empty()) (void)topology::bind_this_thread(cpus);
    pthread_setname_np(pthread_self(), ("bastion-" + std::to_string(w.index())).c_str()); // it is where it belongs
    this_thread_pool().set_home(memory_of(w.node().home));
    if (options_.around != nullptr) options_.around(w);
    else w.loop();
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
    const bool has_thieves = plan.size() > 1 || (spares_.most_made() > 0 && !asymmetric_fence::available());
    for (std::size_t i = 0; i < plan.size(); ++i) {
        worker_node& here = *by_number[plan[i].where.node];
        std::vector<worker_node*> others;
        for (const std::uint32_t other : plan[i].nearest) {
            worker_node* const there = by_number[plan[other].where.node];
            if (there != &here && std::find(others.begin(), others.end(), there) == others.end())
                others.push_back(there);
        }
        workers_.push_back(
            std::make_unique<worker>(*this, i, seeds.next(), plan[i], here, std::move(others), has_thieves));
    }
}

executor::~executor() {
    [[maybe_unused]] const bool nobody_left = stop();
    assert(nobody_left);
}

bool executor::stop() {
    if (std::exchange(stopped_, true)) return !leaves_threads_;
    if (options_.driven_by != nullptr) options_.driven_by->detach(*this);
    else time_->detach(*this);
    watch_.stop();
    stopping_.store(true, std::memory_order_relaxed); // whoever sleeps is woken, and then sees it
    wake_all();
    const auto is_lost = [this](const worker& w) {
        const bool lost = watch_.is_lost(w);
        leaves_threads_ = leaves_threads_ || lost;
        return lost;
    };
    if (seats_ != nullptr)
        for (auto& w : workers_) {
            if (is_lost(*w)) seats_[w->index()].leave_behind();
            else seats_[w->index()].join();
        }
    spares_.join(is_lost);
    blocking_.stop();
    if (leaves_threads_) return false; // its timers may be armed and cancelled still
    // Timers of cells went with their frames; messages to be sent later are dropped.
    each_of_all([this](worker& w) {
        timer_list left;
        w.collect_young();
        w.wheel_.advance(time_->now_ns(), left);
        w.wheel_.advance(std::numeric_limits<std::int64_t>::max(), left);
        fired_timers fired;
        while (timer_entry* entry = left.pop_front()) entry->fire(entry, &fired);
        while (fired.late != nullptr) {
            auto* entry = static_cast<late_timer*>(fired.late);
            fired.late = entry->next;
            entry->drop(*entry);
        }
    });
    return true;
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
    const auto add = [&sum](const worker& w) {
        sum.resumes += w.resumes();
        sum.steals += w.counters().steals.load(std::memory_order_relaxed);
        sum.far_steals += w.counters().far_steals.load(std::memory_order_relaxed);
        sum.parks += w.counters().parks.load(std::memory_order_relaxed);
    };
    for (const auto& w : workers_) add(*w);
    for (const worker* w : spares_.made()) add(*w);
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

void executor::call_thief() noexcept {
    // acq_rel: pairs with heard_no_call; either that worker hears of it, or its sleep is seen here.
    thief_calls_.fetch_add(1, std::memory_order_acq_rel);
    if (sleepers_.any() && !sleepers_.anyone_searching()) wake_one(nodes_.front()->nearest);
}

bool executor::wake_one(const std::vector<std::uint32_t>& order, std::size_t n) noexcept {
    driver* const chooser = options_.driven_by;
    const std::size_t first = chooser != nullptr && n > 0 ? chooser->choose(decision::who_is_woken, n) : 0;
    const int index = sleepers_.take(n, [&](std::size_t i) { return order[(first + i) % n]; });
    // A worker of the order's first node comes first, so that a spare one of it may have all that its workers may.
    if (index < 0)
        return spares_.seated() != 0 &&
               wake_a_spare(n < order.size() && n > 0 ? &worker_at(order.front()).node() : nullptr);
    workers_[static_cast<std::size_t>(index)]->parker_.unpark();
    return true;
}

bool executor::wake_a_spare(const worker_node* node) noexcept {
    for (worker* spare : spares_.made())
        if ((node == nullptr || &spare->node() == node) && sleepers_.take_this(spare->index())) {
            spare->parker_.unpark();
            return true;
        }
    return false;
}

void executor::wake(worker& w) noexcept {
    if (sleepers_.take_this(w.index())) w.parker_.unpark();
}

void executor::wake_for_timers(worker& w) noexcept {
    if (sleepers_.take_this(w.index())) w.parker_.unpark();
    else if (w.stuck_.load(std::memory_order_relaxed) ||
             w.leaving_.load(std::memory_order_relaxed)) // or the watchdog does
        wake_one(w.node().nearest);
}

void executor::wake_all() noexcept {
    each_of_all([this](worker& w) {
        sleepers_.withdraw(w.index());
        w.parker_.unpark();
    });
}

void executor::one_seat_more(const worker& who) noexcept {
    seated_.one_more();
    if (who.index() >= workers_.size()) spares_.one_more();
}

void executor::one_seat_less(const worker& who) noexcept {
    if (who.index() >= workers_.size()) spares_.one_less();
    seated_.one_less();
    if (rest_.is_awaited()) tell_of_rest();
}

void executor::tell_to_leave(worker& w) noexcept {
    w.leaving_.store(true, std::memory_order_relaxed); // released by the wake-up
    wake(w);
}

void executor::resize(std::size_t workers) noexcept { watch_.want(workers); }

std::size_t executor::present() const noexcept {
    std::size_t n = 0;
    for (const auto& w : workers_) n += w->leaving_.load(std::memory_order_relaxed) ? 0 : 1;
    return n;
}

void executor::rested() noexcept {
    if (rest_.begin(seated_.seated())) tell_of_rest();
}

bool executor::at_rest() noexcept {
    const std::uint64_t functions = blocking_.count().state();
    const std::uint64_t seats = seated_.state();
    const std::size_t seated = seat_count::seated(seats);
    return !function_count::is_busy(functions) && rest_.resting() == seated && sleepers_.asleep() == seated &&
           queues_empty_for_sure() && blocking_.count().state() == functions && seated_.state() == seats;
}

void executor::blocking_done() noexcept {
    if (rest_.is_awaited()) tell_of_rest();
}

void executor::tell_of_rest() noexcept {
    const std::lock_guard lock(rest_mutex_);
    rest_changed_.notify_all();
}

void executor::resume_forked(runnable& r) noexcept {
    if (r.bound) {
        worker_node& home = *nodes_[r.node - 1u];
        home.resumed_bound.push_back(&r);
        if (sleepers_.any()) wake_one(home.nearest, home.own);
        return;
    }
    worker_node& node = next_node();
    node.resumed.push_back(&r);
    if (sleepers_.any()) wake_one(node.nearest);
}

std::string executor::name_of(strand* s, bool callback) const noexcept {
    try {
        if (s != nullptr && options_.name_of != nullptr) return options_.name_of(*s, callback);
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
    each_of_all([&earliest](worker& w) {
        const std::lock_guard lock(w.wheel_lock_);
        const auto due = w.wheel_.next_due();
        if (due && (!earliest || *due < *earliest)) earliest = due;
    });
    return earliest;
}

void executor::time_moved() {
    each_of_all([this](worker& w) {
        {
            // A worker on its way to sleep sees this if it read the clock before, or is woken.
            const std::lock_guard lock(w.wheel_lock_);
            w.timers_.armed();
        }
        wake_for_timers(w);
    });
}

} // namespace bastion::detail
