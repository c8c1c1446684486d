// One size class of one home: free blocks, and the slabs that fresh ones are cut from.
//
// Called by caches on their slow paths, any thread. Protocol: blocks are handed over by the lock of the lists (free_lists.hpp), fresh memory
// by the lock of the slabs; the two are never held together.
// Giving back: the sweeper takes all lists, sorts their blocks by slab, and has all blocks of some slabs then: nobody else has these. It
// gives their pages back, and the slabs become fresh ones; all other blocks go into lists again, those of a slab together.
// A list chains the links of its blocks: their first bytes in the pool, of which nobody knows anything while they are free, a member of theirs
// where strangers may look at free ones, too.
#ifndef BASTION_SRC_EXECUTOR_DEPOT_HPP
#define BASTION_SRC_EXECUTOR_DEPOT_HPP

#include "executor/free_lists.hpp"

#include <bastion/base/sanitizer.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>

#include <cstddef>
#include <cstdint>

namespace bastion::detail {

// Free blocks of one class, on their way.
struct free_list {
    pool_block* first = nullptr;
    std::uint32_t length = 0;

    // `unused`: so many bytes from the link on are nobody's.
    void push(void* link, std::size_t unused) noexcept {
        unpoison_memory(link, unused);
        auto* const block = static_cast<pool_block*>(link);
        block->next = first;
        first = block;
        ++length;
        poison_memory(link, unused);
    }
    // Not of an empty list.
    [[nodiscard]] void* pop(std::size_t unused) noexcept {
        pool_block* const block = first;
        unpoison_memory(block, unused);
        first = block->next;
        --length;
        poison_memory(block, unused);
        return block;
    }
    // Takes the blocks of `home` out of all these.
    [[nodiscard]] free_list take_out(memory_home home, std::size_t unused) noexcept {
        free_list its;
        free_list others;
        while (first != nullptr) {
            void* const block = pop(unused);
            (home_of(block) == home ? its : others).push(block, unused);
        }
        *this = others;
        return its;
    }
};

// What a depot's blocks are.
struct block_kind {
    std::size_t bytes;
    std::size_t unused; // of a free one, from its link on
    std::size_t biggest_slab = std::size_t{256} << 10; // what threads have in hand keeps so much each, at worst
    // Asked before a slab's pages are given back: what of its blocks is to be known when it is cut again. Null: nothing.
    std::uint64_t (*kept)(const char* begin, const char* end) noexcept = nullptr;
    // Of each block, if `bytes` is a multiple of it: a power of two. Two cache lines before a slab are its own then, too. 0: a line will do.
    std::size_t alignment = 0;
};

class alignas(cache_line) depot {
public:
    // Fresh blocks, one after another, poisoned from the first time that they are cut.
    struct run {
        char* begin;
        std::uint32_t blocks;
        bool again; // they were blocks before; where their page was given back, zeros
        std::uint64_t kept;
    };
    struct figures {
        std::uint64_t cut = 0; // blocks ever handed to caches as fresh, but for those whose slabs are fresh again
        std::uint64_t free = 0;
        std::uint64_t reserved = 0; // bytes
        std::uint64_t given_back =
            0; // bytes of these, in slabs whose pages were given back and that hold no block since
    };

    void put(pool_block* list, std::uint32_t length) noexcept { lists_.put(list, length); }
    // A list of free blocks, or null.
    [[nodiscard]] pool_block* take(std::uint32_t& length) noexcept { return lists_.take(length); }
    [[nodiscard]] std::uint64_t free_blocks() noexcept { return lists_.blocks(); }

    // Throws std::bad_alloc.
    [[nodiscard]] run cut(const block_kind& kind, memory_home home);
    // The same from slabs that there are; no blocks: they have none.
    [[nodiscard]] run cut_again(const block_kind& kind) noexcept;
    // A block that no slab of this class was cut for has joined it.
    void count_one(std::size_t block_bytes) noexcept;
    [[nodiscard]] figures read() noexcept;

    // One thread at a time. How many bytes.
    [[nodiscard]] std::size_t give_back(const block_kind& kind, const keep_going& go_on) noexcept;

private:
    struct slab {
        slab* next = nullptr; // of all_, or of spare_records_
        slab* next_empty = nullptr;
        char* begin = nullptr;
        char* end = nullptr; // of its last block
        std::size_t bytes = 0;
        bool again = false; // as of a run
        std::uint64_t kept = 0;
    };
    struct sweep;

    [[nodiscard]] bool has_rest() const noexcept { return cutting_ != nullptr && at_ != cutting_->end; }
    [[nodiscard]] bool take_empty() noexcept;
    [[nodiscard]] run cut_some(const block_kind& kind) noexcept;
    [[nodiscard]] slab& new_slab(const block_kind& kind, memory_home home);
    void put_in_lists(free_list blocks, std::size_t unused) noexcept;
    void make_fresh(slab* const* first, slab* const* last, const block_kind& kind) noexcept;

    free_lists<pool_block> lists_;
    spin_lock lock_; // Guards everything below.
    char* at_ = nullptr; // Of the slab that is being cut: its next block.
    slab* cutting_ = nullptr;
    slab* all_ = nullptr;
    slab* empty_ = nullptr; // their pages were given back
    slab* spare_records_ = nullptr;
    std::size_t slabs_ = 0;
    std::size_t next_slab_bytes_ = std::size_t{64} << 10;
    std::uint64_t cut_ = 0;
    std::uint64_t reserved_ = 0;
    std::uint64_t given_back_ = 0;
};

} // namespace bastion::detail

#endif
