// Size-class pools: where envelopes, coroutine frames and cells come from.
//
// Called by everything that lives as long as a message or a process. Promises: blocks are aligned to a cache line,
// their memory comes from the arena (never unmapped), blocks of one class that are made one after another lie one
// after another. A block may be freed by any thread: the thread that frees it may reuse it.
// Thread safety: a `pool_cache` only from the thread it belongs to; blocks.hpp has functions for any thread.
// Cost: about a nanosecond for an allocate/free pair on a cache at hand; one short lock per `pool_batch` blocks when
// blocks wander from thread to thread. A size above `pool_max_bytes` goes to operator new.
//
// How: a cache has per class a list in hand, one full spare list, and a run of memory not cut yet. A full list goes to
// the class' depot in one piece, an empty hand takes one from there: nothing is ever walked.
//
// Homes (arena.hpp): a thread that belongs to a NUMA node takes from the depots of its home. Each home has its own; a full list is
// looked through first, if anybody has a home, and blocks of others go to the depots where they belong. So a block that another node
// frees goes home with up to 31 others, and stays away only as long as it lies in a hand.
#ifndef BASTION_EXECUTOR_POOL_HPP
#define BASTION_EXECUTOR_POOL_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/sanitizer.hpp>
#include <bastion/executor/arena.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bastion::detail {

inline constexpr std::uint32_t pool_batch = 32; // Blocks in a list that goes to a depot; more after a careful time.
inline constexpr std::array<std::uint16_t, 15> pool_class_bytes{
    64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 3072, 4096};
inline constexpr std::size_t pool_classes = pool_class_bytes.size();
inline constexpr std::size_t pool_max_bytes = pool_class_bytes.back();

// From the number of cache lines to the smallest class that holds them.
inline constexpr auto pool_class_of_lines = [] {
    std::array<std::uint8_t, pool_max_bytes / cache_line + 1> table{};
    std::uint8_t index = 0;
    for (std::size_t lines = 0; lines < table.size(); ++lines) {
        while (pool_class_bytes[index] < lines * cache_line) ++index;
        table[lines] = index;
    }
    return table;
}();

// The class of a size <= pool_max_bytes.
[[nodiscard]] constexpr std::size_t pool_class_of(std::size_t bytes) noexcept {
    return pool_class_of_lines[(bytes + cache_line - 1) / cache_line];
}

// What a free block holds. `next_list` and `length` count in the first block of a list that lies in a depot.
struct pool_block {
    pool_block* next;
    pool_block* next_list;
    std::uint32_t length;
};

// One thread's blocks. Lives in the arena for ever; passes to another thread when its own ends.
class alignas(cache_line) pool_cache {
public:
    pool_cache() noexcept = default;
    pool_cache(const pool_cache&) = delete;
    pool_cache& operator=(const pool_cache&) = delete;

    // Throws std::bad_alloc when the system has no memory (and there is no reserve for it, see reserve.hpp).
    [[nodiscard]] BASTION_INLINE void* allocate(std::size_t bytes) {
        if (bytes > pool_max_bytes) [[unlikely]]
            return allocate_large(bytes);
        const std::size_t index = pool_class_of(bytes);
        bin& b = bins_[index];
        pool_block* const block = b.hand;
        if (block == nullptr) [[unlikely]]
            return allocate_slow(index);
        unpoison_memory(block, pool_class_bytes[index]);
        b.hand = block->next;
        add(b.in_hand, std::uint32_t(-1));
        return block;
    }

    // `bytes` as given to allocate (or another size of the same class). A null pointer is ignored.
    BASTION_INLINE void free(void* p, std::size_t bytes) noexcept {
        if (bytes > pool_max_bytes) [[unlikely]]
            return free_large(p, bytes);
        if (p == nullptr) [[unlikely]]
            return;
        free_of_class(p, pool_class_of(bytes));
    }
    // The same for who knows the class, as pool_class_of says it; not null.
    BASTION_INLINE void free_of_class(void* p, std::size_t index) noexcept {
        bin& b = bins_[index];
        auto* const block = static_cast<pool_block*>(p);
        block->next = b.hand; // Under ASan the second free of a block stops here.
        b.hand = block;
        poison_memory(block, pool_class_bytes[index]);
        if (add(b.in_hand, 1) >= pool_batch) [[unlikely]]
            put_hand_away(index);
    }

    // Whose memory it takes from. Fresh memory of another home that it still has goes back there.
    [[nodiscard]] memory_home home() const noexcept { return home_; }
    BASTION_API void set_home(memory_home home) noexcept;
    // What it has free goes to the depots, but for runs that are not cut yet.
    void flush_free() noexcept;

private:
    friend struct pool_registry;

    // Invariant: only the owning thread writes. The counts are atomic because statistics read them from elsewhere;
    // relaxed without a partner: they publish nothing.
    struct bin {
        pool_block* hand = nullptr; // Taken from and given to, newest first.
        std::atomic<std::uint32_t> in_hand{0}; // Invariant: its length; see careful_.
        std::atomic<std::uint32_t> in_spare{0}; // Invariant: the spare's length.
        // A list put away: keeps a thread that swings around a list's end from going to the depot each time.
        pool_block* spare = nullptr;
        char* fresh = nullptr; // The run not cut yet.
        std::atomic<std::uint32_t> in_fresh{0}; // Invariant: blocks left in the run.
    };

    static std::uint32_t add(std::atomic<std::uint32_t>& n, std::uint32_t by) noexcept {
        const std::uint32_t now = n.load(std::memory_order_relaxed) + by;
        n.store(now, std::memory_order_relaxed);
        return now;
    }

    [[nodiscard]] BASTION_API BASTION_COLD void* allocate_slow(std::size_t index);
    [[nodiscard]] BASTION_API BASTION_COLD void* allocate_large(std::size_t bytes);
    BASTION_API BASTION_COLD void free_large(void* p, std::size_t bytes) noexcept;
    BASTION_API BASTION_COLD void put_hand_away(std::size_t index) noexcept;
    void flush() noexcept; // All free blocks to the depots.
    void spare_hand(std::size_t index) noexcept;
    void put_spare_away(std::size_t index) noexcept;
    void put_fresh_away(std::size_t index) noexcept;
    void set_careful(bool on) noexcept;
    [[nodiscard]] void* allocate_carefully(std::size_t index);
    [[nodiscard]] void* allocate_from_stock(std::size_t index);
    [[nodiscard]] void* from_reserve(std::size_t index);

    std::array<bin, pool_classes> bins_{};
    // The thread has an allocation_gate. Invariant: no hand holds a block and all count as all but full, so that each
    // allocation and each free comes to the slow path; the free blocks are in the spare lists.
    std::atomic<bool> careful_{false};
    // Allocated minus freed through this cache, by all threads that ever had it: only the sum over caches means much.
    std::atomic<std::int64_t> large_blocks_{0};
    std::atomic<std::int64_t> large_bytes_{0};
    memory_home home_ = no_home;
    pool_cache* next_cache_ = nullptr; // Set once, before the cache is listed.
    pool_cache* next_idle_ = nullptr; // Under the registry's lock.
};

// The calling thread's cache. Never inlined: a thread-local address must not be kept across a suspension or a stack
// switch, after which another thread may be running this code. Usable at any time in a thread's life, also in
// destructors of thread-locals and statics. Ends the program if not even a cache can be had.
[[nodiscard]] BASTION_API BASTION_NOINLINE pool_cache& this_thread_pool() noexcept;

struct pool_stats {
    std::uint64_t live_blocks; // Allocated and not freed, large ones too.
    std::uint64_t live_bytes; // Their sizes, rounded up to the class (large ones: as asked for).
    std::uint64_t reserved_bytes; // Taken from the arena for blocks.
    std::uint64_t given_back_bytes; // Of these, in slabs that hold no block: their pages were given back to the system.
};

// Exact when no other thread is inside the pool; otherwise close. Takes the depots' locks: not for hot paths.
[[nodiscard]] BASTION_API pool_stats read_pool_stats();

// Asked now and then by what may take long: whether to go on.
struct keep_going {
    bool (*ask)(void*) = [](void*) { return true; };
    void* of = nullptr;
    [[nodiscard]] bool operator()() const { return ask(of); }
};

// Whether so much is free that a look for whole pages is worth it. Any thread. Cost: a lock for each class and home.
[[nodiscard]] BASTION_API bool has_pages_to_give_back() noexcept;

// Gives back to the system the pages of all slabs whose blocks are all free, and says how many bytes that were. Addresses stay; what
// is taken there next is fresh memory. Blocks that lie in other threads' hands keep their slabs. Any thread, one at a time (another call returns 0 at
// once). Cost: some 10 to 100 ns for each free block; while a class is looked through, others that need its blocks get fresh
// memory: call it when nothing happens. `go_on` is asked every few blocks; after a no everything is as before.
BASTION_API std::size_t give_pages_back(const keep_going& go_on = {}) noexcept;

} // namespace bastion::detail

#endif
