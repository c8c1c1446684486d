// bastion-curves CURVE X [WORKERS [PART]]: one point of a scaling curve, one line of output; PART: only so small a part of its operations. See docs/curves.md.
// bastion-curves list: the curves and their points.

#include "curves.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

using curves::point;
using curves::request;

struct curve {
    const char* name;
    point (*at)(const request& r);
    std::uint64_t most; // x
    const char* points;
};

constexpr const char* to_1e4 = "1 10 100 1000 10000";
constexpr const char* to_1e5 = "1 10 100 1000 10000 100000";
constexpr const char* to_1e6 = "1 10 100 1000 10000 100000 1000000";
constexpr const char* timers = "100 1000 10000 100000 1000000";
constexpr const char* to_1e7 = "100 1000 10000 100000 1000000 10000000";
constexpr const char* levels = "1 3 10 30 100 300";

constexpr curve all[] = {
    {"live_message", curves::live_message, 100'000'000, to_1e7},
    {"live_shuffled", curves::live_shuffled, 100'000'000, to_1e7},
    {"live_ring", curves::live_ring, 100'000'000, to_1e7},
    {"live_spawn", curves::live_spawn, 100'000'000, to_1e7},
    {"live_churn", curves::live_churn, 100'000'000, to_1e7},
    {"live_restart", curves::live_restart, 100'000'000, to_1e7},
    {"depth_fill", curves::depth_fill, 100'000'000, to_1e6},
    {"depth_standing", curves::depth_standing, 100'000'000, to_1e6},
    {"size", curves::size, 65'536, "8 64 128 256 1024 4096 16384 65536"},
    {"group_one", curves::group_one, 10'000'000, to_1e5},
    {"group_all", curves::group_all, 10'000'000, to_1e5},
    {"group_broadcast", curves::group_broadcast, 10'000'000, to_1e5},
    {"tree_restart", curves::tree_restart, 1'000, levels},
    {"tree_spawn", curves::tree_spawn, 1'000, levels},
    {"tree_chain", curves::tree_chain, 1'000, levels},
    {"senders", curves::senders, 10'000'000, to_1e4},
    {"senders_batch", curves::senders_batch, 1'000'000, to_1e4},
    {"timers_one", curves::timers_one, 100'000'000, timers},
    {"timers_turn", curves::timers_turn, 100'000'000, timers},
    {"timers_expire", curves::timers_expire, 10'000'000, timers},
    {"tails_load", curves::tails_load, 95, "30 50 70"},
    {"tails_busy", curves::tails_busy, 100'000, "100 1000 10000"},
};

int usage() {
    std::fputs("bastion-curves CURVE X [WORKERS [PART]]   one point, e.g. bastion-curves live_message 1000\n"
               "                                          PART: only so small a part of its operations\n"
               "bastion-curves list                       the curves and their points\n",
        stderr);
    return 2;
}

// A positive number, or the end of the program.
std::uint64_t parse(const char* text, const char* what, std::uint64_t most) {
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 || value > most) {
        std::fprintf(stderr, "bastion-curves: %s must be a number from 1 to %llu, not '%s'\n", what,
            static_cast<unsigned long long>(most), text);
        std::exit(2);
    }
    return value;
}

void print_line(const char* name, const request& r, const point& p) {
    std::printf("curve=%s workers=%u x=%llu ns=%.2f ops=%llu", name, r.workers, static_cast<unsigned long long>(r.x),
        p.ns, static_cast<unsigned long long>(p.ops));
    if (p.list_ns > 0) std::printf(" bytes=%.0f set=%.0f list_ns=%.2f", p.bytes, p.bytes * p.elements, p.list_ns);
    if (p.late.p50 >= 0) std::printf(" p50=%.0f p99=%.0f p999=%.0f", p.late.p50, p.late.p99, p.late.p999);
    std::printf(" rss_mb=%.1f\n", bench::peak_megabytes());
}

int run(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "";
    if (name == "list" && argc == 2) {
        for (const curve& c : all) std::printf("%-16s %s\n", c.name, c.points);
        return 0;
    }
    if (argc < 3 || argc > 5) return usage();
    for (const curve& c : all) {
        if (name != c.name) continue;
        request r{.x = parse(argv[2], "X", c.most)};
        if (argc > 3) r.workers = static_cast<unsigned>(parse(argv[3], "WORKERS", 1024));
        if (argc > 4) r.part = parse(argv[4], "PART", 1'000'000'000);
        print_line(c.name, r, c.at(r));
        return 0;
    }
    std::fprintf(stderr, "bastion-curves: there is no curve '%s'; see bastion-curves list\n", argv[1]);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bastion-curves: %s\n", e.what());
        return 1;
    }
}
