// Rest in all interleavings: who waits until nothing runs any more, against a worker and a thread for blocking functions.
#include "model/checked.hpp"
#include "model/crew.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/rest.hpp>

#include <array>
#include <mutex>

namespace {

using model::atomics;
using model::job;

// The functions are named as in executor and blocking_pool.
struct resting_crew : model::crew {
    resting_crew() : crew(1) {}

    bastion::detail::basic_function_count<atomics> functions;
    bastion::detail::basic_rest_watch<atomics> rest;
    bastion::detail::basic_spin_lock<atomics> rest_mutex; // Guards `waits`.
    model::plain<bool> waits = false;
    model::queue<int> rest_changed;
    model::queue<int> submitted;
    std::array<job, 2> processes; // each gives a function to a thread, and goes on when it has returned
    std::array<job, 2> returned;

    void run(job& j) override {
        if (&j == &processes[0] || &j == &processes[1]) {
            functions.one_more();
            submitted.push(&j == &processes[0] ? 0 : 1);
        }
    }
    void tell_of_rest() {
        const std::lock_guard lock(rest_mutex);
        if (waits) rest_changed.push(1);
        waits = false;
    }
    void park(std::size_t index) override {
        if (rest.begin(size)) tell_of_rest();
        crew::park(index);
        rest.end();
    }
    void run_function() {
        inject(returned[static_cast<std::size_t>(submitted.pop())]);
        if (functions.one_less() && rest.is_awaited()) tell_of_rest();
    }
    bool at_rest() {
        const std::uint64_t before = functions.state();
        return !functions.is_busy(before) && rest.resting() == size && sleepers.asleep() == size &&
               shared.empty_for_sure() && functions.state() == before;
    }
    void wait_until_at_rest() {
        rest_mutex.lock();
        rest.await();
        while (!at_rest()) {
            waits = true;
            rest_mutex.unlock();
            (void)rest_changed.pop();
            rest_mutex.lock();
        }
        rest.await_no_more();
        rest_mutex.unlock();
    }
};

// A stranger has `count` processes run, and waits for rest.
void rest_after(model::run& r, std::size_t count) {
    auto& c = r.make<resting_crew>();
    r.thread([&] { c.work(0); });
    r.thread([&, count] {
        for (std::size_t i = 0; i < count; ++i) c.run_function();
    });
    r.thread([&, count] {
        for (std::size_t i = 0; i < count; ++i) c.inject(c.processes[i]);
        c.wait_until_at_rest();
        for (std::size_t i = 0; i < count; ++i)
            model::require(c.processes[i].done == 1 && c.returned[i].done == 1, "rest comes after all there was to do");
        c.stop();
    });
}

} // namespace

TEST_CASE("model: rest against a blocking function") {
    model::check([](model::run& r) { rest_after(r, 1); }, {.preemptions = 2, .stale_reads = 1}, 1, 1);
}
TEST_CASE("model: rest against two blocking functions") {
    model::check([](model::run& r) { rest_after(r, 2); }, {.preemptions = 1, .stale_reads = 1}, 1, -1);
}
