#include "runtime/figures.hpp"
#include "runtime/last_words.hpp"
#include "runtime/state.hpp"
#include "supervision/group.hpp"

#include <bastion/base/counted.hpp>
#include <bastion/runtime/main.hpp>

#include <bastion/mailbox/meta.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bastion {
namespace detail {
namespace {

std::atomic<runtime*> main_runtime{nullptr};
constexpr std::size_t most_lost_workers = 64; // that have a stand-in at the same time

// Sums up a flood of reports when its second is over, also if nothing is reported any more.
class flood_end final : public late_timer {
public:
    explicit flood_end(reporter& to) noexcept
        : late_timer([](late_timer& t) { over(t, true); }, [](late_timer& t) { over(t, false); }), reports_(to) {}

private:
    static void over(late_timer& timer, bool in_time) {
        auto& self = static_cast<flood_end&>(timer);
        if (in_time) self.reports_.sum_up();
        delete &self;
    }
    reporter& reports_;
};

void on_report(void* data, const fault_report& r) {
    auto& state = *static_cast<runtime_state*>(data);
    reporter& reports = *state.reports;
    if (!reports.report(r)) return;
    // Without memory for it the flood is summed up by the next report, or at the end.
    if (auto* end = new (std::nothrow) flood_end(reports); end != nullptr)
        state.workers->timer_home().arm(*end, std::chrono::nanoseconds(std::chrono::seconds(1)).count());
}

bool takes_crash(void* data) noexcept {
    auto& state = *static_cast<runtime_state*>(data);
    return state.crashes->takes(state.workers->time().now_ns());
}

void on_crash(void* data, std::unique_ptr<crash_report> report) noexcept {
    auto& state = *static_cast<runtime_state*>(data);
    state.crashes->give(std::move(report), state.workers->time().now_ns());
}

void complain_of_sink(runtime_state& state, const exit_reason& why, std::string_view what) {
    on_report(&state, {"/", why, what, {}});
}

// All processes have ended: nobody makes a report any more.
void end_crash_reports(runtime_state& state) {
    if (state.crashes == nullptr) return;
    if (!state.crashes->flush()) {
        const bool exits = state.home->exit_when_stuck;
        complain_of_sink(state, exit_reason(exit_kind::stopped),
            exits ? "left the sink of crash reports, which still runs: the program ends"
                  : "left the sink of crash reports, which still runs: waiting; what is queued is dropped");
        if (exits) std::_Exit(1);
    }
    state.crashes->stop();
}

void on_main_ended(void* data, const exit_reason& why) {
    auto& state = *static_cast<runtime_state*>(data);
    state.set_code(why.is_fault() ? 1 : 0);
    request_stop(state.root_address, false);
}

void on_root_ended(void* data, const exit_reason& why) {
    auto& state = *static_cast<runtime_state*>(data);
    if (why.is_fault()) state.set_code(1);
    state.events.fetch_or(1);
    // The state outlives this: its owner joins the workers first.
    futex_wake(state.events, 1 << 30);
}

void tell_subscribers(runtime_state& state, const dead_letter_info& info) {
    std::vector<child_ref> to;
    {
        const std::lock_guard lock(state.subscribers_lock);
        std::erase_if(state.subscribers, [](const child_ref& c) { return !c.alive(); });
        to = state.subscribers;
        if (to.empty()) state.has_subscribers.store(false);
    }
    for (const child_ref& c : to)
        (void)deliver(c.where(),
            make_envelope<bastion::dead_letter>(envelope_kind::told,
                bastion::dead_letter{info.cause, std::string(info.type), child_ref(info.to), child_ref(info.from)}));
}

std::string name_of_process(strand& s, bool callback) {
    control_block& b = block_of(s);
    if (b.kind == process_kind::system) {
        if (!callback) return {};
        return "a callback of " + static_cast<const owner*>(b.frame)->path();
    }
    const group& above = group_of(b);
    std::string name = above.path_of(b);
    if (const source_location place = above.place_of(b); place.known())
        name += " (spawned at " + place.to_string() + ")";
    return name;
}

void on_long_slice(void* data, const slice_report& r) {
    auto& state = *static_cast<runtime_state*>(data);
    long_slice slice{r.error, r.who, r.worker, std::chrono::nanoseconds(r.so_far_ns), r.replaced, r.most_spares,
        r.left_out, r.backtrace};
    if (!state.slice_log) return reporter::line("bastion: " + to_string(slice) + "\n");
    try {
        state.slice_log(slice);
    } catch (...) {} // as its description says
}

// As many workers as that machine has for those wishes; of CPUs that were wished and are gone, or are to be left free and are not there, nothing
// is kept.
std::size_t workers_on(const topology::machine& now, const std::vector<int>& cpus, topology::worker_wishes wishes) {
    std::erase_if(wishes.cpus, [&](int cpu) { return std::find(cpus.begin(), cpus.end(), cpu) == cpus.end(); });
    try {
        return topology::plan_workers(now, wishes).workers.size();
    } catch (const topology::bad_wish&) { return 1; }
}

// Whoever has given a number of workers keeps it, and learns that they share CPUs now, or do not any more.
void say_who_shares(runtime_state& state, std::size_t cpus) {
    const std::size_t workers = state.workers->size();
    const bool shared_before = std::exchange(state.cpus_are_shared, cpus < workers);
    if (state.quiet || (cpus >= workers && !shared_before)) return;
    reporter::line(
        "bastion: the workers may use " + counted(cpus, "CPU") + " now: " +
        (cpus >= workers ? "each has one again\n"
                         : "the " + std::to_string(workers) + " that were asked for share " +
                               (cpus == 1 ? "it" : "them") + " (runtime::resize_workers makes them fewer)\n"));
}

// How many workers there would be if the runtime was started now; 0: as many as there are.
std::size_t workers_for_cpus(void* data) {
    auto& state = *static_cast<runtime_state*>(data);
    const topology::machine now = topology::this_machine_now();
    std::vector<int> cpus;
    cpus.reserve(now.cpus.size());
    for (const topology::cpu& c : now.cpus) cpus.push_back(c.os_index);
    if (cpus.empty() || (cpus == state.cpus_known && now.quota == state.quota_known)) return 0;
    state.cpus_known = cpus;
    state.quota_known = now.quota;
    const std::size_t all = workers_on(now, cpus, state.wishes);
    if (state.number_was_given) return say_who_shares(state, all), 0;
    const std::size_t workers = std::clamp(all, state.workers->nodes(), state.workers->size());
    if (workers != std::exchange(state.workers_for_cpus, workers) && !state.quiet)
        reporter::line("bastion: this process may use " + counted(static_cast<std::size_t>(now.workers()), "CPU") +
                       " now: " + std::to_string(workers) + " of " + std::to_string(state.workers->size()) +
                       " workers run\n");
    return workers;
}

// The functions that keep the runtime from its end, but for those of `known`; `verb` says what whoever asked for it does.
void name_functions(runtime_state& state, std::string_view verb, const strand* known) {
    const bool exits = state.home->exit_when_stuck;
    const exit_reason stopped(exit_kind::stopped);
    try {
        for (const running_function& f : state.workers->blocking().running()) {
            if (known != nullptr && f.process == known) continue;
            const std::string next =
                std::string(verb) + " " + described(f) + (exits ? ": the program ends" : ": waiting");
            on_report(&state, {f.asker.empty() ? std::string_view("/") : f.asker, stopped, next, {}});
        }
    } catch (const std::bad_alloc&) {} // nobody can be named
}

// All processes have ended. What still runs are functions that they have left behind.
void wait_for_functions(runtime_state& state) {
    if (state.workers->blocking().wait_until_done(state.home->shutdown_timeout)) return;
    name_functions(state, "left", nullptr);
    if (state.home->exit_when_stuck) std::_Exit(1);
}

void came_back(control_block& of) noexcept { owner::give_back(of, false); }

// What threads use that nobody waits for any more. Reachable, for who looks for leaks.
void leave_behind(std::unique_ptr<runtime_state> state) {
    static std::mutex lock;
    static std::vector<runtime_state*> all;
    const std::lock_guard here(lock);
    all.push_back(state.release());
}

// Once: whoever stops later is named when it is killed itself.
void on_stop_is_kept(void* data, const control_block& child) {
    auto& state = *static_cast<runtime_state*>(data);
    if (!state.functions_named.exchange(true)) name_functions(state, "also waits for", &child);
}

// Without memory it is counted, and not told.
void on_dead_letter(void* data, const dead_letter_info& info) {
    auto& state = *static_cast<runtime_state*>(data);
    if (!state.has_subscribers.load() || info.type == meta_object<bastion::dead_letter>.name) return;
    try {
        tell_subscribers(state, info);
    } catch (const std::bad_alloc&) {}
}

} // namespace
} // namespace detail

runtime::runtime(config c) {
    using namespace detail;
    install_last_words();
    fill_reserve();
    c.complete();
    claimed_plan plan = c.plan_workers();
    state_ = std::make_unique<runtime_state>(std::move(c));
    runtime_state& s = *state_;
    if (s.settings.signals_) install_last_words_of_abort();
    s.reports = std::make_unique<reporter>(s.settings.log_, s.settings.quiet_);
    if (s.settings.crash_sink_)
        s.crashes = std::make_unique<crash_reporter>(std::move(s.settings.crash_sink_), s.settings.crash_limits_,
            s.settings.driver_ != nullptr,
            [&s](const exit_reason& why, std::string_view what) { complain_of_sink(s, why, what); });
    s.slice_log = std::move(s.settings.slice_log_);
    s.home = make_home();
    s.home->default_ask_timeout = s.settings.ask_;
    s.home->start_timeout = s.settings.start_;
    s.home->shutdown_timeout = s.settings.stop_;
    s.home->kill_grace = s.settings.grace_;
    s.home->exit_when_stuck = s.settings.stuck_ == on_stuck::exit_program;
    s.home->gives_up_who_is_stuck = s.settings.stuck_ == on_stuck::abandon_worker && s.settings.driver_ == nullptr;
    s.home->planned_workers = plan.workers().size();
    s.home->hooks = {
        &on_dead_letter, &on_report, &on_main_ended, &on_root_ended, &on_stop_is_kept, &discard_signal, &came_back, &s};
    s.home->whose = this;
    if (s.crashes != nullptr) {
        s.home->hooks.crashes = &s.crashes->limits();
        s.home->hooks.takes_crash = &takes_crash;
        s.home->hooks.crashed = &on_crash;
    }
    list_in(s.names, s.home->hooks);
    auto spec = std::make_unique<supervisor_spec>();
    s.root = &make_supervisor(*s.home, std::move(spec));
    s.root->make_root();
    s.root->place("");
    s.root->release();
    s.root_address = s.root->self().here();
    root_ = s.root->ref();
    executor_options options;
    options.home = s.home;
    options.plan.emplace(std::move(plan));
    options.budget = s.settings.budget_;
    options.seed = s.settings.seed_;
    options.time = s.settings.clock_;
    options.driven_by = s.settings.driver_;
    options.blocking = {s.settings.blocking_threads_, s.settings.blocking_idle_};
    options.gives_pages_back = s.settings.give_back_;
    options.name_of = &name_of_process;
    options.most_lost = s.home->gives_up_who_is_stuck ? most_lost_workers : 0;
    options.most_spares = s.settings.max_spares_.value_or(options.plan->workers().size());
    options.stacks = s.settings.stacks_;
    options.slices = {s.settings.slice_warning_.count(), s.settings.slice_error_.count()};
    if (s.slice_log || !s.settings.quiet_) options.on_long_slice = &on_long_slice;
    options.data = &s;
    s.quiet = s.settings.quiet_;
    s.wishes = s.settings.wishes_;
    s.number_was_given = s.wishes.workers != 0 || s.wishes.workers_per_node != 0;
    s.wishes.workers = s.wishes.workers_per_node = 0;
    if (options.driven_by == nullptr && s.settings.machine_ == nullptr) {
        s.workers_for_cpus = options.plan->workers().size();
        for (const topology::cpu& cpu : topology::this_machine().cpus) s.cpus_known.push_back(cpu.os_index);
        s.quota_known = topology::this_machine().quota;
        options.cpus = &workers_for_cpus;
    }
    if (s.settings.hardware_faults_) {
        s.hardware_faults.emplace();
        options.around = &work_with_hardware_faults;
        if (options.driven_by != nullptr) s.driver_faults.emplace();
    }
    s.workers_since_ns = monotonic_ns();
    s.workers = std::make_unique<executor>(std::move(options));
    s.home->workers.store(s.workers.get());
    s.home->started_ns = s.workers->time().now_ns();
    s.home->entrance.open();
    send(make_request(request_kind::start, s.root_address));
}

runtime::~runtime() {
    using namespace detail;
    runtime_state& s = *state_;
    if (s.workers->on_worker()) {
        std::fputs("bastion: a runtime was destroyed from inside, by one of its own processes; destroy it on a plain "
                   "thread: the program ends\n",
            stderr);
        std::abort();
    }
    stop();
    if (!s.workers->time().runs()) {
        // On a clock that stands still no deadline comes any more: who still sleeps then would be waited for without end.
        s.workers->wait_until_at_rest();
        if (!s.ended()) kill();
    }
    detail::driver* const driven_by = s.workers->driven_by();
    if (driven_by != nullptr) driven_by->run_to_end([&s] { return s.ended(); });
    while (!s.ended()) s.sleep(s.events.load() & ~1u);
    end_crash_reports(s); // before the gate closes: the sink may use the runtime
    s.home->entrance.close_and_wait();
    const auto nobody_left = [&s] { return s.home->turned_away.load() == 0; };
    if (driven_by != nullptr) driven_by->run_to_end(nobody_left);
    while (!nobody_left()) std::this_thread::yield();
    wait_for_functions(s);
    if (!s.workers->stop()) {
        s.home->whose = nullptr;
        on_report(&s, {"/", exit_reason(exit_kind::stopped), "left behind who was given up, and still runs", {}});
        leave_behind(std::move(state_));
        return;
    }
    owner& root = *s.root;
    recycle_block(&root.self());
    root.drop_owner();
    s.workers.reset();
    recycle_home(s.home);
}

void runtime::stop(int code) noexcept {
    state_->set_code(code);
    state_->stop_asked.store(true);
    detail::request_stop(state_->root_address, false);
}

void runtime::kill(int code) noexcept {
    state_->set_code(code);
    state_->stop_asked.store(true);
    detail::request_stop(state_->root_address, true);
}

int runtime::wait() {
    using namespace detail;
    require_plain_thread("waiting for the runtime");
    runtime_state& s = *state_;
    std::optional<signal_guard> signals;
    if (s.settings.signals_) signals.emplace(s);
    int seen = 0;
    for (;;) {
        const std::uint32_t now = s.events.load();
        if ((now & 1) != 0) break;
        if (const int count = signals ? signals->count() : 0; count > seen) {
            seen = count;
            if (seen == 1) stop(0);
            else kill(1);
            continue;
        }
        s.sleep(now);
    }
    return s.code.load();
}

detail::runtime_home& runtime::home() const noexcept { return *state_->home; }

distributor runtime::distributor(std::string_view name) const {
    return bastion::distributor(detail::find_set(home(), detail::set_kind::distributor, name));
}
topic runtime::topic(std::string_view name) const {
    return bastion::topic(detail::find_set(home(), detail::set_kind::topic, name));
}
result<void> runtime::register_name(std::string_view name, const child_ref& who) const {
    return detail::give_name(home(), name, who);
}
bool runtime::unregister_name(std::string_view name) const { return detail::take_name(home(), name); }
child_ref runtime::whereis(std::string_view name) const { return detail::find_process(home(), name); }
children_ref runtime::find_children(std::string_view path) const { return detail::find_children(home(), path); }
supervisor_ref runtime::find_supervisor(std::string_view path) const { return detail::find_supervisor(home(), path); }

void runtime::subscribe_dead_letters(const child_ref& who) {
    const std::lock_guard lock(state_->subscribers_lock);
    state_->subscribers.push_back(who);
    state_->has_subscribers.store(true);
}

std::uint64_t runtime::dead_letters() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& count : state_->home->dead_letters) sum += count.load(std::memory_order_relaxed);
    return sum;
}

std::uint64_t runtime::dead_letters(drop_reason cause) const noexcept {
    return state_->home->dead_letters[static_cast<std::size_t>(cause)].load(std::memory_order_relaxed);
}

std::size_t runtime::workers() const noexcept { return state_->workers->size(); }

std::size_t runtime::active_workers() const noexcept {
    return state_->workers->driven_by() != nullptr ? workers() : state_->workers->present();
}

void runtime::resize_workers(std::size_t n) {
    detail::executor& all = *state_->workers;
    const auto refuse = [n](const std::string& why) {
        throw usage_error("bastion: resize_workers(" + std::to_string(n) + "): " + why);
    };
    if (all.driven_by() != nullptr) refuse("in a simulation the number of workers does not change");
    if (n == 0) refuse("a runtime needs at least one worker");
    if (n > all.size())
        refuse("there are " + std::to_string(all.size()) +
               ": start the runtime with as many as there may ever be (config::with_workers)");
    if (n < all.nodes())
        refuse("each of the " + std::to_string(all.nodes()) + " NUMA nodes keeps a worker, for what is bound there");
    all.resize(n);
}

runtime_counters runtime::counters() const noexcept {
    const auto c = state_->workers->counters();
    return {c.resumes, c.steals, c.far_steals, c.parks, dead_letters()};
}

runtime_figures runtime::figures() const { return detail::read_figures(*state_->workers, state_->workers_since_ns); }

blocking_counters runtime::blocking_counters() const noexcept { return state_->workers->blocking().counters(); }

snapshot runtime::snapshot(const snapshot_limits& limits) const {
    require_plain_thread("a snapshot");
    bastion::snapshot s = detail::snapshot_on_thread(home(), state_->root_address, limits, driven());
    if (state_->ended()) s.stage = snapshot_stage::ended;
    else if (state_->stop_asked.load()) s.stage = snapshot_stage::stopping;
    return s;
}

crash_counters runtime::crash_reports() const noexcept {
    return state_->crashes != nullptr ? state_->crashes->counters() : crash_counters();
}

clock& runtime::clock() noexcept { return state_->workers->time(); }

detail::executor* runtime::driven() const noexcept {
    detail::executor* const workers = state_->workers.get();
    return workers->driven_by() != nullptr ? workers : nullptr;
}

void runtime::drive_until(const std::function<bool()>& done) const {
    if (detail::executor* const workers = driven())
        (void)workers->driven_by()->run_until(done, std::numeric_limits<std::int64_t>::max());
}

void runtime::require_running() const {
    if (state_->ended() || state_->stop_asked.load())
        throw usage_error("bastion: this runtime is stopped: nothing can be started on it any more");
}

void runtime::require_plain_thread(const char* what) const {
    if (detail::this_thread().current_worker != nullptr)
        throw usage_error(std::string("bastion: ") + what +
                          " blocks, and was called on a worker thread: in a process, co_await instead");
}

runtime& this_runtime() {
    if (const detail::control_block* here = detail::running_block()) return detail::runtime_of(*here);
    if (runtime* r = detail::main_runtime.load()) return *r;
    throw usage_error("bastion: there is no runtime here: call this inside a process or below BASTION_MAIN, or use a "
                      "runtime object");
}

namespace detail {

runtime& runtime_of(const control_block& process) {
    if (runtime* const its = process.home->whose; its != nullptr) return *its;
    throw usage_error(
        "bastion: the runtime of this process has ended: the process was given up after a kill that it did not obey");
}

namespace {

// Makes the runtime of BASTION_MAIN known while it stands.
class main_mark {
public:
    explicit main_mark(runtime& rt) noexcept { main_runtime.store(&rt); }
    main_mark(const main_mark&) = delete;
    main_mark& operator=(const main_mark&) = delete;
    ~main_mark() { main_runtime.store(nullptr); }
};

template <class Body>
int guarded(Body body) {
    try {
        runtime rt;
        const main_mark mark(rt);
        body(rt);
        return rt.wait();
    } catch (const std::exception& e) { std::fprintf(stderr, "bastion: main: %s\n", e.what()); } catch (...) {
        std::fputs("bastion: main: an unknown exception\n", stderr);
    }
    return 1;
}

} // namespace

int run_main_process(process (*body)(context)) {
    return guarded([body](runtime& rt) { (void)spawn_plain(rt.root().temporaries(), body, source_location(), true); });
}

int run_main_process(process (*body)(context, args), args words) {
    return guarded([&](runtime& rt) {
        (void)spawn_any(
            rt.root().temporaries(), [body, words](context ctx) { return body(ctx, words); }, source_location(), true);
    });
}

int run_main_function(unique_function<void(runtime&)> body) {
    return guarded([&](runtime& rt) { body(rt); });
}

} // namespace detail
} // namespace bastion
