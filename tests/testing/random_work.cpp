#include "testing/random_work.hpp"

#include "testing/random_tree.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;

// ---- tell_every

beat::beat(ledger& l, series& s) : ledger_(&l), series_(&s), ticket_(l.sent) {}

beat::beat(const beat& other)
    : ledger_(other.ledger_), series_(other.series_), number_(++other.series_->made), ticket_(other.ticket_) {
    const series& s = *series_;
    if (s.cancelled) ledger_->wrong("tell_every goes on after cancel");
    if (s.began + s.made * s.period > ledger_->now()) ledger_->wrong("tell_every came early");
    if (!s.to.alive() && ++series_->in_vain > 1) ledger_->wrong("tell_every goes on for one that is gone");
}

void beat::handle(const child_ref& by) {
    ticket_.handle();
    ++ledger_->work.beats_taken;
    if (by != series_->to && ledger_->sizes.inherits(by, series_->to)) ++ledger_->sizes.inherited;
    else if (by != series_->to) ledger_->wrong("tell_every has told another one");
    if (number_ <= series_->taken) ledger_->wrong("tell_every has told twice, or out of order");
    series_->taken = number_;
}

beating::beating(context ctx, ledger& l) : ledger_(&l) {
    series& s = l.work.all_series.emplace_back(l.anybody(), 1ms + l.time_below(10ms), l.now());
    timer_ = ctx.tell_every(s.period, s.to, beat(l, s));
    const bool alone = l.below(3) == 0 && l.work.left_alone < 6;
    series_ = alone ? nullptr : &s;
    if (alone) ++l.work.left_alone;
}

beating::beating(beating&& other) noexcept
    : ledger_(other.ledger_), series_(std::exchange(other.series_, nullptr)), timer_(std::move(other.timer_)) {}

beating::~beating() {
    if (series_ == nullptr) return;
    if (!timer_.cancel()) ledger_->wrong("a tell_every that goes on is not cancelled");
    if (timer_.cancel()) ledger_->wrong("a tell_every is cancelled twice");
    series_->cancelled = true;
}

// ---- with_data

notebook::notebook(ledger& l, bool is_rebuilt) : ledger_(&l), is_rebuilt_(is_rebuilt) { ++l.work.notebooks; }

notebook::notebook(notebook&& other) noexcept : ledger_(other.ledger_), is_rebuilt_(other.is_rebuilt_) {
    ++ledger_->work.notebooks;
}

notebook::~notebook() {
    ++ledger_->work.notebooks_gone;
    if (is_open_) ledger_->wrong("data went while its process was there");
}

reading::reading(context ctx, ledger& l) : book_(ctx.data<notebook>()), pages_(l.work.pages[ctx.self()]) {
    const bool failed = std::exchange(l.work.failed[ctx.self()], false);
    if (std::exchange(book_.is_open_, true)) l.wrong("data of two processes at once");
    if (book_.owner_.value_or(ctx.self()) != ctx.self()) l.wrong("data of another element");
    book_.owner_ = ctx.self();
    if (pages_ != 0) ++(book_.is_rebuilt_ && failed ? l.work.rebuilt : l.work.kept);
    if (book_.is_rebuilt_ && failed) pages_ = 0;
    if (book_.pages_ != pages_) l.wrong("data was lost, or kept although it was to be made again");
    write();
}

reading::~reading() { book_.is_open_ = false; }

void reading::write() {
    ++pages_;
    ++book_.pages_;
}

// ---- joined tasks

namespace {

class errand_presence {
public:
    explicit errand_presence(errand& e) : errand_(e) { errand_.began = true; }
    errand_presence(const errand_presence&) = delete;
    errand_presence& operator=(const errand_presence&) = delete;
    ~errand_presence() {
        errand_.over = true;
        errand_.threw = std::uncaught_exceptions() != 0;
    }

private:
    errand& errand_;
};

task<std::uint64_t> run_errand(ledger& l, errand& e, std::uint64_t number) {
    errand_presence here(e);
    co_await sleep_wait(l.time_below(5ms));
    if (l.below(2) == 0) (void)l.anybody().tell<job>(l);
    if (l.below(4) == 0) panic("an errand");
    e.returns = true;
    co_return number + 1;
}

void joined(ledger& l, errand& e, const result<std::uint64_t>& r, std::uint64_t number) {
    if (++e.results != 1) l.wrong("a task is joined twice");
    if (e.began && !e.over) l.wrong("a task is joined while it runs");
    if (r && (!e.returns || *r != number + 1)) l.wrong("a joined task has another value");
    if (r) return;
    ++l.work.failed_joins;
    if (e.returns) l.wrong("the value of a joined task is lost");
    if (r.error() == errc::target_died) {
        const exit_kind why = r.error().reason().kind();
        if (why == exit_kind::panic && e.began && !e.threw) l.wrong("a joined task is said to have panicked");
        if (why == exit_kind::normal) l.wrong("a joined task is said to have ended normally");
    } else if (r.error() != errc::noproc || e.began) {
        l.wrong("a joined task fails: " + r.error().what());
    }
}

task<void> joins(context ctx, ledger& l) {
    errand& e = l.work.errands.emplace_back();
    const std::uint64_t number = l.below(1000);
    join_handle<std::uint64_t> coming = ctx.spawn(run_errand(l, e, number));
    const std::uint32_t way = l.below(6);
    if (way == 0) co_return; // it goes on alone
    if (way == 1) coming.kill();
    if (way == 2) coming.stop();
    waiting mark(l.work.joins);
    std::optional<result<std::uint64_t>> r;
    // A task that is spawned while its supervisor restarts begins after that: who waits for it without a bound, and is
    // waited for, would wait for ever.
    if (way < 3) r = co_await coming;
    else if (way == 3) r = co_await std::move(coming).within(l.time_below(5ms));
    else r = co_await std::move(coming).until(ctx.stop_token());
    if (!*r && (r->error() == errc::timeout || r->error() == errc::cancelled)) {
        mark.given_up();
        co_return;
    }
    mark.result();
    joined(l, e, *r, number);
}

// ---- stop tokens

// The process' own token, or the one that anybody may use; two seconds are long.
task<void> rests(context ctx, ledger& l) {
    const std::shared_ptr<strike> common = l.work.next_strike;
    const bool is_own = l.below(2) == 0;
    const std::stop_token token = is_own ? ctx.stop_token() : common->source.get_token();
    std::optional<std::chrono::nanoseconds> own;
    if (token.stop_requested() && is_own) own = l.now();
    const auto note = [&own, &l] {
        if (!own) own = l.now();
    };
    std::stop_callback ordered(is_own ? token : std::stop_token(), note);
    const auto d = is_own && l.below(4) == 0 ? 2s : l.time_below(20ms);
    const auto begin = l.now();
    waiting mark(l.work.rests);
    auto r = co_await ctx.sleep_for(d).until(token);
    const auto stopped = is_own ? own : common->ordered;
    if (is_own && ctx.stop_requested() != token.stop_requested()) l.wrong("a process is stopped, or its token, alone");
    if (r) {
        mark.result();
        if (l.now() < begin + d) l.wrong("a sleep was cut short without a word");
        if (l.is_punctual && stopped && *stopped < l.now()) l.wrong("a sleep went on after its token was stopped");
    } else {
        mark.given_up();
        ++l.work.rests_cut;
        if (r.error() != errc::cancelled || !token.stop_requested() || !stopped)
            l.wrong("a sleep was cut short, and nobody has asked for that");
        else if (l.is_punctual && std::max(*stopped, begin) != l.now()) l.wrong("a sleep was cut short late");
    }
}

void go_on_strike(ledger& l) {
    const std::shared_ptr<strike> now = std::exchange(l.work.next_strike, std::make_shared<strike>());
    now->ordered = l.now();
    (void)now->source.request_stop();
}

// ---- blocking functions

class function_presence {
public:
    function_presence(ledger& l, caller& by) : book_(l.work), asker_(by.who) {
        if (++by.runs != 1) l.wrong("a blocking function runs twice");
        ++book_.functions_begun;
        ++book_.functions[asker_];
    }
    function_presence(const function_presence&) = delete;
    function_presence& operator=(const function_presence&) = delete;
    ~function_presence() {
        --book_.functions[asker_];
        ++book_.functions_over;
    }

private:
    work_book& book_;
    child_ref asker_;
};

// Not a message: thrown by blocking functions.
struct blocked : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::uint64_t slow_square(ledger& l, caller& by, std::uint64_t n) {
    function_presence here(l, by);
    if (l.below(2) == 0) (void)l.anybody().tell<job>(l); // by nobody: it is no process
    if (l.below(4) == 0) throw blocked("a function's");
    return n * n;
}

task<std::uint64_t> forked_square(ledger& l, caller& by, std::uint64_t n) {
    co_return co_await blocking([&l, &by, n] { return slow_square(l, by, n); });
}

task<std::uint64_t> square_somehow(ledger& l, caller& by, std::uint64_t n) {
    const auto f = [&l, &by, n] { return slow_square(l, by, n); };
    switch (l.below(4)) {
    case 0: {
        const std::uint64_t value = co_await blocking(f);
        co_return value;
    }
    case 1: {
        const std::uint64_t value = co_await blocking_detached(f);
        co_return value;
    }
    case 2: {
        auto r = co_await blocking(f).within(1ms + l.time_below(5ms));
        if (!r) l.wrong("a blocking function that took no time is late");
        co_return r ? *r : 0;
    }
    default: {
        scope s;
        auto forked = s.fork(forked_square(l, by, n));
        co_await s.join();
        co_return *forked;
    }
    }
}

task<void> blocks(context ctx, ledger& l) {
    const std::uint64_t n = 1 + l.below(1000);
    caller& me = l.work.callers.emplace_back(caller{ctx.self()});
    waiting mark(l.work.calls);
    try {
        const std::uint64_t square = co_await square_somehow(l, me, n);
        if (square != n * n) l.wrong("a blocking function has another value");
    } catch (const blocked&) { ++l.work.thrown; }
    mark.result();
    if (me.runs != 1 || l.work.running(me.who)) l.wrong("a blocking function is over before it has run");
}

} // namespace

// ---- all of them

task<void> work(context ctx, ledger& l, std::deque<beating>& beats) {
    const std::uint32_t what = l.below(20);
    if (what < 4) {
        beats.emplace_back(ctx, l);
        if (beats.size() > 2) beats.pop_front();
    } else if (what < 10) {
        co_await joins(ctx, l);
    } else if (what < 14) {
        co_await rests(ctx, l);
    } else if (what < 15) {
        go_on_strike(l);
    } else {
        co_await blocks(ctx, l);
    }
}

void errand_from_outside(runtime& rt, ledger& l) {
    errand& e = l.work.errands.emplace_back();
    const std::uint64_t number = l.below(1000);
    join_handle<std::uint64_t> coming = rt.spawn(run_errand(l, e, number));
    waiting mark(l.work.joins);
    const auto r = rt.run(std::move(coming));
    mark.result();
    joined(l, e, r, number);
}

bool take_work(ledger& l, context ctx, message& m) {
    auto* b = m.told<beat>();
    if (b == nullptr) return false;
    b->handle(ctx.self());
    if (l.work.running(ctx.self())) l.wrong("a process works while its blocking function does");
    return true;
}

bool work_book::running(const child_ref& asker) const {
    const auto found = functions.find(asker);
    return found != functions.end() && found->second != 0;
}

std::string work_book::faults() const {
    return test::mismatch("data made, and gone", notebooks, notebooks_gone) + joins.faults("joins") +
           rests.faults("sleeps until a stop") + calls.faults("blocking functions") +
           test::mismatch("blocking functions begun, and over", functions_begun, functions_over);
}

} // namespace trees
