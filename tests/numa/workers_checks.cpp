// Workers that come and go, against what the kernel says of threads and of CPUs.
#include "numa/workers_checks.hpp"
#include "numa/kernel.hpp"
#include "numa/placement_checks.hpp"

#include <bastion/base/counted.hpp>
#include <bastion/bastion.hpp>
#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/mount.h>
#include <thread>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;
using bastion::detail::counted;

namespace numa {
namespace {

struct where {
    using answer_type = int; // the node, by the kernel
};

process tells_where(context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<where>()) q.reply(kernel::here().node);
    }
}

// A group of cgroup version 2 for this program, which leaves it at the end.
class group {
public:
    group() {
        std::filesystem::create_directories(top_);
        // Mounted by somebody else, perhaps; then it is one that can do this, or the next line throws.
        (void)mount("cgroup2", top_.c_str(), "cgroup2", 0, nullptr);
        write(top_ / "cgroup.subtree_control", "+cpuset +cpu");
        std::filesystem::create_directories(own_);
        write(own_ / "cgroup.procs", "0"); // whoever writes
    }
    group(const group&) = delete;
    group& operator=(const group&) = delete;
    ~group() {
        std::ofstream(top_ / "cgroup.procs") << "0";
        std::error_code ignored;
        std::filesystem::remove(own_, ignored);
    }
    void set(const char* what, const std::string& to) const { write(own_ / what, to); }

private:
    static void write(const std::filesystem::path& file, const std::string& what) {
        std::ofstream to(file);
        if (!(to << what << std::flush)) throw std::runtime_error("cannot write \"" + what + "\" to " + file.string());
    }
    const std::filesystem::path top_ = "/sys/fs/cgroup";
    const std::filesystem::path own_ = top_ / "bastion";
};

std::string list_of(const std::vector<int>& cpus) {
    std::string all;
    for (const int cpu : cpus) all += (all.empty() ? "" : ",") + std::to_string(cpu);
    return all;
}

// Until so many workers are active; how long that took. The harness ends a guest that waits for ever.
double seconds_until(const runtime& rt, std::size_t workers) {
    const auto start = std::chrono::steady_clock::now();
    while (rt.active_workers() != workers) std::this_thread::sleep_for(1ms);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

void stand_ins_are_of_the_node(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    (void)::setenv("BASTION_MAX_SPARE_WORKERS", "8", 1); // which is 0 for all others, see main
    runtime rt(config().with_slice_log([](const long_slice&) {}));
    (void)::setenv("BASTION_MAX_SPARE_WORKERS", "0", 1);
    std::size_t answers = 0;
    for (int node = 0; node < a.nodes; ++node) {
        const int os_node = topology::this_machine().nodes.at(static_cast<std::size_t>(node)).os_index;
        const std::vector<int> cpus = kernel::cpus_of_node(os_node);
        const child_ref teller = rt.spawn(children().with_placement(placement::node(node)).with_exec(tells_where))[0];
        const std::vector<pid_t> before = kernel::threads();
        std::atomic<bool> leave{false};
        std::atomic<std::size_t> stuck{0};
        std::vector<child_ref> all;
        for (std::size_t i = 0; i < cpus.size(); ++i)
            all.push_back(rt.spawn(
                [&](context) -> process {
                    ++stuck;
                    while (!leave) std::this_thread::sleep_for(1ms);
                    co_return;
                },
                placement::node(node)));
        // Each keeps a worker of that node.
        while (stuck != cpus.size()) std::this_thread::sleep_for(1ms);
        for (int i = 0; i < 10; ++i) {
            const auto there = rt.run(teller.ask(where()));
            f.expect(there && *there == os_node, "who is bound to " + of_node(os_node) + " does not answer from there");
            ++answers;
        }
        for (const pid_t thread : kernel::threads()) {
            if (std::find(before.begin(), before.end(), thread) != before.end()) continue;
            // It is bound when it has a name of its own; until then it has that of the watchdog, whose child it is.
            while (kernel::name_of_thread(thread) == "bastion-watch") std::this_thread::sleep_for(1ms);
            const std::vector<int> its = kernel::cpus_of_thread(thread);
            f.expect(its.empty() || its == cpus, "a stand-in on " + of_node(os_node) + " may run on " + text(its));
        }
        leave = true;
        while (std::any_of(all.begin(), all.end(), [](const child_ref& one) { return one.alive(); }))
            std::this_thread::sleep_for(1ms);
    }
    f.saw(counted(answers, "answer"));
}

void workers_follow_a_cpuset(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    const group own;
    runtime rt(config().with_slice_log([](const long_slice&) {}).with_log([](const log_record&) {}));
    const std::size_t all = rt.workers();
    const auto nodes = static_cast<std::size_t>(a.nodes);
    std::atomic<bool> leave{false};
    // Who sleeps need not follow: somebody works all the time.
    const child_ref busy = rt.spawn([&leave](context ctx) -> process {
        while (!leave) co_await ctx.yield();
    });
    double longest = 0;
    const auto becomes = [&](const std::string& when, std::size_t workers) {
        const double took = seconds_until(rt, workers);
        longest = std::max(longest, took);
        f.expect(rt.active_workers() == workers, when + ": " + counted(rt.active_workers(), "worker"));
        f.expect(took <= 2, when + ": noticed after " + std::to_string(took) + " s");
    };
    own.set("cpuset.cpus", list_of(kernel::cpus_of_node(kernel::nodes().front())));
    becomes("the CPUs of one node", std::max(all / nodes, nodes));
    own.set("cpuset.cpus", "0-" + std::to_string(a.cpus - 1));
    becomes("all CPUs again", all);
    own.set("cpu.max", "450000 100000");
    becomes("a quota of 4.5 CPUs", 5);
    own.set("cpu.max", "max 100000");
    becomes("no quota any more", all);
    leave = true;
    while (busy.alive()) std::this_thread::sleep_for(1ms);
    f.saw("within " + std::to_string(static_cast<int>(longest * 1000)) + " ms");
}

} // namespace numa
