#include "process/element_signal.hpp"
#include "supervision/supervisor.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/supervision/partitions.hpp>
#include <bastion/supervision/spawn.hpp>

#include <mutex>
#include <optional>
#include <unordered_set>

namespace bastion {
namespace detail {
namespace {

// A runtime that belongs to a simulation belongs to its thread.
void check_caller(const runtime_home& home) {
    if (at_home(home, this_thread())) return;
    if (const driver* d = home.workers.load()->driven_by()) d->check_thread();
}

// An owner that ends for good: who has more to give it is turned away here, so that a flood does not reach its lane.
bool is_closing(const address& owner) noexcept { return (owner.block->signals.now() & signal_flags::closing) != 0; }

// Gives an element or owner to its owner; false: the owner has ended.
bool hand_over(address to, control_block& child) {
    if (to.block == &child) return false; // it has just ended, and its block is used again
    child.owner.set(to.block);
    child.since_ns = static_cast<std::int64_t>(to.generation);  // until it starts
    return push_signal(*to.block, child.exit_node, signal_kind::adopt);
}

void report_refusal(address above, const char* what, const std::string& name, const source_location& where) {
    std::string who = what;
    if (!name.empty()) who += " \"" + name + "\"";
    if (where.known()) who += " spawned at " + where.to_string();
    report_there(above, {who, too_late(), "does not start", {}});
}

void charge_spawn() noexcept {
    if (strand* s = this_thread().current) --s->budget;
}

// Whether what runs here is below the supervisor whose temporary elements these are: its stops wait for it.
bool runs_below(const address& temporaries) noexcept {
    const control_block* const supervisor = temporaries.block->owner.now();
    const control_block* c = running_block();
    while (c != nullptr && c != supervisor) c = c->owner.now();
    return c != nullptr;
}

placed placed_or_throw(const placement& at, const source_location& where, runtime_home& home) {
    executor& workers = *home.workers.load();
    if (const std::string mistake = mistake_in(at, workers); !mistake.empty()) {
        const std::string who = where.known() ? "a process spawned at " + where.to_string() : "a process";
        throw bad_spec("bastion: " + who + ": " + mistake);
    }
    return place(at, workers);
}

struct newborn {
    void (*entry)();
    shared<process_body> body; // null: `entry` says it
    const source_location& where;
    bool is_main;
    birth* at_birth;
    const placement& at;
};

// False: its supervisor takes nobody any more.
bool bear(const birthplace& at_whose, const newborn& what, runtime_home& home, thread_state& thread, child_ref& made) {
    const address& temporaries = at_whose.temporaries;
    if (!stands(temporaries) || is_closing(temporaries)) return false;
    control_block* b = what.at.what() == placement::kind::any
                           ? make_block(home)
                           : make_block(home, placed_or_throw(what.at, what.where, home));
    b->entry = what.entry;
    b->site_file = what.where.file_name();
    b->site_line = what.where.line();
    if (what.body) {
        b->body = what.body.get();
        b->body->add_owner(); // dropped when the block is recycled
    }
    if (what.is_main) b->owner_flags = child_flag::is_main;
    made = child_ref(b->here());
    if (what.at_birth != nullptr) {
        try {
            what.at_birth->enter(*b);
        } catch (...) {
            owner::send_away(*b);
            throw;
        }
    }
    crowd* const spawned = at_whose.fate != nullptr ? at_whose.fate->spawned : nullptr;
    if (!what.is_main && spawned != nullptr && at_home(home, thread)) {
        b->owner.set(temporaries.block);
        owner::is_up(*b);
        if (spawned->join(*b, thread.current_worker->index(), running_block())) {
            schedule_block(*b, thread);
            return true;
        }
    }
    b->from_below = runs_below(temporaries);
    if (hand_over(temporaries, *b)) return true;
    owner::send_away(*b);
    return false;
}

child_ref spawn_element(const birthplace& at_whose, const newborn& what) {
    charge_spawn();
    child_ref made;
    bool adopted = false;
    thread_state& thread = this_thread();
    runtime_home* const home = home_of(at_whose.temporaries);
    if (home != nullptr && at_home(*home, thread)) [[likely]] {
        adopted = bear(at_whose, what, *home, thread, made);
    } else {
        inside(at_whose.temporaries, [&](runtime_home& its) {
            check_caller(its);
            adopted = bear(at_whose, what, its, thread, made);
        });
    }
    if (!adopted) [[unlikely]]
        report_refusal(at_whose.temporaries, "a process", {}, what.where);
    return made;
}

} // namespace

child_ref spawn_plain(const birthplace& at_whose, process (*entry)(context), source_location where, bool is_main,
    birth* at_birth, const placement& at) {
    return spawn_element(at_whose, {reinterpret_cast<void (*)()>(entry), {}, where, is_main, at_birth, at});
}
child_ref spawn_body(const birthplace& at_whose, shared<process_body> body, source_location where, bool is_main,
    birth* at_birth, const placement& at) {
    return spawn_element(at_whose, {nullptr, std::move(body), where, is_main, at_birth, at});
}

const supervisor_ref& supervisor_above(const control_block& block) { return group_of(block).above(); }
children_ref group_above(const control_block& block) {
    const group& above = group_of(block);
    return above.is_implicit() ? children_ref() : above.ref();
}

user_data& data_of(control_block& block) {
    static user_data none;
    cold_part* cold = cold_if_any(block);
    return cold != nullptr ? cold->data : none;
}
void panic_wrong_data(const user_data& has, std::string_view wanted) {
    if (has.type == nullptr) panic("ctx.data<" + std::string(wanted) + ">(): the group has no with_data");
    panic("ctx.data<" + std::string(wanted) + ">(): the group's with_data holds a " + std::string(has.type_name));
}

namespace {

[[nodiscard]] const char* builder_of(const supervisor_spec& spec) noexcept {
    return spec.partitioned ? "partitions" : "supervisor";
}

// `children("name") at file:line`; throws for a name that cannot be part of a path.
template <class Spec>
std::string checked_name(const char* builder, const Spec& spec) {
    std::string who = "bastion: " + (builder + (spec.name.empty() ? "()" : "(\"" + spec.name + "\")"));
    if (spec.where.known()) who += " at " + spec.where.to_string();
    if (spec.name.find('/') != std::string::npos)
        throw bad_spec(who + ": a name must not contain '/': it separates the parts of a path");
    if (spec.name == implicit_group_name)
        throw bad_spec(
            who + ": this name is that of the group in which a supervisor has what was spawned as a function");
    return who;
}

void check_resizer(const std::string& who, const resizer& r, std::uint32_t redundancy) {
    const auto refuse = [&who](const std::string& why) { throw bad_spec(who + ": its resizer " + why); };
    const auto number = [](std::uint32_t n) { return std::to_string(n); };
    const auto is_part = [](double part) { return part > 0 && part <= 1; };
    if (r.upper_bound() > resizer::unlimited) refuse("has an upper bound above 10,000,000");
    if (r.upper_bound() < r.lower_bound())
        refuse("has the upper bound " + number(r.upper_bound()) + " below the lower bound " + number(r.lower_bound()));
    if (redundancy > r.upper_bound())
        refuse("has the upper bound " + number(r.upper_bound()) + " below with_redundancy(" + number(redundancy) + ")");
    if (!is_part(r.upscale_rate())) refuse("needs an upscale rate above 0, at most 1");
    if (!is_part(r.downscale_rate())) refuse("needs a downscale rate above 0, at most 1");
    if (!(r.downscale_threshold() >= 0 && r.downscale_threshold() <= 1))
        refuse("needs a downscale threshold from 0 to 1");
    if (r.interval().count() <= 0) refuse("needs an interval longer than 0");
}

} // namespace

namespace {

void check_template(const std::string& who, const supervisor_spec& spec) {
    const bool simple = spec.strategy == strategy::simple_one_for_one;
    for (const child_spec& c : spec.children)
        if (c.group && c.group->dynamic && !simple)
            throw bad_spec(who + " has a group with_template: that needs strategy::simple_one_for_one");
    if (spec.dynamic && !simple)
        throw bad_spec(who + " is described with_supervisor_template: that needs strategy::simple_one_for_one");
    if (spec.max_children != std::numeric_limits<std::uint32_t>::max() && !simple)
        throw bad_spec(who + " has with_max_children: that needs strategy::simple_one_for_one");
    if (spec.dynamic && !spec.children.empty())
        throw bad_spec(who + " is described with_supervisor_template: it has no other children");
    if (!simple || spec.dynamic) return;
    if (spec.children.size() != 1 || !spec.children[0].group || !spec.children[0].group->dynamic)
        throw bad_spec(who + " is simple_one_for_one: it needs exactly one group, with_template, or "
                             "with_supervisor_template");
    const group_spec& group = *spec.children[0].group;
    if (group.body)
        throw bad_spec(who + ": its template has a body, too: with_exec and with_template exclude each other");
    if (group.resizer || group.redundancy != 1)
        throw bad_spec(who + ": a template makes one child at each start_child: no with_redundancy, no with_resizer");
    const restart_when when = group.when.value_or(spec.when.value_or(restart_when::transient));
    if (!group.dynamic->repeats && when != restart_when::temporary)
        throw bad_spec(who + ": its template's arguments cannot be copied, so its children must be temporary");
}

} // namespace

void throw_given_away() {
    throw usage_error("bastion: a builder was used after it was given away: each describes one group or supervisor, so "
                      "make another one");
}

namespace {

void check_policies(
    const std::string& who, const std::optional<restart_strategy>& restart, const std::optional<shutdown>& stop) {
    if (const char* mistake = restart ? restart->mistake() : nullptr)
        throw bad_spec(who + ": with_restart_strategy: " + mistake);
    if (stop && stop->time().count() < 0) throw bad_spec(who + ": with_shutdown: a time below 0");
}

} // namespace

void check_spec(const group_spec& spec) {
    const std::string who = checked_name("children", spec);
    check_policies(who, spec.restart, spec.stop);
    if (!spec.body && !spec.dynamic) throw bad_spec(who + " has no body: call with_exec or with_handlers");
    if (spec.redundancy > 10'000'000)
        throw bad_spec(who + ": with_redundancy(" + std::to_string(spec.redundancy) + ") is more than 10,000,000");
    if (spec.start_timeout && spec.start_timeout->count() <= 0)
        throw bad_spec(who + ": with_start needs a time-out longer than 0");
    if (spec.start_timeout && spec.start != start_mode::wait_ready)
        throw bad_spec(who + ": with_start has a time-out, which only wait_ready has");
    if (spec.resizer) check_resizer(who, *spec.resizer, spec.redundancy);
}

namespace {

std::size_t count_of(one_per what, address at) {
    std::size_t n = 1; // of a runtime that is gone
    inside(at, [&](runtime_home& home) {
        const executor& all = *home.workers.load();
        n = what == one_per::node ? all.nodes() : all.size();
    });
    return n;
}

// The nodes that partitions are one for each of, by the machine's numbers.
std::vector<int> nodes_at(address at) {
    std::vector<int> numbers;
    inside(at, [&](runtime_home& home) {
        const executor& all = *home.workers.load();
        for (std::size_t node = 1; node <= all.nodes(); ++node) numbers.push_back(all.node_at(node).number);
    });
    return numbers;
}

// All below that is not placed otherwise is at home there.
void settle_on(supervisor_spec& spec, int node) {
    for (child_spec& c : spec.children) {
        if (c.supervisor) settle_on(*c.supervisor, node);
        else if (c.group->place.what() == placement::kind::any) c.group->place = placement::node(node).soft();
    }
}

// Has all partitions made that are described in this tree.
void make_partitions(supervisor_spec& spec, address above) {
    if (const auto make = std::exchange(spec.make_partition, {})) {
        const std::string who = checked_name(builder_of(spec), spec);
        const std::size_t n = spec.partitions ? *spec.partitions : count_of(spec.partitioned_by, above);
        if (n == 0) throw bad_spec(who + ": with_partitions(0): there must be at least one");
        const bool has_nodes = !spec.partitions && spec.partitioned_by == one_per::node;
        const std::vector<int> nodes = has_nodes ? nodes_at(above) : std::vector<int>();
        if (n > 100'000) throw bad_spec(who + ": with_partitions(" + std::to_string(n) + ") is more than 100,000");
        for (std::size_t i = 0; i < n; ++i) {
            child_spec c;
            c.supervisor = make(i);
            std::string number = std::to_string(i);
            if (const std::string& other = c.supervisor->name; !other.empty())
                throw bad_spec(std::string(who)
                        .append(": its partition ")
                        .append(number)
                        .append(" is named \"")
                        .append(other)
                        .append("\": partitions are named by their numbers"));
            c.supervisor->name = std::move(number);
            if (i < nodes.size()) settle_on(*c.supervisor, nodes[i]);
            spec.children.push_back(std::move(c));
        }
    }
    for (const child_spec& c : spec.children)
        if (c.supervisor) make_partitions(*c.supervisor, above);
}

// The places of all groups of this tree, where it is to be.
void check_places(const group_spec& spec, const executor& workers) {
    if (const std::string mistake = mistake_in(spec.place, workers); !mistake.empty())
        throw bad_spec(checked_name("children", spec) + ": with_placement: " + mistake);
}
void check_places(const supervisor_spec& spec, const executor& workers) {
    for (const child_spec& c : spec.children) {
        if (c.group) check_places(*c.group, workers);
        else check_places(*c.supervisor, workers);
    }
}
template <class Spec>
void check_places_at(const Spec& spec, address at) {
    inside(at, [&](runtime_home& home) { check_places(spec, *home.workers.load()); });
}

// Of what is spawned on its own, below a supervisor that may be any.
void check_alone(const group_spec& spec, address above) {
    check_spec(spec);
    check_places_at(spec, above);
    if (spec.dynamic)
        throw bad_spec(checked_name("children", spec) + " has a template: give it to a simple_one_for_one supervisor");
}
void check_alone(supervisor_spec& spec, address above) { describe_whole(spec, above); }

} // namespace

void describe_whole(supervisor_spec& spec, address at) {
    make_partitions(spec, at);
    check_spec(spec);
    check_places_at(spec, at);
}

void check_spec(const supervisor_spec& spec) {
    std::unordered_set<std::string_view> names;
    const std::string who = checked_name(builder_of(spec), spec);
    check_template(who, spec);
    check_policies(who, spec.restart, spec.stop);
    if (spec.bounded && spec.window.count() <= 0) throw bad_spec(who + ": with_intensity needs a window longer than 0");
    for (const child_spec& c : spec.children) {
        const std::string& name = c.group ? c.group->name : c.supervisor->name;
        if (!name.empty() && !names.insert(name).second)
            throw bad_spec(std::string(who)
                    .append(" has two children named \"")
                    .append(name)
                    .append("\": names are unique among siblings"));
        const bool significant = c.group ? c.group->significant : c.supervisor->significant;
        const restart_when usual = spec.when.value_or(restart_when::transient);
        const auto child = [&] { return who + ": its child " + (name.empty() ? "(unnamed)" : "\"" + name + "\""); };
        if (significant && spec.ends == auto_shutdown::never)
            throw bad_spec(child() + " is significant, and it has no with_auto_shutdown");
        if (significant &&
            (c.group ? c.group->when : c.supervisor->own_when).value_or(usual) == restart_when::permanent)
            throw bad_spec(child() + " is significant and permanent: it would never end by itself");
        if (c.group) check_spec(*c.group);
        else check_spec(*c.supervisor);
    }
}

address owner_of(address child) noexcept {
    if (child.block == nullptr) return {};
    const auto seen = owner_by_ref(*child.block, child.generation);
    return {seen.block, seen.generation};
}

namespace {

// From any thread. False: its owner or the runtime is gone, and the request still the caller's.
bool send_in(request_ptr& r) {
    bool sent = false;
    inside(r->owner, [&](runtime_home&) {
        const bool speaks_of_stops = r->what == request_kind::stop || r->what == request_kind::stop_child;
        if (speaks_of_stops || !is_closing(r->owner)) sent = try_send(r);
    });
    return sent;
}

void stop_one(address child, bool kill) {
    const address o = owner_of(child);
    if (o.block == nullptr) return;
    const must_not_fail certain;
    request_ptr r = make_request(request_kind::stop_child, o);
    r->child = child;
    r->kill = kill;
    (void)send_in(r);
}

} // namespace

// By way of its owner, which then knows that it stops and for how long; only the root has none.
void request_stop(address to, bool kill) noexcept {
    if (to.block == nullptr) return;
    if (owner_of(to).block != nullptr) return stop_one(to, kill);
    const must_not_fail certain;
    request_ptr r = make_request(request_kind::stop, to);
    r->for_good = r->seen = true;
    r->kill = kill;
    inside(to, [&](runtime_home&) {
        owner::announce_end(*to.block, kill);
        (void)try_send(r);
    });
}

void request_broadcast(address to, shared<broadcast_source> what) {
    if (to.block == nullptr) return;
    request_ptr r = make_request(request_kind::broadcast, to);
    r->payload = std::move(what);
    (void)send_in(r);
}

pending_answer watch_started(address to, address child, const owner_fate* fate) {
    request_ptr r = make_request(request_kind::watch_started, to);
    completion_cell* cell = completion_cell::make(running_block());
    r->child = child;
    r->cell = cell;
    if (!send_in(r)) {
        exit_reason why(exit_kind::noproc);
        if (fate != nullptr) {
            const std::lock_guard lock(fate->lock);
            why = fate->why;
        }
        answer_never_started(cell, why);
    }
    return pending_answer(cell, to, std::chrono::nanoseconds(-1));
}

namespace {

// What a builder describes and was checked, made and given to the supervisor `above`. When that ends: what `dead` makes of the reason.
template <class Spec, class Make, class Dead>
auto spawn_owner(address above, std::unique_ptr<Spec> spec, const char* what, Make make, Dead dead) {
    const std::string name = spec->name;
    const source_location where = spec->where;
    std::optional<decltype(make(std::declval<runtime_home&>(), std::move(spec)).ref())> made;
    bool adopted = false;
    charge_spawn();
    inside(above, [&](runtime_home& home) {
        check_caller(home);
        if (is_closing(above)) return;
        auto&& child = make(home, std::move(spec));
        made = child.ref();
        adopted = hand_over(above, child.self());
        if (!adopted) owner::send_away(child.self());
    });
    if (!adopted) report_refusal(above, what, name, where);
    if (made) return *std::move(made);
    auto fate = std::make_shared<owner_fate>();
    fate->why = exit_reason::of_child(exit_kind::start_failed, name.empty() ? what : name, too_late());
    return dead(std::move(fate));
}

// The same as a question, which knows why it was refused.
template <class Spec, class Make>
pending_answer order_start_of(address above, std::unique_ptr<Spec> spec, Make make) {
    check_alone(*spec, above);
    charge_spawn();
    request_ptr r = make_order(request_kind::order, above);
    r->order = child_order::start;
    completion_cell* const cell = completion_cell::make(running_block());
    pending_answer answer(cell, above, std::chrono::nanoseconds(-1));
    r->cell = cell;
    bool sent = false;
    try {
        inside(above, [&](runtime_home& home) {
            check_caller(home);
            if (is_closing(above)) return;
            control_block& child = make(home, std::move(spec)).self();
            child.owner.set(above.block);
            r->child = child.here();
            sent = try_send(r);
            if (!sent) owner::send_away(child);
        });
    } catch (...) { // what with_data's factory throws
        answer_error(cell, errc::start_failed);
        throw;
    }
    if (!sent) answer_error(cell, errc::noproc);
    return answer;
}

} // namespace

namespace {

// A supervisor of partitions, as who spawns it wants to have it.
struct made_partitions {
    supervisor_owner& above;
    [[nodiscard]] partitions_ref ref() const { return {above.ref(), above.partitions()}; }
    [[nodiscard]] control_block& self() const noexcept { return above.self(); }
};

} // namespace

partitions_ref spawn_partitions(address above, std::unique_ptr<supervisor_spec> spec) {
    const auto make = [](runtime_home& home, std::unique_ptr<supervisor_spec> whole) {
        return made_partitions{make_supervisor(home, std::move(whole))};
    };
    describe_whole(*spec, above);
    const std::size_t size = spec->children.size();
    return spawn_owner(above, std::move(spec), "partitions", make, [size](auto fate) {
        const supervisor_ref dead({}, {}, std::move(fate));
        return partitions_ref(dead, std::make_shared<const std::vector<supervisor_ref>>(size, dead));
    });
}

pending_answer order_start(address to, children&& group) {
    return order_start_of(to, std::move(group).release(), make_group);
}
pending_answer order_start(address to, supervisor&& tree) {
    return order_start_of(to, std::move(tree).release(), make_supervisor);
}

} // namespace detail

void child_ref::stop() const { detail::stop_one(address_, false); }
void child_ref::kill() const { detail::stop_one(address_, true); }

void context::ready() const {
    detail::require_running(*block_, "ctx.ready");
    block_->wait_ready = false;
    detail::send_started(*block_);
}

children_ref supervisor_ref::spawn(children&& group) const {
    auto spec = std::move(group).release();
    detail::check_alone(*spec, self_);
    const std::size_t size = spec->size();
    return detail::spawn_owner(self_, std::move(spec), "children", detail::make_group, [size](auto fate) {
        return children_ref({}, std::make_shared<const std::vector<child_ref>>(size), std::move(fate));
    });
}
supervisor_ref supervisor_ref::spawn(supervisor&& tree) const {
    auto spec = std::move(tree).release();
    detail::check_alone(*spec, self_);
    return detail::spawn_owner(self_, std::move(spec), "supervisor", detail::make_supervisor,
        [](auto fate) { return supervisor_ref({}, {}, std::move(fate)); });
}

} // namespace bastion
