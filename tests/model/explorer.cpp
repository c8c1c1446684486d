#include "model/exploration.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

namespace model {
namespace {

namespace fibers = boost::context::detail;

constexpr std::size_t stack_bytes = 64u << 10;
constexpr std::size_t explorer_itself = most_threads; // its place among the contexts
constexpr std::size_t setup = 0;                      // the thread that sets up and looks at the end

} // namespace

exploration::exploration(const program& p, limits l, const site* weakened)
    : program_(p), limits_(l), weakened_(weakened) {
    for (auto& s : stacks_) s = std::make_unique<char[]>(stack_bytes);
}

exploration::~exploration() {
    clear();
    for (const room& r : rooms_) ::operator delete(r.at, std::align_val_t{r.align});
}

void exploration::thread(std::function<void()> body) {
    if (count_ + 1 >= most_threads) fail("more threads than the explorer has room for");
    fibers_[++count_].body = std::move(body);
}

void* exploration::room_for(std::size_t size, std::size_t align) {
    const std::size_t next = things_.size();
    if (next == rooms_.size()) rooms_.push_back({::operator new(size, std::align_val_t{align}), size, align});
    if (rooms_[next].size != size || rooms_[next].align != align)
        end_run("the program is not the same from run to run");
    return rooms_[next].at;
}

exploration* here = nullptr;

void exploration::entry(fibers::transfer_t from) {
    exploration& e = *here;
    e.fibers_[e.jumped_from_].context = from.fctx;
    fiber& me = e.fibers_[e.current_];
    try {
        me.body();
    } catch (const std::exception& ex) {
        e.give_up(std::string("an exception left a thread: ") + ex.what());
    } catch (...) { e.give_up("an exception left a thread"); }
    me.now = status::done;
    e.leave();
    std::abort(); // a thread that is done is never resumed
}

void exploration::start(std::size_t i, std::function<void()> body) {
    fiber& f = fibers_[i];
    f.body = std::move(body);
    f.now = status::ready;
    f.context = fibers::make_fcontext(stacks_[i].get() + stack_bytes, stack_bytes, &entry);
}

void exploration::jump(std::size_t to) {
    const std::size_t me = current_;
    jumped_from_ = me;
    current_ = to;
    const fibers::transfer_t back = fibers::jump_fcontext(fibers_[to].context, nullptr);
    // Whoever came here has set `current_`.
    fibers_[jumped_from_].context = back.fctx;
}

// What the run has shown. A failure counts only in a run that C++20 allows: where loads return old values there may be none
// of the orders that seq_cst demands, and where one returns what was stored later there may be nothing right at all.
void exploration::judge_run() {
    if (discarded_ || !(failed_ || promise_.made)) return;
    if (!logs()) {
        logs_ = true;
        one_run();
        logs_ = false;
    }
    const verdict v = judge_.of(log_, std::min(log_start_, log_.size()), std::min(log_end_, log_.size()));
    if (!failed_) failure_ = v.race;
    failed_ = v.consistent && !failure_.empty();
    if (failed_ && promise_.made) {
        const std::string why = failure_;
        failed_ = stored_anyway();
        failure_ = why;
        discarded_ = !failed_;
    } else {
        discarded_ = !v.consistent;
    }
}

// Who makes the next step; nobody: all are done, or asleep.
std::optional<std::size_t> exploration::pick() {
    std::array<std::size_t, most_threads> able{};
    std::size_t n = 0;
    const auto is_able = [this](std::size_t i) {
        const fiber& f = fibers_[i];
        return f.now == status::ready && !f.held && (f.paused_at == not_paused || f.paused_at < changes_);
    };
    const bool self_able = is_able(current_);
    if (self_able) able[n++] = current_;
    if (!self_able || preemptions_ < limits_.preemptions)
        for (std::size_t i = 1; i <= count_; ++i)
            if (i != current_ && is_able(i)) able[n++] = i;
    if (n == 0) {
        // All who are awake spin: each looks again before one looks twice.
        const auto looks_of = [this](const fiber& f) { return f.looked_at == changes_ ? f.looks : 0; };
        int least = std::numeric_limits<int>::max();
        for (std::size_t i = 1; i <= count_; ++i) {
            const fiber& f = fibers_[i];
            if (f.now != status::ready || f.held) continue;
            if (looks_of(f) < least) n = 0;
            least = std::min(least, looks_of(f));
            if (looks_of(f) == least) able[n++] = i;
        }
        if (n == 0) return {};
        // Waiting for a held one does not help: enough if each has looked once more.
        if (least >= (promise_.open ? 1 : 3)) end_run("nobody gets on: everyone who is awake spins");
        fiber& looker = fibers_[able[choose(n)]];
        looker.looks = least + 1;
        looker.looked_at = changes_;
        looker.paused_at = not_paused;
        return static_cast<std::size_t>(&looker - fibers_.data());
    }
    const std::size_t next = able[choose(n)];
    if (self_able && next != current_) ++preemptions_;
    fibers_[next].paused_at = not_paused;
    return next;
}

void exploration::step() {
    if (!concurrent_) return;
    if (priming_) {
        jump(explorer_itself);
    } else {
        if (++steps_ > limits_.steps) end_run("more steps than a run may take: a livelock?");
        if (promise_.open && steps_ > promise_.step + limits_.late_steps) discard();
        const auto next = pick();
        if (*next != current_) jump(*next); // there is one: this thread
    }
}

void exploration::leave() {
    if (!concurrent_ || priming_) return jump(explorer_itself);
    if (promise_.open && fibers_[promise_.what.writer].now == status::done) discard();
    const auto next = pick();
    if (next) return jump(*next);
    if (promise_.open) discard();
    std::string asleep;
    for (std::size_t i = 1; i <= count_; ++i)
        if (fibers_[i].now == status::blocked) asleep += " " + std::to_string(i);
    if (!asleep.empty()) end_run("asleep for ever: thread" + asleep);
    jump(explorer_itself);
}

void exploration::pause() {
    if (!concurrent_) give_up("the setup waits for somebody");
    if (priming_) jump(explorer_itself);
    fibers_[current_].fresh = true;
    fibers_[current_].paused_at = changes_;
    const auto next = pick();
    if (*next != current_) jump(*next);
}

void exploration::sleep(const void* address) {
    if (!concurrent_) give_up("the setup waits for somebody");
    fibers_[current_].now = status::blocked;
    fibers_[current_].asleep_on = address;
    leave();
}

void exploration::wake(const void* address) {
    std::array<std::size_t, most_threads> sleepers{};
    std::size_t n = 0;
    for (std::size_t i = 1; i <= count_; ++i)
        if (fibers_[i].now == status::blocked && fibers_[i].asleep_on == address) sleepers[n++] = i;
    if (n == 0) return;
    fiber& f = fibers_[sleepers[choose(n)]];
    f.now = status::ready;
    f.fresh = true;
    changed();
}

std::size_t exploration::choose(std::size_t n) {
    if (n <= 1) return 0;
    if (at_ == trail_.size()) {
        if (instead_) discard();
        trail_.push_back({0, static_cast<std::uint8_t>(n), {}});
    }
    if (trail_[at_].of != n) end_run("the program is not the same from run to run");
    return trail_[at_++].taken;
}

void exploration::give_up(std::string why) {
    if (!promise_.made) end_run(std::move(why));
    // What it read may never be stored: the others show it, this thread stays where it is.
    if (failure_.empty()) failure_ = std::move(why);
    if (!promise_.open) {
        failed_ = true;
        jump(explorer_itself);
    }
    fibers_[current_].now = status::done;
    leave();
    std::abort();
}

void exploration::end_run(std::string why) {
    if (promise_.open) discard();
    failed_ = true;
    failure_ = std::move(why);
    jump(explorer_itself); // the threads are left as they are: nothing of theirs can be unwound
    std::abort();
}

void exploration::discard() {
    discarded_ = true;
    jump(explorer_itself);
    std::abort();
}

std::memory_order exploration::order_of(const site& s) {
    if (collecting_ && std::none_of(sites_.begin(), sites_.end(), [&](const site& o) { return o.same_place(s); }))
        sites_.push_back(s);
    return weakened_ != nullptr && weakened_->same_place(s) ? weakened_->order : s.order;
}

void exploration::trace(const char* what, const site& s, std::memory_order o, int number) {
    if (!tracing_) return;
    lines_.push_back(std::to_string(current_) + ": " + what + " #" + std::to_string(number) + " " +
                     s.where.to_string() + " " + name_of(o));
}

// What the last run has made goes; nobody looks at it any more.
void exploration::clear() {
    exploration* const was = std::exchange(here, nullptr);
    for (const auto& [thing, destroy] : things_) destroy(thing);
    things_.clear();
    here = was;
}

void exploration::forget_run() {
    clear();
    looks_.clear();
    lines_.clear();
    log_.clear();
    for (auto& f : fibers_) f = fiber();
    at_ = count_ = 0;
    preemptions_ = stale_ = atomics_ = 0;
    places_ = 1;
    changes_ = 0;
    spurious_left_ = 1;
    steps_ = 0;
    concurrent_ = failed_ = discarded_ = false;
    failure_.clear();
    promise_ = promise();
    log_start_ = log_end_ = ~std::size_t{0};
}

void exploration::one_run() {
    forget_run();
    fibers_[setup].known.ticks[setup] = 1;
    start(setup, [this] { program_(*this); });
    jump(setup);
    if (failed_) return;
    for (std::size_t i = 1; i <= count_; ++i) {
        fibers_[i].known = fibers_[setup].known;
        fibers_[i].known.ticks[i] = 1;
        start(i, std::move(fibers_[i].body));
    }
    ++fibers_[setup].known.ticks[setup];
    log_start_ = log_.size();
    if (count_ != 0) {
        concurrent_ = priming_ = true;
        for (std::size_t i = 1; i <= count_ && !failed_; ++i) jump(i);
        priming_ = false;
        if (failed_) return;
        if (const auto first = pick()) jump(*first);
        concurrent_ = false;
    }
    log_end_ = log_.size();
    if (failed_ || discarded_) return;
    for (std::size_t i = 1; i <= count_; ++i) fibers_[setup].known.join(fibers_[i].known);
    start(setup, [this] {
        for (auto& look : looks_) look();
    });
    jump(setup);
}

bool exploration::next_run() {
    trail_.resize(at_);
    while (!trail_.empty() && trail_.back().taken + 1u >= trail_.back().of + trail_.back().later.size())
        trail_.pop_back();
    if (trail_.empty()) return false;
    ++trail_.back().taken;
    return true;
}

outcome exploration::all() {
    here = this;
    outcome result;
    do {
        one_run();
        trail_.resize(at_);
        judge_run();
        ++(discarded_ ? result.discarded : result.interleavings);
        if (failed_) {
            result.failure = failure_;
            tracing_ = true;
            one_run();
            for (const auto& l : lines_) result.failure += "\n  " + l;
            break;
        }
        result.complete = !next_run();
    } while (!result.complete && result.interleavings + result.discarded < limits_.runs);
    here = nullptr;
    return result;
}

std::vector<site> exploration::met() {
    collecting_ = true;
    (void)all();
    std::erase_if(sites_, [](const site& s) { return s.where.to_string().starts_with("explorer.hpp:"); });
    return std::move(sites_);
}

outcome explore(const program& p, limits l, const site* weakened) { return exploration(p, l, weakened).all(); }
std::vector<site> sites_met(const program& p, limits l) { return exploration(p, l, nullptr).met(); }

// ---- inside a run

void fail(const std::string& why) {
    here->give_up(why);
    std::abort();
}
void require(bool holds, const char* what) {
    if (!holds) here->give_up(what);
}
void pause() { here->pause(); }

bool kernel::wait(const void* address, const std::function<bool()>& changed, bool may_sleep) {
    here->step();
    if (changed() || (may_sleep && here->spurious_wake())) return true;
    if (!may_sleep) return false;
    here->sleep(address);
    return true;
}
void kernel::wake(const void* address) {
    here->step();
    here->wake(address);
}

} // namespace model
