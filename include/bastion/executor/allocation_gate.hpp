// `allocation_gate`: who may say no to an allocation of a thread. For tests: the simulator lets allocations fail with it.
//
// It is asked for each block of the pools, each control block and each type-stable object, whether or not the system
// must be asked for memory (so that it is asked as often in each run); a program that replaces operator new
// (testing/operator_new.hpp) asks it there, too. While a thread has one, each allocation from its pool takes the slow
// path: the fast one knows nothing of it.
// Thread safety: everything concerns the calling thread only.
#ifndef BASTION_EXECUTOR_ALLOCATION_GATE_HPP
#define BASTION_EXECUTOR_ALLOCATION_GATE_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>

namespace bastion::detail {

class allocation_gate {
public:
    // False: this one fails. Called in the midst of anything; what it allocates itself it must let pass.
    [[nodiscard]] virtual bool may_allocate(std::size_t bytes) noexcept = 0;

protected:
    ~allocation_gate() = default;
};

// Sets the calling thread's gate, or none with null; returns the one before.
BASTION_API allocation_gate* set_allocation_gate(allocation_gate* gate) noexcept;

// Whether the calling thread's gate, if it has one, lets it pass.
[[nodiscard]] BASTION_API bool may_allocate(std::size_t bytes) noexcept;
// Throws std::bad_alloc if not, and there is no reserve for it (reserve.hpp).
BASTION_API void ask_gate(std::size_t bytes);

} // namespace bastion::detail

#endif
