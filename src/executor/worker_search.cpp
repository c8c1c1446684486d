// What a worker that has nothing to do takes from others, and what it sees of them before it sleeps.
#include <bastion/executor/executor.hpp>
#include <bastion/executor/worker.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace bastion::detail {
namespace {

constexpr std::uint64_t spin_least_ns = 5'000;
constexpr std::int64_t stands_still_ns = 3'000; // a victim's slot is taken only after so long without a resume

} // namespace

// Whether it keeps for itself what a thief may take while it stands still.
bool worker::has_next(const worker& victim) const noexcept {
    return !victim.slot_.empty() || (!victim.lingerer_.empty() && !robbed_in_vain_);
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
    if (!has_next(victim) && !has_last) return nullptr;
    if (!stands_still(victim)) return nullptr;
    if (sees_bound && victim.bound_->ring.steal_half(bound_->ring, first, true) != 0) return first;
    if (victim.ring_.steal_half(ring_, first, true) != 0) return first;
    runnable* const next = has_next(victim) ? steal_slot(victim) : nullptr;
    if (next == nullptr || !next->bound || next->node == node_.home) return next;
    owner_.send_home(*next);
    return nullptr;
}

bool worker::offers_work(worker& victim) noexcept {
    const std::size_t waiting = victim.ring_.size();
    if (waiting > 1 || !victim.unbegun_.empty() || victim.system_.size() != 0) return true;
    return (waiting != 0 || has_next(victim)) && stands_still(victim);
}

// Who searches says so to thieves from other nodes, too.
bool worker::enter_search() noexcept {
    if (!owner_.sleepers_.enter_search()) return false;
    std::fill(spared_.begin(), spared_.end(), false);
    robbed_in_vain_ = false;
    (void)hears_a_call();
    if (has_far_nodes_) node_.searching.fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool worker::leave_search() noexcept {
    if (has_far_nodes_) node_.searching.fetch_sub(1, std::memory_order_relaxed);
    return owner_.sleepers_.leave_search();
}

// Of another node: somebody searches there, and will find what there is; or sleeps: then it is woken, and this search takes nothing from
// that node; or has been woken, and will look.
bool worker::has_hands_free(worker_node& other) noexcept {
    if (other.searching.load(std::memory_order_relaxed) != 0) return true;
    if (!spared_[other.home - 1u] && owner_.wake_one(other.nearest, other.own)) spared_[other.home - 1u] = true;
    return spared_[other.home - 1u] || other.idle.load(std::memory_order_relaxed) != 0;
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
    set_idle(false);
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

// Somebody who may linger here or there was told something since it was asked last.
bool worker::hears_a_call() noexcept {
    const std::uint64_t calls = owner_.thief_calls_.fetch_add(0, std::memory_order_acq_rel); // pairs with call_thief
    return std::exchange(calls_heard_, calls) != calls;
}

bool worker::sees_work() noexcept {
    if (hears_a_call()) return true;
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

} // namespace bastion::detail
