#include <bastion/executor/executor.hpp>
#include <bastion/executor/seat.hpp>
#include <bastion/topology/machine.hpp>

namespace bastion::detail {

void seat::begin(executor& owner, worker& who, bool freed) {
    if (thread_.joinable()) thread_.join();
    who.sit_down();
    left_.store(false, std::memory_order_relaxed); // the thread is not there yet
    owner.one_seat_more(who);
    try {
        thread_ = std::thread([this, &owner, &who, freed] {
            if (freed && who.place().bound_to.empty()) (void)topology::unbind_this_thread();
            owner.work_as(who);
            owner.one_seat_less(who);
            left_.store(true, std::memory_order_release); // pairs with is_free
        });
    } catch (...) {
        who.stand_up();
        owner.one_seat_less(who);
        left_.store(true, std::memory_order_relaxed);
        throw;
    }
}

bool seat::collect() noexcept {
    if (!is_free()) return false;
    if (thread_.joinable()) thread_.join();
    return true;
}

void seat::join() noexcept {
    if (thread_.joinable()) thread_.join();
}

void seat::leave_behind() noexcept { thread_.detach(); }

} // namespace bastion::detail
