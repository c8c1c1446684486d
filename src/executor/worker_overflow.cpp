// What finds no room in a worker's rings, and how it comes back.
#include <bastion/executor/executor.hpp>
#include <bastion/executor/worker.hpp>

#include <algorithm>
#include <utility>

namespace bastion::detail {
namespace {

// So many at a time go out of a ring, and come in.
constexpr std::size_t batch = 128;

} // namespace

// The elder half makes room: what has begun for all workers of the node, in turn; what has not stays this worker's, unless it is stolen.
void worker::overflow(runnable& r) noexcept {
    runnable* half[batch];
    const std::size_t n = ring_.pop_half(half);
    runnables begun;
    runnables unbegun;
    for (std::size_t i = 0; i < n; ++i) (half[i]->unbegun ? unbegun : begun).push_back(half[i]);
    if (unbegun.size != 0 && !unbegun_.put(unbegun)) hand_over(unbegun);
    if (begun.size != 0) hand_over(begun);
    (void)ring_.push(&r); // there is room, and nobody else pushes
    if (owner_.sleepers_.any()) owner_.wake_one(place_.nearest);
}

void worker::overflow_system(runnable& r) noexcept {
    node_.system.push_back(&r);
    if (owner_.sleepers_.any()) owner_.wake_one(place_.nearest);
}

void worker::overflow_bound(runnable& r) noexcept {
    runnable* half[batch];
    const std::size_t n = bound_->ring.pop_half(half);
    runnables out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(half[i]);
    if (out.size != 0) node_.bound.push_chain(out.first, out.last, out.size);
    (void)bound_->ring.push(&r);
    if (owner_.sleepers_.any()) owner_.wake_one(place_.nearest, place_.near);
}

void worker::hand_over(const runnables& some) noexcept { node_.work.push_chain(some.first, some.last, some.size); }

void worker::push_here(runnable& r) noexcept {
    if (r.bound) {
        if (!bound_->ring.push(&r)) overflow_bound(r);
    } else if (!ring_.push(&r)) {
        overflow(r);
    }
}

void worker::line_up(runnable* some) noexcept {
    while (some != nullptr) {
        runnable* const next = std::exchange(some->next, nullptr);
        push_here(*some);
        some = next;
    }
}

// Who is in a ring and is there again after each turn must not keep out who finds no room in it: as soon as everybody in it had
// a turn, about, a batch of the others comes in.
void worker::take_in() noexcept {
    const bool long_ago = turn_ % ring_.capacity == 0;
    if (long_ago || ring_.size() < poll_every) {
        line_up(unbegun_.take_last().first);
        line_up(share_of(node_.work).first);
    }
    if (bound_ != nullptr && (long_ago || bound_->ring.size() < poll_every)) line_up(share_of(node_.bound).first);
}

// As many as there are for each worker of the node.
worker::runnables worker::share_of(node_queue<runnable>& queue) noexcept {
    runnables some;
    if (!queue.empty()) queue.pop_batch(std::min(batch, 1 + queue.size() / node_.own), some);
    return some;
}

// The first, while the others go into the ring. Null: there are none.
runnable* worker::take_batch(const runnables& some) noexcept {
    runnable* const first = some.first;
    if (first != nullptr) line_up(std::exchange(first->next, nullptr));
    return first;
}

// When the ring is empty: of what waits for all workers of the node, and of this worker's own, now the one and now the other.
runnable* worker::take_waiting() noexcept {
    if (!unbegun_last_) {
        if (runnable* const r = take_batch(unbegun_.take_last())) {
            unbegun_last_ = true;
            spread();
            return r;
        }
    }
    unbegun_last_ = false;
    if (runnable* const r = take_queued()) return r;
    return take_batch(unbegun_.take_last());
}

} // namespace bastion::detail
