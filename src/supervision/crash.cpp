// Crash reports: what an owner knows of a child that has just ended.
#include "supervision/group.hpp"

#include <bastion/supervision/crash_report.hpp>
#include <bastion/supervision/membership.hpp>

#include <new>
#include <utility>

namespace bastion::detail {
namespace {

void look_at_mail(crash_report& r, control_block& child, std::size_t most) {
    collect_mail(child);
    if (child.bounded() != nullptr) drop_pushed_out(child);
    for (const envelope* e = child.mail; e != nullptr; e = e->next) {
        if (r.unread == crash_report::most_counted) {
            r.more_unread = true;
            return;
        }
        ++r.unread;
        if (r.mailbox.size() < most) r.mailbox.emplace_back(e->meta().name);
    }
}

void look_at_bonds(crash_report& r, const cold_part& cold, std::size_t most) {
    for (const monitor_record* m = cold.memberships.front(); m != nullptr && r.name.empty(); m = monitor_list::next(m))
        r.name = static_cast<const membership*>(m->member_of)->name_given(); // only make_record sets it
    r.linked = cold.links.size();
    for (const link_signal* l = cold.links.front(); l != nullptr && r.links.size() < most; l = link_table::next(l))
        r.links.emplace_back(l->peer);
    r.monitors = cold.monitors.size();
    r.traps_exits = cold.trap_exit;
}

// "/a/b/0": "/a/b", "/a", "/". No name has a '/'.
std::vector<std::string> ancestors_of(const std::string& path) {
    std::vector<std::string> all;
    for (std::size_t end = path.rfind('/'); end != std::string::npos && end > 0; end = path.rfind('/', end - 1))
        all.push_back(path.substr(0, end));
    all.emplace_back("/");
    return all;
}

} // namespace

void owner::look_at_crash(control_block& child, child_state before) noexcept {
    if (has(child, child_flag::is_owner)) return;
    // An order is none, but for the one that its owner gave because of a fault.
    const bool ordered = before == child_state::stopping && !child.reason.is_fault();
    if (!has(child, child_flag::callback_fault) && (ordered || !child.reason.is_abnormal())) return;
    crash_.child = child.here();
    crash_.report.reset();
    if (!home_.hooks.takes_crash(home_.hooks.runtime_data)) return;
    const may_fail no_reserve;
    try {
        auto r = std::make_unique<crash_report>();
        r->who = child_ref(child.here());
        r->path = path_of(child);
        r->incarnation = static_cast<int>(child.incarnation);
        r->restarts = static_cast<int>(child.restarts);
        r->spawned_at = static_cast<const group*>(this)->place_of(child); // Safety: only groups own elements
        r->ancestors = ancestors_of(r->path);
        if (child.hand != nullptr) r->in_hand = child.hand->name;
        r->lost = child.lost_in_hand;
        look_at_mail(*r, child, home_.hooks.crashes->max_messages());
        if (const cold_part* cold = cold_if_any(child)) look_at_bonds(*r, *cold, home_.hooks.crashes->max_links());
        r->at = std::chrono::nanoseconds(now());
        crash_.report = std::move(r);
    } catch (const std::bad_alloc&) {}
}

void owner::tell_crash(const exit_reason& why, std::string_view next) noexcept {
    crash_seen seen = std::exchange(crash_, {});
    if (seen.report != nullptr) {
        const may_fail no_reserve;
        try {
            seen.report->next = next;
            seen.report->reason = why;
        } catch (const std::bad_alloc&) { seen.report.reset(); }
    }
    home_.hooks.crashed(home_.hooks.runtime_data, std::move(seen.report));
}

} // namespace bastion::detail
