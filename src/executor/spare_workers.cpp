#include <bastion/executor/executor.hpp>
#include <bastion/executor/spare_workers.hpp>

#include <algorithm>
#include <optional>
#include <system_error>

namespace bastion::detail {
namespace {

constexpr std::size_t most_ever = 1024; // as many as there may be planned ones: sleepers.hpp has room for both

// Where a spare worker of that node is: on any of the CPUs that its workers are bound to, since one of these is busy.
topology::planned_worker spare_place(executor& owner, const worker_node& node) {
    topology::planned_worker place;
    place.where = owner.worker_at(node.nearest.front()).place().where;
    place.nearest = node.nearest;
    place.near = node.own;
    for (std::size_t i = 0; i < node.own; ++i) {
        const auto& cpus = owner.worker_at(node.nearest[i]).place().bound_to;
        place.bound_to.insert(place.bound_to.end(), cpus.begin(), cpus.end());
    }
    std::sort(place.bound_to.begin(), place.bound_to.end());
    place.bound_to.erase(std::unique(place.bound_to.begin(), place.bound_to.end()), place.bound_to.end());
    return place;
}

} // namespace

struct spare_workers::place {
    topology::planned_worker planned;
    std::unique_ptr<worker> who;
    seat its_seat;
};

spare_workers::spare_workers(executor& owner, std::size_t most, std::size_t most_lost, std::size_t nodes)
    : owner_(owner), most_(std::min(most, most_ever)), most_made_(std::min(most_ * nodes + most_lost, most_ever)),
      places_(std::make_unique<place[]>(most_made_)), made_(std::make_unique<worker*[]>(most_made_)) {}

spare_workers::~spare_workers() = default;

// One of that node without a seat, or a new one; null: there can be no more.
spare_workers::place* spare_workers::place_for(worker& stuck) {
    const std::size_t n = count_.load(std::memory_order_relaxed); // only this thread writes it
    for (std::size_t i = 0; i < n; ++i)
        if (&made_[i]->node() == &stuck.node() && places_[i].its_seat.is_free()) return &places_[i];
    if (n == most_made_) return nullptr;
    place& p = places_[n];
    p.planned = spare_place(owner_, stuck.node());
    const std::size_t number = owner_.size() + n;
    std::vector<worker_node*> others = stuck.other_nodes_;
    p.who = std::make_unique<worker>(
        owner_, number, owner_.options_.seed + number, p.planned, stuck.node(), std::move(others), true);
    made_[n] = p.who.get();
    count_.store(n + 1, std::memory_order_release); // pairs with made
    return &p;
}

worker* spare_workers::send_in(worker& stuck, std::size_t most) noexcept {
    if (seated() >= most) return nullptr;
    try {
        place* const p = place_for(stuck);
        if (p == nullptr) return nullptr;
        p->who->seat_.store(stuck.seat(), std::memory_order_relaxed);
        p->its_seat.begin(owner_, *p->who, false);
        return p->who.get();
    } catch (const std::bad_alloc&) { // then nobody stands in
    } catch (const std::system_error&) {}
    return nullptr;
}

const seat& spare_workers::seat_of(const worker& spare) const noexcept {
    return places_[spare.index() - owner_.size()].its_seat;
}

seat& spare_workers::its_seat(const worker& spare) noexcept { return places_[spare.index() - owner_.size()].its_seat; }

bool spare_workers::collect() noexcept {
    bool all = true;
    for (std::size_t i = 0; i < count_.load(std::memory_order_relaxed); ++i) all = places_[i].its_seat.collect() && all;
    return all;
}

} // namespace bastion::detail
