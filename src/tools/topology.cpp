// bastion-topology: prints the machine as a runtime sees it, and where its workers would be.
#include <bastion/runtime/config.hpp>
#include <bastion/topology/cpu_list.hpp>
#include <bastion/topology/print.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

extern char** environ;

namespace {

using namespace bastion::topology;

constexpr const char* usage =
    R"(bastion-topology [OPTION...]: the machine as a runtime sees it, its workers, and the order in which they turn to one another

  --svg                 a picture (SVG) instead of a table
  --machine TEXT        another machine: hwloc's synthetic format ("numa:2 core:4 pu:2") or its XML
  --workers N           as many workers
  --workers-per-node N  as many on each NUMA node
  --cpus LIST           on these CPUs only, as "0,2-5"
  --cores-left-free N   so many cores are for others
  --spare-smt           at most one worker on each core
  --pinning WHEN        never, always, or automatic (the default): each to its CPU, if there is one for every CPU
  --help                this text

The options are those of bastion::config: with_workers(N) and so on. The environment variables that a runtime heeds (BASTION_WORKERS and so
on) hold here, too; options have the last word.
)";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument("bastion-topology: " + why); }

std::size_t number(std::string_view option, std::string_view text, std::size_t least) {
    std::size_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size() || n < least)
        refuse(std::string(option) + " needs a number from " + std::to_string(least) + " on, not \"" +
               std::string(text) + "\"");
    return n;
}

std::vector<int> list(std::string_view option, std::string_view text) {
    try {
        return cpus_of(text);
    } catch (const std::invalid_argument& part) {
        refuse(std::string(option) + ": \"" + part.what() + "\" is no CPU and no range of them, as \"0,2-5\"");
    }
}

pinning when(std::string_view option, std::string_view text) {
    if (const auto p = pinning_of(text)) return *p;
    refuse(std::string(option) + " is never, automatic or always, not \"" + std::string(text) + "\"");
}

// "cores_left_free": "--cores-left-free".
std::string option_of(std::string wish) {
    std::replace(wish.begin(), wish.end(), '_', '-');
    return "--" + wish;
}

struct what_to_print {
    worker_wishes wishes;
    std::optional<machine> described; // none: this one
};

// As a runtime reads it, which refuses what makes no sense, and what it does not know.
what_to_print of_the_environment() {
    constexpr std::string_view prefix = "BASTION_";
    what_to_print all;
    worker_wishes& wishes = all.wishes;
    bastion::config checked;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view pair(*entry);
        if (pair.substr(0, prefix.size()) != prefix) continue;
        const std::string_view name = pair.substr(0, pair.find('='));
        const std::string_view value = pair.substr(std::min(name.size() + 1, pair.size()));
        checked.with_variable(name, value);
        const std::string_view setting = name.substr(prefix.size());
        // Of these two what was said last holds.
        if (setting == "WORKERS") wishes.workers = number(name, value, 1), wishes.workers_per_node = 0;
        else if (setting == "WORKERS_PER_NODE") wishes.workers_per_node = number(name, value, 1), wishes.workers = 0;
        else if (setting == "CPUS") wishes.cpus = list(name, value);
        else if (setting == "CORES_LEFT_FREE") wishes.cores_left_free = number(name, value, 0);
        else if (setting == "SPARE_SMT") wishes.spare_smt = number(name, value, 0) == 1;
        else if (setting == "PINNING") wishes.pinning = when(name, value);
        else if (setting == "MACHINE") all.described = described_machine(std::string(value));
    }
    return all;
}

void print(int argc, char** argv) {
    if (std::find(argv + 1, argv + argc, std::string_view("--help")) != argv + argc)
        return (void)std::fputs(usage, stdout);
    what_to_print all = of_the_environment();
    worker_wishes& wishes = all.wishes;
    bool svg = false;
    bool says_how_many = false;
    // Whichever of the two is said, that of the environment is not.
    const auto how_many = [&](std::size_t& wish, std::size_t n) {
        if (!says_how_many) wishes.workers = wishes.workers_per_node = 0;
        says_how_many = true;
        wish = n;
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&]() -> std::string_view {
            if (i + 1 >= argc) refuse(std::string(option) + " needs a value; see --help");
            return argv[++i];
        };
        if (option == "--svg") svg = true;
        else if (option == "--machine") all.described = described_machine(std::string(value()));
        else if (option == "--workers") how_many(wishes.workers, number(option, value(), 1));
        else if (option == "--workers-per-node") how_many(wishes.workers_per_node, number(option, value(), 1));
        else if (option == "--cpus") wishes.cpus = list(option, value());
        else if (option == "--cores-left-free") wishes.cores_left_free = number(option, value(), 0);
        else if (option == "--spare-smt") wishes.spare_smt = true;
        else if (option == "--pinning") wishes.pinning = when(option, value());
        else refuse("unknown option \"" + std::string(option) + "\"; see --help");
    }
    const machine& on = all.described ? *all.described : this_machine();
    const worker_plan plan = plan_workers(on, wishes);
    const std::string text = svg ? to_svg(on, plan) : to_table(on, plan);
    std::fwrite(text.data(), 1, text.size(), stdout);
}

} // namespace

int main(int argc, char** argv) {
    try {
        print(argc, argv);
        return 0;
    } catch (const bad_wish& e) {
        std::fprintf(stderr, "bastion-topology: %s: %s\n", option_of(e.wish()).c_str(), e.what());
        return 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
