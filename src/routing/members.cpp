#include <bastion/process/home.hpp>
#include <bastion/process/panic.hpp>
#include <bastion/routing/dispatcher.hpp>
#include <bastion/routing/members.hpp>

#include <mutex>
#include <new>

namespace bastion::detail {

std::size_t member_set::size() const noexcept {
    const std::lock_guard guard(lock_);
    return members_.size();
}

bool member_set::has(const child_ref& who) const noexcept {
    const std::lock_guard guard(lock_);
    return places_.count(who) != 0;
}

child_ref member_set::next() noexcept {
    const std::lock_guard guard(lock_);
    for (std::size_t looked = 0; looked < members_.size(); ++looked) {
        if (turn_ >= members_.size()) turn_ = 0;
        const child_ref who = members_[turn_++].who;
        if (who.alive()) return who; // one that has just ended has not left yet
    }
    return {};
}

std::vector<child_ref> member_set::all() const {
    std::vector<child_ref> found;
    found.reserve(size()); // not under the lock, so that it is short; the number may change meanwhile
    const std::lock_guard guard(lock_);
    for (const member& m : members_) found.push_back(m.who);
    return found;
}

bool member_set::add(const child_ref& who, std::uint64_t number) {
    const std::lock_guard guard(lock_);
    if (!places_.emplace(who, members_.size()).second) return false;
    try {
        members_.push_back({who, number});
    } catch (...) {
        places_.erase(who);
        throw;
    }
    return true;
}

void member_set::erase(std::size_t place) noexcept {
    places_.erase(members_[place].who);
    if (place + 1 != members_.size()) {
        members_[place] = members_.back();
        places_.find(members_[place].who)->second = place;
    }
    members_.pop_back();
}

bool member_set::join(const child_ref& who) {
    if (!who.alive()) return false;
    const std::uint64_t number = new_record_number();
    if (!add(who, number)) return true;
    const control_block* here = running_block();
    const bool itself = here != nullptr && here == who.where().block;
    bool holds = false;
    try {
        holds = leave_at_end(who.where(), *this, number, !itself);
    } catch (...) {
        (void)remove(who, number);
        throw;
    }
    if (!holds) {
        (void)remove(who, number);
        return false;
    }
    // Who took it out meanwhile has asked to forget a record that was not there yet.
    if (!is_member(who, number)) forget_record(who.where(), number);
    tell_handler(who, notification::joined);
    return true;
}

void member_set::join_unborn(control_block& element) {
    const child_ref who(element.here());
    const std::uint64_t number = new_record_number();
    if (!add(who, number)) return; // the group names it twice
    try {
        hold_membership(element, *this, number, true);
    } catch (...) {
        (void)remove(who, number);
        throw;
    }
    tell_handler(who, notification::joined);
}

bool member_set::part(const child_ref& who) noexcept {
    std::uint64_t number = 0;
    {
        const std::lock_guard guard(lock_);
        const auto found = places_.find(who);
        if (found == places_.end()) return false;
        number = members_[found->second].number;
        erase(found->second);
    }
    forget_record(who.where(), number);
    tell_handler(who, notification::left);
    return true;
}

bool member_set::is_member(const child_ref& who, std::uint64_t number) const noexcept {
    const std::lock_guard guard(lock_);
    const auto found = places_.find(who);
    return found != places_.end() && members_[found->second].number == number;
}

bool member_set::remove(const child_ref& who, std::uint64_t number) noexcept {
    const std::lock_guard guard(lock_);
    const auto found = places_.find(who);
    if (found == places_.end() || members_[found->second].number != number) return false;
    erase(found->second);
    return true;
}

void member_set::leave(const child_ref& who, std::uint64_t number) noexcept {
    if (remove(who, number)) tell_handler(who, notification::left);
}

void member_set::tell_handler(const child_ref& who, notification what) noexcept {
    const auto h = handler();
    if (h == nullptr) return;
    try {
        const may_fail users;
        h->notify(who, recipients(*this), what);
    } catch (...) {
        runtime_home& home = *home_of(who.where()); // it is or was a member
        if (const visit standing(home); standing)
            report(home, reason_of_current_exception(),
                what == notification::joined ? "its handler threw; the member has joined all the same"
                                             : "its handler threw; the member has left all the same");
    }
}

void member_set::report(runtime_home& home, const exit_reason& why, std::string_view next) const noexcept {
    std::string whose;
    try {
        whose = name_.empty() ? "a dispatcher without a name" : "the dispatcher \"" + name_ + "\"";
    } catch (const std::bad_alloc&) { whose = "a dispatcher"; } // no longer than fits without an allocation
    if (home.hooks.report != nullptr) home.hooks.report(home.hooks.runtime_data, {whose, why, next, {}});
}

std::shared_ptr<dispatcher_handler> member_set::handler() const {
    const std::lock_guard guard(lock_);
    return handler_;
}

void member_set::set_handler(std::shared_ptr<dispatcher_handler> h) {
    const std::lock_guard guard(lock_);
    if (handler_ == nullptr) handler_ = std::move(h);
}

} // namespace bastion::detail
