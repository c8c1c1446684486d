#include "testing/simulator.hpp"

#include "supervision/owner.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/home.hpp>
#include <bastion/testing/failure.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace bastion::detail {

using testing::failure;

simulator::simulator(std::uint64_t seed, testing::settings s)
    : seed_(seed), settings_(std::move(s)), choices_(seed, settings_), most_steps_(settings_.step_limit()) {
    if (settings_.faults().allocation != 0) fail_allocation(std::numeric_limits<std::uint64_t>::max());
}

simulator::~simulator() { leave_allocations(); }

void simulator::attach(executor& e) {
    check_thread();
    executors_.push_back(&e);
}

void simulator::detach(executor& e) noexcept {
    steals_of_the_gone_ += e.counters().steals;
    std::erase_if(late_, [&e](const late_message& m) {
        if (m.home != e.home()) return false;
        dead_letter(*m.home, m.message, m.to, drop_reason::noproc);
        return true;
    });
    std::erase(executors_, &e);
}

void simulator::check_thread() const {
    if (std::this_thread::get_id() != thread_)
        throw usage_error("bastion: a simulation runs on the thread that made it, and was used on another one");
}

// ---- turns

void simulator::find_able(const worker* but) {
    able_.clear();
    able_numbers_.clear();
    std::uint32_t number = 0;
    std::size_t up_to_last = 0;
    for (executor* e : executors_) {
        for (std::size_t i = 0; i < e->size(); ++i, ++number) {
            worker& w = e->worker_at(i);
            if (&w != but && w.may_turn()) {
                able_.push_back(&w);
                able_numbers_.push_back(number);
            }
            if (number == last_) up_to_last = able_.size();
        }
    }
    const auto next = static_cast<std::ptrdiff_t>(up_to_last);
    std::rotate(able_.begin(), able_.begin() + next, able_.end());
    std::rotate(able_numbers_.begin(), able_numbers_.begin() + next, able_numbers_.end());
}

void simulator::let_one_run() {
    const std::size_t chosen = choices_.choose_worker(able_numbers_, last_);
    last_ = able_numbers_[chosen];
    ++steps_;
    const bool before = std::exchange(in_turn_, true); // a turn may be in the midst of another one
    able_[chosen]->take_turn();
    in_turn_ = before;
}

bool simulator::step(std::int64_t limit) {
    if (steps_ >= most_steps_) throw failure("more than " + std::to_string(steps_) + " steps: a livelock?");
    find_able(nullptr);
    if (able_.empty()) {
        const std::int64_t due = next_due();
        if (due > limit || due == never) return false;
        move_time(due);
        return true;
    }
    if (settings_.slow_machine() && choices_.choose(decision::time, 64) == 1) {
        if (const std::int64_t due = next_due(); due <= limit && due != never) move_time(due);
    }
    let_one_run();
    return true;
}

void simulator::run_another(worker& waiting) noexcept {
    const own_allocations own(in_turn_);
    find_able(&waiting);
    if (!able_.empty()) let_one_run();
}

bool simulator::run_until(const std::function<bool()>& done, std::int64_t deadline_ns) {
    check_thread();
    while (!done()) {
        if (step(deadline_ns)) continue;
        if (deadline_ns == never) stalled();
        if (clock_->now_ns() >= deadline_ns) return false;
        move_time(deadline_ns);
    }
    return true;
}

void simulator::run_to_end(const std::function<bool()>& done) noexcept {
    limit_steps(settings_.step_limit()); // as many as all before
    try {
        (void)run_until(done, never);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bastion: a runtime in the simulation with seed %llu does not end: %s\n%s",
            static_cast<unsigned long long>(seed_), e.what(), trace_.last(20).c_str());
        std::abort();
    }
}

void simulator::advance_to(std::int64_t target) {
    (void)run_until([] { return false; }, target);
}

void simulator::stalled() {
    std::vector<std::pair<std::uint32_t, const control_block*>> waiting;
    for (const auto& [b, a] : known_)
        if (b->kind != process_kind::system && a.last != life::exited && b->life_state.now() != life::free)
            waiting.emplace_back(a.number, b);
    std::sort(waiting.begin(), waiting.end()); // by number: the same in every run
    constexpr std::size_t shown = 10;
    std::string text = "nothing can happen any more, and what is waited for has not happened";
    for (std::size_t i = 0; i < std::min(shown, waiting.size()); ++i) {
        const control_block& b = *waiting[i].second;
        text += "\n  " + *known_.find(&b)->second.path + " (process " + std::to_string(waiting[i].first) + ", start " +
                std::to_string(b.incarnation) + ") ";
        if (b.life_state.now() == life::restarting) text += "has ended, and its owner has not decided";
        else text += b.own_slot.mail ? "waits for mail" : "waits for something else than mail";
    }
    if (waiting.size() > shown) text += "\n  and " + std::to_string(waiting.size() - shown) + " more";
    throw failure(text);
}

// ---- time

std::int64_t simulator::next_due() {
    std::int64_t due = never;
    for (executor* e : executors_)
        if (const auto next = e->next_due()) due = std::min(due, *next);
    for (const held_turn& h : held_) due = std::min(due, h.due);
    for (const late_message& m : late_)
        if (m.due > clock_->now_ns()) due = std::min(due, m.due); // else it waits for its process
    return due;
}

void simulator::move_time(std::int64_t to) {
    clock_->set(std::max(to, clock_->now_ns()));
    ++steps_;
    trace_.add(event_now("time moves"));
    bring_back();
}

void simulator::bring_back() {
    const std::int64_t now = clock_->now_ns();
    const auto due = [now](const held_turn& h) { return h.due <= now; };
    std::vector<held_turn> back;
    std::copy_if(held_.begin(), held_.end(), std::back_inserter(back), due);
    std::erase_if(held_, due);
    for (const held_turn& h : back) {
        let_go_.push_back(h.r);
        h.where->schedule(*h.r);
    }
    bring_back_late([this, now](const late_message& m) { return m.due <= now && !is_overtaken(m); });
}

// ---- what is seen

namespace {

// As its owner calls it. Of a process that has its first turn: so it has an owner, who lives.
std::string path_of(const control_block& b) {
    if (b.kind == process_kind::system) {
        const std::string& path = static_cast<const owner*>(b.frame)->path();
        return path.empty() ? "/" : path;
    }
    const control_block* above = b.owner.now();
    // Safety: `path_of` only reads.
    return static_cast<const owner*>(above->frame)->path_of(const_cast<control_block&>(b));
}

} // namespace

simulator::acquaintance& simulator::know(const control_block& b) {
    acquaintance& a = known_[&b];
    const std::uint64_t generation = b.generation.now();
    if (a.number == 0 || a.generation != generation) {
        // Another process lives in the block now: the one before was let go, perhaps out of a restart that never came.
        if (a.last == life::restarting) count(life::restarting, a.last = life::exited);
        if (a.last == life::exited) count(life::exited, life::free);
        a = acquaintance();
        a.number = ++processes_;
        a.generation = generation;
        a.path = std::make_shared<const std::string>(path_of(b));
    }
    return a;
}

void simulator::count(life from, life to) noexcept {
    ++coverage_.transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

// A turn shows the state it begins and ends with; what must lie between is counted, too.
void simulator::note_before(acquaintance& a) {
    if (a.last == life::free) count(life::free, a.last = life::starting);
    if (a.last != life::queued) count(a.last, life::queued);
    count(life::queued, a.last = life::running);
}

void simulator::note_after(acquaintance& a, const control_block& b) {
    const life now = b.life_state.now();
    if (now == life::exited || now == life::restarting) {
        ++coverage_.exits[static_cast<std::size_t>(b.reason.kind())];
        ++a.ends;
        a.why = b.reason;
        if (b.kind == process_kind::system) { // it has no frame to be destroyed
            count(a.last, now);
        } else {
            count(a.last, life::stopping);
            count(life::stopping, now);
        }
    } else {
        count(a.last, now);
    }
    a.last = now;
}

std::optional<simulator::ending> simulator::ended(address who) const {
    const auto a = known_.find(who.block);
    if (a == known_.end() || a->second.generation != who.generation) return {};
    return ending{a->second.ends, a->second.why};
}

trace_event simulator::event_now(std::string_view what) const noexcept {
    trace_event e;
    e.step = steps_;
    e.ns = clock_->now_ns();
    e.what = what;
    return e;
}

trace_event simulator::event_of(
    std::string_view what, const worker& w, const acquaintance& a, const control_block& b) const noexcept {
    trace_event e = event_now(what);
    e.worker = static_cast<std::uint32_t>(w.index());
    e.process = a.number;
    e.incarnation = b.incarnation;
    e.path = a.path;
    return e;
}

void simulator::note_fault(
    std::string_view what, const worker& w, const acquaintance& a, const control_block& b, const envelope& at) {
    trace_event e = event_of(what, w, a, b);
    e.number = b.taken;
    e.counts = "taken before";
    e.type = at.meta().name;
    trace_.add(std::move(e));
}

void simulator::note_turn(const worker& w, const acquaintance& a, const control_block& b, std::uint32_t taken) {
    trace_event e = event_of(b.kind == process_kind::system ? "a turn of owner" : "a turn of", w, a, b);
    e.number = taken;
    if (taken != 0) e.counts = "taken";
    e.over = a.last == life::exited || a.last == life::restarting;
    if (e.over) e.why = a.why;
    // One that ends may have had its message in hand since an earlier turn.
    if (b.hand != nullptr && (taken != 0 || e.over)) e.type = b.hand->name;
    trace_.add(std::move(e));
}

void simulator::note_report(const log_record& r) noexcept {
    const own_allocations own(in_turn_);
    trace_event e = event_now("a report");
    e.number = static_cast<std::uint32_t>(r.restarts);
    e.path = std::make_shared<const std::string>(
        "of " + std::string(r.path) + " (" + r.reason.what() + "): " + std::string(r.next));
    trace_.add(std::move(e));
}

testing::coverage simulator::seen() const {
    testing::coverage all = coverage_;
    all.steals = steals_of_the_gone_;
    for (const executor* e : executors_) all.steals += e->counters().steals;
    return all;
}

void simulator::run(worker& w, runnable& r) noexcept {
    static constexpr std::int32_t shorter[] = {0, 1, 2, 7};
    const own_allocations own(in_turn_);
    control_block& b = block_of(r);
    acquaintance& a = know(b);
    const std::size_t length = choices_.choose(decision::how_long, std::size(shorter));
    std::int32_t messages = length == 0 ? w.owner().budget() : shorter[length];
    if (!allow(w, b, a, messages)) return;
    ++coverage_.turns;
    note_before(a);
    const std::uint32_t taken = b.taken;
    const std::uint32_t outer = std::exchange(taken_before_, taken);
    const std::uint64_t generation = a.generation;
    in_turn_ = true;
    w.run_now(r, messages);
    in_turn_ = false;
    taken_before_ = outer;
    if (!b.lives(generation)) return; // it has gone; `know` hears of it when its block is used again
    acquaintance& after = know(b); // the turn may have made others known
    note_after(after, b);
    note_turn(w, after, b, b.taken - taken);
}

void simulator::note_last(worker& w, runnable& r) noexcept {
    const own_allocations own(in_turn_);
    const control_block& b = block_of(r);
    const auto found = known_.find(&b); // its generation has grown already
    if (found == known_.end()) return;
    note_after(found->second, b);
    note_turn(w, found->second, b, b.taken - taken_before_);
}

} // namespace bastion::detail
