// Faults of the processor to order, and counts of what became of them.
#ifndef BASTION_TESTS_HARDWARE_FAULTS_FAULTS_HPP
#define BASTION_TESTS_HARDWARE_FAULTS_FAULTS_HPP

#include "support/catch.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace faults {

using namespace std::chrono_literals;

// Where the compiler cannot see it, and must not decide for itself.
inline volatile int* volatile nowhere = nullptr; // what is read without use would not be read
inline volatile int zero = 0;

// Destroyed as often as made, if unwinding does its work.
class counted {
public:
    explicit counted(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive_; }

private:
    std::atomic<int>& alive_;
};

[[gnu::noinline]] inline int follow(std::atomic<int>& alive) {
    const counted c(alive);
    return *nowhere;
}
[[gnu::noinline]] inline int divide(std::atomic<int>& alive) {
    const counted c(alive);
    return 1 / zero;
}
inline int commit(int number, std::atomic<int>& alive) { return number == SIGFPE ? divide(alive) : follow(alive); }

inline const char* name(int number) { return number == SIGFPE ? "SIGFPE" : "SIGSEGV"; }

// Everything that is told about a fault, counted: of the kind that was expected, and others.
struct ledger {
    std::atomic<int> begun{0};     // incarnations
    std::atomic<int> alive{0};     // objects that somebody must destroy
    std::atomic<int> reported{0};  // as a panic of type hardware_fault that names signal and address
    std::atomic<int> strange{0};   // any other report
    int number = SIGSEGV;

    void note(const bastion::exit_reason& why) {
        const std::string begin = number == SIGFPE ? "SIGFPE at address 0x" : "SIGSEGV at address 0x0";
        const bool good = why.kind() == bastion::exit_kind::panic && why.type() == "bastion::hardware_fault" &&
                          why.text().substr(0, begin.size()) == begin;
        ++(good ? reported : strange);
    }
};

inline bastion::config with_faults(ledger& l, std::size_t workers = 2) {
    return bastion::config().with_workers(workers).with_signals(false).with_hardware_faults(true).with_log(
        [&l](const bastion::log_record& r) { l.note(r.reason); });
}

inline bastion::restart_strategy at_once() { return bastion::restart_strategy::always().immediate(); }

struct fail {};
struct how_many {
    using answer_type = int; // incarnations
};

template <class Done>
void until(Done done) {
    while (!done()) std::this_thread::yield();
}

} // namespace faults

#endif
