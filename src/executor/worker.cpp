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

constexpr std::uint64_t spin_most_ns = 40'000;   // where sleeping and waking costs as much (executors.md)
constexpr std::uint64_t spin_least_ns = 5'000;
constexpr std::int64_t idle_before_giving_back_ns = 1'000'000'000;
constexpr std::int64_t stands_still_ns = 3'000;  // a victim's slot is taken only after so long without a resume

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
    : owner_(owner), node_(node), index_(index), is_free_(owner.driven_by() == nullptr),
      has_far_nodes_(!others.empty()), budget_(owner.budget()), spin_limit_ns_(spin_most_ns), random_(seed),
      mark_(has_thieves, !asymmetric_fence::available()),
      bound_(others.empty() ? nullptr : std::make_unique<bound_work>()), place_(place), other_nodes_(std::move(others)),
      spared_(other_nodes_.size() + 1), seat_(index) {
    counters_.idle_since.store(owner.began_ns_, std::memory_order_relaxed); // until it has a seat
    fired_.wake.reserve(256);
}

// From the loop.
BASTION_INLINE void worker::run(runnable& r) noexcept {
    assert(!r.bound || r.node == node_.home);
    mark_.begin_turn();
    r.ops->run(r, *this);
    mark_.end_turn();
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
        if (search()) continue;
        (void)sleep();
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

void worker::park_lingerer() noexcept {
    if (lingerer_.empty()) return;
    --patience_;
    runnable* r = nullptr;
    {
        const turn_mark::step alone(mark_);
        r = lingerer_.take(mark_.slot_is_robbed());
    }
    if (r != nullptr) r->ops->park(*r);
}

runnable* worker::next_by_rank() noexcept {
    // It lingers for the sake of what lies in the slot.
    const bool is_over = slot_.empty() || ring_.size() != 0 || !system_.empty() || bound_ != nullptr;
    if (is_over) park_lingerer();
    if (turn_ % poll_every == 0) [[unlikely]] {
        if (is_to_end()) return nullptr;
        if (is_free_) patience_ = std::max(patience_, 1);
        if (!std::exchange(lingers_anew_, false)) park_lingerer();
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

bool worker::stands_still(worker& victim) noexcept {
    if (driver* const chooser = owner_.driven_by()) return chooser->choose(decision::last_item, 2) != 0;
    if (victim.stuck_.load(std::memory_order_relaxed)) return true;
    sighting& seen = sightings_[victim.index_];
    const auto resumes = victim.resumes();
    const std::int64_t now = monotonic_ns();
    if (seen.resumes != resumes || seen.since_ns == 0) {
        seen = {resumes, now};
        return false;
    }
    return now - seen.since_ns >= stands_still_ns;
}

// One that stands still in its loop, because the system runs something else, keeps what lies there until it goes on.
runnable* worker::steal_slot(worker& victim) noexcept {
    // The workers of a driver share one thread; and where there are no fences the owner counts on none.
    const bool asks = owner_.driven_by() == nullptr && asymmetric_fence::available();
    if (asks && !victim.mark_.begin_robbery()) return nullptr;
    runnable* const next = victim.slot_.steal();
    runnable* const idle = next == nullptr && !robbed_in_vain_ ? victim.lingerer_.steal() : nullptr;
    if (asks) victim.mark_.end_robbery();
    if (idle == nullptr) return next;
    idle->ops->park(*idle);
    runnable* const has_news = slot_.take(mark_.slot_is_robbed());
    robbed_in_vain_ = has_news == nullptr;
    return has_news;
}

runnable* worker::steal_from(worker& victim, bool from_afar) noexcept {
    runnable* first = nullptr;
    const bool sees_bound = bound_ != nullptr && !from_afar;
    if (victim.system_.steal_half(system_, first, true) != 0) return first;
    if (sees_bound && victim.bound_->ring.steal_half(bound_->ring, first, false) != 0) return first;
    if (runnable* const eldest = take_batch(victim.unbegun_.take_first())) return eldest;
    if (victim.ring_.steal_half(ring_, first, false) != 0) return first;
    // The slot and a last item are the victim's own next step: only when it stands still.
    const bool has_last = victim.ring_.size() != 0 || (sees_bound && victim.bound_->ring.size() != 0);
    const bool has_next = !victim.slot_.empty() || (!victim.lingerer_.empty() && !robbed_in_vain_);
    if (!has_next && !has_last) return nullptr;
    if (!stands_still(victim)) return nullptr;
    if (sees_bound && victim.bound_->ring.steal_half(bound_->ring, first, true) != 0) return first;
    if (victim.ring_.steal_half(ring_, first, true) != 0) return first;
    runnable* const next = has_next ? steal_slot(victim) : nullptr;
    if (next == nullptr || !next->bound || next->node == node_.home) return next;
    owner_.send_home(*next);
    return nullptr;
}

bool worker::offers_work(worker& victim) noexcept {
    const std::size_t waiting = victim.ring_.size();
    if (waiting > 1 || !victim.unbegun_.empty() || victim.system_.size() != 0) return true;
    return (waiting != 0 || !victim.slot_.empty()) && stands_still(victim);
}

// Who searches says so to thieves from other nodes, too.
bool worker::enter_search() noexcept {
    if (!owner_.sleepers_.enter_search()) return false;
    std::fill(spared_.begin(), spared_.end(), false);
    robbed_in_vain_ = false;
    if (has_far_nodes_) node_.searching.fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool worker::leave_search() noexcept {
    if (has_far_nodes_) node_.searching.fetch_sub(1, std::memory_order_relaxed);
    return owner_.sleepers_.leave_search();
}

// Of another node: somebody searches there, and will find what there is; or sleeps: then it is woken, and this search takes nothing from
// that node.
bool worker::has_hands_free(worker_node& other) noexcept {
    if (other.searching.load(std::memory_order_relaxed) != 0) return true;
    if (!spared_[other.home - 1u] && owner_.wake_one(other.nearest, other.own)) spared_[other.home - 1u] = true;
    return spared_[other.home - 1u];
}

void worker::count_steal(bool from_afar) noexcept {
    worker_counters::bump(counters_.steals);
    if (from_afar) worker_counters::bump(counters_.far_steals);
}

runnable* worker::rob_one(worker& victim, bool from_afar) noexcept {
    if (from_afar && (!offers_work(victim) || has_hands_free(victim.node_))) return nullptr;
    runnable* const r = steal_from(victim, from_afar);
    if (r != nullptr) count_steal(from_afar);
    return r;
}

// What `take` gets of a spare worker, if there are any; it is told whether that stands at another node.
template <class Take>
auto worker::of_a_spare(reach how_far, Take take) noexcept {
    using taken = decltype(take(*this, false));
    for (worker* spare : owner_.spares_.made()) {
        const bool from_afar = &spare->node_ != &node_;
        if (spare == this || (from_afar && how_far == reach::node)) continue;
        if (taken it = take(*spare, from_afar)) return it;
    }
    return taken{};
}

// The nearest first; whoever drives may begin with any.
runnable* worker::steal_any(reach how_far) noexcept {
    if (runnable* r = take_queued()) return r;
    const std::size_t n = place_.nearest.size();
    driver* const chooser = owner_.driven_by();
    const std::size_t start = chooser != nullptr && n > 0 ? chooser->choose(decision::who_is_robbed, n) : 0;
    const std::size_t most = how_far == reach::node ? place_.near : n;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = (start + i) % n;
        if (at >= most) continue;
        if (runnable* r = rob_one(owner_.worker_at(place_.nearest[at]), at >= place_.near)) return r;
    }
    const auto rob_it = [this](worker& spare, bool from_afar) { return rob_one(spare, from_afar); };
    if (runnable* r = of_a_spare(how_far, rob_it)) return r;
    return how_far == reach::node ? nullptr : steal_far();
}

// What lies in the queues of other nodes.
runnable* worker::steal_far() noexcept {
    for (worker_node* other : other_nodes_)
        if (runnable* r =
                other->seems_empty_from_afar() || has_hands_free(*other) ? nullptr : other->take_from_afar()) {
            count_steal(true);
            return r;
        }
    return nullptr;
}

fork_job* worker::steal_job(reach how_far) noexcept {
    const std::size_t most = how_far == reach::node ? place_.near : place_.nearest.size();
    const auto steal_one = [this](worker& victim, bool from_afar) {
        fork_job* job = victim.jobs_.steal();
        if (job == nullptr && bound_ != nullptr && !from_afar) job = victim.bound_->jobs.steal();
        if (job != nullptr) count_steal(from_afar);
        return job;
    };
    for (std::size_t i = 0; i < most; ++i)
        if (fork_job* job = steal_one(owner_.worker_at(place_.nearest[i]), i >= place_.near)) return job;
    return of_a_spare(how_far, steal_one);
}

// A searcher looks at everybody in its reach once. True: it has found something, left the search, and done it.
bool worker::rob(reach how_far) {
    runnable* r = steal_any(how_far);
    fork_job* job = r == nullptr ? steal_job(how_far) : nullptr;
    if (r == nullptr && job == nullptr) return false;
    // The last searcher that leaves with work sends the next one.
    if (leave_search() && mark_.has_thieves() && owner_.sleepers_.any()) owner_.wake_one(place_.nearest);
    spin_limit_ns_ = std::min(spin_limit_ns_ * 2, spin_most_ns);
    if (r != nullptr) {
        if (driver* const d = owner_.driven_by()) d->run(*this, *r);
        else run(*r);
    } else {
        run(*job);
    }
    return true;
}

// True: something was found and done.
bool worker::search() {
    idle_from_ns_ = 0;
    if (!enter_search()) return false;
    const std::int64_t begin = idle_from_ns_ = monotonic_ns();
    bool found = false;
    sightings_.assign(owner_.most_workers(), sighting{});
    for (unsigned round = 0;; ++round) {
        if (rob(round < near_rounds ? reach::node : reach::machine)) return true;
        if (is_to_end()) break;
        if (round % 16 == 15) {
            found = poll_due_wheels();
            if (found || monotonic_ns() - begin > static_cast<std::int64_t>(spin_limit_ns_)) break;
            // Who is to make the work may wait for this core. Then it goes on, and has nobody to wake.
            std::this_thread::yield();
        }
        for (int i = 0; i < 4; ++i) std_atomics::pause();
    }
    (void)leave_search();
    if (!found) spin_limit_ns_ = std::max(spin_limit_ns_ / 2, spin_least_ns);
    return found;
}

bool worker::sees_work() noexcept {
    for (auto& node : owner_.nodes_)
        if (node.get() == &node_ ? !node->empty_for_sure() : !node->empty_for_others_for_sure()) return true;
    if (timers_wait()) return true;
    if (!mark_.has_thieves()) return false;
    return owner_.any_of_all([this](worker& other) { return &other != this && offers_to(other); });
}

// Whether `other` has what it will not do itself at once.
bool worker::offers_to(worker& other) noexcept {
    const bool one_is_enough = other.stuck_.load(std::memory_order_relaxed);
    const std::size_t left = one_is_enough ? 0 : 1;
    if (other.system_.size() != 0 || other.ring_.size() > left || !other.jobs_.empty()) return true;
    if (!other.unbegun_.empty_for_sure()) return true;
    if (bound_ != nullptr && &other.node_ == &node_ &&
        (other.bound_->ring.size() > left || !other.bound_->jobs.empty()))
        return true;
    return one_is_enough && (!other.slot_.empty() || !other.lingerer_.empty() || other.timers_wait());
}

std::int64_t worker::first_due() const noexcept {
    auto due = wheel_notice::never;
    owner_.each_of_all([&due](worker& other) { due = std::min(due, other.timers_.next_due()); });
    return due;
}

// True: it did not sleep after all.
bool worker::sleep() {
    if (poll_timers()) return true;
    const auto sees = [this] { return sees_work() || is_to_end(); };
    const bool slept = owner_.sleepers_.sleep(index_, sees, [this] { park(); });
    owner_.watch_.somebody_is_awake();
    return !slept;
}

void worker::park() {
    assert(!holds_any()); // nobody else would take its last
    std::int64_t timeout = -1;
    if (owner_.time_->runs()) {
        const std::int64_t due = first_due();
        if (due != wheel_notice::never) timeout = std::max<std::int64_t>(0, due - owner_.time_->now_ns());
    }
    const bool has_pages = owner_.options_.gives_pages_back && has_pages_to_give_back();
    const bool gives_back = has_pages && (timeout < 0 || timeout > idle_before_giving_back_ns);
    worker_counters::bump(counters_.parks);
    owner_.rested();
    begin_idling();
    // Timers that come again and again do not keep pages from the system.
    if (has_pages && !gives_back && was_mostly_idle()) give_pages_back_if_idle();
    const bool told = parker_.park(gives_back ? idle_before_giving_back_ns : timeout);
    owner_.rest_.end();
    end_idling();
    if (told) worker_counters::bump(counters_.wakes);
    if (gives_back && !told) give_pages_back_if_idle();
}

void worker::give_pages_back_if_idle() noexcept {
    if (all_are_idle()) (void)give_pages_back({[](void* w) { return static_cast<worker*>(w)->all_are_idle(); }, this});
}

// Once for each second: whether this worker was idle for nine tenths of the last. After begin_idling.
bool worker::was_mostly_idle() noexcept {
    const std::int64_t now = counters_.idle_since.load(std::memory_order_relaxed);
    const std::int64_t idle = counters_.idle_ns.load(std::memory_order_relaxed);
    const std::int64_t passed = now - idle_looked_ns_;
    if (passed < idle_before_giving_back_ns) return false;
    const bool mostly = idle_looked_ns_ != 0 && idle - idle_then_ns_ >= passed / 10 * 9;
    idle_looked_ns_ = now;
    idle_then_ns_ = idle;
    return mostly;
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

// Nobody has anything to do, nor will have before somebody is told. This worker is still among those that sleep.
bool worker::all_are_idle() const noexcept {
    return !parker_.is_told() && owner_.all_sleep() && first_due() > owner_.time_->now_ns();
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
