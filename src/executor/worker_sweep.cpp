// What an idle worker gives back to the system.
//
// Sorting the free blocks of ten million processes takes seconds. So a worker sweeps as what is done when nothing else is: it counts as awake, and
// before each list of blocks looks for work as its loop does.
#include <bastion/executor/executor.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/worker.hpp>

namespace bastion::detail {
namespace {

// A sweep ends when others have been awake for so long, or when this worker has worked for a quarter of its time and so long.
constexpr std::int64_t busy_for_ns = 20'000'000;

} // namespace

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

// Nobody has anything to do, nor will have before somebody is told. This worker is still among those that sleep.
bool worker::all_are_idle() const noexcept {
    return !parker_.is_told() && owner_.all_sleep() && first_due() > owner_.time_->now_ns();
}

void worker::sweep() noexcept {
    sweep_began_ns_ = sweep_alone_ns_ = monotonic_ns();
    sweep_worked_ns_ = 0;
    (void)give_pages_back({[](void* w) { return static_cast<worker*>(w)->goes_on_sweeping(); }, this});
}

bool worker::goes_on_sweeping() {
    const std::int64_t begin = monotonic_ns();
    bool worked = false;
    while (!is_to_end() && do_one()) worked = true;
    const std::int64_t now = worked ? monotonic_ns() : begin;
    sweep_worked_ns_ += now - begin;
    if (owner_.sleepers_.asleep() + 1 >= owner_.seated_.seated()) sweep_alone_ns_ = now;
    return !is_to_end() && now - sweep_alone_ns_ < busy_for_ns &&
           sweep_worked_ns_ < busy_for_ns + (now - sweep_began_ns_) / 4;
}

} // namespace bastion::detail
