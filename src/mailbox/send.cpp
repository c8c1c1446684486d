#include <bastion/mailbox/message.hpp>
#include <bastion/mailbox/send.hpp>

namespace bastion {
namespace detail {

delivery deliver_refused(address to, envelope* e) noexcept {
    const bool asked = e->kind() == envelope_kind::asked;
    if (const control_block* here = running_block()) {
        dead_letter(*here->home, e, to, drop_cause::noproc);
    } else if (to.block != nullptr && to.block->home != nullptr) {
        // A plain thread: count it with the target's runtime, if that still stands.
        runtime_home& home = *to.block->home;
        const std::size_t stripe = this_stripe();
        if (home.entrance.enter(stripe)) {
            dead_letter(home, e, to, drop_cause::noproc);
            home.entrance.leave(stripe);
        } else if (asked) {
            answer_with_error(e, errc::noproc, nullptr);
        } else {
            destroy(e);
        }
    } else if (asked) {
        answer_with_error(e, errc::noproc, nullptr);
    } else {
        destroy(e);
    }
    return delivery::noproc;
}

void abandon_question(envelope* e) noexcept {
    control_block* here = running_block();
    if (here != nullptr && (std::uncaught_exceptions() != 0 || here->life_state.now() == life::stopping ||
                               here->reason.kind() != exit_kind::normal)) {
        // The process is going down (also by ctx.fail), or an exception is on its way to somewhere: the report answers.
        e->next = here->orphans;
        here->orphans = e;
        return;
    }
    answer_with_error(e, errc::dropped, nullptr);
}

void deliver_stop_request(control_block& b) noexcept {
    envelope* e = make_envelope<stop_request>(envelope_kind::told);
    e->sender = address();
    deliver_notice(b.here(), e);
}

void lose_in_hand(const message_meta& meta) noexcept {
    if (control_block* here = running_block()) {
        ++here->lost_in_hand;
        here->hand = &meta;
    }
}

} // namespace detail

void message::unhandled() {
    detail::envelope* e = std::exchange(envelope_, nullptr);
    if (e == nullptr) return;
    if (detail::control_block* here = detail::running_block())
        detail::dead_letter(*here->home, e, here->here(), detail::drop_cause::unhandled);
    else if (e->kind() == detail::envelope_kind::asked) detail::answer_with_error(e, errc::unhandled, nullptr);
    else detail::destroy(e);
}

} // namespace bastion
