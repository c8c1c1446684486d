// bastion-topology: prints the machine as a runtime sees it, and where its workers would be.
#include <bastion/topology/print.hpp>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace bastion::topology;

constexpr const char* usage =
    R"(bastion-topology [OPTION...]: the machine as a runtime sees it, its workers, and the order in which they turn to one another

  --svg                 a picture (SVG) instead of a table
  --machine TEXT        another machine: hwloc's synthetic format ("numa:2 core:4 pu:2") or its XML
  --workers N           as many workers
  --per-node N          as many on each NUMA node
  --cpus LIST           on these CPUs only, as "0,2-5"
  --leave-free N        so many CPUs are for others
  --spare-smt           at most one worker on each core
  --pin never|always    default: pinned where each has a CPU of its own
  --help                this text
)";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument("bastion-topology: " + why); }

template <class T>
T number(std::string_view option, std::string_view text) {
    T n{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size())
        refuse(std::string(option) + " needs a number, not \"" + std::string(text) + "\"");
    return n;
}

// "0,2-5"
std::vector<int> list_of(std::string_view text) {
    std::vector<int> all;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string_view part = text.substr(at, comma - at);
        const std::size_t dash = part.find('-');
        const int first = number<int>("--cpus", part.substr(0, dash));
        const int last = dash == std::string_view::npos ? first : number<int>("--cpus", part.substr(dash + 1));
        if (first < 0 || last < first || last > 1'000'000) refuse("--cpus: \"" + std::string(part) + "\" is no range");
        for (int n = first; n <= last; ++n) all.push_back(n);
        at = comma + 1;
    }
    return all;
}

void print(int argc, char** argv) {
    worker_wishes wishes;
    std::optional<machine> described;
    bool svg = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&]() -> std::string_view {
            if (i + 1 >= argc) refuse(std::string(option) + " needs a value; see --help");
            return argv[++i];
        };
        if (option == "--help") return (void)std::fputs(usage, stdout);
        if (option == "--svg") svg = true;
        else if (option == "--machine") described = described_machine(std::string(value()));
        else if (option == "--workers") wishes.count = number<std::size_t>(option, value());
        else if (option == "--per-node") wishes.per_node = number<std::size_t>(option, value());
        else if (option == "--cpus") wishes.cpus = list_of(value());
        else if (option == "--leave-free") wishes.leave_free = number<std::size_t>(option, value());
        else if (option == "--spare-smt") wishes.spare_smt = true;
        else if (option == "--pin") {
            const std::string_view how = value();
            if (how != "never" && how != "always") refuse("--pin is never or always, not \"" + std::string(how) + "\"");
            wishes.pin = how == "never" ? pinning::never : pinning::always;
        } else refuse("unknown option \"" + std::string(option) + "\"; see --help");
    }
    const machine& on = described ? *described : this_machine();
    const worker_plan plan = plan_workers(on, wishes);
    const std::string text = svg ? to_svg(on, plan) : to_table(on, plan);
    std::fwrite(text.data(), 1, text.size(), stdout);
}

} // namespace

int main(int argc, char** argv) {
    try {
        print(argc, argv);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
