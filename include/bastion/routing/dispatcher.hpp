// Dispatchers: a message is given to a group by way of its dispatcher, which decides who of the group gets it.
//
//   ctx.spawn(bastion::children().with_redundancy(3).with_dispatcher("workers").with_exec(work));
//   ctx.broadcast_message(bastion::broadcast_target::group("workers"), job{});   // one of the three, in turn
//
// The usual handler gives each message to the next member in turn. A handler of one's own may give it to several, to
// none, or choose by what it says. Any thread runs it, perhaps several at once: where the message is sent, where a group
// is spawned (its members join), on the turn of a group (a member ends for good: it leaves), where ctx.notify is called.
// A message that nobody is given because no dispatcher that it is for has members, or because there is none, is one dead
// letter, from any thread. One that a handler gives to none of its members is not.
// What it throws hits none of these: it is reported as a fault is, with the name of the dispatcher, and that is all.
#ifndef BASTION_ROUTING_DISPATCHER_HPP
#define BASTION_ROUTING_DISPATCHER_HPP

#include <bastion/mailbox/send.hpp>
#include <bastion/routing/members.hpp>
#include <bastion/supervision/refs.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion {

namespace detail {
// What dispatchers have done with a message so far.
struct dispatching {
    bool given = false; // to somebody
    bool missed = false; // it was to be given to nobody: whoever was a member has ended
};
} // namespace detail

// What a handler is told about a member.
enum class notification : std::uint8_t {
    joined, // by the library: it has come
    left, // by the library: it has left or ended
    attention // by ctx.notify: whatever the program means by it
};

// Who belongs to a dispatcher, as its handler sees it.
class recipients {
public:
    explicit recipients(detail::member_set& set) noexcept : set_(&set) {}
    // In turn; nobody when there is none.
    [[nodiscard]] child_ref next() const noexcept { return set_->next(); }
    [[nodiscard]] std::vector<child_ref> all() const { return set_->all(); }
    [[nodiscard]] std::size_t size() const noexcept { return set_->size(); }

private:
    detail::member_set* set_;
};

// The message that a handler decides about: shared and const, received as a broadcast.
class dispatched_message {
public:
    dispatched_message(
        detail::broadcast_source& source, const void* value, const void* type, detail::dispatching& so_far) noexcept
        : source_(&source), value_(value), type_(type), so_far_(&so_far) {}

    // The value, if it is a T.
    template <class T>
    [[nodiscard]] const T* get() const noexcept {
        static_assert(detail::check_received<T>());
        return type_ == &detail::meta_object<T> ? static_cast<const T*>(value_) : nullptr;
    }
    // Gives it to one member; may be done again. To nobody (`members.next()` of none): delivery::noproc.
    BASTION_API delivery to(const child_ref& who) const;

private:
    detail::broadcast_source* source_;
    const void* value_;
    const void* type_;
    detail::dispatching* so_far_;
};

class BASTION_API dispatcher_handler {
public:
    dispatcher_handler() = default;
    dispatcher_handler(const dispatcher_handler&) = delete;
    dispatcher_handler& operator=(const dispatcher_handler&) = delete;
    virtual ~dispatcher_handler();
    // A member has come or gone, or somebody has called ctx.notify. Keep it short: who leaves is told of on the turn of its
    // group, which starts, stops and restarts nobody meanwhile. If it throws, the member has come or gone all the same, and
    // ctx.notify goes on to the other dispatchers.
    virtual void notify(const child_ref& who, const recipients& members, notification what);
    // Returns how many mailboxes took the message. By itself: gives it to the next in turn. If it throws, it counts as
    // having taken nothing, the sender goes on, and so does the message, to the other dispatchers that it is for.
    virtual std::size_t broadcast_message(const recipients& members, const dispatched_message& message);
};

// Which dispatchers a message is for.
class broadcast_target {
public:
    // Every dispatcher of the runtime, those without a name too.
    [[nodiscard]] static broadcast_target all() { return broadcast_target({}, true); }
    // The one of that name.
    [[nodiscard]] static broadcast_target group(std::string name) { return broadcast_target(std::move(name), false); }

    [[nodiscard]] bool is_all() const noexcept { return all_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    broadcast_target(std::string name, bool all) : name_(std::move(name)), all_(all) {}
    std::string name_;
    bool all_;
};

// What with_dispatcher is given. Groups that name the same dispatcher share it; the first handler that is given stays.
class [[nodiscard]] dispatcher {
public:
    [[nodiscard]] static dispatcher named(std::string name) { return dispatcher(std::move(name)); }
    // Reached by broadcast_target::all() only; each group has its own.
    [[nodiscard]] static dispatcher anonymous() { return dispatcher({}); }

    dispatcher& with_handler(std::shared_ptr<dispatcher_handler> h) & { return handler_ = std::move(h), *this; }
    dispatcher with_handler(std::shared_ptr<dispatcher_handler> h) && { return with_handler(std::move(h)), *this; }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::shared_ptr<dispatcher_handler>& handler() const noexcept { return handler_; }

private:
    explicit dispatcher(std::string name) : name_(std::move(name)) {}
    std::string name_; // empty: anonymous
    std::shared_ptr<dispatcher_handler> handler_;
};

namespace detail {

BASTION_API std::size_t dispatch(
    runtime_home& home, const broadcast_target& target, broadcast_source& source, const void* value, const void* type);
BASTION_API void notify_dispatchers(runtime_home& home, const broadcast_target& target, const child_ref& who);

template <class M>
std::size_t dispatch_value(runtime_home& home, const broadcast_target& target, M&& m) {
    using T = sent_as_t<M>;
    const shared<typed_broadcast<T>> source(new typed_broadcast<T>(std::forward<M>(m)));
    return dispatch(home, target, *source, &source->value(), &meta_object<T>);
}

} // namespace detail
} // namespace bastion

#endif
