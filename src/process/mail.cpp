#include <bastion/base/chain.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/home.hpp>

#include <new>
#include <utility>

namespace bastion::detail {
namespace {

void destroy_error(envelope& e) noexcept { static_cast<error*>(e.payload_at(offsetof(envelope, payload)))->~error(); }

} // namespace

const message_meta error_answer_meta{
    "bastion::error", &destroy_error, sizeof(envelope), offsetof(envelope, payload), message_meta::no_quick_end};
static_assert(sizeof(error) <= sizeof(envelope::payload));

namespace {

void keep_back(cold_part& cold, envelope* first, envelope* last) noexcept {
    (cold.kept_back != nullptr ? cold.kept_back_last->next : cold.kept_back) = first;
    cold.kept_back_last = last;
}

// With marks of exit signals among them, or when there are signals that were perhaps sent before them. Marks become messages, or go, when
// the lane has been looked at, which their signals have come by. If it brings an order to end, that takes effect ahead of all of these:
// whoever of this incarnation asks for mail then, now or later in the same step, is told that there is none.
BASTION_COLD void append_behind_signals(control_block& b, envelope* oldest) noexcept {
    if (b.life_state.has_incarnation()) look_at_lane_in_passing(b);
    cold_part* const cold = cold_if_any(b);
    const bool ends = cold != nullptr && cold->keeps_mail_back;
    while (oldest != nullptr) {
        envelope* const e = oldest;
        oldest = e->next;
        e->next = nullptr;
        if (e->is_mark()) {
            if (!make_trapped(b, *e)) {
                destroy(e);
                continue;
            }
            if (bounded_mailbox* const box = b.bounded()) box->has_become_message(*e);
        }
        if (ends) keep_back(*cold, e, e);
        else append_list(b, e, e);
    }
    b.repoll = b.repoll || ends; // the run loop is to carry the order out
}

void append_drained(control_block& b, envelope* oldest, envelope* last, bool marks) noexcept {
    if (oldest == nullptr) return;
    if (marks || has_signals_before_mail(b)) [[unlikely]]
        return append_behind_signals(b, oldest);
    append_list(b, oldest, last);
}

} // namespace

void keep_mail_back(control_block& b) noexcept {
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr || !cold->keeps_mail_back) return;
    const bool again = std::exchange(cold->keeps_list_back, true);
    envelope* const first = std::exchange(b.mail, nullptr);
    if (first == nullptr) return;
    ++b.taken; // who has looked through it begins anew
    if (again || cold->kept_back == nullptr) return keep_back(*cold, first, b.mail_last);
    b.mail_last->next = cold->kept_back; // it was there first
    cold->kept_back = first;
}

void give_mail_back(control_block& b) noexcept {
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr) return;
    if (cold->keeps_list_back) keep_mail_back(b); // what was handed over since lies behind it
    cold->keeps_mail_back = cold->keeps_list_back = false;
    if (envelope* const first = std::exchange(cold->kept_back, nullptr)) append_list(b, first, cold->kept_back_last);
}

// One that was meant for an earlier process in this block (its
// sender saw the old generation, and the word came round to the same bits) is dead.
void append_mail(control_block& b, envelope* newest) noexcept {
    const std::uint64_t generation = b.generation.now();
    envelope* oldest = nullptr;
    envelope* last = nullptr;
    bool marks = false;
    for (envelope* e = newest; e != nullptr;) {
        envelope* older = e->next;
        const bool is_mark = e->generation != generation && e->is_mark();
        if (e->generation == generation || is_mark) [[likely]] {
            marks = marks || is_mark;
            e->next = oldest;
            oldest = e;
            if (last == nullptr) last = e;
        } else {
            dead_letter(*b.home, e, {&b, e->generation}, drop_reason::stale);
        }
        e = older;
    }
    append_drained(b, oldest, last, marks);
}

namespace {

void append_oldest_first(control_block& b, envelope* oldest) noexcept {
    if (oldest == nullptr) return;
    bool marks = oldest->is_mark();
    envelope* last = oldest;
    while (last->next != nullptr) {
        last = last->next;
        marks = marks || last->is_mark();
    }
    append_drained(b, oldest, last, marks);
}

} // namespace

void collect_mail(control_block& b) noexcept {
    if (bounded_mailbox* box = b.bounded(); box != nullptr) [[unlikely]]
        return append_oldest_first(b, box->take_all());
    const auto drained = b.inbox.drain();
    if (drained.woken) b.repoll = true;
    append_mail(b, drained.newest);
}

namespace {

// The newest of these, taken out. There is one.
envelope* take_last(envelope*& oldest) noexcept {
    envelope* before = nullptr;
    envelope* last = oldest;
    while (last->next != nullptr) before = std::exchange(last, last->next);
    (before != nullptr ? before->next : oldest) = nullptr;
    return last;
}

void drop_all(control_block& b, envelope* oldest) noexcept {
    while (oldest != nullptr) {
        envelope* const e = oldest;
        oldest = e->next;
        dead_letter(*b.home, e, b.here(), drop_reason::full);
    }
}

} // namespace

envelope* next_bounded_mail(control_block& b) noexcept {
    const bool was_told = b.mail != nullptr;
    envelope* pushed_out = b.bounded()->pushed_out(b);
    if (b.mail == nullptr) collect_mail(b);
    envelope* e = nullptr;
    if (b.mail != nullptr) {
        if (was_told || may_be_taken(b)) {
            e = b.mail;
            note_if_watched(b, *e);
            unlink_mail(b, nullptr, e);
        }
    } else if (was_told) {
        // Whoever was told that there is mail gets some. What was pushed out was by newer mail, but that lies behind its end.
        e = take_last(pushed_out);
        note_if_watched(b, *e);
    }
    drop_all(b, pushed_out);
    return e;
}

void note_origin(const envelope& e) noexcept {
    const thread_state& thread = this_thread();
    const memory_home from = home_of(&e);
    if (thread.pool != nullptr && from != no_home && from != thread.pool->home())
        worker_counters::bump(thread.counters->far_messages);
}

void note_taken(control_block& b, const envelope& e) noexcept {
    note_step(b, step_taken::received, e.meta().name, e.kind() == envelope_kind::asked ? asker_of(e) : e.sender);
}

void drop_pushed_out(control_block& b) noexcept { drop_all(b, b.bounded()->pushed_out(b)); }

namespace {

BASTION_INLINE void complete(completion_cell* cell, envelope* answer) noexcept {
    runnable* owner = cell->owner;
    cell->payload = answer;
    switch (cell->word.complete()) {
    case cell_event::wake_owner:
        if (owner != nullptr) unpark_block(block_of(*owner)); // as wake_cell_owner does, without two calls
        else wake_cell_owner(cell, nullptr);
        break;
    case cell_event::none: break;
    case cell_event::free_payload:
        destroy(answer);
        completion_cell::recycle(cell);
        break;
    }
}

} // namespace

void complete_with(completion_cell* cell, envelope* answer) noexcept { complete(cell, answer); }

void complete_as_running(completion_cell* cell, envelope* answer) noexcept {
    const thread_state& thread = this_thread();
    auto* const self = static_cast<control_block*>(thread.current.get()); // as running_block
    answer->sender = self != nullptr ? self->here() : address();
    if (thread.debugged && self != nullptr) [[unlikely]]
        note_step(*self, step_taken::answered, answer->meta().name, asker_of(cell));
    complete(cell, answer);
}

namespace {

error because_of(errc code, const exit_reason& why) noexcept {
    try {
        return error(code, why);
    } catch (const std::bad_alloc&) { return error(code); }
}

} // namespace

void answer_with_error(envelope* question, errc code, const exit_reason* why) noexcept {
    answer_with_error(question, why != nullptr ? because_of(code, *why) : error(code));
}

void answer_with_error(envelope* question, error why) noexcept {
    completion_cell* cell = std::exchange(question->cell, nullptr);
    const std::size_t bytes = bytes_of(*question);
    question->meta().destroy_payload(*question);
    ::new (static_cast<void*>(question->payload)) error(std::move(why));
    question->set_meta(error_answer_meta, envelope_kind::answer);
    question->generation = bytes;
    if (cell != nullptr) complete_with(cell, question);
    else destroy(question);
}

namespace {

// Counts it and shows it to the hook.
void announce(runtime_home& home, const envelope& e, address to, drop_reason cause) noexcept {
    home.dead_letters[static_cast<std::size_t>(cause)].fetch_add(1, std::memory_order_relaxed); // a count: no partner
    if (home.hooks.dead_letter == nullptr) return;
    const bool asked = e.kind() == envelope_kind::asked;
    home.hooks.dead_letter(home.hooks.runtime_data, {cause, e.meta().name, to, asked ? address() : e.sender});
}

} // namespace

void count_never_read(const control_block& b) noexcept {
    runtime_home& home = *b.home;
    home.dead_letters[static_cast<std::size_t>(drop_reason::unread)].fetch_add(1, std::memory_order_relaxed); // a count
    if (home.hooks.dead_letter == nullptr) return;
    const address here{const_cast<control_block*>(&b), b.generation.now()};
    const std::string_view type = b.hand != nullptr ? b.hand->name : std::string_view();
    home.hooks.dead_letter(home.hooks.runtime_data, {drop_reason::unread, type, here, address()});
}

void dead_letter(runtime_home& home, envelope* e, address to, drop_reason cause) noexcept {
    announce(home, *e, to, cause);
    switch (cause) {
    case drop_reason::full: return end_undelivered(e, errc::mailbox_full);
    case drop_reason::unhandled: return end_undelivered(e, errc::unhandled);
    case drop_reason::limit: return end_undelivered(e, errc::limit);
    case drop_reason::stopped: return end_undelivered(e, errc::stopped);
    case drop_reason::noproc:
    case drop_reason::stale:
    case drop_reason::unread: return end_undelivered(e, errc::noproc);
    }
}

void dead_letter_there(envelope* e, address to, drop_reason cause) noexcept {
    if (runtime_home* home = home_of_lost(to))
        if (const visit inside(*home); inside) return dead_letter(*home, e, to, cause);
    end_undelivered(e, errc::noproc);
}

void end_undelivered(envelope* e, errc code) noexcept {
    if (e->kind() == envelope_kind::asked) answer_with_error(e, code, nullptr);
    else destroy(e);
}

namespace {

// Unread questions are answered with the reason their receiver ended for.
void bury_all(control_block& b, envelope* oldest, const exit_reason& why) noexcept {
    while (oldest != nullptr) {
        envelope* e = oldest;
        oldest = e->next;
        if (e->is_mark()) {
            destroy(e);
        } else if (e->kind() == envelope_kind::asked) {
            announce(*b.home, *e, b.here(), drop_reason::unread);
            answer_with_error(e, errc::target_died, &why);
        } else {
            dead_letter(*b.home, e, b.here(), drop_reason::unread);
        }
    }
}
BASTION_INLINE void bury(control_block& b, envelope* oldest, const exit_reason& why) noexcept {
    if (oldest != nullptr) [[unlikely]]
        bury_all(b, oldest, why);
}

} // namespace

void clear_mail(control_block& b) noexcept {
    collect_mail(b);
    while (b.mail != nullptr) {
        envelope* e = b.mail;
        unlink_mail(b, nullptr, e);
        e->next = nullptr;
        bury(b, e, b.reason);
    }
}

envelope* take_all_mail(control_block& b) noexcept {
    if (bounded_mailbox* box = b.bounded()) {
        append_oldest_first(b, box->close());
        drop_pushed_out(b);
    }
    append_mail(b, b.inbox.close());
    return std::exchange(b.mail, nullptr);
}

void bury_mail_of_lost(control_block& b, const exit_reason& why) noexcept {
    if (bounded_mailbox* const box = b.bounded()) bury(b, box->close(), why);
    bury(b, reversed(b.inbox.hand_over(b.generation.now() + 1)), why);
}

void close_block(control_block& b) noexcept {
    // First, so that a monitor on its way still hears the reason, not just that there is nobody.
    system_signal* const in_lane = b.lane.close();
    if (in_lane != nullptr || cold_if_any(b) != nullptr) handle_element_signals(b, in_lane);
    bury(b, std::exchange(b.mail, nullptr), b.reason);
    bury(b, reversed(b.inbox.close()), b.reason);
    if (bounded_mailbox* const box = b.bounded()) {
        bury(b, box->close(), b.reason);
        b.bounded_box.store(nullptr, std::memory_order_relaxed);
        box->release();
    }
    if (cold_if_any(b) != nullptr) notify_monitors(b, b.reason, false);
}

} // namespace bastion::detail
