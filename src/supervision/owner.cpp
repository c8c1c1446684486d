#include "supervision/owner.hpp"

#include <bastion/base/chain.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/mailbox/bounded.hpp>

#include <cstdlib>
#include <mutex>
#include <utility>

namespace bastion::detail {
namespace {

// Safety: nodes of these kinds are members of control blocks.
control_block& block_of_node(system_signal& node) noexcept { return *static_cast<block_signal&>(node).block; }

void run_owner(runnable& r, worker&) {
    control_block& b = block_of(r);
    thread_state& thread = this_thread();
    thread.current = &b;
    b.budget = 1 << 30;
    b.life_state.run();
    const must_not_fail certain;
    for (bool alive = true; alive;) {
        system_signal* signal = b.lane.drain();
        if (signal == nullptr) {
            b.life_state.park(false);
            if (b.inbox.park_elsewhere()) break;
            b.life_state.run();
            continue;
        }
        while (signal != nullptr && alive) {
            owner& o = owner::of(b);
            if (o.must_close()) [[unlikely]] {
                alive = o.close_early(signal);
                continue;
            }
            system_signal* next = signal->next;
            alive = o.handle_signal(*signal, next);
            signal = next;
        }
    }
    thread.current = nullptr;
}

void unpark_owner(runnable& r) { unpark_block(block_of(r)); }

} // namespace

const runnable_ops owner_ops{&run_owner, &unpark_owner};

bool has_ignored(const control_block& element) noexcept {
    const cold_part* const cold = cold_if_any(element);
    return cold != nullptr && cold->ignored;
}

control_block* make_owner_block(runtime_home& home) {
    control_block* b = make_block(home);
    b->ops = &owner_ops;
    b->kind = process_kind::system;
    b->owner_flags = child_flag::is_owner;
    try {
        refuse_mail(*b);
    } catch (...) { // there is no memory for the box that refuses
        recycle_block(b);
        throw;
    }
    return b;
}

owner::owner(control_block& self, std::string name, runtime_home& home, std::shared_ptr<owner_fate> fate)
    : self_(self), home_(home), name_(std::move(name)), path_("/" + name_), fate_(std::move(fate)) {
    self_.frame = this;
}

void owner::release() noexcept {
    if (control_block* implicit = stops_first()) of(*implicit).release();
    self_.life_state.park(false);
    // The right to run was its maker's and came with the adoption; a signal may have come already.
    park_block(self_, false);
}

void owner::place(std::string path) {
    path_ = std::move(path);
    placed_ = true;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (has(*c, child_flag::is_owner)) place_below(of(*c));
    if (control_block* implicit = stops_first()) place_below(of(*implicit));
}

void owner::place_below(owner& child) {
    if (placed_) child.place(path_ + "/" + child.name());
}

bool owner::handle_signal(system_signal& signal, system_signal* rest) {
    rest_ = rest;
    switch (signal.kind) {
    case signal_kind::adopt: {
        control_block& child = block_of_node(signal);
        // `since_ns` names whom it was meant for: this block may have been used again in between.
        const bool stays = !ending_for_good_ && !empties_; // else only its spec is left, if that
        if (!stays || static_cast<std::uint64_t>(child.since_ns) != self_.generation.now()) turn_away(child);
        else adopt(child);
        break;
    }
    case signal_kind::exited:
        list(block_of_node(signal));
        child_exited(block_of_node(signal));
        crash_ = {}; // told, unless there was nothing to tell
        break;
    case signal_kind::started: child_started(block_of_node(signal)); break;
    case signal_kind::timer:
    case signal_kind::request: {
        auto& request = static_cast<owner_request&>(signal);
        if (request.owner != self_.here()) {
            discard_signal(signal);
            break;
        }
        request_ptr r(&request);
        if (r->timer != nullptr) {
            if (r->timer->dead) break;
            // Alive: its owner disarms before it lets a child go.
            if (r->child.block != nullptr) r->child.block->owner_timer = nullptr;
        }
        if (r->what == request_kind::order || r->what == request_kind::look) on_question(std::move(r));
        else common_request(*r);
        break;
    }
    case signal_kind::exit: {
        const auto& exit = static_cast<const link_signal&>(signal);
        if (exit.ordered && exit.reason.kind() == exit_kind::killed && exit.target_generation == self_.generation.now())
            kill_by_signal();
        [[fallthrough]]; // all others it ignores, as one that traps exits
    }
    case signal_kind::link:
    case signal_kind::unlink:
    case signal_kind::monitor:
    case signal_kind::demonitor:
    case signal_kind::measure:
    case signal_kind::debug:
        signal.next = nullptr;
        if (!stands_still_ || signal.kind == signal_kind::debug) {
            handle_element_signals(self_, &signal);
        } else if (signal.kind == signal_kind::demonitor) {
            drop_late_monitor(static_cast<const demonitor_request&>(signal).number);
            handle_element_signals(self_, &signal);
        } else {
            signal.next = std::exchange(late_monitors_, &signal);
            if (only_spec_is_left_) refuse_late_monitors();
        }
        break;
    }
    return go_on_living();
}

void owner::on_question(request_ptr r) {
    owner_request* const nobodys = r.release();
    discard_signal(*nobodys);
}

// Whoever watches it, or links to it, finds nobody: it comes back only when somebody starts it.
void owner::refuse_late_monitors() noexcept {
    handle_element_signals(self_, reversed(std::exchange(late_monitors_, nullptr)));
    notify_monitors(self_, exit_reason(exit_kind::noproc), false);
}

void owner::drop_late_monitor(std::uint64_t number) noexcept {
    for (system_signal** at = &late_monitors_; *at != nullptr; at = &(*at)->next) {
        if ((*at)->kind != signal_kind::monitor) continue;
        auto* const m = static_cast<monitor_record*>(*at);
        if (m->number != number) continue;
        *at = m->next;
        if (m->member_of != nullptr) m->member_of->drop_owner();
        return pool_delete(m);
    }
}

void owner::admit_late_monitors() noexcept {
    stands_still_ = only_spec_is_left_ = false;
    handle_element_signals(self_, reversed(std::exchange(late_monitors_, nullptr)));
}

// By `ref.exit(killed)`: its children are killed, and its own owner decides whether it comes back.
void owner::kill_by_signal() {
    if (!running_) return;
    if (is_root_) announce_end(self_, true); // nobody starts the root again
    why_ = exit_reason(exit_kind::killed);
    natural_ = true;
    undecided_ = expects_no_return();
    plan_stop(is_root_, true);
}

bool owner::close_early(system_signal* rest) {
    rest_ = rest;
    plan_stop(true, (self_.signals.now() & signal_flags::kill) != 0);
    return go_on_living();
}

// False: it has ended for good, and the object may be gone.
bool owner::go_on_living() {
    if (phase_ != phase::ending) return true;
    const bool for_good = ending_for_good_;
    end(for_good);
    return !for_good;
}

void owner::common_request(owner_request& r) {
    switch (r.what) {
    case request_kind::start:
        if (!running_ && phase_ == phase::idle && !ending_for_good_) {
            admit_late_monitors();
            if (!std::exchange(listed_, true) && home_.hooks.names != nullptr) {
                try {
                    list_in(*home_.hooks.names);
                } catch (const std::bad_alloc&) {} // then its path finds nobody
            }
            plan_start(on_start());
        }
        break;
    case request_kind::stop:
        // It stands still, and its exit signal is on the way to the sender: the node must not be pushed again.
        if (!running_ && phase_ == phase::idle && !r.seen) break;
        if (r.reason.kind() != exit_kind::normal) why_ = r.reason;
        undecided_ = undecided_ || r.undecided;
        plan_stop(r.for_good, r.kill, r.empties);
        break;
    case request_kind::tell_monitors:
        notify_monitors(self_, r.reason, !r.for_good);
        if (r.for_good && stands_still_) {
            only_spec_is_left_ = true;
            refuse_late_monitors();
        }
        break;
    case request_kind::stop_child: stop_child(r); break;
    case request_kind::watch_started: {
        control_block* child = r.child.block;
        const bool own = child == nullptr;
        const bool lives = own || lists(r.child);
        completion_cell* cell = std::exchange(r.cell, nullptr);
        const bool nobody_starts_it = own && (empties_ || ended_unstarted());
        if (!lives || nobody_starts_it) answer_never_started(cell, exit_reason(exit_kind::noproc));
        else if (own ? announced_ : state_of(*child) == child_state::up) answer_started(cell);
        else watchers_.insert({child, {cell, false}});
        break;
    }
    case request_kind::broadcast: pass_on(*r.payload); break;
    case request_kind::snapshot: answer_snapshot(r); break;
    case request_kind::deadline: order_stop(*r.child.block, has(*r.child.block, child_flag::for_good), true); break;
    case request_kind::grace: still_running(*r.child.block); break;
    case request_kind::given_up: give_up(r); break;
    case request_kind::not_given_up: ask_to_give_up(*r.child.block); break;
    case request_kind::start_timeout:
        aside_.emplace_back(r.child.block, reason_or(exit_kind::error, [] {
            return exit_reason::error("it did not call ctx.ready() within its start time-out");
        }));
        set(*r.child.block, child_flag::callback_fault);
        order_stop(*r.child.block, false, true);
        break;
    case request_kind::backoff_over:
        set_state(*r.child.block, child_state::down);
        if (phase_ == phase::idle) restart(*r.child.block);
        else restarts_due_.push_back(r.child);
        break;
    default: on_request(r);
    }
}

void owner::stop_child(const owner_request& r) {
    control_block& child = *r.child.block;
    if (!lists(r.child)) return; // it has ended, or was turned away
    if (has(child, child_flag::killed)) {
        set(child, child_flag::for_good);
        return;
    }
    if (state_of(child) == child_state::up || state_of(child) == child_state::starting ||
        (state_of(child) == child_state::stopping && r.kill)) {
        if (state_of(child) == child_state::starting && !has(child, child_flag::is_owner))
            stopped_in_start_.push_back(&child);
        order_stop(child, true, r.kill);
    } else if (state_of(child) == child_state::stopping) {
        set(child, child_flag::for_good);
    } else {
        child.reason = exit_reason(exit_kind::stopped);
        set(child, child_flag::for_good);
        finalize(child);
    }
    go_on();
}

void owner::terminate_by_ref(owner_request& r) {
    completion_cell* const cell = std::exchange(r.cell, nullptr);
    if (r.child.block == nullptr || !r.child.block->lives(r.child.generation))
        return answer_started(cell); // it has ended
    control_block& child = *r.child.block;
    if (child.owner.now() != &self_) return answer_error(cell, errc::not_found);
    ends_.insert({&child, cell});
    stop_child(r);
}

std::string described(const running_function& f) {
    return "a blocking function (" + f.given_at.to_string() + ") that has run for " + readable(f.runs_for);
}

bool owner::runtime_stops() const noexcept {
    const control_block* root = &self_;
    while (const control_block* above = root->owner.now()) root = above;
    return (root->signals.now() & signal_flags::closing) != 0;
}

// A grace time after its kill. It runs: what it has in hand is not ours to read.
void owner::still_running(control_block& child) {
    const auto function = home_.workers.load()->blocking().asked_by(&child);
    const bool gives_up = home_.gives_up_who_is_stuck && !function;
    const std::string next = said([&] {
        return (function ? "waits after a kill for " + described(*function) : std::string("still runs after a kill")) +
               (home_.exit_when_stuck ? ": the program ends"
                   : gives_up         ? ": to be given up"
                                      : ": waiting");
    });
    if (gives_up) ask_to_give_up(child);
    else if (function && home_.gives_up_who_is_stuck)
        arm(child, request_kind::not_given_up, home_.kill_grace); // it may run when that has returned
    announce({said([&] { return path_of(child); }), exit_reason(exit_kind::killed), next, {}, 0,
        static_cast<int>(child.restarts)});
    if (home_.hooks.stop_is_kept != nullptr && runtime_stops())
        home_.hooks.stop_is_kept(home_.hooks.runtime_data, child);
    if (home_.exit_when_stuck) std::_Exit(1);
}

void owner::tell_parent_started() {
    announced_ = true;
    answer_watchers(nullptr, nullptr);
    control_block* parent = self_.owner.now();
    if (parent != nullptr) push_signal(*parent, self_.start_node, signal_kind::started);
}

void owner::answer_watchers(control_block* child, const exit_reason* why, bool declined) {
    if (watchers_.empty()) return;
    for (auto at = watchers_.find(child); at != watchers_.end(); at = watchers_.find(child)) {
        const auto [cell, ordered] = at->second;
        watchers_.erase(at);
        if (ordered && (why == nullptr || declined)) answer_started_child(*child, cell, declined);
        else if (why == nullptr) answer_started(cell);
        else if (ordered && running_ && why->kind() != exit_kind::start_failed) // somebody has stopped it meanwhile
            answer_never_started(cell, reason_or(exit_kind::start_failed, [&] {
                return exit_reason::of_child(exit_kind::start_failed, child_name(*child), *why);
            }));
        else answer_never_started(cell, *why);
    }
}

void owner::answer_ends(const control_block& child) noexcept {
    if (ends_.empty()) return;
    const auto [first, last] = ends_.equal_range(&child);
    for (auto at = first; at != last; ++at) answer_started(at->second);
    ends_.erase(first, last);
}

// All children have ended: this owner's own end, or its standstill until the parent decides.
void owner::end(bool for_good) {
    phase_ = phase::idle;
    on_end();
    if (!for_good) {
        const exit_reason ordered(kill_all_ ? exit_kind::killed : exit_kind::stopped);
        self_.reason = why_.kind() == exit_kind::normal && !ended_by_itself_ ? ordered : why_;
        const exit_reason noproc(exit_kind::noproc);
        if (holds_nothing()) answer_watchers(nullptr, &noproc); // nobody starts it
        leave_with_incarnation(self_); // whether it comes back may be decided much later
        self_.life_state.await_decision();
        stands_still_ = true;
    } else {
        const bool had_ended = stands_still_; // then that was its end, however it is disposed of
        admit_late_monitors();
        if (why_.kind() == exit_kind::normal && !silent_ && !ended_by_itself_)
            why_ = had_ended ? self_.reason : exit_reason(kill_all_ ? exit_kind::killed : exit_kind::stopped);
        self_.reason = why_;
        answer_watchers(nullptr, &why_);
        gone_ = true;
        {
            const std::lock_guard lock(fate_->lock);
            fate_->why = why_;
        }
        // What is left in the lane speaks of nobody who lives.
        discard_all(rest_);
        discard_all(self_.lane.close());
        close_block(self_);
        self_.life_state.exit();
    }
    // After this step the object may be gone.
    control_block* parent = self_.owner.at_end();
    if (parent != nullptr) {
        push_signal(*parent, self_.exit_node, signal_kind::exited);
    } else if (is_root_) {
        if (home_.hooks.root_ended != nullptr) home_.hooks.root_ended(home_.hooks.runtime_data, self_.reason);
    } else if (for_good) { // turned away
        runtime_home& home = home_;
        recycle_block(&self_);
        drop_owner();
        home.turned_away.fetch_sub(1);
    }
}

void owner::discard_all(system_signal* oldest) {
    while (oldest != nullptr) {
        system_signal* s = oldest;
        oldest = s->next;
        switch (s->kind) {
        case signal_kind::adopt: turn_away(block_of_node(*s)); break;
        case signal_kind::request: {
            auto& r = static_cast<owner_request&>(*s);
            if (r.what == request_kind::watch_started && r.owner == self_.here() && r.child.block == nullptr)
                answer_never_started(std::exchange(r.cell, nullptr), why_);
            discard_signal(r);
            break;
        }
        case signal_kind::timer: discard_signal(*s); break;
        case signal_kind::link:
        case signal_kind::unlink:
        case signal_kind::exit:
        case signal_kind::monitor:
        case signal_kind::demonitor:
        case signal_kind::measure:
        case signal_kind::debug:
            s->next = nullptr;
            handle_element_signals(self_, s);
            break;
        case signal_kind::exited:
        case signal_kind::started: break;
        }
    }
}

} // namespace bastion::detail
