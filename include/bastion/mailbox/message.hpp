// `message` and `question<T>`: what a process receives, and the right to answer.
//
// A message is told (owned), asked (a question, can be answered) or broadcast (shared, const). It belongs to the
// process that received it; destroyed unhandled, a question is answered with an error.
#ifndef BASTION_MAILBOX_MESSAGE_HPP
#define BASTION_MAILBOX_MESSAGE_HPP

#include <bastion/mailbox/send.hpp>

#include <exception>
#include <string_view>

namespace bastion {

template <class T>
class question;

namespace detail {

// The answer that says only that something is done.
struct done_mark {};

// A question destroyed unanswered: dropped; while its process is going down: answered by the fault's report. A message
// that is to be acknowledged and was told: acknowledged.
BASTION_API void abandon_question(envelope* e) noexcept;
// A message destroyed by unwinding was in hand at the fault.
BASTION_API void lose_in_hand(const message_meta& meta) noexcept;

template <class Q>
concept knows_answer = requires { typename Q::answer_type; };

// Puts an answer into the question's block, or into a bigger one, and completes the cell. Takes the question, unless it
// throws: then it is whole, and still `from`'s.
template <class R, class... Args>
void answer_question(envelope*& from, Args&&... args) {
    static_assert(check_message<R>());
    envelope* const e = from;
    envelope* answer = e;
    std::size_t room = bytes_of(*e);
    completion_cell* cell = nullptr;
    if (room >= envelope_bytes<R> && std::is_nothrow_constructible_v<R, Args&&...>) {
        from = nullptr;
        cell = std::exchange(e->cell, nullptr);
        e->meta().destroy_payload(*e);
        construct_payload<R>(e->payload_at(payload_offset<R>), std::forward<Args>(args)...);
        e->set_meta(meta_object<R>, envelope_kind::answer);
    } else {
        answer = make_envelope<R>(envelope_kind::answer, std::forward<Args>(args)...);
        room = envelope_bytes<R>;
        from = nullptr;
        cell = std::exchange(e->cell, nullptr); // not before: there may be no memory, or the constructor throws
        destroy(e);
    }
    answer->generation = room;
    complete_as_running(cell, answer);
}

} // namespace detail

// An owned question: its value and the right to answer it once, now or later, here or elsewhere. Move-only.
template <class T>
class question {
public:
    question() noexcept {}
    explicit question(detail::envelope* e) noexcept : envelope_(e) {}
    question(question&& other) noexcept : envelope_(std::exchange(other.envelope_, nullptr)) {}
    question& operator=(question&& other) noexcept {
        std::swap(envelope_, other.envelope_);
        return *this;
    }
    ~question() {
        if (envelope_ != nullptr) detail::abandon_question(envelope_);
    }

    // Whether there is a question (left to answer).
    [[nodiscard]] explicit operator bool() const& noexcept { return envelope_ != nullptr; }
    explicit operator bool() const&& = delete; // name the question first: if (auto q = msg.asked<T>())

    [[nodiscard]] T& operator*() const noexcept { return *detail::payload_of<T>(*envelope_); }
    [[nodiscard]] T* operator->() const noexcept { return detail::payload_of<T>(*envelope_); }

    // Who asked; nobody for plain threads, and for one that waits no more.
    [[nodiscard]] child_ref asker() const noexcept {
        return envelope_ != nullptr ? child_ref(detail::asker_of(*envelope_)) : child_ref();
    }

    // Answers. The asker gets it unless it has given up; a second reply is an error.
    template <class U>
    void reply(U&& value) {
        if (envelope_ == nullptr) throw usage_error("bastion: this question was already answered");
        if constexpr (detail::knows_answer<T>) {
            using R = typename T::answer_type;
            if constexpr (std::is_constructible_v<R, U&&>) send<R>(std::forward<U>(value));
            else
                static_assert(
                    std::is_constructible_v<R, U&&>, "bastion: the answer does not fit the question's answer_type");
        } else {
            send<detail::sent_as_t<U>>(std::forward<U>(value));
        }
    }
    // Answers with an error.
    void fail(errc code) {
        if (envelope_ != nullptr) detail::answer_with_error(std::exchange(envelope_, nullptr), code, nullptr);
    }

private:
    // By value: the argument may live inside the question, whose block the answer reuses.
    template <class R, class U>
    void send(U&& value) {
        if constexpr (std::is_trivially_copyable_v<R>) {
            const R copy(std::forward<U>(value));
            detail::answer_question<R>(envelope_, copy);
        } else {
            R copy(std::forward<U>(value));
            detail::answer_question<R>(envelope_, std::move(copy));
        }
    }

    detail::envelope* envelope_ = nullptr;
};

class [[nodiscard]] message {
public:
    explicit message(detail::envelope* e) noexcept : envelope_(e) {}
    message(message&& other) noexcept : envelope_(std::exchange(other.envelope_, nullptr)) {}
    message& operator=(message&& other) noexcept {
        std::swap(envelope_, other.envelope_);
        return *this;
    }
    ~message() {
        if (envelope_ != nullptr) end();
    }
    explicit operator bool() const = delete; // a received message always is one; ask told, asked or broadcast

    // The value, if a T was told (or is an answer). It stays in the message.
    template <class T>
    [[nodiscard]] T* told() & noexcept {
        static_assert(detail::check_received<T>());
        return is_told<T>() ? detail::payload_of<T>(*envelope_) : nullptr;
    }
    template <class T>
    [[nodiscard]] const T* told() const& noexcept {
        static_assert(detail::check_received<T>());
        return is_told<T>() ? detail::payload_of<T>(*envelope_) : nullptr;
    }
    template <class T>
    void told() && = delete; // the pointer would dangle: name the message first

    // The question, if a T was asked: taken out of the message, with the right to answer.
    template <class T>
    [[nodiscard]] question<T> asked() & noexcept {
        static_assert(detail::check_received<T>());
        if (envelope_ == nullptr || !envelope_->is(detail::meta_object<T>, detail::envelope_kind::asked))
            return question<T>();
        return question<T>(std::exchange(envelope_, nullptr));
    }
    template <class T>
    void asked() && = delete; // name the message first

    // The shared value, if a T was broadcast.
    template <class T>
    [[nodiscard]] const T* broadcast() const& noexcept {
        static_assert(detail::check_received<T>());
        if (envelope_ == nullptr || !envelope_->is(detail::meta_object<T>, detail::envelope_kind::broadcast))
            return nullptr;
        return &detail::shared_payload_of<T>(*envelope_)->value;
    }
    template <class T>
    void broadcast() const&& = delete; // name the message first

    // This process does not know it: a dead letter, counted; a question is answered so.
    BASTION_API void unhandled();

    // Who sent it; nobody for those from plain threads, and for a question (or a message to acknowledge) that nobody waits
    // for any more.
    [[nodiscard]] child_ref sender() const noexcept {
        if (envelope_ == nullptr) return child_ref();
        return envelope_->kind() == detail::envelope_kind::asked ? child_ref(detail::asker_of(*envelope_))
                                                                 : child_ref(envelope_->sender);
    }
    // The readable name of the message's type, for logs.
    [[nodiscard]] std::string_view type() const noexcept {
        return envelope_ != nullptr ? envelope_->meta().name : std::string_view("(taken)");
    }
    // True: a question was taken out of it.
    [[nodiscard]] bool taken() const noexcept { return envelope_ == nullptr; }

    // Calls the first arm that fits; without any (and without `otherwise`) the message is unhandled.
    // Plain code only: an arm cannot await. True: an arm took it.
    template <class... Arms>
    bool match(Arms&&... arms);

    [[nodiscard]] detail::envelope* release() noexcept { return std::exchange(envelope_, nullptr); }

private:
    template <class T>
    [[nodiscard]] bool is_told() const noexcept {
        if (envelope_ == nullptr) return false;
        const detail::message_meta& meta = detail::meta_object<T>;
        if (envelope_->is(meta, detail::envelope_kind::told) || envelope_->is(meta, detail::envelope_kind::answer))
            return true;
        if (!envelope_->is_to_acknowledge(meta)) return false;
        envelope_->generation = detail::envelope::was_told;
        return true;
    }
    BASTION_INLINE void end() noexcept {
        const detail::thread_state& thread = detail::this_thread();
        if (thread.unwinding()) [[unlikely]]
            detail::lose_in_hand(envelope_->meta());
        if (envelope_->kind() == detail::envelope_kind::asked) [[unlikely]]
            detail::abandon_question(envelope_);
        else detail::destroy(envelope_, thread);
    }

    detail::envelope* envelope_;
};

} // namespace bastion

#endif
