// `children_ref` and `supervisor_ref`: names for a group and for a supervisor.
//
// Values, copied freely, safe when stale, usable from any thread.
#ifndef BASTION_SUPERVISION_REFS_HPP
#define BASTION_SUPERVISION_REFS_HPP

#include <bastion/base/spin_lock.hpp>
#include <bastion/mailbox/answer.hpp>
#include <bastion/supervision/spec.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace bastion {

struct child_counts;
struct child_info;
struct snapshot;
class partitions;
class partitions_ref;
class snapshot_limits;

namespace detail {

// What start_child may give to a template.
template <class... Args>
concept are_arguments = (!std::is_same_v<Args, children> && ...) && (!std::is_same_v<Args, supervisor> && ...) &&
                        (!std::is_same_v<Args, partitions> && ...);

// Makes the envelopes of one broadcast; shared by all owners that pass it on.
class broadcast_source : public ref_counted {
public:
    [[nodiscard]] virtual envelope* make() = 0;
};
template <class T>
class typed_broadcast final : public broadcast_source {
public:
    template <class U>
    explicit typed_broadcast(U&& value) : value_(std::forward<U>(value)) {}
    [[nodiscard]] envelope* make() override { return value_.envelope_for_one(); }
    [[nodiscard]] const T& value() const noexcept { return value_.value(); }

private:
    broadcaster<T> value_;
};

BASTION_API void request_stop(address owner, bool kill) noexcept;
BASTION_API void request_broadcast(address owner, shared<broadcast_source> what);
// A cell that completes when the owner (or its element `child`) counts as started.
// `fate`: what became of the owner, if it is gone; may be null.
struct owner_fate;
// Where what is spawned as a function or a task goes: the implicit group of a supervisor, and what that one's refs share.
struct birthplace {
    address temporaries;
    const owner_fate* fate = nullptr;
};
[[nodiscard]] BASTION_API pending_answer watch_started(address owner, address child, const owner_fate* fate = nullptr);
[[nodiscard]] BASTION_API address owner_of(address child) noexcept;

// The elements of a group: replaced as a whole when their number changes. Any thread.
class roster {
public:
    using list = std::shared_ptr<const std::vector<child_ref>>;

    [[nodiscard]] list now() const noexcept {
        const std::lock_guard lock(lock_);
        return list_;
    }
    void replace(list with) noexcept {
        const std::lock_guard lock(lock_);
        list_.swap(with); // what it was is freed without the lock
    }

private:
    mutable spin_lock lock_;
    list list_;
};

[[noreturn]] BASTION_API BASTION_COLD void throw_no_element(std::size_t i, std::size_t size);

} // namespace detail

class children_ref {
public:
    children_ref() noexcept = default;
    // `changing`: null for a group that keeps its elements.
    children_ref(detail::address group, detail::roster::list elements, std::shared_ptr<const detail::owner_fate> fate,
        std::shared_ptr<const detail::roster> changing = nullptr) noexcept
        : group_(group), elements_(std::move(elements)), fate_(std::move(fate)), changing_(std::move(changing)) {}

    // The same group with the elements that it has now. A ref names those that there were when it was made, which only
    // differs for a group with a resizer, and where one was given up.
    [[nodiscard]] children_ref current() const noexcept {
        return changing_ ? children_ref(group_, changing_->now(), fate_, changing_) : *this;
    }

    // The i-th element; the refs stay good across restarts, but for one that was given up (on_stuck::abandon_worker). Throws std::out_of_range from size() on: a ref that names no group has none.
    [[nodiscard]] child_ref operator[](std::size_t i) const {
        if (i >= size()) detail::throw_no_element(i, size());
        return (*elements_)[i];
    }
    [[nodiscard]] std::size_t size() const noexcept { return elements_ ? elements_->size() : 0; }
    [[nodiscard]] auto begin() const noexcept { return elements_ ? elements_->begin() : none().begin(); }
    [[nodiscard]] auto end() const noexcept { return elements_ ? elements_->end() : none().end(); }

    // One shared value for all elements that there are now; returns how many mailboxes took it.
    template <class M>
    std::size_t broadcast(M&& m) const {
        detail::broadcaster<detail::sent_as_t<M>> all(std::forward<M>(m));
        std::size_t taken = 0;
        for (const child_ref& c : current())
            if (all.to(c) == delivery::accepted) ++taken;
        return taken;
    }
    // The group stops its elements in reverse start order and ends. Idempotent.
    void stop() const noexcept { detail::request_stop(group_, false); }
    void kill() const noexcept { detail::request_stop(group_, true); }
    // When it counts as started; an error says why it never will.
    [[nodiscard]] answer<void> started() const { return answer<void>(detail::watch_started(group_, {}, fate_.get())); }
    [[nodiscard]] bool alive() const noexcept { return child_ref(group_).alive(); }
    [[nodiscard]] detail::address where() const noexcept { return group_; }

private:
    [[nodiscard]] static const std::vector<child_ref>& none() noexcept {
        static const std::vector<child_ref> empty;
        return empty;
    }
    detail::address group_;
    detail::roster::list elements_;
    std::shared_ptr<const detail::owner_fate> fate_;
    std::shared_ptr<const detail::roster> changing_;
};

class supervisor_ref {
public:
    supervisor_ref() noexcept = default;
    supervisor_ref(
        detail::address self, detail::address temporaries, std::shared_ptr<const detail::owner_fate> fate) noexcept
        : self_(self), temporaries_(temporaries), fate_(std::move(fate)) {}

    // A process function: a temporary element of this supervisor. From any thread; on a worker of its runtime the new process is one that may
    // run at once, and no turn of the supervisor is needed for its start or its normal end. What one process spawns stops in the reverse order of its spawns.
    template <class F>
    child_ref spawn(F&& body, source_location where = source_location::current()) const;
    template <class F>
    child_ref spawn(F&& body, const placement& at, source_location where = source_location::current()) const;
    template <class T>
    join_handle<T> spawn(task<T>&& t, source_location where = source_location::current()) const;
    template <class T>
    join_handle<T> spawn(task<T>&& t, const placement& at, source_location where = source_location::current()) const;
    BASTION_API children_ref spawn(children&& group) const;
    BASTION_API supervisor_ref spawn(supervisor&& tree) const;
    partitions_ref spawn(bastion::partitions&& all) const; // see partitions.hpp

    // To every element below, now and in order with other changes of the tree.
    template <class M>
    void broadcast(M&& m) const {
        using T = detail::sent_as_t<M>;
        detail::request_broadcast(
            self_, detail::shared<detail::broadcast_source>(new detail::typed_broadcast<T>(std::forward<M>(m))));
    }
    void stop() const noexcept { detail::request_stop(self_, false); }
    void kill() const noexcept { detail::request_stop(self_, true); }
    // When it counts as started; an error says why it never will.
    [[nodiscard]] answer<void> started() const { return answer<void>(detail::watch_started(self_, {}, fate_.get())); }
    // Its children, in start order (see look.hpp).
    [[nodiscard]] answer<std::vector<child_info>> which_children() const;
    // The child of that name: errc::not_found.
    [[nodiscard]] answer<child_info> which_child(std::string_view id) const;
    // The child that is or has this one; of a template: that one. errc::not_found: it is another's, or has ended.
    [[nodiscard]] answer<child_info> which_child(const child_ref& process) const;
    [[nodiscard]] answer<child_info> which_child(const children_ref& group) const;
    [[nodiscard]] answer<child_info> which_child(const supervisor_ref& below) const;
    [[nodiscard]] answer<child_counts> count_children() const;
    // Its partitions, if it was spawned as partitions (see partitions.hpp).
    [[nodiscard]] answer<partitions_ref> partitions() const;
    // Changing its children (see manage.hpp). What is started is given, as to spawn; the others are named.
    answer<child_info> start_child(children&& group) const;
    answer<child_info> start_child(supervisor&& tree) const;
    answer<child_info> restart_child(std::string_view id) const;
    answer<void> terminate_child(std::string_view id) const;
    answer<void> delete_child(std::string_view id) const;
    answer<void> reconfigure(supervisor&& as) const;
    // Children made from a template (see dynamic.hpp).
    template <class... Args>
        requires(detail::are_arguments<Args...>)
    answer<child_info> start_child(Args... args) const;
    answer<void> terminate_child(const child_ref& child) const;
    answer<void> terminate_child(const supervisor_ref& child) const;
    // It and what is below it (see snapshot.hpp): errc::noproc when it has ended. Throws std::bad_alloc, and asks nobody.
    [[nodiscard]] answer<bastion::snapshot> snapshot() const;
    [[nodiscard]] answer<bastion::snapshot> snapshot(const snapshot_limits& limits) const;
    [[nodiscard]] bool alive() const noexcept { return child_ref(self_).alive(); }
    [[nodiscard]] detail::address where() const noexcept { return self_; }
    // Good as long as this ref, or a copy of it.
    [[nodiscard]] detail::birthplace temporaries() const noexcept { return {temporaries_, fate_.get()}; }

private:
    detail::address self_;
    detail::address temporaries_;
    std::shared_ptr<const detail::owner_fate> fate_;
};

inline answer<void> child_ref::started() const {
    return answer<void>(detail::watch_started(detail::owner_of(address_), address_));
}

} // namespace bastion

#endif
