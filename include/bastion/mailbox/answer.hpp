// Asking: `ref.ask(q)`, `ref.request<R>(x)`, and the `answer<R>` that is awaited.
//
// The question is sent at the call; the answer always comes: a value, or an error that says which: time-out (default
// 30 s, counted from the await), the target died (with its exit reason), dropped, unhandled, mailbox full, deadlock,
// wrong type. Cost: a cell and two hops; the answer reuses the question's block when it fits.
#ifndef BASTION_MAILBOX_ANSWER_HPP
#define BASTION_MAILBOX_ANSWER_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/mailbox/message.hpp>

#include <chrono>
#include <mutex>

namespace bastion {
namespace detail {

// The asker's side of a cell. Movable while nobody waits in it.
class pending_answer {
public:
    static constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max(); // no deadline

    pending_answer(completion_cell* cell, address to, std::chrono::nanoseconds timeout) noexcept
        : cell_(cell), to_(to), timeout_(timeout) {}
    pending_answer(pending_answer&& other) noexcept
        : cell_(std::exchange(other.cell_, nullptr)), to_(other.to_), timeout_(other.timeout_),
          timer_(std::move(other.timer_)), deadlocked_(other.deadlocked_) {}
    pending_answer& operator=(pending_answer&& other) noexcept {
        std::swap(cell_, other.cell_);
        std::swap(to_, other.to_);
        std::swap(timeout_, other.timeout_);
        std::swap(timer_, other.timer_);
        std::swap(deadlocked_, other.deadlocked_);
        return *this;
    }
    ~pending_answer() {
        if (cell_ != nullptr) give_up();
    }

    void set_timeout(std::chrono::nanoseconds d) noexcept { timeout_ = d; }
    // Arms the deadline unless the answer is here. `alone`: nothing but this answer is awaited.
    void start(bool alone) {
        if (cell_ == nullptr) throw_taken();
        if (cell_->word.load() != cell_state::pending) return;
        begin_waiting(alone);
    }
    [[nodiscard]] bool over() const noexcept { return deadlocked_ || cell_->word.load() != cell_state::pending; }
    // Blocks a plain thread; with an executor that is `driven`, has its driver work meanwhile.
    BASTION_API void wait_on_thread(executor* driven = nullptr);

    // The answer's envelope (the caller's), or null and why.
    [[nodiscard]] envelope* take(errc& why) noexcept {
        timer_.cancel(*cell_);
        if (cell_->word.load() == cell_state::completed) [[likely]] {
            auto* e = static_cast<envelope*>(cell_->payload);
            completion_cell::recycle(std::exchange(cell_, nullptr));
            return e;
        }
        why = deadlocked_ ? errc::deadlock : errc::timeout;
        give_up();
        return nullptr;
    }

private:
    [[noreturn]] static BASTION_API BASTION_COLD void throw_taken();
    BASTION_API void begin_waiting(bool alone);
    BASTION_API void give_up() noexcept;

    completion_cell* cell_;
    address to_;
    std::chrono::nanoseconds timeout_;  // negative: the runtime's default
    cell_timer timer_;
    bool deadlocked_ = false;
};

// The end of a wait that has no deadline: whoever sees that the answer may never come ends it with errc::timeout, unless who is to answer
// was faster. Any thread. Cost: a short lock each.
class open_end {
public:
    explicit open_end(completion_cell* cell) noexcept : cell_(cell) {}
    // By who is to answer, before that.
    void settle() noexcept {
        const std::lock_guard lock(lock_);
        cell_ = nullptr;
    }
    BASTION_API void give_up() noexcept;

private:
    spin_lock lock_;
    completion_cell* cell_; // Guarded. Invariant: not null, then nobody has completed it
};

// What became of such a wait: who was waited for was given up.
[[nodiscard]] BASTION_API error error_of_endless(error e);

// Blocks a plain thread until the cell is not pending any more; with an executor that is `driven`, has its driver work
// meanwhile. False: the time is over.
[[nodiscard]] BASTION_API bool wait_for_cell(completion_cell& cell, std::chrono::nanoseconds timeout, executor* driven);

// Sends a question. Out of line but for the envelope: an ask is two hops anyway.
[[nodiscard]] BASTION_API pending_answer send_question(address to, envelope* e);

// The error in an answer's envelope, or that it is no `expected` at all; without one, `why`. Frees it.
[[nodiscard]] BASTION_API BASTION_COLD error open_failed_answer(envelope* e, errc why, std::string_view expected);

// Takes an answer's envelope apart. Frees it.
template <class R>
[[nodiscard]] result<R> open_answer(envelope* e, errc why) {
    if constexpr (std::is_same_v<R, message>) {
        if (e != nullptr && !e->is(error_answer_meta, envelope_kind::answer)) return message(e);
    } else if (e != nullptr && e->is(meta_object<R>, envelope_kind::answer)) [[likely]] {
        result<R> value(std::in_place, std::move(*payload_of<R>(*e)));
        if constexpr (std::is_trivially_destructible_v<R>) pool_free(e, e->generation);
        else destroy(e);
        return value;
    }
    return bastion::fail(open_failed_answer(e, why, type_name<R>()));
}

} // namespace detail

// The answer to come. Awaited once; dropped, nobody waits any more. Move-only.
template <class R>
class [[nodiscard]] answer : public awaitable<answer<R>> {
public:
    using value_type = result<R>;
    static constexpr bool mail = false;

    explicit answer(detail::pending_answer p) noexcept : pending_(std::move(p)) {}
    // Sends the question; made in its place, because a copy of what was just written costs more than the call.
    answer(detail::address to, detail::envelope* question) : pending_(detail::send_question(to, question)) {}
    answer(answer&&) noexcept = default;
    answer& operator=(answer&&) noexcept = default;

    // Another deadline than the default, counted from the await.
    [[nodiscard]] answer within(std::chrono::nanoseconds d) && {
        pending_.set_timeout(d);
        return std::move(*this);
    }

    void start() { pending_.start(false); }
    [[nodiscard]] bool poll() const noexcept { return pending_.over(); }
    [[nodiscard]] result<R> take() {
        errc why = errc::timeout;
        detail::envelope* e = pending_.take(why);
        return detail::open_answer<R>(e, why);
    }

    [[nodiscard]] bool await_ready() {
        detail::strand& running = detail::running_strand("an answer");
        pending_.start(true);
        return running.budget > 0 && pending_.over();
    }
    [[nodiscard]] result<R> await_resume() { return take(); }

    [[nodiscard]] detail::pending_answer& pending() noexcept { return pending_; }

private:
    detail::pending_answer pending_;
};

// An answer that says only that it is done: of a message to acknowledge, of a start.
template <>
class [[nodiscard]] answer<void> : public awaitable<answer<void>> {
public:
    using value_type = result<void>;
    static constexpr bool mail = false;

    explicit answer(detail::pending_answer p) noexcept : answer_(std::move(p)) {}
    answer(detail::address to, detail::envelope* question) : answer_(to, question) {}

    // Another deadline than the default, counted from the await.
    [[nodiscard]] answer within(std::chrono::nanoseconds d) && {
        pending().set_timeout(d);
        return std::move(*this);
    }
    void start() { answer_.start(); }
    [[nodiscard]] bool poll() const noexcept { return answer_.poll(); }
    [[nodiscard]] result<void> take() {
        auto r = answer_.take();
        if (!r) return fail(r.error());
        return {};
    }
    [[nodiscard]] detail::pending_answer& pending() noexcept { return answer_.pending(); }

private:
    answer<detail::done_mark> answer_;
};

// All of a number of answers: `auto all = co_await when_all(staff.ask_everyone(q)).within(1s);`
//
// A result for each, in their order. Every deadline counts from the await, so all of them are over after the longest; who has not
// answered by then has the error `timeout`, and the answers of the others stay. Cost: one look at each.
template <class R>
class [[nodiscard]] every_answer : public awaitable<every_answer<R>> {
public:
    using value_type = std::vector<result<R>>;
    static constexpr bool mail = false;

    explicit every_answer(std::vector<answer<R>> all) noexcept : all_(std::move(all)) {}
    every_answer(every_answer&&) noexcept = default;
    every_answer& operator=(every_answer&&) noexcept = default;

    // One deadline for each, instead of theirs.
    [[nodiscard]] every_answer within(std::chrono::nanoseconds d) && {
        for (answer<R>& one : all_) one.pending().set_timeout(d);
        return std::move(*this);
    }

    void start() {
        for (answer<R>& one : all_) one.start();
    }
    // Each wake-up looks on from the first that was not over.
    [[nodiscard]] bool poll() noexcept {
        while (over_ < all_.size() && all_[over_].poll()) ++over_;
        return over_ == all_.size();
    }
    [[nodiscard]] value_type take() {
        value_type results;
        results.reserve(all_.size());
        for (answer<R>& one : all_) results.push_back(one.take());
        return results;
    }

private:
    std::vector<answer<R>> all_;
    std::size_t over_ = 0;
};

template <class R>
[[nodiscard]] every_answer<R> when_all(std::vector<answer<R>> answers) {
    return every_answer<R>(std::move(answers));
}

// What ask returns for a braced question with members that need destructors: this compiler destroys such a temporary
// twice inside co_await. Name the answer first, then await it.
template <class R>
class [[nodiscard]] named_answer : public answer<R> {
public:
    using answer<R>::answer;
    named_answer(named_answer&&) noexcept = default;
    named_answer& operator=(named_answer&&) noexcept = default;

    [[nodiscard]] named_answer within(std::chrono::nanoseconds d) && {
        this->pending().set_timeout(d);
        return std::move(*this);
    }
    [[nodiscard]] detail::referred_wait<answer<R>> operator co_await() & noexcept { // lint-allow: a declaration
        return detail::referred_wait<answer<R>>(*this);
    }
    template <class Self = named_answer>
    detail::referred_wait<answer<R>> operator co_await() && {
        static_assert(!std::is_same_v<Self, Self>,
            "bastion: this compiler destroys a braced question inside co_await twice: "
            "use ref.ask<q>(args...), or name the answer first: auto a = ref.ask(q{...}); co_await a");
        return detail::referred_wait<answer<R>>(*this);
    }
    template <class Self = named_answer>
    auto until(std::stop_token token) && {
        static_assert(!std::is_same_v<Self, Self>,
            "bastion: this compiler destroys a braced question inside co_await twice: "
            "use ref.ask<q>(args...), or name the answer first, as an answer<R>");
        return std::move(static_cast<answer<R>&>(*this)).until(std::move(token));
    }
};

namespace detail {

template <class A>
class awaitable_branch;
template <class A>
struct branch_of;
template <class R>
struct branch_of<named_answer<R>> {
    static_assert(!std::is_same_v<R, R>, "bastion: this compiler destroys a braced question inside co_await twice: "
                                         "use ref.ask<q>(args...), or name the answer first and pass it by its name");
    using type = awaitable_branch<answer<R>>;
};

// Which answer type an ask returns for a question given as Q (with its value category).
template <class Q>
struct ask_result {
    using type = sent_as_t<Q>;
    template <class R>
    using with = std::conditional_t<is_hazardous_temporary<Q>, named_answer<R>, answer<R>>;
};

template <class Q>
struct answer_type_of {
    using type = message;
};
template <knows_answer Q>
struct answer_type_of<Q> {
    using type = typename Q::answer_type;
};

template <class T, class... Args>
[[nodiscard]] envelope* make_to_acknowledge(Args&&... args) {
    envelope* e = make_envelope<T>(envelope_kind::asked, std::forward<Args>(args)...);
    e->meta_word |= envelope::acknowledged_bit;
    return e;
}

// Makes the cell of a question whose right to answer the caller gives away by other means than mail. Destroys the
// question when it throws std::bad_alloc.
[[nodiscard]] BASTION_API pending_answer expect_answer(envelope* question);
} // namespace detail

template <class Q>
auto child_ref::ask(Q&& q) const {
    using T = detail::sent_as_t<Q>;
    using R = typename detail::answer_type_of<T>::type;
    static_assert(detail::check_message<R>());
    return detail::answer_for<R, Q>(
        address_, detail::make_envelope<T>(detail::envelope_kind::asked, std::forward<Q>(q)));
}
template <class Q, class... Args>
auto child_ref::ask(Args&&... args) const {
    using R = typename detail::answer_type_of<Q>::type;
    static_assert(detail::check_message<R>());
    return answer<R>(address_, detail::make_envelope<Q>(detail::envelope_kind::asked, std::forward<Args>(args)...));
}
template <class M>
auto child_ref::tell_acknowledged(M&& m) const {
    using T = detail::sent_as_t<M>;
    return detail::answer_for<void, M>(address_, detail::make_to_acknowledge<T>(std::forward<M>(m)));
}
template <class T, class... Args>
answer<void> child_ref::tell_acknowledged(Args&&... args) const {
    return answer<void>(address_, detail::make_to_acknowledge<T>(std::forward<Args>(args)...));
}
template <class R, class Q>
auto child_ref::request(Q&& q) const {
    using T = detail::sent_as_t<Q>;
    static_assert(detail::check_received<R>());
    static_assert(detail::check_message<R>());
    if constexpr (detail::knows_answer<T>)
        static_assert(std::is_same_v<typename T::answer_type, R>,
            "bastion: request<R>: the question's answer_type is another type");
    return detail::answer_for<R, Q>(
        address_, detail::make_envelope<T>(detail::envelope_kind::asked, std::forward<Q>(q)));
}

} // namespace bastion

#endif
