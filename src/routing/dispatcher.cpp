#include "routing/directory.hpp"

#include <bastion/process/home.hpp>
#include <bastion/process/panic.hpp>
#include <bastion/routing/dispatcher.hpp>
#include <bastion/supervision/spec.hpp>

namespace bastion {

delivery dispatched_message::to(const child_ref& who) const {
    if (who == child_ref()) {
        so_far_->missed = true;
        return delivery::noproc;
    }
    const delivery done = detail::deliver(who.where(), source_->make());
    so_far_->given = true;
    return done;
}

namespace detail {
namespace {

// What the usual handler does.
std::size_t give_to_next(const recipients& members, const dispatched_message& message) {
    return message.to(members.next()) == delivery::accepted ? 1 : 0;
}

} // namespace
} // namespace detail

dispatcher_handler::~dispatcher_handler() = default;
void dispatcher_handler::notify(const child_ref&, const recipients&, notification) {}
std::size_t dispatcher_handler::broadcast_message(const recipients& members, const dispatched_message& message) {
    return detail::give_to_next(members, message);
}

namespace detail {
namespace {

std::vector<shared<member_set>> targets(directory& names, const broadcast_target& target) {
    if (target.is_all()) return names.all_dispatchers();
    if (auto one = names.dispatcher_of(target.name())) return {std::move(one)};
    return {};
}

// What with_distributor, with_topic and with_dispatcher say.
class set_wish final : public membership_wish {
public:
    set_wish(set_kind kind, std::string name, std::shared_ptr<dispatcher_handler> handler = {})
        : kind_(kind), name_(std::move(name)), handler_(std::move(handler)) {}

    void enter(runtime_home& home, control_block& element) override {
        if (!set_) {
            directory& names = *home.hooks.names;
            set_ = name_.empty() ? names.new_anonymous_dispatcher() : names.set_of(kind_, name_, home);
            if (handler_ != nullptr) set_->set_handler(handler_);
        }
        set_->join_unborn(element);
    }

private:
    const set_kind kind_;
    const std::string name_;
    const std::shared_ptr<dispatcher_handler> handler_;
    shared<member_set> set_; // once the group is made
};

std::unique_ptr<membership_wish> named_wish(const char* setter, set_kind kind, std::string name) {
    if (name.empty()) throw bad_spec(std::string("bastion: ") + setter + " needs a name");
    return std::make_unique<set_wish>(kind, std::move(name));
}

} // namespace

std::size_t dispatch(
    runtime_home& home, const broadcast_target& target, broadcast_source& source, const void* value, const void* type) {
    const visit standing(home);
    dispatching so_far;
    const dispatched_message m(source, value, type, so_far);
    std::size_t taken = 0;
    bool decided = false; // by a handler that has members and gives it to none of them
    for (const auto& set : standing ? targets(*home.hooks.names, target) : std::vector<shared<member_set>>()) {
        const recipients members(*set);
        const auto h = set->handler();
        if (h == nullptr) {
            taken += give_to_next(members, m);
            continue;
        }
        const bool any = members.size() != 0;
        so_far.missed = false;
        // What a handler throws is no fault of who sends, nor of the dispatchers after it.
        try {
            taken += h->broadcast_message(members, m);
            decided = decided || (any && !so_far.missed);
        } catch (...) {
            set->report(home, reason_of_current_exception(), "its handler threw; it counts as having taken nothing");
            decided = true;
        }
    }
    if (!so_far.given && !decided) lose(&home, source.make());
    return taken;
}

void notify_dispatchers(runtime_home& home, const broadcast_target& target, const child_ref& who) {
    for (const auto& set : targets(*home.hooks.names, target)) {
        const auto h = set->handler();
        if (h == nullptr) continue;
        try {
            h->notify(who, recipients(*set), notification::attention);
        } catch (...) {
            set->report(home, reason_of_current_exception(), "its handler threw; the notice goes on to the others");
        }
    }
}

} // namespace detail

children& children::with_distributor(std::string name) & {
    spec_->memberships.push_back(
        detail::named_wish("with_distributor", detail::set_kind::distributor, std::move(name)));
    return *this;
}
children& children::with_topic(std::string name) & {
    spec_->memberships.push_back(detail::named_wish("with_topic", detail::set_kind::topic, std::move(name)));
    return *this;
}
children& children::with_dispatcher(std::string name) & {
    spec_->memberships.push_back(detail::named_wish("with_dispatcher", detail::set_kind::dispatcher, std::move(name)));
    return *this;
}
children& children::with_dispatcher(const bastion::dispatcher& d) & {
    spec_->memberships.push_back(
        std::make_unique<detail::set_wish>(detail::set_kind::dispatcher, d.name(), d.handler()));
    return *this;
}
children children::with_dispatcher(const bastion::dispatcher& d) && { return with_dispatcher(d), std::move(*this); }

void context::notify(const broadcast_target& target) const {
    detail::require_running(*block_, "ctx.notify");
    detail::notify_dispatchers(*block_->home, target, self());
}

} // namespace bastion
