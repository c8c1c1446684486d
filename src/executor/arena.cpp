// The arena's chunks: mapped big, aligned to a huge page, cut from the front.
#include <bastion/executor/arena.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>

#include <sys/mman.h>

#if BASTION_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace bastion::detail {
namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

struct span {
    char* begin = nullptr;
    char* end = nullptr;
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - begin); }
};

// Trivially destructible: usable before the first constructor and after the last destructor of the program.
struct arena_state {
    std::mutex mutex;
    span rest;                           // Invariant: only changed under the mutex; untouched, therefore zero.
    std::atomic<std::size_t> handed{0};  // Written under the mutex; read at any time (a statistic: relaxed).
};
constinit arena_state state;

// Maps `bytes` on a huge page's boundary; what alignment makes superfluous goes back at once. Empty when refused.
span map_aligned(std::size_t bytes) noexcept {
    const std::size_t total = bytes + huge_page_bytes;
    void* raw = ::mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return {};
    char* const base = static_cast<char*>(raw);
    const std::size_t skew = reinterpret_cast<std::uintptr_t>(base) & (huge_page_bytes - 1);
    const std::size_t front = skew == 0 ? 0 : huge_page_bytes - skew;
    if (front != 0) ::munmap(base, front);
    if (front != huge_page_bytes) ::munmap(base + front + bytes, huge_page_bytes - front);
    ::madvise(base + front, bytes, MADV_HUGEPAGE); // A wish: a kernel without huge pages says no, and all is well.
#if BASTION_ASAN
    // What pooled objects own on the heap is reachable only through here.
    __lsan_register_root_region(base + front, bytes);
#endif
    return {base + front, base + front + bytes};
}

// A chunk that holds `need`: the usual size, or less where address space is limited, or more for a big piece.
span map_chunk(std::size_t need) {
    const std::size_t least = (need + huge_page_bytes - 1) & ~(huge_page_bytes - 1);
    for (std::size_t size = least > arena_chunk_bytes ? least : arena_chunk_bytes;; size /= 2) {
        if (size < least) size = least;
        if (const span chunk = map_aligned(size); chunk.begin != nullptr) return chunk;
        if (size == least) throw std::bad_alloc{};
    }
}

} // namespace

void* arena_reserve(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 4) throw std::bad_alloc{};
    const std::size_t need = bytes == 0 ? cache_line : (bytes + cache_line - 1) & ~(cache_line - 1);
    const std::lock_guard guard(state.mutex);
    span piece;
    if (need <= state.rest.size()) {
        piece = {state.rest.begin, state.rest.begin + need};
        state.rest.begin = piece.end;
    } else {
        const span chunk = map_chunk(need);
        piece = {chunk.begin, chunk.begin + need};
        const span rest{piece.end, chunk.end};
        if (rest.size() > state.rest.size()) state.rest = rest; // The smaller rest is given up: addresses, not memory.
    }
    state.handed.store(state.handed.load(std::memory_order_relaxed) + need, std::memory_order_relaxed);
    return piece.begin;
}

std::size_t arena_bytes() noexcept { return state.handed.load(std::memory_order_relaxed); }

} // namespace bastion::detail
