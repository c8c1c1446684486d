#include "differential/replay.hpp"

#include <bastion/bastion.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace differential {
namespace {

using namespace std::chrono_literals;

struct leave {
    std::string how;
};

struct fail_now {}; // the start that is held

std::string said(const bastion::exit_reason& why) {
    switch (why.kind()) {
    case bastion::exit_kind::normal: return "normal";
    case bastion::exit_kind::stopped:
    case bastion::exit_kind::intensity: return "shutdown";
    case bastion::exit_kind::killed: return "killed";
    case bastion::exit_kind::error:
    case bastion::exit_kind::panic: return "error " + std::string(why.text());
    case bastion::exit_kind::start_failed: return "failed " + std::string(why.child());
    default: return why.what();
    }
}

std::string said(bastion::errc code) {
    switch (code) {
    case bastion::errc::not_found: return "not_found";
    case bastion::errc::running: return "running";
    case bastion::errc::restarting: return "restarting";
    case bastion::errc::already_started: return "already_started";
    case bastion::errc::already_present: return "already_present";
    case bastion::errc::start_failed: return "start_failed";
    case bastion::errc::invalid: return "invalid";
    case bastion::errc::noproc: return "noproc";
    case bastion::errc::simple_one_for_one: return "simple_one_for_one";
    default: return std::string(to_string(code));
    }
}

// What happens, as children and callbacks write it. Any thread.
class journal {
public:
    void add(std::string text) {
        const std::lock_guard lock(mutex_);
        lines_.push_back({std::move(text), nullptr, 0});
    }

    // A worker's next start is held, if its supervisor does not start before.
    void hold_next(const node& n) {
        const std::lock_guard lock(mutex_);
        holds_next_ = &n;
        held_.reset();
    }
    // Whose start is held. No later one is.
    [[nodiscard]] std::optional<bastion::child_ref> held() {
        const std::lock_guard lock(mutex_);
        holds_next_ = nullptr;
        return held_;
    }
    void supervisor_begins(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (holds_next_ != nullptr && holds_next_->home == id) holds_next_ = nullptr;
        lines_.push_back({"start " + id, nullptr, 0});
    }

    // How a worker's next start goes. What does not start well is over with that.
    char begin(const node& n, bastion::child_ref who) {
        const std::lock_guard lock(mutex_);
        if (holds_next_ == &n) {
            holds_next_ = nullptr;
            held_ = who;
            ++element_of(who).begun;
            lines_.push_back({"start " + n.id + " held", nullptr, 0});
            return 'h';
        }
        worker& w = workers_[n.id];
        const std::size_t turn = w.begun++;
        ++element_of(who).begun;
        const char how = n.starts != "-" && turn < n.starts.size() ? n.starts[turn] : 'o';
        if (how == 'i') lines_.push_back({"start " + n.id + " ignore", nullptr, 0});
        if (how == 'e') lines_.push_back({"start " + n.id + " error", nullptr, 0});
        if (how == 'c') lines_.push_back({"start " + n.id + " crash", nullptr, 0});
        return how;
    }
    void runs(const std::string& id, bastion::child_ref who) {
        const std::lock_guard lock(mutex_);
        workers_[id].who = workers_[id].last = who;
        names_[key_of(who)] = id;
        lines_.push_back({"start " + id + " ok", nullptr, 0});
    }
    void ends(const std::string& id) {
        const std::lock_guard lock(mutex_);
        worker& w = workers_[id];
        element& e = element_of(*w.who);
        w.who.reset();
        ++w.ended;
        lines_.push_back({"stop " + id, &e, e.begun - 1});
    }
    // Why that element's oldest life has ended of which it was not known.
    void reason(bastion::child_ref who, std::string why) {
        const std::lock_guard lock(mutex_);
        element_of(who).reasons.push_back(std::move(why));
    }
    void supervisor_ends(const std::string& id, std::string why) {
        const std::lock_guard lock(mutex_);
        ends_[id].insert(std::move(why));
    }
    [[nodiscard]] std::optional<bastion::child_ref> who(const std::string& id) {
        const std::lock_guard lock(mutex_);
        return workers_[id].who;
    }
    // The same of one that has gone.
    [[nodiscard]] std::optional<bastion::child_ref> last(const std::string& id) {
        const std::lock_guard lock(mutex_);
        return workers_[id].last;
    }
    [[nodiscard]] std::string name_of(bastion::child_ref who) {
        const std::lock_guard lock(mutex_);
        return names_[key_of(who)];
    }

    [[nodiscard]] std::size_t ended(const std::string& id) {
        const std::lock_guard lock(mutex_);
        return workers_[id].ended;
    }

    [[nodiscard]] trace all() {
        const std::lock_guard lock(mutex_);
        trace t;
        for (const line& l : lines_) {
            std::string text = l.text;
            if (l.of != nullptr)
                text += " " + (l.life < l.of->reasons.size() ? l.of->reasons[l.life] : "without a reason");
            t.push_back(std::move(text));
        }
        for (const auto& [id, reasons] : ends_) {
            std::string text;
            for (const std::string& why : reasons) text += (text.empty() ? "" : ", ") + why;
            t.push_back("ends " + id + ": " + text);
        }
        return t;
    }

private:
    struct element {
        std::size_t begun = 0;
        std::vector<std::string> reasons; // of its lives, in their order; they may be told late
    };
    struct line {
        std::string text;
        const element* of; // whose life ended here; null: nobody's
        std::size_t life;
    };
    struct worker {
        std::size_t begun = 0;
        std::size_t ended = 0;
        std::optional<bastion::child_ref> who; // while it runs
        std::optional<bastion::child_ref> last;
    };
    using key = std::pair<const void*, std::uint64_t>;
    static key key_of(const bastion::child_ref& who) { return {who.where().block, who.where().generation}; }
    element& element_of(const bastion::child_ref& who) { return elements_[key_of(who)]; }

    std::mutex mutex_;
    std::vector<line> lines_;
    std::map<std::string, worker> workers_;
    std::map<key, element> elements_;
    std::map<key, std::string> names_;
    std::map<std::string, std::multiset<std::string>> ends_;
    const node* holds_next_ = nullptr;
    std::optional<bastion::child_ref> held_;
};

class life {
public:
    life(journal& j, const std::string& id, bastion::child_ref who) : journal_(j), id_(id) { j.runs(id, who); }
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    ~life() { journal_.ends(id_); }

private:
    journal& journal_;
    const std::string& id_;
};

// Until its frame has gone: its supervisor may wait for us.
bastion::task<void> kill(bastion::context ctx, journal* j, std::string id) {
    const auto victim = j->who(id);
    if (!victim) co_return;
    const std::size_t before = j->ended(id);
    victim->exit(bastion::exit_reason(bastion::exit_kind::killed));
    while (j->ended(id) == before) co_await ctx.yield();
}

bastion::process live(bastion::context ctx, journal* events, const node* is) {
    journal& j = *events;
    const node& n = *is;
    const char how = j.begin(n, ctx.self());
    if (how == 'i') co_return ctx.ignore();
    if (how == 'e') co_return ctx.fail("no start");
    if (how == 'c') bastion::panic("crash");
    while (how == 'h') {
        auto m = co_await ctx.recv();
        if (m.told<fail_now>() != nullptr) co_return ctx.fail("held");
    }
    ctx.trap_exit();
    if (n.at_stop != "ends") ctx.trap_stop();
    if (how == 'd') co_await kill(ctx, &j, n.victim);
    const life mark(j, n.id, ctx.self());
    ctx.ready();
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* l = m.told<leave>()) {
            if (l->how == "normal") co_return;
            if (l->how == "crash") bastion::panic("crash");
            if (l->how == "error") co_return ctx.fail("error");
            co_return ctx.exit(bastion::exit_reason(bastion::exit_kind::stopped));
        }
        if (m.told<bastion::stop_request>() == nullptr) continue;
        if (n.at_stop == "error") co_return ctx.fail("stop");
        if (n.at_stop == "deaf") co_await ctx.sleep_for(1000h);
        if (n.at_stop == "drag") co_await kill(ctx, &j, n.victim);
        if (n.at_stop == "normal") co_return ctx.exit(bastion::exit_reason());
        co_return ctx.exit(bastion::exit_reason(bastion::exit_kind::stopped));
    }
}

struct worker_body {
    journal* events;
    const node* is;
    bastion::process operator()(bastion::context ctx) const { return live(ctx, events, is); }
};

// The same of a template: its argument says who it is.
struct template_body {
    journal* events;
    const script* of;
    bastion::process operator()(bastion::context ctx, std::string id) const { return live(ctx, events, of->find(id)); }
};

class stage {
public:
    explicit stage(const script& s)
        : script_(s), clock_(std::make_shared<bastion::manual_clock>()),
          rt_(bastion::config().with_workers(1).with_clock(clock_).with_signals(false).with_log(
              [](const bastion::log_record&) {})),
          roof_(rt_.spawn(bastion::supervisor().with_name("roof"))) {
        for (const node& n : s.nodes) {
            if (!n.is_supervisor) continue;
            description d{n.strategy, n.intensity, n.auto_shutdown, true, {}};
            for (const node& below : s.nodes)
                if (below.home == n.id && !below.late) d.below.push_back(below);
            described_.emplace(n.id, std::move(d));
        }
    }

    void play() {
        const node& top = script_.nodes.front();
        journal_.add("> start");
        after_step(started(top));
        for (const step& s : script_.steps) {
            journal_.add("> " + text_of(s));
            after_step(said_of(s));
        }
    }
    [[nodiscard]] trace told() { return journal_.all(); }

private:
    struct known {
        bastion::supervisor_ref ref;
        bool runs = false;
    };

    std::string started(const node& top) {
        auto answer = roof_.start_child(supervisor_of(top));
        come_to_rest();
        if (!answer.poll()) return "hangs";
        auto made = answer.take();
        if (made) {
            supervisors_[top.id] = {made->supervisor, true};
            return "ok";
        }
        return said(made.error().reason().cause());
    }

    // Time is not what these scripts are about: whatever waits for a deadline gets it.
    void come_to_rest() { clock_->advance(100s); }

    std::string said_of(const step& s) {
        if (s.what == "stop") {
            supervisors_[script_.nodes.front().id].ref.stop();
            return "";
        }
        if (s.what == "exit") {
            const auto who = journal_.who(s.whom);
            if (!who) return "nobody";
            who->tell(leave{s.with});
            return "";
        }
        if (s.what == "signal") return signal(s);
        if (s.what == "hold") return hold(s);
        const bastion::supervisor_ref sup = supervisors_[s.whom].ref;
        if (s.what == "start_child") {
            const node& n = *script_.find(s.with);
            if (!script_.is_dynamic(n)) return start_child(sup, n);
            // Two of the same name would be one to the journal.
            return journal_.who(n.id) ? unasked(s.whom, "lives") : answered(sup.start_child(n.id));
        }
        if (s.what == "start_wrong") {
            if (!script_.is_simple(s.whom)) return answered(sup.start_child(s.with));
            return answered(sup.start_child(
                bastion::children().with_name(s.with).with_exec(worker_body{&journal_, script_.find(s.with)})));
        }
        if (s.what == "terminate_pid") {
            const auto who = journal_.last(s.with);
            return who ? answered(sup.terminate_child(*who)) : unasked(s.whom, "nobody");
        }
        if (s.what == "get_childspec") return spec_of(sup, s);
        if (s.what == "change") return change(sup, s);
        if (s.what == "restart_child") return answered(sup.restart_child(s.with));
        if (s.what == "terminate_child") return answered(sup.terminate_child(s.with));
        if (s.what == "delete_child") return answered(sup.delete_child(s.with));
        if (s.what == "which_children") return answered(sup.which_children());
        return answered(sup.count_children());
    }

    std::string signal(const step& s) {
        using bastion::exit_kind;
        const bastion::exit_reason why = s.with == "normal"     ? bastion::exit_reason()
                                         : s.with == "shutdown" ? bastion::exit_reason(exit_kind::stopped)
                                         : s.with == "kill"     ? bastion::exit_reason(exit_kind::killed)
                                                                : bastion::exit_reason::error("signal");
        if (const auto who = journal_.who(s.whom)) {
            who->exit(why);
            return "";
        }
        const known& k = supervisors_[s.whom];
        if (!k.runs) return "nobody";
        // One that is killed leaves its children to their links on OTP, in no order.
        if (s.with == "kill" && !is_empty(k.ref)) return "has children";
        bastion::child_ref(k.ref.where()).exit(why);
        return "";
    }

    // Ours answers while that start is held; OTP's when it is over, and before it tries again. A terminate_child has ended it by then.
    std::string hold(const step& s) {
        const node& n = *script_.find(s.whom);
        const auto who = journal_.who(n.id);
        if (!who) return "nobody";
        journal_.hold_next(n);
        who->tell(leave{"error"});
        come_to_rest();
        const auto held = journal_.held();
        if (!held) return "nobody";
        const std::string said = s.with == "which_children" ? children_up_to(n) : said_of({s.with, n.home, n.id});
        held->tell(fail_now{});
        return said;
    }

    // Those behind are about to start, here; OTP's plan is over, without them.
    std::string children_up_to(const node& n) {
        return answered(supervisors_[n.home].ref.which_children(),
            [this, &n](const bastion::result<std::vector<bastion::child_info>>& r) {
                auto all = *r;
                const auto last = std::find_if(all.rbegin(), all.rend(), [&n](const auto& c) { return c.id == n.id; });
                all.erase(last.base(), all.end());
                return value(bastion::result<std::vector<bastion::child_info>>(std::move(all)));
            });
    }

    bool is_empty(const bastion::supervisor_ref& sup) {
        auto answer = sup.count_children();
        clock_->settle();
        const auto counts = answer.take();
        return counts && counts->active == 0;
    }

    std::string start_child(const bastion::supervisor_ref& sup, const node& n) {
        try {
            if (n.is_supervisor) return answered(sup.start_child(supervisor_of(n)));
            return answered(sup.start_child(worker_of(n)));
        } catch (const bastion::bad_spec&) { return "invalid"; }
    }

    // Supervisors that are mentioned get the description that they have.
    std::string change(const bastion::supervisor_ref& sup, const step& s) {
        const description before = std::exchange(described_.at(s.whom), description_from(script_, s.with));
        std::string said;
        try {
            said = answered(sup.reconfigure(flags_of(*script_.find(s.whom))));
        } catch (const bastion::bad_spec&) { said = unasked(s.whom, "invalid"); }
        if (said != "ok") described_.at(s.whom) = before;
        return said;
    }

    // Why the supervisor is not asked, if it is there.
    std::string unasked(const std::string& sup, const char* why) { return supervisors_[sup].runs ? why : "noproc"; }

    std::string spec_of(const bastion::supervisor_ref& sup, const step& s) {
        if (!script_.is_simple(s.whom)) return answered(sup.which_child(s.with), spec_said);
        const auto who = journal_.who(s.with);
        if (!who) return unasked(s.whom, "nobody");
        return answered(sup.which_children(), [&who](const bastion::result<std::vector<bastion::child_info>>& all) {
            for (const bastion::child_info& c : *all)
                if (c.element.where() == who->where()) return spec_said(c);
            return std::string("not_found");
        });
    }
    static std::string spec_said(const bastion::result<bastion::child_info>& r) {
        using bastion::restart_when;
        const std::string restart = r->restart == restart_when::permanent   ? "permanent"
                                    : r->restart == restart_when::transient ? "transient"
                                                                            : "temporary";
        const std::string time = r->shutdown.is_brutal()     ? "brutal_kill"
                                 : r->shutdown.is_infinite() ? "infinity"
                                                             : std::to_string(r->shutdown.time() / 1ms);
        return "spec " + restart + (r->significant ? " 1 " : " 0 ") + time +
               (r->kind == bastion::child_kind::supervisor ? " supervisor" : " worker");
    }

    template <class R>
    std::string answered(bastion::answer<R> a) {
        return answered(std::move(a), [this](const bastion::result<R>& r) { return this->value(r); });
    }
    template <class R, class Say>
    std::string answered(bastion::answer<R> a, Say say) {
        come_to_rest();
        if (!a.poll()) return "hangs";
        auto r = a.take();
        return r ? say(r) : said(r.error().code());
    }
    static std::string value(const bastion::result<void>&) { return "ok"; }
    static std::string value(const bastion::result<bastion::child_info>& r) {
        return r->status == bastion::child_status::stopped ? "ok undefined" : "ok";
    }
    static std::string value(const bastion::result<bastion::child_counts>& r) {
        return std::to_string(r->specs) + " " + std::to_string(r->active) + " " + std::to_string(r->supervisors) + " " +
               std::to_string(r->workers);
    }
    std::string value(const bastion::result<std::vector<bastion::child_info>>& r) {
        std::string all = "children ";
        for (const bastion::child_info& c : named(*r)) all += (all.back() == ' ' ? "" : " ") + c.id + mark(c);
        return all;
    }
    // Children of a template get the names that they were started with, and have no order.
    std::vector<bastion::child_info> named(std::vector<bastion::child_info> all) {
        if (all.empty() || all.front().kind != bastion::child_kind::element) return all;
        for (bastion::child_info& c : all) c.id = journal_.name_of(c.element);
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        return all;
    }
    static std::string mark(const bastion::child_info& c) {
        if (c.status == bastion::child_status::running) return "";
        return c.status == bastion::child_status::restarting ? "~" : "-";
    }

    void after_step(const std::string& result) {
        come_to_rest();
        if (!result.empty()) journal_.add("= " + result);
        for (auto& [id, k] : supervisors_) k.runs = false;
        const node& top = script_.nodes.front();
        journal_.add("tree " + tree(top.id, supervisors_[top.id].ref));
    }
    std::string tree(const std::string& id, const bastion::supervisor_ref& sup) {
        auto answer = sup.which_children();
        clock_->settle();
        auto below = answer.take();
        if (!below) return "gone";
        supervisors_[id] = {sup, true};
        std::string all;
        for (const bastion::child_info& c : named(*below)) {
            const bool deeper = c.kind == bastion::child_kind::supervisor && mark(c).empty();
            all += (all.empty() ? "" : " ") + (deeper ? tree(c.id, c.supervisor) : c.id + mark(c));
        }
        return id + "(" + all + ")";
    }

    // ---- what a node is

    static bastion::restart_when restart_of(const node& n) {
        return n.restart == "permanent"   ? bastion::permanent
               : n.restart == "transient" ? bastion::transient
                                          : bastion::temporary;
    }
    static bastion::shutdown shutdown_of(const node& n) {
        if (n.shutdown == "brutal_kill") return bastion::shutdown::brutal();
        if (n.shutdown == "infinity") return bastion::shutdown::infinite();
        return bastion::shutdown::within(n.at_stop == "deaf" ? 20ms : 60s);
    }

    bastion::children worker_of(const node& n) {
        auto write = [this](const bastion::event& e) { journal_.reason(e.who(), said(e.reason())); };
        auto described = bastion::children()
                             .with_name(n.id)
                             .with_start(bastion::wait_ready, 1'000'000s) // one that is held
                             .with_restart(restart_of(n))
                             .with_significant(n.significant)
                             .with_shutdown(shutdown_of(n))
                             .with_callbacks(bastion::callbacks().before_restart(write).after_stop(write));
        if (n.is_template) described.with_template(template_body{&journal_, &script_});
        else described.with_exec(worker_body{&journal_, script_.find(n.id)});
        return described;
    }

    // With what it is as a child.
    bastion::supervisor supervisor_of(const node& n) {
        return flags_of(n)
            .with_own_restart(n.home == "-" ? bastion::temporary : restart_of(n))
            .with_significant(n.significant);
    }

    bastion::supervisor flags_of(const node& n) {
        const description& now = described_.at(n.id);
        const auto ends = [this, id = n.id](
                              const bastion::event& e) { journal_.supervisor_ends(id, said(e.reason())); };
        const auto begins = [this, id = n.id](const bastion::event&) { journal_.supervisor_begins(id); };
        auto described =
            bastion::supervisor()
                .with_otp_defaults()
                .with_name(n.id)
                .with_strategy(now.strategy == "one_for_one"    ? bastion::strategy::one_for_one
                               : now.strategy == "one_for_all"  ? bastion::strategy::one_for_all
                               : now.strategy == "rest_for_one" ? bastion::strategy::rest_for_one
                                                                : bastion::strategy::simple_one_for_one)
                .with_intensity(now.intensity, now.has_period ? 1'000'000s : 0s)
                .with_auto_shutdown(now.auto_shutdown == "never"             ? bastion::auto_shutdown::never
                                    : now.auto_shutdown == "any_significant" ? bastion::auto_shutdown::any_significant
                                                                             : bastion::auto_shutdown::all_significant)
                .with_shutdown(shutdown_of(n))
                .with_callbacks(bastion::callbacks()
                        .before_start(begins)
                        .before_restart([ends, begins](const bastion::event& e) {
                            ends(e);
                            begins(e);
                        })
                        .after_stop(ends));
        for (const node& below : now.below) {
            if (below.is_supervisor) described.with_supervisor(supervisor_of(below));
            else described.with_children(worker_of(below));
        }
        return described;
    }

    const script& script_;
    std::map<std::string, description> described_; // how each supervisor is now
    journal journal_; // the runtime's end writes to it
    std::shared_ptr<bastion::manual_clock> clock_;
    std::map<std::string, known> supervisors_;
    bastion::runtime rt_;
    bastion::supervisor_ref roof_;
};

} // namespace

trace replay(const script& s) {
    stage on(s);
    on.play();
    return on.told();
}

} // namespace differential
