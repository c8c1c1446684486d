// How many own an object: whoever drops the last share of it frees it.
//
// In what `shared` points to, and in a broadcast's value. Thread safety: any thread that is an owner. Cost: one
// read-modify-write.
#ifndef BASTION_BASE_OWNER_COUNT_HPP
#define BASTION_BASE_OWNER_COUNT_HPP

#include <bastion/base/atomics.hpp>

#include <cstdint>

namespace bastion::detail {

template <class Atomics = std_atomics>
class basic_owner_count {
public:
    constexpr explicit basic_owner_count(std::uint32_t owners) noexcept : owners_(owners) {}

    // relaxed: who adds an owner is one, or has made the object: it cannot go meanwhile.
    void add() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
    // True: that was the last one, and the object is the caller's. release: what this owner has done to the object.
    // acquire: the last one must see what all the others have done.
    [[nodiscard]] bool drop() noexcept { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
    // Whether the caller is the only one left. acquire: pairs with drop, as above.
    [[nodiscard]] bool unique() const noexcept { return owners_.load(std::memory_order_acquire) == 1; }

private:
    typename Atomics::template atomic<std::uint32_t> owners_;
};

using owner_count = basic_owner_count<>;

} // namespace bastion::detail

#endif
