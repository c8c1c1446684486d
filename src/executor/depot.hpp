// One size class of one home: free blocks, and the slabs that fresh ones are cut from.
//
// Called by caches on their slow paths, any thread. Protocol: blocks are handed over by the lock of the lists (free_lists.hpp), fresh memory
// by the lock of the slabs; the two are never held together.
// Giving back: the sweeper takes all lists, sorts their blocks by slab, and has all blocks of some slabs then: nobody else knows these. It
// gives their pages back, and the slabs become fresh ones; all other blocks go into lists again, those of a slab together.
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

    void push(void* free_block, std::size_t block_bytes) noexcept {
        unpoison_memory(free_block, block_bytes);
        auto* const block = static_cast<pool_block*>(free_block);
        block->next = first;
        first = block;
        ++length;
        poison_memory(free_block, block_bytes);
    }
    // Not of an empty list.
    [[nodiscard]] void* pop(std::size_t block_bytes) noexcept {
        pool_block* const block = first;
        unpoison_memory(block, block_bytes);
        first = block->next;
        --length;
        poison_memory(block, block_bytes);
        return block;
    }
};

class alignas(cache_line) depot {
public:
    // Fresh blocks, one after another; poisoned.
    struct run {
        char* begin;
        std::uint32_t blocks;
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
    [[nodiscard]] run cut(std::size_t block_bytes, memory_home home);
    // A block that no slab of this class was cut for has joined it.
    void count_one(std::size_t block_bytes) noexcept;
    [[nodiscard]] figures read() noexcept;

    // One thread at a time. How many bytes.
    [[nodiscard]] std::size_t give_back(std::size_t block_bytes, const keep_going& go_on) noexcept;

private:
    struct slab {
        slab* next = nullptr; // of all_, or of spare_records_
        slab* next_empty = nullptr;
        char* begin = nullptr;
        char* end = nullptr; // of its last block
        std::size_t bytes = 0;
    };
    struct sweep;

    [[nodiscard]] slab& new_slab(std::size_t block_bytes, memory_home home);
    void put_in_lists(free_list blocks, std::size_t block_bytes) noexcept;
    void make_fresh(slab* const* first, slab* const* last, std::size_t block_bytes) noexcept;

    free_lists<pool_block> lists_;
    spin_lock lock_; // Guards everything below.
    char* at_ = nullptr; // Of the slab that is being cut: its next block, and its end.
    char* end_ = nullptr;
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
