// The soak: `bastion-soak --minutes N | --seconds N`. Rounds of everything at once on real threads, each in a runtime of
// its own: spawn, ask, panic, restart, timers, broadcasts, and producers that flood a bounded mailbox, under each policy
// in turn. After each round all ledgers must add up and nothing may live; at the end the resident set of the last tenth
// of the rounds is compared with that of the second.
#include "soak/flood.hpp"
#include "soak/threads.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using soak::book;

namespace {

constexpr std::size_t servers = 8;
constexpr std::size_t clients = 32;
constexpr auto patience = 5s; // with a supervisor's answer: generous, the time itself is printed
constexpr auto notable = 20ms; // an answer that took longer comes with what the threads did

// ---- churn

process server(context ctx) {
    test::presence here(*book);
    for (std::uint64_t n = 1;; ++n) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<soak::query>()) {
            q->ticket.handle();
            if (n % 97 == 0) {
                ++book->panics;
                panic("every 97th question");
            }
            q.reply(q->n + 1);
        } else if (auto* w = msg.told<soak::work>()) {
            w->ticket.handle();
        } else if (msg.told<soak::tick>() != nullptr) {
            ++book->ticks;
        } else if (msg.broadcast<int>() != nullptr) {
            ++book->heard;
        }
    }
}

process short_life(context ctx) {
    test::presence here(*book);
    co_await ctx.sleep_for(100us);
}

process guest(context ctx) {
    test::presence here(*book);
    (void)co_await ctx.recv();
}

process client(context ctx, children_ref of) {
    test::presence here(*book);
    for (std::uint64_t i = 0; !ctx.stop_requested(); ++i) {
        const child_ref to = of[i % of.size()];
        {
            test::asking mark(*book);
            auto r = co_await to.ask<soak::query>(i).within(1s);
            mark.ends(r, i + 1);
        }
        (void)to.tell<soak::work>();
        if (i % 8 == 0) ctx.spawn(short_life);
        if (i % 16 == 0) (void)of.broadcast(1);
        if (i % 32 == 0) (void)ctx.tell_after(200us, to, soak::tick());
        if (i % 64 == 0) co_await ctx.sleep_for(100us);
    }
}

// ---- rounds

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// How long a supervisor took to answer, and what the threads did meanwhile.
struct supervisor_answer {
    std::chrono::nanoseconds took{0};
    std::string threads;
};

struct round_result {
    std::uint64_t resident = 0;
    supervisor_answer slowest;
    std::string faults;
};

double in_ms(std::chrono::nanoseconds d) { return std::chrono::duration<double, std::milli>(d).count(); }

// The tree answers beside all that: a group starts, and ends. How long it took until it had started.
supervisor_answer start_guests(runtime& rt, int number, soak::thread_times& times, std::string& faults) {
    const soak::thread_times::snapshot before = times.now();
    const auto begin = std::chrono::steady_clock::now();
    auto group = rt.spawn(children().with_name("guest" + std::to_string(number)).with_redundancy(4).with_exec(guest));
    const auto started = rt.run(group.started().within(patience));
    supervisor_answer answer{std::chrono::steady_clock::now() - begin, {}};
    if (!started) faults += std::string("a supervisor did not answer: ") + started.error().what() + "\n";
    group.stop();
    if (answer.took > notable) answer.threads = times.since(before);
    return answer;
}

round_result run_round(std::uint64_t number, std::chrono::milliseconds length) {
    soak::ledger accounts;
    const std::size_t policy = number % std::size(soak::policies);
    soak::flood_ledger flooding(soak::policies[policy]);
    test::counts_by_cause letters{};
    book = &accounts;
    soak::flood_book = &flooding;
    const std::uint64_t blocks = detail::read_pool_stats().live_blocks;
    const std::uint64_t processes = detail::live_blocks();
    const detail::runtime_home* home = nullptr;
    round_result result;
    {
        runtime rt(config().with_workers(1 + number % 2).with_log([](const log_record& r) {
            if (r.reason.kind() == exit_kind::panic) ++book->reported;
        }));
        home = rt.state().home;
        test::count_dead_letters<soak::work, soak::query>(rt, accounts);
        test::count_dead_letters<soak::parcel>(rt, flooding.dead);
        test::count_dead_letters(rt, letters);
        auto of = rt.spawn(children()
                .with_name("servers")
                .with_redundancy(servers)
                .with_restart_strategy(restart_strategy().immediate())
                .with_exec(server));
        auto asks = rt.spawn(children().with_name("clients").with_redundancy(clients).with_exec(
            [of](context ctx) { return client(ctx, of); }));
        auto flooded = rt.spawn(children()
                .with_name("flooded")
                .with_mailbox(mailbox::bounded(soak::room, flooding.policy))
                .with_restart_strategy(restart_strategy().immediate())
                .with_exec(soak::slow_consumer));
        auto floods = rt.spawn(children()
                .with_name("floods")
                .with_redundancy(2)
                .with_shutdown(shutdown::infinite()) // each says what became of its last parcel
                .with_exec([to = flooded[0]](context ctx) { return soak::producer(ctx, to); }));
        soak::thread_times times;
        const auto end = std::chrono::steady_clock::now() + length;
        for (int guests = 0; std::chrono::steady_clock::now() < end; ++guests)
            if (auto answer = start_guests(rt, guests, times, result.faults); answer.took > result.slowest.took)
                result.slowest = std::move(answer);
        flooding.over = true;
        rt.stop();
        (void)rt.wait();
        result.resident = resident_bytes();
    }
    result.faults += accounts.faults() + flooding.faults();
    // What rt.dead_letters(cause) reads, when nobody counts any more: a late timer's message may still have died.
    for (std::size_t c = 0; c < test::causes; ++c)
        result.faults += test::mismatch("dead letters of cause " + std::to_string(c) + ", and counted by the runtime",
            letters[c], home->dead_letters[c].load());
    if (detail::live_blocks() != processes) result.faults += "processes are left\n";
    if (detail::read_pool_stats().live_blocks != blocks) result.faults += "blocks are left\n";
    const auto n = [](const test::count& c) { return static_cast<unsigned long long>(c.load()); };
    std::printf("round %llu: %llu messages, %llu questions, %llu panics, %llu processes, %.1f MB; flooded, %s: %llu "
                "offered, %llu taken, %llu waits, %llu unread at most; slowest answer of a supervisor %.1f ms%s\n",
        static_cast<unsigned long long>(number), n(accounts.sent.made) + n(flooding.parcels.made), n(accounts.asked),
        n(accounts.panics), n(accounts.began), static_cast<double>(result.resident) / 1e6, soak::policy_names[policy],
        static_cast<unsigned long long>(flooding.offered()), n(flooding.parcels.handled), n(flooding.waits),
        n(flooding.fullest), in_ms(result.slowest.took), result.slowest.threads.c_str());
    std::fflush(stdout);
    return result;
}

std::uint64_t median(std::vector<std::uint64_t> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    const std::string unit = argc == 3 ? argv[1] : "";
    const long amount = argc == 3 ? std::strtol(argv[2], nullptr, 10) : 0;
    if ((unit != "--minutes" && unit != "--seconds") || amount <= 0) {
        std::fputs("usage: bastion-soak --minutes N | --seconds N\n", stderr);
        return 2;
    }
    const std::chrono::milliseconds length = std::chrono::seconds(unit == "--minutes" ? 60 * amount : amount);
    constexpr std::uint64_t rounds = 40; // enough for tenths that see all policies
    std::vector<std::uint64_t> resident;
    supervisor_answer slowest;
    for (std::uint64_t n = 0; n < rounds; ++n) {
        round_result r = run_round(n, length / rounds);
        if (!r.faults.empty()) {
            std::printf("round %llu fails:\n%s", static_cast<unsigned long long>(n), r.faults.c_str());
            return 1;
        }
        resident.push_back(r.resident);
        if (r.slowest.took > slowest.took) slowest = std::move(r.slowest);
    }
    const auto tenth = [&](std::uint64_t k) {
        return median({resident.begin() + static_cast<std::ptrdiff_t>(k * rounds / 10),
            resident.begin() + static_cast<std::ptrdiff_t>((k + 1) * rounds / 10)});
    };
    const double growth = static_cast<double>(tenth(9)) / static_cast<double>(tenth(1)) - 1;
    std::printf("resident: second tenth %.2f MB, last tenth %.2f MB (%+.2f %%)\n", static_cast<double>(tenth(1)) / 1e6,
        static_cast<double>(tenth(9)) / 1e6, 100 * growth);
    std::printf("slowest answer of a supervisor: %.1f ms%s\n", in_ms(slowest.took), slowest.threads.c_str());
    if (unit == "--minutes") std::printf("soaked %ld minutes\n", amount);
    // A short soak is for the ledgers: its memory has not settled by the second tenth.
    if (unit == "--minutes" && growth > 0.01) {
        std::puts("the resident set grows");
        return 1;
    }
    std::puts("all ledgers add up, nothing lives");
    return 0;
}
