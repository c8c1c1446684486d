#include <bastion/executor/fiber.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/mailbox/message.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/process/debugging.hpp>

namespace bastion {
namespace detail {

delivery deliver_refused(address to, envelope* e) noexcept {
    if (const control_block* here = running_block()) dead_letter(*here->home, e, to, drop_reason::noproc);
    else dead_letter_there(e, to, drop_reason::noproc);
    return delivery::noproc;
}

void abandon_question(envelope* e) noexcept {
    control_block* here = running_block();
    if (here != nullptr && (unwinds_by_a_fault(this_thread()) || here->life_state.now() == life::stopping ||
                               here->reason.kind() != exit_kind::normal)) {
        // The process is going down (also by ctx.fail), or an exception is on its way to somewhere: the report answers.
        answer_at_end(*here, e);
        return;
    }
    if (e->is_acknowledged()) answer_question<done_mark>(e);
    else answer_with_error(e, errc::dropped, nullptr);
}

void deliver_stop_request(control_block& b) noexcept {
    const must_not_fail certain;
    envelope* e = make_envelope<stop_request>(envelope_kind::told);
    e->sender = address();
    deliver_notice(b.here(), e);
}

envelope* make_exit_mark(const address& from, const exit_reason& why, std::uint64_t number) {
    envelope* e = make_envelope<exited>(envelope_kind::told, child_ref(from), why);
    e->sender = {from.block, number}; // its sender is in the payload, and the signal's
    e->become_mark();
    return e;
}

void deliver_exited(control_block& b, const address& from, const exit_reason& why) noexcept {
    const must_not_fail certain;
    envelope* e = make_envelope<exited>(envelope_kind::told, child_ref(from), why);
    e->sender = from;
    (void)deliver_notice(b.here(), e);
}

void note_sent(const thread_state& thread, const address& to, const envelope& e) noexcept {
    if (thread.current == nullptr) return; // a forked task: it is not the process
    note_step(*static_cast<control_block*>(thread.current.get()), step_taken::sent, e.meta().name, to);
}

void lose_in_hand(const message_meta& meta) noexcept {
    control_block* const here = running_block();
    if (here != nullptr && unwinds_by_a_fault(this_thread())) note_lost_in_hand(*here, meta);
}

} // namespace detail

void message::unhandled() {
    detail::envelope* e = std::exchange(envelope_, nullptr);
    if (e == nullptr) return;
    if (detail::control_block* here = detail::running_block())
        detail::dead_letter(*here->home, e, here->here(), drop_reason::unhandled);
    else detail::end_undelivered(e, errc::unhandled);
}

} // namespace bastion
