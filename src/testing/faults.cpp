// What goes wrong in a simulation, and when: by order or by chance.
#include "testing/simulator.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/home.hpp>

#include <algorithm>

namespace bastion::detail {
namespace {

// Its next step may be to take a message.
[[nodiscard]] bool waits_for_mail(const control_block& b) noexcept {
    return b.frame != nullptr && (b.kind == process_kind::handlers || b.own_slot.mail);
}

// By whom: the same sender's messages stay in order. Null: a plain thread.
[[nodiscard]] const void* sender_of(const envelope& e) noexcept {
    if (e.kind() == envelope_kind::asked) return e.cell != nullptr ? e.cell->owner : nullptr;
    return static_cast<const runnable*>(e.sender.block);
}

} // namespace

bool simulator::allow(worker& w, control_block& b, const acquaintance& a, std::int32_t& messages) {
    if (b.kind == process_kind::system) return true;
    if (orders_.empty() && late_.empty() && !settings_.faults().any()) return true;
    if (put_aside(w, b, a)) return false;
    messages = 1; // so that the next message is the next turn's
    if (!waits_for_mail(b)) return true;
    collect_mail(b);
    hold_followers(b);
    // What is dropped or late leaves the next message, for which there may be another order.
    bool ordered_one = false;
    while (b.mail != nullptr) {
        const fault_order* o = ordered(b);
        if (o == nullptr) break;
        const fault_order now = *o;
        orders_.erase(orders_.begin() + (o - orders_.data()));
        go_wrong(w, b, a, now.what, now.by);
        if (now.what == fault_order::kind::panic || now.what == fault_order::kind::kill) return true;
        ordered_one = true;
    }
    const testing::fault_rates& rates = settings_.faults();
    if (b.mail == nullptr || ordered_one || !rates.any()) return true;
    auto chance = static_cast<unsigned>(choices_.choose(decision::fault, 10'000));
    if (chance-- == 0) return true;
    using kind = fault_order::kind;
    for (const auto& [what, rate] : {std::pair(kind::panic, rates.panic), std::pair(kind::kill, rates.kill),
             std::pair(kind::drop, rates.drop), std::pair(kind::delay, rates.delay)}) {
        if (chance < rate) {
            const auto part =
                static_cast<std::int64_t>(what == kind::delay ? choices_.choose(decision::fault, 1000) : 0);
            go_wrong(w, b, a, what, rates.most_delay * (part + 1) / 1000);
            break;
        }
        chance -= rate;
    }
    return true;
}

void simulator::fail_allocation(std::uint64_t nth) noexcept {
    failing_allocation_ = allocations_ + nth;
    if (!std::exchange(gated_, true)) gate_before_ = set_allocation_gate(this);
}

void simulator::leave_allocations() noexcept {
    if (std::exchange(gated_, false)) (void)set_allocation_gate(gate_before_);
}

bool simulator::may_allocate(std::size_t bytes) noexcept {
    if (!in_turn_) return true;
    const own_allocations own(in_turn_);
    const unsigned rate = settings_.faults().allocation;
    const bool by_chance = rate != 0 && choices_.choose(decision::fault, 10'000) - 1 < rate;
    if (++allocations_ != failing_allocation_ && !by_chance) return true;
    ++coverage_.failed_allocations;
    trace_event e = event_now("no memory");
    e.number = static_cast<std::uint32_t>(bytes);
    e.counts = "bytes";
    trace_.add(std::move(e));
    return false;
}

const fault_order* simulator::ordered(const control_block& b) {
    for (const fault_order& o : orders_)
        if (o.what != fault_order::kind::slow && o.who.block == &b && b.lives(o.who.generation) && b.taken >= o.at)
            return &o;
    return nullptr;
}

bool simulator::put_aside(worker& w, control_block& b, const acquaintance& a) {
    if (const auto back = std::find(let_go_.begin(), let_go_.end(), &b); back != let_go_.end()) {
        let_go_.erase(back);
        return false;
    }
    for (const fault_order& o : orders_) {
        if (o.what != fault_order::kind::slow || o.who.block != &b || !b.lives(o.who.generation)) continue;
        trace_.add(event_of("late is a turn of", w, a, b));
        held_.push_back({clock_->now_ns() + o.by.count(), &b, &w.owner()});
        return true;
    }
    return false;
}

void simulator::go_wrong(
    worker& w, control_block& b, const acquaintance& a, fault_order::kind what, std::chrono::nanoseconds by) {
    switch (what) {
    case fault_order::kind::panic:
        ++coverage_.panics;
        note_fault("panic of", w, a, b);
        (void)b.signals.raise(signal_flags::fault);
        break;
    case fault_order::kind::kill:
        ++coverage_.kills;
        note_fault("kill of", w, a, b);
        (void)b.signals.raise(signal_flags::kill);
        break;
    case fault_order::kind::drop: {
        if (b.mail->meta().is_notice) break; // no bound holds them back either
        ++coverage_.drops;
        note_fault("message lost for", w, a, b);
        envelope* e = b.mail;
        unlink_mail(b, nullptr, e);
        dead_letter(*b.home, e, b.here(), drop_reason::unread);
        break;
    }
    case fault_order::kind::delay:
        if (b.bounded() != nullptr) break; // its room was counted when it was sent
        ++coverage_.delays;
        note_fault("message late for", w, a, b);
        hold_back(b, sender_of(*b.mail), clock_->now_ns() + std::max<std::int64_t>(1, by.count()));
        break;
    case fault_order::kind::slow: break; // of turns, not of messages
    }
}

// When the last of the messages from that sender comes that are late already; 0: none is.
std::int64_t simulator::late_until(const control_block& b, const void* sender) const {
    std::int64_t until = 0;
    for (const late_message& m : late_)
        if (m.to.block == &b && sender_of(*m.message) == sender) until = std::max(until, m.due);
    return until;
}

// Takes all messages of that sender out of the process' list.
void simulator::hold_back(control_block& b, const void* sender, std::int64_t due) {
    envelope* before = nullptr;
    for (envelope* e = b.mail; e != nullptr;) {
        envelope* const next = e->next;
        if (sender_of(*e) == sender) {
            unlink_mail(b, before, e);
            for (fault_order& o : orders_)
                if (o.who.block == &b) ++o.at; // it counts when it comes
            late_.push_back({due, b.here(), e, b.home});
        } else {
            before = e;
        }
        e = next;
    }
}

// What comes behind a late message of the same sender stays behind it.
void simulator::hold_followers(control_block& b) {
    if (late_.empty()) return;
    for (bool found = true; found;) {
        found = false;
        for (const envelope* e = b.mail; e != nullptr && !found; e = e->next) {
            const void* const sender = sender_of(*e);
            if (const std::int64_t until = late_until(b, sender); until != 0) {
                hold_back(b, sender, until);
                found = true;
            }
        }
    }
}

} // namespace bastion::detail
