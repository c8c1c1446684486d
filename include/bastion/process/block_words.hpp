// The words of a control block that strangers read through old refs: which process lives in it, who owns it, its cold part.
//
// A block's memory is never anything else, so every read finds a word; what it says may be about a later process.
//
// Protocol of a recycling, by the last owner: inbox and lane are closed, the cold part is taken, the generation grows, the
// owner is cleared. The next process gets its owner before anybody learns of it.
// Whoever looks for the owner of an old ref reads the owner, then the owner's generation, then whether the ref still
// lives: an element that lives has an owner that lives. Each of the first two, if it is of a later life, shows by its order
// the generation that came before it, so the third says no.
#ifndef BASTION_PROCESS_BLOCK_WORDS_HPP
#define BASTION_PROCESS_BLOCK_WORDS_HPP

#include <bastion/base/atomics.hpp>

#include <cstdint>

namespace bastion::detail {

// Grows by one whenever the block is freed. Written only by the last owner. A block that nobody has ever lived in, or whose page was
// given back, has none: 0, which no ref has.
template <class Atomics = std_atomics>
class basic_generation {
public:
    // relaxed: for those who live in the block, or own it, or have it in hand.
    [[nodiscard]] std::uint64_t now() const noexcept { return number_.load(std::memory_order_relaxed); }
    // acquire: pairs with next(); who sees a process gone sees what it did.
    [[nodiscard]] bool is(std::uint64_t g) const noexcept { return number_.load(std::memory_order_acquire) == g; }
    // By a stranger. acquire: pairs with next(); who sees an owner gone sees that its elements went before.
    [[nodiscard]] std::uint64_t seen() const noexcept { return number_.load(std::memory_order_acquire); }
    // release: pairs with is() and seen().
    void next() noexcept { number_.store(now() + 1, std::memory_order_release); }
    // Of a block that nobody has in use: above those that were. release: as next().
    void begin_above(std::uint64_t highest) noexcept { number_.store(highest + 1, std::memory_order_release); }

private:
    typename Atomics::template atomic<std::uint64_t> number_{0};
};

// Constant from birth to recycling.
template <class Block, class Atomics = std_atomics>
class basic_owner_word {
public:
    // relaxed: for the block's process and its owners, who know of it by a signal or a queue.
    [[nodiscard]] Block* now() const noexcept { return owner_.load(std::memory_order_relaxed); }
    // By a stranger. acquire: pairs with set() and clear().
    [[nodiscard]] Block* seen() const noexcept { return owner_.load(std::memory_order_acquire); }
    // release: who sees the owner of a later process sees that the one before is gone, and the owner's block made.
    void set(Block* owner) noexcept { owner_.store(owner, std::memory_order_release); }
    // After the generation has grown. release: who sees no owner sees that the ref is dead: it must not take its block for
    // that of a root, which has none, and stop who lives there next.
    void clear() noexcept { owner_.store(nullptr, std::memory_order_release); }
    // Of an owner that may end at the same time: it is turned away, and looks at its end. seq_cst: not explored.
    void turn_away() noexcept { owner_.store(nullptr); }
    [[nodiscard]] Block* at_end() const noexcept { return owner_.load(); }

private:
    typename Atomics::template atomic<Block*> owner_{nullptr};
};

// Made on first use by the holder of the right to run, freed by the last owner; the owner may look while it is made.
template <class Part, class Atomics = std_atomics>
class basic_cold_word {
public:
    // relaxed: by the holder of the right to run, which alone sets it.
    [[nodiscard]] Part* own() const noexcept { return part_.load(std::memory_order_relaxed); }
    // Null when it was never made. acquire: pairs with set().
    [[nodiscard]] Part* if_any() const noexcept { return part_.load(std::memory_order_acquire); }
    // release: pairs with if_any().
    void set(Part* part) noexcept { part_.store(part, std::memory_order_release); }
    // By the last owner, to free it. relaxed: the process told it of its end, and nobody else looks.
    [[nodiscard]] Part* take() noexcept {
        Part* const part = part_.load(std::memory_order_relaxed);
        part_.store(nullptr, std::memory_order_relaxed);
        return part;
    }

private:
    typename Atomics::template atomic<Part*> part_{nullptr};
};

template <class Block>
struct owner_seen {
    Block* block = nullptr; // null: the child is gone
    std::uint64_t generation = 0;
};
// Who owns the process that a ref names; by anybody, at any time.
template <class Block>
[[nodiscard]] owner_seen<Block> owner_by_ref(const Block& child, std::uint64_t generation) noexcept {
    Block* const owner = child.owner.seen();
    if (owner == nullptr) return {};
    const std::uint64_t its = owner->generation.seen();
    if (!child.generation.is(generation)) return {};
    return {owner, its};
}

} // namespace bastion::detail

#endif
