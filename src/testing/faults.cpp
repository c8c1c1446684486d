// What goes wrong in a simulation, and when: by order or by chance.
#include "testing/simulator.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/home.hpp>

#include <algorithm>
#include <iterator>

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

// Its next step takes the oldest message, whatever that is.
[[nodiscard]] bool takes_any_mail(const control_block& b) noexcept {
    return b.kind == process_kind::handlers || b.own_slot.answer == &any_mail_ready;
}

// In the generation of a message that lies in its process' list, where nobody compares it any more: chance was asked
// about it. (Not kept here by its address, which may be another message's next time.)
constexpr std::uint64_t had_its_chance = std::uint64_t{1} << 63;
// In the same place: it lay there already when one from its sender became late, and does not follow that one.
constexpr std::uint64_t was_there_before = std::uint64_t{1} << 62;

} // namespace

bool simulator::allow(worker& w, control_block& b, const acquaintance& a, std::int32_t& messages) {
    if (b.kind == process_kind::system) return true;
    if (orders_.empty() && late_.empty() && !settings_.faults().any()) return true;
    if (put_aside(w, b, a)) return false;
    messages = 1; // so that the next message is the next turn's
    // Also one that does something else first may take mail in this turn.
    if (b.bounded() == nullptr &&
        std::any_of(late_.begin(), late_.end(), [&b](const late_message& m) { return m.to.block == &b; })) {
        collect_mail(b);
        hold_followers(b);
        bring_back_late([this, &b](const late_message& m) { return m.to.block == &b && m.due <= clock_->now_ns(); });
    }
    if (!waits_for_mail(b)) return true;
    collect_mail(b);
    // What is dropped or late leaves the next message, which has its own order, or its own chance.
    while (b.mail != nullptr) {
        mail_place at{nullptr, b.mail};
        std::optional<fault_order> now = take_order(b);
        if (!now) now = by_chance(b, at);
        if (!now) break;
        go_wrong(w, b, a, *now, at);
        if (now->what == fault_order::kind::panic || now->what == fault_order::kind::kill) break;
    }
    return true;
}

// What chance has for the first message that it has something for, and where that lies. Each message is asked about once:
// the oldest, and where a selective receive may take others, those, too.
std::optional<fault_order> simulator::by_chance(const control_block& b, mail_place& at) {
    if (!settings_.faults().any()) return {};
    for (; at.message != nullptr; at = {at.message, at.message->next}) {
        if ((at.message->generation & had_its_chance) == 0) {
            at.message->generation |= had_its_chance;
            if (auto what = any_fault()) return what;
        }
        if (takes_any_mail(b)) break;
    }
    return {};
}

std::optional<fault_order> simulator::any_fault() {
    const testing::fault_rates& rates = settings_.faults();
    auto chance = static_cast<unsigned>(choices_.choose(decision::fault, 10'000));
    if (chance-- == 0) return {};
    using kind = fault_order::kind;
    for (const auto& [what, rate] : {std::pair(kind::panic, rates.panic), std::pair(kind::kill, rates.kill),
             std::pair(kind::drop, rates.drop), std::pair(kind::delay, rates.delay)}) {
        if (chance < rate) {
            const auto part =
                static_cast<std::int64_t>(what == kind::delay ? choices_.choose(decision::fault, 1000) : 0);
            return fault_order{what, {}, 0, rates.most_delay * (part + 1) / 1000};
        }
        chance -= rate;
    }
    return {};
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

std::optional<fault_order> simulator::take_order(const control_block& b) {
    const auto due = std::find_if(orders_.begin(), orders_.end(), [&b](const fault_order& o) {
        return o.what != fault_order::kind::slow && o.who.block == &b && b.lives(o.who.generation) && b.taken >= o.at;
    });
    if (due == orders_.end()) return {};
    const fault_order now = *due;
    orders_.erase(due);
    return now;
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
    worker& w, control_block& b, const acquaintance& a, const fault_order& fault, const mail_place& at) {
    envelope* const e = at.message;
    switch (fault.what) {
    case fault_order::kind::panic:
        ++coverage_.panics;
        note_fault("panic of", w, a, b, *e);
        if (at.before != nullptr) { // it is lost with the oldest
            at.before->next = e->next;
            if (b.mail_last == e) b.mail_last = at.before;
            e->next = std::exchange(b.mail, e);
        }
        (void)b.signals.raise(signal_flags::fault);
        break;
    case fault_order::kind::kill:
        ++coverage_.kills;
        note_fault("kill of", w, a, b, *e);
        (void)b.signals.raise(signal_flags::kill);
        child_ref(b.here()).kill(); // so that it ends for good, as by anybody's order
        break;
    case fault_order::kind::drop:
        if (e->meta().is_notice) break; // no bound holds them back either
        ++coverage_.drops;
        note_fault("message lost for", w, a, b, *e);
        unlink_mail(b, at.before, e);
        dead_letter(*b.home, e, b.here(), drop_reason::unread);
        break;
    case fault_order::kind::delay:
        if (b.bounded() != nullptr) break; // its room was counted when it was sent
        ++coverage_.delays;
        note_fault("message late for", w, a, b, *e);
        hold_back(b, sender_of(*e), clock_->now_ns() + std::max<std::int64_t>(1, fault.by.count()), at);
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

// Takes that sender's messages out of the process' list, from that place on.
void simulator::hold_back(control_block& b, const void* sender, std::int64_t due, const mail_place& from) {
    for (envelope* e = b.mail; e != from.message; e = e->next)
        if (sender_of(*e) == sender) e->generation |= was_there_before;
    envelope* before = from.before;
    for (envelope* e = from.message; e != nullptr;) {
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

// What comes behind a late message of the same sender stays behind it. All that are late by one sender are due at once.
void simulator::hold_followers(control_block& b) {
    for (bool found = true; found;) {
        found = false;
        for (mail_place at{nullptr, b.mail}; at.message != nullptr && !found; at = {at.message, at.message->next}) {
            if ((at.message->generation & was_there_before) != 0) continue;
            const void* const sender = sender_of(*at.message);
            if (const std::int64_t until = late_until(b, sender); until != 0) {
                hold_back(b, sender, until, at);
                found = true;
            }
        }
    }
}

// Some of what follows it lies there unread. Then it comes when its process looks at its mail, and they behind it.
bool simulator::is_overtaken(const late_message& m) const {
    const control_block& b = *m.to.block;
    if (!b.lives(m.to.generation) || b.inbox.is_closed()) return false;
    if (b.inbox.has_mail()) return true;
    for (const envelope* e = b.mail; e != nullptr; e = e->next)
        if ((e->generation & was_there_before) == 0 && sender_of(*e) == sender_of(*m.message)) return true;
    return false;
}

void simulator::bring_back_late(const std::function<bool(const late_message&)>& which) {
    std::vector<late_message> back;
    std::copy_if(late_.begin(), late_.end(), std::back_inserter(back), which);
    std::erase_if(late_, which);
    for (const late_message& m : back) (void)push_envelope(m.to, m.message, this_thread());
}

} // namespace bastion::detail
