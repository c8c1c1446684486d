// caf-card ROW WORKERS [N]: one line of output.

#include "card.hpp"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace card {
namespace {

struct row {
    const char* name;
    figure (*run)(caf::actor_system&, number);
    number n; // the card's
    number messages_a_turn = 0; // 0: CAF's own, which is no limit
};

constexpr row rows[] = {
    {"pingpong", pingpong, 1000000},
    {"ring", ring, 5000000},
    {"counting", counting, 5000000},
    {"counting_flood", counting_flood, 5000000},
    {"fanin", fanin, 20000},
    {"big", big, 5000},
    {"spawn", spawn, 1000000, 10},
    {"spawn_flood", spawn_flood, 1000000},
    {"idle", idle, 1000000},
    {"skynet", skynet, 1000000},
    {"ask", ask, 500000},
    {"restart_error", restart_error, 100000},
    {"restart_panic", restart_panic, 100000},
    {"fork", fork, 30},
    {"hotload", hotload, 10000},
    // Beside the card: what README.md compares.
    {"fanin_flood", fanin_flood, 20000},
    {"ask_no_deadline", ask_no_deadline, 500000},
};

// VmHWM, not getrusage: its ru_maxrss holds what the parent used before exec.
double peak_megabytes() {
    double kilobytes = 0;
    if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr)
            if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::strtod(line + 6, nullptr);
        std::fclose(file);
    }
    return kilobytes / 1024;
}

number positive(const char* text, const char* what) {
    char* end = nullptr;
    const number value = std::strtoull(text, &end, 10);
    check(*text >= '0' && *text <= '9' && *end == '\0' && value > 0, what);
    return value;
}

int run(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
        std::printf("%d.%d.%d\n", CAF_MAJOR_VERSION, CAF_MINOR_VERSION, CAF_PATCH_VERSION);
        return 0;
    }
    if (argc < 3 || argc > 4) {
        std::fputs("usage: caf-card ROW WORKERS [N]; rows:", stderr);
        for (const row& r : rows) std::fprintf(stderr, " %s", r.name);
        std::fputs("\n", stderr);
        return 2;
    }
    const number workers = positive(argv[2], "WORKERS must be a positive number");
#if CARD_NEW_CAF
    caf::core::init_global_meta_objects();
    const std::string prefix = "caf.";
#else
    const std::string prefix;
#endif
    caf::actor_system_config settings;
    settings.set(prefix + "scheduler.max-threads", workers);
#if CARD_NEW_CAF
    settings.set("caf.metrics.disable-running-actors", true);
#endif
    for (const row& r : rows) {
        if (std::strcmp(r.name, argv[1]) != 0) continue;
        const number n = argc == 4 ? positive(argv[3], "N must be a positive number") : r.n;
        if (r.messages_a_turn != 0) settings.set(prefix + "scheduler.max-throughput", r.messages_a_turn);
        caf::actor_system system{settings};
        const figure found = r.run(system, n);
        std::printf("bench=%s threads=%" PRIu64 " n=%" PRIu64 " ns_per_op=%.1f rss_mb=%.1f%s\n", r.name, workers, n,
            found.ns / static_cast<double>(found.ops), peak_megabytes(), found.more.c_str());
        std::fflush(stdout);
        return 0;
    }
    std::fprintf(stderr, "there is no row %s\n", argv[1]);
    return 2;
}

} // namespace

void check(bool right, const char* what) {
    if (right) return;
    std::fprintf(stderr, "check failed: %s\n", what);
    std::abort();
}

double resident_bytes() {
    long total = 0;
    long resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    check(resident > 0, "/proc/self/statm cannot be read");
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

} // namespace card

int main(int argc, char** argv) { return card::run(argc, argv); }
