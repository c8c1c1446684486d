#include "process/element_signal.hpp"
#include "supervision/owner.hpp"
#include "supervision/snapshot_join.hpp"

#include <bastion/mailbox/meta.hpp>

#include <mutex>
#include <utility>

namespace bastion::detail {

change_answer::~change_answer() {
    if (cell_ == nullptr) return;
    if (why_) answer_error(cell_, *std::move(why_));
    else answer_started(cell_);
}

void change_answer::refuse(error why) noexcept {
    const std::lock_guard lock(lock_);
    if (!why_) why_ = std::move(why);
}

namespace {

void push_timer(late_timer& t) {
    request_ptr r(static_cast<owner_timer&>(t).request);
    if (r->owner.block->lives(r->owner.generation)) (void)try_send(r, signal_kind::timer);
}
void drop_timer(late_timer& t) { const request_ptr r(static_cast<owner_timer&>(t).request); }

[[nodiscard]] envelope* started_answer() noexcept {
    const must_not_fail certain;
    envelope* e = make_envelope<done_mark>(envelope_kind::answer);
    e->generation = envelope_bytes<done_mark>;
    return e;
}

} // namespace

void request_deleter::operator()(owner_request* r) const noexcept {
    if (r->timer != nullptr) pool_delete(r->timer);
    switch (r->what) {
    case request_kind::snapshot: return pool_delete(static_cast<snapshot_request*>(r));
    case request_kind::order:
    case request_kind::respec: return pool_delete(&order_of(*r));
    default: return pool_delete(r);
    }
}

request_ptr make_request(request_kind what, address owner) {
    request_ptr r(pool_new<owner_request>());
    r->what = what;
    r->owner = owner;
    return r;
}

request_ptr make_order(request_kind what, address owner) {
    request_ptr r(pool_new<order_request>());
    r->what = what;
    r->owner = owner;
    return r;
}

bool try_send(request_ptr& r, signal_kind kind) noexcept {
    owner_request* const sent = r.release();  // the lane's once pushed, perhaps freed already
    if (push_signal(*sent->owner.block, *sent, kind)) return true;
    r.reset(sent);
    return false;
}

void send(request_ptr r) noexcept { (void)try_send(r); }

void discard_signal(system_signal& signal) noexcept {
    if (signal.kind == signal_kind::adopt) return owner::send_away(*static_cast<block_signal&>(signal).block);
    if (signal.kind != signal_kind::request && signal.kind != signal_kind::timer) return;
    const request_ptr r(&static_cast<owner_request&>(signal));
    if (r->what == request_kind::order && r->order == child_order::start && r->child.block != nullptr)
        owner::send_away(*r->child.block);
    if (r->cell != nullptr) answer_never_started(r->cell, exit_reason(exit_kind::noproc));
}

exit_reason too_late() {
    return reason_or(exit_kind::error, [] { return exit_reason::error("its supervisor stops, or has ended"); });
}

void answer_started(completion_cell* cell) noexcept { complete_with(cell, started_answer()); }

namespace {

[[nodiscard]] envelope* question_of(completion_cell* cell) noexcept {
    envelope* e = started_answer();
    e->set_meta(meta_object<done_mark>, envelope_kind::asked);
    e->cell = cell;
    return e;
}

} // namespace

void answer_error(completion_cell* cell, errc why, const exit_reason* reason) noexcept {
    answer_with_error(question_of(cell), why, reason);
}
void answer_error(completion_cell* cell, error why) noexcept { answer_with_error(question_of(cell), std::move(why)); }

pending_answer ask_owner(request_ptr r) {
    const address to = r->owner;
    completion_cell* const cell = completion_cell::make(running_block());
    r->cell = cell;
    bool sent = false;
    inside(to, [&](runtime_home&) { sent = try_send(r); });
    if (!sent) answer_error(std::exchange(r->cell, nullptr), errc::noproc);
    return pending_answer(cell, to, std::chrono::nanoseconds(-1));
}

void answer_never_started(completion_cell* cell, const exit_reason& why) noexcept {
    if (why.kind() == exit_kind::start_failed) return answer_error(cell, errc::start_failed, &why);
    const bool says_why = why.kind() != exit_kind::noproc && why.kind() != exit_kind::normal;
    answer_error(cell, errc::noproc, says_why ? &why : nullptr);
}

owner_timer::owner_timer(owner_request* r, worker& w) noexcept
    : late_timer(&push_timer, &drop_timer), request(r), wheel(w) {
    r->timer = this;
}

} // namespace bastion::detail
