#include <bastion/base/chain.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/executor/type_stable.hpp>
#include <bastion/mailbox/bounded.hpp>

#include <mutex>

namespace bastion::detail {
namespace {

// One bounded mailbox. Objects live in the arena and are used again, never anything else: a late sender that still
// holds the pointer takes the lock and finds another generation.
// Invariant: everything but the free link is guarded by the lock.
class box final : public bounded_mailbox {
public:
    enum class verdict : std::uint8_t { accepted, full, dropped, closed, limit };

    void open(control_block& owner, std::uint32_t capacity, overflow policy, std::uint64_t memory) {
        const std::lock_guard lock(lock_);
        owner_ = &owner;
        generation_ = owner.generation.now();
        capacity_ = capacity;
        policy_ = policy;
        meter_.limit = static_cast<std::int64_t>(memory);
        meter_.used.store(0, std::memory_order_relaxed);
        first_ = last_ = nullptr;
        counted_ = queued_ = pushed_out_ = 0;
        open_ = true;
    }

    // Takes the envelope when accepted or dropped; `oldest` receives what drop_oldest pushed out.
    [[nodiscard]] verdict push(address to, envelope* e, envelope*& oldest) noexcept {
        const std::lock_guard lock(lock_);
        if (!is(to)) return verdict::closed;
        const std::size_t size = bytes_of(*e);
        if (meter_.limit != 0 && !meter_.charge(size)) {
            // What gave way and is not ended yet is charged, but nobody's fault.
            if (pushed_out_ == 0) return over_limit("memory");
            meter_.used.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
        }
        const verdict said = push_counted(e, oldest);
        if (meter_.limit != 0 && said != verdict::accepted) meter_.discharge(size);
        return said == verdict::limit ? over_limit("mailbox") : said;
    }

    [[nodiscard]] verdict push_counted(envelope* e, envelope*& oldest) noexcept {
        if (capacity_ != 0 && counted_ >= capacity_ && !e->meta().is_notice) {
            switch (policy_) {
            case overflow::fail:
            case overflow::wait: return verdict::full;
            case overflow::drop_newest: return verdict::dropped;
            case overflow::kill: return verdict::limit;
            case overflow::drop_oldest:
                if (counted_ > queued_) { // the process has it in its list, and ends it when it looks there
                    ++pushed_out_;
                    --counted_;
                } else {
                    oldest = unlink_oldest();
                    uncount(*oldest);
                }
                break;
            }
        }
        link(e);
        return verdict::accepted;
    }

    // Past all bounds. False: closed.
    [[nodiscard]] bool push_anyway(address to, envelope* e) noexcept {
        const std::lock_guard lock(lock_);
        if (!is(to)) return false;
        link_charged(e);
        return true;
    }

    // Of which nothing is counted as long as it is none. False: closed.
    [[nodiscard]] bool push_mark(address to, envelope* mark) noexcept {
        const std::lock_guard lock(lock_);
        if (!is(to)) return false;
        link(mark); // a notice
        return true;
    }
    void has_become_message(const envelope& e) noexcept override {
        const std::lock_guard lock(lock_);
        charge(e);
    }

    [[nodiscard]] offer_result offer(address to, envelope* e, send_waiter& w, completion_cell*& used) noexcept {
        const std::lock_guard lock(lock_);
        used = nullptr;
        if (w.cell != nullptr) {  // woken: the cell has served
            if (w.queued) {
                waiters_.erase(&w);
                w.queued = false;
            }
            used = std::exchange(w.cell, nullptr);
        }
        if (!is(to)) return offer_result::gone;
        if (capacity_ != 0 && counted_ >= capacity_) {
            w.cell = completion_cell::make(running_block());
            waiters_.push_back(&w);
            w.queued = true;
            return offer_result::must_wait;
        }
        link_charged(e);
        return offer_result::accepted;
    }

    void leave(address to, send_waiter& w) noexcept {
        const std::lock_guard lock(lock_);
        if (w.queued) {
            waiters_.erase(&w);
            w.queued = false;
        } else if (is(to)) {
            wake_one();  // the wake-up was for us, and we do not use it
        }
    }

    [[nodiscard]] envelope* take_all() noexcept override {
        const std::lock_guard lock(lock_);
        envelope* oldest = first_;
        first_ = last_ = nullptr;
        queued_ = 0;
        return oldest;
    }
    [[nodiscard]] std::uint32_t unread() noexcept override {
        const std::lock_guard lock(lock_);
        return counted_;
    }
    [[nodiscard]] bool has_mail() noexcept override {
        const std::lock_guard lock(lock_);
        return first_ != nullptr;
    }
    void consumed(const control_block& block, const envelope& e) noexcept override {
        const std::lock_guard lock(lock_);
        if (is_pushed_out(block, e)) { // the process was faster: the room it leaves is given away already
            --pushed_out_;
            if (meter_.limit != 0) meter_.discharge(bytes_of(e));
        } else {
            uncount(e);
        }
        wake_one();
    }
    [[nodiscard]] envelope* pushed_out(control_block& block) noexcept override {
        const std::lock_guard lock(lock_);
        if (pushed_out_ == 0) return nullptr;
        envelope* newest = nullptr;
        envelope* before = nullptr;
        for (envelope* e = block.mail; e != nullptr && pushed_out_ != 0;) { // some may be kept back
            envelope* next = e->next;
            if (e->meta().is_notice) {
                before = e;
            } else {
                (before != nullptr ? before->next : block.mail) = next;
                if (next == nullptr) block.mail_last = before;
                e->next = newest;
                newest = e;
                ++block.taken;
                --pushed_out_;
                if (meter_.limit != 0) meter_.discharge(bytes_of(*e));
            }
            e = next;
        }
        return reversed(newest);
    }
    [[nodiscard]] envelope* close() noexcept override {
        const std::lock_guard lock(lock_);
        open_ = false;
        while (!waiters_.empty()) wake_one();
        envelope* oldest = first_;
        first_ = last_ = nullptr;
        return oldest;
    }
    void release() noexcept override;
    [[nodiscard]] const char* limit_met() noexcept override {
        const std::lock_guard lock(lock_);
        return limit_met_;
    }
    [[nodiscard]] memory_meter* meter() noexcept { return meter_.limit != 0 ? &meter_ : nullptr; }

    box* next_free = nullptr;

private:
    [[nodiscard]] bool is(address a) const noexcept {
        return open_ && owner_ == a.block && generation_ == a.generation;
    }
    void link(envelope* e) noexcept {
        e->next = nullptr;
        (last_ != nullptr ? last_->next : first_) = e;
        last_ = e;
        if (e->meta().is_notice) return;
        ++counted_;
        ++queued_;
    }
    // Whatever the memory limit says.
    void link_charged(envelope* e) noexcept {
        charge(*e);
        link(e);
    }
    void charge(const envelope& e) noexcept {
        if (meter_.limit != 0) meter_.used.fetch_add(static_cast<std::int64_t>(bytes_of(e)), std::memory_order_relaxed);
    }
    // The oldest that counts; there is one.
    envelope* unlink_oldest() noexcept {
        envelope* before = nullptr;
        envelope* e = first_;
        for (; e->meta().is_notice; e = e->next) before = e;
        (before != nullptr ? before->next : first_) = e->next;
        if (e->next == nullptr) last_ = before;
        --queued_;
        return e;
    }
    // Whether it is one of the oldest `pushed_out_` of its process' list. Only its process.
    [[nodiscard]] bool is_pushed_out(const control_block& block, const envelope& e) const noexcept {
        std::uint32_t older = 0;
        for (const envelope* at = block.mail; at != nullptr && older < pushed_out_; at = at->next) {
            if (at == &e) return !e.meta().is_notice;
            if (!at->meta().is_notice) ++older;
        }
        return false;
    }
    void uncount(const envelope& e) noexcept {
        if (!e.meta().is_notice) --counted_;
        if (meter_.limit != 0) meter_.discharge(bytes_of(e));
    }
    // Under the lock: the block cannot have become another process' meanwhile. The caller wakes it.
    [[nodiscard]] verdict over_limit(const char* what) noexcept {
        limit_met_ = what;
        (void)owner_->signals.raise(signal_flags::limit);
        return verdict::limit;
    }
    // Under the lock: the waiter cannot leave meanwhile, so its cell is alive.
    void wake_one() noexcept {
        send_waiter* w = waiters_.pop_front();
        if (w == nullptr) return;
        w->queued = false;
        runnable* owner = w->cell->owner;
        if (w->cell->word.complete() == cell_event::wake_owner) wake_cell_owner(w->cell, owner);
    }

    spin_lock lock_;
    control_block* owner_ = nullptr;
    std::uint64_t generation_ = 0;
    std::uint32_t capacity_ = 0;
    overflow policy_ = overflow::fail;
    bool open_ = false;
    // Notices count nowhere.
    std::uint32_t counted_ = 0;    // unread, drained and skipped ones included, those pushed out not
    std::uint32_t queued_ = 0;     // of these, not drained
    std::uint32_t pushed_out_ = 0; // the oldest of the process' list, which gave way to newer ones; it ends them itself
    memory_meter meter_; // limit 0: none; frames of the process are charged to it, too
    const char* limit_met_ = "mailbox";
    envelope* first_ = nullptr;
    envelope* last_ = nullptr;
    intrusive_list<send_waiter, &send_waiter::hook> waiters_;
};

type_stable<box> boxes;

// One for all who read no mail: it is never opened.
box* closed_box() {
    static box* const one = boxes.take();
    return one;
}

void box::release() noexcept {
    if (this != closed_box()) boxes.give_back(this);
}

box* box_of(address to) noexcept {
    // Safety: every bounded mailbox is a box, and boxes are never unmapped.
    return to.block == nullptr ? nullptr : static_cast<box*>(to.block->bounded());
}

} // namespace

void make_bounded(control_block& block, std::uint32_t capacity, overflow policy, std::uint64_t memory_limit) {
    box* b = boxes.take();
    b->open(block, capacity, policy, memory_limit);
    block.meter = b->meter();
    block.bounded_box.store(b, std::memory_order_release);
}

void refuse_mail(control_block& block) { block.bounded_box.store(closed_box(), std::memory_order_release); }

delivery deliver_bounded(address to, envelope* e) noexcept {
    box* b = box_of(to);
    if (b == nullptr) return deliver_refused(to, e);
    e->generation = to.generation;
    envelope* oldest = nullptr;
    switch (b->push(to, e, oldest)) {
    case box::verdict::accepted:
        if (oldest != nullptr) dead_letter_there(oldest, to, drop_reason::full);
        unpark_block(*to.block);
        return delivery::accepted;
    case box::verdict::full: dead_letter_there(e, to, drop_reason::full); return delivery::full;
    case box::verdict::dropped: dead_letter_there(e, to, drop_reason::full); return delivery::dropped;
    case box::verdict::limit:
        dead_letter_there(e, to, drop_reason::limit);
        unpark_block(*to.block);
        return delivery::full;
    case box::verdict::closed: break;
    }
    return deliver_refused(to, e);
}

delivery deliver_notice(address to, envelope* e) noexcept {
    box* b = box_of(to);
    if (b == nullptr) return push_envelope(to, e, this_thread());
    e->generation = to.generation;
    if (!b->push_anyway(to, e)) return deliver_refused(to, e);
    unpark_block(*to.block);
    return delivery::accepted;
}

void push_mark(const address& to, envelope* mark) noexcept {
    control_block& b = *to.block;
    mark->generation = 0; // nobody's: whoever drains it looks twice
    if (box* const bounded = box_of(to)) {
        if (bounded->push_mark(to, mark)) unpark_block(b);
        else destroy(mark);
        return;
    }
    push_result pushed = b.inbox.push(mark, to.generation);
    const bool runs = pushed == push_result::claimed;
    if (runs) pushed = b.inbox.push(mark, to.generation); // the right to run is ours: into the word, as any other
    switch (pushed) {
    case push_result::queued: break;
    case push_result::queued_beside: call_thief(b); break;
    case push_result::claimed:
    case push_result::refused: destroy(mark); break;
    }
    if (runs) schedule_block(b, this_thread());
}

offer_result offer(address to, envelope* e, send_waiter& waiter) noexcept {
    box* b = box_of(to);
    if (b == nullptr) {
        if (to.block == nullptr || !to.block->lives(to.generation)) return offer_result::gone;
        // An unbounded mailbox always has room.
        return try_push(to, e, this_thread()) ? offer_result::accepted : offer_result::gone;
    }
    e->generation = to.generation;
    const must_not_fail certain; // of a cell: the run loop asks, too, where nobody would catch
    completion_cell* used = nullptr;
    const offer_result said = b->offer(to, e, waiter, used);
    if (used != nullptr) completion_cell::recycle(used);
    if (said == offer_result::accepted) unpark_block(*to.block);
    return said;
}

void leave_line(address to, send_waiter& waiter) noexcept {
    if (box* b = box_of(to); b != nullptr) b->leave(to, waiter);
    completion_cell::recycle(std::exchange(waiter.cell, nullptr));
}

} // namespace bastion::detail
