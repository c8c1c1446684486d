// A hierarchical timer wheel: any number of timers, each armed and cancelled at the cost of a list operation.
//
// One per worker; called by its loop and, under the lock that the worker wraps around it, by whoever cancels or
// advances for it. Promises: a timer never expires before its time, not even by a nanosecond; what expires in one
// advance comes in the order of due times, and in arming order where those are equal. Arming reads no clock: the timer
// counts from the `now` of the next advance, and is late by at most what lies between.
// Thread safety: none. Cost: arm and cancel O(1); advance O(1) per timer and level, and sorting timers of one tick.
//
// How: times are counted in ticks of 2^16 ns, a tick's number is read as eight digits of six bits. A timer lies at the
// level of the highest digit in which its tick differs from the present tick, in the slot of that digit. When the
// present reaches the beginning of a slot, its timers move down; those of the present tick itself lie sorted in
// `present_`, from where they go one by one, exactly.
#ifndef BASTION_EXECUTOR_TIMER_WHEEL_HPP
#define BASTION_EXECUTOR_TIMER_WHEEL_HPP

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace bastion::detail {

enum class timer_state : std::uint8_t { idle, pending, in_slot, present };

// What a timer's owner embeds. From arm until it expires or is cancelled it must stay where it is.
struct timer_entry {
    constexpr timer_entry() noexcept = default;
    constexpr explicit timer_entry(void (*f)(timer_entry*, void*)) noexcept : fire(f) {}

    timer_entry* next = nullptr;
    timer_entry* prev = nullptr;
    std::int64_t due_ns = 0;                                  // A duration while pending.
    void (*fire)(timer_entry* self, void* context) = nullptr; // For the caller of advance; the wheel never calls it.
    timer_state state = timer_state::idle;                    // Invariant: idle once it is in the caller's list.
    std::uint8_t level = 0;                                   // Invariant: where it lies, while in_slot.
    std::uint8_t slot = 0;
    std::uint8_t place = 0xff;                                // Of young_timers.hpp; the wheel does not know it.
};
static_assert(sizeof(timer_entry) <= 40);

// A list of timers that is one pointer big. Invariant: the first one's prev is the last one; the last one's next null.
class timer_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] timer_entry* front() const noexcept { return first_; }
    [[nodiscard]] timer_entry* back() const noexcept { return first_ == nullptr ? nullptr : first_->prev; }

    void push_back(timer_entry* e) noexcept {
        e->next = nullptr;
        if (first_ == nullptr) {
            e->prev = e;
            first_ = e;
        } else {
            timer_entry* const last = first_->prev;
            last->next = e;
            e->prev = last;
            first_->prev = e;
        }
    }

    // Null when empty. The entry may be armed again at once.
    timer_entry* pop_front() noexcept {
        timer_entry* const e = first_;
        if (e != nullptr) unlink(e);
        return e;
    }

    void unlink(timer_entry* e) noexcept {
        timer_entry* const after = e->next;
        if (e == first_) {
            first_ = after;
            if (after != nullptr) after->prev = e->prev;
        } else {
            e->prev->next = after;
            (after != nullptr ? after : first_)->prev = e->prev;
        }
        e->next = e->prev = nullptr;
    }

    // All of `other` behind what is here.
    void append(timer_list& other) noexcept {
        if (other.first_ == nullptr) return;
        if (first_ == nullptr) {
            first_ = other.first_;
        } else {
            timer_entry* const last = other.first_->prev;
            first_->prev->next = other.first_;
            other.first_->prev = first_->prev;
            first_->prev = last;
        }
        other.first_ = nullptr;
    }

    // By due time; equal ones stay as they are. O(n) when already sorted, else O(n log n).
    void sort() noexcept;
    [[nodiscard]] bool is_sorted() const noexcept {
        if (first_ == nullptr) return true;
        const timer_entry* e = first_;
        while (e->next != nullptr && e->due_ns <= e->next->due_ns) e = e->next;
        return e->next == nullptr;
    }

    // Merges the sorted `other` into this sorted list; of equal ones, those that are here come first.
    void merge(timer_list& other) noexcept {
        if (other.first_ == nullptr) return;
        if (first_ == nullptr || first_->prev->due_ns <= other.first_->due_ns) return append(other);
        relink(merge_chains(first_, other.first_));
        other.first_ = nullptr;
    }

private:
    static timer_entry* merge_chains(timer_entry* a, timer_entry* b) noexcept;
    void relink(timer_entry* chain) noexcept; // Takes a chain of next pointers as its content.

    timer_entry* first_ = nullptr;
};

class timer_wheel {
public:
    static constexpr unsigned tick_bits = 16;
    static constexpr unsigned digit_bits = 6;
    static constexpr unsigned slots = 1u << digit_bits;
    static constexpr unsigned levels = 8;

    timer_wheel() noexcept = default;
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    // Starts an idle timer. Negative durations count as 0; too long ones end at the end of time.
    void arm(timer_entry* e, std::int64_t duration_ns) noexcept {
        assert(e->state == timer_state::idle);
        e->due_ns = duration_ns < 0 ? 0 : duration_ns;
        e->state = timer_state::pending;
        pending_.push_back(e);
        ++armed_;
    }

    // Stops a timer. False: it was not armed (never, no more, or it lies in the list of an advance's caller).
    bool cancel(timer_entry* e) noexcept {
        switch (e->state) {
        case timer_state::idle: return false;
        case timer_state::pending: pending_.unlink(e); break;
        case timer_state::present: present_.unlink(e); break;
        case timer_state::in_slot:
            slot_[e->level][e->slot].unlink(e);
            if (slot_[e->level][e->slot].empty()) mark_empty(e->level, e->slot);
            if (next_known_ && e->due_ns == next_in_slots_) next_known_ = false;
            break;
        }
        e->state = timer_state::idle;
        --armed_;
        return true;
    }

    // Moves time on (a time before the last one counts as the last one): pending timers begin to count, and those that
    // are due at now_ns are appended to `out`, idle, for the caller to fire. An entry must be popped from there before
    // it is armed again.
    void advance(std::int64_t now_ns, timer_list& out) noexcept;

    // When the first timer is due, in ns, exactly. Pending ones do not count yet: advance first.
    // O(1) as a rule, also while timers are cancelled in the order in which they are due; now and then, O(timers in the
    // first slot).
    [[nodiscard]] std::optional<std::int64_t> next_due() noexcept;

    [[nodiscard]] bool has_pending() const noexcept { return !pending_.empty(); }
    [[nodiscard]] bool empty() const noexcept { return armed_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return armed_; }

private:
    using tick_type = std::uint64_t;

    [[nodiscard]] static constexpr tick_type tick_of(std::int64_t ns) noexcept {
        return static_cast<tick_type>(ns) >> tick_bits;
    }

    // Puts e where its due time belongs as seen from present_tick_; into `now_list` if that is the present tick.
    void place(timer_entry* e, timer_list& now_list) noexcept;
    void expire(timer_list& list, timer_list& out) noexcept;
    void roll_to(tick_type target, timer_list& out) noexcept;

    // The least due time of a list that is not empty. Whoever cancels the first one again and again, as a crowd of timers
    // of one duration does, must not look at all of them each time: a list in order shows its least at once, and one that
    // is not is put in order when it has been searched as often as that is worth.
    [[nodiscard]] std::int64_t least_of(timer_list& list) noexcept;

    void mark_empty(unsigned level, unsigned slot) noexcept {
        occupied_[level] &= ~(std::uint64_t{1} << slot);
        if (occupied_[level] == 0) occupied_levels_ &= static_cast<std::uint8_t>(~(1u << level));
    }
    void mark_occupied(unsigned level, unsigned slot) noexcept {
        occupied_[level] |= std::uint64_t{1} << slot;
        occupied_levels_ |= static_cast<std::uint8_t>(1u << level);
    }
    // The first level that has timers: all of its timers are due before those of higher levels.
    [[nodiscard]] unsigned first_level() const noexcept {
        return static_cast<unsigned>(std::countr_zero(occupied_levels_));
    }
    [[nodiscard]] unsigned first_slot(unsigned level) const noexcept {
        return static_cast<unsigned>(std::countr_zero(occupied_[level]));
    }

    std::int64_t now_ns_ = 0;
    tick_type present_tick_ = 0; // Invariant: now_ns_'s, outside advance.
    std::size_t armed_ = 0;
    timer_list pending_; // In arming order.
    timer_list present_; // Invariant: sorted; of the present tick.
    std::int64_t next_in_slots_ = 0;
    bool next_known_ = false; // next_in_slots_ is the least due time in the slots.
    std::uint8_t searches_ = 0; // of lists out of order, since one was put in order
    const timer_list* sorted_ = nullptr; // Invariant: a slot's that is sorted, or null.
    std::uint8_t occupied_levels_ = 0; // Invariant: bit L set iff occupied_[L] is not 0.
    std::array<std::uint64_t, levels> occupied_{}; // Invariant: a bit is set iff the slot's list is not empty.
    // Invariant: a timer in slot s of level l agrees with present_tick_ in all higher digits, and s is greater than
    // present_tick_'s digit l. So equal due times always lie in one list, in arming order.
    std::array<std::array<timer_list, slots>, levels> slot_{};
};

inline timer_entry* timer_list::merge_chains(timer_entry* a, timer_entry* b) noexcept {
    timer_entry* head = nullptr;
    timer_entry** tail = &head;
    while (a != nullptr && b != nullptr) {
        timer_entry*& least = b->due_ns < a->due_ns ? b : a;
        *tail = least;
        tail = &least->next;
        least = least->next;
    }
    *tail = a != nullptr ? a : b;
    return head;
}

inline void timer_list::relink(timer_entry* chain) noexcept {
    first_ = chain;
    timer_entry* last = chain;
    for (timer_entry* e = chain; e->next != nullptr; e = e->next) {
        e->next->prev = e;
        last = e->next;
    }
    first_->prev = last;
}

inline void timer_list::sort() noexcept {
    if (is_sorted()) return;
    // Runs of 2^i timers, older ones at higher i: merged like the carry of a binary counter.
    std::array<timer_entry*, 48> runs{};
    std::size_t used = 0;
    for (timer_entry* rest = first_; rest != nullptr;) {
        timer_entry* run = rest;
        rest = rest->next;
        run->next = nullptr;
        std::size_t i = 0;
        for (; i < used && runs[i] != nullptr; ++i) {
            run = merge_chains(runs[i], run);
            runs[i] = nullptr;
        }
        runs[i] = run;
        if (i == used) ++used;
    }
    timer_entry* all = nullptr;
    for (std::size_t i = 0; i < used; ++i) all = merge_chains(runs[i], all);
    relink(all);
}

inline void timer_wheel::place(timer_entry* e, timer_list& now_list) noexcept {
    const tick_type due = tick_of(e->due_ns);
    const tick_type differs = due ^ present_tick_;
    if (differs == 0) {
        e->state = timer_state::present;
        now_list.push_back(e);
        return;
    }
    const unsigned level = (static_cast<unsigned>(std::bit_width(differs)) - 1) / digit_bits;
    const unsigned slot = static_cast<unsigned>(due >> (level * digit_bits)) & (slots - 1);
    e->state = timer_state::in_slot;
    e->level = static_cast<std::uint8_t>(level);
    e->slot = static_cast<std::uint8_t>(slot);
    timer_list& list = slot_[level][slot];
    if (list.empty()) mark_occupied(level, slot);
    else if (&list == sorted_ && e->due_ns < list.back()->due_ns) sorted_ = nullptr;
    list.push_back(e);
}

inline void timer_wheel::expire(timer_list& list, timer_list& out) noexcept {
    for (timer_entry* e = list.front(); e != nullptr; e = e->next) {
        e->state = timer_state::idle;
        --armed_;
    }
    out.append(list);
}

// Brings the present to `target`, a later tick: all timers of ticks before it go out, those of its own get ready.
inline void timer_wheel::roll_to(tick_type target, timer_list& out) noexcept {
    expire(present_, out);
    while (occupied_levels_ != 0) {
        const unsigned level = first_level();
        const unsigned slot = first_slot(level);
        const unsigned shift = level * digit_bits;
        const tick_type digits_above = present_tick_ >> (shift + digit_bits);
        const tick_type begin = ((digits_above << digit_bits) | slot) << shift;
        if (begin > target) break;
        next_known_ = false;
        present_tick_ = begin;
        timer_list moving = slot_[level][slot];
        slot_[level][slot] = timer_list{};
        mark_empty(level, slot);
        timer_list now_list;
        while (timer_entry* e = moving.pop_front()) place(e, now_list);
        now_list.sort();
        if (begin == target) {
            present_.append(now_list);
        } else {
            expire(now_list, out);
        }
    }
    present_tick_ = target;
}

inline void timer_wheel::advance(std::int64_t now_ns, timer_list& out) noexcept {
    if (now_ns > now_ns_) now_ns_ = now_ns;
    if (tick_of(now_ns_) != present_tick_) roll_to(tick_of(now_ns_), out);
    if (!pending_.empty()) {
        timer_list soon;
        while (timer_entry* e = pending_.pop_front()) {
            constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
            e->due_ns = e->due_ns > never - now_ns_ ? never : now_ns_ + e->due_ns;
            place(e, soon);
            if (next_known_ && e->state == timer_state::in_slot && e->due_ns < next_in_slots_) {
                next_in_slots_ = e->due_ns;
            }
        }
        soon.sort();
        present_.merge(soon);
    }
    while (!present_.empty() && present_.front()->due_ns <= now_ns_) {
        timer_entry* const e = present_.pop_front();
        e->state = timer_state::idle;
        --armed_;
        out.push_back(e);
    }
}

inline std::optional<std::int64_t> timer_wheel::next_due() noexcept {
    if (!present_.empty()) return present_.front()->due_ns;
    if (occupied_levels_ == 0) return std::nullopt;
    if (!next_known_) {
        const unsigned level = first_level();
        next_in_slots_ = least_of(slot_[level][first_slot(level)]);
        next_known_ = true;
    }
    return next_in_slots_;
}

inline std::int64_t timer_wheel::least_of(timer_list& list) noexcept {
    if (&list != sorted_ && list.is_sorted()) sorted_ = &list;
    if (&list == sorted_) return list.front()->due_ns;
    constexpr std::uint8_t worth_sorting = 16; // a sort takes some log(n) times what a search does
    if (++searches_ >= worth_sorting) {
        searches_ = 0;
        list.sort();
        sorted_ = &list;
        return list.front()->due_ns;
    }
    std::int64_t least = list.front()->due_ns;
    for (const timer_entry* e = list.front()->next; e != nullptr; e = e->next)
        if (e->due_ns < least) least = e->due_ns;
    return least;
}

} // namespace bastion::detail

#endif
