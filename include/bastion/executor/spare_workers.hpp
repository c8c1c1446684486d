// Workers beside those of the plan: one steps in for each that does not come back from its turn, and leaves when it has.
//
// Owned by the executor. Seated and told to leave by the watchdog alone. A spare worker is of one node, as every worker; it has the place of
// whom it stands in for (worker::seat), and once made it is there until the executor ends: its wheel may hold timers, which others look
// after while it has no seat (seat.hpp). Who is seated finds what lies with the stuck one as any thief does, and takes what comes to the node's
// queues as any worker does.
// Thread safety: made and seated from any thread.
#ifndef BASTION_EXECUTOR_SPARE_WORKERS_HPP
#define BASTION_EXECUTOR_SPARE_WORKERS_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/seat.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>

namespace bastion::detail {

class executor;
class worker;

class spare_workers {
public:
    // As many are seated at once, at most, beside as many as there are lost workers, of which there may be `most_lost`; on so many nodes.
    spare_workers(executor& owner, std::size_t most, std::size_t most_lost, std::size_t nodes);
    spare_workers(const spare_workers&) = delete;
    spare_workers& operator=(const spare_workers&) = delete;
    ~spare_workers();

    [[nodiscard]] std::size_t most() const noexcept { return most_; }
    // That there will ever be.
    [[nodiscard]] std::size_t most_made() const noexcept { return most_made_; }
    // Those that there are, seated or not, by their numbers: the first comes after the plan's last.
    [[nodiscard]] std::span<worker* const> made() const noexcept {
        return {made_.get(), count_.load(std::memory_order_acquire)}; // pairs with the release in `place_for`
    }
    // relaxed: a number. Who is asleep was seated before that.
    [[nodiscard]] std::size_t seated() const noexcept { return seated_.load(std::memory_order_relaxed); }
    void one_more() noexcept { seated_.fetch_add(1, std::memory_order_relaxed); }
    void one_less() noexcept { seated_.fetch_sub(1, std::memory_order_relaxed); }

    // ---- the watchdog

    // One steps in for `stuck`, whom thieves may rob. Null: `most` are seated, or as many as may ever be, or the system gives no thread.
    worker* send_in(worker& stuck, std::size_t most) noexcept;
    // Waits for the threads of those that have left. True: nobody is seated, and no thread is left.
    bool collect() noexcept;
    [[nodiscard]] const seat& seat_of(const worker& spare) const noexcept;

    // The executor stops: waits for all threads, but for those of workers that are to be left behind.
    template <class IsLost>
    void join(IsLost is_lost) noexcept {
        for (worker* spare : made()) {
            seat& its = its_seat(*spare);
            if (is_lost(*spare)) its.leave_behind();
            else its.join();
        }
    }

private:
    struct place;

    [[nodiscard]] place* place_for(worker& stuck);
    [[nodiscard]] seat& its_seat(const worker& spare) noexcept;

    executor& owner_;
    const std::size_t most_;
    const std::size_t most_made_;
    std::unique_ptr<place[]> places_;
    std::unique_ptr<worker*[]> made_;
    std::atomic<std::size_t> count_{0};
    std::atomic<std::size_t> seated_{0};
};

} // namespace bastion::detail

#endif
