#include <bastion/process/body.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/panic.hpp>
#include <bastion/routing/dispatcher.hpp>
#include <bastion/routing/members.hpp>

#include <mutex>
#include <new>
#include <utility>

namespace bastion::detail {

void lose(runtime_home* home, envelope* e) noexcept {
    control_block* const here = running_block();
    e->sender = here != nullptr ? here->here() : address();
    if (here != nullptr) {
        --here->budget; // as for a message that finds somebody
        return dead_letter(*here->home, e, address(), drop_reason::noproc);
    }
    if (home == nullptr) return dead_letter_there(e, address(), drop_reason::noproc);
    if (const visit inside(*home); inside) return dead_letter(*home, e, address(), drop_reason::noproc);
    end_undelivered(e, errc::noproc);
}

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

bool member_set::add(const child_ref& who, std::uint64_t number, bool of_element) {
    const std::lock_guard guard(lock_);
    if (!places_.emplace(who, members_.size()).second) return false;
    try {
        members_.push_back({who, number, 0, of_element});
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
    const control_block* here = running_block();
    const bool itself = here != nullptr && here == who.where().block;
    if (!add(who, number, !itself)) return itself || give(who, number);
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

// Protocol: giving a membership to an element that is a member by itself already.
// 1. In the set, under its lock: the member gets the new number and counts as the element's; its own number is kept beside.
//    From now on the record that its process has does nothing: it stays a member, whatever happens to the incarnation.
// 2. A record with the new number goes to the process; it outlives restarts.
// 3. Done: its own number is dropped, and its process forgets the first record. Or there is no memory, or the process has
//    ended: then the membership is what it was, unless the first record has come to `leave` meanwhile (which has set `own`
//    to 0): then it is gone.
// Who takes the member out between these steps takes it out of the set; the new record is forgotten as in `join`.
bool member_set::give(const child_ref& who, std::uint64_t number) {
    std::uint64_t own = 0;
    switch (begin_giving(who, number, own)) {
    case bond::of_element: return true;
    case bond::none: return join(who); // it has left meanwhile
    case bond::own: break;
    }
    bool holds = false;
    try {
        holds = leave_at_end(who.where(), *this, number, true);
    } catch (...) {
        if (take_back(who, number)) tell_handler(who, notification::left);
        throw;
    }
    if (!holds) {
        if (remove(who, number)) tell_handler(who, notification::left);
        return false;
    }
    finish_giving(who, number);
    forget_record(who.where(), own);
    if (!is_member(who, number)) forget_record(who.where(), number);
    return true;
}

member_set::bond member_set::begin_giving(const child_ref& who, std::uint64_t number, std::uint64_t& own) noexcept {
    const std::lock_guard guard(lock_);
    const auto found = places_.find(who);
    if (found == places_.end()) return bond::none;
    member& m = members_[found->second];
    if (m.of_element) return bond::of_element;
    own = m.own = std::exchange(m.number, number);
    m.of_element = true;
    return bond::own;
}

void member_set::finish_giving(const child_ref& who, std::uint64_t number) noexcept {
    const std::lock_guard guard(lock_);
    const auto found = places_.find(who);
    if (found != places_.end() && members_[found->second].number == number) members_[found->second].own = 0;
}

bool member_set::take_back(const child_ref& who, std::uint64_t number) noexcept {
    const std::lock_guard guard(lock_);
    const auto found = places_.find(who);
    if (found == places_.end() || members_[found->second].number != number) return false;
    member& m = members_[found->second];
    if (m.own == 0) return erase(found->second), true;
    m.number = std::exchange(m.own, 0);
    m.of_element = false;
    return false;
}

void member_set::join_unborn(control_block& element) {
    const child_ref who(element.here());
    const std::uint64_t number = new_record_number();
    if (!add(who, number, true)) return; // the group names it twice
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
    if (found == places_.end()) return false;
    member& m = members_[found->second];
    if (m.own == number) m.own = 0; // its element's now, or about to be
    if (m.number != number) return false;
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
        runtime_home* const home = home_of(who.where());
        if (home == nullptr) return; // it went long ago, and its runtime with it
        if (const visit standing(*home); standing)
            report(*home, reason_of_current_exception(),
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
