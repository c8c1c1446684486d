#include "executor/per_home.hpp"

#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/placement.hpp>

#include <mutex>
#include <new>

namespace bastion::detail {
namespace {

// Free blocks are chained by `next` (the run queue link, unused while free). A block's memory is never anything else.
constexpr std::uint32_t batch = 32;
constexpr std::size_t slab_blocks = 256;

struct chain {
    control_block* first = nullptr;
    std::uint32_t size = 0;

    void push(control_block* b) noexcept {
        b->next = first;
        first = b;
        ++size;
    }
    [[nodiscard]] control_block* pop() noexcept {
        control_block* b = first;
        first = static_cast<control_block*>(b->next);
        --size;
        return b;
    }
};

struct depot {
    spin_lock lock;
    chain free;
    std::byte* fresh = nullptr;
    std::size_t fresh_left = 0;
};

constinit per_home<depot> depots;

// Without memory for it nobody's serves.
depot& depot_of(memory_home home) noexcept {
    depot* const its = depots.of(home);
    return its != nullptr ? *its : *depots.of(no_home);
}

// The depot that a free block belongs to.
depot& depot_for(const control_block* b) noexcept { return depot_of(home_of(b)); }

// The newest `n` go where they belong: those of one home under one lock.
void give_back(chain& from, std::uint32_t n) noexcept {
    if (!anybody_has_a_home()) {
        depot& d = depot_of(no_home);
        const std::lock_guard lock(d.lock);
        while (n-- > 0) d.free.push(from.pop());
        return;
    }
    chain left;
    while (n-- > 0) left.push(from.pop());
    while (left.size != 0) {
        depot& d = depot_for(left.first);
        chain others;
        const std::lock_guard lock(d.lock);
        while (left.size != 0) {
            control_block* const b = left.pop();
            (&depot_for(b) == &d ? d.free : others).push(b);
        }
        left = others;
    }
}

struct block_cache;

// Which threads have a cache: for counting only.
struct cache_registry {
    spin_lock lock;
    block_cache* first = nullptr;
    std::int64_t of_the_dead = 0;  // made minus recycled by threads that have ended
};
cache_registry registry;

struct block_cache {
    chain free;
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
        give_back(free, free.size);
        const std::lock_guard lock(registry.lock);
        registry.of_the_dead += made.load(std::memory_order_relaxed);
        if (next) next->prev = prev;
        (prev ? prev->next : registry.first) = next;
    }
    void count(std::int64_t by) noexcept {
        made.store(made.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
};

BASTION_NOINLINE block_cache& this_thread_blocks() noexcept {
    static thread_local block_cache cache;
    asm volatile("");
    return cache;
}

// Under the depot's lock.
void make_batch(depot& d, memory_home home, chain& into) {
    if (d.fresh_left < batch) {
        d.fresh = static_cast<std::byte*>(arena_reserve(slab_blocks * sizeof(control_block), home));
        d.fresh_left = slab_blocks;
    }
    // Addresses go up as blocks are popped: push the batch from its end.
    d.fresh_left -= batch;
    for (std::uint32_t i = batch; i-- > 0;)
        into.push(::new (static_cast<void*>(d.fresh + i * sizeof(control_block))) control_block);
    d.fresh += batch * sizeof(control_block);
}

void refill(chain& into) {
    const memory_home home = this_thread_pool().home();
    depot& d = depot_of(home);
    const std::lock_guard lock(d.lock);
    for (std::uint32_t i = 0; i < batch && d.free.size != 0; ++i) into.push(d.free.pop());
    if (into.size == 0) make_batch(d, home, into);
}

// From another node's memory: one at a time.
control_block* take_from(memory_home home) {
    depot& d = depot_of(home);
    const std::lock_guard lock(d.lock);
    if (d.free.size == 0) make_batch(d, home, d.free);
    return d.free.pop();
}

// relaxed: a stranger may look, for whom it is a hint (placement.cpp).
void set_node(control_block& b, std::uint16_t node) noexcept {
    std::atomic_ref(b.node).store(node, std::memory_order_relaxed);
}

control_block* prepared(control_block* b, runtime_home& home) noexcept {
    this_thread_blocks().count(1);
    // Nobody but stale senders knows the block, and they find it closed.
    b->ops = &process_ops;
    b->next = nullptr;
    b->slot = &b->own_slot;
    b->max_depth = default_max_depth;
    b->meter = nullptr;
    b->again = b->repoll = b->body_ended = b->started_sent = b->wait_ready = false;
    set_node(*b, 0);
    b->bound = false;
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
    b->tries = 0;
    b->since_ns = 0;
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
    if (cache.free.size == 0) refill(cache.free);
    return prepared(cache.free.pop(), home);
}

control_block* make_block(runtime_home& home, const placed& at) {
    control_block* b = nullptr;
    if (at.memory == no_home || at.memory == this_thread_pool().home()) {
        b = make_block(home);
    } else {
        ask_gate(sizeof(control_block));
        b = prepared(take_from(at.memory), home);
    }
    set_node(*b, at.node);
    b->bound = at.bound;
    return b;
}

void recycle_block(control_block* b) noexcept {
    if (cold_part* cold = b->cold.take(); cold != nullptr) pool_delete(cold);
    b->reason = exit_reason();
    if (b->kind != process_kind::system && b->body != nullptr) b->body->drop_owner();
    b->body = nullptr;
    b->frame = nullptr;
    b->entry = nullptr;
    b->life_state.release();
    b->generation.next();
    b->owner.clear(); // after the generation
    block_cache& cache = this_thread_blocks();
    if (cache.dead) {
        {
            depot& d = depot_for(b);
            const std::lock_guard lock(d.lock);
            d.free.push(b);
        }
        const std::lock_guard lock(registry.lock);
        --registry.of_the_dead;
        return;
    }
    cache.count(-1);
    cache.free.push(b);
    if (cache.free.size >= 4 * batch) give_back(cache.free, 2 * batch);
}

std::uint64_t live_blocks() noexcept {
    const std::lock_guard lock(registry.lock);
    std::int64_t sum = registry.of_the_dead;
    for (const block_cache* c = registry.first; c != nullptr; c = c->next)
        sum += c->made.load(std::memory_order_relaxed);
    return static_cast<std::uint64_t>(sum);
}

} // namespace bastion::detail
