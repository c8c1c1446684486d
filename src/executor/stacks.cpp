// A slot of a guarded kind: 64 KiB that nobody may touch, then the stack, then two lines more. Of the other kind: the stack and the two lines.
// These hold the link of a free one, and the canary of the slot behind it, whose stack grows down to there: looking at it touches no page
// that is not there already. The canary is as big as most frames, so that few step over it.
#include "executor/block_store.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/stacks.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

namespace bastion {
namespace detail {
namespace {

constexpr unsigned least_exponent = std::countr_zero(stack_limits::least_bytes);
constexpr std::size_t classes = std::countr_zero(stack_limits::most_bytes) - least_exponent + 1;
constexpr std::size_t slab_bytes = std::size_t{2} << 20;
constexpr std::size_t last_lines = 2 * cache_line;
constexpr std::size_t link_bytes = sizeof(pool_block); // at its beginning
constexpr std::size_t canary_offset = 32;
static_assert(link_bytes <= canary_offset);
constexpr std::size_t canary_bytes = last_lines - canary_offset;
constexpr auto canary = [] {
    std::array<std::uint64_t, canary_bytes / 8> words{};
    words.fill(0x6261'7374'696f'6e21); // "bastion!"
    return words;
}();

struct counts {
    std::atomic<std::uint64_t> taken{0}; // all relaxed: figures, and a bound that may be passed by a few
    std::atomic<std::uint64_t> put{0};
    std::atomic<std::uint64_t> guarded{0};
    std::atomic<std::uint64_t> abandoned{0};
    std::atomic<std::uint64_t> abandoned_bytes{0};
    std::atomic<bool> guards_refused{false};
};
constinit counts count;

std::size_t page_bytes() noexcept {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return page;
}

constexpr std::size_t stack_bytes_of(std::size_t index) noexcept { return stack_limits::least_bytes << index; }

class stack_store {
public:
    stack_store(std::size_t index, bool guarded) noexcept
        : guarded_(guarded), slots_({slot_bytes(index, guarded), link_bytes, slab_bytes, nullptr, page_bytes()},
                                 [](/* nobody has free ones in hand */) noexcept {}) {
        slots_.list();
    }

    // Null: it would need a new mapping, which is not to be had.
    [[nodiscard]] char* take(std::size_t most_guarded, memory_home home) {
        free_list there = slots_.take(home);
        if (there.first == nullptr) there = make(most_guarded, home);
        if (there.first == nullptr) return nullptr;
        char* const slot = slot_of(there.pop(link_bytes));
        if (there.first != nullptr) slots_.put_at(home, there);
        return slot;
    }
    void put(char* slot) noexcept {
        free_list one;
        one.push(link_of(slot), link_bytes);
        slots_.put(one);
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return slots_.kind().bytes; }

private:
    static std::size_t slot_bytes(std::size_t index, bool guarded) noexcept {
        return stack_bytes_of(index) + (guarded ? stack_guard_bytes : 0);
    }
    [[nodiscard]] char* link_of(char* slot) const noexcept { return slot + bytes() - last_lines; }
    [[nodiscard]] char* slot_of(void* link) const noexcept { return static_cast<char*>(link) + last_lines - bytes(); }

    [[nodiscard]] free_list make(std::size_t most_guarded, memory_home home) {
        const bool may_grow = !guarded_ || (!count.guards_refused.load(std::memory_order_relaxed) &&
                                               count.guarded.load(std::memory_order_relaxed) < most_guarded);
        const depot::run fresh = may_grow ? slots_.cut(home) : slots_.cut_again(home);
        free_list all;
        // The last one is taken first: below it lies one that nobody uses yet.
        for (std::uint32_t i = 0; i < fresh.blocks; ++i) {
            char* const slot = fresh.begin + i * bytes();
            if (!fresh.again && !prepare(slot)) continue; // address space that nobody uses any more
            all.push(link_of(slot), link_bytes);
        }
        return all;
    }
    // Huge pages would make the first touch of a stack cost 2 MiB.
    [[nodiscard]] bool prepare(char* slot) const noexcept {
        (void)::madvise(slot, bytes(), MADV_NOHUGEPAGE);
        if (!guarded_) return true;
        if (::mprotect(slot, stack_guard_bytes, PROT_NONE) != 0) {
            count.guards_refused.store(true, std::memory_order_relaxed);
            return false;
        }
        count.guarded.fetch_add(1, std::memory_order_relaxed);
        return true;
    }

    const bool guarded_;
    block_store slots_;
};

// Made when they are first needed, and for ever.
class stack_stores {
public:
    // Throws std::bad_alloc.
    [[nodiscard]] stack_store& of(std::size_t index, bool guarded) {
        std::atomic<stack_store*>& place = made_[2 * index + (guarded ? 1 : 0)];
        if (stack_store* const there = place.load(std::memory_order_acquire))
            return *there; // pairs with the release below
        const std::lock_guard guard(making_);
        stack_store* there = place.load(std::memory_order_relaxed);
        if (there == nullptr) {
            there = ::new (arena_reserve(sizeof(stack_store))) stack_store(index, guarded);
            place.store(there, std::memory_order_release);
        }
        return *there;
    }

private:
    std::array<std::atomic<stack_store*>, 2 * classes> made_{};
    spin_lock making_;
};
constinit stack_stores stores;

[[nodiscard]] std::size_t class_of(std::size_t bytes) noexcept {
    return bytes <= stack_limits::least_bytes ? 0
                                              : static_cast<std::size_t>(std::bit_width(bytes - 1)) - least_exponent;
}

[[nodiscard]] stack_memory memory_of(char* slot, std::size_t slot_bytes, bool guarded) noexcept {
    return {slot + (guarded ? stack_guard_bytes : 0), slot + slot_bytes - last_lines, guarded};
}

[[nodiscard]] char* canary_of(const stack_memory& stack) noexcept { return stack.low - last_lines + canary_offset; }

} // namespace

stack_memory take_stack(std::size_t bytes, std::size_t most_guarded, memory_home home) {
    if (bytes > stack_limits::most_bytes) throw std::bad_alloc();
    const std::size_t index = class_of(bytes);
    stack_store* store = &stores.of(index, true);
    char* slot = store->take(most_guarded, home);
    const bool guarded = slot != nullptr;
    if (!guarded) {
        store = &stores.of(index, false);
        slot = store->take(most_guarded, home);
        if (slot == nullptr) throw std::bad_alloc();
    }
    const stack_memory stack = memory_of(slot, store->bytes(), guarded);
    unpoison_memory(stack.low, stack.size());
    if (!guarded) {
        unpoison_memory(canary_of(stack), sizeof canary);
        std::memcpy(canary_of(stack), canary.data(), sizeof canary);
    }
    count.taken.fetch_add(1, std::memory_order_relaxed);
    return stack;
}

void put_stack(const stack_memory& stack) noexcept {
    poison_memory(stack.low, stack.size());
    count.put.fetch_add(1, std::memory_order_relaxed);
    // Its store was made before it was taken.
    stores.of(class_of(stack.size() + last_lines), stack.guarded)
        .put(stack.low - (stack.guarded ? stack_guard_bytes : 0));
}

void abandon_stack(const stack_memory& stack) noexcept {
    count.abandoned.fetch_add(1, std::memory_order_relaxed);
    count.abandoned_bytes.fetch_add(stack.size(), std::memory_order_relaxed);
}

void give_stack_back(const stack_memory& stack, const void* frame) noexcept {
    constexpr std::size_t in_use = 1024; // by who calls this, below the frame
    const auto page = static_cast<std::uintptr_t>(page_bytes());
    const auto begin = (reinterpret_cast<std::uintptr_t>(stack.low) + page - 1) & ~(page - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(frame) - in_use) & ~(page - 1);
    if (stack.holds(frame) && begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

bool set_grace(const stack_memory& stack, bool open) noexcept {
    char* const grace = stack.low - stack_grace_bytes;
    if (open) unpoison_memory(grace, stack_grace_bytes);
    return ::mprotect(grace, stack_grace_bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
}

bool canary_lives(const stack_memory& stack) noexcept {
    return stack.guarded || std::memcmp(canary_of(stack), canary.data(), sizeof canary) == 0;
}

} // namespace detail

stack_figures read_stack_figures() noexcept {
    using detail::count;
    stack_figures f;
    f.abandoned = count.abandoned.load(std::memory_order_relaxed);
    f.abandoned_bytes = count.abandoned_bytes.load(std::memory_order_relaxed);
    f.guarded = count.guarded.load(std::memory_order_relaxed);
    const std::uint64_t over = count.put.load(std::memory_order_relaxed) + f.abandoned;
    const std::uint64_t taken = count.taken.load(std::memory_order_relaxed);
    f.in_use = taken > over ? taken - over : 0;
    return f;
}

} // namespace bastion
