// Who of a NUMA node's workers naps: parks for less than a millisecond, unannounced.
//
// For workers that were woken again and again as soon as they slept (worker::nap): who naps is woken by nobody, and looks again by itself. So
// there must be somebody else on its node who is awake, or asleep as it should be (sleepers.hpp) and can be woken: what is bound to the node, or at home
// there, has nobody else. What such a one does not come to, because its turn is long, waits for the end of the nap; so does a timer that another
// thread sets for who naps.
//
// Protocol: who wants to nap counts itself first, and then those of its node that do not sleep: of two that want to at once the second sees the
// first. One that falls asleep meanwhile has announced it, and is woken.
// Thread safety: the node's workers.
#ifndef BASTION_EXECUTOR_NAPS_HPP
#define BASTION_EXECUTOR_NAPS_HPP

#include <bastion/base/atomics.hpp>

#include <atomic>
#include <cstddef>

namespace bastion::detail {

template <class Atomics = std_atomics>
class basic_naps {
public:
    // `others_awake()`: how many other workers of the node do not sleep, and come back from their turns. False: all of these nap.
    template <class OthersAwake>
    [[nodiscard]] bool begin(OthersAwake others_awake) noexcept {
        const std::size_t napping = napping_.fetch_add(1, std::memory_order_acq_rel);
        if (napping < others_awake()) return true;
        end();
        return false;
    }
    void end() noexcept { napping_.fetch_sub(1, std::memory_order_release); } // pairs with begin

private:
    typename Atomics::template atomic<std::size_t> napping_{0};
};

using naps = basic_naps<>;

} // namespace bastion::detail

#endif
