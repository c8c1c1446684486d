#include "supervision/supervisor.hpp"

#include <bastion/supervision/monitor.hpp>
#include <bastion/supervision/spawn.hpp>

#include <mutex>
#include <unordered_set>

namespace bastion {
namespace detail {
namespace {

// Does `work` while the runtime of `where` stands; false: it is gone, or `where` is.
template <class Work>
bool inside(address where, Work&& work) {
    if (where.block == nullptr) return false;
    runtime_home* home = where.block->home;
    if (home == nullptr) return false;
    const bool stranger = !at_home(*home, this_thread());
    const std::size_t stripe = this_stripe();
    if (stranger && !home->entrance.enter(stripe)) return false;
    struct leaver {
        runtime_home* home;
        std::size_t stripe;
        bool stranger;
        ~leaver() {
            if (stranger) home->entrance.leave(stripe);
        }
    } leave{home, stripe, stranger};
    if (!where.block->lives(where.generation) || where.block->inbox.is_closed()) return false;
    work(*home);
    return true;
}

// Gives an element or owner to its owner; false: the owner has ended.
bool hand_over(address to, control_block& child) {
    child.owner.store(to.block, std::memory_order_relaxed);
    child.since_ns = static_cast<std::int64_t>(to.generation);  // until it starts
    return push_signal(*to.block, child.exit_node, signal_kind::adopt);
}

void charge_spawn() noexcept {
    if (strand* s = this_thread().current) --s->budget;
}

child_ref spawn_element(address temporaries, process (*entry)(context), shared<process_body> body, bool is_main) {
    child_ref made;
    charge_spawn();
    inside(temporaries, [&](runtime_home& home) {
        control_block* b = make_block(home);
        b->entry = reinterpret_cast<void (*)()>(entry);
        b->body = body.get();
        if (body) body->add_owner();  // dropped when the block is recycled
        if (is_main) b->owner_flags = child_flag::is_main;
        made = child_ref(b->here());
        if (!hand_over(temporaries, *b)) {
            b->reason = exit_reason(exit_kind::noproc);
            close_block(*b);
            recycle_block(b);
        }
    });
    return made;
}

} // namespace

child_ref spawn_plain(address temporaries, process (*entry)(context), bool is_main) {
    return spawn_element(temporaries, entry, {}, is_main);
}
child_ref spawn_body(address temporaries, shared<process_body> body, bool is_main) {
    return spawn_element(temporaries, nullptr, std::move(body), is_main);
}

const supervisor_ref& supervisor_above(const control_block& block) {
    // Safety: an element runs only while its group does, and the group's frame is its owner object.
    return static_cast<const group&>(owner::of(*block.owner.load(std::memory_order_relaxed))).above();
}
children_ref group_above(const control_block& block) {
    const auto& above = static_cast<const group&>(owner::of(*block.owner.load(std::memory_order_relaxed)));
    return above.is_implicit() ? children_ref() : above.ref();
}

user_data& data_of(control_block& block) {
    static user_data none;
    cold_part* cold = cold_if_any(block);
    return cold != nullptr ? cold->data : none;
}
void panic_wrong_data(const user_data& has, std::string_view wanted) {
    if (has.type == nullptr) panic("ctx.data<" + std::string(wanted) + ">(): the group has no with_data");
    panic("ctx.data<" + std::string(wanted) + ">(): the group's with_data holds a " + std::string(has.type_name));
}

void check_spec(const group_spec& spec) {
    const std::string who = "children(" + (spec.name.empty() ? std::string() : "\"" + spec.name + "\"") + ")" +
                            (spec.where.known() ? " at " + spec.where.to_string() : std::string());
    if (!spec.body) throw bad_spec("bastion: " + who + " has no body: call with_exec or with_handlers");
    if (spec.name.find('/') != std::string::npos)
        throw bad_spec("bastion: " + who + ": a name must not contain '/': it separates the parts of a path");
    if (spec.redundancy > 10'000'000)
        throw bad_spec(
            "bastion: " + who + ": with_redundancy(" + std::to_string(spec.redundancy) + ") is more than 10,000,000");
}

void check_spec(const supervisor_spec& spec) {
    std::unordered_set<std::string_view> names;
    const std::string who = "supervisor(" + (spec.name.empty() ? std::string() : "\"" + spec.name + "\"") + ")" +
                            (spec.where.known() ? " at " + spec.where.to_string() : std::string());
    if (spec.name.find('/') != std::string::npos)
        throw bad_spec("bastion: " + who + ": a name must not contain '/': it separates the parts of a path");
    if (spec.bounded && spec.window.count() <= 0)
        throw bad_spec("bastion: " + who + ": with_intensity needs a window longer than 0");
    for (const child_spec& c : spec.children) {
        const std::string& name = c.group ? c.group->name : c.supervisor->name;
        if (!name.empty() && !names.insert(name).second)
            throw bad_spec(std::string("bastion: ")
                    .append(who)
                    .append(" has two children named \"")
                    .append(name)
                    .append("\": names are unique among siblings"));
        if (c.group) check_spec(*c.group);
        else check_spec(*c.supervisor);
    }
}

address owner_of(address child) noexcept {
    if (child.block == nullptr) return {};
    control_block* o = child.block->owner.load();
    if (o == nullptr) return {};
    const std::uint64_t generation = o->generation.load();
    // An element that lives has an owner that lives.
    return child.block->lives(child.generation) ? address{o, generation} : address{};
}

namespace {

bool send_request(address to, owner_request* r) {
    bool sent = false;
    inside(to, [&](runtime_home&) { sent = push_signal(*to.block, *r, signal_kind::request); });
    return sent;
}

void stop_one(address child, bool kill) {
    const address o = owner_of(child);
    if (o.block == nullptr) return;
    owner_request* r = make_request(request_kind::stop_child, o.generation);
    r->child = child;
    r->kill = kill;
    if (!send_request(o, r)) free_request(r);
}

} // namespace

// By way of its owner, which then knows that it stops and for how long; only the root has none.
void request_stop(address to, bool kill) noexcept {
    if (to.block == nullptr) return;
    if (owner_of(to).block != nullptr) return stop_one(to, kill);
    owner_request* r = make_request(request_kind::stop, to.generation);
    r->for_good = r->seen = true;
    r->kill = kill;
    if (!send_request(to, r)) free_request(r);
}

void request_broadcast(address to, shared<broadcast_source> what) {
    if (to.block == nullptr) return;
    owner_request* r = make_request(request_kind::broadcast, to.generation);
    r->payload = std::move(what);
    if (!send_request(to, r)) free_request(r);
}

pending_answer watch_started(address to, address child, const owner_fate* fate) {
    completion_cell* cell = completion_cell::make(running_block());
    owner_request* r = make_request(request_kind::watch_started, to.generation);
    r->child = child;
    r->cell = cell;
    if (!send_request(to, r)) {
        r->kind = signal_kind::request;
        if (fate != nullptr) {
            const std::lock_guard lock(fate->lock);
            answer_never_started(*r, fate->why);
        }
        discard_signal(*r);
    }
    return pending_answer(cell, to, std::chrono::nanoseconds(-1));
}

namespace {

void notify_down(monitor_record& m, control_block& target, const exit_reason& why, bool returns) noexcept {
    envelope* e = make_envelope<down>(envelope_kind::told, child_ref(target.here()), why, returns);
    e->sender = target.here();
    (void)deliver_notice(m.watcher, e);
}

std::atomic<std::uint64_t> next_monitor{1};

} // namespace

monitor_handle watch(control_block& watcher, address target) {
    const std::uint64_t number = next_monitor.fetch_add(1, std::memory_order_relaxed);  // unique: no order needed
    bool sent = false;
    inside(target, [&](runtime_home&) {
        auto* m = ::new (pool_allocate(sizeof(monitor_record))) monitor_record;
        m->watcher = watcher.here();
        m->number = number;
        m->target_generation = target.generation;
        m->notify = &notify_down;
        m->kind = signal_kind::monitor;
        sent = target.block->lane.push(m) != lane_result::closed;
        if (!sent) {
            m->~monitor_record();
            pool_free(m, sizeof(monitor_record));
            return;
        }
        if (target.block->signals.raise(signal_flags::lane) || target.block->kind == process_kind::system)
            unpark_block(*target.block);
    });
    if (!sent) {
        envelope* e =
            make_envelope<down>(envelope_kind::told, child_ref(target), exit_reason(exit_kind::noproc), false);
        e->sender = target;
        (void)deliver_notice(watcher.here(), e);
    }
    return monitor_handle(target, number);
}

} // namespace detail

void monitor_handle::cancel() noexcept {
    const std::uint64_t number = std::exchange(number_, 0);
    if (number == 0) return;
    detail::inside(target_, [&](detail::runtime_home&) {
        auto* d = ::new (detail::pool_allocate(sizeof(detail::demonitor_request))) detail::demonitor_request;
        d->number = number;
        d->target_generation = target_.generation;
        d->kind = detail::signal_kind::demonitor;
        if (target_.block->lane.push(d) == detail::lane_result::closed) {
            d->~demonitor_request();
            detail::pool_free(d, sizeof(detail::demonitor_request));
        } else if (target_.block->signals.raise(detail::signal_flags::lane) ||
                   target_.block->kind == detail::process_kind::system) {
            detail::unpark_block(*target_.block);
        }
    });
}

void child_ref::stop() const { detail::stop_one(address_, false); }
void child_ref::kill() const { detail::stop_one(address_, true); }

void context::ready() const {
    detail::require_running(*block_, "ctx.ready");
    block_->wait_ready = false;
    detail::send_started(*block_);
}

children_ref supervisor_ref::spawn(children&& group) const {
    auto spec = std::move(group).release();
    detail::check_spec(*spec);
    children_ref made;
    detail::charge_spawn();
    detail::inside(self_, [&](detail::runtime_home& home) {
        detail::group& g = detail::make_group(home, std::move(spec));
        made = g.ref();
        if (!detail::hand_over(self_, g.self())) detail::owner::send_away(g.self());
    });
    return made;
}

supervisor_ref supervisor_ref::spawn(supervisor&& tree) const {
    auto spec = std::move(tree).release();
    detail::check_spec(*spec);
    supervisor_ref made;
    detail::charge_spawn();
    detail::inside(self_, [&](detail::runtime_home& home) {
        detail::supervisor_owner& s = detail::make_supervisor(home, std::move(spec));
        made = s.ref();
        if (!detail::hand_over(self_, s.self())) detail::owner::send_away(s.self());
    });
    return made;
}

} // namespace bastion
