// What the cases of OTP's supervisor_SUITE share: a supervisor "sup_test" on a clock that the test owns, and its children.
//
// A child of OTP's is a group of one element here. A pid that changes at a restart is an incarnation, or another element. OTP's
// `exit(Pid, shutdown)` is `ref.exit(stopped)`; a supervisor's end by its parent is `sup.stop()`. A supervisor that gave up ends as
// `intensity`, where OTP says `shutdown`: it names the child, and why that failed last.
#ifndef BASTION_TESTS_SUPERVISION_OTP_SUITE_HPP
#define BASTION_TESTS_SUPERVISION_OTP_SUITE_HPP

#include "supervision/tree.hpp"

#include <bastion/executor/pool.hpp>
#include <bastion/process/control_block.hpp>

#include <ctime>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace otp {

using namespace std::chrono_literals;
using tree::lines;

inline const bastion::exit_reason shutdown_reason(bastion::exit_kind::stopped);
inline const bastion::exit_reason kill_reason(bastion::exit_kind::killed);

inline std::string text(bastion::errc code) { return std::string(to_string(code)); }

// How a child's next start goes; each start takes the next, the last one stays.
enum class start { well, ignore, fail, fail_slowly, panic };
class starts {
public:
    starts(std::initializer_list<start> all) : state_(std::make_shared<state>()) { state_->all = all; }
    [[nodiscard]] start next() const {
        const std::lock_guard lock(state_->mutex);
        const start now = state_->all.front();
        if (state_->all.size() > 1) state_->all.erase(state_->all.begin());
        return now;
    }
    void set(start s) const {
        const std::lock_guard lock(state_->mutex);
        state_->all = {s};
    }

private:
    struct state {
        std::mutex mutex;
        std::vector<start> all;
    };
    std::shared_ptr<state> state_;
};

struct sleep_deaf { // hears nothing for so long, not even a stop
    std::chrono::nanoseconds time;
};
struct end_with { // the reason to end with once it is asked to stop
    bastion::exit_reason why;
};
struct take_for_stop { // how long its end takes
    std::chrono::nanoseconds time;
};

// supervisor_1 and its kin: "start <id>" and "end <id>" in the journal; tree's die, give_up, finish, are_you_there.
inline auto worker(tree::journal& j, std::string id, starts how = {start::well}) {
    return [&j, id, how](bastion::context ctx) -> bastion::process {
        const start now = how.next();
        if (now == start::ignore) co_return ctx.ignore();
        if (now == start::panic) bastion::panic("at the start");
        if (now == start::fail_slowly) co_await ctx.sleep_for(2s);
        if (now == start::fail || now == start::fail_slowly) co_return ctx.fail("no start");
        j.add("start " + id);
        const tree::end_mark mark(j, id);
        ctx.ready();
        std::optional<bastion::exit_reason> at_stop;
        std::chrono::nanoseconds stop_takes{0};
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<tree::die>()) co_return ctx.fail(d->why);
            if (m.told<tree::finish>() != nullptr) co_return;
            if (auto* d = m.told<sleep_deaf>()) co_await ctx.sleep_for(d->time);
            if (auto* e = m.told<end_with>()) {
                at_stop = e->why;
                ctx.trap_stop();
            }
            if (auto* t = m.told<take_for_stop>()) {
                stop_takes = t->time;
                ctx.trap_stop();
            }
            if (m.told<bastion::stop_request>() != nullptr) {
                if (stop_takes.count() > 0) co_await ctx.sleep_for(stop_takes);
                if (at_stop) ctx.exit(*at_stop);
                co_return;
            }
            if (auto q = m.asked<tree::are_you_there>()) q.reply(ctx.incarnation());
        }
    };
}

using ids = std::vector<std::string>;

// What a child is while it lives: its element and how often that has started.
struct pid {
    bastion::child_ref who;
    int incarnation = -1;
    friend bool operator==(const pid& a, const pid& b) {
        return a.who.where() == b.who.where() && a.incarnation == b.incarnation;
    }
};

// Nothing is left of those that lived meanwhile.
class nothing_left {
public:
    nothing_left() = default;
    nothing_left(const nothing_left&) = delete;
    nothing_left& operator=(const nothing_left&) = delete;
    ~nothing_left() noexcept(false) { CHECK(bastion::detail::live_blocks() == before_); }

private:
    std::uint64_t before_ = bastion::detail::live_blocks();
};

// Writes how a supervisor ends, each time that it does: as a monitor hears it.
inline void watch(bastion::runtime& rt, const bastion::supervisor_ref& who, tree::journal& to) {
    rt.spawn([who, &to](bastion::context ctx) -> bastion::process {
        for (bool comes_back = true; comes_back;) {
            const auto watched = ctx.monitor(who);
            const bastion::down end = co_await ctx.recv<bastion::down>();
            to.add(end.reason().what());
            comes_back = end.returns();
        }
    });
}

// What the whole program has spent.
struct spent {
    std::uint64_t turns = 0; // of all processes
    std::clock_t time = 0; // of the processor
};

class suite {
    nothing_left check; // the last to go

public:
    // OTP's flags: one_for_one, 2 restarts in 3,600 s, unless the case says otherwise.
    explicit suite(bastion::supervisor flags = bastion::supervisor().with_otp_defaults().with_intensity(2, 3600s))
        : sup(above.spawn(std::move(flags).with_name("sup_test"))) {
        begin();
    }
    // What is described with the supervisor.
    explicit suite(const std::function<bastion::supervisor(suite&)>& make)
        : sup(above.spawn(make(*this).with_name("sup_test"))) {
        begin();
    }

    // permanent, shutdown 1,000 ms.
    [[nodiscard]] bastion::children without_body(const std::string& id) {
        return bastion::children()
            .with_name(id)
            .with_start(bastion::wait_ready)
            .with_shutdown(bastion::shutdown::within(1000ms))
            .with_callbacks(ends_of(id));
    }
    [[nodiscard]] bastion::children child(const std::string& id, starts how = {start::well}) {
        return without_body(id).with_exec(worker(w.events, id, how));
    }
    [[nodiscard]] bastion::children child(
        const std::string& id, bastion::restart_when when, starts how = {start::well}) {
        return child(id, how).with_restart(when);
    }
    // Why an incarnation of the child has ended, for `reasons`.
    [[nodiscard]] bastion::callbacks ends_of(const std::string& id) {
        auto write = [this, id](const bastion::event& e) { ends.add(id + " " + e.reason().what()); };
        return bastion::callbacks().before_restart(write).after_stop(write);
    }

    // ---- OTP's calls; an error is its code's text
    std::string start(bastion::children c) { return said(w.rt.run(sup.start_child(std::move(c)))); }
    std::string start(bastion::supervisor s) { return said(w.rt.run(sup.start_child(std::move(s)))); }
    std::string restart(std::string_view id) { return said(w.rt.run(sup.restart_child(id))); }
    std::string terminate(std::string_view id) { return said(w.rt.run(sup.terminate_child(id))); }
    std::string remove(std::string_view id) { return said(w.rt.run(sup.delete_child(id))); }
    // "child1, child2 stopped": in start order.
    std::string which() { return which_of(sup); }
    std::string which_of(const bastion::supervisor_ref& of) {
        static constexpr const char* text[] = {"", " restarting", " stopped"};
        auto all = w.rt.run(of.which_children());
        if (!all) return all.error().what();
        std::string what;
        for (const bastion::child_info& c : *all)
            what += (what.empty() ? "" : ", ") + c.id + text[static_cast<int>(c.status)];
        return what;
    }
    // specs, active, supervisors, workers
    std::vector<std::size_t> counts() { return counts_of(sup); }
    std::vector<std::size_t> counts_of(const bastion::supervisor_ref& of) {
        auto c = w.rt.run(of.count_children());
        REQUIRE(c.has_value());
        return {c->specs, c->active, c->supervisors, c->workers};
    }
    bastion::child_info info(std::string_view id) { return info_of(sup, id); }
    bastion::child_info info_of(const bastion::supervisor_ref& of, std::string_view id) {
        auto c = w.rt.run(of.which_child(id));
        REQUIRE(c.has_value());
        return *c;
    }
    bastion::child_ref element(std::string_view id) { return info(id).group[0]; }
    pid pid_of(std::string_view id) { return pid_of(sup, id); }
    pid pid_of(const bastion::supervisor_ref& of, std::string_view id) {
        const bastion::child_ref who = info_of(of, id).group[0];
        auto there = w.rt.run(who.ask<tree::are_you_there>());
        REQUIRE(there.has_value());
        return {who, *there};
    }
    // Whether that life of it goes on.
    bool lives(const pid& p) {
        if (!p.who.alive()) return false;
        auto there = w.rt.run(p.who.ask<tree::are_you_there>());
        return there.has_value() && *there == p.incarnation;
    }
    // Lets a child end that way, and all that follows happen.
    void ends_by_itself(std::string_view id) { tell(id, tree::finish{}); }
    void dies(std::string_view id) { tell(id, tree::die{"died"}); }
    void exits(std::string_view id, const bastion::exit_reason& why) {
        element(id).exit(why);
        w.settle();
    }
    template <class M>
    void tell(std::string_view id, M m) {
        element(id).tell(std::move(m));
        w.settle();
    }
    // The supervisor is told to stop, and does: its end is OTP's `shutdown`.
    lines stop() {
        sup.stop();
        w.settle();
        CHECK(end_of_sup() == "stopped");
        return w.events.take();
    }
    // Why the supervisor has ended, as a monitor hears it; "alive" while it has not.
    std::string end_of_sup() {
        const lines said = ends_of_sup.take();
        if (sup.alive()) return "alive";
        return said.empty() ? "nobody was told" : said.back();
    }
    // Nobody has the supervisor's name.
    bool name_is_free() { return !w.rt.find_supervisor("/otp/sup_test").alive(); }
    // How the children ended: as their callbacks above say.
    lines reasons() { return ends.take(); }

    // How often anybody has had his turn so far: what costs time, counted instead of measured.
    std::uint64_t turns() { return w.rt.snapshot(bastion::snapshot_limits().depth(0)).resumes; }

    // What it takes until a process has done that, and all that follows has happened.
    template <class F>
    spent spent_by(F&& orders) {
        const spent before{turns(), std::clock()};
        w.rt.spawn(std::forward<F>(orders));
        w.settle();
        return {turns() - before.turns, std::clock() - before.time};
    }

    static std::string said(const bastion::result<bastion::child_info>& r) {
        if (!r) return text(r.error().code());
        return r->status == bastion::child_status::running ? "ok" : "ok, undefined";
    }
    // Why a child has not started, and whose failure that was.
    static std::string why(const bastion::result<bastion::child_info>& r) {
        REQUIRE_FALSE(r.has_value());
        CHECK(r.error() == bastion::errc::start_failed);
        return r.error().reason().what();
    }
    static std::string said(const bastion::result<void>& r) { return r ? "ok" : text(r.error().code()); }

    tree::journal ends; // the runtime's end writes to it
    tree::journal ends_of_sup;
    tree::world w;
    // Below the root the runtime would end with it when it gives up.
    bastion::supervisor_ref above = w.rt.spawn(bastion::supervisor().with_name("otp"));
    bastion::supervisor_ref sup;

private:
    void begin() {
        watch(w.rt, sup, ends_of_sup);
        w.settle();
    }
};

// Of what was asked and must be answered by now.
template <class R>
std::string now_said(suite& s, bastion::answer<R>& asked) {
    REQUIRE(asked.poll());
    return s.said(asked.take());
}

inline std::string change(suite& s, bastion::supervisor as) {
    return s.said(s.w.rt.run(s.sup.reconfigure(std::move(as))));
}

// Bytes that the library holds: processes, their frames, messages, requests.
inline std::uint64_t held_bytes() { return bastion::detail::read_pool_stats().live_bytes; }

inline bastion::supervisor flags(bastion::strategy s, std::uint32_t intensity, std::chrono::nanoseconds period) {
    return bastion::supervisor().with_otp_defaults().with_strategy(s).with_intensity(intensity, period);
}
} // namespace otp

#endif
