// Random orders under many seeds: TEST_SEEDS and TEST_FIRST_SEED say which, `./dev orders` runs as many as asked. A run that fails is
// shortened by leaving out steps.
#include "support/catch.hpp"
#include "testing/random_orders.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/base/random.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/testing/failure.hpp>
#include <bastion/testing/simulation.hpp>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

using namespace bastion;

namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0') return {};
    return std::strtoull(text, nullptr, 10);
}

testing::settings settings_of(std::uint64_t seed) {
    random_source r(seed);
    constexpr testing::scheduling kinds[] = {
        testing::scheduling::random, testing::scheduling::priorities, testing::scheduling::adversarial};
    return testing::settings()
        .with_workers(1 + r.below(3))
        .with_scheduling(kinds[r.below(3)])
        .with_slow_machine(r.below(4) == 0)
        .with_step_limit(2'000'000);
}

struct run_result {
    orders::outcome seen;
    std::string wrong; // empty: nothing
};

run_result run(const orders::course& c) {
    run_result r;
    const auto before = detail::live_blocks();
    testing::simulation sim(c.seed, settings_of(c.seed));
    try {
        orders::run(sim, c, r.seen);
        if (detail::live_blocks() != before) r.wrong = "blocks are left";
    } catch (const testing::failure& f) {
        r.wrong = f.what();
        sim.abandon();
    }
    return r;
}

// Without the steps that it fails without.
orders::course shortened(orders::course c) {
    for (std::size_t size = c.steps.size() / 2; size > 0; size /= 2)
        for (std::size_t at = 0; at < c.steps.size();) {
            orders::course without = c;
            const auto from = without.steps.begin() + static_cast<std::ptrdiff_t>(at);
            const auto n = std::min(size, c.steps.size() - at);
            without.steps.erase(from, from + static_cast<std::ptrdiff_t>(n));
            if (run(without).wrong.empty()) at += n;
            else c = without;
        }
    return c;
}

std::string report(const orders::course& c) {
    const run_result r = run(c);
    std::string text = "seed " + std::to_string(c.seed) + ": " + r.wrong;
    for (const std::string& step : r.seen.said) text += "\n    " + step;
    return text;
}

} // namespace

TEST_CASE("random orders: every order is answered, and the tree is what it says it is") {
    const std::uint64_t first = number_in("TEST_FIRST_SEED").value_or(1);
    const std::uint64_t count = number_in("TEST_SEEDS").value_or(100);
    orders::outcome seen;
    std::uint64_t failed = 0;
    for (std::uint64_t seed = first; seed != first + count; ++seed) {
        const run_result r = run(orders::whole_course(seed));
        for (const auto& [what, times] : r.seen.answers) seen.answers[what] += times;
        seen.restarts += r.seen.restarts;
        if (r.wrong.empty()) continue;
        ++failed;
        std::printf("%s\n", report(shortened(orders::whole_course(seed))).c_str());
    }
    std::printf("%llu seeds of random orders, %llu restarts\n", static_cast<unsigned long long>(count),
        static_cast<unsigned long long>(seen.restarts));
    for (const auto& [what, times] : seen.answers)
        std::printf("%s: %llu\n", what.c_str(), static_cast<unsigned long long>(times));
    CHECK(failed == 0);
    constexpr std::size_t kinds = 29; // of orders, each with each result that it can have
    if (count >= 1000) CHECK(seen.answers.size() == kinds);
}
