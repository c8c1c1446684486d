// Bounded mailboxes: `mailbox::bounded(n, policy)`, and `co_await ref.send(x)` for the policy that waits.
//
// A bound counts everything unread, also what a selective receive skipped. Cost: a short lock per message instead of
// one atomic. With drop_oldest what gives way may lie in the process' own list already: then the process ends it when
// it looks at its mail next, and until then it takes memory, at most as much again as the bound.
#ifndef BASTION_MAILBOX_BOUNDED_HPP
#define BASTION_MAILBOX_BOUNDED_HPP

#include <bastion/mailbox/send.hpp>

#include <cstdint>

namespace bastion {

// What a full mailbox does with one message more.
enum class overflow : std::uint8_t {
    fail,         // refuse it: tell returns `full`, an asker gets mailbox_full
    drop_newest,  // drop it silently (a dead letter): tell returns `dropped`
    drop_oldest,  // drop the oldest unread one (a dead letter) and take it
    kill,         // the receiver is at fault: it ends with reason `limit`, and its policy decides
    wait,         // tell returns `full`; `co_await ref.send(x)` suspends until there is room
};

// What `with_mailbox` takes. Default: unbounded, and unread mail survives a restart.
class mailbox {
public:
    [[nodiscard]] static mailbox unbounded() noexcept { return mailbox(0, overflow::fail); }
    // `messages` at most, at least 1.
    [[nodiscard]] static mailbox bounded(std::uint32_t messages, overflow policy = overflow::fail) noexcept {
        return mailbox(messages == 0 ? 1 : messages, policy);
    }
    // Unread mail is dropped when the element restarts.
    [[nodiscard]] mailbox clear_on_restart() const noexcept {
        mailbox copy = *this;
        copy.clear_ = true;
        return copy;
    }

    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] overflow policy() const noexcept { return policy_; }
    [[nodiscard]] bool clears_on_restart() const noexcept { return clear_; }

private:
    mailbox(std::uint32_t capacity, overflow policy) noexcept : capacity_(capacity), policy_(policy) {}
    std::uint32_t capacity_;
    overflow policy_;
    bool clear_ = false;
};

namespace detail {

// Gives a new block, not known to anybody yet, a bounded mailbox; `memory_limit` in bytes of unread mail, 0: none.
BASTION_API void make_bounded(
    control_block& block, std::uint32_t capacity, overflow policy, std::uint64_t memory_limit);

// The block's process reads no mail: what is sent there is undeliverable. The same conditions.
BASTION_API void refuse_mail(control_block& block);

// One sender that waits for room: in the mailbox' list from the first refusal until it is woken.
struct send_waiter {
    list_hook<send_waiter> hook;
    completion_cell* cell = nullptr;
    bool queued = false;
};

enum class offer_result : std::uint8_t { accepted, must_wait, gone };

// Tries to push; when there is no room puts the waiter in line. `gone` leaves the envelope to the caller.
[[nodiscard]] BASTION_API offer_result offer(address to, envelope* e, send_waiter& waiter) noexcept;
// Takes the waiter out of line; a wake-up that it did not use goes to the next.
BASTION_API void leave_line(address to, send_waiter& waiter) noexcept;

template <class M>
class [[nodiscard]] send_wait : public awaitable<send_wait<M>> {
public:
    static constexpr bool mail = false;

    template <class U>
    send_wait(address to, U&& value)
        : to_(to), envelope_(make_envelope<M>(envelope_kind::told, std::forward<U>(value))) {}
    send_wait(send_wait&& other) noexcept
        : to_(other.to_), envelope_(std::exchange(other.envelope_, nullptr)), result_(other.result_) {}
    send_wait& operator=(send_wait&&) = delete;
    ~send_wait() {
        if (waiter_.cell != nullptr) leave_line(to_, waiter_);
        if (envelope_ != nullptr) destroy(envelope_);
    }

    void start() {
        envelope_->sender = static_cast<control_block&>(running_strand("send")).here();
        if (const thread_state& thread = this_thread(); thread.debugged) [[unlikely]]
            note_sent(thread, to_, *envelope_);
    }
    [[nodiscard]] bool poll() {
        if (envelope_ == nullptr) return true;
        if (waiter_.cell != nullptr && waiter_.cell->word.load() == cell_state::pending) return false;
        switch (offer(to_, envelope_, waiter_)) {
        case offer_result::accepted:
            envelope_ = nullptr;
            result_ = delivery::accepted;
            return true;
        case offer_result::must_wait: return false;
        case offer_result::gone: result_ = deliver_refused(to_, std::exchange(envelope_, nullptr)); return true;
        }
        return false;
    }
    [[nodiscard]] result<void> take() {
        if (result_ == delivery::accepted) return {};
        return bastion::fail(errc::noproc);
    }

private:
    address to_;
    envelope* envelope_;
    send_waiter waiter_;
    delivery result_ = delivery::full;
};

// What send returns for a braced message with members that need destructors: see named_answer.
template <class M>
class [[nodiscard]] named_send : public send_wait<M> {
public:
    using send_wait<M>::send_wait;

    [[nodiscard]] referred_wait<send_wait<M>> operator co_await() & noexcept { // lint-allow: a declaration
        return referred_wait<send_wait<M>>(*this);
    }
    template <class Self = named_send>
    referred_wait<send_wait<M>> operator co_await() && {
        refuse<Self>();
        return referred_wait<send_wait<M>>(*this);
    }
    template <class Self = named_send>
    auto within(std::chrono::nanoseconds d) && {
        refuse<Self>();
        return std::move(static_cast<send_wait<M>&>(*this)).within(d);
    }
    template <class Self = named_send>
    auto until(std::stop_token token) && {
        refuse<Self>();
        return std::move(static_cast<send_wait<M>&>(*this)).until(std::move(token));
    }

private:
    template <class Self>
    static consteval void refuse() {
        static_assert(!std::is_same_v<Self, Self>,
            "bastion: this compiler destroys a braced message inside co_await twice: "
            "name the sending first: auto s = ref.send(m{...}); co_await s");
    }
};

} // namespace detail

template <class M>
auto child_ref::send(M&& m) const {
    using T = detail::sent_as_t<M>;
    using wait = std::conditional_t<detail::is_hazardous_temporary<M>, detail::named_send<T>, detail::send_wait<T>>;
    return wait(address_, std::forward<M>(m));
}

} // namespace bastion

#endif
