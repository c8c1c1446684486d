// The arena's chunks: mapped big, aligned to a huge page, cut from the front.
#include <bastion/executor/arena.hpp>
#include <bastion/topology/machine.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <mutex>
#include <new>
#include <sstream>
#include <string>

#include <sys/mman.h>

#if BASTION_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace bastion::detail {

constinit std::atomic<bool> homes_were_made{false};

namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

struct span {
    char* begin = nullptr;
    char* end = nullptr;
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - begin); }
};

// A chunk begins with its own record, unless it belongs to nobody: then nobody asks.
struct chunk {
    chunk* next;
    char* end;
};

// Trivially destructible: usable before the first constructor and after the last destructor of the program.
struct home_memory {
    span rest; // Invariant: only changed under the mutex; untouched, therefore zero.
    span left_over; // The same, of a chunk before; not bigger. What fits is cut from it.
    chunk* chunks = nullptr; // the newest first; both are in some of them
    int os_node = -1;
};

struct arena_state {
    std::mutex mutex;
    home_memory homes[most_homes]; // Guarded by the mutex.
    bool warned = false; // Guarded by the mutex.
    std::atomic<std::size_t> handed{0}; // Written under the mutex; read at any time (a statistic: relaxed).
    // By address: the home of each huge page; null: nobody has one. Written under the mutex, before what lies there is handed out.
    std::atomic<memory_home*> table{nullptr};
};
constinit arena_state state;

constexpr unsigned address_bits = 48; // of user space, unless one asks for more
constexpr std::size_t table_bytes = (std::size_t{1} << address_bits) / huge_page_bytes;

[[nodiscard]] std::size_t place_of(const void* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p) / huge_page_bytes % table_bytes;
}

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

// Under the mutex: the pages of a new chunk are its home's, and the table says so.
void settle(span all, memory_home home) noexcept {
    home_memory& of = state.homes[home];
    if (of.os_node >= 0 && !topology::prefer_memory_of_node(all.begin, all.size(), of.os_node) && !state.warned) {
        state.warned = true;
        std::fprintf(
            stderr, "bastion: memory cannot be bound to NUMA node %d: it lies where it is first touched\n", of.os_node);
    }
    memory_home* const table = state.table.load(std::memory_order_relaxed);
    for (char* at = all.begin; at < all.end; at += huge_page_bytes) table[place_of(at)] = home;
}

// Under the mutex. What is left of a chunk.
span new_chunk(std::size_t need, memory_home home) {
    if (home == no_home) return map_chunk(need);
    const span all = map_chunk(need + cache_line);
    settle(all, home);
    home_memory& of = state.homes[home];
    of.chunks = ::new (static_cast<void*>(all.begin)) chunk{of.chunks, all.begin + cache_line};
    return {all.begin + cache_line, all.end};
}

// Each line is a mapping: its address, its policy, and "N0=12" for each node that has pages of it, "kernelpagesize_kB=4" for their size. Mappings of
// different homes have different policies, so they are never one line.
std::vector<home_pages> read_numa_maps(const char* path, const std::array<int, most_homes>& os_nodes) {
    std::ifstream maps(path);
    if (!maps) return {};
    std::vector<home_pages> all(most_homes);
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        std::uintptr_t address = 0;
        words >> std::hex >> address >> std::dec;
        const memory_home home = home_of(reinterpret_cast<const void*>(address));
        if (home == no_home || os_nodes[home] < 0) continue;
        home_pages pages;
        std::uint64_t page_kib = 4;
        for (std::string word; words >> word;) {
            int node = 0;
            unsigned long long n = 0;
            if (std::sscanf(word.c_str(), "N%d=%llu", &node, &n) == 2)
                (node == os_nodes[home] ? pages.at_home : pages.away) += n;
            else if (std::sscanf(word.c_str(), "kernelpagesize_kB=%llu", &n) == 1) page_kib = n;
        }
        all[home].at_home += pages.at_home * page_kib * 1024;
        all[home].away += pages.away * page_kib * 1024;
    }
    return all;
}

// Under the mutex: false: there is no room for it.
bool make_table() noexcept {
    if (state.table.load(std::memory_order_relaxed) != nullptr) return true;
    void* const raw =
        ::mmap(nullptr, table_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return false;
    state.table.store(static_cast<memory_home*>(raw), std::memory_order_release); // pairs with home_of
    homes_were_made.store(true, std::memory_order_relaxed); // see the header
    return true;
}

} // namespace

memory_home home_of_node(int node, int os_node) noexcept {
    // Nodes that are there, then nodes that are only described.
    constexpr int each = static_cast<int>(most_homes / 2) - 1;
    const auto home = static_cast<memory_home>(1 + node % each + (os_node < 0 ? each : 0));
    const std::lock_guard guard(state.mutex);
    if (!make_table()) return no_home;
    state.homes[home].os_node = os_node;
    return home;
}

void* arena_reserve(std::size_t bytes, memory_home home) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 4) throw std::bad_alloc{};
    const std::size_t need = bytes == 0 ? cache_line : (bytes + cache_line - 1) & ~(cache_line - 1);
    const std::lock_guard guard(state.mutex);
    home_memory& of = state.homes[home];
    if (need > of.rest.size() && need > of.left_over.size()) {
        const span fresh = new_chunk(need, home);
        // The smallest rest is given up: of a huge page the memory, too.
        if (of.rest.size() > of.left_over.size()) of.left_over = of.rest;
        of.rest = fresh;
    }
    span& from = need <= of.left_over.size() ? of.left_over : of.rest;
    char* const piece = from.begin;
    from.begin += need;
    for (chunk* c = of.chunks; c != nullptr; c = c->next)
        if (c->end == piece) {
            c->end = from.begin;
            break;
        }
    if (of.left_over.size() > of.rest.size()) std::swap(of.rest, of.left_over);
    state.handed.store(state.handed.load(std::memory_order_relaxed) + need, std::memory_order_relaxed);
    return piece;
}

memory_home home_of(const void* piece) noexcept {
    const memory_home* const table = state.table.load(std::memory_order_acquire); // pairs with make_table
    return table != nullptr ? table[place_of(piece)] : no_home;
}

std::size_t arena_bytes() noexcept { return state.handed.load(std::memory_order_relaxed); }

std::vector<home_pages> count_pages() {
    if (!anybody_has_a_home()) return {};
    std::array<int, most_homes> os_nodes{};
    {
        const std::lock_guard guard(state.mutex);
        for (std::size_t home = 0; home < most_homes; ++home) os_nodes[home] = state.homes[home].os_node;
    }
    return read_numa_maps("/proc/self/numa_maps", os_nodes);
}

std::vector<arena_stretch> stretches_of(memory_home home) {
    std::vector<arena_stretch> all;
    const std::lock_guard guard(state.mutex);
    for (const chunk* c = state.homes[home].chunks; c != nullptr; c = c->next)
        all.push_back({reinterpret_cast<const char*>(c), c->end});
    return all;
}

} // namespace bastion::detail
