// `children()` and `supervisor()`: the builders that describe groups and trees.
//
// Values: chained, move-only, returned from functions, nested. A setter on a named builder returns a reference, on a
// temporary the builder itself. Nothing runs before the builder is given to `spawn`.
#ifndef BASTION_SUPERVISION_SPEC_HPP
#define BASTION_SUPERVISION_SPEC_HPP

#include <bastion/base/function.hpp>
#include <bastion/mailbox/bounded.hpp>
#include <bastion/mailbox/fiber.hpp>
#include <bastion/mailbox/handlers.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/placement.hpp>
#include <bastion/process/process.hpp>
#include <bastion/supervision/callbacks.hpp>
#include <bastion/supervision/membership.hpp>
#include <bastion/supervision/policy.hpp>
#include <bastion/supervision/resizer.hpp>
#include <bastion/supervision/template.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bastion {

class dispatcher;

namespace detail {

// What children() describes. Shared by the group and, for its body and data, by its elements.
struct group_spec {
    std::string name;
    shared<process_body> body;
    shared<child_template> dynamic; // instead of a body: elements come from start_child
    process_kind kind = process_kind::coroutine;
    std::uint32_t redundancy = 1;
    bastion::callbacks callbacks;
    std::optional<bastion::restart_strategy> restart;
    std::optional<restart_when> when;
    restart_scope scope = restart_scope::group;
    start_mode start = start_mode::at_first_suspend;
    std::optional<std::chrono::nanoseconds> start_timeout;
    std::optional<bastion::shutdown> stop;
    bastion::mailbox box = bastion::mailbox::unbounded();
    bastion::limits bounds;
    std::optional<bastion::resizer> resizer;
    unique_function<std::shared_ptr<void>()> make_data;  // one object per element
    const void* data_type = nullptr;
    std::string_view data_type_name;
    on_panic data_on_panic = on_panic::keep;
    std::vector<std::unique_ptr<membership_wish>> memberships;
    bool significant = false;
    bastion::placement place;
    source_location where;

    // How many elements it begins with.
    [[nodiscard]] std::uint32_t size() const noexcept {
        if (dynamic) return 0;
        return resizer ? std::max(redundancy, resizer->lower_bound()) : redundancy;
    }
};

struct supervisor_spec;

// One child of a supervisor, in start order.
struct child_spec {
    std::unique_ptr<group_spec> group;
    std::unique_ptr<supervisor_spec> supervisor;
};

struct supervisor_spec {
    std::string name;
    bastion::strategy strategy = bastion::strategy::one_for_one;
    bastion::callbacks callbacks;
    std::optional<bastion::restart_strategy> restart;  // the default of its children
    std::optional<restart_when> when;                  // the default of its children
    std::uint32_t intensity = 0;                       // restarts per window; 0: no bound
    std::chrono::nanoseconds window{0};
    bool bounded = false;
    std::optional<bastion::shutdown> stop;
    std::vector<child_spec> children;
    shared<supervisor_template> dynamic; // instead of children: supervisors come from start_child
    bastion::auto_shutdown ends = bastion::auto_shutdown::never;
    bool significant = false;
    std::optional<restart_when> own_when; // as a child
    bool keeps_specs = false;
    std::uint32_t max_children = std::numeric_limits<std::uint32_t>::max(); // of a template
    bool gives_up = false; // too many restarts are, for the supervisor above, a shutdown
    bool partitioned = false; // its children are partitions (see partitions.hpp)
    std::optional<std::size_t> partitions; // how many; none: as `partitioned_by` says
    one_per partitioned_by = one_per::worker;
    unique_function<std::unique_ptr<supervisor_spec>(std::size_t)> make_partition; // until it has been asked for all
    source_location where;
};

[[noreturn]] BASTION_API BASTION_COLD void throw_given_away();

// What a builder describes, until it is given away: whoever uses the builder then is told so.
template <class Spec>
class description {
public:
    description() : spec_(std::make_unique<Spec>()) {}
    explicit description(std::unique_ptr<Spec> spec) noexcept : spec_(std::move(spec)) {}

    [[nodiscard]] Spec* operator->() const {
        if (spec_ == nullptr) throw_given_away();
        return spec_.get();
    }
    [[nodiscard]] std::unique_ptr<Spec> release() {
        if (spec_ == nullptr) throw_given_away();
        return std::move(spec_);
    }

private:
    std::unique_ptr<Spec> spec_;
};

} // namespace detail

// A group of elements with the same body.
class [[nodiscard]] children {
public:
    explicit children(source_location where = source_location::current()) { spec_->where = where; }

    // The body: a coroutine `bastion::process f(bastion::context)`, called as const; it lives as long as the group.
    template <class F>
    children& with_exec(F&& f) & {
        static_assert(!detail::fiber_function<F>,
            "bastion: a plain function that takes a bastion::fiber_context is given to with_fiber");
        if constexpr (!detail::fiber_function<F>) detail::check_behaviour<F>();
        if constexpr (detail::behaviour<F>) {
            spec_->body =
                detail::shared<detail::process_body>(new detail::coroutine_body<std::decay_t<F>>(std::forward<F>(f)));
            spec_->kind = detail::process_kind::coroutine;
        }
        return *this;
    }
    // The body: a plain function `void f(bastion::fiber_context)` on a stack of its own (mailbox/fiber.hpp), called as const. Of so many bytes,
    // rounded up to a power of two; 0: as bastion::with_stack around it, or the runtime, says.
    template <class F>
    children& with_fiber(F&& f, std::size_t stack_bytes = 0) & {
        detail::check_fiber_function<F>();
        if constexpr (detail::fiber_function<F>) {
            spec_->body = detail::make_fiber_body(std::forward<F>(f), stack_bytes);
            spec_->kind = detail::process_kind::coroutine;
        }
        return *this;
    }
    // Instead of a body: one that takes arguments (a coroutine, or a function that runs on a fiber), from which start_child makes children; of the only group of a supervisor with
    // strategy::simple_one_for_one (see dynamic.hpp).
    template <class F>
    children& with_template(F&& f) & {
        return spec_->dynamic = detail::make_template(std::forward<F>(f)), *this;
    }
    // The body: handlers without a state.
    template <class... Arms>
        requires(detail::is_arm<std::remove_cvref_t<Arms>> && ...)
    children& with_handlers(Arms... arms) & {
        return set_handlers<detail::no_state>(std::move(arms)...);
    }
    // The body: handlers over one State per incarnation, default-constructed or made from a context.
    template <class State, class... Arms>
        requires(!detail::is_arm<State>)
    children& with_handlers(Arms... arms) & {
        static_assert(std::is_default_constructible_v<State> || std::is_constructible_v<State, context>,
            "bastion: the handlers' state must be default-constructible or constructible from bastion::context");
        static_assert((detail::is_arm<Arms> && ...),
            "bastion: with_handlers takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)");
        if constexpr ((detail::is_arm<Arms> && ...)) set_handlers<State>(std::move(arms)...);
        return *this;
    }
    template <class First, class... Rest>
        requires(!detail::is_arm<First>)
    children& with_handlers(First, Rest...) & {
        static_assert(detail::is_arm<First>,
            "bastion: with_handlers takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)");
        return *this;
    }
    // How many elements; 0 counts as 1. With a resizer: how many at first.
    children& with_redundancy(std::uint32_t n) & { return spec_->redundancy = n == 0 ? 1 : n, *this; }
    // Unique among the children of a supervisor.
    children& with_name(std::string name) & { return spec_->name = std::move(name), *this; }
    children& with_callbacks(bastion::callbacks c) & { return spec_->callbacks = std::move(c), *this; }
    children& with_restart_strategy(bastion::restart_strategy s) & { return spec_->restart = s, *this; }
    children& with_restart(restart_when w) & { return spec_->when = w, *this; }
    children& with_restart_scope(restart_scope s) & { return spec_->scope = s, *this; }
    children& with_mailbox(bastion::mailbox m) & { return spec_->box = m, *this; }
    children& with_limits(bastion::limits l) & { return spec_->bounds = l, *this; }
    children& with_shutdown(bastion::shutdown s) & { return spec_->stop = s, *this; }
    // On which NUMA nodes its elements run (see placement.hpp). `spread` deals them out.
    children& with_placement(bastion::placement p) & { return spec_->place = p, *this; }
    // Its end may be that of its supervisor (with_auto_shutdown): when all its elements have ended for good, by themselves. Not
    // for permanent elements, which never do.
    children& with_significant(bool on = true) & { return spec_->significant = on, *this; }
    // The group grows and shrinks. An element that is taken away is stopped; what it has not read goes, in order, to one
    // that stays.
    children& with_resizer(bastion::resizer r) & { return spec_->resizer = r, *this; }
    // wait_ready: an element has started when it calls ctx.ready(), within the time-out (default 10 s).
    children& with_start(start_mode m, std::optional<std::chrono::nanoseconds> timeout = {}) & {
        spec_->start = m;
        spec_->start_timeout = timeout;
        return *this;
    }
    // Each element is a member from its spawn until it ends for good. Several are allowed. (Of routing/.)
    BASTION_API children& with_distributor(std::string name) &;
    BASTION_API children& with_topic(std::string name) &;
    BASTION_API children& with_dispatcher(const bastion::dispatcher& d) &;
    BASTION_API children& with_dispatcher(std::string name) &;
    // One object per element that survives restarts: a copy of `value`, or what the factory makes.
    template <class D>
    children& with_data(D&& value, on_panic then = on_panic::keep) & {
        using V = std::decay_t<D>;
        if constexpr (std::is_invocable_v<V&>) {
            using T = std::decay_t<std::invoke_result_t<V&>>;
            set_data<T>([f = V(std::forward<D>(value))]() mutable { return std::make_shared<T>(f()); }, then);
        } else {
            static_assert(std::is_copy_constructible_v<V>,
                "bastion: with_data copies the value for each element: give a "
                "factory for a type that cannot be copied");
            set_data<V>([v = V(std::forward<D>(value))] { return std::make_shared<V>(v); }, then);
        }
        return *this;
    }

    template <class F>
    children with_exec(F&& f) && {
        return with_exec(std::forward<F>(f)), std::move(*this);
    }
    template <class F>
    children with_fiber(F&& f, std::size_t stack_bytes = 0) && {
        return with_fiber(std::forward<F>(f), stack_bytes), std::move(*this);
    }
    template <class F>
    children with_template(F&& f) && {
        return with_template(std::forward<F>(f)), std::move(*this);
    }
    template <class... Arms>
        requires(detail::is_arm<std::remove_cvref_t<Arms>> && ...)
    children with_handlers(Arms... arms) && {
        return with_handlers(std::move(arms)...), std::move(*this);
    }
    template <class State, class... Arms>
        requires(!detail::is_arm<State>)
    children with_handlers(Arms... arms) && {
        return with_handlers<State>(std::move(arms)...), std::move(*this);
    }
    template <class First, class... Rest>
        requires(!detail::is_arm<First>)
    children with_handlers(First, Rest...) && {
        static_assert(detail::is_arm<First>,
            "bastion: with_handlers takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)");
        return std::move(*this);
    }
    children with_redundancy(std::uint32_t n) && { return with_redundancy(n), std::move(*this); }
    children with_name(std::string name) && { return with_name(std::move(name)), std::move(*this); }
    children with_callbacks(bastion::callbacks c) && { return with_callbacks(std::move(c)), std::move(*this); }
    children with_restart_strategy(bastion::restart_strategy s) && {
        return with_restart_strategy(s), std::move(*this);
    }
    children with_restart(restart_when w) && { return with_restart(w), std::move(*this); }
    children with_restart_scope(restart_scope s) && { return with_restart_scope(s), std::move(*this); }
    children with_mailbox(bastion::mailbox m) && { return with_mailbox(m), std::move(*this); }
    children with_limits(bastion::limits l) && { return with_limits(l), std::move(*this); }
    children with_shutdown(bastion::shutdown s) && { return with_shutdown(s), std::move(*this); }
    children with_placement(bastion::placement p) && { return with_placement(p), std::move(*this); }
    children with_significant(bool on = true) && { return with_significant(on), std::move(*this); }
    children with_resizer(bastion::resizer r) && { return with_resizer(r), std::move(*this); }
    children with_start(start_mode m, std::optional<std::chrono::nanoseconds> timeout = {}) && {
        return with_start(m, timeout), std::move(*this);
    }
    children with_distributor(std::string name) && { return with_distributor(std::move(name)), std::move(*this); }
    children with_topic(std::string name) && { return with_topic(std::move(name)), std::move(*this); }
    BASTION_API children with_dispatcher(const bastion::dispatcher& d) &&;
    children with_dispatcher(std::string name) && { return with_dispatcher(std::move(name)), std::move(*this); }
    template <class D>
    children with_data(D&& value, on_panic then = on_panic::keep) && {
        return with_data(std::forward<D>(value), then), std::move(*this);
    }

    [[nodiscard]] std::unique_ptr<detail::group_spec> release() && { return spec_.release(); }

private:
    template <class State, class... Arms>
    children& set_handlers(Arms... arms) {
        static_assert((detail::fits_state<State, Arms>() && ...),
            "bastion: an arm is a member function of another class than the handlers' state: "
            "with_handlers<state>(on_tell(&state::f))");
        if constexpr ((detail::fits_state<State, Arms>() && ...))
            spec_->body =
                detail::shared<detail::process_body>(new detail::handlers_body<State, Arms...>(std::move(arms)...));
        spec_->kind = detail::process_kind::handlers;
        return *this;
    }
    template <class T, class Make>
    void set_data(Make make, on_panic then) {
        spec_->make_data = [m = std::move(make)]() mutable { return std::shared_ptr<void>(m()); };
        spec_->data_type = &detail::data_type_tag<T>;
        spec_->data_type_name = type_name<T>();
        spec_->data_on_panic = then;
    }

    detail::description<detail::group_spec> spec_;
};

// A supervisor and everything below it.
class [[nodiscard]] supervisor {
public:
    explicit supervisor(source_location where = source_location::current()) { spec_->where = where; }
    explicit supervisor(std::unique_ptr<detail::supervisor_spec> spec) noexcept : spec_(std::move(spec)) {}

    supervisor& with_name(std::string name) & { return spec_->name = std::move(name), *this; }
    supervisor& with_strategy(bastion::strategy s) & { return spec_->strategy = s, *this; }
    // The default of its children.
    supervisor& with_restart_strategy(bastion::restart_strategy s) & { return spec_->restart = s, *this; }
    supervisor& with_restart(restart_when w) & { return spec_->when = w, *this; }
    // More than n restarts of its children within the window: it stops them and fails upwards.
    supervisor& with_intensity(std::uint32_t n, std::chrono::nanoseconds window) & {
        spec_->intensity = n;
        spec_->window = window;
        spec_->bounded = true;
        return *this;
    }
    // Children that have ended are kept, but for temporary ones, as OTP does: they can be started again by restart_child, come back
    // with siblings that restart (one_for_all, rest_for_one), and keep their names until delete_child. When this supervisor is itself
    // started again it has the children that it was described with, each whole: late additions end, and what had ended or
    // was deleted is there again.
    supervisor& with_specs_kept(bool on = true) & { return spec_->keeps_specs = on, *this; }
    // What OTP's supervisors do when nothing is said: children are permanent and come back at once, without back-off; one restart
    // in 5 s is allowed, and a supervisor that gives up has shut down, so that only a permanent one comes back; specs are kept. What
    // is set later goes before. Not for the supervisors below it.
    supervisor& with_otp_defaults() & {
        spec_->when = restart_when::permanent;
        spec_->restart = bastion::restart_strategy::always().immediate();
        spec_->gives_up = true;
        return with_intensity(1, std::chrono::seconds(5)).with_specs_kept();
    }
    // Instead of children: a function bastion::supervisor f(arguments...), called as const, that describes what start_child makes;
    // with strategy::simple_one_for_one (see dynamic.hpp).
    template <class F>
    supervisor& with_supervisor_template(F&& f) & {
        return spec_->dynamic = detail::make_supervisor_template(std::forward<F>(f)), *this;
    }
    // With simple_one_for_one: how many children there may be at once. Default: no bound.
    supervisor& with_max_children(std::uint32_t n) & { return spec_->max_children = n, *this; }
    // Of itself, as a child of the supervisor above. Default: what that one's with_restart says.
    supervisor& with_own_restart(restart_when w) & { return spec_->own_when = w, *this; }
    // Ends when significant children have ended by themselves: stops the others in reverse order, and ends as `stopped`.
    // Children that somebody stopped, or that stopped because of a sibling, do not count.
    supervisor& with_auto_shutdown(bastion::auto_shutdown when) & { return spec_->ends = when, *this; }
    // Its end may be that of the supervisor above.
    supervisor& with_significant(bool on = true) & { return spec_->significant = on, *this; }
    supervisor& with_callbacks(bastion::callbacks c) & { return spec_->callbacks = std::move(c), *this; }
    supervisor& with_shutdown(bastion::shutdown s) & { return spec_->stop = s, *this; }
    supervisor& with_children(children group) & {
        detail::child_spec c;
        c.group = std::move(group).release();
        spec_->children.push_back(std::move(c));
        return *this;
    }
    supervisor& with_supervisor(supervisor below) & {
        detail::child_spec c;
        c.supervisor = std::move(below).release();
        spec_->children.push_back(std::move(c));
        return *this;
    }

    supervisor with_name(std::string name) && { return with_name(std::move(name)), std::move(*this); }
    supervisor with_strategy(bastion::strategy s) && { return with_strategy(s), std::move(*this); }
    supervisor with_restart_strategy(bastion::restart_strategy s) && {
        return with_restart_strategy(s), std::move(*this);
    }
    supervisor with_restart(restart_when w) && { return with_restart(w), std::move(*this); }
    supervisor with_intensity(std::uint32_t n, std::chrono::nanoseconds window) && {
        return with_intensity(n, window), std::move(*this);
    }
    supervisor with_specs_kept(bool on = true) && { return with_specs_kept(on), std::move(*this); }
    supervisor with_otp_defaults() && { return with_otp_defaults(), std::move(*this); }
    template <class F>
    supervisor with_supervisor_template(F&& f) && {
        return with_supervisor_template(std::forward<F>(f)), std::move(*this);
    }
    supervisor with_max_children(std::uint32_t n) && { return with_max_children(n), std::move(*this); }
    supervisor with_own_restart(restart_when w) && { return with_own_restart(w), std::move(*this); }
    supervisor with_auto_shutdown(bastion::auto_shutdown when) && { return with_auto_shutdown(when), std::move(*this); }
    supervisor with_significant(bool on = true) && { return with_significant(on), std::move(*this); }
    supervisor with_callbacks(bastion::callbacks c) && { return with_callbacks(std::move(c)), std::move(*this); }
    supervisor with_shutdown(bastion::shutdown s) && { return with_shutdown(s), std::move(*this); }
    supervisor with_children(children group) && { return with_children(std::move(group)), std::move(*this); }
    supervisor with_supervisor(supervisor below) && { return with_supervisor(std::move(below)), std::move(*this); }

    [[nodiscard]] std::unique_ptr<detail::supervisor_spec> release() && { return spec_.release(); }

private:
    detail::description<detail::supervisor_spec> spec_;
};

namespace detail {

// Throws bad_spec with one line that names the culprit.
BASTION_API void check_spec(const group_spec& spec);
BASTION_API void check_spec(const supervisor_spec& spec);

} // namespace detail
} // namespace bastion

#endif
