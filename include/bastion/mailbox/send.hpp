// Sending: `tell` and what its return value means.
#ifndef BASTION_MAILBOX_SEND_HPP
#define BASTION_MAILBOX_SEND_HPP

#include <bastion/mailbox/meta.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/context.hpp>

namespace bastion {

// What happened to a told message. At most once: `accepted` means it lies in the mailbox, not that it was read.
enum class delivery : std::uint8_t {
    accepted,
    noproc,        // the target is gone; a dead letter
    full,          // the bounded mailbox refused it; a dead letter unless the policy is `wait`
    dropped,       // the policy `drop_newest` dropped it; a dead letter
    noconnection,  // the target's node cannot be reached; a dead letter
};

namespace detail {

// The slow ways: bounded mailboxes and targets that are gone. Takes the envelope.
[[nodiscard]] BASTION_API delivery deliver_bounded(address to, envelope* e) noexcept;
[[nodiscard]] BASTION_API delivery deliver_refused(address to, envelope* e) noexcept;
// A notice of the library (a monitor's, a trapped stop): bounds do not hold it back. Its sender is set.
BASTION_API delivery deliver_notice(address to, envelope* e) noexcept;

// Pushes to an unbounded mailbox; false: it is closed or another's, and the envelope still the caller's.
[[nodiscard]] BASTION_INLINE bool try_push(address to, envelope* e, thread_state& thread) noexcept {
    e->generation = to.generation;
    control_block& b = *to.block;
    // One that lingers gets it at once, unless something lies in its inbox: that was there before, and it looks there before it parks.
    const bool lingered = b.inbox.lingers_empty(to.generation) && end_lingering(b, thread);
    switch (lingered ? push_result::claimed : b.inbox.push(e, to.generation)) {
    case push_result::queued: return true;
    case push_result::queued_beside: call_thief(b); return true;
    case push_result::claimed: {
        const bool meant = b.lives(to.generation); // else the word had come round to the same bits
        if (meant) [[likely]]
            hand_over_mail(b, e);
        schedule_block(b, thread); // one that was not meant looks, and parks again
        return meant;
    }
    case push_result::refused: break;
    }
    return false;
}

// Pushes an envelope whose sender or cell is set. Takes it in any case.
[[nodiscard]] BASTION_INLINE delivery push_envelope(address to, envelope* e, thread_state& thread) noexcept {
    control_block* b = to.block;
    if (b == nullptr || !b->lives(to.generation)) [[unlikely]]
        return deliver_refused(to, e);
    if (b->bounded() != nullptr) [[unlikely]]
        return deliver_bounded(to, e);
    return try_push(to, e, thread) ? delivery::accepted : deliver_refused(to, e);
}

// Notes that the running process, which is watched, sends.
BASTION_API BASTION_COLD void note_sent(const thread_state& thread, const address& to, const envelope& e) noexcept;

// Sends as the running process (or as nobody) and charges its budget.
[[nodiscard]] BASTION_INLINE delivery deliver(address to, envelope* e, thread_state& thread) noexcept {
    if (thread.current != nullptr) [[likely]] {
        --thread.current->budget;
        e->sender = static_cast<control_block*>(thread.current.get())->here();
        if (thread.debugged) [[unlikely]]
            note_sent(thread, to, *e);
    } else {
        e->sender = address();
    }
    return push_envelope(to, e, thread);
}

[[nodiscard]] inline delivery deliver(address to, envelope* e) noexcept { return deliver(to, e, this_thread()); }

// Makes the envelope and sends it. A constructor of the value may itself use the library, but cannot suspend.
template <class T, class... Args>
[[nodiscard]] BASTION_INLINE delivery tell_value(address to, Args&&... args) {
    thread_state& thread = this_thread();
    return deliver(to, make_envelope_in<T>(thread.blocks(), envelope_kind::told, std::forward<Args>(args)...), thread);
}

// Shares one value among many receivers; returns how many accepted it.
template <class T>
class broadcaster {
public:
    template <class U>
    explicit broadcaster(U&& value) {
        static_assert(check_message<T>());
        static_assert(is_broadcastable<T>, "bastion: this type opted out of broadcast: const access from several "
                                           "threads is not safe");
        box_ = pool_new<shared_value<T>>(std::forward<U>(value));
    }
    broadcaster(const broadcaster&) = delete;
    broadcaster& operator=(const broadcaster&) = delete;
    ~broadcaster() { shared_value<T>::drop(box_); }

    delivery to(const child_ref& ref) { return deliver(ref.where(), make_broadcast(box_)); }
    [[nodiscard]] envelope* envelope_for_one() { return make_broadcast(box_); }
    [[nodiscard]] const T& value() const noexcept { return box_->value; }

private:
    shared_value<T>* box_;
};

} // namespace detail

template <class M>
delivery child_ref::tell(M&& m) const {
    using T = detail::sent_as_t<M>;
    if constexpr (!std::is_move_constructible_v<T> || alignof(T) > 16)
        return static_cast<delivery>(detail::check_message<T>());
    else return detail::tell_value<T>(address_, std::forward<M>(m));
}

template <class T, class... Args>
delivery child_ref::tell(Args&&... args) const {
    if constexpr (detail::check_received<T>()) return detail::tell_value<T>(address_, std::forward<Args>(args)...);
}

} // namespace bastion

#endif
