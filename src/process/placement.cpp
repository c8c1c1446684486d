#include <bastion/executor/executor.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/placement.hpp>

namespace bastion::detail {
namespace {

// Of a node by its number; 0: none of the workers is there.
[[nodiscard]] std::uint16_t home_at(int number, const executor& on) noexcept {
    for (std::size_t home = 1; home <= on.nodes(); ++home)
        if (on.node_at(home).number == number) return static_cast<std::uint16_t>(home);
    return 0;
}

// Where another process is at home, or its memory lies; 0: it is nobody. Of one that is nowhere in particular always the same one of the nodes, so that those who
// are to be near it are near one another. A block can be looked at for ever.
[[nodiscard]] std::uint16_t home_near(const address& who, const executor& on) noexcept {
    control_block* const b = who.block;
    if (b == nullptr) return 0;
    const std::uint16_t its = std::atomic_ref(b->node).load(std::memory_order_relaxed);
    if (b->lives(who.generation) && b->home == on.home() && its != 0) return its;
    if (const memory_home memory = home_of(b); memory != no_home)
        for (std::size_t home = 1; home <= on.nodes(); ++home)
            if (on.memory_of(home) == memory) return static_cast<std::uint16_t>(home);
    return static_cast<std::uint16_t>(1 + reinterpret_cast<std::uintptr_t>(b) / sizeof(control_block) % on.nodes());
}

} // namespace

placed place(const placement& p, executor& on) noexcept {
    if (p.what() == placement::kind::any || on.nodes() == 1) return {};
    const std::uint16_t home = p.what() == placement::kind::spread ? on.next_home()
                               : p.what() == placement::kind::node ? home_at(p.number(), on)
                                                                   : home_near(p.whom(), on);
    if (home == 0) return {};
    return {home, p.is_bound(), on.memory_of(home)};
}

std::string mistake_in(const placement& p, const executor& on) {
    if (p.what() == placement::kind::near && p.whom().block == nullptr)
        return "placement::near a ref that names nobody";
    if (p.what() != placement::kind::node || home_at(p.number(), on) != 0) return {};
    std::string nodes;
    for (std::size_t home = 1; home <= on.nodes(); ++home)
        nodes += (home == 1 ? "" : ", ") + std::to_string(on.node_at(home).number);
    return "placement::node(" + std::to_string(p.number()) + "): the runtime has workers on node" +
           (on.nodes() == 1 ? " " : "s ") + nodes;
}

} // namespace bastion::detail
