#include "model/consistency.hpp"

#include <algorithm>

namespace model {
namespace {

constexpr auto strict = std::memory_order_seq_cst;

bool is_atomic(const event& e) { return e.what <= deed::change; }
bool reads_atomic(const event& e) { return e.what == deed::load || e.what == deed::change; }
bool stores_atomic(const event& e) { return is_atomic(e) && e.what != deed::load; }

// Where an operation stands in the order of its atomic: a store before those who read it, these before the next store.
unsigned rank(const event& e) { return 2u * e.number + (e.what == deed::load ? 1u : 0u); }

} // namespace

bool acquires(std::memory_order o) noexcept {
    return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == strict;
}
bool releases(std::memory_order o) noexcept {
    return o == std::memory_order_release || o == std::memory_order_acq_rel || o == strict;
}

// Who releases what `reader` reads: the store itself, and those whose release sequence it goes on with.
template <class Each>
void judge::releases_read_by(std::size_t reader, Each each) const {
    const event& r = (*log_)[reader];
    if (!reads_atomic(r) || !acquires(r.order)) return;
    const auto& stores = stores_[r.place];
    std::size_t number = r.what == deed::change ? r.number - 1u : r.number;
    for (;; --number) {
        const event& w = (*log_)[stores[number]];
        if (w.what != deed::birth && releases(w.order)) each(stores[number]);
        if (w.what != deed::change) return;
    }
}

void judge::arrange() {
    const auto& log = *log_;
    known_.assign(log.size(), clock());
    tick_.assign(log.size(), 0);
    previous_.assign(log.size(), none);
    for (auto& a : at_) a.clear();
    for (auto& s : stores_) s.clear();
    last_.fill(none);
    for (std::size_t i = 0; i < log.size(); ++i) {
        const event& e = log[i];
        if (e.place >= at_.size()) {
            at_.resize(e.place + 1u);
            stores_.resize(e.place + 1u);
        }
        at_[e.place].push_back(i);
        if (stores_atomic(e)) stores_[e.place].push_back(i);
        previous_[i] = last_[e.thread];
        tick_[i] = static_cast<std::uint16_t>(previous_[i] == none ? 1 : tick_[previous_[i]] + 1);
        last_[e.thread] = i;
    }
}

// What happens before each event. Should an event happen before itself, then so does a load before a store that it reads:
// `coherent` sees it.
void judge::spread() {
    const auto& log = *log_;
    const std::size_t setup_last = start_ == 0 ? none : start_ - 1;
    for (bool changed = true; changed;) { // more than once only because a load may read what comes later
        changed = false;
        std::array<std::size_t, most_threads> last{};
        last.fill(none);
        for (std::size_t i = 0; i < log.size(); ++i) {
            clock c = known_[i];
            const auto learn = [&](std::size_t from) {
                if (from != none) c.join(known_[from]);
            };
            learn(previous_[i]);
            if (i >= end_) {
                for (const std::size_t l : last) learn(l);
            } else if (i >= start_) {
                learn(setup_last);
                last[log[i].thread] = i;
            }
            releases_read_by(i, learn);
            c.ticks[log[i].thread] = tick_[i];
            if (c == known_[i]) continue;
            known_[i] = c;
            changed = true;
        }
    }
}

bool judge::before(std::size_t a, std::size_t b) const {
    const std::uint8_t thread = (*log_)[a].thread;
    if (thread == (*log_)[b].thread) return tick_[a] < tick_[b];
    return known_[b].ticks[thread] >= tick_[a];
}

// For seq_cst operations: in sequence, or from something that follows a to something that precedes b. (Who synchronizes with
// another one directly does so by one atomic, whose order counts anyway.)
bool judge::strongly_before(std::size_t a, std::size_t b) const {
    const std::uint8_t thread = (*log_)[a].thread;
    if (thread == (*log_)[b].thread) return tick_[a] < tick_[b];
    if ((a < start_ && b >= start_) || (b >= end_ && a < end_)) return true; // threads begin and are joined
    return previous_[b] != none && known_[previous_[b]].ticks[thread] > tick_[a];
}

bool judge::coherent() const {
    for (const auto& events : at_)
        for (const std::size_t a : events) {
            if (!is_atomic((*log_)[a])) continue;
            for (const std::size_t b : events)
                if (is_atomic((*log_)[b]) && rank((*log_)[a]) > rank((*log_)[b]) && before(a, b)) return false;
        }
    return true;
}

bool judge::has_one_order() const {
    const auto& log = *log_;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < log.size(); ++i)
        if (is_atomic(log[i]) && log[i].what != deed::birth && log[i].order == strict) left.push_back(i);
    const auto must_precede = [&](std::size_t a, std::size_t b) {
        return (log[a].place == log[b].place && rank(log[a]) < rank(log[b])) || strongly_before(a, b);
    };
    while (!left.empty()) {
        const auto next = std::find_if(left.begin(), left.end(), [&](std::size_t b) {
            return std::none_of(left.begin(), left.end(), [&](std::size_t a) { return a != b && must_precede(a, b); });
        });
        if (next == left.end()) return false;
        left.erase(next);
    }
    return true;
}

bool judge::plain_in_order(std::string& race) const {
    const auto& log = *log_;
    const auto changes = [&](std::size_t i) { return log[i].what == deed::write || log[i].what == deed::end; };
    for (const auto& events : at_)
        for (auto b = events.begin(); b != events.end(); ++b)
            for (auto a = events.begin(); a != b; ++a) {
                if (!changes(*a) && !changes(*b)) continue;
                if (before(*b, *a)) return false;
                if (!race.empty()) continue;
                const std::string who =
                    " (threads " + std::to_string(log[*a].thread) + " and " + std::to_string(log[*b].thread) + ")";
                if (!before(*a, *b)) race = "a race: nothing orders two accesses" + who;
                else if (log[*a].what == deed::end) race = "memory is used after it was given back" + who;
            }
    return true;
}

verdict judge::of(const std::vector<event>& log, std::size_t start, std::size_t end) {
    log_ = &log;
    start_ = start;
    end_ = end;
    arrange();
    verdict v;
    spread();
    v.consistent = coherent() && has_one_order() && plain_in_order(v.race);
    return v;
}

} // namespace model
