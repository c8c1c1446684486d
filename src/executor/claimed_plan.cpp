#include <bastion/executor/claimed_plan.hpp>

#include <algorithm>
#include <mutex>

namespace bastion::detail {
namespace {

struct claims {
    std::mutex mutex;
    std::vector<int> cpus; // Guarded by the mutex; a CPU as often as it is claimed.
};

// Never destroyed: runtimes with static storage may end after everything else.
claims& all_claims() {
    static auto* const all = new claims;
    return *all;
}

} // namespace

claimed_plan::claimed_plan(const topology::machine& on, topology::worker_wishes wishes) {
    if (on.synthetic) {
        wishes.taken.clear();
        plan_ = topology::plan_workers(on, wishes);
    } else {
        claims& all = all_claims();
        const std::lock_guard lock(all.mutex);
        wishes.taken = all.cpus;
        plan_ = topology::plan_workers(on, wishes);
        for (const topology::planned_worker& w : plan_.workers) claimed_.push_back(w.where.os_index);
        std::sort(claimed_.begin(), claimed_.end());
        claimed_.erase(std::unique(claimed_.begin(), claimed_.end()), claimed_.end());
        all.cpus.insert(all.cpus.end(), claimed_.begin(), claimed_.end());
    }
    if (on.nodes.size() < 2) return;
    for (const topology::planned_worker& w : plan_.workers) {
        const int os_node = on.synthetic ? -1 : on.nodes.at(static_cast<std::size_t>(w.where.node)).os_index;
        homes_.push_back(home_of_node(w.where.node, os_node));
    }
}

claimed_plan claimed_plan::without_threads(std::size_t workers, std::size_t nodes) {
    topology::machine even; // of one node, as far as memory goes
    even.synthetic = true;
    even.cpus.resize(workers);
    for (std::size_t i = 0; i < workers; ++i) {
        even.cpus[i].os_index = even.cpus[i].core = static_cast<int>(i);
        even.cpus[i].node = static_cast<int>(i * std::min(nodes, workers) / workers);
    }
    return claimed_plan(even, {.workers = workers});
}

claimed_plan::~claimed_plan() {
    if (claimed_.empty()) return;
    claims& all = all_claims();
    const std::lock_guard lock(all.mutex);
    for (const int cpu : claimed_) all.cpus.erase(std::find(all.cpus.begin(), all.cpus.end(), cpu));
}

} // namespace bastion::detail
