#include <bastion/supervision/partitions.hpp>

#include <bastion/mailbox/answer.hpp>

namespace bastion {
namespace {

// Its argument by value: the ref may be gone before the answers are there.
task<result<child_counts>> sum_of(partitions_ref all) {
    std::vector<answer<child_counts>> asked;
    asked.reserve(all.size());
    if (!all.alive()) co_return fail(errc::noproc);
    for (const supervisor_ref& one : all) asked.push_back(one.count_children());
    const auto counted = co_await when_all(std::move(asked));
    child_counts sum;
    for (const result<child_counts>& one : counted) {
        if (!one && one.error() == errc::noproc) continue; // it was stopped, or fails just now: it has none
        if (!one) co_return fail(one.error());
        sum.specs += one->specs;
        sum.active += one->active;
        sum.supervisors += one->supervisors;
        sum.workers += one->workers;
    }
    co_return sum;
}

} // namespace

task<result<child_counts>> partitions_ref::count_children() const { return sum_of(*this); }

} // namespace bastion
