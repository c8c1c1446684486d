#include "testing/simulator.hpp"

#include <bastion/testing/simulation.hpp>

#include <cstdio>
#include <exception>

namespace bastion::testing {
namespace {

using detail::fault_order;

void order(
    detail::simulator& s, fault_order::kind what, const child_ref& who, unsigned nth, std::chrono::nanoseconds by) {
    s.check_thread();
    if (!who.alive()) throw failure("a fault was ordered for a process that is gone");
    s.order({what, who.where(), who.where().block->taken + (nth > 0 ? nth - 1 : 0), by});
}

} // namespace

struct simulation::parts {
    parts(std::uint64_t seed, settings s) : simulator(seed, std::move(s)) {}
    detail::simulator simulator;
    std::unique_ptr<bastion::runtime> runtime;
    parts* abandoned_before = nullptr;
};

simulation::simulation(std::uint64_t seed, settings s)
    : parts_(std::make_unique<parts>(seed, std::move(s))), simulator_(&parts_->simulator),
      exceptions_(std::uncaught_exceptions()) {}

simulation::~simulation() {
    if (std::uncaught_exceptions() > exceptions_) {
        std::fprintf(stderr, "bastion: a simulation with seed %llu failed at step %llu; its last events:\n%s",
            static_cast<unsigned long long>(seed()), static_cast<unsigned long long>(steps()), last_events().c_str());
        abandon();
        return;
    }
    try {
        finish();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bastion: the simulation with seed %llu does not end: %s\n%s",
            static_cast<unsigned long long>(seed()), e.what(), last_events().c_str());
        abandon();
    }
}

void simulation::abandon() noexcept {
    // Kept within reach, so that what it holds counts as used, not as leaked.
    static parts* last = nullptr;
    if (parts_ == nullptr) return;
    simulator_->leave_allocations();
    parts_->abandoned_before = last;
    last = parts_.release();
}

config simulation::runtime_config() {
    detail::simulator* const s = simulator_;
    return config()
        .with_workers(s->settings().workers())
        .with_clock(s->time())
        .with_seed(s->seed())
        .with_signals(false)
        .with_driver(s, s->settings().nodes())
        .with_log([s](const log_record& r) { s->note_report(r); });
}

runtime& simulation::runtime() {
    simulator_->check_thread();
    if (parts_->runtime == nullptr) return runtime(runtime_config());
    return *parts_->runtime;
}

runtime& simulation::runtime(config c) {
    simulator_->check_thread();
    if (parts_->runtime != nullptr)
        throw usage_error(
            "bastion: this simulation has its runtime already, and another config comes too late: give it "
            "with the first call of sim.runtime, before anything is spawned; or make a second runtime of "
            "your own, bastion::runtime rt(sim.runtime_config())");
    parts_->runtime = std::make_unique<bastion::runtime>(std::move(c));
    return *parts_->runtime;
}

void simulation::finish() {
    if (parts_ == nullptr || parts_->runtime == nullptr) return;
    simulator_->limit_steps(simulator_->settings().step_limit()); // the end gets as many as all before
    parts_->runtime->kill(0);
    (void)parts_->runtime->wait();
    parts_->runtime.reset();
}

void simulation::advance(std::chrono::nanoseconds d) {
    simulator_->advance_to(simulator_->time()->now_ns() + std::max<std::int64_t>(0, d.count()));
}

bool simulation::run_until(const std::function<bool()>& done, std::chrono::nanoseconds within) {
    return simulator_->run_until(done, simulator_->time()->now_ns() + within.count());
}

std::chrono::nanoseconds simulation::now() const noexcept {
    return std::chrono::nanoseconds(simulator_->time()->now_ns());
}

exit_reason simulation::expect_exit(const child_ref& who, std::chrono::nanoseconds within) {
    const auto ends = [&] {
        const auto e = simulator_->ended(who.where());
        return e ? e->ends : 0;
    };
    if (who.alive()) {
        const std::uint32_t before = ends();
        if (!run_until([&] { return ends() > before || !who.alive(); }, within))
            throw failure("expect_exit: the process has not ended in time");
        settle(); // its owner hears of it
    }
    const auto e = simulator_->ended(who.where());
    if (!e || e->ends == 0) throw failure("expect_exit: the process is gone, and had no turn that says why");
    return e->why;
}

int simulation::expect_restart(const child_ref& who, std::chrono::nanoseconds within) {
    if (!who.alive()) throw failure("expect_restart: the element has ended for good");
    const detail::control_block& b = *who.where().block;
    const std::uint32_t before = b.incarnation;
    if (!run_until([&] { return !who.alive() || b.incarnation > before; }, within))
        throw failure("expect_restart: the element was not started again in time");
    if (!who.alive()) throw failure("expect_restart: the element has ended for good");
    return static_cast<int>(b.incarnation);
}

void simulation::panic_at(const child_ref& who, unsigned nth) {
    order(*simulator_, fault_order::kind::panic, who, nth, {});
}
void simulation::kill_at(const child_ref& who, unsigned nth) {
    order(*simulator_, fault_order::kind::kill, who, nth, {});
}
void simulation::drop_at(const child_ref& who, unsigned nth) {
    order(*simulator_, fault_order::kind::drop, who, nth, {});
}
void simulation::delay_at(const child_ref& who, unsigned nth, std::chrono::nanoseconds d) {
    order(*simulator_, fault_order::kind::delay, who, nth, d);
}
void simulation::slow(const child_ref& who, std::chrono::nanoseconds d) {
    order(*simulator_, fault_order::kind::slow, who, 0, d);
}

void simulation::fail_allocation(std::uint64_t nth) {
    simulator_->check_thread();
    simulator_->fail_allocation(nth);
}

std::uint64_t simulation::seed() const noexcept { return simulator_->seed(); }
std::uint64_t simulation::steps() const noexcept { return simulator_->steps(); }
std::uint64_t simulation::trace_hash() const noexcept { return simulator_->events().hash(); }
std::string simulation::last_events(std::size_t n) const { return simulator_->events().last(n); }
decisions simulation::decisions_made() const { return simulator_->decisions(); }
coverage simulation::seen() const { return simulator_->seen(); }

} // namespace bastion::testing
