#include "executor/native_backtrace.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/executor/watchdog.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bastion::detail {
namespace {

constexpr std::int64_t tick_ns = 5'000'000;
constexpr std::int64_t slow_tick_ns = 250'000'000; // when no slices are watched
constexpr std::int64_t between_questions_ns = 500'000'000; // for CPUs: an answer within 2 s is promised
constexpr std::int64_t between_warnings_ns = 1'000'000'000;
constexpr unsigned idle_looks = 2; // then it sleeps, too

std::int64_t cpu_time_of(pthread_t thread) noexcept {
    clockid_t clock = {};
    timespec t = {};
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Whether that thread runs or is ready to, and does not wait for anything.
bool wants_to_run(int id) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/self/task/%d/stat", id);
    const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    std::array<char, 256> text{};
    const ssize_t n = ::read(file, text.data(), text.size());
    ::close(file);
    const std::string_view line(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    const auto name_end = line.rfind(')'); // the state follows the name, which may contain anything
    return name_end != std::string_view::npos && name_end + 2 < line.size() && line[name_end + 2] == 'R';
}

} // namespace

watchdog::watchdog(executor& owner) : owner_(owner) {}

watchdog::~watchdog() { stop(); }

void watchdog::start() {
    seen_.resize(owner_.most_workers());
    wanted_here_.resize(owner_.nodes());
    wanted_.store(owner_.size(), std::memory_order_relaxed);
    if (owner_.options_.slices.watched()) prepare_native_backtraces();
    thread_ = std::thread([this] { work(); });
}

void watchdog::stop() noexcept {
    if (!thread_.joinable()) return;
    stopping_.store(true, std::memory_order_relaxed);
    parker_.unpark();
    thread_.join();
    giving_up* left = nullptr;
    {
        const std::lock_guard lock(wishes_lock_);
        takes_wishes_ = false;
        left = std::exchange(wishes_, nullptr);
    }
    while (left != nullptr) {
        giving_up& wish = *std::exchange(left, left->next);
        wish.tell(wish, false);
    }
}

void watchdog::give_up(giving_up& wish) noexcept {
    {
        const std::lock_guard lock(wishes_lock_);
        if (takes_wishes_) {
            wish.next = std::exchange(wishes_, &wish);
            parker_.unpark();
            return;
        }
    }
    wish.tell(wish, false);
}

bool watchdog::is_lost(const worker& w) const noexcept {
    const watched& seen = seen_[w.index()];
    return seen.lost && w.mark_.turn_now() == seen.turn;
}

void watchdog::want(std::size_t workers) noexcept {
    wanted_.store(workers | somebody_said_so, std::memory_order_relaxed);
    parker_.unpark();
}

void watchdog::wake() noexcept {
    if (asleep_.exchange(false, std::memory_order_relaxed)) parker_.unpark();
}

void watchdog::work() noexcept {
    (void)topology::unbind_this_thread(); // what it may use is what the program may, and its children do
    pthread_setname_np(pthread_self(), "bastion-watch");
    looked_ns_ = monotonic_ns();
    for (unsigned idle = 0; !stopping_.load(std::memory_order_relaxed);) {
        (void)parker_.park(owner_.options_.slices.watched() ? tick_ns : slow_tick_ns);
        try {
            look_at_all();
        } catch (const std::bad_alloc&) {} // without memory nothing is said
        idle = settled_ && owner_.all_sleep() ? idle + 1 : 0;
        // Whoever stops it has left a token, which the park above may have taken: then this is seen.
        if (idle >= idle_looks && !stopping_.load(std::memory_order_relaxed)) {
            sleep_as_they_do();
            idle = 0;
        }
    }
}

void watchdog::sleep_as_they_do() noexcept {
    if (!asymmetric_fence::available()) return;
    asleep_.store(true, std::memory_order_relaxed); // the fence orders it
    asymmetric_fence::heavy();
    if (owner_.all_sleep() && wanted() == dealt_out_) (void)parker_.park(-1);
    asleep_.store(false, std::memory_order_relaxed);
    looked_ns_ = monotonic_ns();
}

void watchdog::look_at_all() {
    const std::int64_t now = monotonic_ns();
    const std::int64_t passed = now - std::exchange(looked_ns_, now);
    if (owner_.options_.slices.watched()) owner_.each_of_all([&](worker& w) { look_at(w, passed); });
    if (owner_.options_.cpus != nullptr && now - asked_ns_ >= between_questions_ns) {
        asked_ns_ = now;
        ask_for_cpus();
    }
    give_up_who_is_stuck();
    deal_out(wanted());
    lacks_spares_ = false;
    settled_ = true;
    for (std::size_t i = 0; i < wanted_here_.size(); ++i) balance(*owner_.nodes_[i], wanted_here_[i]);
    if (owner_.spares_.collect() && std::exchange(opened_, false)) owner_.worker_at(0).mark_.send_away();
    owner_.each_of_all([&](worker& w) {
        if (!seen_[w.index()].stuck) return;
        wake_for_stuck(w);
        say_what_is_due(w);
    });
}

void watchdog::look_at(worker& w, std::int64_t passed_ns) {
    watched& seen = seen_[w.index()];
    const std::uint64_t turn = w.mark_.turn_now();
    if (turn == 0 || turn != seen.turn) {
        if (seen.stuck) w.stuck_.store(false, std::memory_order_relaxed);
        seen = watched{};
        seen.turn = turn;
        seen.ran_ns = turn != 0 ? cpu_time_of(w.native_) : 0;
        seen.error_ns = owner_.options_.slices.error_ns;
        return;
    }
    const std::int64_t ran = cpu_time_of(w.native_);
    const std::int64_t used = ran - std::exchange(seen.ran_ns, ran);
    seen.held_ns += wants_to_run(w.native_id_) ? std::min(used, passed_ns) : passed_ns;
    // Two looks that are a little less than two ticks apart are enough for a limit of two.
    if (seen.stuck || seen.held_ns + tick_ns / 10 < owner_.options_.slices.warning_ns) return;
    seen.stuck = true;
    w.stuck_.store(true, std::memory_order_relaxed);
}

// Where there are others already they need no invitation. False: it is back.
bool watchdog::let_others_in(worker& w) noexcept {
    if (w.mark_.has_thieves()) return true;
    opened_ = w.mark_.let_in();
    return opened_;
}

// The machine may have given CPUs, or taken some. Who has said how many workers there are to be is believed from then on.
void watchdog::ask_for_cpus() {
    std::size_t before = wanted_.load(std::memory_order_relaxed);
    if ((before & somebody_said_so) != 0) return;
    const std::size_t cpus = owner_.options_.cpus(owner_.options_.data);
    if (cpus == 0) return;
    (void)wanted_.compare_exchange_strong(
        before, std::clamp(cpus, owner_.nodes(), owner_.size()), std::memory_order_relaxed);
}

// To the nodes in turn, none of which gets more than it has.
void watchdog::deal_out(std::size_t workers) {
    if (workers == dealt_out_) return;
    dealt_out_ = workers;
    std::fill(wanted_here_.begin(), wanted_here_.end(), 0);
    while (workers != 0)
        for (std::size_t i = 0; i < wanted_here_.size() && workers != 0; ++i)
            if (wanted_here_[i] < owner_.nodes_[i]->own) {
                ++wanted_here_[i];
                --workers;
            }
}

// As many workers of a node come back as are wanted there. Of those that are too many a spare one leaves, else the last.
void watchdog::balance(worker_node& node, std::size_t wanted) {
    std::size_t present = 0;
    worker* last = nullptr;
    worker* stuck = nullptr;
    const auto count = [&](worker& w, const seat& its) {
        if (&w.node() != &node || its.is_free() || w.leaving_.load(std::memory_order_relaxed)) return;
        if (seen_[w.index()].stuck) {
            stuck = &w;
            return;
        }
        ++present;
        last = &w;
    };
    for (auto& w : owner_.workers_) count(*w, owner_.seats_[w->index()]);
    for (worker* spare : owner_.spares_.made()) count(*spare, owner_.spares_.seat_of(*spare));
    if (present > wanted) {
        settled_ = false;
        return owner_.tell_to_leave(*last); // one at each look
    }
    while (present < wanted && seat_again(node)) ++present;
    for (; present < wanted && stuck != nullptr; ++present) {
        const std::size_t most = owner_.spares_.most() + lost();
        if (owner_.spares_.seated() < most && !let_others_in(*stuck)) return; // it is back
        if (owner_.spares_.send_in(*stuck, most) != nullptr) continue;
        lacks_spares_ = true;
        return;
    }
}

// A planned worker of that node that has left. False: there is none, or no thread for it.
bool watchdog::seat_again(worker_node& node) noexcept {
    for (auto& w : owner_.workers_)
        if (seat& its = owner_.seats_[w->index()]; &w->node() == &node && its.is_free()) {
            try {
                its.begin(owner_, *w, false);
                return true;
            } catch (const std::system_error&) { // the next look tries again
                settled_ = false;
                return false;
            }
        }
    return false;
}

// What it has put or told since the others went to sleep.
void watchdog::wake_for_stuck(worker& w) noexcept {
    if (!owner_.sleepers_.any()) return;
    if (!w.holds_any() && !w.timers_wait() && w.timers_.next_due() > owner_.time_->now_ns()) return;
    const worker_node& node = w.node();
    if (!owner_.wake_one(node.nearest, node.own)) owner_.wake_one(node.nearest);
}

void watchdog::give_up_who_is_stuck() noexcept {
    giving_up* wishes = nullptr;
    {
        const std::lock_guard lock(wishes_lock_);
        wishes = std::exchange(wishes_, nullptr);
    }
    while (wishes != nullptr) {
        giving_up& wish = *std::exchange(wishes, wishes->next);
        wish.tell(wish, owner_.any_of_all([&](worker& w) { return seen_[w.index()].stuck && give_up_on(w, wish); }));
    }
}

// False: it runs somebody else, or nobody, or has it in hand.
bool watchdog::give_up_on(worker& w, giving_up& wish) noexcept {
    watched& seen = seen_[w.index()];
    if (!asymmetric_fence::available() || seen.lost) return false;
    w.mark_.begin_look();
    const bool runs_it = w.thread_->current.seen_by_another() == wish.who && w.mark_.turn_now() == seen.turn;
    if (runs_it && !w.mark_.is_in_hand()) seen.lost = wish.mark(wish);
    w.mark_.end_look();
    return seen.lost;
}

std::size_t watchdog::lost() const noexcept {
    return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [](const watched& w) { return w.lost; }));
}

// False: it is not that turn any more.
bool watchdog::name(worker& w, std::string& who) {
    if (!asymmetric_fence::available()) return true;
    w.mark_.begin_look();
    strand* const s = w.thread_->current.seen_by_another();
    const bool callback = w.thread_->callback;
    const bool same = w.mark_.turn_now() == seen_[w.index()].turn;
    if (same && s != nullptr) who = owner_.name_of(s, callback);
    w.mark_.end_look();
    return same;
}

void watchdog::say_what_is_due(worker& w) {
    watched& seen = seen_[w.index()];
    const bool error = seen.held_ns >= seen.error_ns;
    if (owner_.options_.on_long_slice == nullptr || (seen.warned && !error)) return;
    seen.warned = true;
    if (error) seen.error_ns *= 10;
    const std::int64_t now = monotonic_ns();
    const bool unforeseen = lacks_spares_ && owner_.spares_.most() > 0;
    if (!error && !unforeseen && warned_ns_ != 0 && now - warned_ns_ < between_warnings_ns) {
        ++left_out_;
        return;
    }
    slice_report report;
    report.error = error;
    report.worker = w.seat();
    report.so_far_ns = seen.held_ns;
    report.replaced = !lacks_spares_;
    report.most_spares = owner_.spares_.most();
    if (!name(w, report.who)) return;
    if (error) report.backtrace = native_backtrace_of(w.native_);
    else {
        warned_ns_ = now;
        report.left_out = std::exchange(left_out_, 0);
    }
    owner_.options_.on_long_slice(owner_.options_.data, report);
}

} // namespace bastion::detail
