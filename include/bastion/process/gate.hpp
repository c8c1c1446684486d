// The gate through which threads that are no workers of a runtime enter it.
//
// Used by every plain thread that touches a runtime, and by the runtime's destructor. Cost: two read-modify-writes on a
// stripe that few share, and one load. Lives as long as the runtime's home: for ever.
//
// Protocol: a stranger adds itself to a stripe, then looks whether the gate is open; if not it leaves again. The
// destructor closes the gate, then waits until every stripe is zero. Either the stranger sees the closed gate, or the
// destructor sees the stranger (Dekker: all four steps are seq_cst); and what the stranger did inside happens before
// the destructor goes on.
#ifndef BASTION_PROCESS_GATE_HPP
#define BASTION_PROCESS_GATE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

template <std::size_t Stripes = 16, class Atomics = std_atomics>
class basic_gate {
public:
    // False: closed.
    [[nodiscard]] bool enter(std::size_t stripe) noexcept {
        inside_[stripe % Stripes].count.fetch_add(1); // partner: the load in close_and_wait
        if (open_.load()) return true; // partner: the store in close_and_wait
        leave(stripe);
        return false;
    }
    // release: pairs with the load in close_and_wait.
    void leave(std::size_t stripe) noexcept { inside_[stripe % Stripes].count.fetch_sub(1, std::memory_order_release); }
    // release: pairs with the load in enter: who enters sees the runtime that was made.
    void open() noexcept { open_.store(true, std::memory_order_release); }
    void close_and_wait() noexcept {
        open_.store(false);
        for (auto& stripe : inside_)
            while (stripe.count.load() != 0) Atomics::yield();
    }

private:
    struct alignas(cache_line) stripe_count {
        typename Atomics::template atomic<std::uint32_t> count{0};
    };
    typename Atomics::template atomic<bool> open_{false};
    std::array<stripe_count, Stripes> inside_;
};

using gate = basic_gate<>;

} // namespace bastion::detail

#endif
