// A seat: what gives a worker its thread, for as long as it is seated. And how many workers have one.
//
// Planned workers have seats for as long as they are wanted (runtime::resize_workers), spare ones while they stand in for others.
// Protocol:
//  1. Who is told to leave says so by its next look at `leaving`, hands everything that lies in its queues to its node's, wakes another
//     worker, and counts itself out last. Others may rob it until then; its wheel stays, and is polled by others.
//  2. Who asks whether all workers rest reads the count first and last: it changes whenever a worker takes a seat or has left one. A worker
//     counts itself out before it asks whether somebody waits for rest, and who waits says so before it looks (rest.hpp): one sees the other.
// Thread safety: begin, collect and join by the watchdog, or before there is one and after it; the rest from any thread.
#ifndef BASTION_EXECUTOR_SEAT_HPP
#define BASTION_EXECUTOR_SEAT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace bastion::detail {

class executor;
class worker;

class seat_count {
    static constexpr std::uint64_t seated_mask = 0xffff'ffff;
    static constexpr std::uint64_t one_change = seated_mask + 1;

public:
    // relaxed: who takes a seat is awake, and counts as such by the sleepers.
    void one_more() noexcept { word_.fetch_add(one_change + 1, std::memory_order_relaxed); }
    void one_less() noexcept { word_.fetch_add(one_change - 1); } // seq_cst (2)
    // Changes whenever one comes or goes.
    [[nodiscard]] std::uint64_t state() const noexcept { return word_.load(); }
    [[nodiscard]] static std::size_t seated(std::uint64_t state) noexcept { return state & seated_mask; }
    [[nodiscard]] std::size_t seated() const noexcept { return seated(state()); }

private:
    std::atomic<std::uint64_t> word_{0};
};

class seat {
public:
    // Throws std::system_error, and nobody is seated. `freed`: of a worker that is bound to nothing the thread may run on all CPUs that the program
    // may use, whatever the thread that calls this is bound to.
    void begin(executor& owner, worker& who, bool freed);
    // True: its last worker has left, and its thread has ended. Waits for nothing but the end of a thread that has nothing more to do.
    bool collect() noexcept;
    // Waits for its worker.
    void join() noexcept;
    // Nobody waits for its worker any more: it and all that it uses stay for as long as the program runs.
    void leave_behind() noexcept;
    // Its worker has left, or there never was one.
    [[nodiscard]] bool is_free() const noexcept {
        return left_.load(std::memory_order_acquire);
    } // pairs with the end of the thread

private:
    std::thread thread_;
    std::atomic<bool> left_{true};
};

} // namespace bastion::detail

#endif
