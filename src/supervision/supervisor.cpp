#include "supervision/supervisor.hpp"

#include <utility>

namespace bastion::detail {

namespace {

// An owner in a block of its own.
template <class Owner, class Spec>
Owner* new_owner(runtime_home& home, std::string name, std::unique_ptr<Spec> spec) {
    control_block* b = make_owner_block(home);
    try {
        auto* made = new Owner(*b, std::move(name), home, std::move(spec));
        made->add_owner();
        return made;
    } catch (...) { // there is no memory
        close_block(*b);
        recycle_block(b);
        throw;
    }
}

// `make_below` makes what belongs to it, and may throw what the user's factory of with_data throws.
template <class Owner, class Spec>
Owner& make_owner(runtime_home& home, std::unique_ptr<Spec> spec, void (Owner::*make_below)()) {
    std::string name = spec->name;
    Owner* const made = new_owner<Owner>(home, std::move(name), std::move(spec));
    try {
        (made->*make_below)();
    } catch (...) {
        owner::abandon(*made);
        throw;
    }
    return *made;
}

} // namespace

group& make_group(runtime_home& home, std::unique_ptr<group_spec> spec) {
    return make_owner(home, std::move(spec), &group::make_elements);
}
supervisor_owner& make_supervisor(runtime_home& home, std::unique_ptr<supervisor_spec> spec) {
    return make_owner(home, std::move(spec), &supervisor_owner::make_children);
}

supervisor_owner::supervisor_owner(
    control_block& self, std::string name, runtime_home& home, std::unique_ptr<supervisor_spec> spec)
    : owner(self, std::move(name), home, std::make_shared<supervisor_fate>(home.planned_workers)),
      spec_(std::move(spec)), gives_up_(spec_->gives_up) {
    own_callbacks = spec_->callbacks;
    own_stop = spec_->stop;
    significant = spec_->significant;
}

void supervisor_owner::make_children() {
    group* const temporaries = new_owner<group>(home_, std::string(implicit_group_name), std::unique_ptr<group_spec>());
    control_block* const b = &temporaries->self();
    temporaries->share(fate());
    b->owner.set(&self_);
    temporaries_ = b;
    temporaries_address_ = b->here();
    set_state(*b, child_state::down);
    given_from_above of_temporaries = given_to_groups();
    of_temporaries.ask_first = false;
    temporaries->settle_below(ref(), of_temporaries);
    for (child_spec& c : spec_->children) {
        owner* below = nullptr;
        if (c.group != nullptr) below = &make_group(home_, std::move(c.group));
        else below = &make_supervisor(home_, std::move(c.supervisor));
        below->self().owner.set(&self_);
        children_.push_back(&below->self());
        if (!below->name().empty()) names_.emplace(below->name(), &below->self()); // all, before one is made up
        below->noted.known = true;
    }
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) settle(*c);
    if (spec_->partitioned) {
        auto all = std::make_shared<std::vector<supervisor_ref>>();
        all->reserve(children_.size());
        for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
            all->push_back(static_cast<supervisor_owner&>(of(*c)).ref());
        partitions_ = std::move(all);
    }
    // From here on nothing fails.
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) of(*c).release();
    spec_->children.clear();
}

// Gives a new child its place: defaults, name and path.
void supervisor_owner::settle(control_block& child) {
    give_defaults(child);
    give_name(child);
}

void supervisor_owner::give_defaults(control_block& child) {
    owner& below = of(child);
    set_state(child, child_state::unborn);
    if (below.is_supervisor()) {
        const auto& own = static_cast<supervisor_owner&>(below).spec_->own_when;
        child.policy = own.value_or(spec_->when.value_or(restart_when::transient));
    } else {
        auto& group_below = static_cast<group&>(below);
        group_below.settle_below(ref(), given_to_groups());
        below.noted.element_stop = group_below.element_shutdown();
        child.policy = group_below.when();
    }
}

void supervisor_owner::give_name(control_block& child) {
    owner& below = of(child);
    while (below.name().empty()) {
        std::string name = (below.is_supervisor() ? "supervisor-" : "group-") + std::to_string(++unnamed_);
        if (named(name) == nullptr) below.set_name(std::move(name));
    }
    names_.emplace(below.name(), &child);
    place_below(below);
}

bastion::restart_strategy supervisor_owner::restart_of(control_block&) const noexcept {
    return spec_->restart.value_or(bastion::restart_strategy());
}
restart_when supervisor_owner::when_of(const control_block& child) const noexcept { return child.policy; }
bastion::shutdown supervisor_owner::shutdown_of(control_block& child) const noexcept {
    return of(child).own_stop.value_or(bastion::shutdown::infinite());
}

std::optional<exit_reason> supervisor_owner::on_start() {
    recent_.clear(); // a new life, a new window
    shutdown_due_ = false;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        notes& noted_here = of(*c).noted;
        // What was added while it stood still may have taken the name.
        if (noted_here.hidden && names_.emplace(of(*c).name(), c).second) {
            noted_here.hidden = false;
            --hidden_;
        }
        noted_here.holds_up = noted_here.by_hand = false;
    }
    if (temporaries_ == nullptr) return {};
    set_state(*temporaries_, child_state::up);
    send(make_request(request_kind::start, temporaries_address_));
    return {};
}

bool supervisor_owner::launch(control_block& child, bool) {
    send(make_request(request_kind::start, child.here()));
    return true;
}

std::optional<supervisor_owner::refusal> supervisor_owner::take_in(control_block& child) {
    const std::string& wanted = of(child).name();
    try {
        give_defaults(child);
        // What is wrong with it comes before who is there already, as in OTP.
        if (const char* why = wrongly_significant(child)) {
            place_below(of(child));
            return refusal{errc::invalid, why};
        }
        if (control_block* const other = wanted.empty() ? nullptr : named(wanted)) {
            place_below(of(child));
            return refusal{status_of(*other) == child_status::running ? errc::already_started : errc::already_present,
                "the name \"" + wanted + "\" is taken by another child of " + std::string(shown_path())};
        }
        give_name(child);
    } catch (const std::bad_alloc&) {
        forget_name(child);
        return refusal{errc::limit, "no memory"};
    }
    of(child).noted.late = true;
    of(child).release();
    children_.push_back(&child);
    return {};
}

bool supervisor_owner::take_in_or_answer(control_block& child, completion_cell* cell) {
    const auto no = take_in(child);
    if (!no) return true;
    send_away(child, reason_or(exit_kind::error, [&] { return exit_reason::error(no->why); }));
    // Of a name that is taken the code says all.
    answer_error(cell, no->code == errc::invalid ? error_or(no->code, [&] { return no->why; }) : error(no->code));
    return false;
}

void supervisor_owner::adopt(control_block& child) {
    if (is_simple())
        return refuse(child, said([] { return std::string("its supervisor makes children from a template only"); }));
    if (const auto no = take_in(child)) return refuse(child, no->why);
    arrivals_.push_back(child.here());
    start_arrivals();
}

void supervisor_owner::forget_name(const control_block& child) noexcept {
    const auto found = names_.find(of(const_cast<control_block&>(child)).name());
    if (found != names_.end() && found->second == &child) names_.erase(found);
}

void supervisor_owner::forget(control_block& child) noexcept {
    if (&child == temporaries_) {
        temporaries_ = nullptr;
        return;
    }
    if (last_significant_ == &child) last_significant_ = nullptr;
    forget_name(child);
    if (of(child).noted.hidden) --hidden_;
}

bool supervisor_owner::too_often(const std::string& child, const exit_reason& why) {
    if (!spec_->bounded) return false;
    // Too often: so many before this one are still in the window, the oldest of them, too. Some steps, whatever the limit: those that
    // have left the window go two at a time, which is faster than they come.
    const std::int64_t t = now();
    const auto in_window = [&](std::int64_t then) { return t - then <= spec_->window.count(); };
    recent_.push_back(t);
    for (int i = 0; i < 2 && !in_window(recent_.front()); ++i) recent_.pop_front();
    if (recent_.size() <= spec_->intensity) return false;
    if (!in_window(recent_[recent_.size() - 1 - spec_->intensity])) return false;
    recent_.clear();
    const exit_reason reason =
        reason_or(exit_kind::intensity, [&] { return exit_reason::of_child(exit_kind::intensity, child, why); });
    announce({shown_path(), reason, "stops its children and fails upwards", {}, 0, static_cast<int>(self_.restarts)});
    fail_upwards(reason);
    return true;
}

// `apart`: of the failed group itself only single elements restart, in its place in the order.
void supervisor_owner::mark_scope(control_block& failed, bool apart) {
    bool reached = spec_->strategy == bastion::strategy::one_for_all;
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        if (c == &failed) reached = true;
        if (reached && !(apart && c == &failed) && !of(*c).noted.hidden) set(*c, child_flag::in_plan);
        // What the plan that goes on has started already is none of this fault's: it stays.
        if (!reached && phase_ == phase::starting && state_of(*c) == child_state::up) clear(*c, child_flag::in_plan);
    }
    if (apart) set(failed, child_flag::apart);
    proceeding_ = {};
}

bool supervisor_owner::restarts_apart(control_block& child) {
    if (!has(child, child_flag::apart)) return false;
    if (state_of(child) != child_state::up) {
        clear(child, child_flag::apart);
        return false;
    }
    if (proceeding_ != child.here()) {
        proceeding_ = child.here();
        request_ptr r = make_request(request_kind::proceed, child.here());
        r->apart = true;
        send(std::move(r));
    }
    return true;
}

void supervisor_owner::restart(control_block& child) {
    if (too_often(said_name(child), child.reason)) return;
    if (restarts_alone()) return start_child(child);
    mark_scope(child, false);
    plan_restart_of_marked();
}

void supervisor_owner::on_request(owner_request& r) {
    control_block& child = *r.child.block;
    if (!child.lives(r.child.generation) || !running_) return;
    if (r.what == request_kind::significant) {
        shutdown_due_ = true;
        if (phase_ == phase::idle) on_idle();
        return;
    }
    if (r.what == request_kind::proceeded) {
        if (proceeding_ == r.child) {
            clear(child, child_flag::apart);
            proceeding_ = {};
        }
        return go_on();
    }
    const child_state s = state_of(child);
    if (s == child_state::stopping || s == child_state::down || s == child_state::ended) return; // nothing to decide
    if (phase_ == phase::stopping && has(child, child_flag::in_plan)) return;
    if (too_often(r.name, r.reason)) return;
    if (restarts_alone()) {
        send(make_request(request_kind::proceed, child.here()));
        return;
    }
    const bool apart = r.apart && state_of(child) == child_state::up; // else it starts just now, as a whole
    if (apart) clear(child, child_flag::in_plan);
    mark_scope(child, apart);
    plan_restart_of_marked();
}

const char* supervisor_owner::wrongly_significant(control_block& child) const noexcept {
    owner& below = of(child);
    if (!below.significant) return nullptr;
    if (spec_->ends == bastion::auto_shutdown::never)
        return "it is significant, and its supervisor has no with_auto_shutdown";
    return child.policy == restart_when::permanent ? "it is significant and permanent: it would never end by itself"
                                                   : nullptr;
}

bool supervisor_owner::is_significant(const control_block& child) const noexcept {
    const owner& below = *static_cast<const owner*>(child.frame);
    const bool in_turn = phase_ == phase::stopping && has(child, child_flag::in_plan); // the plan was about to stop it
    return below.significant && below.ended_naturally() && !in_turn;
}

// Whether a significant child is left; the one found last is looked at first, so that those before it are not passed again and again.
bool supervisor_owner::significant_left() noexcept {
    const auto is_left = [](control_block& c) {
        const bool is_over = has(c, child_flag::for_good) || state_of(c) == child_state::ended || of(c).noted.emptying;
        return of(c).significant && !is_over;
    };
    control_block* const first = std::exchange(last_significant_, nullptr);
    for (auto* c = first; c != nullptr; c = children_.next(c))
        if (is_left(*c)) return last_significant_ = c, true;
    for (auto* c = children_.front(); c != first; c = children_.next(c))
        if (is_left(*c)) return last_significant_ = c, true;
    return false;
}

void supervisor_owner::significant_end() {
    if (spec_->ends == bastion::auto_shutdown::never) return; // it has been changed
    if (spec_->ends == bastion::auto_shutdown::all_significant && significant_left()) return;
    shutdown_due_ = true;
    if (phase_ == phase::idle && running_) on_idle();
}

// As OTP's: it stops its children in reverse order and ends as if it had been told to; its own owner decides.
void supervisor_owner::on_idle() {
    if (!std::exchange(shutdown_due_, false)) return plan_is_over();
    why_ = exit_reason(exit_kind::stopped);
    natural_ = true;
    undecided_ = expects_no_return();
    if (is_root_) announce_end(self_, false); // nobody starts the root again
    plan_stop(is_root_, false);
}

void supervisor_owner::pass_on(broadcast_source& source) {
    auto pass = [&source](control_block& to) {
        request_ptr r = make_request(request_kind::broadcast, to.here());
        r->payload = shared<broadcast_source>(&source);
        send(std::move(r));
    };
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) pass(*c);
    if (temporaries_ != nullptr) pass(*temporaries_);
}

} // namespace bastion::detail
