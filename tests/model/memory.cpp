#include "model/exploration.hpp"

#include <algorithm>

namespace model {
namespace detail {

history::history() : number_(here->next_atomic()) {
    records_.reserve(8);
    seen_.reserve(16);
    records_.emplace_back();
    observe(0);
    if (here->logs()) here->log(deed::birth, touched_.place());
}

void history::observe(std::size_t number) {
    seen_.push_back({here->self(), here->known().ticks[here->self()], static_cast<std::uint16_t>(number)});
}

std::size_t history::oldest_allowed(bool seq_cst) const {
    std::size_t oldest = 0;
    const clock& known = here->known();
    for (const seen& s : seen_)
        if (s.tick <= known.ticks[s.thread]) oldest = std::max<std::size_t>(oldest, s.number);
    if (seq_cst)
        for (std::size_t i = records_.size(); i-- > oldest;)
            if (records_[i].seq_cst) return i;
    return oldest;
}

// Without an explorer only destructors of what a run has made look at atomics: they see the newest values.
got history::load(const site& s) {
    if (here == nullptr) return {records_.size() - 1, false, {}};
    here->await_promise(number_);
    here->step();
    touched_.check_read();
    const std::memory_order o = here->order_of(s);
    here->trace("load", s, o, number_);
    const got g =
        here->choose_value(later_, number_, records_.size() - 1, oldest_allowed(o == std::memory_order_seq_cst));
    if (here->logs()) here->log(deed::load, touched_.place(), o, g.number);
    if (g.late) {
        here->trace_late();
    } else {
        observe(g.number);
        if (acquires(o)) here->known().join(records_[g.number].released);
    }
    here->tick();
    return g;
}

void history::store(const site& s) {
    if (here == nullptr) return records_.emplace_back(), void();
    here->await_promise(number_);
    here->step();
    touched_.check_read();
    const std::memory_order o = here->order_of(s);
    here->trace("store", s, o, number_);
    records_.push_back({releases(o) ? here->known() : clock(), o == std::memory_order_seq_cst});
    observe(records_.size() - 1);
    here->tick();
    here->changed();
    if (here->logs()) here->log(deed::store, touched_.place(), o, records_.size() - 1);
}

std::size_t history::begin_rmw() {
    if (here == nullptr) return records_.size() - 1;
    here->await_promise(number_);
    here->step();
    touched_.check_read();
    return records_.size() - 1;
}

void history::stored(bits value) {
    if (here != nullptr && here->logs()) here->stored(later_, number_, value);
}

void history::free() {
    if (here != nullptr) touched_.kill();
}

void history::modify(const site& s) {
    if (here == nullptr) return records_.emplace_back(), void();
    const std::memory_order o = here->order_of(s);
    here->trace("change", s, o, number_);
    clock released = records_.back().released; // a read-modify-write goes on with the release sequence
    if (acquires(o)) here->known().join(released);
    if (releases(o)) released.join(here->known());
    records_.push_back({released, o == std::memory_order_seq_cst});
    observe(records_.size() - 1);
    here->tick();
    here->changed();
    if (here->logs()) here->log(deed::change, touched_.place(), o, records_.size() - 1);
}

void history::refuse(const site& s) {
    if (here == nullptr) return;
    const std::memory_order o = here->order_of(s);
    here->trace("refuse", s, o, number_);
    observe(records_.size() - 1);
    if (acquires(o)) here->known().join(records_.back().released);
    if (here->logs()) here->log(deed::load, touched_.place(), o, records_.size() - 1);
    here->tick();
}

void note_value(std::uint64_t value) {
    if (here != nullptr) here->trace_value(value);
}

std::uint16_t access::place() const {
    if (place_ == 0) place_ = here->next_place();
    return place_;
}

void access::read() const {
    if (here == nullptr) return;
    if (here->logs()) here->log(deed::read, place());
    check_read();
}

void access::write() {
    if (here == nullptr) return;
    if (here->logs()) here->log(deed::write, place());
    check_write();
}

void access::kill() {
    if (here == nullptr) return;
    if (here->logs()) here->log(deed::end, place());
    check_write();
    dead_ = true;
}

void access::check_read() const {
    if (here == nullptr || here->judged_at_the_end()) return;
    if (dead_) fail("memory is read after it was given back");
    const clock& known = here->known();
    if (written_ > known.ticks[writer_])
        fail("a race: what is read here was written by thread " + std::to_string(writer_));
    reads_.ticks[here->self()] = known.ticks[here->self()];
}

void access::check_write() {
    if (here->judged_at_the_end()) return;
    if (dead_) fail("memory is written after it was given back");
    const clock& known = here->known();
    if (written_ > known.ticks[writer_])
        fail("a race: what is written here was written by thread " + std::to_string(writer_));
    for (std::size_t i = 0; i < most_threads; ++i)
        if (reads_.ticks[i] > known.ticks[i])
            fail("a race: what is written here is read by thread " + std::to_string(i));
    writer_ = here->self();
    written_ = known.ticks[writer_];
}

} // namespace detail
} // namespace model
