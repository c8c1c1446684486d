// bastion-bench BENCH THREADS [N]: one row of the benchmark card, one line of output. See docs/benchmarks.md.
// bastion-bench all THREADS: every row, each in a process of its own.
// bastion-bench machine 1: what the machine charges for the bare operations; bastion-bench list: the rows.

#include "rows.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

namespace {

struct row {
    const char* name;
    std::uint64_t n;
    bench::figure (*run)(unsigned threads, std::uint64_t n);
    const char* work;
};

constexpr row rows[] = {
    {"pingpong", 1'000'000, bench::pingpong, "2 processes, one message in flight, N round trips; op: hop"},
    {"pairs", 4'000'000, bench::pairs,
        "16 pairs of processes, each with one message in flight, N round trips; op: hop"},
    {"ring", 5'000'000, bench::ring, "503 processes, one token, N hops; op: hop"},
    {"counting", 5'000'000, bench::counting, "one producer sends N, the consumer counts, then answers; op: message"},
    {"counting_flood", 5'000'000, bench::counting_flood, "the same, and the producer never yields; op: message"},
    {"fanin", 20'000, bench::fanin, "100 producers send N each to one consumer; op: message"},
    {"big", 5'000, bench::big, "120 processes, each sends N pings to random others; op: ping and pong"},
    {"spawn", 1'000'000, bench::spawn, "spawn N that finish at once; op: process"},
    {"spawn_flood", 1'000'000, bench::spawn_flood, "the same, and the spawner never yields; op: process"},
    {"idle", 1'000'000, bench::idle, "spawn N that wait, one message to each; op: message"},
    {"skynet", 1'000'000, bench::skynet, "a tree of processes, 10 children a node, N leaves; op: process"},
    {"ask", 500'000, bench::ask, "N questions one after the other, deadline armed; op: round trip"},
    {"restart_error", 100'000, bench::restart_error, "a supervised child returns an error, N times; op: cycle"},
    {"restart_panic", 100'000, bench::restart_panic, "a supervised child panics, N times; op: cycle"},
    {"fork", 30, bench::fork, "fib(N), each call a task, one branch forked; op: task"},
    {"hotload", 10'000, bench::hotload, "N processes get 100 messages each from a plain thread; op: message"},
    {"probes", 1'000, bench::probes, "N probes beside a process that spins for 1 s; op: their 99th percentile"},
    {"timers", 5'000'000, bench::timers, "N timers that are armed and taken back; op: timer"},
    {"burst", 10'000'000, bench::burst,
        "idle, and then the pages go back to the system; op: a process' share of that time"},
    {"wake", 300, bench::wake, "N messages of a plain thread to workers that sleep; op: the median of them"},
    {"rest", 1'000, bench::rest, "N processes wait; op: what the program uses of its processors in a second"},
    {"flat_restart", 1'000'000, bench::flat_restart, "N restarts, the last beside the first; op: restart"},
    {"flat_spawn", 1'000'000, bench::flat_spawn, "N processes that end at once, the same; op: process"},
    {"flat_monitor", 1'000'000, bench::flat_monitor, "N processes that are watched and end, the same; op: process"},
    {"flat_ask", 1'000'000, bench::flat_ask, "N questions, the same; op: round trip"},
    {"flat_timer", 1'000'000, bench::flat_timer,
        "N timers that fire and N that are taken back, the same; op: two timers"},
    {"pingpong_handlers", 1'000'000, bench::pingpong_handlers, "pingpong with handlers for bodies; op: hop"},
    {"ring_handlers", 5'000'000, bench::ring_handlers, "ring with handlers for bodies; op: hop"},
    {"counting_handlers", 5'000'000, bench::counting_handlers, "counting, the consumer has handlers; op: message"},
    {"ask_handlers", 500'000, bench::ask_handlers, "ask, the server has handlers; op: round trip"},
    {"switch_fiber", 10'000'000, bench::switch_fiber, "a fiber waits N times for what is over; op: wait"},
    {"pingpong_fibers", 1'000'000, bench::pingpong_fibers, "pingpong with fibers for bodies; op: hop"},
    {"spawn_fibers", 1'000'000, bench::spawn_fibers, "spawn with fibers for bodies; op: process"},
    {"idle_fibers", 100'000, bench::idle_fibers, "idle with fibers for bodies; op: message"},
    {"tell_direct", 5'000'000, bench::tell_direct, "N messages in turn to 1,000 processes; op: message"},
    {"tell_distributor", 5'000'000, bench::tell_distributor, "the same by a distributor; op: message"},
    {"broadcast", 200, bench::broadcast, "N calls of a topic of 10,000 members; op: member that it is given to"},
    {"whereis", 5'000'000, bench::whereis, "N look-ups of 100,000 names, beside a registering thread; op: look-up"},
    {"children_start", 100'000, bench::children_start, "N named children, described with their supervisor; op: child"},
    {"children_ask", 100'000, bench::children_ask, "N named children, each by start_child, all at once; op: child"},
    {"children_stop", 100'000, bench::children_stop, "the stop of a supervisor with N named children; op: child"},
    {"children_drop", 10'000, bench::children_drop,
        "N named children, each by terminate_child and delete_child; op: child"},
    {"children_end", 100'000, bench::children_end, "N named children, each by terminate_child; op: child"},
    {"dynamic_ask", 100'000, bench::dynamic_ask, "N dynamic children, each by start_child, all at once; op: child"},
    {"dynamic_stop", 100'000, bench::dynamic_stop, "the stop of a supervisor with N dynamic children; op: child"},
    {"dynamic_end", 100'000, bench::dynamic_end, "N dynamic children, each by terminate_child; op: child"},
    {"restart_among", 100'000, bench::restart_among, "one of N named children fails 20,000 times; op: restart"},
    {"restart_among_dynamic", 100'000, bench::restart_among_dynamic, "one of N dynamic children does; op: restart"},
    {"restart_limited", 1'000'000, bench::restart_limited,
        "the last 20,000 of N restarts that are allowed; op: restart"},
};
constexpr std::uint64_t machine_n = 10'000'000;

int usage() {
    std::fputs("bastion-bench BENCH THREADS [N]   one row, e.g. bastion-bench pingpong 1\n"
               "bastion-bench all THREADS         every row, each in a process of its own\n"
               "bastion-bench machine 1           what this machine charges for the bare operations\n"
               "bastion-bench list                the rows and their N\n",
        stderr);
    return 2;
}

int list() {
    for (const row& r : rows) std::printf("%-21s N=%-8llu %s\n", r.name, static_cast<unsigned long long>(r.n), r.work);
    std::printf("%-21s N=%-8llu %s\n", "machine", static_cast<unsigned long long>(machine_n),
        "hop of a bare prototype, exchange, coroutine frame, throw and catch, futex wake");
    return 0;
}

// True: the child ended well.
bool run_child(const char* name, const char* threads) {
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl("/proc/self/exe", "bastion-bench", name, threads, static_cast<char*>(nullptr));
        std::perror("bastion-bench: exec");
        std::_Exit(127);
    }
    if (child < 0) {
        std::perror("bastion-bench: fork");
        return false;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFSIGNALED(status))
        std::fprintf(stderr, "bastion-bench: %s %s ended by signal %d\n", name, threads, WTERMSIG(status));
    else std::fprintf(stderr, "bastion-bench: %s %s ended with exit code %d\n", name, threads, WEXITSTATUS(status));
    return false;
}

int run_all(const char* threads) {
    bool good = run_child("machine", "1");
    for (const row& r : rows) good = run_child(r.name, threads) && good;
    return good ? 0 : 1;
}

// A positive number, or the end of the program.
std::uint64_t parse(const char* text, const char* what) {
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0) {
        std::fprintf(stderr, "bastion-bench: %s must be a positive number, not '%s'\n", what, text);
        std::exit(2);
    }
    return value;
}

int run(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "";
    if (name == "list" && argc == 2) return list();
    if (argc < 3 || argc > 4) return usage();
    const std::uint64_t threads = parse(argv[2], "THREADS");
    if (threads > 4096) {
        std::fprintf(stderr, "bastion-bench: %s threads are too many\n", argv[2]);
        return 2;
    }
    if (name == "all" && argc == 3) return run_all(argv[2]);
    const std::uint64_t given = argc == 4 ? parse(argv[3], "N") : 0;
    if (name == "machine") {
        bench::machine(given != 0 ? given : machine_n);
        return 0;
    }
    for (const row& r : rows) {
        if (name != r.name) continue;
        const std::uint64_t n = given != 0 ? given : r.n;
        const bench::stopwatch clock;
        const bench::figure found = r.run(static_cast<unsigned>(threads), n);
        bench::print_line(r.name, static_cast<unsigned>(threads), n, found, bench::cores_used(clock));
        return 0;
    }
    std::fprintf(stderr, "bastion-bench: there is no row '%s'; see bastion-bench list\n", argv[1]);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bastion-bench: %s\n", e.what());
        return 1;
    }
}
