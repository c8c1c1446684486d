// What every row of the card shares: the message, the clock, the memory readings, the checks and the line it prints.
//
// A row is a function `figure row(unsigned threads, std::uint64_t n)`: it makes a runtime, times its work from the first
// spawn to the last checked answer, and says how many operations that were. One process run is one figure.
#ifndef BASTION_BENCHMARKS_HARNESS_HPP
#define BASTION_BENCHMARKS_HARNESS_HPP

#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdint>

namespace bench {

// The card's message: a small struct that holds one 64-bit number.
struct number {
    std::uint64_t value;
};

// What a row found out.
struct figure {
    std::uint64_t ops = 0;
    double ns = 0;
    double bytes_per_actor = -1; // Negative: not measured.
    double bytes_left = -1; // Of these, when it has ended; negative: not measured.
    double drift =
        -1; // How many times as long the last operations took as the first; negative: not measured, as `grown`.
    double grown = 0; // With `drift`: bytes that the resident set has grown from the one to the other.
};

class stopwatch {
public:
    [[nodiscard]] double ns() const {
        return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A wrong result ends the program: says what was wrong on standard error and aborts.
[[noreturn]] void failed(const char* what);
inline void check(bool right, const char* what) {
    if (!right) [[unlikely]]
        failed(what);
}

// The number in a message, which must be one.
[[nodiscard]] inline std::uint64_t value_of(bastion::message& m) {
    const number* found = m.told<number>();
    check(found != nullptr, "a message that is not a number");
    return found->value;
}

// Whether processes of the row fail on purpose. If not, the first line for the log ends the program.
enum class faults : std::uint8_t { none, expected };

// The default configuration, but for the number of workers, to which no spare ones are added (some rows keep their worker for long, and are to
// have no other), and for the log hook, which only counts.
[[nodiscard]] bastion::config card_config(unsigned threads, faults expected = faults::none);
// Lines that the log hook has counted in this program.
[[nodiscard]] std::uint64_t log_lines();

// Runs `work` in a process of a fresh runtime, and waits for its figure.
using work = bastion::task<figure> (*)(bastion::context ctx, std::uint64_t n);
[[nodiscard]] figure run_in_runtime(unsigned threads, std::uint64_t n, work body, faults expected = faults::none);
[[nodiscard]] figure run_in(bastion::config settings, std::uint64_t n, work body);
// In a runtime that goes on.
[[nodiscard]] figure run_on(bastion::runtime& rt, std::uint64_t n, work body);

// Waits for the last number, which must be `last`, and stops the clock.
[[nodiscard]] bastion::task<figure> finish(
    bastion::context ctx, stopwatch clock, std::uint64_t ops, std::uint64_t last, const char* what);

// The resident set of this program now, and at its highest.
[[nodiscard]] double resident_bytes();
[[nodiscard]] double peak_megabytes();

// bench=<b> threads=<t> n=<n> ns_per_op=<x> rss_mb=<peak>
// Of a run, `cores` by cores_used.
void print_line(const char* name, unsigned threads, std::uint64_t n, const figure& f, double cores);
// How many cores the program has kept busy, on average, since then.
[[nodiscard]] double cores_used(const stopwatch& since_the_start);

} // namespace bench

#endif
