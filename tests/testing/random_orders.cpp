#include "testing/random_orders.hpp"

#include <bastion/base/random.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/testing/failure.hpp>

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <variant>

namespace orders {

using namespace bastion;
using namespace std::chrono_literals;
using bastion::testing::failure;
using std::chrono::nanoseconds;

namespace {

constexpr std::uint32_t usual_steps = 100;
constexpr int deepest = 3;
constexpr std::uint32_t at_hand = 8; // of the supervisors seen, the latest
constexpr nanoseconds start_takes = 300ms;
constexpr nanoseconds deaf_for = 700ms; // an element that naps
constexpr nanoseconds stop_may_take = 500ms;
constexpr nanoseconds at_last = 5min; // longer than everything that was begun takes, one after the other

// Numbers that are those of a seed and a place alone.
class dice {
public:
    dice(std::uint64_t seed, std::uint64_t place) : random_(random_source(random_source(seed).next() ^ place).next()) {}

    [[nodiscard]] std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_.below(n)); }
    [[nodiscard]] bool one_in(std::uint32_t n) { return below(n) == 0; }
    template <class T>
    [[nodiscard]] T one_of(std::initializer_list<T> all) {
        return all.begin()[below(static_cast<std::uint32_t>(all.size()))];
    }

private:
    random_source random_;
};

struct panics {};
struct fails {};
struct finishes {};
struct naps {};
struct are_you_there {
    using answer_type = bool;
};

// A supervisor, and how its path was when it was seen.
struct seen_supervisor {
    supervisor_ref ref;
    std::string path;
};

struct order {
    std::string what;
    std::variant<answer<child_info>, answer<void>> coming;
    std::vector<errc> may_be; // the errors that it may have

    [[nodiscard]] bool is_answered() const {
        return std::visit([](const auto& a) { return a.poll(); }, coming);
    }
    // What it was, and how it went.
    [[nodiscard]] std::string result() {
        return std::visit(
            [this](auto& a) {
                const auto r = a.take();
                const std::string kind = what.substr(0, what.find(' ')) + ": ";
                if (r) return kind + "done";
                const bool no_memory = r.error().code() == errc::limit;
                if (!no_memory && std::find(may_be.begin(), may_be.end(), r.error().code()) == may_be.end())
                    throw failure(what + ": " + r.error().what());
                return kind + std::string(to_string(r.error().code()));
            },
            coming);
    }
};

struct seen_element {
    child_ref ref;
    std::string name; // of its group
};

struct look {
    seen_supervisor at;
    answer<std::vector<child_info>> coming;
};

class world {
public:
    world(bastion::testing::simulation& sim, std::uint64_t seed, outcome& o) : seen(o), sim_(sim), seed_(seed) {
        dice first(seed_, 0);
        above_ = sim_.spawn(supervisor().with_name("above"));
        top_ = {above_.spawn(described(first, "top", 0).with_own_restart(permanent)), "top"};
        supervisors_.push_back(top_);
        sim_.settle();
    }

    void step(std::uint32_t number) {
        dice d(seed_, number + 1);
        serial_ = (number + 1) * 1'000ull;
        seen.said.push_back(std::to_string(number) + ": " + act(d));
        look_at(some_supervisor(d));
        take_looks();
    }
    void end();

    outcome& seen;

private:
    // ---- what may be described
    // Of groups, of supervisors, and of those that make their children from a template; mostly.
    static constexpr std::string_view names = "abcdef";
    [[nodiscard]] static bool names_supervisor(dice& d, std::string_view name) { return (name >= "d") != d.one_in(20); }
    [[nodiscard]] static bool is_dynamic(std::string_view name) { return name == "f"; }
    [[nodiscard]] static std::string some_name(dice& d) { return std::string(1, names[d.below(names.size())]); }
    [[nodiscard]] children without_body(dice& d, const std::string& name, bool may_be_significant);
    [[nodiscard]] children group(dice& d, const std::string& name, bool may_be_significant);
    [[nodiscard]] supervisor described(dice& d, const std::string& name, int depth, bool may_be_significant = false);
    void describe_template(dice& d, supervisor& s);
    [[nodiscard]] static shutdown some_shutdown(dice& d) {
        return d.one_of({shutdown::brutal(), shutdown::within(stop_may_take), shutdown::infinite()});
    }
    [[nodiscard]] static restart_strategy some_restart(dice& d) {
        const restart_strategy kinds[] = {restart_strategy::always().immediate(), restart_strategy::always(),
            restart_strategy::tries(2).immediate(), restart_strategy::never()};
        return kinds[d.one_in(2) ? 0 : d.below(4)];
    }
    process live(context ctx, std::string name, std::uint64_t serial);

    // ---- what may happen
    [[nodiscard]] std::string act(dice& d);
    [[nodiscard]] std::string order_something(dice& d);
    [[nodiscard]] std::string terminate_by_ref(dice& d, const seen_supervisor& of);
    [[nodiscard]] std::string disturb(dice& d);
    [[nodiscard]] std::string let_go_on(dice& d);
    template <class A>
    std::string give(std::string what, A a, std::vector<errc> may_be) {
        given_.push_back({what, std::move(a), std::move(may_be)});
        return what;
    }
    [[nodiscard]] const seen_supervisor& some_supervisor(dice& d) const {
        const auto n = static_cast<std::uint32_t>(supervisors_.size());
        return supervisors_[n - 1 - d.below(std::min(n, at_hand))];
    }
    [[nodiscard]] bool is_known(const supervisor_ref& s) const {
        return std::any_of(supervisors_.begin(), supervisors_.end(),
            [&](const seen_supervisor& other) { return other.ref.where() == s.where(); });
    }
    void look_at(const seen_supervisor& s) { looks_.push_back({s, s.ref.which_children()}); }
    void take_looks();
    void check_below(const seen_supervisor& s);

    struct presence;

    bastion::testing::simulation& sim_;
    const std::uint64_t seed_;
    std::uint64_t serial_ = 0; // of a group that is described
    bool calm_ = false; // whoever starts does
    supervisor_ref above_;
    seen_supervisor top_;
    std::vector<seen_supervisor> supervisors_; // the latest last
    std::vector<seen_element> elements_; // that live
    std::vector<order> given_;
    std::vector<look> looks_;
};

struct world::presence {
    presence(world& w, const child_ref& who, const std::string& name) : in(w), self(who) {
        in.elements_.push_back({self, name});
    }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() {
        const auto same = [this](const seen_element& other) { return other.ref.where() == self.where(); };
        in.elements_.erase(std::find_if(in.elements_.begin(), in.elements_.end(), same));
    }
    world& in;
    const child_ref self;
};

// How a start goes is a matter of the group and of how often this element has started, whatever was ordered before.
process world::live(context ctx, std::string name, std::uint64_t serial) {
    if (ctx.incarnation() > 0) ++seen.restarts;
    dice d(seed_ ^ serial, static_cast<std::uint64_t>(ctx.incarnation()));
    const std::uint32_t way = calm_ ? 9 : d.below(20);
    if (way < 2) co_return ctx.ignore();
    if (way == 2) co_return ctx.fail("no start");
    if (way == 3) panic("no start");
    if (way < 7) co_await ctx.sleep_for(start_takes);
    if (way == 4) co_return ctx.fail("no start, late");
    const presence here(*this, ctx.self(), name);
    ctx.ready();
    if (way == 7) panic("at once");
    if (way == 8) co_return;
    for (;;) {
        auto m = co_await ctx.recv();
        if (m.told<panics>() != nullptr) panic("told to");
        if (m.told<fails>() != nullptr) co_return ctx.fail("told to");
        if (m.told<finishes>() != nullptr) co_return;
        if (m.told<naps>() != nullptr) co_await ctx.sleep_for(deaf_for);
        if (auto q = m.asked<are_you_there>()) q.reply(true);
    }
}

children world::without_body(dice& d, const std::string& name, bool may_be_significant) {
    children c;
    c.with_name(name);
    const auto when = d.one_of({permanent, permanent, transient, temporary});
    c.with_restart(when).with_significant(may_be_significant && when != permanent && d.one_in(2));
    if (!d.one_in(3)) c.with_shutdown(some_shutdown(d));
    if (!d.one_in(3)) c.with_start(wait_ready, d.one_in(4) ? start_takes / 2 : nanoseconds(10s));
    if (d.one_in(3)) c.with_restart_strategy(some_restart(d));
    if (d.one_in(3)) c.with_restart_scope(d.one_of({restart_scope::element, restart_scope::group}));
    return c;
}

children world::group(dice& d, const std::string& name, bool may_be_significant) {
    const std::uint64_t serial = ++serial_;
    return without_body(d, name, may_be_significant)
        .with_redundancy(d.one_in(4) ? 2 : 1)
        .with_exec([this, name, serial](context ctx) { return live(ctx, name, serial); });
}

supervisor world::described(dice& d, const std::string& name, int depth, bool may_be_significant) {
    supervisor s;
    s.with_name(name);
    if (!d.one_in(4)) s.with_otp_defaults();
    s.with_restart_strategy(some_restart(d));
    // Without a bound one that restarts all might do nothing else.
    s.with_intensity(d.one_of({0u, 1u, 3u, 50u}), d.one_of<nanoseconds>({1s, 10s}));
    if (d.one_in(3)) s.with_shutdown(some_shutdown(d));
    const auto own = d.one_of({permanent, transient, temporary});
    if (d.one_in(2)) s.with_own_restart(own).with_significant(may_be_significant && own != permanent && d.one_in(2));
    const auto ends =
        d.one_in(4) ? d.one_of({auto_shutdown::any_significant, auto_shutdown::all_significant}) : auto_shutdown::never;
    s.with_auto_shutdown(ends);
    if (is_dynamic(name)) {
        describe_template(d, s);
        return s;
    }
    s.with_strategy(d.one_of({strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one}));
    std::string left(names);
    for (std::uint32_t n = d.below(depth == 0 ? 5 : 4); n > 0; --n) {
        const std::uint32_t i = d.below(static_cast<std::uint32_t>(left.size()));
        const std::string id(1, left[i]);
        left.erase(i, 1);
        const bool significant = ends != auto_shutdown::never;
        if (depth < deepest && names_supervisor(d, id)) s.with_supervisor(described(d, id, depth + 1, significant));
        else s.with_children(group(d, id, significant));
    }
    return s;
}

void world::describe_template(dice& d, supervisor& s) {
    s.with_strategy(strategy::simple_one_for_one);
    if (d.one_in(2)) s.with_max_children(1 + d.below(2));
    if (d.one_in(3)) {
        const std::uint64_t serial = ++serial_;
        s.with_supervisor_template([this, serial](std::uint64_t number) {
            dice own(seed_ ^ serial, number);
            serial_ = serial + 1'000'000 * number; // in its supervisor's turn, while no step describes anything
            return described(own, "", deepest);
        });
        return;
    }
    const std::uint64_t serial = ++serial_;
    s.with_children(without_body(d, "f", false).with_template([this, serial](context ctx, std::uint64_t number) {
        return live(ctx, "f", serial + 1'000'000 * number);
    }));
}

std::string world::act(dice& d) {
    const std::uint32_t what = d.below(10);
    if (what < 6) return order_something(d);
    if (what < 8) return disturb(d);
    return let_go_on(d);
}

std::string world::order_something(dice& d) {
    const seen_supervisor of = some_supervisor(d);
    const std::string name = some_name(d);
    const std::string at = " " + of.path + " " + name;
    switch (d.below(9)) {
    case 0:
    case 1: {
        const std::vector<errc> may_be = {errc::already_started, errc::already_present, errc::start_failed,
            errc::noproc, errc::simple_one_for_one, errc::invalid};
        if (names_supervisor(d, name)) {
            supervisor s = described(d, name, 2, d.one_in(4));
            return give("start_child (supervisor)" + at, of.ref.start_child(std::move(s)), may_be);
        }
        return give("start_child" + at, of.ref.start_child(group(d, name, d.one_in(4))), may_be);
    }
    case 2:
    case 3:
        return give("restart_child" + at, of.ref.restart_child(name),
            {errc::running, errc::restarting, errc::not_found, errc::start_failed, errc::noproc,
                errc::simple_one_for_one});
    case 4:
        return give("terminate_child" + at, of.ref.terminate_child(name),
            {errc::not_found, errc::noproc, errc::simple_one_for_one});
    case 5:
        return give("delete_child" + at, of.ref.delete_child(name),
            {errc::running, errc::restarting, errc::not_found, errc::noproc, errc::simple_one_for_one});
    case 6:
        return give("start_child (template)" + at, of.ref.start_child<std::uint64_t>(d.below(40)),
            {errc::invalid, errc::noproc, errc::start_failed});
    case 7: return terminate_by_ref(d, of);
    default: {
        const int depth = static_cast<int>(std::count(of.path.begin(), of.path.end(), '/'));
        return give("reconfigure " + of.path,
            of.ref.reconfigure(described(d, of.path.substr(of.path.rfind('/') + 1), depth)),
            {errc::invalid, errc::noproc, errc::start_failed});
    }
    }
}

std::string world::terminate_by_ref(dice& d, const seen_supervisor& of) {
    const std::vector<errc> may_be = {errc::not_found, errc::noproc, errc::invalid, errc::simple_one_for_one};
    const std::string what = "terminate_child (ref) " + of.path + " ";
    if (d.one_in(2) || elements_.empty()) {
        const seen_supervisor& whom = some_supervisor(d);
        return give(what + whom.path, of.ref.terminate_child(whom.ref), may_be);
    }
    const auto& [whom, name] = elements_[d.below(static_cast<std::uint32_t>(elements_.size()))];
    return give(what + "an element of " + name, of.ref.terminate_child(whom), may_be);
}

std::string world::disturb(dice& d) {
    const std::uint32_t what = d.below(11);
    if (what == 10) {
        const std::uint32_t nth = 1 + d.below(60);
        sim_.fail_allocation(nth);
        return "an allocation fails: " + std::to_string(nth);
    }
    if (what == 9) {
        const seen_supervisor& whom = some_supervisor(d);
        child_ref(whom.ref.where()).exit(exit_reason(exit_kind::killed));
        return "kill of " + whom.path;
    }
    if (elements_.empty()) return "nobody to disturb";
    const auto [whom, name] = elements_[d.below(static_cast<std::uint32_t>(elements_.size()))];
    const std::string at = " an element of " + name;
    switch (what) {
    case 0:
    case 1:
    case 2: whom.tell(panics()); return "panic of" + at;
    case 3:
    case 4: whom.tell(fails()); return "failure of" + at;
    case 5:
    case 6: whom.tell(finishes()); return "end of" + at;
    case 7: whom.exit(exit_reason(exit_kind::killed)); return "kill of" + at;
    default: whom.tell(naps()); return "nap of" + at;
    }
}

std::string world::let_go_on(dice& d) {
    switch (d.below(3)) {
    case 0: sim_.settle(); return "all settles";
    case 1: {
        std::uint32_t left = d.below(30);
        (void)sim_.run_until([&left] { return left-- == 0; }, 0s);
        return "a few turns";
    }
    default: {
        const auto time = d.one_of<nanoseconds>({1ms, 150ms, 300ms, 500ms, 2s});
        sim_.advance(time);
        return "time goes by: " + std::to_string(time / 1ms) + " ms";
    }
    }
}

void world::take_looks() {
    std::erase_if(looks_, [this](look& l) {
        if (!l.coming.poll()) return false;
        const auto all = l.coming.take();
        const auto is_it = [&](const seen_supervisor& s) { return s.ref.where() == l.at.ref.where(); };
        if (!all && l.at.path != top_.path)
            std::erase_if(supervisors_, is_it); // the one above shows it when it is back
        if (!all) return true;
        for (const child_info& c : *all)
            if (c.kind == child_kind::supervisor && !is_known(c.supervisor))
                supervisors_.push_back({c.supervisor, l.at.path + "/" + c.id});
        return true;
    });
}

void world::end() {
    calm_ = true;
    sim_.fail_allocation(~std::uint64_t{0});
    sim_.advance(at_last);
    take_looks();
    for (order& o : given_) {
        if (!o.is_answered()) throw failure("not answered: " + o.what);
        ++seen.answers[o.result()];
    }
    if (!looks_.empty()) throw failure("not answered: which_children " + looks_.front().at.path);
    if (top_.ref.alive()) check_below(top_);
    above_.stop();
    sim_.settle();
    sim_.advance(at_last);
    if (above_.alive()) throw failure("it does not stop");
    if (!elements_.empty()) throw failure("an element outlives its supervisor");
}

// It is at rest, and what it says agrees with what is there.
void world::check_below(const seen_supervisor& s) {
    const auto all = sim_.runtime().run(s.ref.which_children());
    const auto counted = sim_.runtime().run(s.ref.count_children());
    if (!all || !counted) throw failure(s.path + " runs, and does not say what its children are");
    child_counts counts;
    for (const child_info& c : *all) {
        const std::string path = s.path + "/" + c.id;
        const bool runs = c.status == child_status::running;
        if (c.status == child_status::restarting) throw failure(path + " is restarting for ever");
        ++counts.specs;
        if (runs) ++counts.active;
        if (c.kind == child_kind::supervisor) {
            ++counts.supervisors;
            const seen_supervisor below{c.supervisor, path};
            if (runs) {
                check_below(below);
                continue;
            }
            const auto said = sim_.runtime().run(below.ref.count_children());
            if (said || said.error().code() != errc::noproc) throw failure(path + " is stopped, and answers");
            continue;
        }
        ++counts.workers;
        if (c.kind == child_kind::element) {
            const auto answers = sim_.runtime().run(c.element.ask<are_you_there>());
            if (!answers) throw failure(path + " runs, and does not answer");
            continue;
        }
        std::size_t there = 0;
        for (const child_ref& element : c.group.current()) {
            const auto answers = sim_.runtime().run(element.ask<are_you_there>());
            if (answers) ++there;
        }
        if (runs != (there > 0))
            throw failure(path + (runs ? " runs, and nobody is there" : " is stopped, and answers"));
    }
    if (s.path.ends_with("/f")) counts.specs = 1; // its template
    if (counts != *counted) throw failure(s.path + " counts other children than it has");
}

} // namespace

course whole_course(std::uint64_t seed) {
    course c{seed, std::vector<std::uint32_t>(usual_steps)};
    std::iota(c.steps.begin(), c.steps.end(), 0u);
    return c;
}

void run(bastion::testing::simulation& sim, const course& c, outcome& seen) {
    world w(sim, c.seed, seen);
    for (const std::uint32_t number : c.steps) w.step(number);
    w.end();
    sim.finish();
}

} // namespace orders
