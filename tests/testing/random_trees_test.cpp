// Random trees under many seeds, each twice. TEST_SEEDS says how many: CI runs 1,000, `./dev seeds` as many as asked.
// BASTION_SEED=17 runs that one alone.
#include "runtime/child.hpp"
#include "support/catch.hpp"
#include "testing/random_tree.hpp"
#include "transitions/transitions.hpp"

#include <bastion/testing/explore.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t turns = 9'000;
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
    auto s = testing::settings()
                 .with_workers(1 + r.below(4))
                 .with_slow_machine(r.below(2) == 0)
                 .with_faults(rates)
                 .with_step_limit(400'000);
    return s.with_nodes(1 + r.below(3));
}

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0') return {};
    return std::strtoull(text, nullptr, 10);
}

// Of this program, whatever made it.
std::string command_for(std::uint64_t seed) {
    std::error_code unknown;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
    return "BASTION_SEED=" + std::to_string(seed) + " " + program.string() + " 'random trees*'";
}

struct tree_run {
    std::uint64_t hash = 0;
    std::uint64_t steps = 0;
    testing::coverage seen;
    std::vector<trees::happening> happenings;
};

tree_run run_tree(std::uint64_t seed) {
    tree_run r;
    testing::coverage inside;
    const auto program = [&](testing::simulation& sim) {
        trees::ledger l(sim, seed);
        l.is_punctual = !settings_of(seed).slow_machine();
        (void)transitions::take();
        trees::random_run(sim, turns, l);
        r.hash = sim.trace_hash();
        r.steps = sim.steps();
        r.happenings = l.happenings();
        inside = {};
        inside.transitions = transitions::take();
        constexpr auto noproc = static_cast<std::size_t>(exit_kind::noproc);
        inside.exits[noproc] = l.down_reasons[noproc];
        if (const std::string wrong = inside.forbidden(); !wrong.empty())
            throw testing::failure("transitions that must not be:\n" + wrong);
    };
    r.seen = testing::for_each_seed({seed, 1}, program, settings_of(seed));
    if constexpr (transitions::are_counted) r.seen.transitions = {};
    r.seen += inside;
    return r;
}

} // namespace

TEST_CASE("random trees: every ledger adds up, the same seed is the same run") {
    const auto only = number_in("BASTION_SEED");
    const std::uint64_t first = only.value_or(number_in("TEST_FIRST_SEED").value_or(1));
    const std::uint64_t count = only ? 1 : number_in("TEST_SEEDS").value_or(is_slow ? 20 : 1000);
    testing::coverage seen;
    std::vector<trees::happening> happenings;
    std::uint64_t total_steps = 0;
    for (std::uint64_t seed = first; seed != first + count; ++seed) {
        INFO("seed " << seed);
        // A line of its own: Catch2 would break it.
        const auto failed = [seed] { std::fprintf(stderr, "repeat it: %s\n", command_for(seed).c_str()); };
        tree_run once;
        tree_run again;
        try {
            once = run_tree(seed);
            again = run_tree(seed);
        } catch (...) {
            failed();
            throw;
        }
        if (again.hash != once.hash) failed();
        REQUIRE(again.hash == once.hash);
        seen += once.seen;
        if (happenings.empty()) happenings = once.happenings;
        else
            for (std::size_t i = 0; i < happenings.size(); ++i) happenings[i].times += once.happenings[i].times;
        total_steps += once.steps + again.steps;
    }
    std::printf("%llu seeds, each twice, %llu steps\n%s", static_cast<unsigned long long>(count),
        static_cast<unsigned long long>(total_steps), seen.text().c_str());
    for (const auto& [what, times] : happenings)
        std::printf("%s: %llu\n", what, static_cast<unsigned long long>(times));
    CHECK(seen.forbidden().empty());
    const auto never = [](const trees::happening& h) { return h.times == 0; };
    if (count >= 1000) CHECK(std::none_of(happenings.begin(), happenings.end(), never));
    // So many see all there is; nothing ends with noconnection yet.
    if (transitions::are_counted && count >= 1000) CHECK(seen.unseen() == "exit noconnection\n");
}

TEST_CASE("BASTION_SEED runs one random tree alone") {
    child_program program("random trees*", {"BASTION_SEED=17", "TEST_SEEDS=1000"});
    CHECK_THAT(program.finish(), BASTION_CATCH_CONTAINS("1 seeds, each twice"));
    CHECK(program.code == 0);
}
