// Depots of blocks that are not the pool's: of one kind, one depot for each home. Sweeps for pages look at them, too.
//
// Any thread; a list that is put here hands over its blocks. Constructed before the program begins, and for ever.
#ifndef BASTION_SRC_EXECUTOR_BLOCK_STORE_HPP
#define BASTION_SRC_EXECUTOR_BLOCK_STORE_HPP

#include "executor/depot.hpp"
#include "executor/per_home.hpp"

#include <atomic>

namespace bastion::detail {

class block_store {
public:
    // `flush_hand`: the calling thread puts here what it has in hand; asked before a sweep.
    constexpr block_store(const block_kind& kind, void (*flush_hand)() noexcept) noexcept
        : kind_(kind), flush_(flush_hand) {}

    // Sweeps know of it from now on. Once.
    void list() noexcept {
        next_ = listed.load(std::memory_order_relaxed);
        while (!listed.compare_exchange_weak(next_, this, std::memory_order_release, std::memory_order_relaxed)) {}
    }
    // f(store) for all that are listed.
    template <class F>
    static void for_each(F f) {
        for (block_store* s = listed.load(std::memory_order_acquire); s != nullptr; s = s->next_)
            f(*s); // pairs with list
    }

    [[nodiscard]] const block_kind& kind() const noexcept { return kind_; }
    void flush() const noexcept { flush_(); }

    // Each free block to the depot where it belongs.
    void put(free_list blocks) noexcept;
    // Of what was taken, or cut, for that home.
    void put_at(memory_home home, const free_list& blocks) noexcept { of(home).put(blocks.first, blocks.length); }
    // Empty: there are none.
    [[nodiscard]] free_list take(memory_home home) noexcept {
        free_list blocks;
        blocks.first = of(home).take(blocks.length);
        return blocks;
    }
    // Throws std::bad_alloc.
    [[nodiscard]] depot::run cut(memory_home home) { return of(home).cut(kind_, home); }
    // From what was reserved before.
    [[nodiscard]] depot::run cut_again(memory_home home) noexcept { return of(home).cut_again(kind_); }
    // f(depot) for all that there are.
    template <class F>
    void for_each_depot(F f) {
        depots_.for_each(f);
    }

private:
    // Without memory for it nobody's serves.
    depot& of(memory_home home) noexcept {
        depot* const its = depots_.of(home);
        return its != nullptr ? *its : *depots_.of(no_home);
    }

    static inline constinit std::atomic<block_store*> listed{nullptr};

    per_home<depot> depots_;
    const block_kind kind_;
    void (*const flush_)() noexcept;
    block_store* next_ = nullptr; // set before it is listed
};

} // namespace bastion::detail

#endif
