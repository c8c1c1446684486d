#include "process/element_signal.hpp"
#include "process/in_hand.hpp"

#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/links.hpp>

#include <utility>

namespace bastion::detail {
namespace {

// Frees it if its place in a table throws.
struct signal_deleter {
    void operator()(link_signal* s) const noexcept { pool_delete(s); }
};
using signal_ptr = std::unique_ptr<link_signal, signal_deleter>;

signal_ptr new_signal(const address& peer) {
    signal_ptr s(pool_new<link_signal>());
    s->peer = peer;
    return s;
}

// Takes off the record's number what is the signal's. False: it is another.
bool take_off(std::uint64_t& number, std::uint64_t signals) noexcept {
    if (number == 0 || number != signals) return false;
    number = 0;
    return true;
}

// Numbers as the other side sees them.
void turn_round(link_signal& s) noexcept { std::swap(s.made_here, s.made_there); }

// The signal, and its mark, if it has one, behind it. False: nobody lives there.
bool push_exit(const address& to, signal_ptr s, envelope* mark) noexcept {
    s->target_generation = to.generation;
    bool sent = false;
    inside(to, [&](runtime_home&) {
        sent = push_element_signal(*to.block, *s, signal_kind::exit);
        if (!sent) return;
        [[maybe_unused]] const link_signal* const the_lanes = s.release();
        if (mark != nullptr) push_mark(to, std::exchange(mark, nullptr));
    });
    if (mark != nullptr) destroy(mark);
    return sent;
}

// The record becomes the exit signal to its other side. Whether that traps only it knows, so everybody gets a mark (owners refuse it, as
// all mail): from the reserve, if there is no other memory, as the notices of monitors.
void tell_peer(const address& from, link_signal* record, const exit_reason& why) noexcept {
    const address to = std::exchange(record->peer, from);
    turn_round(*record);
    record->reason = why;
    record->ordered = false;
    record->mark = new_record_number();
    (void)push_exit(to, signal_ptr(record), make_exit_mark(from, why, record->mark));
}

// Owners obey in their own way: see supervision/.
// Also one whose body is still being made, or has not begun.
bool has_incarnation(const control_block& b) noexcept {
    return b.kind != process_kind::system && b.life_state.has_incarnation();
}

bool traps_exits(const control_block& b) noexcept {
    const cold_part* const cold = cold_if_any(b);
    return cold != nullptr && cold->trap_exit;
}

void end_with(control_block& b, const exit_reason& why) noexcept {
    cold_part& mine = cold_of(b);
    if (!mine.exit_with) mine.exit_with = why;
    mine.keeps_mail_back = true;
    (void)b.signals.raise(signal_flags::kill);
}

// Somebody's order, or the exit of a link: what is trapped waits for its mark.
void obey(control_block& b, signal_ptr s) noexcept {
    if (!has_incarnation(b)) return;
    if (s->mark != 0 && traps_exits(b)) cold_of(b).trapped.push_back(s.release());
    else if (s->reason.kind() != exit_kind::normal || s->peer == b.here()) end_with(b, s->reason);
}

link_signal* trapped_as(const cold_part& cold, std::uint64_t mark) noexcept {
    link_signal* s = cold.trapped.front();
    while (s != nullptr && s->mark != mark) s = link_list::next(s);
    return s;
}

link_signal* trapped_of_link(const cold_part& cold, const address& peer) noexcept {
    link_signal* s = cold.trapped.front();
    while (s != nullptr && (s->ordered || s->peer != peer)) s = link_list::next(s);
    return s;
}

// Of a link that has ended: its exit is mail now, if it can be. If not, its mark is still to come, and finds nothing.
void forget_trapped(control_block& b, const address& peer) noexcept {
    cold_part& cold = *cold_if_any(b);
    if (trapped_of_link(cold, peer) != nullptr) collect_mail(b);
    while (link_signal* const s = trapped_of_link(cold, peer)) {
        cold.trapped.erase(s);
        pool_delete(s);
    }
}

// What an unlink or the exit of a link ends. False: nothing, it speaks of a link that is no more.
bool end_link(control_block& b, const link_signal& s) noexcept {
    cold_part* const cold = cold_if_any(b);
    link_signal* const record = cold != nullptr ? cold->links.find(s.peer) : nullptr;
    if (record == nullptr) return false;
    const bool here = take_off(record->made_here, s.made_here);
    const bool there = take_off(record->made_there, s.made_there);
    if (record->made_here == 0 && record->made_there == 0) {
        cold->links.remove(record);
        pool_delete(record);
    }
    return here || there;
}

} // namespace

link_table::~link_table() { free_all(in_order_); }

void free_all(link_list& list) noexcept {
    while (link_signal* one = list.pop_front()) pool_delete(one);
}

link_signal* link_table::find(const address& peer) const noexcept {
    const auto found = by_peer_.find(peer);
    return found != by_peer_.end() ? found->second : nullptr;
}

void link_table::insert(link_signal* record) {
    by_peer_.emplace(record->peer, record);
    in_order_.push_back(record);
}

void link_table::remove(link_signal* record) noexcept {
    by_peer_.erase(record->peer);
    in_order_.erase(record);
}

void make_link(control_block& b, const address& peer) {
    if (peer == b.here()) return;
    const in_hand mine(b);
    if (mine.is_lost()) return;
    link_table& links = cold_of(b).links;
    if (links.find(peer) != nullptr) return;
    signal_ptr signal = new_signal(b.here());
    signal_ptr record = new_signal(peer);
    record->made_here = signal->made_there = new_record_number();
    links.insert(record.get());
    link_signal* const there = record.release();
    if (push_element_signal(peer, signal_kind::link, signal.release())) return;
    links.remove(there);
    pool_delete(there);
    obey_exit(b, peer, exit_reason(exit_kind::noproc));
}

void take_link(control_block& b, const address& peer) noexcept {
    const in_hand mine(b);
    if (mine.is_lost()) return;
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr) return;
    link_signal* const record = cold->links.find(peer);
    if (record == nullptr) return forget_trapped(b, peer);
    cold->links.remove(record);
    record->peer = b.here();
    turn_round(*record);
    (void)push_element_signal(peer, signal_kind::unlink, record);
}

void link_unborn(control_block& b, control_block& child) {
    const in_hand held(b);
    if (held.is_lost()) return;
    signal_ptr mine = new_signal(child.here());
    signal_ptr childs = new_signal(b.here());
    mine->made_here = childs->made_there = new_record_number();
    cold_of(child).links.insert(childs.get());
    [[maybe_unused]] const link_signal* const with_child = childs.release();
    cold_of(b).links.insert(mine.get()); // if it throws the child is sent away, and its signal finds no record
    [[maybe_unused]] const link_signal* const with_us = mine.release();
}

void handle_link_signal(control_block& b, link_signal* signal) noexcept {
    signal_ptr s(signal);
    const bool meant = s->target_generation == b.generation.now();
    if (s->kind == signal_kind::link) {
        if (!meant || b.inbox.is_closed()) { // of whom it was meant for: another may live here
            const address gone{&b, s->target_generation};
            return tell_peer(gone, s.release(), exit_reason(exit_kind::noproc));
        }
        link_table& links = cold_of(b).links;
        if (link_signal* const there = links.find(s->peer)) {
            there->made_there = s->made_there;
            return;
        }
        links.insert(s.get());
        [[maybe_unused]] const link_signal* const in_table = s.release();
        return;
    }
    if (!meant) return;
    if (s->kind == signal_kind::unlink) return (void)end_link(b, *s);
    if (s->ordered || end_link(b, *s)) obey(b, std::move(s));
}

// An unlink, or an exit, speaks of what ends with the process anyway.
void refuse_link_signal(control_block& b, link_signal* signal, const exit_reason& why) noexcept {
    const address gone{&b, signal->target_generation};
    if (signal->kind != signal_kind::link) return pool_delete(signal);
    tell_peer(gone, signal, signal->target_generation == b.generation.now() ? why : exit_reason(exit_kind::noproc));
}

void obey_exit(control_block& b, const address& from, const exit_reason& why) noexcept {
    if (!has_incarnation(b)) return;
    if (traps_exits(b)) deliver_exited(b, from, why);
    else if (why.kind() != exit_kind::normal) end_with(b, why);
}

bool make_trapped(control_block& b, envelope& mark) noexcept {
    cold_part* const cold = cold_if_any(b);
    link_signal* const signal = cold != nullptr ? trapped_as(*cold, mark.sender.generation) : nullptr;
    if (signal == nullptr) return false;
    cold->trapped.erase(signal);
    mark.sender = signal->peer;
    mark.become_message(b.generation.now());
    pool_delete(signal);
    return true;
}

void tell_links(control_block& b, const exit_reason& why) noexcept {
    const must_not_fail certain;
    cold_part* const cold = cold_if_any(b);
    if (cold == nullptr) return;
    while (link_signal* record = cold->links.front()) {
        cold->links.remove(record);
        tell_peer(b.here(), record, why);
    }
}

bool send_exit(const address& to, const address& from, const exit_reason& why) {
    signal_ptr s = new_signal(from);
    s->reason = why;
    s->ordered = true;
    envelope* mark = nullptr;
    if (why.kind() != exit_kind::killed) { // which nobody traps
        s->mark = new_record_number();
        mark = make_exit_mark(from, why, s->mark);
    }
    return push_exit(to, std::move(s), mark);
}

} // namespace bastion::detail
