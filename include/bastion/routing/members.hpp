// Sets of processes that messages are sent to: what distributors, dispatchers and topics have in common.
//
// A set has a name within its runtime. A process is a member from its joining until it leaves, is taken out or ends;
// nobody has to look after that. Any thread may do anything at any time.
// Cost: `next`, a joining and a leaving are O(1) under a short lock; whoever sends to all takes a copy of the list.
#ifndef BASTION_ROUTING_MEMBERS_HPP
#define BASTION_ROUTING_MEMBERS_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/supervision/membership.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bastion {

class dispatcher_handler;
enum class notification : std::uint8_t;

namespace detail {

class BASTION_API member_set final : public membership {
public:
    // Null: of no runtime.
    explicit member_set(std::string name, runtime_home* home = nullptr) : name_(std::move(name)), home_(home) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool has(const child_ref& who) const noexcept;
    // Where it belongs: null when that is gone. A handle may outlive it.
    [[nodiscard]] runtime_home* home() const noexcept { return home_.load(); }
    void leave_home() noexcept { home_.store(nullptr); }
    // In turn, one that is alive; nobody if none is.
    [[nodiscard]] child_ref next() noexcept;
    // In the order of their joining, but that the last one takes the place of one that leaves.
    [[nodiscard]] std::vector<child_ref> all() const;

    // A process that makes itself a member leaves when it is restarted, one that another makes a member when it ends for
    // good: also if it had made itself one. False: it has ended. Whoever is a member already stays one.
    bool join(const child_ref& who);
    // An element that its group has just made.
    void join_unborn(control_block& element);
    // False: it is no member.
    bool part(const child_ref& who) noexcept;
    void leave(const child_ref& who, std::uint64_t number) noexcept override;

    // Of a dispatcher: the first one that is given stays.
    [[nodiscard]] std::shared_ptr<dispatcher_handler> handler() const;
    void set_handler(std::shared_ptr<dispatcher_handler> h);
    // What that handler has thrown, and what comes of it. The runtime stands.
    void report(runtime_home& home, const exit_reason& why, std::string_view next) const noexcept;

private:
    struct member {
        child_ref who;
        std::uint64_t number; // of its joining
        std::uint64_t own; // while a membership of its own is made one of its element: the number that it had; else 0
        bool of_element; // stays over restarts
    };
    enum class bond : std::uint8_t { none, own, of_element };
    [[nodiscard]] bool add(const child_ref& who, std::uint64_t number, bool of_element);
    // Makes its own membership one of its element, by that number. Protocol in members.cpp.
    bool give(const child_ref& who, std::uint64_t number);
    // What it was; if that was a membership of its own, then it is one of its element from now on.
    [[nodiscard]] bond begin_giving(const child_ref& who, std::uint64_t number, std::uint64_t& own) noexcept;
    // Its process will remember it by that number.
    void finish_giving(const child_ref& who, std::uint64_t number) noexcept;
    // It will not: the membership is its own again, or gone, if its own has ended meanwhile. True: gone by this.
    [[nodiscard]] bool take_back(const child_ref& who, std::uint64_t number) noexcept;
    // By that joining.
    [[nodiscard]] bool is_member(const child_ref& who, std::uint64_t number) const noexcept;
    // Without a word to the handler. False: it is no member by that joining.
    bool remove(const child_ref& who, std::uint64_t number) noexcept;
    void erase(std::size_t place) noexcept;
    // What the handler throws is reported.
    void tell_handler(const child_ref& who, notification what) noexcept;

    const std::string name_;
    std::atomic<runtime_home*> home_;
    mutable spin_lock lock_; // guards all that follows
    std::vector<member> members_;
    std::unordered_map<child_ref, std::size_t> places_;
    std::size_t turn_ = 0; // whose turn it is
    std::shared_ptr<dispatcher_handler> handler_;
};

enum class set_kind : std::uint8_t { distributor, topic, dispatcher };

// The set of that name in a runtime; made when there is none.
[[nodiscard]] BASTION_API shared<member_set> find_set(runtime_home& home, set_kind kind, std::string_view name);

// Ends what was sent to a set that has no members: a dead letter of the runtime that it is sent from, if that is by a
// process, else of `home`, if that stands.
BASTION_API void lose(runtime_home* home, envelope* e) noexcept;

// Calls `f` for each, with the lines that a message to the next ones touches on their way into the cache: the members of
// a big set lie in none, and the locked step of one send waits for all loads before it.
template <class F>
void for_each_ahead(const std::vector<child_ref>& whom, F&& f) {
    constexpr std::size_t ahead = 6;
    for (std::size_t i = 0; i < whom.size(); ++i) {
        if (i + ahead < whom.size())
            if (const control_block* b = whom[i + ahead].where().block; b != nullptr) {
                __builtin_prefetch(b, 1);
                __builtin_prefetch(&b->inbox, 1);
                __builtin_prefetch(&b->own_slot, 1);
            }
        f(whom[i]);
    }
}

// A handle to a set: a value, copied freely, good for ever. When the runtime is gone the set is empty.
class set_handle {
public:
    set_handle() noexcept = default;
    explicit set_handle(shared<member_set> set) noexcept : set_(std::move(set)) {}

    [[nodiscard]] std::string_view name() const noexcept { return set_ ? std::string_view(set_->name()) : ""; }
    // How many are members now.
    [[nodiscard]] std::size_t size() const noexcept { return set_ ? set_->size() : 0; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool contains(const child_ref& who) const noexcept { return set_ && set_->has(who); }
    [[nodiscard]] std::vector<child_ref> members() const { return set_ ? set_->all() : std::vector<child_ref>(); }
    // Makes `who` a member, until it ends for good; if it is the caller itself, until it ends or is restarted, unless
    // another makes it a member, too. Once is enough. False: it has ended.
    bool subscribe(const child_ref& who) const { return set_ && set_->join(who); }
    // Also from inside a handler of the member. False: it was none.
    bool unsubscribe(const child_ref& who) const noexcept { return set_ && set_->part(who); }

protected:
    [[nodiscard]] child_ref next() const noexcept { return set_ ? set_->next() : child_ref(); }
    [[nodiscard]] runtime_home* home() const noexcept { return set_ ? set_->home() : nullptr; }

    shared<member_set> set_; // null: a handle that names nothing
};

} // namespace detail
} // namespace bastion

#endif
