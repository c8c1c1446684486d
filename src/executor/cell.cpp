#include <bastion/executor/cell.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>

#include <cstddef>
#include <new>

namespace bastion::detail {

// Under the wheel's lock: only decides. The owner is woken when the lock is free; a block's memory stays what it is,
// and a wake-up that comes too late is spurious, so the bare pointer is enough.
void fire_cell(timer_entry* entry, void* context) {
    // Safety: `entry` is the timer of a cell; only cells have this function.
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

void wake_cell_owner(completion_cell* cell, runnable* owner) noexcept {
    if (owner != nullptr) owner->ops->unpark(*owner);
    else futex_wake(cell->word.word(), 1);
}

} // namespace bastion::detail
