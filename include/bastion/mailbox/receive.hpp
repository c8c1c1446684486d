// Receiving: `co_await ctx.recv()`, `co_await ctx.recv<T>()`, `ctx.try_recv()`.
//
// Only inside the process; a stop takes effect while it waits here. Cost of a receive from mail at hand: a list pop; of
// an empty mailbox: one exchange, then a park.
#ifndef BASTION_MAILBOX_RECEIVE_HPP
#define BASTION_MAILBOX_RECEIVE_HPP

#include <bastion/mailbox/message.hpp>

#include <optional>

namespace bastion {

// What `ctx.recv()` returns: gives the oldest message, whatever it is.
class [[nodiscard]] recv_wait : public awaitable<recv_wait> {
public:
    static constexpr bool mail = true;

    explicit recv_wait(detail::control_block& block) noexcept : block_(&block) {}
    void start() const { detail::require_running(*block_, "recv"); }
    [[nodiscard]] bool poll() const noexcept { return detail::mail_at_hand(*block_); }

    // The fast way of awaitable's await_ready: one check of the thread, none of the budget twice.
    [[nodiscard]] BASTION_INLINE bool await_ready() const {
        detail::require_running(*block_, "recv");
        // Charged in any case: mail that comes one by one, always in time, must not run for ever.
        return --block_->budget > 0 && block_->mail != nullptr && block_->signals.now() == 0;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        block_->slot->set(h, block_, &detail::any_mail_ready, true);
    }
    message await_resume() noexcept {
        detail::envelope* e = detail::next_mail(*block_); // noted by the run loop
        block_->hand = &e->meta();
        return message(e);
    }

    message take() noexcept {
        detail::envelope* e = detail::next_mail(*block_);
        if (block_->bounded() == nullptr) detail::note_if_watched(*block_, *e);
        block_->hand = &e->meta();
        return message(e);
    }
    void never_read() const noexcept { detail::count_never_read(*block_); }

private:
    detail::control_block* block_;
};

// What `ctx.recv<T>()` returns: gives the oldest T that was told; everything else waits, in order.
template <class T>
class [[nodiscard]] recv_as_wait : public awaitable<recv_as_wait<T>> {
public:
    static constexpr bool mail = true;

    explicit recv_as_wait(detail::control_block& block) noexcept : block_(&block) {}
    void start() const { detail::require_running(*block_, "recv<T>"); }

    // Looks at each message once: `seen_` is the last one that did not fit.
    [[nodiscard]] bool poll() noexcept {
        if (block_->bounded() != nullptr) [[unlikely]]
            detail::drop_pushed_out(*block_);
        if (version_ != block_->taken) restart();
        if (found_ || scan()) return true;
        if (!detail::has_new_mail(*block_)) return false;
        detail::collect_mail(*block_);
        return scan() && detail::may_be_taken(*block_);
    }
    [[nodiscard]] bool await_ready() {
        start();
        return --block_->budget > 0 && block_->signals.now() == 0 && poll();
    }
    T await_resume() { return take(); }

    T take() {
        if (version_ != block_->taken) { // another branch of a when_all took mail meanwhile
            restart();
            (void)poll();
        }
        detail::envelope* e = seen_ != nullptr ? seen_->next : block_->mail;
        detail::unlink_mail(*block_, seen_, e);
        found_ = false;
        block_->hand = &e->meta();
        detail::note_if_watched(*block_, *e);
        owned_envelope owner(e);
        return std::move(*detail::payload_of<T>(*e));
    }
    void never_read() const noexcept { detail::count_never_read(*block_); }

private:
    class owned_envelope {
    public:
        explicit owned_envelope(detail::envelope* e) noexcept : e_(e) {}
        owned_envelope(const owned_envelope&) = delete;
        owned_envelope& operator=(const owned_envelope&) = delete;
        ~owned_envelope() {
            if (e_->kind() == detail::envelope_kind::asked) [[unlikely]] { // to be acknowledged
                e_->generation = detail::envelope::was_told;
                detail::abandon_question(e_);
            } else {
                detail::destroy(e_);
            }
        }

    private:
        detail::envelope* e_;
    };

    void restart() noexcept {
        version_ = block_->taken;
        seen_ = nullptr;
        found_ = false;
    }
    [[nodiscard]] bool scan() noexcept {
        for (detail::envelope* e = seen_ != nullptr ? seen_->next : block_->mail; e != nullptr; e = e->next) {
            const detail::message_meta& meta = detail::meta_object<T>;
            if (e->is(meta, detail::envelope_kind::told) || e->is_to_acknowledge(meta)) return found_ = true;
            seen_ = e;
        }
        return false;
    }

    detail::control_block* block_;
    detail::envelope* seen_ = nullptr;
    std::uint32_t version_ = block_->taken; // `seen_` is good as long as nothing was unlinked
    bool found_ = false;
};

inline recv_wait context::recv() const { return recv_wait(*block_); }

template <class T>
recv_as_wait<T> context::recv() const {
    static_assert(detail::check_received<T>());
    static_assert(detail::check_message<T>());
    return recv_as_wait<T>(*block_);
}

inline std::optional<message> context::try_recv() const {
    detail::require_running(*block_, "try_recv");
    --block_->budget;
    if ((block_->signals.now() & detail::signal_flags::suspended) != 0) [[unlikely]]
        return std::nullopt;
    if (detail::envelope* e = detail::next_mail(*block_)) {
        if (block_->bounded() == nullptr) detail::note_if_watched(*block_, *e);
        block_->hand = &e->meta();
        return message(e);
    }
    return std::nullopt;
}

} // namespace bastion

#endif
