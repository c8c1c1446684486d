// What an owner says about itself and its children in a snapshot, and how one is asked for.
#include "process/element_signal.hpp"
#include "supervision/snapshot_join.hpp"
#include "supervision/supervisor.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/mailbox/meta.hpp>
#include <bastion/process/parked.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace bastion::detail {
namespace {

// An element counts as started: what it does just now.
snapshot_status status_of_started(const control_block& element) noexcept {
    switch (element.life_state.now()) {
    case life::waiting: return snapshot_status::waiting;
    case life::suspended: return snapshot_status::suspended;
    case life::running: return snapshot_status::running;
    case life::draining:
    case life::stopping: return snapshot_status::stopping;
    case life::restarting: return snapshot_status::restarting;
    case life::exited: return snapshot_status::stopped;
    case life::free:
    case life::starting:
    case life::queued: break;
    }
    return snapshot_status::queued;
}

snapshot_status status_of(
    const control_block& child, child_state state, bool for_good, bool is_owner, bool ever_started) noexcept {
    switch (state) {
    case child_state::unborn: return snapshot_status::starting;
    case child_state::starting: return child.restarts > 0 ? snapshot_status::restarting : snapshot_status::starting;
    case child_state::up: return is_owner ? snapshot_status::running : status_of_started(child);
    case child_state::stopping: return snapshot_status::stopping;
    case child_state::backing_off: return snapshot_status::restarting;
    case child_state::ended: return snapshot_status::stopped;
    case child_state::down: break;
    }
    if (!ever_started) return snapshot_status::starting;
    return for_good ? snapshot_status::stopped : snapshot_status::restarting;
}

// What a mailbox with a bound counts is known at any time. Else, of a process that runs, only what came since it last took
// its mail.
unread_count unread_of(control_block& element, const std::optional<parked_look>& look, bool runs) noexcept {
    if (bounded_mailbox* box = element.bounded()) {
        const std::uint32_t n = box->unread();
        if (element.bounded() == box) return {n, true}; // else it has ended meanwhile
    }
    if (runs && !look) return {static_cast<std::uint32_t>(element.inbox.length()), false};
    const std::uint32_t n = look ? look->unread : unread_mail(element);
    return {n, n < most_unread};
}

// Constant since it was made.
std::optional<placement> home_of_element(const control_block& element, const executor& workers) {
    if (element.node == 0) return {};
    const placement home = placement::node(workers.node_at(element.node).number);
    return element.bound ? home : home.soft();
}

// Without a ticket yet: one that is destroyed speaks of an owner that is gone, not of memory that is.
std::unique_ptr<snapshot_request, request_deleter> make_snapshot_request(address owner) {
    std::unique_ptr<snapshot_request, request_deleter> r(pool_new<snapshot_request>());
    r->what = request_kind::snapshot;
    r->owner = owner;
    return r;
}

} // namespace

void group::describe(snapshot_entry& self) const {
    self.kind = snapshot_kind::group;
    self.implicit = is_implicit();
    self.restart = is_implicit() ? restart_when::temporary : when_;
    if (is_implicit()) return;
    self.where = spec_->where;
    if (spec_->place.what() != placement::kind::any && home_.workers.load()->nodes() > 1) self.placement = spec_->place;
}

void group::describe_child(control_block& child, snapshot_entry& of_it) const {
    of_it.kind = snapshot_kind::element;
    of_it.restart = child.policy;
    of_it.incarnation = child.incarnation;
    of_it.placement = home_of_element(child, *home_.workers.load());
    of_it.where = place_of(child);
    of_it.ref = child_ref(child.here());
    const child_state state = state_of(child);
    const bool runs = state == child_state::starting || state == child_state::up || state == child_state::stopping;
    const auto look = runs ? look_at_parked(child) : std::nullopt;
    of_it.unread = unread_of(child, look, runs);
    if (look && look->in_hand != nullptr) of_it.in_hand = look->in_hand->name;
}

void supervisor_owner::describe(snapshot_entry& self) const {
    self.kind = snapshot_kind::supervisor;
    self.strategy = spec_->strategy;
    self.where = spec_->where;
}

void supervisor_owner::describe_child(control_block& child, snapshot_entry& of_it) const {
    const owner& below = of(child);
    of_it.significant = below.significant;
    of_it.known = snapshot_knowledge::missing; // until it says something itself
    of_it.restart = child.policy;
    if (below.is_supervisor()) return;
    of_it.kind = snapshot_kind::group;
    of_it.implicit = static_cast<const group&>(below).is_implicit();
    if (of_it.implicit) of_it.restart = restart_when::temporary;
}

snapshot_entry owner::entry_of(control_block& child, std::int64_t at) {
    const child_state state = state_of(child);
    snapshot_entry e;
    e.name = child_name(child);
    e.path = path_of(child);
    const bool is_owner = has(child, child_flag::is_owner);
    // The implicit group starts with this owner, by no plan.
    const bool ever_started = &child == stops_first() ? listed_ : has(child, child_flag::was_started);
    e.status = status_of(child, state, has(child, child_flag::for_good), is_owner, ever_started);
    e.restarts = child.restarts;
    const bool lives = state == child_state::starting || state == child_state::up || state == child_state::stopping;
    if (lives && has(child, child_flag::was_started)) e.age = std::chrono::nanoseconds(at - child.since_ns);
    const bool over = state == child_state::down || state == child_state::backing_off;
    if ((ever_started && over) || state == child_state::ended) e.reason = child.reason;
    describe_child(child, e);
    return e;
}

// Nothing: only its parent knows.
std::optional<snapshot_status> owner::own_status() const noexcept {
    if (!listed_) return snapshot_status::starting;
    if (!running_ && phase_ == phase::idle) return {}; // it stands still
    if (!running_) return snapshot_status::stopping;
    if (!announced_) return self_.restarts > 0 ? snapshot_status::restarting : snapshot_status::starting;
    if (!is_supervisor() && (phase_ != phase::idle || restarts_a_child())) return snapshot_status::restarting;
    return snapshot_status::running;
}

// As the first that was asked: nobody above it has said anything.
void owner::describe_self(snapshot_entry& self) const {
    self.name = name_;
    self.path = shown_path();
    self.significant = significant;
    if (is_root_) return; // nobody starts it again, or has said when
    // Safety: the parent may write it just now, for a change.
    self.restart = std::atomic_ref(self_.policy).load(std::memory_order_relaxed);
    if (!running_) return; // what follows is its parent's to write
    self.restarts = self_.restarts;
    self.age = std::chrono::nanoseconds(now() - self_.since_ns);
}

void owner::answer_snapshot(owner_request& r) noexcept {
    snapshot_ticket ticket = std::move(static_cast<snapshot_request&>(r).ticket); // Safety: of that kind
    snapshot_entry self;
    std::size_t asks = 0;
    list_all();
    control_block* const first = stops_first();
    const auto seen = [](control_block* c) { // it or the next that is in sight
        while (c != nullptr && has(*c, child_flag::is_owner) && of(*c).noted.hidden) c = decltype(children_)::next(c);
        return c;
    };
    const std::size_t most = is_supervisor() ? ticket.limits().max_children() : ticket.limits().max_elements();
    try {
        describe(self);
        if (ticket.is_first()) describe_self(self);
        self.total = children_.size() - hidden_ + (first != nullptr ? 1 : 0);
        const std::size_t listed = ticket.reserve(std::min(self.total, most));
        self.children.reserve(listed);
        const std::int64_t at = now();
        control_block* c = first != nullptr ? first : seen(children_.front());
        for (std::size_t i = 0; i < listed; ++i) {
            self.children.push_back(entry_of(*c, at));
            if (has(*c, child_flag::is_owner)) {
                if (ticket.may_ask_below()) ++asks;
                else self.children.back().known = snapshot_knowledge::cut;
            }
            c = seen(c == first ? children_.front() : children_.next(c));
        }
    } catch (const std::bad_alloc&) { return ticket.failed(); }
    const std::size_t listed = self.children.size();
    snapshot_entry* place = ticket.put(self, own_status(), runtime_stops(), asks);
    if (place != nullptr && asks != 0) {
        control_block* c = first != nullptr ? first : seen(children_.front());
        for (std::size_t i = 0; i < listed; ++i, ++place) {
            auto next = make_snapshot_request(c->here());
            next->ticket = ticket.of_child(*place);
            send(std::move(next));
            c = seen(c == first ? children_.front() : children_.next(c));
        }
    }
    ticket.done();
}

namespace {

// What is known without asking the tree.
snapshot figures_of(const runtime_home& home) noexcept {
    executor& workers = *home.workers.load();
    snapshot s;
    const std::int64_t now = workers.time().now_ns();
    s.time = std::chrono::nanoseconds(now);
    s.uptime = std::chrono::nanoseconds(now - home.started_ns);
    s.workers = workers.size();
    const executor_counters counters = workers.counters();
    s.resumes = counters.resumes;
    s.steals = counters.steals;
    s.parks = counters.parks;
    static_assert(std::tuple_size_v<decltype(s.dead_letters)> == static_cast<std::size_t>(drop_reason::stopped) + 1);
    for (std::size_t i = 0; i < s.dead_letters.size(); ++i)
        s.dead_letters[i] = home.dead_letters[i].load(std::memory_order_relaxed); // a number, no order
    s.blocking = workers.blocking().counters();
    return s;
}

// False: there is no such supervisor (any more), and nobody has the cell.
bool ask_first(address supervisor, const snapshot_limits& limits, completion_cell* cell, bool deadline,
    shared<snapshot_join>* join) {
    bool asked = false;
    inside(supervisor, [&](runtime_home& home) {
        auto made = make_shared_object<snapshot_join>(figures_of(home), limits, cell);
        auto r = make_snapshot_request(supervisor);
        r->ticket = snapshot_ticket(made);
        if (join != nullptr) *join = made;
        if (deadline) made->arm(home.workers.load()->timer_home());
        send(std::move(r)); // refused: the ticket says so
        asked = true;
    });
    return asked;
}

} // namespace

pending_answer ask_for_snapshot(address supervisor, const snapshot_limits& limits) {
    completion_cell* const cell = completion_cell::make(running_block());
    // The deadline gives what there is; the asker's own is for workers that do not come to it.
    constexpr auto more = std::chrono::nanoseconds(std::chrono::seconds(1));
    const auto limit = std::clamp(limits.time(), std::chrono::nanoseconds(0), pending_answer::forever - more);
    try {
        if (!ask_first(supervisor, limits, cell, true, nullptr)) answer_error(cell, errc::noproc);
    } catch (...) { // there is no memory: nobody was asked
        completion_cell::recycle(cell);
        throw;
    }
    return pending_answer(cell, supervisor, limit + more);
}

snapshot snapshot_on_thread(runtime_home& home, address root, const snapshot_limits& limits, executor* driven) {
    struct recycler {
        void operator()(completion_cell* c) const noexcept { completion_cell::recycle(c); }
    };
    const std::unique_ptr<completion_cell, recycler> cell(completion_cell::make(nullptr));
    shared<snapshot_join> join;
    if (!ask_first(root, limits, cell.get(), false, &join)) {
        snapshot s = figures_of(home);
        s.root.path = "/";
        return s;
    }
    if (!wait_for_cell(*cell, limits.time(), driven)) {
        join->expire();
        // Who was a moment faster completes it now.
        (void)wait_for_cell(*cell, pending_answer::forever, driven);
    }
    result<snapshot> s = open_answer<snapshot>(static_cast<envelope*>(cell->payload), errc::noproc);
    if (s) return *std::move(s);
    // The root has ended while it was asked.
    snapshot none = figures_of(home);
    none.root.path = "/";
    return none;
}

} // namespace bastion::detail
