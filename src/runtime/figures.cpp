#include "runtime/figures.hpp"

#include <bastion/executor/arena.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace bastion {
namespace {

void add(activity& to, const activity& more) noexcept {
    to.resumes += more.resumes;
    to.messages += more.messages;
    to.far_messages += more.far_messages;
    to.steals += more.steals;
    to.far_steals += more.far_steals;
    to.parks += more.parks;
    to.wakes += more.wakes;
    to.time += more.time;
    to.idle += more.idle;
    to.queued += more.queued;
}

void take_away(activity& from, const activity& before) noexcept {
    from.resumes -= before.resumes;
    from.messages -= before.messages;
    from.far_messages -= before.far_messages;
    from.steals -= before.steals;
    from.far_steals -= before.far_steals;
    from.parks -= before.parks;
    from.wakes -= before.wakes;
    from.time -= before.time;
    from.idle -= before.idle;
}

std::string line(const std::string& who, const activity& a) {
    return fmt::format("{:<12} {:>5.1f} % {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8}\n", who,
        100 * a.busy(), a.resumes, a.messages, a.far_messages, a.steals, a.far_steals, a.parks, a.wakes, a.queued);
}

} // namespace

runtime_figures operator-(runtime_figures later, const runtime_figures& earlier) {
    for (std::size_t i = 0; i < std::min(later.workers.size(), earlier.workers.size()); ++i)
        take_away(later.workers[i], earlier.workers[i]);
    for (std::size_t i = 0; i < std::min(later.nodes.size(), earlier.nodes.size()); ++i)
        take_away(later.nodes[i], earlier.nodes[i]);
    return later;
}

std::string to_string(const runtime_figures& figures) {
    std::string table = fmt::format("{:<12} {:>7} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8}\n", "", "busy",
        "resumes", "messages", "from afar", "steals", "from afar", "parks", "wakes", "queued");
    for (const node_figures& n : figures.nodes) {
        table += line(fmt::format("node {}", n.node), n);
        for (const worker_figures& w : figures.workers)
            if (w.node == n.node) table += line(fmt::format("  worker {}", w.worker), w);
        table += fmt::format("  memory: {:.1f} MiB at home, {:.1f} MiB elsewhere\n",
            static_cast<double>(n.bytes_at_home) / (1 << 20), static_cast<double>(n.bytes_away) / (1 << 20));
    }
    return table;
}

namespace detail {
namespace {

worker_figures figures_of(worker& w, std::int64_t began_ns, std::int64_t now_ns) {
    const worker_counters& c = w.counters();
    worker_figures f;
    f.worker = w.index();
    f.node = w.node().number;
    f.resumes = w.resumes();
    f.messages = c.messages.load(std::memory_order_relaxed);
    f.far_messages = c.far_messages.load(std::memory_order_relaxed);
    f.steals = c.steals.load(std::memory_order_relaxed);
    f.far_steals = c.far_steals.load(std::memory_order_relaxed);
    f.parks = c.parks.load(std::memory_order_relaxed);
    f.wakes = c.wakes.load(std::memory_order_relaxed);
    f.time = std::chrono::nanoseconds(now_ns - began_ns);
    f.idle = std::min(f.time, std::chrono::nanoseconds(c.idle_until(now_ns)));
    f.queued = w.queued();
    return f;
}

std::uint64_t taken_for(memory_home home) {
    if (home == no_home) return arena_bytes();
    std::uint64_t sum = 0;
    for (const arena_stretch& s : stretches_of(home)) sum += static_cast<std::uint64_t>(s.end - s.begin);
    return sum;
}

} // namespace

runtime_figures read_figures(executor& workers, std::int64_t began_ns) {
    runtime_figures all;
    const std::int64_t now = monotonic_ns();
    for (std::size_t i = 0; i < workers.all(); ++i)
        all.workers.push_back(figures_of(workers.worker_at(i), began_ns, now));
    const std::vector<home_pages> pages = workers.nodes() > 1 ? count_pages() : std::vector<home_pages>();
    for (std::size_t home = 1; home <= workers.nodes(); ++home) {
        const worker_node& at = workers.node_at(home);
        node_figures n;
        n.node = at.number;
        for (const worker_figures& w : all.workers) {
            if (w.node != n.node) continue;
            add(n, w);
            ++n.workers;
        }
        n.queued += at.work.size() + at.system.size() + at.resumed.size() + at.resumed_bound.size() + at.bound.size();
        const memory_home memory = workers.memory_of(home);
        const home_pages known = memory < pages.size() ? pages[memory] : home_pages();
        n.bytes_away = known.away;
        n.bytes_at_home = known.at_home + known.away != 0 ? known.at_home : taken_for(memory);
        all.nodes.push_back(n);
    }
    return all;
}

} // namespace detail
} // namespace bastion
