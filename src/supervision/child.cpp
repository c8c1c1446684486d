// One child's life as its owner sees it: start, end, what comes next, and what is said about it.
#include "supervision/owner.hpp"

#include <bastion/executor/executor.hpp>

#include <utility>

namespace bastion::detail {

namespace {

const exit_reason no_reason; // of a first start

} // namespace

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

void owner::start_child(control_block& child) {
    using moment = bastion::callbacks::moment;
    const bool again = has(child, child_flag::was_started);
    clear(child, child_flag::killed | child_flag::for_good | child_flag::callback_fault);
    set_state(child, child_state::starting);
    if (has(child, child_flag::is_owner)) {
        of(child).noted.behind = false;
        const bastion::restart_strategy strategy = restart_of(child);
        of(child).last_life_ = strategy.limited() && child.tries >= strategy.max_tries();
        on_change(child);
    }
    if (again) tell_monitors(child, child.reason); // whom nobody could tell before
    // For `reason`. Who would have heard of its first start hears of that.
    const auto does_not_begin = [&] {
        set_state(child, child_state::down);
        const bool is_owner = has(child, child_flag::is_owner);
        if (is_owner ? !again || !of(child).noted.known : !again && child.wait_ready) start_failed(child);
        else decide(child, true);
    };
    const exit_reason& last = again ? child.reason : no_reason;
    if (auto fault = call(again ? moment::before_restart : moment::before_start, child, last)) {
        child.reason = std::move(*fault);
        set(child, child_flag::was_started);
        return does_not_begin();
    }
    shown_as_.erase(&child);
    child.hand = nullptr;
    child.since_ns = now();
    set(child, child_flag::was_started);
    if (again) {
        // The watchdog reads it when the process runs.
        std::atomic_ref(child.incarnation).store(child.incarnation + 1, std::memory_order_relaxed);
        ++child.restarts;
        if (callbacks_of(child).at(moment::after_restart)) before_[&child] = child.reason;
    }
    if (!launch(child, again)) does_not_begin();
}

// That the child's last life has ended, and whether there is to be another. An owner runs for its lane also when it stands still:
// its monitors are its own.
void owner::tell_monitors(control_block& child, const exit_reason& why, bool returns) {
    if (!has(child, child_flag::is_owner)) return notify_monitors(child, why, returns);
    request_ptr r = make_request(request_kind::tell_monitors, child.here());
    r->reason = why;
    r->for_good = !returns;
    send(std::move(r));
}

// Of a child whose owner stops. If that is not to come back either, monitors are told when all above it have decided.
void owner::tell_unless_undecided(control_block& child) {
    if (restarting_ || !undecided_) tell_monitors(child, child.reason);
}

void owner::child_started(control_block& child) {
    if (state_of(child) != child_state::starting) return;
    disarm(child);
    set_state(child, child_state::up);
    some_started_ = true;
    note_return(child, false);
    note_start(child);
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
    const bool stopped_in_start = std::erase(stopped_in_start_, &child) != 0;
    set_state(child, child_state::down);
    if (has(child, child_flag::is_owner)) on_change(child);
    if (home_.hooks.crashes != nullptr) look_at_crash(child, before);
    // Monitors made while this incarnation lived watch this one, also when it did not look at its lane any more.
    if (!has(child, child_flag::is_owner) && child.life_state.now() != life::exited) {
        handle_element_signals(child, child.lane.drain());
        leave_with_incarnation(child); // its children stop now: what becomes of it may be decided much later
    }
    if (&child == stops_first() && !has(child, child_flag::for_good)) {
        progress(); // the implicit group stands still until its supervisor starts again
        return;
    }
    const bool is_owner = has(child, child_flag::is_owner);
    if (has(child, child_flag::callback_fault)) {
        for (auto it = aside_.begin(); it != aside_.end(); ++it) {
            if (it->first != &child) continue;
            child.reason = std::move(it->second);
            aside_.erase(it);
            break;
        }
        clear(child, child_flag::callback_fault | child_flag::killed);
        if (has(child, child_flag::for_good) || ending_for_good_) finalize_stopped(child);
        else if (stays_for_next_start(child)) tell_unless_undecided(child);
        else if (is_owner && of(child).noted.emptying) empty_out(child);
        else if (child.wait_ready && !child.started_sent) start_failed(child);
        else decide(child);
        go_on();
        return;
    }
    const bool owner_gone = is_owner && of(child).gone();
    const bool over = child.life_state.now() == life::exited; // it had ended for good before the order reached it
    if (has(child, child_flag::for_good) || owner_gone || (over && before == child_state::stopping)) {
        const bool counts = owner_gone && !has(child, child_flag::for_good) && is_significant(child);
        if (stopped_in_start && !some_started_) unready_ = child.reason;
        finalize_stopped(child);
        if (counts) significant_end();
    } else if (is_owner && (of(child).noted.emptying || of(child).ended_by_itself())) {
        const bool counts = before != child_state::stopping && is_significant(child);
        const bool did_not_start = of(child).ended_unstarted() && !of(child).ignored();
        if (did_not_start && !of(child).noted.known) finalize(child); // an addition, of which nothing is to be left
        else if (of(child).holds_nothing()) emptied(child);
        else empty_out(child); // it had failed before the order reached it
        if (counts) significant_end();
    } else if (is_owner && empties_ && !restarting_) {
        if (of(child).holds_nothing()) {
            end_life(child);
        } else {
            order_stop(child, false, kill_all_, true); // as above
        }
    } else if (!is_owner && has_ignored(child)) {
        set(child, child_flag::for_good);
        ignored_ = true;
        finalize(child);
    } else if (before == child_state::stopping) {
        // Ordered: its plan goes on.
        if (has(child, child_flag::in_plan)) {
            if (child.reason.is_fault() && !is_owner)
                report(child, child.reason, restarting_ ? "restarts with its siblings" : "restarts with its owner");
            tell_unless_undecided(child);
        } else {
            decide(child);
        }
    } else if (before == child_state::starting && (child.wait_ready || is_owner)) {
        start_failed(child);
    } else {
        if (before == child_state::starting) {
            set_state(child, child_state::up);
            some_started_ = true;
            answer_watchers(&child, nullptr);
            if (auto fault = call_after(child)) child.reason = std::move(*fault);
            set_state(child, child_state::down);
        }
        // In a set that is being stopped anyway: it will be started with the others, and spends no try of its own.
        if (phase_ == phase::stopping && restarting_ && has(child, child_flag::in_plan) &&
            child.life_state.now() != life::exited && (comes_back(child) || plan_revives(child))) {
            if (child.reason.is_abnormal()) report(child, child.reason, "restarts with its siblings");
            tell_monitors(child, child.reason);
        } else if (stays_for_next_start(child)) {
            if (child.reason.is_abnormal()) report(child, child.reason, "restarts with its owner");
            tell_unless_undecided(child);
        } else {
            decide(child);
        }
    }
    go_on();
}

// It ended while its owner stops for a restart: started again with the others, if the owner is.
bool owner::stays_for_next_start(const control_block& child) const noexcept {
    return phase_ == phase::stopping && !restarting_ && !ending_for_good_ && !empties_ && !leaves(child) &&
           child.life_state.now() != life::exited && (comes_back(child) || plan_revives(child));
}

void owner::order_stop(control_block& child, bool for_good, bool kill, bool empties) {
    if (for_good) set(child, child_flag::for_good);
    const bastion::shutdown how = shutdown_of(child);
    const bool brutal = kill || how.is_brutal();
    disarm(child);
    if (has(child, child_flag::is_owner)) {
        const child_state before = state_of(child);
        set_state(child, child_state::stopping);
        if (for_good) announce_end(child, kill);
        request_ptr r = make_request(request_kind::stop, child.here());
        r->for_good = for_good;
        r->kill = kill;
        r->empties = empties;
        r->undecided = undecided_;
        r->seen = before == child_state::unborn || before == child_state::down || before == child_state::backing_off ||
                  before == child_state::ended;
        send(std::move(r));
        if (!kill && !how.is_infinite()) arm(child, request_kind::deadline, how.time());
        return;
    }
    if (child.policy == restart_when::temporary && !has(child, child_flag::callback_fault))
        set(child, child_flag::for_good);
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

void owner::retire(control_block& child) {
    if (has(child, child_flag::is_owner) && of(child).noted.holds_up) behind_due_ = true;
    if (keeps(child) && !ending_for_good_) empty_out(child);
    else finalize(child);
}

// What is below it ends for good, and it stands still.
void owner::empty_out(control_block& child) {
    of(child).noted.emptying = true;
    order_stop(child, false, false, true);
}

void owner::decide(control_block& child, bool later) {
    const exit_reason& why = child.reason;
    const bool wanted = comes_back(child);
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
        if (why.is_abnormal() && !quiet)
            report(child, why,
                over && wanted ? "had ended"
                : !running_    ? "ends: its owner stops"
                               : "ends: it is temporary");
        const bool counts = is_significant(child);
        retire(child);
        if (counts) significant_end();
        return;
    }
    const bastion::restart_strategy strategy = restart_of(child);
    const std::int64_t t = now();
    if (t - child.since_ns >= strategy.health().count()) child.tries = 0;
    if (strategy.limited() && child.tries >= strategy.max_tries()) {
        if (!quiet)
            report(child, why, said([&] {
                return strategy.max_tries() == 0 ? std::string("ends: it is never restarted")
                                                 : "ends: out of tries (" + std::to_string(strategy.max_tries()) + ")";
            }));
        const bool counts = is_significant(child);
        retire(child);
        if (counts) significant_end();
        return;
    }
    ++child.tries;
    note_return(child, true);
    const auto delay = strategy.delay(child.tries, this_thread().current_worker->random());
    if (why.is_abnormal() && !quiet)
        report(child, why, delay.count() > 0 ? said([&] { return "restarts in " + readable(delay); }) : "restarts now");
    const bool held_up = phase_ == phase::starting && cursor_ == &child && has(child, child_flag::in_plan) &&
                         announced_ && starts_in_order();
    const bool waits = delay.count() > 0 || later || held_up;
    // At once, though somebody above may give up before it has started: that may be much later. If nothing is to be waited for, the next
    // turns decide whether it is restarted, and its monitors are told then (by its start, or by plan_stop).
    if (waits || restarts_by_itself()) tell_monitors(child, why);
    if (waits) {
        set_state(child, child_state::backing_off);
        arm(child, request_kind::backoff_over, delay);
        if (held_up) break_off(child);
    } else if (phase_ == phase::idle) {
        restart(child);
    } else {
        clear(child, child_flag::in_plan); // not the plan starts it again: its restart is one of its own
        restarts_due_.push_back(child.here());
    }
}

void owner::note_return(const control_block& child, bool comes_back) {
    if (comes_back) returning_.insert(&child);
    else if (returning_.erase(&child) == 0) return;
    restarts_one_.store(!returning_.empty(), std::memory_order_relaxed);
}

// Of an owner's start, which never comes, or not soon.
void owner::tell_watchers_of_end(control_block& child) {
    const exit_reason failure = std::exchange(of(child).noted.did_not_start, exit_reason());
    const exit_reason& why = child.reason;
    answer_watchers(&child, failure.kind() != exit_kind::normal ? &failure : &why, of(child).ignored());
}

// Of an owner that stands still with nothing below it: what a life leaves behind goes, but for the spec. Its next start is a new life.
void owner::end_life(control_block& child) {
    const exit_reason why = child.reason;
    set_state(child, child_state::ended);
    clear(child, child_flag::killed | child_flag::for_good | child_flag::apart);
    child.tries = 0;
    before_.erase(&child);
    note_return(child, false);
    tell_monitors(child, why, false);
    tell_watchers_of_end(child); // it may have been on its way
    if (has(child, child_flag::was_started)) {
        clear(child, child_flag::was_started);
        if (auto fault = call(bastion::callbacks::moment::after_stop, child, why))
            report(child, *fault, "its after_stop callback failed");
    }
    child.restarts = 0;
}

// It was on its way to its end for good; a fault on that way has no other place to be told.
void owner::finalize_stopped(control_block& child) {
    if (child.reason.is_fault() && !has(child, child_flag::is_owner))
        report(child, child.reason, "ends: it was stopping");
    finalize(child);
}

// The child has ended for good: everything that is known of it goes.
void owner::finalize(control_block& child) {
    disarm(child);
    if (!has(child, child_flag::is_owner)) {
        some_stopped_ = some_stopped_ || has(child, child_flag::for_good);
        natural_ = !some_stopped_;
    }
    const bool main = has(child, child_flag::is_main);
    const exit_reason why = child.reason;
    const bool is_owner = has(child, child_flag::is_owner);
    if (is_owner && !of(child).gone()) { // its children first
        order_stop(child, true, false);
        return;
    }
    if (is_owner && home_.hooks.displaced != nullptr) // before its monitors are told
        home_.hooks.displaced(*home_.hooks.names, of(child).path(), child.here());
    if (cursor_ == &child) cursor_ = phase_ == phase::stopping ? children_.prev(&child) : children_.next(&child);
    if (child.life_state.now() != life::exited) {
        before_close(child);
        close_block(child);
        child.life_state.exit();
    }
    if (is_owner) tell_watchers_of_end(child);
    else answer_watchers(&child, &why, has_ignored(child));
    before_.erase(&child);
    note_return(child, false);
    if (has(child, child_flag::was_started)) {
        if (auto fault = call(bastion::callbacks::moment::after_stop, child, why))
            report(child, *fault, "its after_stop callback failed");
    }
    shown_as_.erase(&child);
    if (stops_first() != &child) children_.erase(&child);
    owner* below = is_owner ? &of(child) : nullptr;
    if (below != nullptr && below->noted.holds_up) behind_due_ = true;
    forget(child);
    if (below != nullptr) give_back(child, true);
    else recycle_block(&child);
    answer_ends(child); // by its address: nothing is left of it
    if (main && home_.hooks.main_ended != nullptr) home_.hooks.main_ended(home_.hooks.runtime_data, why);
    if (phase_ == phase::idle && running_ && children_.empty()) on_empty();
}

void owner::start_failed(control_block& child) {
    const auto no_end_for_good = [&child] { // a failed start is none, whatever the process said
        child.reason =
            reason_or(exit_kind::error, [] { return exit_reason::error("it ended before it called ctx.ready()"); });
    };
    if (child.reason.kind() == exit_kind::normal && !has(child, child_flag::is_owner)) no_end_for_good();
    const exit_reason why = reason_or(exit_kind::start_failed,
        [&] { return exit_reason::of_child(exit_kind::start_failed, child_name(child), child.reason); });
    if (!child.reason.is_abnormal() && !has(child, child_flag::is_owner)) no_end_for_good();
    if (announced_) {
        // A restart, or a late addition: a failed restart counts as one more try; a failed addition goes.
        if (tries_again(child)) {
            decide(child);
        } else {
            report(child, child.reason, "did not start");
            if (!has(child, child_flag::is_owner)) {
                answer_watchers(&child, &why);
                return finalize(child);
            }
            of(child).noted.did_not_start = why;
            if (of(child).noted.known) retire(child);
            else finalize(child);
        }
        return;
    }
    report(child, child.reason, "did not start: its owner fails");
    answer_watchers(&child, &why);
    fail_upwards(why);
}

void owner::fail_upwards(exit_reason why) {
    why_ = std::move(why);
    silent_ = natural_ = true;
    undecided_ = expects_no_return();
    if (is_root_) announce_end(self_, false); // whoever still spawns is turned away
    answer_watchers(nullptr, &why_);
    plan_stop(is_root_, false); // nobody starts the root again
}

// An owner that was never started: it disposes of all below it and ends. The right to let it run is the caller's.
void owner::end_unstarted(control_block& child, const exit_reason& why) noexcept {
    const must_not_fail certain;
    of(child).release();
    request_ptr r = make_request(request_kind::stop, child.here());
    r->for_good = r->kill = r->seen = true;
    r->reason = why;
    send(std::move(r));
}

void owner::refuse(control_block& child, const std::string& text) {
    const exit_reason why = reason_or(exit_kind::error, [&] { return exit_reason::error(text); });
    report(child, why, "does not start");
    child.reason = reason_or(exit_kind::start_failed,
        [&] { return exit_reason::of_child(exit_kind::start_failed, child_name(child), why); });
    children_.push_back(&child);
    if (has(child, child_flag::is_owner)) {
        of(child).set_name(said([&] { return child_name(child) + " (refused)"; }));
        set(child, child_flag::for_good);
        set_state(child, child_state::stopping);
        end_unstarted(child, child.reason);
    } else {
        set_state(child, child_state::down);
        finalize(child);
    }
}

void owner::turn_away(control_block& child) {
    const std::string name = said([&] { return has(child, child_flag::is_owner) ? of(child).name() : std::string(); });
    const exit_reason why = too_late();
    announce({said([&] { return path_ + "/" + (name.empty() ? "(unnamed)" : name); }), why, "does not start", {}});
    send_away(child,
        reason_or(exit_kind::start_failed, [&] { return exit_reason::of_child(exit_kind::start_failed, name, why); }));
}

void owner::send_away(control_block& child, const exit_reason& why) noexcept {
    if (has(child, child_flag::is_owner)) {
        // It may be running by now, for a stop request of its spawner: it ends by itself.
        child.owner.turn_away();
        child.home->turned_away.fetch_add(1);
        end_unstarted(child, why);
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

// ---- callbacks, reports, timers ------------------------------------------------------------------------------------

namespace {

std::string_view hand_of(const control_block& child) noexcept {
    return child.hand != nullptr ? child.hand->name : std::string_view();
}
// Then what it has in hand is its own.
bool child_runs(bastion::callbacks::moment when) noexcept {
    return when == bastion::callbacks::moment::after_start || when == bastion::callbacks::moment::after_restart;
}

} // namespace

std::optional<exit_reason> owner::call(
    bastion::callbacks::moment when, control_block& child, const exit_reason& reason) {
    const auto& f = callbacks_of(child).at(when);
    if (!f) return {};
    try {
        const std::string where = path_of(child);
        const users_code here;
        const auto other = when == bastion::callbacks::moment::after_stop ? shown_as_.find(&child) : shown_as_.end();
        const child_ref who(other != shown_as_.end() ? other->second : child.here());
        f(bastion::event(who, where, reason, static_cast<int>(child.restarts),
            reason.is_fault() && !child_runs(when) ? hand_of(child) : std::string_view()));
        return {};
    } catch (...) {
        if (!child_runs(when)) child.hand = nullptr; // the fault is not the message's
        return reason_of_current_exception();
    }
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
    const unsigned lost = std::exchange(child.lost_in_hand, 0); // reported once
    announce({said([&] { return path_of(child); }), why, next, hand_of(child), lost, static_cast<int>(child.restarts)});
    if (crash_.child == child.here()) tell_crash(why, next);
}

void owner::announce(const fault_report& fault) const {
    if (home_.hooks.report != nullptr) home_.hooks.report(home_.hooks.runtime_data, fault);
}

void owner::arm(control_block& child, request_kind what, std::chrono::nanoseconds d) {
    disarm(child);
    child.owner_timer = set_timer(what, child.here(), d);
}

void owner::disarm(control_block& child) noexcept {
    cancel_timer(static_cast<owner_timer*>(std::exchange(child.owner_timer, nullptr)));
}

owner_timer* owner::set_timer(request_kind what, address child, std::chrono::nanoseconds d) {
    request_ptr r = make_request(what, self_.here());
    r->child = child;
    worker& wheel = *this_thread().current_worker;
    auto* timer = pool_new<owner_timer>(r.get(), wheel);
    [[maybe_unused]] const owner_request* const sent = r.release(); // both are the wheel's
    wheel.arm(*timer, d.count());
    return timer;
}

void owner::cancel_timer(owner_timer* timer) noexcept {
    if (timer == nullptr) return;
    if (timer->wheel.cancel(*timer)) request_deleter()(timer->request);
    else timer->dead = true; // it is on its way to the lane
}

std::int64_t owner::now() const noexcept { return this_thread().current_worker->owner().time().now_ns(); }

} // namespace bastion::detail
