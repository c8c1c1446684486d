// Random trees under many seeds, each twice. TEST_SEEDS says how many: CI runs 1,000, `./dev seeds` as many as asked.
#include "support/catch.hpp"
#include "testing/random_tree.hpp"

#include <bastion/testing/explore.hpp>

#include <cstdio>
#include <cstdlib>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t turns = 10'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__) ||                         \
    defined(BASTION_TEST_EMULATOR)
constexpr bool is_slow = true;
#elif defined(__has_feature)
constexpr bool is_slow = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool is_slow = false;
#endif

testing::settings settings_of(std::uint64_t seed) {
    random_source r(seed);
    testing::fault_rates rates;
    if (r.below(2) == 0) rates = {50, 20, 30, 50, 5ms};
    if (r.below(4) == 0) rates.allocation = 30;
    return testing::settings()
        .with_workers(1 + r.below(4))
        .with_slow_machine(r.below(2) == 0)
        .with_faults(rates)
        .with_step_limit(400'000);
}

} // namespace

TEST_CASE("random trees: every ledger adds up, the same seed is the same run") {
    const char* asked = std::getenv("TEST_SEEDS");
    const std::uint64_t count = asked != nullptr ? std::strtoull(asked, nullptr, 10) : is_slow ? 20 : 1000;
    const char* begin = std::getenv("TEST_FIRST_SEED");
    const std::uint64_t first = begin != nullptr ? std::strtoull(begin, nullptr, 10) : 1;
    testing::coverage seen;
    std::uint64_t noproc = 0;
    std::uint64_t total_steps = 0;
    for (std::uint64_t seed = first; seed != first + count; ++seed) {
        std::uint64_t hash = 0;
        const auto run = [&](testing::simulation& sim) {
            trees::ledger l(sim, seed);
            trees::random_run(sim, turns, l);
            hash = sim.trace_hash();
            total_steps += sim.steps();
            noproc += l.down_reasons[static_cast<std::size_t>(exit_kind::noproc)];
        };
        seen += testing::for_each_seed({seed, 1}, run, settings_of(seed));
        const std::uint64_t once = hash;
        (void)testing::for_each_seed({seed, 1}, run, settings_of(seed));
        INFO("seed " << seed);
        REQUIRE(hash == once);
    }
    std::printf("%llu seeds, each twice, %llu steps\n%smonitors of nobody: %llu\n",
        static_cast<unsigned long long>(count), static_cast<unsigned long long>(total_steps), seen.text().c_str(),
        static_cast<unsigned long long>(noproc));
}
