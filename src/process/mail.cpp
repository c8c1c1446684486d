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

// With marks of exit signals among them: these become messages, or go, when the lane has been looked at, which their signals have come by.
BASTION_COLD void append_with_marks(control_block& b, envelope* oldest) noexcept {
    look_at_lane_in_passing(b);
    while (oldest != nullptr) {
        envelope* const e = oldest;
        oldest = e->next;
        if (!e->is_mark()) {
            hand_over_mail(b, e);
        } else if (make_trapped(b, *e)) {
            if (bounded_mailbox* const box = b.bounded()) box->has_become_message(*e);
            hand_over_mail(b, e);
        } else {
            destroy(e);
        }
    }
}

} // namespace

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
    if (marks) [[unlikely]]
        append_with_marks(b, oldest);
    else if (oldest != nullptr) append_list(b, oldest, last);
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
    if (marks) [[unlikely]]
        append_with_marks(b, oldest);
    else append_list(b, oldest, last);
}

} // namespace

void collect_mail(control_block& b) noexcept {
    if (bounded_mailbox* box = b.bounded(); box != nullptr) [[unlikely]]
        return append_oldest_first(b, box->take_all());
    const auto drained = b.inbox.drain();
    if (drained.woken) b.repoll = true;
    append_mail(b, drained.newest);
}

envelope* next_bounded_mail(control_block& b) noexcept {
    // Whoever was told that there is mail gets some: what was pushed out was by newer mail, which is there then.
    const bool was_told = b.mail != nullptr;
    drop_pushed_out(b);
    if (b.mail == nullptr) collect_mail(b);
    if (b.mail == nullptr || (!was_told && !may_be_taken(b))) return nullptr;
    envelope* const e = b.mail;
    note_if_watched(b, *e);
    unlink_mail(b, nullptr, e);
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

void drop_pushed_out(control_block& b) noexcept {
    for (envelope* e = b.bounded()->pushed_out(b); e != nullptr;) {
        envelope* next = e->next;
        dead_letter(*b.home, e, b.here(), drop_reason::full);
        e = next;
    }
}

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
    auto* const self = static_cast<control_block*>(thread.current); // as running_block
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
void bury(control_block& b, envelope* oldest) noexcept {
    while (oldest != nullptr) {
        envelope* e = oldest;
        oldest = e->next;
        if (e->is_mark()) {
            destroy(e);
        } else if (e->kind() == envelope_kind::asked) {
            announce(*b.home, *e, b.here(), drop_reason::unread);
            answer_with_error(e, errc::target_died, &b.reason);
        } else {
            dead_letter(*b.home, e, b.here(), drop_reason::unread);
        }
    }
}

void bury_list(control_block& b) noexcept {
    envelope* oldest = std::exchange(b.mail, nullptr);
    bury(b, oldest);
}

} // namespace

void clear_mail(control_block& b) noexcept {
    collect_mail(b);
    while (b.mail != nullptr) {
        envelope* e = b.mail;
        unlink_mail(b, nullptr, e);
        e->next = nullptr;
        bury(b, e);
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

void close_block(control_block& b) noexcept {
    // First, so that a monitor on its way still hears the reason, not just that there is nobody.
    handle_element_signals(b, b.lane.close());
    bury_list(b);
    bury(b, reversed(b.inbox.close()));
    if (b.bounded() != nullptr) {
        bounded_mailbox* box = b.bounded();
        bury(b, box->close());
        b.bounded_box.store(nullptr, std::memory_order_relaxed);
        box->release();
    }
    notify_monitors(b, b.reason, false);
}

} // namespace bastion::detail
