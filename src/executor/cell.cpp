#include <bastion/executor/cell.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>

#include <cstddef>
#include <new>

namespace bastion::detail {
namespace {

// Under the wheel's lock: only decides. The owner is woken when the lock is free; a block's memory stays what it is,
// and a wake-up that comes too late is spurious, so the bare pointer is enough.
void fire_cell(timer_entry* entry, void* context) {
    // Safety: `entry` is the timer of a cell; only arm_cell_timer puts this function there.
    auto* cell =
        reinterpret_cast<completion_cell*>(reinterpret_cast<std::byte*>(entry) - offsetof(completion_cell, timer));
    runnable* owner = cell->owner;
    if (!cell->word.time_out()) return;
    if (owner == nullptr) {
        futex_wake(cell->word.word(), 1);
        return;
    }
    try {
        static_cast<fired_timers*>(context)->wake.push_back(owner);
    } catch (const std::bad_alloc&) {
        owner->ops->unpark(*owner);
    } // no memory for the list: at once, and under the lock
}

} // namespace

void arm_cell_timer(completion_cell& cell, executor& home, std::int64_t duration_ns) noexcept {
    worker& wheel = home.timer_home();
    cell.timer.fire = &fire_cell;
    cell.timer_home = static_cast<std::uint32_t>(wheel.index());
    wheel.arm(cell.timer, duration_ns);
}

void cancel_cell_timer(completion_cell& cell, executor& home) noexcept {
    if (cell.timer_home == completion_cell::no_timer) return;
    home.worker_at(cell.timer_home).cancel(cell.timer);
    cell.timer_home = completion_cell::no_timer;
}

void wake_cell_owner(completion_cell* cell, runnable* owner) noexcept {
    if (owner != nullptr) owner->ops->unpark(*owner);
    else futex_wake(cell->word.word(), 1);
}

} // namespace bastion::detail
