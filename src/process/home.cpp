#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/type_stable.hpp>
#include <bastion/process/home.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace bastion::detail {
namespace {

type_stable<runtime_home> homes;

// Those that stand. The exclusive or of one address is that address.
struct {
    spin_lock lock;
    std::size_t number = 0;
    std::uintptr_t all = 0;
} standing;

void count(const runtime_home* home, bool stands) noexcept {
    const std::lock_guard guard(standing.lock);
    standing.number += stands ? 1 : std::size_t(-1);
    standing.all ^= reinterpret_cast<std::uintptr_t>(home);
}

} // namespace

runtime_home* only_home() noexcept {
    const std::lock_guard guard(standing.lock);
    // Safety: homes stay for ever.
    return standing.number == 1 ? reinterpret_cast<runtime_home*>(standing.all) : nullptr;
}

runtime_home* make_home() {
    runtime_home* home = homes.take();
    home->hooks = home_hooks();
    for (auto& count : home->dead_letters) count.store(0, std::memory_order_relaxed);  // nobody is inside yet
    count(home, true);
    return home;
}

void recycle_home(runtime_home* home) noexcept {
    count(home, false);
    home->workers.store(nullptr);
    homes.give_back(home);
}

void call_thief(const control_block& block) noexcept {
    runtime_home* const home = block.home;
    if (home == nullptr) return;
    const visit inside(*home);
    if (!inside) return;
    if (executor* workers = home->workers.load()) workers->call_thief();
}

void schedule_foreign(control_block& block) noexcept {
    runtime_home& home = *block.home;
    // The block cannot end before it is scheduled, so the runtime stands and its gate is open; being inside keeps it
    // standing until the sleeper has been woken.
    const visit inside(home);
    if (executor* workers = home.workers.load()) {
        // The message lies there already, so it cannot be refused any more: what is thrown here ends the program.
        if (const driver* d = workers->driven_by()) d->check_thread();
        if (block.kind == process_kind::system) workers->schedule_system(block);
        else workers->schedule(block);
    }
}

} // namespace bastion::detail
