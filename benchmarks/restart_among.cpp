// Beside the card: one child among n fails and is restarted at once, 20,000 times, while the others wait. The op is a
// restart: from the message that tells the child to fail to the one by which its next incarnation says that it is
// there. The start of the n is not timed. restart_among: a group of one among n, with kept specs;
// restart_among_dynamic: a child from a template. restart_limited: of one child whose supervisor allows n restarts an
// hour, the last 20,000 of these; those before are not timed, and stand in the window all the time.

#include "rows.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace bench {
namespace {

constexpr std::uint64_t restarts = 20'000;

// Both are written before the first spawn.
bastion::child_ref driver;
std::uint64_t chosen = 0; // who fails: the only child that tells and is told anything

bastion::process fail_if_chosen(bastion::context ctx, std::uint64_t which) {
    if (which == chosen) driver.tell(number{static_cast<std::uint64_t>(ctx.incarnation())});
    auto m = co_await ctx.recv();
    check(which == chosen && value_of(m) == static_cast<std::uint64_t>(ctx.incarnation()),
        "restart_among: whose message it is");
    co_return ctx.fail("told to fail");
}

bastion::supervisor with_immediate_restarts() {
    return bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate());
}

bastion::task<void> fail_from_to(bastion::context ctx, bastion::child_ref child, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
        child.tell(number{i});
        auto up = co_await ctx.recv();
        check(value_of(up) == i + 1, "restart_among: the incarnation");
    }
}

// `before`: so often it has failed when the clock starts.
bastion::task<figure> fail_again_and_again(bastion::context ctx, bastion::child_ref child, std::uint64_t before = 0) {
    auto first = co_await ctx.recv();
    check(value_of(first) == 0, "restart_among: the first incarnation");
    co_await fail_from_to(ctx, child, 0, before);
    const stopwatch clock;
    co_await fail_from_to(ctx, child, before, before + restarts);
    const double ns = clock.ns();
    check(log_lines() == before + restarts, "restart_among: the faults that the log saw");
    co_return figure{.ops = restarts, .ns = ns};
}

bastion::task<figure> among_named(bastion::context ctx, std::uint64_t n) {
    driver = ctx.self();
    chosen = n / 2;
    auto spec = with_immediate_restarts().with_specs_kept();
    for (std::uint64_t i = 0; i < n; ++i)
        spec = std::move(spec).with_children(
            bastion::children().with_name("c" + std::to_string(i)).with_exec([i](bastion::context self) {
                return fail_if_chosen(self, i);
            }));
    const auto sup = ctx.spawn(std::move(spec));
    auto started = co_await sup.started();
    check(started.has_value(), "restart_among: the supervisor did not start");
    auto info = co_await sup.which_child("c" + std::to_string(chosen));
    check(info.has_value(), "restart_among: the child is not there");
    auto found = co_await fail_again_and_again(ctx, info->group[0]);
    co_return found;
}

bastion::task<figure> among_dynamic(bastion::context ctx, std::uint64_t n) {
    driver = ctx.self();
    chosen = n / 2;
    const auto sup = ctx.spawn(with_immediate_restarts()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_children(bastion::children().with_template(fail_if_chosen)));
    bastion::child_ref child;
    std::vector<bastion::answer<bastion::child_info>> answers;
    answers.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) answers.push_back(sup.start_child(i));
    for (std::uint64_t i = 0; i < n; ++i) {
        auto info = co_await std::move(answers[i]);
        check(info.has_value(), "restart_among: a child did not start");
        if (i == chosen) child = info->element;
    }
    auto found = co_await fail_again_and_again(ctx, child);
    co_return found;
}

bastion::task<figure> within_limit(bastion::context ctx, std::uint64_t n) {
    check(n >= restarts, "restart_limited: N is at least 20,000");
    driver = ctx.self();
    chosen = 0;
    const auto sup =
        ctx.spawn(with_immediate_restarts().with_intensity(static_cast<std::uint32_t>(n), std::chrono::hours(1)));
    const auto group =
        sup.spawn(bastion::children().with_exec([](bastion::context self) { return fail_if_chosen(self, 0); }));
    auto found = co_await fail_again_and_again(ctx, group[0], n - restarts);
    co_return found;
}

} // namespace

figure restart_limited(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, within_limit, faults::expected);
}
figure restart_among(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, among_named, faults::expected);
}
figure restart_among_dynamic(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, among_dynamic, faults::expected);
}

} // namespace bench
