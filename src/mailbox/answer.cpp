#include <bastion/executor/executor.hpp>
#include <bastion/executor/parker.hpp>
#include <bastion/mailbox/answer.hpp>
#include <bastion/process/exit_reason.hpp>

#include <new>

namespace bastion::detail {
namespace {

constexpr std::chrono::nanoseconds fallback_timeout = std::chrono::seconds(30);

// Whether the question of `cell` lies unread in the block's own mail.
bool unread_here(control_block& b, const completion_cell* cell) noexcept {
    collect_mail(b);
    for (const envelope* e = b.mail; e != nullptr; e = e->next)
        if (e->kind() == envelope_kind::asked && e->cell == cell) return true;
    return false;
}

completion_cell* make_cell(envelope* e, runnable* asker, thread_state& thread) {
    completion_cell* cell = nullptr;
    try {
        cell = completion_cell::make(asker, thread.blocks());
    } catch (...) { // there is no memory: nothing is sent
        e->cell = nullptr;
        destroy(e);
        throw;
    }
    return e->cell = cell;
}

} // namespace

pending_answer expect_answer(envelope* e) {
    thread_state& thread = this_thread();
    return {make_cell(e, thread.current, thread), address(), std::chrono::nanoseconds(-1)};
}

pending_answer send_question(address to, envelope* e) {
    thread_state& thread = this_thread();
    auto* asker = static_cast<control_block*>(thread.current.get());
    completion_cell* const cell = make_cell(e, asker, thread);
    if (asker != nullptr) --asker->budget;
    if (thread.debugged) [[unlikely]]
        note_sent(thread, to, *e);
    (void)push_envelope(to, e, thread);
    return pending_answer(cell, to, std::chrono::nanoseconds(-1));
}

void pending_answer::throw_taken() { throw usage_error("bastion: this answer was already taken"); }

void pending_answer::begin_waiting(bool alone) {
    control_block& here = *static_cast<control_block*>(&running_strand("an answer"));
    // The answer may be awaited by another process than the one that asked: the cell wakes whoever waits. The owner is
    // read by the completer before its exchange, so it must not change once the question is out: ask where you await.
    if (cell_->owner != &here) throw usage_error("bastion: an answer must be awaited by the process that asked");
    if (alone && to_.block == &here && unread_here(here, cell_)) {
        deadlocked_ = true;
        return;
    }
    if (timer_.armed() || timeout_ == forever) return;
    const auto timeout = timeout_.count() >= 0 ? timeout_ : here.home->default_ask_timeout;
    timer_.arm(*cell_, *this_thread().current_worker, timeout.count());
}

void pending_answer::wait_on_thread(executor* driven) {
    if (cell_ == nullptr) throw_taken();
    if (cell_->owner != nullptr) throw usage_error("bastion: an answer must be awaited by the process that asked");
    std::chrono::nanoseconds timeout = timeout_;
    if (timeout.count() < 0) {
        const runtime_home* home = home_of(to_);
        timeout = home != nullptr ? home->default_ask_timeout : fallback_timeout;
    }
    if (!wait_for_cell(*cell_, timeout, driven)) (void)cell_->word.time_out();
}

bool wait_for_cell(completion_cell& cell, std::chrono::nanoseconds timeout, executor* driven) {
    constexpr std::int64_t forever = pending_answer::forever.count();
    const auto after = [span = timeout.count()](
                           std::int64_t now) { return span > forever - now ? forever : now + span; };
    if (driven != nullptr) {
        const auto over = [&cell] { return cell.word.load() != cell_state::pending; };
        return driven->driven_by()->run_until(over, after(driven->time().now_ns()));
    }
    // A plain thread has no worker's wheel: its deadline is real time, even where a test owns the runtime's clock.
    const std::int64_t deadline = timeout.count() == forever ? -1 : after(monotonic_ns());
    while (cell.word.load() == cell_state::pending)
        if (!futex_wait_until(cell.word.word(), static_cast<std::uint32_t>(cell_state::pending), deadline))
            return false;
    return true;
}

void pending_answer::give_up() noexcept {
    timer_.cancel(*cell_);
    completion_cell* cell = std::exchange(cell_, nullptr);
    if (!cell->word.abandon()) return; // the completer frees it
    destroy(static_cast<envelope*>(cell->payload));
    completion_cell::recycle(cell);
}

void open_end::give_up() noexcept {
    const std::lock_guard lock(lock_);
    if (cell_ == nullptr) return;
    completion_cell* const cell = std::exchange(cell_, nullptr);
    runnable* const asker = cell->owner;
    if (cell->word.time_out()) wake_cell_owner(cell, asker);
}

error error_of_endless(error e) {
    if (e.code() != errc::timeout) return e;
    try {
        return error(errc::target_died, exit_reason(exit_kind::killed));
    } catch (const std::bad_alloc&) { return error(errc::target_died); }
}

error open_failed_answer(envelope* e, errc why, std::string_view expected) {
    if (e == nullptr) return error(why);
    if (e->is(error_answer_meta, envelope_kind::answer)) {
        error problem = *std::launder(static_cast<error*>(e->payload_at(offsetof(envelope, payload))));
        destroy(e);
        return problem;
    }
    std::string text = "the answer is a " + std::string(e->meta().name) + ", expected " + std::string(expected);
    destroy(e);
    return error(errc::wrong_type, std::move(text));
}

} // namespace bastion::detail
