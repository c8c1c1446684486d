#pragma once

// The memory of a round: all that it took of the heap it gives back, and afterwards no page more is resident.

#include <bastion/base/sanitizer.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>

namespace faults {

// A sanitizer has a heap of its own, and keeps what was freed.
inline constexpr bool memory_is_counted = !BASTION_ASAN && !BASTION_TSAN;

// The C library keeps the stacks of threads that have ended (40 MB of addresses) for those to come, with the last pages as
// they are. How deep a thread goes is not the same each time, so in a late round one of these pages may be touched for the
// first time. A stack that is bigger than all it keeps goes back to the system when the thread is joined.
inline void keep_no_stacks() {
    constexpr std::size_t bytes = std::size_t{64} << 20; // of addresses
    pthread_attr_t of_threads;
    const bool done = pthread_attr_init(&of_threads) == 0 && pthread_attr_setstacksize(&of_threads, bytes) == 0 &&
                      pthread_setattr_default_np(&of_threads) == 0 && pthread_attr_destroy(&of_threads) == 0;
    if (!done) {
        std::puts("the stacks of threads cannot be made bigger");
        std::exit(1);
    }
    // Who joins a thread frees a block that came with the stack. Of one size malloc keeps up to seven for who freed them,
    // as in use, and calloc, which made this one, takes none of those. So it has its seven before the first round.
    for (int i = 0; i < 8; ++i) std::thread([] {}).join();
}

// One heap for all threads: which worker made what would else decide how many heaps there are, and how full. And a page
// that is touched first would bring another 511 with it, in a round or two.
inline void settle_memory() {
    (void)mallopt(M_ARENA_MAX, 1);
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if (memory_is_counted) keep_no_stacks();
}

struct memory_held {
    std::uint64_t heap = 0; // bytes; what malloc keeps for a thread that lives counts as in use
    std::uint64_t resident = 0; // kilobytes of no file, once malloc has given back its free pages
};

[[nodiscard]] inline memory_held held_memory() {
    memory_held now;
    if (!memory_is_counted) return now;
    (void)malloc_trim(0);
    const auto heap = mallinfo2();
    now.heap = heap.uordblks + heap.hblkhd;
    // The counts in `statm` may be wrong by some 30 pages a core; these are counted page by page.
    std::ifstream file("/proc/self/smaps_rollup");
    for (std::string word; file >> word;) {
        if (word != "Anonymous:") continue;
        file >> now.resident;
        return now;
    }
    std::puts("/proc/self/smaps_rollup does not say how much is resident");
    std::exit(1);
}

inline bastion::process idle(bastion::context ctx) { (void)co_await ctx.recv(); }

// Pools keep what was the most at once, and that is not the same in each round. So more than a round ever needs is taken
// and given back before the first, and all of it is touched: then only what is lost needs another page.
inline void take_room() {
    {
        constexpr int processes = 8'000;
        bastion::runtime rt(bastion::config().with_workers(1).with_signals(false));
        for (int i = 0; i < processes; ++i) rt.spawn(idle);
        rt.stop();
        (void)rt.wait();
    }
    constexpr std::size_t bytes_of_class = std::size_t{2} << 20;
    std::vector<std::pair<void*, std::size_t>> blocks;
    bastion::detail::pool_cache& pool = bastion::detail::this_thread_pool();
    for (const std::size_t bytes : bastion::detail::pool_class_bytes)
        for (std::size_t all = 0; all < bytes_of_class; all += bytes) blocks.emplace_back(pool.allocate(bytes), bytes);
    for (const auto& [block, bytes] : blocks) pool.free(block, bytes);
    if (!memory_is_counted) return; // free blocks are poisoned
    // The arena is one chunk from its first byte on.
    const std::size_t size = bastion::detail::arena_bytes();
    if (size > bastion::detail::arena_chunk_bytes) std::abort();
    constexpr std::size_t page = 4096;
    auto* const end = static_cast<char*>(bastion::detail::arena_reserve(1));
    for (std::size_t back = 1; back <= size; back += page) {
        volatile char* const at = end - back;
        *at = *at;
    }
}

} // namespace faults
