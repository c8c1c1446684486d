#include "model/explorer.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace model {
namespace {

namespace fibers = boost::context::detail;

constexpr std::size_t stack_bytes = 64u << 10;
constexpr std::size_t explorer_itself = most_threads; // its place among the contexts
constexpr std::size_t setup = 0;                      // the thread that sets up and looks at the end

bool acquires(std::memory_order o) {
    return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}
bool releases(std::memory_order o) {
    return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

enum class status : std::uint8_t { absent, ready, blocked, done };

constexpr std::uint64_t not_paused = ~std::uint64_t{0};

struct fiber {
    fibers::fcontext_t context = nullptr;
    status now = status::absent;
    clock known;
    std::uint64_t paused_at = not_paused; // until somebody changes an atomic, or nobody else can go on
    bool fresh = false; // after a pause it sees the newest values: stores become visible in finite time
    const void* asleep_on = nullptr;
    std::function<void()> body;
};

struct choice {
    std::uint8_t taken;
    std::uint8_t of;
};

class explorer final : public run {
public:
    explorer(const program& p, limits l, const site* weakened) : program_(p), limits_(l), weakened_(weakened) {
        for (auto& s : stacks_) s = std::make_unique<char[]>(stack_bytes);
    }

    outcome all();
    std::vector<site> met(); // the sites of `all`, which this calls

    void thread(std::function<void()> body) override {
        if (count_ + 1 >= most_threads) fail("more threads than the explorer has room for");
        fibers_[++count_].body = std::move(body);
    }
    void at_end(std::function<void()> look) override { looks_.push_back(std::move(look)); }

    // ---- what a running thread does
    [[nodiscard]] std::uint8_t self() const { return static_cast<std::uint8_t>(current_); }
    [[nodiscard]] clock& known() { return fibers_[current_].known; }
    void tick() { ++known().ticks[current_]; }
    // A step is about to be made: decides who makes the next one.
    void step();
    void pause();
    void sleep(const void* address);
    void wake(const void* address);
    [[nodiscard]] std::size_t choose(std::size_t n);
    [[nodiscard]] std::size_t choose_value(std::size_t newest, std::size_t oldest);
    [[noreturn]] void give_up(std::string why);
    std::memory_order order_of(const site& s);
    void changed() {
        ++changes_;
        idle_pauses_ = 0;
    }
    [[nodiscard]] bool spurious_wake() { return spurious_left_ > 0 && choose(2) == 1 && spurious_left_-- > 0; }

    void trace(const char* what, const site& s, std::memory_order o, int number) {
        if (!tracing_) return;
        lines_.push_back(std::to_string(current_) + ": " + what + " #" + std::to_string(number) + " " +
                         s.where.to_string() + " " + name_of(o));
    }
    void trace_value(std::uint64_t v) {
        if (tracing_ && !lines_.empty()) lines_.back() += " = " + std::to_string(v);
    }
    [[nodiscard]] int next_atomic() { return atomics_++; }
    ~explorer() override { clear(); }

private:
    void keep(std::shared_ptr<void> thing) override { things_.push_back(std::move(thing)); }
    void one_run();
    void clear();
    [[nodiscard]] bool next_run();
    void start(std::size_t i, std::function<void()> body);
    void jump(std::size_t to);
    void leave(); // the current thread cannot go on: the next one, or the explorer if there is none
    [[nodiscard]] std::optional<std::size_t> pick();
    static void entry(fibers::transfer_t from);

    const program& program_;
    const limits limits_;
    const site* const weakened_;
    std::array<std::unique_ptr<char[]>, most_threads> stacks_;
    std::array<fiber, most_threads + 1> fibers_;
    std::vector<std::shared_ptr<void>> things_;
    std::vector<std::function<void()>> looks_;
    std::vector<choice> trail_;
    std::size_t at_ = 0; // in the trail
    std::size_t count_ = 0;
    std::size_t current_ = explorer_itself;
    std::size_t jumped_from_ = explorer_itself;
    bool concurrent_ = false;
    bool priming_ = false; // the threads run to their first step
    int preemptions_ = 0;
    int stale_ = 0;
    int spurious_left_ = 0;
    int idle_pauses_ = 0;
    int atomics_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t changes_ = 0;
    std::string failure_;
    bool failed_ = false;
    bool tracing_ = false;
    bool collecting_ = false;
    std::vector<std::string> lines_;
    std::vector<site> sites_;
};

explorer* here = nullptr;

void explorer::entry(fibers::transfer_t from) {
    explorer& e = *here;
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

void explorer::start(std::size_t i, std::function<void()> body) {
    fiber& f = fibers_[i];
    f.body = std::move(body);
    f.now = status::ready;
    f.context = fibers::make_fcontext(stacks_[i].get() + stack_bytes, stack_bytes, &entry);
}

void explorer::jump(std::size_t to) {
    const std::size_t me = current_;
    jumped_from_ = me;
    current_ = to;
    const fibers::transfer_t back = fibers::jump_fcontext(fibers_[to].context, nullptr);
    // Whoever came here has set `current_`.
    fibers_[jumped_from_].context = back.fctx;
}

// Who makes the next step; nobody: all are done, or asleep.
std::optional<std::size_t> explorer::pick() {
    std::array<std::size_t, most_threads> able{};
    std::size_t n = 0;
    const auto is_able = [this](std::size_t i) {
        const fiber& f = fibers_[i];
        return f.now == status::ready && (f.paused_at == not_paused || f.paused_at < changes_);
    };
    const bool self_able = is_able(current_);
    if (self_able) able[n++] = current_;
    if (!self_able || preemptions_ < limits_.preemptions)
        for (std::size_t i = 1; i <= count_; ++i)
            if (i != current_ && is_able(i)) able[n++] = i;
    if (n == 0) {
        for (std::size_t i = 1; i <= count_; ++i)
            if (fibers_[i].now == status::ready) able[n++] = i;
        if (n == 0) return {};
        if (++idle_pauses_ > 20) give_up("nobody gets on: everyone who is awake spins");
    }
    const std::size_t next = able[choose(n)];
    if (self_able && next != current_) ++preemptions_;
    fibers_[next].paused_at = not_paused;
    return next;
}

void explorer::step() {
    if (!concurrent_) return;
    if (priming_) {
        jump(explorer_itself);
    } else {
        if (++steps_ > limits_.steps) give_up("more steps than a run may take: a livelock?");
        const auto next = pick();
        if (*next != current_) jump(*next); // there is one: this thread
    }
}

void explorer::leave() {
    if (!concurrent_ || priming_) return jump(explorer_itself);
    const auto next = pick();
    if (next) return jump(*next);
    std::string asleep;
    for (std::size_t i = 1; i <= count_; ++i)
        if (fibers_[i].now == status::blocked) asleep += " " + std::to_string(i);
    if (!asleep.empty()) give_up("asleep for ever: thread" + asleep);
    jump(explorer_itself);
}

void explorer::pause() {
    if (!concurrent_) give_up("the setup waits for somebody");
    if (priming_) jump(explorer_itself);
    fibers_[current_].fresh = true;
    fibers_[current_].paused_at = changes_;
    const auto next = pick();
    if (*next != current_) jump(*next);
}

void explorer::sleep(const void* address) {
    if (!concurrent_) give_up("the setup waits for somebody");
    fibers_[current_].now = status::blocked;
    fibers_[current_].asleep_on = address;
    leave();
}

void explorer::wake(const void* address) {
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

std::size_t explorer::choose(std::size_t n) {
    if (n <= 1) return 0;
    if (at_ == trail_.size()) trail_.push_back({0, static_cast<std::uint8_t>(n)});
    if (trail_[at_].of != n) give_up("the program is not the same from run to run");
    return trail_[at_++].taken;
}

std::size_t explorer::choose_value(std::size_t newest, std::size_t oldest) {
    if (std::exchange(fibers_[current_].fresh, false) || stale_ >= limits_.stale_reads) return newest;
    const std::size_t back = choose(newest - oldest + 1);
    if (back != 0) ++stale_;
    return newest - back;
}

void explorer::give_up(std::string why) {
    failed_ = true;
    failure_ = std::move(why);
    jump(explorer_itself); // the threads are left as they are: nothing of theirs can be unwound
    std::abort();
}

std::memory_order explorer::order_of(const site& s) {
    if (collecting_ && std::none_of(sites_.begin(), sites_.end(), [&](const site& o) { return o.same_place(s); }))
        sites_.push_back(s);
    return weakened_ != nullptr && weakened_->same_place(s) ? weakened_->order : s.order;
}

// What the last run has made goes; nobody looks at it any more.
void explorer::clear() {
    explorer* const was = std::exchange(here, nullptr);
    things_.clear();
    here = was;
}

void explorer::one_run() {
    clear();
    looks_.clear();
    lines_.clear();
    for (auto& f : fibers_) f = fiber();
    at_ = count_ = 0;
    preemptions_ = stale_ = idle_pauses_ = atomics_ = 0;
    changes_ = 0;
    spurious_left_ = 1;
    steps_ = 0;
    concurrent_ = failed_ = false;
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
    if (count_ != 0) {
        concurrent_ = priming_ = true;
        for (std::size_t i = 1; i <= count_ && !failed_; ++i) jump(i);
        priming_ = false;
        if (failed_) return;
        if (const auto first = pick()) jump(*first);
        concurrent_ = false;
    }
    if (failed_) return;
    for (std::size_t i = 1; i <= count_; ++i) fibers_[setup].known.join(fibers_[i].known);
    start(setup, [this] {
        for (auto& look : looks_) look();
    });
    jump(setup);
}

bool explorer::next_run() {
    trail_.resize(at_);
    while (!trail_.empty() && trail_.back().taken + 1u >= trail_.back().of) trail_.pop_back();
    if (trail_.empty()) return false;
    ++trail_.back().taken;
    return true;
}

outcome explorer::all() {
    here = this;
    outcome result;
    do {
        one_run();
        ++result.interleavings;
        if (failed_) {
            trail_.resize(at_);
            tracing_ = true;
            one_run();
            result.failure = failure_;
            for (const auto& l : lines_) result.failure += "\n  " + l;
            break;
        }
        result.complete = !next_run();
    } while (!result.complete && result.interleavings < limits_.runs);
    here = nullptr;
    return result;
}

std::vector<site> explorer::met() {
    collecting_ = true;
    (void)all();
    std::erase_if(sites_, [](const site& s) { return s.where.to_string().starts_with("explorer.hpp:"); });
    return std::move(sites_);
}

} // namespace

// ---- sites

const char* name_of(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
    }
    return "?";
}

const char* name_of(operation what) noexcept {
    switch (what) {
    case operation::load: return "load";
    case operation::store: return "store";
    case operation::rmw: return "read-modify-write";
    case operation::cas: return "compare-exchange";
    case operation::cas_failed: return "failed compare";
    }
    return "?";
}

bool site::same_place(const site& other) const noexcept {
    return where.line() == other.where.line() && what == other.what &&
           std::strcmp(where.file_name(), other.where.file_name()) == 0;
}

std::vector<std::memory_order> weaker(const site& s) {
    using enum std::memory_order;
    const bool loads = s.what != operation::store;
    const bool stores = s.what != operation::load && s.what != operation::cas_failed;
    const bool both = s.order == seq_cst || s.order == acq_rel;
    std::vector<std::memory_order> found;
    if (s.order == seq_cst && loads && stores) found.push_back(acq_rel);
    if (both && loads) found.push_back(acquire);
    if (both && stores) found.push_back(release);
    if (s.order != relaxed) found.push_back(relaxed);
    return found;
}

outcome explore(const program& p, limits l, const site* weakened) { return explorer(p, l, weakened).all(); }
std::vector<site> sites_met(const program& p, limits l) { return explorer(p, l, nullptr).met(); }

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

namespace detail {

history::history() : number_(here->next_atomic()) {
    records_.reserve(8);
    seen_.reserve(16);
    records_.emplace_back();
    observe(0);
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
std::size_t history::load(const site& s) {
    if (here == nullptr) return records_.size() - 1;
    here->step();
    touched_.read();
    const std::memory_order o = here->order_of(s);
    here->trace("load", s, o, number_);
    const std::size_t newest = records_.size() - 1;
    const std::size_t got = here->choose_value(newest, oldest_allowed(o == std::memory_order_seq_cst));
    observe(got);
    if (acquires(o)) here->known().join(records_[got].released);
    here->tick();
    return got;
}

void history::store(const site& s) {
    if (here == nullptr) return records_.emplace_back(), void();
    here->step();
    touched_.read();
    const std::memory_order o = here->order_of(s);
    here->trace("store", s, o, number_);
    records_.push_back({releases(o) ? here->known() : clock(), o == std::memory_order_seq_cst});
    observe(records_.size() - 1);
    here->tick();
    here->changed();
}

std::size_t history::begin_rmw() {
    if (here == nullptr) return records_.size() - 1;
    here->step();
    touched_.read();
    return records_.size() - 1;
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
}

void history::refuse(const site& s) {
    if (here == nullptr) return;
    const std::memory_order o = here->order_of(s);
    here->trace("refuse", s, o, number_);
    observe(records_.size() - 1);
    if (acquires(o)) here->known().join(records_.back().released);
    here->tick();
}

void note_value(std::uint64_t value) {
    if (here != nullptr) here->trace_value(value);
}

void access::read() const {
    if (here == nullptr) return;
    if (dead_) fail("memory is read after it was given back");
    const clock& known = here->known();
    if (written_ > known.ticks[writer_])
        fail("a race: what is read here was written by thread " + std::to_string(writer_));
    reads_.ticks[here->self()] = known.ticks[here->self()];
}

void access::write() {
    if (here == nullptr) return;
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

void access::kill() {
    write();
    dead_ = true;
}

} // namespace detail
} // namespace model
