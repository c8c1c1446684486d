#include "executor/block_store.hpp"

#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/executor.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/placement.hpp>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>

namespace bastion::detail {
namespace {

// A thread gives back when it has four times as many as it takes at once.
constexpr std::uint32_t batch = pool_batch;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof" // all compilers know it; a block has no virtual bases
constexpr std::size_t link_offset = offsetof(control_block, free_link);
#pragma GCC diagnostic pop

control_block* block_of_link(void* link) noexcept {
    // Safety: only links of blocks are in these lists.
    return std::launder(reinterpret_cast<control_block*>(static_cast<char*>(link) - link_offset));
}

void push(free_list& to, control_block* b) noexcept { to.push(&b->free_link, sizeof(pool_block)); }
control_block* pop(free_list& from) noexcept {
    void* const link = from.pop(sizeof(pool_block));
    unpoison_memory(link, sizeof(pool_block)); // of one that lives it is its place in a crowd
    return block_of_link(link);
}

// No generation of these was higher.
std::uint64_t highest_generation(const char* begin, const char* end) noexcept {
    std::uint64_t highest = 0;
    for (; begin != end; begin += sizeof(control_block)) {
        const auto* const b = std::launder(reinterpret_cast<const control_block*>(begin));
        highest = std::max(highest, b->generation.now());
    }
    return highest;
}

void flush_this_thread() noexcept;
// Slabs are small: a thread has up to 128 blocks in hand, of any slabs. 96 KiB: blocks fill them to the end.
constinit block_store store(
    {sizeof(control_block), sizeof(pool_block), std::size_t{96} << 10, &highest_generation}, &flush_this_thread);
[[maybe_unused]] const bool is_listed = (store.list(), true);

struct block_cache;

// Which threads have a cache: for counting only.
struct cache_registry {
    spin_lock lock;
    block_cache* first = nullptr;
    std::int64_t of_the_dead = 0;  // made minus recycled by threads that have ended
};
cache_registry registry;

struct block_cache {
    free_list free;
    bool dead = false;  // its thread is ending: use the depot
    // Made minus recycled by this thread. relaxed on both sides: a number, no order.
    std::atomic<std::int64_t> made{0};
    block_cache* next = nullptr;
    block_cache* prev = nullptr;

    block_cache() noexcept {
        const std::lock_guard lock(registry.lock);
        next = registry.first;
        if (next) next->prev = this;
        registry.first = this;
    }
    block_cache(const block_cache&) = delete;
    block_cache& operator=(const block_cache&) = delete;
    ~block_cache() {
        dead = true;
        give_back(free.length);
        const std::lock_guard lock(registry.lock);
        registry.of_the_dead += made.load(std::memory_order_relaxed);
        if (next) next->prev = prev;
        (prev ? prev->next : registry.first) = next;
    }
    void count(std::int64_t by) noexcept {
        made.store(made.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    // The newest `n` go where they belong.
    void give_back(std::uint32_t n) noexcept {
        free_list all;
        while (n-- > 0) push(all, pop(free));
        store.put(all);
    }
};

BASTION_NOINLINE block_cache& this_thread_blocks() noexcept {
    static thread_local block_cache cache;
    asm volatile("");
    return cache;
}

void flush_this_thread() noexcept {
    block_cache& cache = this_thread_blocks();
    if (!cache.dead) cache.give_back(cache.free.length);
}

// Free blocks in memory of that home: those that there are, or new ones.
free_list some_blocks(memory_home home) {
    if (const free_list there = store.take(home); there.first != nullptr) return there;
    const depot::run fresh = store.cut(home);
    free_list made;
    // Addresses go up as blocks are popped: push from the end.
    for (std::uint32_t i = fresh.blocks; i-- > 0;) {
        char* const at = fresh.begin + i * sizeof(control_block);
        unpoison_memory(at, sizeof(control_block));
        // Safety: what was a block before is one still, and strangers may look at it: it is as it was left, or zeros.
        auto* const b = fresh.again ? std::launder(reinterpret_cast<control_block*>(at))
                                    : ::new (static_cast<void*>(at)) control_block;
        b->generation.begin_above(fresh.kept);
        push(made, b);
    }
    return made;
}

// A plain thread is on no node: what it spawns lies on one after the other, some blocks on each.
memory_home home_of_next_blocks(const runtime_home& home) noexcept {
    const memory_home own = this_thread_pool().home();
    if (own != no_home || !anybody_has_a_home()) return own;
    executor* const workers = home.workers.load();
    return workers != nullptr && workers->nodes() > 1 ? workers->memory_of_next_node() : no_home;
}

// From another node's memory: one at a time.
control_block* take_from(memory_home home) {
    free_list some = some_blocks(home);
    control_block* const b = pop(some);
    if (some.first != nullptr) store.put_at(home, some);
    return b;
}

// relaxed: a stranger may look, for whom it is a hint (placement.cpp).
void set_node(control_block& b, std::uint16_t node) noexcept {
    std::atomic_ref(b.node).store(node, std::memory_order_relaxed);
}

control_block* prepared(control_block* b, runtime_home& home, block_cache& cache) noexcept {
    cache.count(1);
    // Nobody but stale senders knows the block, and they find it closed.
    b->ops = &process_ops;
    b->next = nullptr;
    b->slot = &b->own_slot;
    b->max_depth = default_max_depth;
    b->meter = nullptr;
    b->again = b->repoll = b->body_ended = b->started_sent = b->wait_ready = b->starts_quietly = false;
    set_node(*b, 0);
    b->bound = false;
    b->unbegun = true;
    b->kind = process_kind::coroutine;
    b->policy = restart_when::temporary;
    b->signals.reset();
    b->incarnation = 0;
    b->restarts = 0;
    b->home = &home;
    b->index = 0;
    b->owner_state = b->owner_flags = 0;
    b->from_below = false;
    b->lost_in_hand = 0;
    b->exit_node.block = b->start_node.block = b;
    b->hand = nullptr;
    b->site_file = "";
    b->site_line = 0;
    b->tries = 0;
    b->since_ns = 0;
    b->place.set(nullptr, 0);
    b->owner_timer = nullptr;
    b->taken = 0;
    b->life_state.born();
    b->lane.open();
    b->inbox.open(b->generation.now());
    return b;
}

} // namespace

control_block* make_block(runtime_home& home) {
    ask_gate(sizeof(control_block));
    block_cache& cache = this_thread_blocks();
    if (cache.free.first == nullptr) cache.free = some_blocks(home_of_next_blocks(home));
    return prepared(pop(cache.free), home, cache);
}

control_block* make_block(runtime_home& home, const placed& at) {
    control_block* b = nullptr;
    // What this thread has in hand another one's node may have made.
    const auto is_at_hand = [&at] {
        if (at.memory != this_thread_pool().home()) return false;
        const free_list& hand = this_thread_blocks().free;
        return hand.first == nullptr || home_of(hand.first) == at.memory;
    };
    if (at.memory == no_home || is_at_hand()) {
        b = make_block(home);
    } else {
        ask_gate(sizeof(control_block));
        b = prepared(take_from(at.memory), home, this_thread_blocks());
    }
    set_node(*b, at.node);
    b->bound = at.bound;
    return b;
}

namespace {

void take_apart(control_block* b) noexcept {
    if (cold_part* cold = b->cold.take(); cold != nullptr) pool_delete(cold);
    b->reason = exit_reason();
    if (b->kind != process_kind::system && b->body != nullptr) b->body->drop_owner();
    b->body = nullptr;
    b->frame = nullptr;
    b->entry = nullptr;
    b->life_state.release();
}

void put_back(control_block* b) noexcept {
    b->owner.clear(); // after the generation
    block_cache& cache = this_thread_blocks();
    if (cache.dead) {
        free_list it;
        push(it, b);
        store.put(it);
        const std::lock_guard lock(registry.lock);
        --registry.of_the_dead;
        return;
    }
    cache.count(-1);
    push(cache.free, b);
    if (cache.free.length >= 4 * batch) cache.give_back(2 * batch);
}

} // namespace

void recycle_block(control_block* b) noexcept {
    take_apart(b);
    b->generation.next();
    put_back(b);
}

void recycle_block_of_gone(control_block* b) noexcept {
    take_apart(b);
    put_back(b);
}

std::uint64_t live_blocks() noexcept {
    const std::lock_guard lock(registry.lock);
    std::int64_t sum = registry.of_the_dead;
    for (const block_cache* c = registry.first; c != nullptr; c = c->next)
        sum += c->made.load(std::memory_order_relaxed);
    return static_cast<std::uint64_t>(sum);
}

block_memory memory_of_blocks() noexcept {
    block_memory all{};
    store.for_each_depot([&all](depot& d) {
        const depot::figures f = d.read();
        all.reserved_bytes += f.reserved;
        all.given_back_bytes += f.given_back;
    });
    return all;
}

} // namespace bastion::detail
