#include "harness.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <future>
#include <string>

namespace bench {
namespace {

std::atomic<std::uint64_t> counted_lines{0};

} // namespace

void failed(const char* what) {
    std::fprintf(stderr, "%s: check failed: %s\n", program_invocation_short_name, what);
    std::abort();
}

bastion::config card_config(unsigned threads, faults expected) {
    return bastion::config()
        .with_workers(threads)
        .with_max_spare_workers(0)
        .with_slice_log([](const bastion::long_slice&) {})
        .with_log([expected](const bastion::log_record& record) {
            counted_lines.fetch_add(1, std::memory_order_relaxed);
            if (expected == faults::none) failed((std::string(record.path) + ": " + record.reason.what()).c_str());
        });
}

std::uint64_t log_lines() { return counted_lines.load(std::memory_order_relaxed); }

figure run_in_runtime(unsigned threads, std::uint64_t n, work body, faults expected) {
    return run_in(card_config(threads, expected), n, body);
}

figure run_on(bastion::runtime& rt, std::uint64_t n, work body) {
    std::promise<figure> promised;
    rt.spawn([&promised, body, n](bastion::context ctx) -> bastion::process {
        try {
            auto found = co_await body(ctx, n);
            promised.set_value(found);
        } catch (const std::exception& e) { failed(e.what()); }
    });
    return promised.get_future().get();
}

figure run_in(bastion::config settings, std::uint64_t n, work body) {
    bastion::runtime rt(std::move(settings));
    const figure found = run_on(rt, n, body);
    rt.stop();
    check(rt.wait() == 0, "the exit code of the runtime");
    return found;
}

bastion::task<figure> finish(
    bastion::context ctx, stopwatch clock, std::uint64_t ops, std::uint64_t last, const char* what) {
    auto m = co_await ctx.recv();
    check(value_of(m) == last, what);
    const double ns = clock.ns();
    co_return figure{.ops = ops, .ns = ns};
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

double peak_megabytes() {
    // VmHWM, not getrusage: its ru_maxrss holds what the parent used before exec.
    double kilobytes = 0;
    if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr)
            if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::strtod(line + 6, nullptr);
        std::fclose(file);
    }
    return kilobytes / 1024;
}

double cores_used(const stopwatch& since_the_start) {
    timespec used{};
    check(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "the processor time of this program cannot be read");
    return (static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec)) / since_the_start.ns();
}

void print_line(const char* name, unsigned threads, std::uint64_t n, const figure& f, double cores) {
    std::printf("bench=%s threads=%u n=%llu ns_per_op=%.1f rss_mb=%.1f cores=%.2f", name, threads,
        static_cast<unsigned long long>(n), f.ns / static_cast<double>(f.ops), peak_megabytes(), cores);
    if (f.bytes_per_actor >= 0) std::printf(" bytes_per_actor=%.0f", f.bytes_per_actor);
    if (f.bytes_left >= 0) std::printf(" bytes_left=%.0f", f.bytes_left);
    if (f.drift >= 0) std::printf(" drift=%.2f bytes_grown=%.0f", f.drift, f.grown);
    std::printf("\n");
    std::fflush(stdout);
}

} // namespace bench
