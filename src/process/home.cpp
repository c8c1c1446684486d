#include <bastion/executor/arena.hpp>
#include <bastion/process/home.hpp>

#include <mutex>
#include <new>

namespace bastion::detail {
namespace {

spin_lock free_lock;
runtime_home* free_homes = nullptr;

} // namespace

runtime_home* make_home() {
    runtime_home* home = nullptr;
    {
        const std::lock_guard lock(free_lock);
        if (free_homes != nullptr) {
            home = free_homes;
            free_homes = home->next_free;
        }
    }
    if (home == nullptr) home = ::new (arena_reserve(sizeof(runtime_home))) runtime_home;
    home->hooks = home_hooks();
    for (auto& count : home->dead_letters) count.store(0, std::memory_order_relaxed);  // nobody is inside yet
    return home;
}

void recycle_home(runtime_home* home) noexcept {
    home->workers.store(nullptr);
    home->root = nullptr;
    const std::lock_guard lock(free_lock);
    home->next_free = free_homes;
    free_homes = home;
}

void schedule_foreign(control_block& block) noexcept {
    runtime_home& home = *block.home;
    // The block cannot end before it is scheduled, so the runtime stands and its gate is open; being inside keeps it
    // standing until the sleeper has been woken.
    const std::size_t stripe = this_stripe();
    const bool inside = home.entrance.enter(stripe);
    if (executor* workers = home.workers.load()) {
        if (block.kind == process_kind::system) workers->schedule_system(block);
        else workers->schedule(block);
    }
    if (inside) home.entrance.leave(stripe);
}

} // namespace bastion::detail
