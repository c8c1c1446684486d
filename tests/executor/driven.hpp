// An executor whose every step a test takes.
#ifndef BASTION_TESTS_EXECUTOR_DRIVEN_HPP
#define BASTION_TESTS_EXECUTOR_DRIVEN_HPP

#include <bastion/executor/executor.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace driven {

using namespace bastion::detail;
using namespace bastion::topology;

struct job : runnable {
    std::function<void(worker&)> work;
    explicit job(std::function<void(worker&)> w) : work(std::move(w)) {
        static const runnable_ops table{
            [](runnable& r, worker& here) { static_cast<job&>(r).work(here); }, [](runnable&) {}};
        ops = &table;
    }
};

// Every choice is the first, and everything happens when the test says so.
struct first_choices : driver {
    virtual ~first_choices() = default;
    std::size_t choose(decision, std::size_t) noexcept override { return 0; }
    void run(worker& w, runnable& r) noexcept override { w.run_now(r, 100); }
    void note_last(worker&, runnable&) noexcept override {}
    bool run_until(const std::function<bool()>&, std::int64_t) override { return true; }
    void run_to_end(const std::function<bool()>&) noexcept override {}
    void run_another(worker&) noexcept override {}
    void check_thread() const override {}
    void attach(executor&) override {}
    void detach(executor&) noexcept override {}
};

inline executor_options on(const std::string& description, driver* driven_by = nullptr) {
    executor_options o;
    o.plan.emplace(described_machine(description), worker_wishes());
    o.driven_by = driven_by;
    return o;
}

} // namespace driven

#endif
