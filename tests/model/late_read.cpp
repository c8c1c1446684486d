// Loads that return what is stored later. What may come is known from runs that went the same way up to the load and on
// without such a read: the load takes one of the values stored in them, as a promise that this store will be made. If it is
// not, or if the whole is no execution that C++20 allows, the run shows nothing.
//
// A promise may change what the others do, up to the store itself, which then proves itself: a value out of thin air. So a
// failure counts only if the same store is made, by the same decisions, where the load returns a value that was there.
#include "model/exploration.hpp"

#include <algorithm>
#include <cstdlib>

namespace model {

// Things that setups make lie in the same place in each run; other memory may be gone.
bool exploration::lasts(detail::bits value) const {
    if (!value.pointer || value.value == 0) return true;
    return std::any_of(rooms_.begin(), rooms_.end(), [&](const room& r) {
        const auto first = reinterpret_cast<std::uintptr_t>(r.at);
        return first <= value.value && value.value < first + r.size;
    });
}

detail::got exploration::choose_value(detail::later_reads& reads, int atomic, std::size_t newest, std::size_t oldest) {
    const bool newest_only = std::exchange(fibers_[current_].fresh, false) || stale_ >= limits_.stale_reads;
    const std::size_t stored = newest_only ? 1 : newest - oldest + 1;
    if (!limits_.late_reads || promise_.made || !concurrent_) {
        const std::size_t back = choose(stored);
        if (back != 0) ++stale_;
        return {newest - back, false, {}};
    }
    // Also if there is one value only: more may be found.
    if (at_ == trail_.size()) trail_.push_back({0, static_cast<std::uint8_t>(stored), {}});
    const choice& c = trail_[at_];
    if (c.of != stored) end_run("the program is not the same from run to run");
    if (c.taken < stored) {
        reads.loads.push_back({at_++, self()});
        if (c.taken != 0) ++stale_;
        return {newest - c.taken, false, {}};
    }
    promise_ = {true, true, c.later[c.taken - stored], atomic, self(), steps_, log_.size(), at_++};
    if (instead_) return {newest - *instead_, false, {}};
    return {0, true, promise_.what.value};
}

void exploration::await_promise(int atomic) {
    if (!promise_.open || promise_.atomic != atomic || promise_.reader != self()) return;
    fibers_[current_].held = true;
    leave();
}

void exploration::stored(detail::later_reads& reads, int atomic, detail::bits value) {
    const auto same = [&](const auto& c) { return c.value == value && c.writer == self(); };
    auto count = std::find_if(reads.stored.begin(), reads.stored.end(), same);
    if (count == reads.stored.end()) count = reads.stored.insert(count, {value, self(), 0});
    const later_store made{value, self(), ++count->times};
    if (promise_.open && promise_.atomic == atomic && promise_.what == made) return keep_promise(log_.size() - 1);
    if (promise_.made || !lasts(value)) return;
    for (const auto& load : reads.loads) {
        auto& later = trail_[load.choice].later;
        if (load.reader != self() && std::find(later.begin(), later.end(), made) == later.end()) later.push_back(made);
    }
}

void exploration::keep_promise(std::size_t store) {
    promise_.open = false;
    if (instead_) {
        stored_anyway_ = true;
        discard();
    }
    log_[promise_.load].number = log_[store].number;
    const auto by_reader = [this](const event& e) { return e.thread == promise_.reader; };
    // If the reader has done nothing since, it is as if it read now.
    const auto next = log_.begin() + static_cast<std::ptrdiff_t>(promise_.load) + 1;
    if (std::none_of(next, log_.end(), by_reader)) discard();
    if (!judge_.of(log_, log_start_, log_.size()).consistent) discard(); // and what follows cannot mend it
    fibers_[promise_.reader].held = false;
    if (failure_.empty()) return;
    failed_ = true;
    jump(most_threads);
}

// Whether the last run's promised store is made where the load returns a value that was there.
bool exploration::stored_anyway() {
    const std::vector<choice> trail = trail_;
    const std::uint8_t values = trail[promise_.choice].of;
    stored_anyway_ = false;
    for (std::size_t back = 0; back < values && !stored_anyway_; ++back) {
        instead_ = back;
        one_run();
        trail_ = trail;
    }
    instead_.reset();
    at_ = trail_.size();
    return stored_anyway_;
}

} // namespace model
