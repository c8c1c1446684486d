// What says that an executor is at rest: nothing runs in it, and nothing will before time moves or a stranger comes.
//
// For manual clocks and tests. Cost: a worker that parks, and a blocking function, count themselves once on their way in
// and once on their way out.
//
// Protocol:
//  1. A worker that parks has announced its sleep (sleepers.hpp), has looked for work once more, and then rests; it rests no
//     longer once its park is over. A function is counted before its thread can have it, and until its wake-up is handed on.
//  2. Who waits for rest counts itself, then looks. The last worker that rests and the last function that ends count
//     themselves, then look whether somebody waits. All of that is seq_cst: one of them sees the other.
//  3. Who looks reads the functions first and last, and between them who rests, who sleeps, and the queues. A function that
//     came and went meanwhile has left a wake-up that was not seen: the second reading differs, since it counts the
//     submitted, too. It is not older than a submit by a worker that was seen asleep: the announcement has released it.
#ifndef BASTION_EXECUTOR_REST_HPP
#define BASTION_EXECUTOR_REST_HPP

#include <bastion/base/atomics.hpp>

#include <cstddef>
#include <cstdint>

namespace bastion::detail {

// The blocking functions that are queued or run, and how many were ever submitted: one word.
template <class Atomics = std_atomics>
class basic_function_count {
    static constexpr std::uint64_t busy_mask = 0xffff'ffff;
    static constexpr std::uint64_t both = (busy_mask + 1) + 1;

public:
    // relaxed: released with the announcement of the worker's sleep (3), and to the thread by the pool's lock.
    void one_more() noexcept { word_.fetch_add(both, std::memory_order_relaxed); }
    // True: that was the last one.
    [[nodiscard]] bool one_less() noexcept { return !is_busy(word_.fetch_sub(1) - 1); }
    // Changes whenever one comes or goes.
    [[nodiscard]] std::uint64_t state() const noexcept { return word_.load(); }
    [[nodiscard]] static bool is_busy(std::uint64_t state) noexcept { return (state & busy_mask) != 0; }

private:
    typename Atomics::template atomic<std::uint64_t> word_{0};
};

// The workers that rest, and the threads that wait until all do.
template <class Atomics = std_atomics>
class basic_rest_watch {
public:
    // True: now all of so many rest, and somebody waits for it.
    [[nodiscard]] bool begin(std::size_t workers) noexcept {
        return resting_.fetch_add(1) + 1 == workers && is_awaited();
    }
    // relaxed: who finds it resting still has found what was true until it was taken out of the sleepers; they count, too.
    void end() noexcept { resting_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t resting() const noexcept { return resting_.load(); }

    void await() noexcept { waiters_.fetch_add(1); }
    // relaxed: at worst it is told for nothing.
    void await_no_more() noexcept { waiters_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] bool is_awaited() const noexcept { return waiters_.load() != 0; }

private:
    typename Atomics::template atomic<std::size_t> resting_{0};
    typename Atomics::template atomic<std::size_t> waiters_{0};
};

using function_count = basic_function_count<>;
using rest_watch = basic_rest_watch<>;

} // namespace bastion::detail

#endif
