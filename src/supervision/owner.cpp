#include "supervision/owner.hpp"

#include <bastion/mailbox/meta.hpp>

#include <cstdlib>
#include <mutex>
#include <utility>

namespace bastion::detail {
namespace {

// "20 ms", "1.5 s": for reports.
std::string readable(std::chrono::nanoseconds d) {
    const auto ns = d.count();
    auto in = [ns](std::int64_t unit, const char* name) {
        std::string text = std::to_string(ns / unit);
        if (const auto tenth = ns % unit * 10 / unit; ns / unit < 10 && tenth != 0) text += "." + std::to_string(tenth);
        return text + " " + name;
    };
    if (ns >= 1'000'000'000) return in(1'000'000'000, "s");
    if (ns >= 1'000'000) return in(1'000'000, "ms");
    return in(1'000, "us");
}

// Safety: nodes of these kinds are members of control blocks.
control_block& block_of_node(system_signal& node) noexcept { return *static_cast<block_signal&>(node).block; }

void run_owner(runnable& r, worker&) {
    control_block& b = block_of(r);
    thread_state& thread = this_thread();
    thread.current = &b;
    b.budget = 1 << 30;
    b.life_state.run();
    for (bool alive = true; alive;) {
        system_signal* signal = b.lane.drain();
        if (signal == nullptr) {
            b.life_state.park(false);
            if (b.inbox.park_elsewhere()) break;
            b.life_state.run();
            continue;
        }
        while (signal != nullptr && alive) {
            system_signal* next = signal->next;
            alive = owner::of(b).handle_signal(*signal, next);
            signal = next;
        }
    }
    thread.current = nullptr;
}

// Completes the cell of somebody who waits for a start: `why` null: it has started.
void answer_started(completion_cell* cell, exit_kind kind, const exit_reason* why) noexcept {
    envelope* e = make_envelope<started_mark>(envelope_kind::answer);
    e->generation = envelope_bytes<started_mark>;
    if (kind == exit_kind::normal) return complete_with(cell, e);
    e->set_meta(meta_object<started_mark>, envelope_kind::asked);
    e->reply.cell = cell;
    answer_with_error(e, kind == exit_kind::noproc ? errc::noproc : errc::start_failed, why);
}

void unpark_owner(runnable& r) { unpark_block(block_of(r)); }

void push_timer(late_timer& t) {
    auto& timer = static_cast<owner_timer&>(t);
    control_block* b = timer.owner.block;
    if (!b->lives(timer.owner.generation) || !push_signal(*b, *timer.request, signal_kind::timer))
        free_request(timer.request);
}
void drop_timer(late_timer& t) { free_request(static_cast<owner_timer&>(t).request); }

} // namespace

const runnable_ops owner_ops{&run_owner, &unpark_owner};

owner_request* make_request(request_kind what, std::uint64_t owner_generation) {
    auto* r = ::new (pool_allocate(sizeof(owner_request))) owner_request;
    r->what = what;
    r->owner_generation = owner_generation;
    return r;
}
void free_request(owner_request* r) noexcept {
    delete r->timer;
    r->~owner_request();
    pool_free(r, sizeof(owner_request));
}

void discard_signal(system_signal& signal) noexcept {
    if (signal.kind == signal_kind::adopt) return owner::send_away(block_of_node(signal));
    if (signal.kind != signal_kind::request && signal.kind != signal_kind::timer) return;
    auto& r = static_cast<owner_request&>(signal);
    answer_never_started(r, exit_reason());
    free_request(&r);
}

void answer_never_started(owner_request& r, const exit_reason& why) noexcept {
    if (r.cell == nullptr) return;
    if (why.kind() == exit_kind::start_failed)
        answer_started(std::exchange(r.cell, nullptr), exit_kind::start_failed, &why);
    else answer_started(std::exchange(r.cell, nullptr), exit_kind::noproc, nullptr);
}

owner_timer::owner_timer(address o, owner_request* r, worker& w) noexcept
    : late_timer(&push_timer, &drop_timer), owner(o), request(r), wheel(w) {
    r->timer = this;
}

control_block* make_owner_block(runtime_home& home) {
    control_block* b = make_block(home);
    b->ops = &owner_ops;
    b->kind = process_kind::system;
    b->owner_flags = child_flag::is_owner;
    return b;
}

owner::owner(control_block& self, std::string name, runtime_home& home)
    : self_(self), home_(home), name_(std::move(name)), path_("/" + name_) {
    self_.frame = this;
}

void owner::release() noexcept {
    if (control_block* implicit = stops_first()) of(*implicit).release();
    self_.life_state.park(false);
    // The right to run was its maker's and came with the adoption; a signal may have come already.
    if (!self_.inbox.park_elsewhere()) schedule_block(self_, this_thread());
}

void owner::set_path(std::string path) {
    path_ = std::move(path);
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (has(*c, child_flag::is_owner)) of(*c).set_path(path_ + "/" + of(*c).name());
    if (control_block* implicit = stops_first()) of(*implicit).set_path(path_ + "/" + of(*implicit).name());
}

bool owner::handle_signal(system_signal& signal, system_signal* rest) {
    rest_ = rest;
    switch (signal.kind) {
    case signal_kind::adopt: {
        control_block& child = block_of_node(signal);
        // `since_ns` names whom it was meant for: this block may have been used again in between.
        if (ending_for_good_ ||
            static_cast<std::uint64_t>(child.since_ns) != self_.generation.load(std::memory_order_relaxed))
            send_away(child);
        else adopt(child);
        break;
    }
    case signal_kind::exited: child_exited(block_of_node(signal)); break;
    case signal_kind::started: child_started(block_of_node(signal)); break;
    case signal_kind::timer:
    case signal_kind::request: {
        auto& r = static_cast<owner_request&>(signal);
        if (r.owner_generation != self_.generation.load(std::memory_order_relaxed)) {
            discard_signal(signal);
            break;
        }
        if (r.timer != nullptr) {
            const bool dead = r.timer->dead;
            if (!dead) {
                r.child.block->owner_timer = nullptr;  // alive: its owner disarms before it lets a child go
                common_request(r);
            }
        } else {
            common_request(r);
        }
        free_request(&r);
        break;
    }
    case signal_kind::monitor:
    case signal_kind::demonitor:
        signal.next = nullptr;
        handle_element_signals(self_, &signal);
        break;
    }
    if (phase_ != phase::ending) return true;
    const bool for_good = ending_for_good_;
    end(for_good);
    return !for_good;  // the object may be gone
}

void owner::common_request(owner_request& r) {
    switch (r.what) {
    case request_kind::start:
        if (!running_ && phase_ == phase::idle && !ending_for_good_) {
            on_start();
            plan_start();
        }
        break;
    case request_kind::stop:
        // It stands still, and its exit signal is on the way to the sender: the node must not be pushed again.
        if (!running_ && phase_ == phase::idle && !r.seen) break;
        if (r.reason.kind() != exit_kind::normal) why_ = r.reason;
        undecided_ = undecided_ || r.undecided;
        plan_stop(r.for_good, r.kill);
        break;
    case request_kind::stop_child: {
        control_block& child = *r.child.block;
        // Without this owner: it was turned away.
        if (!child.lives(r.child.generation) || child.owner.load(std::memory_order_relaxed) != &self_) break;
        if (has(child, child_flag::killed)) {
            set(child, child_flag::for_good);
            break;
        }
        if (state_of(child) == child_state::up || state_of(child) == child_state::starting ||
            (state_of(child) == child_state::stopping && r.kill)) {
            order_stop(child, true, r.kill);
        } else if (state_of(child) == child_state::stopping) {
            set(child, child_flag::for_good);
        } else {
            child.reason = exit_reason(exit_kind::stopped);
            set(child, child_flag::for_good);
            finalize(child);
        }
        go_on();
        break;
    }
    case request_kind::watch_started: {
        control_block* child = r.child.block;
        const bool own = child == nullptr;
        const bool lives = own || child->lives(r.child.generation);
        completion_cell* cell = std::exchange(r.cell, nullptr);
        if (!lives) answer_started(cell, exit_kind::noproc, nullptr);
        else if (own ? announced_ : state_of(*child) == child_state::up)
            answer_started(cell, exit_kind::normal, nullptr);
        else watchers_.push_back({r.child, cell});
        break;
    }
    case request_kind::broadcast: pass_on(*r.payload); break;
    case request_kind::deadline: order_stop(*r.child.block, has(*r.child.block, child_flag::for_good), true); break;
    case request_kind::grace:
        // It runs: what it has in hand is not ours to read.
        if (home_.hooks.report != nullptr) {
            const std::string where = path_ + "/" + child_name(*r.child.block);
            const exit_reason killed(exit_kind::killed);
            home_.hooks.report(
                home_.hooks.runtime_data, {where, killed,
                                              home_.exit_when_stuck ? "still runs after a kill: the program ends"
                                                                    : "still runs after a kill: waiting",
                                              {}, 0, static_cast<int>(r.child.block->restarts)});
        }
        if (home_.exit_when_stuck) std::_Exit(1);
        break;
    case request_kind::start_timeout:
        aside_.emplace_back(r.child.block, exit_reason::error("it did not call ctx.ready() within its start time-out"));
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

// ---- the plan ------------------------------------------------------------------------------------------------------

void owner::plan_start() {
    running_ = true;
    announced_ = kill_all_ = silent_ = undecided_ = false;
    why_ = exit_reason();
    restarting_ = true;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) set(*c, child_flag::in_plan);
    phase_ = phase::starting;
    cursor_ = children_.front();
    progress();
}

void owner::plan_restart_of_marked() {
    restarting_ = true;
    phase_ = phase::stopping;
    cursor_ = children_.back();
    progress();
}

void owner::plan_stop(bool for_good, bool kill) {
    running_ = false;
    restarting_ = false;
    ending_for_good_ = ending_for_good_ || for_good;
    kill_all_ = kill_all_ || kill;
    restarts_due_.clear();
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        set(*c, child_flag::in_plan);
        if (kill && state_of(*c) == child_state::stopping && !has(*c, child_flag::killed))
            order_stop(*c, for_good, true);
    }
    if (control_block* first = stops_first(); kill && first != nullptr && state_of(*first) == child_state::stopping)
        order_stop(*first, for_good, true);
    phase_ = phase::stopping;
    cursor_ = children_.back();
    progress();
}

void owner::progress() {
    while (phase_ == phase::stopping) {
        if (!restarting_) {
            if (control_block* first = stops_first(); first != nullptr) {
                if (state_of(*first) == child_state::stopping) return;
                if (state_of(*first) == child_state::up || state_of(*first) == child_state::starting) {
                    order_stop(*first, ending_for_good_, kill_all_);
                    return;
                }
                if (ending_for_good_) {
                    order_stop(*first, true, kill_all_);
                    return;
                }
            }
        }
        control_block* c = cursor_;
        if (c == nullptr) {
            phase_ = restarting_ ? phase::starting : phase::ending;
            cursor_ = children_.front();
            break;
        }
        if (!has(*c, child_flag::in_plan)) {
            cursor_ = children_.prev(c);
            continue;
        }
        switch (state_of(*c)) {
        case child_state::stopping: return;
        case child_state::starting:
        case child_state::up: order_stop(*c, !restarting_ && ending_for_good_, kill_all_); return;
        case child_state::backing_off:
            disarm(*c);
            set_state(*c, child_state::down);
            [[fallthrough]];
        case child_state::down:
        case child_state::unborn:
            if (!restarting_ && ending_for_good_) {
                if (has(*c, child_flag::is_owner)) {  // it disposes of its own children first
                    order_stop(*c, true, kill_all_);
                    return;
                }
                c->reason = exit_reason(exit_kind::stopped);
                finalize(*c);  // moves the cursor
            } else {
                cursor_ = children_.prev(c);
            }
        }
    }
    while (phase_ == phase::starting) {
        control_block* c = cursor_;
        if (c == nullptr) {
            phase_ = phase::idle;
            for (auto* x = children_.front(); x != nullptr; x = children_.next(x)) clear(*x, child_flag::in_plan);
            if (!announced_) tell_parent_started();
            while (phase_ == phase::idle && running_ && !restarts_due_.empty()) {
                const address due = restarts_due_.front();
                restarts_due_.pop_front();
                if (due.block->lives(due.generation) && state_of(*due.block) == child_state::down) restart(*due.block);
            }
            start_arrivals();
            if (phase_ == phase::idle && running_ && children_.empty()) on_empty();
            return;
        }
        if (has(*c, child_flag::in_plan)) {
            if (state_of(*c) == child_state::starting || state_of(*c) == child_state::stopping) return;
            if (state_of(*c) == child_state::down || state_of(*c) == child_state::unborn) {
                start_child(*c);
                if (cursor_ != c) continue;  // it did not start, and is gone
                if (state_of(*c) == child_state::starting || phase_ != phase::starting) return;
                if (state_of(*c) != child_state::up) {
                    cursor_ = children_.next(c);
                    continue;
                }
            }
        }
        cursor_ = children_.next(c);
    }
}

// Late additions start in the order they came, each when the one before counts as started. Restarts do not wait for
// them.
void owner::start_arrivals() {
    while (running_ && phase_ == phase::idle && !arrivals_.empty()) {
        const address next = arrivals_.front();
        if (next.block->lives(next.generation) && state_of(*next.block) == child_state::unborn)
            start_child(*next.block);
        if (next.block->lives(next.generation) && state_of(*next.block) == child_state::starting) return;
        arrivals_.pop_front();
    }
}

void owner::go_on() {
    if (phase_ != phase::idle) progress();
    else start_arrivals();
}

// ---- one child -----------------------------------------------------------------------------------------------------

void owner::start_child(control_block& child) {
    using moment = bastion::callbacks::moment;
    const bool again = has(child, child_flag::was_started);
    clear(child, child_flag::killed | child_flag::for_good | child_flag::callback_fault);
    set_state(child, child_state::starting);
    if (again) notify_monitors(child, child.reason, true);  // whom nobody could tell before
    if (auto fault = call(again ? moment::before_restart : moment::before_start, child, child.reason)) {
        child.reason = std::move(*fault);
        set_state(child, child_state::down);
        set(child, child_flag::was_started);
        if (again) decide(child, true);
        else start_failed(child);
        return;
    }
    child.since_ns = now();
    set(child, child_flag::was_started);
    if (again) {
        ++child.incarnation;
        ++child.restarts;
        if (callbacks_of(child).at(moment::after_restart)) before_[&child] = child.reason;
    }
    if (launch(child, again)) return;
    set_state(child, child_state::down);
    decide(child, true);
}

void owner::child_started(control_block& child) {
    if (state_of(child) != child_state::starting) return;
    disarm(child);
    set_state(child, child_state::up);
    answer_watchers(&child, nullptr);
    if (auto fault = call_after(child)) {
        // The incarnation is ended because its callback threw.
        aside_.emplace_back(&child, std::move(*fault));
        set(child, child_flag::callback_fault);
        order_stop(child, false, true);
        return;
    }
    go_on();
}

void owner::child_exited(control_block& child) {
    disarm(child);
    const child_state before = state_of(child);
    set_state(child, child_state::down);
    // Monitors made while this incarnation lived watch this one, also when it did not look at its lane any more.
    if (!has(child, child_flag::is_owner) && child.life_state.now() != life::exited)
        handle_element_signals(child, child.lane.drain());
    if (&child == stops_first() && !has(child, child_flag::for_good)) {
        progress();  // the implicit group stands still until its supervisor starts again
        return;
    }
    if (has(child, child_flag::callback_fault)) {
        for (auto it = aside_.begin(); it != aside_.end(); ++it) {
            if (it->first != &child) continue;
            child.reason = std::move(it->second);
            aside_.erase(it);
            break;
        }
        clear(child, child_flag::callback_fault | child_flag::killed);
        if (has(child, child_flag::for_good) || ending_for_good_) finalize(child);
        else if (stays_for_next_start(child))
            ;  // nothing is decided while its owner stands still
        else if (child.wait_ready && !child.started_sent) start_failed(child);
        else decide(child);
        go_on();
        return;
    }
    const bool owner_gone = has(child, child_flag::is_owner) && of(child).gone();
    const bool over = child.life_state.now() == life::exited;  // it had ended for good before the order reached it
    if (has(child, child_flag::for_good) || owner_gone || (over && before == child_state::stopping)) {
        finalize(child);
    } else if (before == child_state::stopping) {
        // Ordered: its plan goes on.
        if (has(child, child_flag::in_plan)) {
            if (child.reason.is_fault() && !has(child, child_flag::is_owner))
                report(child, child.reason, restarting_ ? "restarts with its siblings" : "restarts with its owner");
            // Otherwise this owner failed: whether it comes back is known when its own owner has decided.
            if (restarting_ || !undecided_) notify_monitors(child, child.reason, true);
        } else {
            decide(child);
        }
    } else if (before == child_state::starting && (child.wait_ready || has(child, child_flag::is_owner))) {
        start_failed(child);
    } else {
        if (before == child_state::starting) {
            set_state(child, child_state::up);
            answer_watchers(&child, nullptr);
            if (auto fault = call_after(child)) child.reason = std::move(*fault);
            set_state(child, child_state::down);
        }
        // In a set that is being stopped anyway: it will be started with the others, and spends no try of its own.
        const restart_when when = when_of(child);
        const bool comes_back =
            phase_ == phase::stopping && restarting_ && has(child, child_flag::in_plan) &&
            child.life_state.now() != life::exited &&
            (when == restart_when::permanent || (when == restart_when::transient && child.reason.is_fault()));
        if (comes_back) {
            if (child.reason.is_fault()) report(child, child.reason, "restarts with its siblings");
            notify_monitors(child, child.reason, true);
        } else if (stays_for_next_start(child)) {
            if (child.reason.is_fault()) report(child, child.reason, "restarts with its owner");
        } else {
            decide(child);
        }
    }
    go_on();
}

// It ended while its owner stops for a restart: started again with the others, if the owner is.
bool owner::stays_for_next_start(const control_block& child) const noexcept {
    const restart_when when = when_of(child);
    return phase_ == phase::stopping && !restarting_ && !ending_for_good_ && child.life_state.now() != life::exited &&
           (when == restart_when::permanent || (when == restart_when::transient && child.reason.is_fault()));
}

void owner::order_stop(control_block& child, bool for_good, bool kill) {
    if (for_good) set(child, child_flag::for_good);
    const bastion::shutdown how = shutdown_of(child);
    const bool brutal = kill || how.is_brutal();
    disarm(child);
    if (has(child, child_flag::is_owner)) {
        const child_state before = state_of(child);
        set_state(child, child_state::stopping);
        owner_request* r = make_request(request_kind::stop, child.generation.load(std::memory_order_relaxed));
        r->for_good = for_good;
        r->kill = kill;
        r->undecided = undecided_;
        r->seen = before == child_state::unborn || before == child_state::down || before == child_state::backing_off;
        if (!push_signal(child, *r, signal_kind::request)) free_request(r);
        if (!kill && !how.is_infinite()) arm(child, request_kind::deadline, how.time());
        return;
    }
    if (child.policy == restart_when::temporary) set(child, child_flag::for_good);
    set_state(child, child_state::stopping);
    if (brutal) {
        set(child, child_flag::killed);
        (void)child.signals.raise(signal_flags::kill);
        arm(child, request_kind::grace, home_.kill_grace);
    } else {
        (void)child.signals.raise(signal_flags::stop);
        if (!how.is_infinite()) arm(child, request_kind::deadline, how.time());
    }
    request_stop_token(child);
    unpark_block(child);
}

void owner::decide(control_block& child, bool later) {
    const exit_reason& why = child.reason;
    const restart_when when = when_of(child);
    const bool wanted = when == restart_when::permanent || (when == restart_when::transient && why.is_fault());
    const bool quiet = has(child, child_flag::is_owner) && of(child).silent();
    if (is_root_ && running_ && why.kind() == exit_kind::intensity) {
        // Nobody is left to decide: the last resort is a clean stop of the runtime.
        report(child, why, "reached the root: the runtime stops");
        fail_upwards(exit_reason(why));
        return;
    }
    // An element that came to its end for good closed itself: then a callback failed.
    const bool over = child.life_state.now() == life::exited;
    if (!wanted || !running_ || over) {
        if (why.is_fault() && !quiet)
            report(child, why,
                over && wanted ? "had ended"
                : !running_    ? "ends: its owner stops"
                               : "ends: it is temporary");
        finalize(child);
        return;
    }
    const bastion::restart_strategy strategy = restart_of(child);
    const std::int64_t t = now();
    if (t - child.since_ns >= strategy.health().count()) child.tries = 0;
    if (strategy.limited() && child.tries >= strategy.max_tries()) {
        if (!quiet)
            report(child, why,
                strategy.max_tries() == 0 ? std::string("ends: it is never restarted")
                                          : "ends: out of tries (" + std::to_string(strategy.max_tries()) + ")");
        finalize(child);
        return;
    }
    ++child.tries;
    const auto delay = strategy.delay(child.tries, this_thread().current_worker->random());
    if (why.is_fault() && !quiet) {
        if (home_.hooks.report != nullptr) {
            std::string next = "restarts now";
            if (delay.count() > 0) next = "restarts in " + readable(delay);
            report(child, why, next);
        }
    }
    notify_monitors(child, why, true);
    if (delay.count() > 0 || later) {
        set_state(child, child_state::backing_off);
        arm(child, request_kind::backoff_over, delay);
    } else if (phase_ == phase::idle) {
        restart(child);
    } else {
        clear(child, child_flag::in_plan); // not the plan starts it again: its restart is one of its own
        restarts_due_.push_back(child.here());
    }
}

// The child has ended for good: everything that is known of it goes.
void owner::finalize(control_block& child) {
    disarm(child);
    const bool main = has(child, child_flag::is_main);
    const exit_reason why = child.reason;
    const bool is_owner = has(child, child_flag::is_owner);
    if (is_owner && !of(child).gone()) { // its children first
        order_stop(child, true, false);
        return;
    }
    if (cursor_ == &child) cursor_ = phase_ == phase::stopping ? children_.prev(&child) : children_.next(&child);
    if (child.life_state.now() != life::exited) {
        close_block(child);
        child.life_state.exit();
    }
    answer_watchers(&child, &why);
    before_.erase(&child);
    if (has(child, child_flag::was_started)) {
        if (auto fault = call(bastion::callbacks::moment::after_stop, child, why))
            report(child, *fault, "its after_stop callback failed");
    }
    if (stops_first() != &child) children_.erase(&child);
    forget(child);
    owner* below = is_owner ? &of(child) : nullptr;
    recycle_block(&child);
    if (below != nullptr) below->drop_owner();
    if (main && home_.hooks.main_ended != nullptr) home_.hooks.main_ended(home_.hooks.runtime_data, why);
    if (phase_ == phase::idle && running_ && children_.empty()) on_empty();
}

void owner::start_failed(control_block& child) {
    const exit_reason why = exit_reason::of_child(exit_kind::start_failed, child_name(child), child.reason);
    if (announced_) {
        // A restart, or a late addition: a failed restart counts as one more try; a failed addition goes.
        if (child.restarts > 0) {
            decide(child);
        } else {
            report(child, child.reason, "did not start");
            answer_watchers(&child, &why);
            finalize(child);
        }
        return;
    }
    report(child, child.reason, "did not start: its owner fails");
    answer_watchers(&child, &why);
    fail_upwards(why);
}

void owner::fail_upwards(exit_reason why) {
    why_ = std::move(why);
    silent_ = undecided_ = true;
    answer_watchers(nullptr, &why_);
    plan_stop(is_root_, false); // nobody starts the root again
}

void owner::refuse(control_block& child, const std::string& why) {
    report(child, exit_reason::error(why), "does not start");
    child.reason = exit_reason::of_child(exit_kind::start_failed, child_name(child), exit_reason::error(why));
    children_.push_back(&child);
    if (has(child, child_flag::is_owner)) {
        of(child).set_name(child_name(child) + " (refused)");
        set(child, child_flag::for_good);
        set_state(child, child_state::stopping);
        of(child).release();
        owner_request* r = make_request(request_kind::stop, child.generation.load(std::memory_order_relaxed));
        r->for_good = r->kill = r->seen = true;
        r->reason = child.reason;
        if (!push_signal(child, *r, signal_kind::request)) free_request(r);
    } else {
        set_state(child, child_state::down);
        finalize(child);
    }
}

void owner::send_away(control_block& child) noexcept {
    if (has(child, child_flag::is_owner)) {
        // It may be running by now, for a stop request of its spawner: it ends by itself.
        child.owner.store(nullptr);
        child.home->turned_away.fetch_add(1);
        of(child).release();
        owner_request* r = make_request(request_kind::stop, child.generation.load(std::memory_order_relaxed));
        r->for_good = r->kill = r->seen = true;
        if (!push_signal(child, *r, signal_kind::request)) free_request(r);
        return;
    }
    child.reason = exit_reason(exit_kind::noproc);
    close_block(child);
    recycle_block(&child);
}

void owner::abandon(owner& o) noexcept {
    while (control_block* child = o.children_.pop_front()) {
        if (has(*child, child_flag::is_owner)) abandon(of(*child));
        else send_away(*child);
    }
    if (control_block* temporaries = o.stops_first()) abandon(of(*temporaries));
    control_block& b = o.self_;
    close_block(b);
    recycle_block(&b);
    o.drop_owner();
}

void owner::request_child(control_block& child, request_kind what) {
    owner_request* r = make_request(what, child.generation.load(std::memory_order_relaxed));
    if (!push_signal(child, *r, signal_kind::request)) free_request(r);
}

// ---- helpers -------------------------------------------------------------------------------------------------------

std::optional<exit_reason> owner::call(
    bastion::callbacks::moment when, control_block& child, const exit_reason& reason) {
    const auto& f = callbacks_of(child).at(when);
    if (!f) return {};
    const std::string where = path_ + "/" + child_name(child);
    try {
        f(bastion::event(child_ref(child.here()), where, reason, static_cast<int>(child.restarts)));
        return {};
    } catch (...) { return reason_of_current_exception(); }
}

// after_start or after_restart.
std::optional<exit_reason> owner::call_after(control_block& child) {
    if (child.restarts == 0) return call(bastion::callbacks::moment::after_start, child, exit_reason());
    exit_reason last;
    if (const auto found = before_.find(&child); found != before_.end()) {
        last = std::move(found->second);
        before_.erase(found);
    }
    return call(bastion::callbacks::moment::after_restart, child, last);
}

void owner::report(control_block& child, const exit_reason& why, std::string_view next) {
    if (home_.hooks.report == nullptr) return;
    std::string where = path_ + "/" + child_name(child);
    home_.hooks.report(
        home_.hooks.runtime_data, {where, why, next, child.hand != nullptr ? child.hand->name : std::string_view(),
                                      child.lost_in_hand, static_cast<int>(child.restarts)});
    child.lost_in_hand = 0;
    child.hand = nullptr;
}

void owner::arm(control_block& child, request_kind what, std::chrono::nanoseconds d) {
    disarm(child);
    owner_request* r = make_request(what, self_.generation.load(std::memory_order_relaxed));
    r->child = child.here();
    worker& wheel = *this_thread().current_worker;
    auto* timer = new owner_timer(self_.here(), r, wheel);
    child.owner_timer = timer;
    wheel.arm(*timer, d.count());
}

void owner::disarm(control_block& child) noexcept {
    auto* timer = static_cast<owner_timer*>(std::exchange(child.owner_timer, nullptr));
    if (timer == nullptr) return;
    if (timer->wheel.cancel(*timer)) free_request(timer->request);
    else timer->dead = true; // it is on its way to the lane
}

std::int64_t owner::now() const noexcept { return this_thread().current_worker->owner().time().now_ns(); }

void owner::tell_parent_started() {
    announced_ = true;
    answer_watchers(nullptr, nullptr);
    control_block* parent = self_.owner.load(std::memory_order_relaxed);
    if (parent != nullptr) push_signal(*parent, self_.start_node, signal_kind::started);
}

void owner::answer_watchers(control_block* child, const exit_reason* why) {
    for (std::size_t i = 0; i < watchers_.size();) {
        if (watchers_[i].child.block != child) {
            ++i;
            continue;
        }
        completion_cell* cell = watchers_[i].cell;
        watchers_.erase(watchers_.begin() + static_cast<std::ptrdiff_t>(i));
        const exit_kind kind = why == nullptr                           ? exit_kind::normal
                               : why->kind() == exit_kind::start_failed ? exit_kind::start_failed
                                                                        : exit_kind::noproc;
        answer_started(cell, kind, why);
    }
}

// All children have ended: this owner's own end, or its standstill until the parent decides.
void owner::end(bool for_good) {
    phase_ = phase::idle;
    if (!for_good) {
        const exit_reason stopped(exit_kind::stopped);
        self_.reason = why_.kind() == exit_kind::normal ? stopped : why_;
        self_.life_state.await_decision();
    } else {
        if (why_.kind() == exit_kind::normal && !silent_)
            why_ = ended_by_itself_ ? exit_reason() : exit_reason(exit_kind::stopped);
        self_.reason = why_;
        const exit_reason noproc(exit_kind::noproc);
        answer_watchers(nullptr, why_.kind() == exit_kind::start_failed ? &why_ : &noproc);
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
    control_block* parent = self_.owner.load();
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

void owner::discard_all(system_signal* oldest) noexcept {
    while (oldest != nullptr) {
        system_signal* s = oldest;
        oldest = s->next;
        switch (s->kind) {
        case signal_kind::adopt: send_away(block_of_node(*s)); break;
        case signal_kind::request: {
            auto& r = static_cast<owner_request&>(*s);
            if (r.owner_generation == self_.generation.load(std::memory_order_relaxed) && r.child.block == nullptr)
                answer_never_started(r, why_);
            discard_signal(r);
            break;
        }
        case signal_kind::timer: discard_signal(*s); break;
        case signal_kind::monitor:
        case signal_kind::demonitor:
            s->next = nullptr;
            handle_element_signals(self_, s);
            break;
        case signal_kind::exited:
        case signal_kind::started: break;
        }
    }
}

} // namespace bastion::detail
