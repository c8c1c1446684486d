// What a process runs: how an incarnation's body is made, driven and destroyed. And the second class of inbox.
//
// Implemented by the layers above (coroutine functions in process.hpp, handlers in mailbox/, owners in supervision/);
// called by the run loop only, with the process as current.
#ifndef BASTION_PROCESS_BODY_HPP
#define BASTION_PROCESS_BODY_HPP

#include <bastion/base/ref_counted.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/process/control_block.hpp>

#include <cstddef>
#include <new>
#include <string_view>

namespace bastion::detail {

// Shared by the elements of a group and kept as long as the group: closures live as long as their group.
class process_body : public ref_counted {
public:
    // From the pools: each process that is spawned as a function has one of its own.
    static void* operator new(std::size_t n) { return pool_allocate(n); }
    static void* operator new(std::size_t n, std::align_val_t alignment) { return ::operator new(n, alignment); }
    static void operator delete(void* p, std::size_t n) noexcept { pool_free(p, n); }
    static void operator delete(void* p, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(p, alignment);
    }

    // Makes a new incarnation's frame (coroutines: sets the wait slot; handlers: constructs the state). May throw.
    virtual void start(control_block& block) = 0;
    // Handlers: handles and frees one message. May throw.
    virtual void handle(control_block&, envelope*) {}
    // Handlers: the state's type, as data_type_tag names it; null: there is none.
    [[nodiscard]] virtual const void* state_type() const noexcept { return nullptr; }
    [[nodiscard]] virtual std::string_view state_type_name() const noexcept { return {}; }
    // Its process does not come back and is not waited for, but still runs: ends what others wait for. Called by its owner, once.
    virtual void be_lost() noexcept {}
    // Handlers: destroys the state.
    virtual void destroy_state(void*) noexcept {}
};

// An inbox other than the lock-free word; the word still holds the park bits.
class bounded_mailbox {
public:
    bounded_mailbox() = default;
    bounded_mailbox(const bounded_mailbox&) = delete;
    bounded_mailbox& operator=(const bounded_mailbox&) = delete;

    // The unread mail, oldest first, linked by `next`; it still counts until `consumed`.
    [[nodiscard]] virtual envelope* take_all() noexcept = 0;
    [[nodiscard]] virtual bool has_mail() noexcept = 0;
    // `e`, which was a mark and counted nowhere, is a message of its process' list from now on.
    virtual void has_become_message(const envelope& e) noexcept = 0;
    // Unread messages, drained and skipped ones included.
    [[nodiscard]] virtual std::uint32_t unread() noexcept = 0;
    // `e`, in the list of its process, is about to be handed to it.
    virtual void consumed(const control_block& block, const envelope& e) noexcept = 0;
    // Takes those out of the process' list that newer mail has pushed out; the oldest first. Null: none.
    [[nodiscard]] virtual envelope* pushed_out(control_block& block) noexcept = 0;
    // Refuses from now on; returns what is left. Its memory stays a mailbox: late senders find it closed.
    [[nodiscard]] virtual envelope* close() noexcept = 0;
    virtual void release() noexcept = 0;
    // Which limit its process met: "mailbox" or "memory".
    [[nodiscard]] virtual const char* limit_met() noexcept = 0;

protected:
    virtual ~bounded_mailbox() = default;
};

// ---- the running process' mail -------------------------------------------------------------------------------------

// Moves what came in to the end of the block's list. Only the running worker, or the owner between incarnations.
BASTION_API void collect_mail(control_block& block) noexcept;

// Appends drained messages, newest first, to the block's list; what lies behind an order that ends this incarnation is kept from it.
BASTION_API void append_mail(control_block& block, envelope* newest) noexcept;
// An order to end that cannot be carried out yet: what is in the list is kept from this incarnation, too. Between two of its steps.
void keep_mail_back(control_block& block) noexcept;
// The incarnation has ended: what was kept from it is the next one's.
void give_mail_back(control_block& block) noexcept;

// Appends messages linked from `first` to `last` to the list of a process whose right to run the caller holds.
BASTION_INLINE void append_list(control_block& block, envelope* first, envelope* last) noexcept {
    (block.mail != nullptr ? block.mail_last->next : block.mail) = first;
    block.mail_last = last;
}
BASTION_INLINE void hand_over_mail(control_block& block, envelope* e) noexcept {
    e->next = nullptr;
    append_list(block, e, e);
}

// Ends what newer mail has pushed out of a bounded mailbox. Only the running worker.
BASTION_API void drop_pushed_out(control_block& block) noexcept;

[[nodiscard]] inline bool has_new_mail(control_block& block) noexcept {
    return block.bounded() != nullptr ? block.bounded()->has_mail() : block.inbox.has_mail();
}

// The readiness of a plain receive; the run loop knows it by its address and looks itself.
BASTION_API bool any_mail_ready(void* block, wait_query);

// Counts a message whose memory another node's worker may have made.
BASTION_API BASTION_COLD void note_origin(const envelope& e) noexcept;

// Unlinks `e`, whose predecessor in the list is `before` (null: it is the first).
inline void unlink_mail(control_block& block, envelope* before, envelope* e) noexcept {
    if (block.bounded() != nullptr) [[unlikely]]
        block.bounded()->consumed(block, *e);
    worker_counters::bump(this_thread().counters->messages);
    if (anybody_has_a_home()) [[unlikely]]
        note_origin(*e);
    if (before == nullptr) {
        block.mail = e->next;
    } else {
        before->next = e->next;
        if (block.mail_last == e) block.mail_last = before;
    }
    ++block.taken;
}

// Who waits for the answer; nobody, if that is a plain thread or has given up. The question names its cell, and the cell
// its asker, who is there as long as it waits.
[[nodiscard]] inline address asker_of(const completion_cell* cell) noexcept {
    if (cell == nullptr || cell->owner == nullptr) return {};
    control_block& asker = block_of(*cell->owner);
    const std::uint64_t generation = asker.generation.seen();
    // It was waiting after its generation was read: so that is the asker's. The cell is the question's until it is answered.
    return cell->word.load() == cell_state::pending ? address{&asker, generation} : address();
}
[[nodiscard]] inline address asker_of(const envelope& question) noexcept { return asker_of(question.cell); }

// Notes that the process, if it is watched, has taken that message.
BASTION_API BASTION_COLD void note_taken(control_block& block, const envelope& e) noexcept;
inline void note_if_watched(control_block& block, const envelope& e) noexcept {
    if ((block.signals.now() & signal_flags::watched) != 0) [[unlikely]]
        note_taken(block, e);
}

// Of mail that has just been put into the list: whether it may be taken now. What the run loop is still to look at was perhaps sent
// before it, by the same sender, and takes effect first. (An order to end is none of that: mail behind one never gets into the list.)
[[nodiscard]] BASTION_INLINE bool may_be_taken(control_block& block) noexcept {
    if ((block.signals.now() & signal_flags::lane) == 0) [[likely]]
        return true;
    block.repoll = true;
    return false;
}

// Asked when mail has been drained, before it is put into the list: what is seen then was perhaps sent before it.
[[nodiscard]] BASTION_INLINE bool has_signals_before_mail(const control_block& block) noexcept {
    return (block.signals.now() & (signal_flags::lane | signal_flags::kill)) != 0;
}

// Whether there is mail for this process to take; moves what came in to its list (a stale message may turn out not to be its).
[[nodiscard]] BASTION_INLINE bool mail_at_hand(control_block& block) noexcept {
    if (block.mail != nullptr) return true;
    if (block.bounded() != nullptr) [[unlikely]] {
        collect_mail(block);
        return block.mail != nullptr && may_be_taken(block);
    }
    if (!block.inbox.has_mail()) return false;
    const auto drained = block.inbox.drain();
    if (drained.woken) [[unlikely]]
        block.repoll = true;
    envelope* e = drained.newest;
    if (e->next == nullptr && e->generation == block.generation.now() && !has_signals_before_mail(block)) [[likely]] {
        block.mail = block.mail_last = e;
        return true;
    }
    append_mail(block, e);
    return block.mail != nullptr && may_be_taken(block);
}

// The next of a bounded mailbox, noted if its process is watched.
[[nodiscard]] BASTION_API envelope* next_bounded_mail(control_block& block) noexcept;

// The oldest unread message, or null. Of an unbounded mailbox the run loop has noted it, if the process waits for any mail.
[[nodiscard]] BASTION_INLINE envelope* next_mail(control_block& block) noexcept {
    if (block.bounded() != nullptr) [[unlikely]]
        return next_bounded_mail(block);
    if (!mail_at_hand(block)) return nullptr;
    envelope* e = block.mail;
    unlink_mail(block, nullptr, e);
    return e;
}

// ---- ends ----------------------------------------------------------------------------------------------------------

// Counts and remembers the message that the process goes down with.
inline void note_lost_in_hand(control_block& block, const message_meta& meta) noexcept {
    ++block.lost_in_hand;
    block.hand = &meta;
}
// The message taken last, or one before it: a combinator had it, and was destroyed before its body got it. It is a dead letter.
BASTION_API void count_never_read(const control_block& block) noexcept;
// A question that the end of the process answers, with its reason.
inline void answer_at_end(control_block& block, envelope* question) noexcept {
    question->next = block.orphans;
    block.orphans = question;
}
// The type of an answer that is an error.
extern BASTION_API const message_meta error_answer_meta;
// Hands `answer` to whoever asked, or frees it when nobody waits any more. Consumes the completer's side of the cell.
BASTION_API void complete_with(completion_cell* cell, envelope* answer) noexcept;
// The same, in the name of who runs on this thread.
BASTION_API void complete_as_running(completion_cell* cell, envelope* answer) noexcept;
// Completes the cell of a question with an error: `code`, or the exit reason of the process that lost it.
BASTION_API void answer_with_error(envelope* question, errc code, const exit_reason* why) noexcept;
BASTION_API void answer_with_error(envelope* question, error why) noexcept;
// Ends an envelope's life as a dead letter: counted, shown to the hook; a question is answered with an error.
BASTION_API void dead_letter(runtime_home& home, envelope* e, address to, drop_reason cause) noexcept;
// The same with the runtime of `to`, from any thread; where that is gone nobody counts it.
BASTION_API void dead_letter_there(envelope* e, address to, drop_reason cause) noexcept;
// Answers a question with `code`, frees everything else.
BASTION_API void end_undelivered(envelope* e, errc code) noexcept;
// Refuses mail and signals for ever, dead-letters the unread, tells monitors. The holder of the right to run.
BASTION_API void close_block(control_block& block) noexcept;
// Of a process that was given up and runs: what it has not drained. Its refs name nobody when the generation has grown, and senders are
// refused from now on. By its owner.
void bury_mail_of_lost(control_block& block, const exit_reason& why) noexcept;
// Sends a trapped stop as a message; defined by the layer that knows messages.
BASTION_API void deliver_stop_request(control_block& block) noexcept;
// Refuses mail for ever; returns what is unread, oldest first. The holder of the right to run.
[[nodiscard]] BASTION_API envelope* take_all_mail(control_block& block) noexcept;
// Drops all unread mail of a block that goes on.
BASTION_API void clear_mail(control_block& block) noexcept;

// The first step of every block of kind coroutine or handlers.
extern BASTION_API const runnable_ops process_ops;

// Tells the owner that the element has started; only the first call of an incarnation does.
BASTION_API void send_started(control_block& block) noexcept;

} // namespace bastion::detail

#endif
