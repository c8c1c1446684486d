// `bastion-numa-guest NODES [WORD]`: runs inside a kernel with so many NUMA nodes and 8 CPUs (`./dev test-numa`), and compares what
// Bastion says and does with what the kernel says. A new check is a function and a row in `checks`; see docs/internals/numa.md. The word
// is for those who test the harness: `wrong` expects a node too many, `crash` and `silent` are what becomes of a program.
#include "numa/check.hpp"
#include "numa/figures_checks.hpp"
#include "numa/kernel.hpp"
#include "numa/placement_checks.hpp"
#include "numa/workers_checks.hpp"

#include <bastion/base/counted.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/worker.hpp>
#include <bastion/topology/worker_plan.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <set>
#include <spawn.h>
#include <string_view>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <thread>
#include <utility>

using namespace bastion;
using namespace std::chrono_literals;
using namespace numa;
using bastion::detail::counted;

namespace {

using topology::cpu;
using topology::machine;
using topology::planned_worker;
using topology::this_machine;
using topology::worker_plan;

constexpr std::size_t mib = 1024 * 1024;

std::string of_cpu(int number) { return "CPU " + std::to_string(number); }

// By the kernel's numbers.
int node_of(const cpu& c) { return this_machine().nodes.at(static_cast<std::size_t>(c.node)).os_index; }

void expect_on(findings& f, const std::string& what, const std::map<int, std::size_t>& pages, int node) {
    for (const auto& [where, count] : pages)
        f.expect(where == node,
            what + ": " + counted(count, "page") + " on " + of_node(where) + " instead of " + std::to_string(node));
}

// ---- the guest itself

void guest_is_as_asked(findings& f, const asked& a) {
    const std::vector<int> nodes = kernel::nodes();
    f.expect(static_cast<int>(nodes.size()) == a.nodes,
        counted(nodes.size(), "node") + " instead of " + std::to_string(a.nodes));
    f.expect(static_cast<int>(kernel::cpus_of_thread().size()) == a.cpus,
        counted(kernel::cpus_of_thread().size(), "CPU") + " instead of " + std::to_string(a.cpus));
    utsname of_kernel{};
    if (uname(&of_kernel) == 0) f.saw("Linux " + std::string(of_kernel.release) + ", " + counted(nodes.size(), "node"));
}

// Were all memory on one node, or the kernel's answer always the same, this would not hold.
void first_touch_is_local(findings& f, const asked&) {
    for (const int node : kernel::nodes()) {
        const std::vector<int> cpus = kernel::cpus_of_node(node);
        if (cpus.empty()) continue;
        kernel::fresh_memory memory(64 * mib);
        std::thread([&] {
            kernel::bind_this_thread(cpus);
            memory.touch();
        }).join();
        expect_on(f, "touched on " + of_node(node), memory.pages(), node);
    }
    f.saw("64 MiB on each");
}

// ---- the machine

void cpus_are_those_allowed(findings& f, const asked&) {
    const machine& m = this_machine();
    std::vector<int> ours;
    for (const cpu& c : m.cpus) ours.push_back(c.os_index);
    std::sort(ours.begin(), ours.end());
    f.same("CPUs", ours, kernel::cpus_of_thread());
    f.expect(!m.synthetic, "it is taken for one that is only described");
    f.expect(m.warning.empty(), "a warning: " + m.warning);
    f.saw(counted(ours.size(), "CPU"));
}

void nodes_are_the_kernels(findings& f, const asked&) {
    std::vector<int> ours;
    std::uint64_t all = 0;
    for (const topology::numa_node& n : this_machine().nodes) ours.push_back(n.os_index);
    if (!f.same("nodes", ours, kernel::nodes())) return;
    for (const topology::numa_node& n : this_machine().nodes) {
        f.same("bytes of " + of_node(n.os_index), n.bytes, kernel::bytes_of_node(n.os_index));
        all += n.bytes;
    }
    f.saw(counted(ours.size(), "node") + ", " + std::to_string(all / mib) + " MiB in all");
}

void distances_are_the_kernels(findings& f, const asked&) {
    std::set<unsigned> seen;
    for (const topology::numa_node& n : this_machine().nodes) {
        f.same("distances of " + of_node(n.os_index), n.distances, kernel::distances_of_node(n.os_index));
        seen.insert(n.distances.begin(), n.distances.end());
    }
    f.saw(text(std::vector<unsigned>(seen.begin(), seen.end())));
}

void cpus_are_where_the_kernel_has_them(findings& f, const asked&) {
    const machine& m = this_machine();
    std::set<int> packages;
    std::set<int> cores;
    for (const cpu& c : m.cpus) {
        f.same("node of " + of_cpu(c.os_index), node_of(c), kernel::node_of_cpu(c.os_index));
        std::vector<int> siblings;
        for (const cpu& other : m.cpus) {
            const bool here = kernel::package_of_cpu(other.os_index) == kernel::package_of_cpu(c.os_index);
            f.expect((other.package == c.package) == here,
                "packages of " + of_cpu(c.os_index) + " and " + std::to_string(other.os_index));
            if (other.core == c.core) siblings.push_back(other.os_index);
        }
        std::sort(siblings.begin(), siblings.end());
        f.same("CPUs of the core of " + of_cpu(c.os_index), siblings, kernel::siblings_of_cpu(c.os_index));
        packages.insert(c.package);
        cores.insert(c.core);
    }
    f.expect(m.packages == static_cast<int>(packages.size()), "it has packages without CPUs");
    f.saw(counted(packages.size(), "package") + ", " + counted(cores.size(), "core"));
}

// ---- the plan

void one_worker_for_each_cpu(findings& f, const asked& a) {
    const worker_plan plan = topology::plan_workers(this_machine());
    std::vector<int> ours;
    for (const planned_worker& w : plan.workers) {
        ours.push_back(w.where.os_index);
        f.expect(w.pinned(), "the worker of " + of_cpu(w.where.os_index) + " is not pinned");
    }
    std::sort(ours.begin(), ours.end());
    f.same("CPUs of workers", ours, kernel::cpus_of_thread());
    f.expect(static_cast<int>(plan.nodes()) == a.nodes, "they are on " + counted(plan.nodes(), "node"));
    f.saw(counted(ours.size(), "worker") + " on " + counted(plan.nodes(), "node"));
}

void nearest_are_of_the_own_node(findings& f, const asked&) {
    const worker_plan plan = topology::plan_workers(this_machine());
    const std::vector<int> nodes = kernel::nodes();
    for (const planned_worker& w : plan.workers) {
        const int self = w.where.os_index;
        f.expect(w.nearest.size() == plan.workers.size() - 1, "the worker of " + of_cpu(self) + " does not know all");
        const std::vector<unsigned> distances = kernel::distances_of_node(kernel::node_of_cpu(self));
        const std::vector<int> siblings = kernel::siblings_of_cpu(self);
        // The core's first, then by the distance of the nodes, as the kernel has it.
        unsigned before = 0;
        for (const std::uint32_t other : w.nearest) {
            const int its = plan.workers.at(other).where.os_index;
            const bool sibling = std::find(siblings.begin(), siblings.end(), its) != siblings.end();
            const auto node = std::find(nodes.begin(), nodes.end(), kernel::node_of_cpu(its)) - nodes.begin();
            const unsigned far = sibling ? 1 : distances.at(static_cast<std::size_t>(node));
            f.expect(
                far >= before, "from " + of_cpu(self) + " " + of_cpu(its) + " comes after others that are farther");
            before = far;
        }
    }
    f.saw(counted(plan.workers.size(), "order"));
}

void one_worker_on_each_node(findings& f, const asked&) {
    const worker_plan plan = topology::plan_workers(this_machine(), {.workers_per_node = 1});
    std::vector<int> ours;
    for (const planned_worker& w : plan.workers) ours.push_back(kernel::node_of_cpu(w.where.os_index));
    std::sort(ours.begin(), ours.end());
    f.same("their nodes", ours, kernel::nodes());
    f.saw(counted(ours.size(), "worker"));
}

// Detection happens once in a program: so another one is started where only the CPUs of one node are allowed.
void bound_program_knows_its_node_only(findings& f, const asked&) {
    const std::vector<int> all = kernel::cpus_of_thread();
    for (const int node : kernel::nodes()) {
        std::string program = "/proc/self/exe";
        std::string word = "bound";
        std::array<char*, 3> arguments{program.data(), word.data(), nullptr};
        pid_t child = 0;
        int status = -1;
        kernel::bind_this_thread(kernel::cpus_of_node(node));
        const int refused = posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ);
        kernel::bind_this_thread(all);
        if (!f.expect(refused == 0, "it could not be started")) continue;
        const bool ended = waitpid(child, &status, 0) == child && WIFEXITED(status);
        f.expect(
            ended && WEXITSTATUS(status) == 0, "on " + of_node(node) + (ended ? ": it knows others" : ": it crashed"));
    }
    f.saw("started on each node");
}

// That other program; its exit code.
int in_bound_program() {
    const worker_plan plan = topology::plan_workers(this_machine());
    std::vector<int> ours;
    for (const planned_worker& w : plan.workers) ours.push_back(w.where.os_index);
    std::sort(ours.begin(), ours.end());
    return ours == kernel::cpus_of_thread() && plan.nodes() == 1 ? 0 : 1;
}

// ---- running

// Where a worker was seen, by the process that it ran.
struct sight {
    kernel::place place;
    std::vector<int> allowed;
    std::map<int, std::size_t> touched; // pages that it touched first
};

// Processes that tell which worker they run on, and where that is, until each worker has been seen.
class survey {
public:
    explicit survey(std::size_t workers) : sights_(workers) {}

    void run(runtime& rt) {
        constexpr std::size_t many = 64;
        const children_ref all =
            rt.spawn(children().with_redundancy(many).with_exec([this](context ctx) { return looks(ctx, *this); }));
        for (int round = 0; round < 1000 && !complete(); ++round) {
            const std::size_t before = count_;
            for (const child_ref& one : all) one.tell(look{});
            while (count_ < before + many) std::this_thread::sleep_for(100us);
        }
    }
    // Those of each worker.
    [[nodiscard]] const std::vector<std::vector<sight>>& sights() const noexcept { return sights_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    struct look {};

    static process looks(context ctx, survey& s) {
        for (;;) {
            co_await ctx.recv<look>();
            s.note();
        }
    }
    void note() {
        // Long enough that others wake, and take their share.
        const auto until = std::chrono::steady_clock::now() + 2ms;
        kernel::fresh_memory memory(16 * kernel::page);
        memory.touch();
        sight seen{kernel::here(), kernel::cpus_of_thread(), memory.pages()};
        const std::size_t worker = detail::this_thread().current_worker->index();
        while (std::chrono::steady_clock::now() < until) {}
        {
            const std::lock_guard lock(mutex_);
            sights_.at(worker).push_back(std::move(seen));
        }
        ++count_;
    }
    bool complete() {
        const std::lock_guard lock(mutex_);
        return std::none_of(sights_.begin(), sights_.end(), [](const auto& s) { return s.empty(); });
    }

    std::mutex mutex_;
    std::vector<std::vector<sight>> sights_;
    std::atomic<std::size_t> count_{0};
};

void workers_are_where_the_plan_says(findings& f, const asked&) {
    const worker_plan plan = topology::plan_workers(this_machine());
    runtime rt;
    if (!f.expect(rt.workers() == plan.workers.size(), counted(rt.workers(), "worker"))) return;
    survey s(rt.workers());
    s.run(rt);
    for (std::size_t i = 0; i < plan.workers.size(); ++i) {
        const int planned = plan.workers[i].where.os_index;
        const std::string who = "worker " + std::to_string(i);
        f.expect(!s.sights()[i].empty(), who + " has run nothing");
        for (const sight& seen : s.sights()[i]) {
            f.expect(seen.place.cpu == planned,
                who + " ran on " + of_cpu(seen.place.cpu) + " instead of " + std::to_string(planned));
            f.expect(seen.place.node == node_of(plan.workers[i].where), who + " ran on " + of_node(seen.place.node));
            f.expect(seen.allowed == std::vector{planned}, who + " may run on " + text(seen.allowed));
            expect_on(f, "touched by " + who, seen.touched, node_of(plan.workers[i].where));
        }
    }
    f.saw(counted(s.count(), "look"));
}

// Each CPU that is the only one of a thread, once for each such thread.
std::vector<int> cpus_of_pinned_threads() {
    std::vector<int> all;
    for (const pid_t thread : kernel::threads())
        if (const std::vector<int> cpus = kernel::cpus_of_thread(thread); cpus.size() == 1) all.push_back(cpus.front());
    std::sort(all.begin(), all.end());
    return all;
}

// A thread pins itself when it runs first: it has a while to do so.
void one_thread_is_pinned_on_each_cpu(findings& f, const asked&) {
    const std::vector<int> wanted = kernel::cpus_of_thread();
    const runtime rt;
    for (int tries = 0; tries < 2000 && cpus_of_pinned_threads() != wanted; ++tries) std::this_thread::sleep_for(1ms);
    f.same("CPUs of pinned threads", cpus_of_pinned_threads(), wanted);
    f.saw(counted(kernel::threads().size(), "thread"));
}

void nothing_is_pinned_unless_wished(findings& f, const asked&) {
    runtime rt(config().with_pinning(topology::pinning::never));
    survey s(rt.workers());
    s.run(rt);
    f.expect(cpus_of_pinned_threads().empty(), "pinned on " + text(cpus_of_pinned_threads()));
    f.saw(counted(kernel::threads().size(), "thread"));
}

// Fewer workers than CPUs: the system may move them, but only on their node.
void others_stay_on_their_node(findings& f, const asked& a) {
    runtime rt(config().with_workers_per_node(1));
    f.expect(static_cast<int>(rt.workers()) == a.nodes, counted(rt.workers(), "worker"));
    survey s(rt.workers());
    s.run(rt);
    std::vector<int> nodes;
    for (const auto& of_worker : s.sights()) {
        f.expect(!of_worker.empty(), "a worker has run nothing");
        for (const sight& seen : of_worker) {
            f.same("CPUs of a worker", seen.allowed, kernel::cpus_of_node(seen.place.node));
            expect_on(f, "touched by a worker", seen.touched, seen.place.node);
        }
        if (!of_worker.empty()) nodes.push_back(of_worker.front().place.node);
    }
    std::sort(nodes.begin(), nodes.end());
    f.same("nodes of workers", nodes, kernel::nodes());
    f.saw(counted(s.count(), "look"));
}

// What a process asks of its worker to hold, and lets go when all is seen.
class held_memory {
public:
    explicit held_memory(std::size_t nodes) : blocks_(nodes), bytes_(nodes) {}
    // 1 MiB more from the calling worker's memory; every class has its turn.
    void take_some() {
        const std::size_t node = index_of_node(kernel::here().node);
        detail::pool_cache& pool = detail::this_thread_pool();
        std::vector<std::pair<void*, std::size_t>> taken;
        for (std::size_t sum = 0, i = 0; sum < mib; ++i) {
            const std::size_t bytes = detail::pool_class_bytes[i % detail::pool_classes];
            taken.emplace_back(pool.allocate(bytes), bytes);
            static_cast<volatile char*>(taken.back().first)[0] = 1;
            sum += bytes;
        }
        const std::lock_guard lock(mutex_);
        bytes_[node] += mib;
        blocks_[node].insert(blocks_[node].end(), taken.begin(), taken.end());
    }
    [[nodiscard]] std::size_t least() {
        const std::lock_guard lock(mutex_);
        return *std::min_element(bytes_.begin(), bytes_.end());
    }
    // What was taken on other nodes than the caller's.
    std::size_t free_foreign() {
        const std::size_t node = index_of_node(kernel::here().node);
        const std::lock_guard lock(mutex_);
        std::size_t n = 0;
        for (std::size_t other = 0; other < blocks_.size(); ++other) {
            if (other == node) continue;
            for (const auto& [block, bytes] : std::exchange(blocks_[other], {})) {
                detail::this_thread_pool().free(block, bytes);
                ++n;
            }
        }
        return n;
    }
    void free_rest() {
        const std::lock_guard lock(mutex_);
        for (auto& of_node : blocks_)
            for (const auto& [block, bytes] : std::exchange(of_node, {})) detail::this_thread_pool().free(block, bytes);
    }

private:
    [[nodiscard]] static std::size_t index_of_node(int node) {
        const std::vector<int> all = kernel::nodes();
        return static_cast<std::size_t>(std::find(all.begin(), all.end(), node) - all.begin());
    }

    std::mutex mutex_;
    std::vector<std::vector<std::pair<void*, std::size_t>>> blocks_;
    std::vector<std::size_t> bytes_;
};

// All that was ever handed out of each node's memory.
std::size_t expect_at_home(findings& f, std::size_t least) {
    std::size_t all = 0;
    const machine& m = this_machine();
    for (std::size_t i = 0; i < m.nodes.size(); ++i) {
        const int node = m.nodes[i].os_index;
        std::map<int, std::size_t> pages;
        for (const auto& [begin, end] : detail::stretches_of(detail::home_of_node(static_cast<int>(i), node)))
            for (const auto& [where, count] : kernel::pages_of(begin, static_cast<std::size_t>(end - begin)))
                if (where >= 0) pages[where] += count; // below 0: nobody has touched it
        expect_on(f, "memory of " + of_node(node), pages, node);
        f.expect(pages[node] * kernel::page >= least, of_node(node) + " has only " + counted(pages[node], "page"));
        all += pages[node];
    }
    return all;
}

void memory_of_a_node_lies_there(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    constexpr std::size_t least = 64 * mib;
    held_memory held(kernel::nodes().size());
    runtime rt;
    struct take {};
    struct give {};
    std::atomic<std::size_t> done{0};
    std::atomic<std::size_t> freed{0};
    constexpr std::size_t many = 64;
    const children_ref all = rt.spawn(children().with_redundancy(many).with_exec([&](context ctx) -> process {
        for (;;) {
            const auto m = co_await ctx.recv();
            if (m.told<take>() != nullptr) held.take_some();
            if (m.told<give>() != nullptr) freed += held.free_foreign();
            ++done;
        }
    }));
    const auto round = [&](auto what) {
        const std::size_t before = done;
        for (const child_ref& one : all) one.tell(what);
        while (done < before + many) std::this_thread::sleep_for(100us);
    };
    for (int i = 0; i < 1000 && held.least() < least; ++i) round(take{});
    const std::size_t pages = expect_at_home(f, least);
    // Others free it, and it is used again: still every page is where it belongs.
    round(give{});
    f.expect(freed >= 1000, "only " + counted(freed, "block") + " freed on another node");
    for (int i = 0; i < 10; ++i) round(take{});
    (void)expect_at_home(f, least);
    held.free_rest();
    f.saw(std::to_string(pages * kernel::page / mib) + " MiB in all, " + counted(freed, "block") + " freed elsewhere");
}

void idle_nodes_help(findings& f, const asked& a) {
    if (a.nodes == 1) return f.saw("there is one node");
    runtime rt;
    constexpr std::size_t many = 20'000;
    constexpr int most_rounds = 10;
    std::atomic<std::size_t> left{0};
    struct go {};
    const children_ref all =
        rt.spawn(children().with_redundancy(many).with_restart(temporary).with_exec([&left](context ctx) -> process {
            for (;;) {
                co_await ctx.recv<go>();
                const auto until = std::chrono::steady_clock::now() + 50us;
                while (std::chrono::steady_clock::now() < until) {}
                --left;
            }
        }));
    const auto started = rt.run(all.started());
    if (!f.expect(started.has_value(), "they do not start")) return;
    const runtime_counters before = rt.counters();
    runtime_counters c = before;
    int rounds = 0;
    // Each time one process wakes them all: they lie on its node.
    for (; rounds < most_rounds && c.far_steals - before.far_steals < 1'000; ++rounds) {
        left = many;
        rt.spawn([&all](context) -> process {
            for (const child_ref& one : all) one.tell(go{});
            co_return;
        });
        while (left != 0) std::this_thread::sleep_for(100us);
        c = rt.counters();
    }
    c.steals -= before.steals;
    c.far_steals -= before.far_steals;
    f.expect(c.far_steals >= 1'000, "only " + counted(c.far_steals, "steal") + " from another node");
    f.expect(c.far_steals <= c.steals, "more steals from other nodes than in all");
    f.saw(counted(c.far_steals, "steal") + " from another node, of " + std::to_string(c.steals) + ", in " +
          counted(static_cast<std::size_t>(rounds), "round") + " of " + std::to_string(many));
}

void partitions_are_one_per_node(findings& f, const asked& a) {
    runtime rt;
    const auto all = rt.spawn(partitions([](std::size_t) { return supervisor(); }).with_partitions(one_per::node));
    const auto started = rt.run(all.supervisor().started());
    f.expect(started.has_value(), "they do not start");
    f.expect(static_cast<int>(all.size()) == a.nodes, counted(all.size(), "partition"));
    f.saw(counted(all.size(), "partition"));
}

constexpr check checks[] = {
    {"the guest has the nodes and CPUs that were asked for", guest_is_as_asked},
    {"memory lies on the node of who touches it first", first_touch_is_local},
    {"the machine has the CPUs that this process may use", cpus_are_those_allowed},
    {"the machine has the kernel's nodes and their memory", nodes_are_the_kernels},
    {"the nodes are as far from one another as the kernel says", distances_are_the_kernels},
    {"each CPU is in the node, package and core where the kernel has it", cpus_are_where_the_kernel_has_them},
    {"a plan has one pinned worker for each CPU, on every node", one_worker_for_each_cpu},
    {"a worker has those of its core and node nearer than all others", nearest_are_of_the_own_node},
    {"a plan of one worker per node has one on each", one_worker_on_each_node},
    {"a program that is bound to a node knows no other CPUs", bound_program_knows_its_node_only},
    {"each worker runs where the plan says, and what it touches lies there", workers_are_where_the_plan_says},
    {"one thread is pinned on each CPU", one_thread_is_pinned_on_each_cpu},
    {"without pinning no thread is", nothing_is_pinned_unless_wished},
    {"workers that share CPUs stay on their node", others_stay_on_their_node},
    {"the memory of each node lies on it, also when others have freed it", memory_of_a_node_lies_there},
    {"a node without work takes it from others", idle_nodes_help},
    {"processes that are bound to a node run nowhere else, and lie there", bound_processes_stay},
    {"the stacks of fibers lie on the nodes of their processes", stacks_lie_at_home},
    {"of processes with a home few leave it while all nodes have work", homes_are_left_by_few},
    {"near is on the node of the other, spread is even", near_and_spread_are_true},
    {"partitions may be one per node", partitions_are_one_per_node},
    {"figures tell messages from other nodes, and where the memory lies", figures_are_the_kernels},
    {"who stands in for a stuck worker is of its node", stand_ins_are_of_the_node},
    {"there are as many workers as CPUs, and as a quota grants, also when that changes", workers_follow_a_cpuset},
};

} // namespace

int main(int argc, char** argv) {
    const std::string_view first = argc > 1 ? argv[1] : "";
    const std::string_view word = argc > 2 ? argv[2] : "";
    if (first == "bound") return in_bound_program();
    asked of_guest{std::atoi(argc > 1 ? argv[1] : "0"), 8};
    if (of_guest.nodes < 1) {
        (void)std::fputs("bastion-numa-guest NODES [wrong|crash|silent]\n", stderr);
        return 2;
    }
    if (word == "wrong") ++of_guest.nodes;
    if (word == "crash") (void)std::raise(SIGSEGV);
    if (word == "silent")
        for (;;) std::this_thread::sleep_for(1h);
    // Most checks count what each planned worker does. On CPUs that are emulated a turn may take long, and nobody is to step in.
    (void)::setenv("BASTION_MAX_SPARE_WORKERS", "0", 1);
    return run_all(checks, of_guest);
}
