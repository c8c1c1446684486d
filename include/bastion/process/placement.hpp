// Where processes run: on any NUMA node, on one, dealt out to all, or near another process.
//
//     rt.spawn(bastion::children().with_redundancy(8).with_exec(shard).with_placement(bastion::placement::spread()));
//     rt.spawn(log_writer, bastion::placement::node(1));
//     ctx.spawn(helper, bastion::placement::near(ctx.self()));
//     auto sum = ctx.spawn(add_up(numbers), bastion::placement::node(1)); // a task; spawn_child, spawn_link and spawn_monitor, too
//
// A process with a home has its memory there, and is woken there, whoever wakes it. One that is bound never runs elsewhere; its tasks
// that it has forked stay there, too. One that is not runs elsewhere while its node has no worker free and another has. A process keeps its home over
// restarts, and a snapshot shows it. On a machine with one node, or with workers on one only, all of it means `any`; a node that is named must be
// there. A value; any thread.
// Cost: with workers on several nodes a test for each time a process is woken; to be woken from another node a short lock.
#ifndef BASTION_PROCESS_PLACEMENT_HPP
#define BASTION_PROCESS_PLACEMENT_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/process/context.hpp>
#include <bastion/process/envelope.hpp>

#include <cstdint>
#include <string>

namespace bastion {

class placement {
public:
    enum class kind : std::uint8_t { any, node, spread, near };

    placement() noexcept = default; // any
    // Wherever somebody has time; who is woken by a worker runs there.
    [[nodiscard]] static placement any() noexcept { return {}; }
    // On that node, by its number in bastion-topology's table: bound, unless it is made soft(). Where no worker of the runtime is on it:
    // bad_spec.
    [[nodiscard]] static placement node(int number) noexcept { return {kind::node, number, {}, true}; }
    // On the node whose turn it is, of all processes of the runtime that are spread.
    [[nodiscard]] static placement spread() noexcept { return {kind::spread, 0, {}, false}; }
    // On the node where that process is at home, or where its memory lies.
    [[nodiscard]] static placement near(const child_ref& process) noexcept {
        return {kind::near, 0, process.where(), false};
    }
    // The same, and never elsewhere.
    [[nodiscard]] placement bound() const noexcept { return {kind_, node_, near_, kind_ != kind::any}; }
    // The same, and elsewhere while its node has no worker free.
    [[nodiscard]] placement soft() const noexcept { return {kind_, node_, near_, false}; }

    [[nodiscard]] kind what() const noexcept { return kind_; }
    [[nodiscard]] int number() const noexcept { return node_; }
    [[nodiscard]] const detail::address& whom() const noexcept { return near_; }
    [[nodiscard]] bool is_bound() const noexcept { return bound_; }
    friend bool operator==(const placement&, const placement&) = default;

private:
    placement(kind k, int node, const detail::address& whom, bool bound) noexcept
        : kind_(k), bound_(bound), node_(node), near_(whom) {}

    kind kind_ = kind::any;
    bool bound_ = false;
    int node_ = 0;
    detail::address near_;
};

namespace detail {

class executor;

// What a placement has become for one process: see runnable::node.
struct placed {
    std::uint16_t node = 0;
    bool bound = false;
    memory_home memory = no_home; // if it has a node
};

// The next one's place, among the nodes of that executor. A placement with a mistake means `any`.
[[nodiscard]] BASTION_API placed place(const placement& p, executor& on) noexcept;
// What is wrong with it there; "": nothing.
[[nodiscard]] BASTION_API std::string mistake_in(const placement& p, const executor& on);

} // namespace detail
} // namespace bastion

#endif
