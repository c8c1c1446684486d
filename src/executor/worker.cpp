#include <bastion/executor/executor.hpp>
#include <bastion/executor/worker.hpp>

#include <algorithm>
#include <cassert>
#include <cxxabi.h>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace bastion::detail {
namespace {

// Where the C++ ABI keeps this thread's count of uncaught exceptions: asking std::uncaught_exceptions() for every message
// costs three calls. The layout is the Itanium C++ ABI's __cxa_eh_globals: {void* caughtExceptions; unsigned
// uncaughtExceptions}.
const unsigned* uncaught_count() noexcept {
#if defined(__GLIBCXX__)
    struct eh_globals {
        void* caught;
        unsigned uncaught;
    };
    return &reinterpret_cast<eh_globals*>(abi::__cxa_get_globals())->uncaught;
#else
    return &thread_state::nobody_counts;
#endif
}

} // namespace

worker::worker(executor& owner, std::size_t index, std::uint64_t seed, const topology::planned_worker& place,
    worker_node& node, std::vector<worker_node*> others, bool has_thieves)
    : owner_(owner), node_(node), index_(index), has_far_nodes_(!others.empty()), budget_(owner.budget()),
      spin_limit_ns_(spin_most_ns), random_(seed), mark_(has_thieves, !asymmetric_fence::available()),
      bound_(others.empty() ? nullptr : std::make_unique<bound_work>()), place_(place), other_nodes_(std::move(others)),
      spared_(other_nodes_.size() + 1), seat_(index) {
    counters_.idle_since.store(owner.began_ns_, std::memory_order_relaxed); // until it has a seat
    fired_.wake.reserve(256);
}

// From the loop.
void worker::run(fork_job& job) {
    mark_.begin_turn();
    job.run(job, *this);
    mark_.end_turn();
}

// In the midst of another's turn, which waits for it.
void worker::run_nested(runnable& r) noexcept {
    mark_.count_nested_turn();
    r.ops->run(r, *this);
}

// The usual turn: what was just woken here. Null: nothing to run here, or the executor stops.
BASTION_INLINE runnable* worker::next_local() noexcept {
    // It lingers for one turn.
    if (!lingerer_.empty() && !std::exchange(lingers_anew_, false)) park_lingerer();
    if (++turn_ % poll_every != 0 && system_.empty() && slot_streak_ < slot_turns) [[likely]] {
        if (runnable* r = slot_.take(mark_.slot_is_robbed())) {
            system_streak_ = 0;
            ++slot_streak_;
            spread();
            return r;
        }
    }
    return next_by_rank();
}

void worker::take_seat(thread_state& thread) noexcept {
    thread_ = &thread;
    thread.current_worker = this;
    thread.home = owner_.home();
    thread.pool = &this_thread_pool();
    thread.counters = &counters_;
    thread.uncaught = uncaught_count();
    thread.exceptions = abi::__cxa_get_globals();
}

bool worker::is_to_end() const noexcept {
    return owner_.stopping_.load(std::memory_order_relaxed) || leaving_.load(std::memory_order_relaxed);
}

template <class From>
bool worker::empty_into(From& from, node_queue<runnable>& to) noexcept {
    runnable* r = from.pop(true);
    if (r == nullptr) return false;
    for (; r != nullptr; r = from.pop(true)) to.push_back(r);
    return true;
}

void worker::sit_down() noexcept {
    stuck_.store(false, std::memory_order_relaxed);
    leaving_.store(false, std::memory_order_relaxed);
    if (counters_.idle_since.load(std::memory_order_relaxed) != 0) end_idling();
}

void worker::stand_up() noexcept {
    leaving_.store(true, std::memory_order_relaxed);
    idle_from_ns_ = 0;
    begin_idling();
}

void worker::hand_in() {
    for (bool any = true; any;) {
        any = poll_timers();
        while (run_some_jobs()) any = true;
        park_lingerer();
        if (runnable* const next = slot_.take(true)) {
            (next->bound ? node_.bound : node_.work).push_back(next);
            any = true;
        }
        any = empty_into(system_, node_.system) || any;
        any = empty_into(ring_, node_.work) || any;
        for (runnables some = unbegun_.take_last(); some.size != 0; some = unbegun_.take_last()) {
            hand_over(some);
            any = true;
        }
        any = (bound_ != nullptr && empty_into(bound_->ring, node_.bound)) || any;
    }
    // Whoever wakes takes along when the wheel that is left here is due next.
    if (!owner_.wake_one(node_.nearest, node_.own)) owner_.wake_one(node_.nearest);
}

void worker::loop() {
    thread_state& thread = this_thread();
    take_seat(thread);
    native_ = pthread_self();
    native_id_ = gettid();
    while (!is_to_end()) { // whoever says so also wakes: no partner needed
        while (runnable* r = next_local()) run(*r);
        if (run_some_jobs() || poll_timers()) continue;
        if (holds_any()) continue; // the job that was to come before it was stolen
        set_idle(true);
        if (!search()) {
            (void)sleep();
            runnable* const woken_for = next_local();
            set_idle(false);
            const bool sweeps = std::exchange(sweep_is_due_, false);
            if (woken_for != nullptr) run(*woken_for);
            else if (sweeps) sweep();
        }
        set_idle(false);
    }
    if (!owner_.stopping_.load(std::memory_order_relaxed)) {
        hand_in();
        stand_up();
    }
    thread.current_worker = nullptr;
    thread.pool = nullptr;
    thread.counters = &nobodys_counters;
    thread.home = nullptr;
}

bool worker::do_one() {
    if (runnable* const r = next_local()) {
        run(*r);
        return true;
    }
    return run_some_jobs() || poll_timers();
}

void worker::park_lingerer() noexcept {
    if (lingerer_.empty()) return;
    --patience_;
    if (runnable* const r = take_lingerer()) r->ops->park(*r);
}

runnable* worker::next_by_rank() noexcept {
    // It lingers for the sake of what lies in the slot.
    const bool is_over = slot_.empty() || ring_.size() != 0 || !system_.empty() || bound_ != nullptr;
    if (is_over) park_lingerer();
    if (turn_ % poll_every == 0) [[unlikely]] {
        if (is_to_end()) return nullptr;
        patience_ = std::max(patience_, 1);
        poll_timers();
        take_in();
        const bool is_the_eldests = turn_ % eldest_every == 0;
        ++turn_; // an odd number from look to look: where two take turns it is not always the same one's
        if (is_the_eldests)
            if (runnable* r = unbegun_.take_one()) return r;
        if (runnable* r = take_queued()) return r;
    }
    if (system_streak_ < system_turns) {
        if (runnable* r = system_.pop(mark_.has_thieves())) {
            ++system_streak_;
            return r;
        }
    }
    system_streak_ = 0;
    if (slot_streak_ < slot_turns) {
        if (runnable* r = slot_.take(mark_.slot_is_robbed())) {
            ++slot_streak_;
            spread();
            return r;
        }
    }
    slot_streak_ = 0;
    if (has_jobs() && job_streak_ < static_cast<unsigned>(budget_)) return nullptr;
    job_streak_ = 0;
    if (runnable* r = pop_rings()) {
        spread();
        return r;
    }
    if (runnable* r = slot_.take(mark_.slot_is_robbed())) return r;
    if (runnable* r = system_.pop(mark_.has_thieves())) return r;
    return take_waiting();
}

// Of what is bound and of what is not now the one and now the other comes first.
runnable* worker::pop_rings() noexcept {
    if (bound_ == nullptr) return ring_.pop(mark_.has_thieves());
    runnable* r = (bound_last_ ? ring_ : bound_->ring).pop(mark_.has_thieves());
    if (r == nullptr) r = (bound_last_ ? bound_->ring : ring_).pop(mark_.has_thieves());
    if (r != nullptr) bound_last_ = r->bound;
    return r;
}

runnable* worker::take_queued() noexcept {
    runnable* const r = node_.take(!bound_last_);
    if (r != nullptr && bound_ != nullptr) bound_last_ = r->bound;
    return r;
}

void worker::push_next_at_home(runnable& r) noexcept {
    if (r.node == node_.home) put_next(r);
    else owner_.send_home(r);
}

void worker::push_last_at_home(runnable& r) noexcept {
    if (r.node != node_.home) owner_.send_home(r);
    else push_here(r);
}

bool worker::run_resumed() {
    runnable* const r = node_.take_resumed();
    if (r == nullptr) return false;
    run_nested(*r);
    return true;
}

bool worker::run_some_jobs() {
    fork_job* job = pop_job(false);
    if (job == nullptr && bound_ != nullptr) job = pop_job(true);
    if (job == nullptr) return false;
    ++job_streak_;
    run(*job);
    return true;
}

void worker::push_job(fork_job& job, bool bound) {
    jobs_of(bound).push(&job);
    spread();
}

void worker::spread_if_asleep() noexcept {
    if (owner_.sleepers_.any()) [[unlikely]]
        spread_slowly();
}

void worker::spread_slowly() noexcept {
    if (owner_.sleepers_.anyone_searching()) return;
    if (ring_.size() != 0 || !unbegun_.empty() || !jobs_.empty() || system_.size() != 0)
        owner_.wake_one(place_.nearest);
    else if (bound_ != nullptr && (bound_->ring.size() != 0 || !bound_->jobs.empty()))
        owner_.wake_one(place_.nearest, place_.near);
}

std::int64_t worker::first_due() const noexcept {
    auto due = wheel_notice::never;
    owner_.each_of_all([&due](worker& other) { due = std::min(due, other.timers_.next_due()); });
    return due;
}

// True: it did not sleep after all.
bool worker::sleep() {
    if (poll_timers()) return true;
    // Whoever has a due timer may have lost its core, and so may the one who searches.
    if (time_until_due() == 0 && poll_due_wheels()) return true;
    if (quick_wakes_ >= most_quick_wakes && nap()) return true;
    const auto sees = [this] { return sees_work() || is_to_end(); };
    const bool slept = owner_.sleepers_.sleep(index_, sees, [this] { park(); });
    owner_.watch_.somebody_is_awake();
    return !slept;
}

std::int64_t worker::time_until_due() const noexcept {
    if (!owner_.time_->runs()) return -1;
    const std::int64_t due = first_due();
    return due == wheel_notice::never ? -1 : std::max<std::int64_t>(0, due - owner_.time_->now_ns());
}

void worker::park() {
    assert(!holds_any()); // nobody else would take its last
    const std::int64_t timeout = time_until_due();
    const bool has_pages = owner_.options_.gives_pages_back && has_pages_to_give_back();
    const bool gives_back = has_pages && (timeout < 0 || timeout > idle_before_giving_back_ns);
    worker_counters::bump(counters_.parks);
    owner_.rested();
    begin_idling();
    // Timers that come again and again do not keep pages from the system.
    if (has_pages && !gives_back && was_mostly_idle()) sweep_is_due_ = all_are_idle();
    const std::int64_t from = monotonic_ns();
    const bool told = parker_.park(gives_back ? idle_before_giving_back_ns : timeout);
    owner_.rest_.end();
    if (told && monotonic_ns() - from < quick_wake_ns) {
        ++quick_wakes_;
    } else {
        quick_wakes_ = 0;
        nap_ns_ = nap_least_ns;
    }
    end_idling();
    if (told) worker_counters::bump(counters_.wakes);
    if (gives_back && !told) sweep_is_due_ = all_are_idle();
}

// Two workers that take what a third thread makes, one piece at a time, would wake one another, or be woken by it, for each few of them: a
// system call for the waker, and work that goes from cache to cache. Who naps leaves it to the other for a while.
bool worker::nap() {
    const auto others_awake = [this] {
        const auto is_awake = [this](std::uint32_t i) {
            return i != index_ && !owner_.sleepers_.sleeps(i) &&
                   !owner_.worker_at(i).stuck_.load(std::memory_order_relaxed);
        };
        const auto first = node_.nearest.begin();
        return static_cast<std::size_t>(std::count_if(first, first + static_cast<std::ptrdiff_t>(node_.own), is_awake));
    };
    if (!node_.naps.begin(others_awake)) return false;
    const std::int64_t due = time_until_due();
    worker_counters::bump(counters_.parks);
    begin_idling();
    (void)parker_.park(due < 0 ? nap_ns_ : std::min(due, nap_ns_));
    end_idling();
    node_.naps.end();
    nap_ns_ = std::min(nap_ns_ * 2, nap_most_ns);
    --quick_wakes_; // one more, and it naps again
    return true;
}

void worker::set_idle(bool idle) noexcept {
    if (!has_far_nodes_ || idle == idle_) return;
    idle_ = idle;
    // relaxed: a hint
    if (idle) node_.idle.fetch_add(1, std::memory_order_relaxed);
    else node_.idle.fetch_sub(1, std::memory_order_relaxed);
}

// From the search that has found nothing.
void worker::begin_idling() noexcept {
    const std::int64_t since = idle_from_ns_ != 0 ? idle_from_ns_ : monotonic_ns();
    counters_.idle_since.store(since, std::memory_order_relaxed);
}

// A reader may miss this park once, or see it twice for an instant.
void worker::end_idling() noexcept {
    const std::int64_t spent = monotonic_ns() - counters_.idle_since.load(std::memory_order_relaxed);
    counters_.idle_since.store(0, std::memory_order_relaxed);
    counters_.idle_ns.store(counters_.idle_ns.load(std::memory_order_relaxed) + spent, std::memory_order_relaxed);
}

std::size_t worker::queued() const noexcept {
    return (slot_.empty() ? 0u : 1u) + ring_.size() + unbegun_.size() + system_.size() + jobs_.size() +
           (bound_ != nullptr ? bound_->ring.size() + bound_->jobs.size() : 0u);
}

void worker::collect_young() noexcept {
    timers_.armed();
    young_.collect([this](timer_entry& entry) { wheel_.arm(&entry, entry.due_ns); });
}

void worker::arm_behind_young(timer_entry& entry) noexcept {
    const std::lock_guard lock(wheel_lock_);
    collect_young();
    (void)young_.put(entry); // only this thread puts: there is room now
}

void worker::arm(timer_entry& entry, std::int64_t duration_ns) noexcept {
    const bool own = this_thread().current_worker == this;
    {
        const std::lock_guard lock(wheel_lock_);
        if (own) collect_young(); // they were armed before
        wheel_.arm(&entry, duration_ns);
        timers_.armed();
    }
    if (!own) owner_.wake_for_timers(*this); // the worker itself looks before it sleeps
}

bool worker::cancel_in_wheel(timer_entry& entry) noexcept {
    const std::lock_guard lock(wheel_lock_);
    return wheel_.cancel(&entry);
}

bool worker::poll_timers() {
    if (!timers_wait() && timers_.next_due() == wheel_notice::never) return false;
    return poll_wheel_of(*this);
}

// A searcher's: also the wheels of workers that stand still.
bool worker::poll_due_wheels() {
    const std::int64_t now = owner_.time_->now_ns();
    bool found = false;
    owner_.each_of_all([&](worker& other) {
        if (other.timers_wait() || other.timers_.next_due() <= now) found = poll_wheel_of(other) || found;
    });
    return found;
}

bool worker::poll_wheel_of(worker& other) {
    {
        if (&other == this) other.wheel_lock_.lock();
        else if (!other.wheel_lock_.try_lock()) return false;
        const std::lock_guard lock(other.wheel_lock_, std::adopt_lock);
        other.collect_young();
        timer_list due;
        other.wheel_.advance(owner_.time_->now_ns(), due);
        other.timers_.polled(other.wheel_.next_due().value_or(wheel_notice::never));
        while (timer_entry* entry = due.pop_front()) entry->fire(entry, &fired_);
    }
    const bool any = !fired_.wake.empty() || fired_.late != nullptr;
    for (runnable* r : fired_.wake) r->ops->unpark(*r);
    fired_.wake.clear();
    if (fired_.late != nullptr) run_late();
    return any;
}

// They may call what users have written: a message's destructor, if nobody is there to get it. So this is a turn, which the watchdog sees.
void worker::run_late() {
    const bool nested = mark_.turn_now() != 0;
    if (!nested) mark_.begin_turn();
    while (fired_.late != nullptr) {
        auto* entry = static_cast<late_timer*>(fired_.late);
        fired_.late = entry->next;
        entry->late(*entry);
    }
    if (!nested) mark_.end_turn();
}

// ---- driven workers

namespace {

// The driver's thread is this worker's while it lives; turns may nest.
class borrowed_thread {
public:
    explicit borrowed_thread(thread_state& thread) noexcept : thread_(thread), before_(thread) {
        thread.current = nullptr;
        thread.transfers = 0;
        thread.callback = false;
    }
    borrowed_thread(const borrowed_thread&) = delete;
    borrowed_thread& operator=(const borrowed_thread&) = delete;
    ~borrowed_thread() { thread_ = before_; }

private:
    thread_state& thread_;
    const thread_state before_;
};

} // namespace

bool worker::may_turn() const noexcept {
    return !asleep_ || !owner_.sleepers_.sleeps(index_) || first_due() <= owner_.time_->now_ns();
}

void worker::run_now(runnable& r, std::int32_t messages) noexcept {
    assert(!r.bound || r.node == node_.home);
    budget_ = messages;
    if (mark_.turn_now() == 0) run(r);
    else run_nested(r);
    budget_ = owner_.budget();
}

void worker::take_turn() {
    thread_state& thread = this_thread();
    const borrowed_thread borrowed(thread);
    take_seat(thread);
    // Whoever drives may be on its way out of a failed test: that is no unwinding of a process.
    if (thread.unwinding()) thread.uncaught = &thread_state::nobody_counts;
    if (asleep_) {
        asleep_ = false;
        (void)parker_.park(0);
        owner_.rest_.end();
        owner_.sleepers_.withdraw(index_);
    }
    patience_ = turn_ % 3 != 0 ? 1 : 0; // a simulation is to see who lingers, and who does not
    if (runnable* r = next_local()) return owner_.driven_by()->run(*this, *r);
    if (run_some_jobs() || poll_timers() || queued() != 0) return;
    if (enter_search()) {
        if (rob(reach::machine)) return;
        const bool found = poll_due_wheels();
        (void)leave_search();
        if (found) return;
    }
    owner_.sleepers_.announce_sleep(index_);
    if (sees_work()) {
        owner_.sleepers_.withdraw(index_);
        return;
    }
    asleep_ = true;
    worker_counters::bump(counters_.parks);
    owner_.rested();
}

} // namespace bastion::detail
