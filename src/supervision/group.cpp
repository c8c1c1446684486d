#include "supervision/group.hpp"

#include <bastion/mailbox/bounded.hpp>

#include <mutex>
#include <utility>

namespace bastion::detail {
namespace {

const bastion::callbacks no_callbacks;

} // namespace

group::group(control_block& self, std::string name, runtime_home& home, std::unique_ptr<group_spec> spec)
    : owner(self, std::move(name), home, std::make_shared<owner_fate>()), spec_(std::move(spec)) {
    if (spec_ == nullptr) return;
    significant = spec_->significant;
    if (const auto& r = spec_->resizer) resizing_ = std::make_unique<resizing>(*r);
}

control_block* group::make_element(std::uint32_t index, const shared<process_body>& body) {
    return make_element(index, body, bastion::detail::place(spec_->place, *home_.workers.load()));
}

control_block* group::make_element(
    std::uint32_t index, const shared<process_body>& body, const placed& at, bool later) {
    std::shared_ptr<void> data;
    const bool with_data = spec_->make_data && !later;
    if (with_data) data = spec_->make_data(); // the user's: may throw
    control_block* b = make_block(home_, at);
    b->owner.set(&self_);
    b->kind = spec_->kind;
    b->body = body.get();
    b->body->add_owner();
    b->index = index;
    b->policy = when_;
    b->max_depth = spec_->bounds.max_depth();
    b->wait_ready = waits_for_ready();
    try {
        if (spec_->box.capacity() != 0 || spec_->bounds.max_memory() != 0)
            make_bounded(*b, spec_->box.capacity(), spec_->box.policy(), spec_->bounds.max_memory());
        if (with_data) cold_of(*b).data = user_data{std::move(data), spec_->data_type, spec_->data_type_name};
        for (const auto& wish : spec_->memberships) wish->enter(home_, *b);
        if (resizing_ != nullptr) resizing_->add(*b);
    } catch (...) {
        send_away(*b);
        throw;
    }
    set_state(*b, child_state::unborn);
    return b;
}

void group::make_elements() {
    for (std::uint32_t n = spec_->size(); next_index_ < n; ++next_index_)
        children_.push_back(make_element(next_index_, spec_->body));
    list_elements();
}

void group::make_missing_elements() {
    const std::uint32_t n = std::max(spec_->size(), children_.empty() ? 0 : children_.back()->index + 1);
    auto list = std::make_shared<std::vector<child_ref>>(); // before any of them: who is there must be in it
    list->reserve(n);
    decltype(children_) were;
    while (control_block* c = children_.pop_front()) were.push_back(c);
    control_block* have = were.front();
    try {
        for (std::uint32_t i = 0; i < n; ++i) {
            if (have != nullptr && have->index == i) {
                have = were.next(have);
                children_.push_back(were.pop_front());
            } else if (i < spec_->size()) {
                children_.push_back(make_element(i, spec_->body));
            }
        }
    } catch (...) {
        while (control_block* c = were.pop_front()) children_.push_back(c);
        throw;
    }
    next_index_ = n;
    list_elements(std::move(list));
}

void group::list_elements() {
    auto all = std::make_shared<std::vector<child_ref>>();
    all->reserve(children_.size());
    list_elements(std::move(all));
}

// It has room for them.
void group::list_elements(std::shared_ptr<std::vector<child_ref>> all) noexcept {
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (resizing_ == nullptr || !resizing_->leaves(*c)) all->push_back(child_ref(c->here()));
    roster_->replace(std::move(all));
}

void group::settle_below(const supervisor_ref& above, const given_from_above& given) {
    above_ = above;
    settle_in(given);
}

void group::take_flags(const given_from_above& given) {
    ask_first_ = given.ask_first;
    stays_ = remakes_ = given.keeps_specs;
    max_children_ = given.max_children;
    shuts_down_ = given.ends;
}

void group::settle_in(const given_from_above& given) {
    take_flags(given);
    if (is_dynamic()) spec_->scope = restart_scope::element;
    if (spec_ == nullptr) return;
    restart_ = spec_->restart.value_or(given.restart.value_or(bastion::restart_strategy()));
    when_ = spec_->when.value_or(given.when.value_or(restart_when::transient));
    // Of a template's child that was temporary nothing is kept that it could be started with again.
    const bool stay_temporary = is_dynamic();
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c))
        if (!(stay_temporary && c->policy == restart_when::temporary)) set_policy(*c, when_);
}

// In its own turn. What others read of the spec stays: the name, and where it was written.
void group::describe_anew(group_spec& as, const given_from_above& given) {
    spec_->body = std::move(as.body);
    spec_->dynamic = std::move(as.dynamic);
    spec_->kind = as.kind;
    spec_->redundancy = as.redundancy;
    spec_->callbacks = std::move(as.callbacks);
    spec_->restart = as.restart;
    spec_->when = as.when;
    spec_->scope = as.scope;
    spec_->start = as.start;
    spec_->start_timeout = as.start_timeout;
    spec_->stop = as.stop;
    spec_->box = as.box;
    spec_->bounds = as.bounds;
    spec_->make_data = std::move(as.make_data);
    spec_->data_type = as.data_type;
    spec_->data_type_name = as.data_type_name;
    spec_->data_on_panic = as.data_on_panic;
    spec_->significant = as.significant;
    settle_in(given);
}

const bastion::callbacks& group::callbacks_of(control_block&) const noexcept {
    return spec_ != nullptr ? spec_->callbacks : no_callbacks;
}

bastion::shutdown group::element_shutdown() const noexcept {
    const auto usual = bastion::shutdown::within(home_.shutdown_timeout);
    return spec_ != nullptr ? spec_->stop.value_or(usual) : usual;
}

std::string group::child_name(control_block& child) const {
    if (is_main(child)) return "main";
    return std::to_string(child.index);
}

// Its next incarnation is as the group is described now: another body, also of the other kind; another object when that has another
// type. False: its factory has thrown.
bool group::describe_element(control_block& child) {
    if (spec_ == nullptr) return true; // what a spawn gave it is its own, as is what a template gave
    if (process_body* const body = spec_->body.get(); body != nullptr && body != child.body) {
        body->add_owner();
        std::exchange(child.body, body)->drop_owner();
        child.kind = spec_->kind;
    }
    const cold_part* const cold = cold_if_any(child);
    const void* const has = cold != nullptr ? cold->data.type : nullptr;
    if (has == spec_->data_type || (has != nullptr && !spec_->body)) return true;
    const users_code here;
    try {
        user_data made{{}, spec_->data_type, spec_->data_type_name};
        if (spec_->make_data) made.object = spec_->make_data();
        cold_of(child).data = std::move(made);
        return true;
    } catch (...) {
        child.reason = reason_of_current_exception();
        return false;
    }
}

bool group::launch(control_block& child, bool again) {
    if (!describe_element(child)) return false;
    if (again) {
        if (cold_part* cold = cold_if_any(child)) {
            cold->trap_stop = cold->trap_exit = cold->stop_trapped = false;
            cold->exit_with.reset();
            cold->extra = {};
            {
                const std::lock_guard lock(cold->stopper_lock);
                cold->stopper.reset();
            }
            if (spec_->make_data && spec_->data_on_panic == on_panic::rebuild && child.reason.is_fault()) {
                const users_code here;
                try {
                    cold->data.object = spec_->make_data();
                } catch (...) {
                    child.reason = reason_of_current_exception();
                    return false;
                }
            }
        }
        if (spec_->box.clears_on_restart()) clear_mail(child);
        // Last: what clears the mail may take a mark whose signal is there by now.
        look_at_lane(child); // an exit signal that came since the last incarnation was for nobody
        child.signals.clear(signal_flags::stop | signal_flags::kill | signal_flags::limit);
    }
    child.started_sent = false;
    child.wait_ready = waits_for_ready();
    if (child.wait_ready) arm(child, request_kind::start_timeout, spec_->start_timeout.value_or(home_.start_timeout));
    schedule_block(child, this_thread());
    return true;
}

void group::restart(control_block& child) {
    if (!ask_first_) return restart_now(child);
    asked_.push_back(child.here());
    if (spec_->scope == restart_scope::group && asked_.size() > 1) return; // one scope counts once
    control_block* parent = self_.owner.now();
    request_ptr r = make_request(request_kind::restart_wanted, parent->here());
    r->child = self_.here();
    r->reason = child.reason;
    r->name = said([&] { return name_ + "/" + child_name(child); });
    r->apart = spec_->scope == restart_scope::element;
    send(std::move(r));
}

// Tells the supervisor that the restarts it waits for are done: started, given up, or put off.
void group::on_progress() {
    if (!proceeding_ || !asked_.empty()) return; // what it asked for meanwhile belongs to the answer
    for (const address& a : *proceeding_) {
        if (!a.block->lives(a.generation)) continue;
        const child_state s = state_of(*a.block);
        if (s == child_state::starting || s == child_state::down) return;
    }
    proceeding_.reset();
    control_block* parent = self_.owner.now();
    request_ptr r = make_request(request_kind::proceeded, parent->here());
    r->child = self_.here();
    send(std::move(r));
}

void group::note_start(control_block& child) {
    const cold_part* const cold = cold_if_any(child);
    if (&child != children_.front() || cold == nullptr || cold->extra.object == nullptr) return;
    user_data said = cold->extra;
    const std::lock_guard lock(extra_lock_);
    std::swap(extra_, said);
}

void group::restart_now(control_block& child) {
    if (spec_->scope == restart_scope::element) {
        clear(child, child_flag::in_plan);
        return start_child(child);
    }
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) set(*c, child_flag::in_plan);
    plan_restart_of_marked();
}

void group::on_request(owner_request& r) {
    if (r.what == request_kind::resize) return resize();
    if (r.what == request_kind::respec) {
        const order_request& change = order_of(r);
        return change.group_spec ? describe_anew(*change.group_spec, change.given) : take_flags(change.given);
    }
    if (r.what == request_kind::proceed && running_) return on_proceed(r);
    asked_.clear();
}

void group::on_proceed(const owner_request& r) {
    const pooled_vector<address> waiting = std::exchange(asked_, {});
    if (r.apart) {
        if (!proceeding_) proceeding_.emplace();
        proceeding_->insert(proceeding_->end(), waiting.begin(), waiting.end());
    }
    for (const address& a : waiting) {
        if (!a.block->lives(a.generation) || state_of(*a.block) != child_state::down) continue;
        if (phase_ == phase::idle) restart_now(*a.block);
        else restarts_due_.push_back(a);
    }
    on_progress();
}

// Only temporary elements are adopted: the others are made with their group.
void group::adopt(control_block& child) {
    child.index = above_it_->spawned->index_by_lane();
    child.policy = restart_when::temporary;
    if (!running_) {
        // Its supervisor stops, to start again: who spawned it may be waited for, and may wait for it.
        if (listed_ && child.from_below) return turn_away(child);
        set_state(child, child_state::unborn);
        children_.push_back(&child);
        return;
    }
    children_.push_back(&child);
    (void)starts_unawaited(child);
}

// Processes that were spawned one by one have nothing to do with one another: none waits for the first suspension of another.
bool group::starts_unawaited(control_block& child) {
    if (!is_implicit()) return false;
    is_up(child);
    schedule_block(child, this_thread());
    return true;
}

void group::admit() noexcept {
    if (is_implicit()) above_it_->spawned->open();
}
void group::admit_no_more() noexcept {
    if (!is_implicit()) return;
    above_it_->spawned->close();
    list_all();
}
void group::list_all() noexcept {
    if (is_implicit()) above_it_->spawned->take_all(children_);
}
void group::list(control_block& child) noexcept {
    if (is_implicit()) above_it_->spawned->take(child, children_);
}
bool group::lists(const address& child) noexcept {
    if (!is_implicit()) return owner::lists(child);
    return above_it_->spawned->take_if(*child.block, children_, [&] { return owner::lists(child); });
}

void group::on_empty() {
    if (spec_ == nullptr || is_dynamic() || (resizing_ != nullptr && resizing_->missing() > 0)) return;
    ended_by_itself_ = true;
    ending_for_good_ = ending_for_good_ || !stays_;
    running_ = false;
    phase_ = phase::ending;
}

void group::pass_on(broadcast_source& source) {
    list_all();
    thread_state& thread = this_thread();
    for (auto* c = children_.front(); c != nullptr; c = children_.next(c)) {
        envelope* e = source.make();
        e->sender = address();
        (void)push_envelope(c->here(), e, thread);
    }
}

} // namespace bastion::detail
