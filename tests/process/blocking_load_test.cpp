// Many blocking functions at once: at most 512 threads, memory that does not grow with them, and all of them run.
#include "support/acceptance.hpp"
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/questions.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <thread>
#include <unistd.h>

namespace {

constexpr std::size_t most_threads = 512;

// What a sanitizer keeps for each thread and allocation is not ours to bound.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BASTION_TEST_EMULATOR)
constexpr bool measures = false; // their own memory, and the emulator's of each thread, are counted, too
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool measures = false;
#else
constexpr bool measures = true;
#endif
#else
constexpr bool measures = true;
#endif

std::size_t threads_now() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator()));
}

std::size_t resident_bytes() {
    std::size_t pages = 0;
    if (std::FILE* const statm = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(statm, "%*u %zu", &pages) != 1) pages = 0;
        std::fclose(statm);
    }
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// So many processes, each in a function that takes so long. Held back until all wait, so that the load is there at once.
void load(std::size_t processes, std::chrono::nanoseconds each, std::size_t bytes_of_one) {
    std::atomic<std::size_t> ran{0}, done{0};
    std::thread([] {}).join(); // a sanitizer starts a thread of its own with the first one
    const std::size_t before = threads_now();
    const std::size_t resident = resident_bytes();
    std::size_t most = 0;
    std::size_t backlog = 0;
    {
        runtime rt(config().with_workers(2).with_max_spare_workers(0).with_signals(false));
        for (std::size_t i = 0; i < processes; ++i)
            (void)rt.spawn([&](context) -> process {
                co_await blocking([&ran, each] {
                    std::this_thread::sleep_for(each);
                    ++ran;
                });
                ++done;
            });
        while (done < processes) {
            most = std::max(most, threads_now());
            backlog = std::max(backlog, rt.blocking_counters().queued);
            std::this_thread::sleep_for(1ms);
        }
        const auto c = rt.blocking_counters();
        CHECK(c.peak_threads <= most_threads);
        CHECK(c.completed == processes);
        CHECK(c.queued == 0);
    }
    CHECK(ran == processes);
    CHECK(most <= before + most_threads + 3); // the workers and the watchdog
    CHECK(threads_now() <= before);
    if (measures) {
        constexpr std::size_t of_a_thread = std::size_t{256} << 10;
        CHECK(resident_bytes() <= resident + processes * bytes_of_one + most_threads * of_a_thread);
    }
    WARN(processes << " functions: at most " << most << " threads, backlog up to " << backlog << ", "
                   << (resident_bytes() >> 20) << " MiB resident");
}

constexpr std::size_t of_a_process = 2048; // the arena keeps it

} // namespace

TEST_CASE("blocking: 100,000 functions of 1 ms on at most 512 threads") {
    test::acceptance("D10");
    load(100'000, 1ms, of_a_process);
}

TEST_CASE("blocking: 5,000 functions of 1 s at once on at most 512 threads") {
    test::acceptance("D10");
    load(5'000, 1s, of_a_process);
}

// ./dev blocking: some four minutes.
TEST_CASE("blocking, long: 1,000,000 functions of 1 ms", "[.blocking-long]") { load(1'000'000, 1ms, of_a_process); }
TEST_CASE("blocking, long: 100,000 functions of 1 s", "[.blocking-long]") { load(100'000, 1s, of_a_process); }
