// The run loop: what a worker does with a process, from the first resume of an incarnation to its end.
//
// Protocol: the caller holds the right to run the block. Every step looks at the signals, asks whether the leaf is
// ready, and resumes it; the right is given up by exactly one of: a successful park, a push to the end of the queue, or
// the exit signal to the owner. Before that step the process is let go (turn_mark.hpp), after it the block is not touched.

#include "process/in_hand.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/context.hpp>
#include <bastion/process/home.hpp>

#include <utility>

namespace bastion::detail {
namespace {

// Its group may change it meanwhile; a byte, which says nothing about others.
restart_when policy_of(control_block& b) noexcept { return std::atomic_ref(b.policy).load(std::memory_order_relaxed); }

// Destroys the incarnation's frame or state, with the process as current.
void destroy_frame(control_block& b) noexcept {
    void* frame = std::exchange(b.frame, nullptr);
    if (frame == nullptr) return;
    if (b.kind == process_kind::coroutine)
        // Safety: the frame is suspended (at its end or in a leaf), and only this worker may touch it.
        std::coroutine_handle<>::from_address(frame).destroy();
    else b.body->destroy_state(frame);
}

// What gives up the right to run is preceded by this: from then on the process may be gone.
void let_go_here() noexcept {
    thread_state& thread = this_thread();
    thread.current_worker->let_go(thread);
}

// Of one that nobody knows any more.
void give_back(control_block& b) noexcept {
    worker& here = *this_thread().current_worker;
    if (driver* const d = here.owner().driven_by()) [[unlikely]]
        d->note_last(here, b);
    let_go_here();
    recycle_block_of_gone(&b);
}

// Gives up the right to run: the owner decides what comes next.
void end_incarnation(control_block& b) noexcept {
    while (b.orphans != nullptr) {
        envelope* question = b.orphans;
        b.orphans = question->next;
        answer_with_error(question, errc::target_died, &b.reason);
    }
    give_mail_back(b);
    const in_hand mine(b);
    if (mine.is_lost()) {
        let_go_here();
        return end_lost(b);
    }
    cold_part* cold = cold_if_any(b);
    const std::uint32_t asked = b.signals.now();
    const bool killed = (asked & signal_flags::kill) != 0;
    const bool ordered = killed || (asked & signal_flags::stop) != 0 || (cold != nullptr && cold->stop_trapped);
    const bool has_its_reason = cold != nullptr && cold->exit_with; // also a normal one, which it has sent to itself
    if (ordered && b.reason.kind() == exit_kind::normal && !has_its_reason)
        b.reason = exit_reason(killed ? exit_kind::killed : exit_kind::stopped);
    if ((asked & (signal_flags::suspended | signal_flags::watched)) != 0) [[unlikely]]
        end_debugging(b, b.reason);
    // What a crash report tells is still there when the owner looks.
    const bool is_looked_at = b.reason.is_abnormal() && b.home->hooks.crashes != nullptr;
    // One that was to say when it is ready, and has not, failed to start: its owner may start it again.
    if (!ordered && !b.wait_ready && !is_looked_at && !comes_back_after(policy_of(b), b.reason)) {
        close_block(b);
        b.life_state.exit();
        // Nobody is told of it whom its block has not told.
        const bool has_to_tell = b.reason.is_abnormal() || (cold != nullptr && cold->ignored);
        if (!has_to_tell && crowd::leave(b)) return give_back(b);
    } else {
        b.life_state.await_decision();
    }
    control_block& owner = *b.owner.now();
    let_go_here();
    push_signal(owner, b.exit_node, signal_kind::exited);
}

// Whether it waits for mail that it is not to take.
[[nodiscard]] BASTION_COLD bool is_held_back(const control_block& b) noexcept {
    return (b.signals.now() & signal_flags::suspended) != 0 && b.slot->mail;
}

// What a watched process that waits for any mail is about to take, or has just taken: it is noted where the run loop knows that it is, so
// that none is missed. Of a bounded mailbox it is noted when it is taken: until then newer mail may push it out.
BASTION_COLD void note_next(control_block& b, const envelope& e) noexcept {
    if (b.bounded() == nullptr) note_if_watched(b, e);
}

// Until somebody tells it something else than by mail. False: somebody has.
[[nodiscard]] BASTION_COLD bool park_held_back(control_block& b) noexcept {
    b.life_state.park(true);
    let_go_here();
    if (b.inbox.park_elsewhere()) return true;
    this_thread().current = &b;
    b.life_state.run();
    return false;
}

// Said by the end of a process that was to end earlier.
[[nodiscard]] exit_reason ordered_end(const control_block& b, exit_kind kind) noexcept {
    if (!b.slot->refused) return exit_reason(kind);
    return reason_or(kind, [kind] { return exit_reason::delayed(kind, "waited for a blocking function"); });
}

// By its owner's order, or an exit signal.
[[nodiscard]] exit_reason why_killed(control_block& b) noexcept {
    if (cold_part* cold = cold_if_any(b); cold != nullptr && cold->exit_with) return *cold->exit_with;
    return ordered_end(b, exit_kind::killed);
}

// Whether the process may be ended where it waits. Where it may not it is asked again when that has changed.
[[nodiscard]] bool may_leave(wait_slot& slot) noexcept {
    if (slot.may_leave()) return true;
    slot.refused = true;
    return false;
}

// The frame goes first: its destructors still see the old reason.
void end_frame(control_block& b) noexcept {
    b.life_state.end_frame();
    destroy_frame(b);
}

// The body has ended, or failed to begin: `reason` is set. What was sent to it before counts, though it has not waited any more: if that
// ends it, and it has nothing to say itself, that is why.
void end_by_itself(control_block& b) noexcept {
    if ((b.signals.now() & signal_flags::lane) != 0) look_at_lane_in_passing(b);
    end_frame(b);
    const cold_part* const cold = cold_if_any(b);
    if (cold != nullptr && cold->exit_with && b.reason.kind() == exit_kind::normal) b.reason = *cold->exit_with;
    end_incarnation(b);
}

void end_by_order(control_block& b, exit_reason why) noexcept {
    end_frame(b);
    b.reason = std::move(why);
    end_incarnation(b);
}

// False: a new incarnation could not begin; its end has been reported.
[[nodiscard]] bool begin(control_block& b) noexcept {
    b.unbegun = false;
    b.body_ended = false;
    b.reason = exit_reason();
    b.slot = &b.own_slot;
    try {
        if (b.body != nullptr) b.body->start(b);
        else
            // Safety: `entry` is only set from a process (*)(context).
            install_frame(b, reinterpret_cast<process (*)(context)>(b.entry)(context(b)));
        return true;
    } catch (...) { b.reason = reason_of_current_exception(); }
    end_by_itself(b);
    return false;
}

// As if the body had thrown while it handled its next message, which is lost with it.
void panic_at_next_message(control_block& b) noexcept {
    if (envelope* e = next_mail(b)) {
        note_lost_in_hand(b, e->meta());
        if (e->kind() == envelope_kind::asked) answer_at_end(b, e);
        else destroy(e);
    }
    end_by_order(b, reason_or(exit_kind::panic,
                        [] { return exit_reason::panic("injected by a simulation", "", source_location()); }));
}

// Looks at what others asked for. False: the incarnation has ended.
[[nodiscard]] BASTION_COLD bool obey_signals(control_block& b) noexcept {
    look_at_lane(b);
    std::uint32_t asked = b.signals.now();
    if ((asked & signal_flags::watched) != 0 && (asked & signal_flags::kill) == 0) {
        carry_out_waiting(b);
        asked = b.signals.now();
    }
    this_thread().debugged = (asked & (signal_flags::suspended | signal_flags::watched)) != 0;
    wait_slot& slot = *b.slot;
    // What is uninterruptible is not asked whether it may be left: a join, whose forked tasks may wait for a function.
    if ((asked & signal_flags::kill) != 0 && slot.uninterruptible && !slot.refused && !slot.is_ready())
        slot.refused = b.home->workers.load()->blocking().asked_by(&b).has_value();
    if ((asked & signal_flags::kill) != 0 && (!slot.uninterruptible || slot.is_ready()) && may_leave(slot)) {
        end_by_order(b, why_killed(b));
        return false;
    }
    if ((asked & signal_flags::kill) != 0) keep_mail_back(b); // it goes on for a while
    if ((asked & signal_flags::fault) != 0 && !slot.uninterruptible && may_leave(slot)) {
        b.signals.clear(signal_flags::fault);
        panic_at_next_message(b);
        return false;
    }
    if ((asked & signal_flags::limit) != 0 && !slot.uninterruptible && may_leave(slot)) {
        b.signals.clear(signal_flags::limit);
        end_by_order(b, reason_or(exit_kind::limit, [&] { return exit_reason::limit(b.bounded()->limit_met()); }));
        return false;
    }
    if ((asked & signal_flags::stop) != 0 && (slot.mail || (slot.refused && !slot.uninterruptible))) {
        if (cold_part* cold = cold_if_any(b); cold != nullptr && cold->trap_stop) {
            b.signals.clear(signal_flags::stop);
            cold->stop_trapped = true;
            hold_back(b, false); // it is to hear of it
            deliver_stop_request(b);
            return true;
        }
        if (may_leave(slot)) {
            end_by_order(b, ordered_end(b, exit_kind::stopped));
            return false;
        }
    }
    if ((asked & signal_flags::stop) != 0) b.life_state.drain();
    return true;
}

void yield_turn(control_block& b, worker& w) noexcept {
    b.life_state.enqueue();
    w.let_go(w.thread());
    w.push_last(b);
}

[[nodiscard]] BASTION_INLINE bool waits_for_any_mail(const control_block& b) noexcept {
    return b.own_slot.answer == &any_mail_ready;
}

[[nodiscard]] BASTION_INLINE bool leaf_is_ready(control_block& b) {
    return waits_for_any_mail(b) ? mail_at_hand(b) : b.own_slot.is_ready();
}

// A process that many send to gets as many turns as one of them: as soon as it leaves mail behind and goes to the end of
// the line, each round brings more than it takes, for good. So, once in a turn, it may finish the batch it has drained,
// not what comes meanwhile, and no more than ten budgets in all. If that was not enough it takes turns with each of the
// others until it has caught up. One with a bound cannot fall behind for good, nor catch up with who keeps it full: it
// goes to the end of the line as everybody does. True: it may go on; false: its turn is over.
[[nodiscard]] BASTION_COLD bool finish_batch(control_block& b, worker& w, bool& asked) noexcept {
    constexpr std::int32_t most_budgets = 10;
    if (w.budget() == 1) { // then a turn is exactly one message
        yield_turn(b, w);
        return false;
    }
    if (std::exchange(asked, true)) {
        if (b.bounded() != nullptr) {
            yield_turn(b, w);
            return false;
        }
        b.life_state.enqueue();
        w.let_go(w.thread());
        w.push_after_one(b);
        return false;
    }
    const std::int32_t most = (most_budgets - 1) * w.budget();
    b.budget = 0;
    for (const envelope* e = b.mail; e != nullptr && b.budget < most; e = e->next) ++b.budget;
    return true;
}

// Of one that was let go and waits; it lingers first, if it may. False: it is to look again.
[[nodiscard]] BASTION_INLINE bool lingers(control_block& b, worker& w, bool on_mail) noexcept {
    if (!w.lets_linger() || !b.inbox.begin_lingering(on_mail)) return false;
    w.linger(b);
    return true;
}
[[nodiscard]] BASTION_INLINE bool park_on_mail(control_block& b, worker& w) noexcept {
    return lingers(b, w, true) || b.inbox.park_on_mail();
}
[[nodiscard]] BASTION_INLINE bool park_elsewhere(control_block& b, worker& w) noexcept {
    return lingers(b, w, false) || b.inbox.park_elsewhere();
}

BASTION_INLINE void run_coroutine(control_block& b, worker& w, thread_state& thread) noexcept {
    bool batch_asked = false;
    for (;;) {
        if (b.signals.now() != 0) [[unlikely]] {
            if (!obey_signals(b)) return;
            if (is_held_back(b)) {
                if (park_held_back(b)) return;
                continue;
            }
        }
        const bool mail_in_hand = b.mail != nullptr;
        const bool is_spent = b.budget <= 0; // not by what a combinator takes now: that is in the body's hand at once
        if (leaf_is_ready(b)) {
            if (is_spent) [[unlikely]] {
                if (!mail_in_hand || !b.own_slot.mail) return yield_turn(b, w);
                if (!finish_batch(b, w, batch_asked)) return;
            }
            if (thread.debugged && waits_for_any_mail(b)) [[unlikely]]
                note_next(b, *b.mail);
            resume_flat(b.own_slot.leaf, thread);
            if (b.body_ended) return end_by_itself(b);
            if (!b.started_sent && !b.wait_ready) [[unlikely]]
                send_started(b);
            // Having no mail at hand it tries to park at once: the park refuses while there is new mail or a wake-up.
            // A signal, or mail in a bounded mailbox, may have spent its wake-up while the process waited for something
            // else: these need a look.
            if (!waits_for_any_mail(b) || b.mail != nullptr || b.signals.now() != 0 || b.bounded() != nullptr) continue;
        } else if (b.again) [[unlikely]] {
            b.again = false;
            return yield_turn(b, w);
        }
        if (b.repoll) [[unlikely]] {
            b.repoll = false;
            continue;
        }
        if (b.own_slot.mail) {
            b.life_state.park(b.own_slot.refused);
            w.let_go(thread);
            if (park_on_mail(b, w)) return;
        } else {
            b.life_state.park(b.own_slot.uninterruptible || b.own_slot.refused);
            w.let_go(thread);
            if (park_elsewhere(b, w)) return;
        }
        thread.current = &b;
        b.life_state.run();
        if (!waits_for_any_mail(b) && b.own_slot.mail && has_new_mail(b)) collect_mail(b);
    }
}

// Handlers: `own_slot.mail` is always true, so a stop takes effect between two messages.
void run_handlers(control_block& b, worker& w, thread_state& thread) noexcept {
    if (b.body_ended || b.reason.kind() != exit_kind::normal)
        return end_by_itself(b); // the state's constructor said so
    if (!b.started_sent && !b.wait_ready) [[unlikely]]
        send_started(b);
    bool batch_asked = false;
    for (;;) {
        if (b.signals.now() != 0) [[unlikely]] {
            if (!obey_signals(b)) return;
            if (is_held_back(b)) {
                if (park_held_back(b)) return;
                continue;
            }
        }
        if (b.budget <= 0) [[unlikely]] {
            if (b.mail == nullptr) return yield_turn(b, w);
            if (!finish_batch(b, w, batch_asked)) return;
        }
        if (envelope* e = next_mail(b)) {
            if (thread.debugged) [[unlikely]]
                note_next(b, *e);
            --b.budget;
            bool ends = false;
            try {
                b.body->handle(b, e);
                ends = b.body_ended || b.reason.kind() != exit_kind::normal;
            } catch (...) {
                body_threw();
                ends = true;
            }
            if (ends) return end_by_itself(b);
            continue;
        }
        if (b.repoll) [[unlikely]] {
            b.repoll = false;
            continue;
        }
        b.life_state.park(false);
        w.let_go(thread);
        if (park_on_mail(b, w)) return;
        thread.current = &b;
        b.life_state.run();
    }
}

void run_process(runnable& r, worker& w) {
    control_block& b = block_of(r);
    thread_state& thread = w.thread();
    thread.current = &b;
    b.budget = w.budget();
    b.life_state.run();
    if (b.frame != nullptr || begin(b)) {
        if (b.kind == process_kind::coroutine) run_coroutine(b, w, thread);
        else run_handlers(b, w, thread);
    }
    thread.debugged = false;
}

void unpark_process(runnable& r) { unpark_block(block_of(r)); }

void park_process(runnable& r) {
    control_block& b = block_of(r);
    park_block(b, b.own_slot.mail);
}

void count_work(runnable& r, int by) { block_of(r).elsewhere += static_cast<std::uint32_t>(by); }

} // namespace

const runnable_ops process_ops{&run_process, &unpark_process, &count_work, &park_process};

bool any_mail_ready(void* block, wait_query) { return mail_at_hand(*static_cast<control_block*>(block)); }

void body_threw() noexcept {
    control_block& b = *running_block();
    b.reason = reason_of_current_exception();
}

void send_started(control_block& b) noexcept {
    if (b.starts_quietly) {
        b.started_sent = true;
        return;
    }
    const in_hand mine(b);
    if (mine.is_lost() || std::exchange(b.started_sent, true)) return;
    push_signal(*b.owner.now(), b.start_node, signal_kind::started);
}

void check_running(const control_block&, const char* what) {
    throw usage_error(
        std::string("bastion: ") + what +
        " was called outside its process: a context is valid only inside the incarnation it was given to");
}

} // namespace bastion::detail
