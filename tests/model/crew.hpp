// An executor as far as threads meet in its sleep: the shipped sleepers, parkers and queue, and jobs of the model's own.
#ifndef BASTION_TESTS_MODEL_CREW_HPP
#define BASTION_TESTS_MODEL_CREW_HPP

#include "model/explorer.hpp"

#include <bastion/executor/node_queue.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/executor/sleepers.hpp>

#include <array>

namespace model {

struct job {
    plain<job*> next = nullptr;
    plain<int> written = 0;
    plain<int> done = 0;
};

// What an executor is to sleepers and wakers; the functions are named as there.
struct crew {
    explicit crew(std::size_t workers) : sleepers(workers), size(workers) {}
    virtual ~crew() = default;

    bastion::detail::basic_sleepers<64, atomics> sleepers;
    std::array<bastion::detail::basic_parker<atomics, kernel>, 2> parkers;
    bastion::detail::node_queue<job, atomics> shared;
    atomics::atomic<bool> stopping{false};
    std::size_t size;

    virtual void run(job& j) = 0;
    virtual void park(std::size_t index) { parkers[index].park(-1); }

    void inject(job& j) {
        j.written = 1;
        shared.push_back(&j);
        if (sleepers.any()) wake_one();
    }
    void wake_one() {
        const int index = sleepers.take(size, [](std::size_t i) { return i; });
        if (index >= 0) parkers[static_cast<std::size_t>(index)].unpark();
    }
    void wake(std::size_t index) {
        if (sleepers.take_this(index)) parkers[index].unpark();
    }
    void stop() {
        stopping.store(true, std::memory_order_relaxed);
        for (std::size_t i = 0; i < size; ++i) {
            sleepers.withdraw(i);
            parkers[i].unpark();
        }
    }
    void work(std::size_t index) {
        while (!stopping.load(std::memory_order_relaxed)) {
            if (job* j = shared.pop_front()) {
                require(j->written == 1, "written before the submit");
                j->done = j->done + 1;
                run(*j);
                continue;
            }
            const auto sees = [this] { return !shared.empty_for_sure() || stopping.load(std::memory_order_relaxed); };
            sleepers.sleep(index, sees, [this, index] { park(index); });
        }
    }
};

} // namespace model

#endif
