// The pools' slow paths: depots, carving, the registry of caches and what happens when a thread ends.
#include "executor/block_store.hpp"
#include "executor/depot.hpp"
#include "executor/per_home.hpp"

#include <bastion/base/spin_lock.hpp>
#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/arena.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/reserve.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include <pthread.h>

namespace bastion::detail {
namespace {

struct depots_of_home {
    depot of_class[pool_classes];
};
constinit per_home<depots_of_home> depots;

template <class F>
void for_each_depot_of_class(std::size_t index, F f) {
    depots.for_each([&](depots_of_home& of) { f(of.of_class[index]); });
}
constexpr block_kind kind_of_class(std::size_t index) noexcept {
    return {pool_class_bytes[index], pool_class_bytes[index]};
}

// f(depot, kind of its blocks) for all that there are.
template <class F>
void for_each_depot(F f) {
    for (std::size_t index = 0; index < pool_classes; ++index)
        for_each_depot_of_class(index, [&](depot& d) { f(d, kind_of_class(index)); });
    block_store::for_each([&](block_store& s) { s.for_each_depot([&](depot& d) { f(d, s.kind()); }); });
}

// All of one home, whose depots were made before its first block.
void put_in_depot(const free_list& list, std::size_t index) noexcept {
    depots.of(home_of(list.first))->of_class[index].put(list.first, list.length);
}

constinit thread_local pool_cache* current __attribute__((tls_model("initial-exec"))) = nullptr;
constinit thread_local allocation_gate* gate = nullptr;
constinit thread_local bool on_reserve = false;

// Memory put aside; see reserve.hpp.
class put_aside {
public:
    // Null: it is used up.
    void* take(std::size_t bytes) noexcept {
        const std::lock_guard guard(lock_);
        if (static_cast<std::size_t>(end_ - begin_) < bytes) return nullptr;
        void* const p = begin_;
        begin_ += bytes;
        if (static_cast<std::size_t>(end_ - begin_) < reserve_bytes / 2) low_.store(true, std::memory_order_relaxed);
        return p;
    }
    void fill() {
        if (filling_.exchange(true, std::memory_order_acquire)) return; // one at a time: what another fills is enough
        struct done {
            std::atomic<bool>& flag;
            ~done() { flag.store(false, std::memory_order_release); }
        } const at_end{filling_};
        char* const more = static_cast<char*>(arena_reserve(reserve_bytes));
        std::memset(more, 1, reserve_bytes);
        poison_memory(more, reserve_bytes);
        const std::lock_guard guard(lock_);
        begin_ = more; // what was left of the last one is given up
        end_ = more + reserve_bytes;
        low_.store(false, std::memory_order_relaxed);
    }
    [[nodiscard]] bool low() const noexcept { return low_.load(std::memory_order_relaxed); }

private:
    spin_lock lock_; // Guards begin_ and end_.
    char* begin_ = nullptr;
    char* end_ = nullptr;
    std::atomic<bool> filling_{false};
    std::atomic<bool> low_{true}; // Less than half is left. A hint: relaxed, what counts is under the lock.
};
constinit put_aside reserve;

} // namespace

// Which caches exist. A cache is never destroyed: when its thread ends, its blocks go to the depots and the next
// thread takes it.
//
// The end of a thread is heard through a pthread key: its destructors run after those of all C++ thread-locals, and
// again if one of them came back for a cache. The main thread's cache simply stays.
struct pool_registry {
    std::mutex mutex;
    std::atomic<pool_cache*> all{nullptr}; // Grows at the head only; release on insertion, acquire in statistics.
    pool_cache* idle = nullptr;
    bool key_made = false;
    pthread_key_t key{};

    static pool_registry& get() noexcept {
        static constinit pool_registry registry;
        return registry;
    }

    static void retire(void* p) noexcept {
        auto* const cache = static_cast<pool_cache*>(p);
        current = nullptr;
        gate = nullptr;
        cache->set_careful(false);
        cache->flush();
        pool_registry& registry = get();
        const std::lock_guard guard(registry.mutex);
        cache->next_idle_ = registry.idle;
        registry.idle = cache;
    }

    static void set_careful(bool on) noexcept { this_thread_pool().set_careful(on); }

    pool_cache& adopt() {
        pool_cache* cache;
        {
            const std::lock_guard guard(mutex);
            if (!key_made) {
                if (::pthread_key_create(&key, [](void* p) { retire(p); }) != 0) std::terminate();
                key_made = true;
            }
            cache = idle;
            if (cache != nullptr) {
                idle = cache->next_idle_;
            } else {
                cache = ::new (arena_reserve(sizeof(pool_cache))) pool_cache;
                cache->next_cache_ = all.load(std::memory_order_relaxed);
                all.store(cache, std::memory_order_release); // Pairs with the acquire in large_live and free_in_caches.
            }
        }
        cache->set_home(no_home); // its last thread may have had another
        current = cache;
        ::pthread_setspecific(key, cache); // If it fails, this thread's cache is not flushed at its end: no harm else.
        return *cache;
    }

    std::uint64_t free_in_caches(std::size_t index) noexcept {
        std::uint64_t sum = 0;
        for (pool_cache* c = all.load(std::memory_order_acquire); c != nullptr; c = c->next_cache_) {
            const pool_cache::bin& b = c->bins_[index];
            if (!c->careful_.load(std::memory_order_relaxed)) sum += b.in_hand.load(std::memory_order_relaxed);
            sum += b.in_spare.load(std::memory_order_relaxed);
            sum += b.in_fresh.load(std::memory_order_relaxed);
        }
        return sum;
    }

    void large_live(std::int64_t& blocks, std::int64_t& bytes) noexcept {
        for (pool_cache* c = all.load(std::memory_order_acquire); c != nullptr; c = c->next_cache_) {
            blocks += c->large_blocks_.load(std::memory_order_relaxed);
            bytes += c->large_bytes_.load(std::memory_order_relaxed);
        }
    }
};

pool_cache& this_thread_pool() noexcept {
    pool_cache* const cache = current;
    if (cache != nullptr) [[likely]]
        return *cache;
    return pool_registry::get().adopt();
}

void* pool_cache::allocate_slow(std::size_t index) {
    if (careful_.load(std::memory_order_relaxed)) return allocate_carefully(index);
    try {
        return allocate_from_stock(index);
    } catch (const std::bad_alloc&) {
        if (!on_reserve) throw;
        return from_reserve(index);
    }
}

void* pool_cache::from_reserve(std::size_t index) {
    const std::size_t size = pool_class_bytes[index];
    void* const block = reserve.take(size);
    if (block == nullptr) throw std::bad_alloc{};
    unpoison_memory(block, size);
    depots.of(home_of(block))->of_class[index].count_one(size);
    return block;
}

void* pool_cache::allocate_from_stock(std::size_t index) {
    bin& b = bins_[index];
    depot& stock = depots.of(home_)->of_class[index];
    const std::size_t size = pool_class_bytes[index];
    std::uint32_t length = 0;
    pool_block* list = b.spare;
    if (list != nullptr) {
        length = b.in_spare.load(std::memory_order_relaxed);
        b.spare = nullptr;
        b.in_spare.store(0, std::memory_order_relaxed);
    } else if (b.in_fresh.load(std::memory_order_relaxed) == 0) {
        list = stock.take(length);
    }
    if (list != nullptr) {
        unpoison_memory(list, size);
        b.hand = list->next;
        b.in_hand.store(length - 1, std::memory_order_relaxed);
        return list;
    }
    if (b.in_fresh.load(std::memory_order_relaxed) == 0) {
        const depot::run r = stock.cut(kind_of_class(index), home_);
        b.fresh = r.begin;
        b.in_fresh.store(r.blocks, std::memory_order_relaxed);
    }
    void* const block = b.fresh;
    b.fresh += size;
    add(b.in_fresh, std::uint32_t(-1));
    unpoison_memory(block, size);
    return block;
}

void pool_cache::put_hand_away(std::size_t index) noexcept {
    bin& b = bins_[index];
    if (careful_.load(std::memory_order_relaxed)) { // the one block goes to the spare list
        pool_block* const block = std::exchange(b.hand, nullptr);
        unpoison_memory(block, pool_class_bytes[index]);
        block->next = b.spare;
        poison_memory(block, pool_class_bytes[index]);
        b.spare = block;
        add(b.in_spare, 1);
        b.in_hand.store(pool_batch - 1, std::memory_order_relaxed);
        return;
    }
    spare_hand(index);
}

// The hand becomes the spare list, which goes to the depot; of the hand only what belongs to the cache's home, if anybody has one.
void pool_cache::spare_hand(std::size_t index) noexcept {
    bin& b = bins_[index];
    free_list hand{std::exchange(b.hand, nullptr), b.in_hand.load(std::memory_order_relaxed)};
    b.in_hand.store(0, std::memory_order_relaxed);
    if (anybody_has_a_home()) [[unlikely]] {
        const std::size_t size = pool_class_bytes[index];
        free_list all = hand;
        hand = all.take_out(home_, size);
        while (all.first != nullptr) put_in_depot(all.take_out(home_of(all.first), size), index);
        if (hand.first == nullptr) return;
    }
    put_spare_away(index);
    b.spare = hand.first;
    b.in_spare.store(hand.length, std::memory_order_relaxed);
}

void pool_cache::put_spare_away(std::size_t index) noexcept {
    bin& b = bins_[index];
    if (b.spare != nullptr) depots.of(home_)->of_class[index].put(b.spare, b.in_spare.load(std::memory_order_relaxed));
    b.spare = nullptr;
    b.in_spare.store(0, std::memory_order_relaxed);
}

// Blocks of a run that were never used become free blocks.
void pool_cache::put_fresh_away(std::size_t index) noexcept {
    bin& b = bins_[index];
    const std::size_t size = pool_class_bytes[index];
    free_list all;
    for (std::uint32_t left = b.in_fresh.load(std::memory_order_relaxed); left > 0; --left) {
        all.push(b.fresh, size);
        b.fresh += size;
    }
    b.in_fresh.store(0, std::memory_order_relaxed);
    if (all.first != nullptr) put_in_depot(all, index);
}

void pool_cache::set_home(memory_home home) noexcept {
    if (home == home_ || depots.of(home) == nullptr) return;
    flush();
    for (std::size_t index = 0; index < pool_classes; ++index) put_fresh_away(index);
    home_ = home;
}

void* pool_cache::allocate_carefully(std::size_t index) {
    // What may use the reserve gets its block, from the stock as long as there is one: a million of refusals that are
    // only played would use up any reserve.
    if (!may_allocate(pool_class_bytes[index]) && !on_reserve) throw std::bad_alloc{};
    bin& b = bins_[index];
    careful_.store(false, std::memory_order_relaxed);
    b.in_hand.store(0, std::memory_order_relaxed);
    const auto leave = [&]() noexcept { // with all that is in hand now spare
        b.spare = std::exchange(b.hand, nullptr);
        b.in_spare.store(b.in_hand.load(std::memory_order_relaxed), std::memory_order_relaxed);
        b.in_hand.store(pool_batch - 1, std::memory_order_relaxed);
        careful_.store(true, std::memory_order_relaxed);
    };
    try {
        void* const block = allocate_slow(index); // as always, with its reserve
        leave();
        return block;
    } catch (...) { // the system says no
        leave();
        throw;
    }
}

void pool_cache::set_careful(bool on) noexcept {
    if (careful_.load(std::memory_order_relaxed) == on) return;
    if (on) flush();
    careful_.store(on, std::memory_order_relaxed);
    for (bin& b : bins_) b.in_hand.store(on ? pool_batch - 1 : 0, std::memory_order_relaxed);
}

allocation_gate* set_allocation_gate(allocation_gate* now) noexcept {
    pool_registry::set_careful(now != nullptr);
    return std::exchange(gate, now);
}

void fill_reserve() {
    if (reserve.low()) reserve.fill();
}

bool use_reserve(bool on) noexcept {
    if (on && !on_reserve) {
        try {
            fill_reserve();
        } catch (const std::bad_alloc&) { // then what is left must do
        }
    }
    return std::exchange(on_reserve, on);
}

void ask_gate(std::size_t bytes) {
    if (!on_reserve && !may_allocate(bytes)) throw std::bad_alloc{};
}

bool may_allocate(std::size_t bytes) noexcept { return gate == nullptr || gate->may_allocate(bytes); }

void pool_cache::flush_free() noexcept {
    if (!careful_.load(std::memory_order_relaxed)) flush();
}

// Not the fresh run: the next thread to take this cache goes on with it.
void pool_cache::flush() noexcept {
    for (std::size_t index = 0; index < pool_classes; ++index) {
        if (bins_[index].hand != nullptr) spare_hand(index);
        put_spare_away(index);
    }
}

void* pool_cache::allocate_large(std::size_t bytes) {
    ask_gate(bytes);
    void* const p = ::operator new(bytes, std::align_val_t{cache_line});
    large_blocks_.store(large_blocks_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    large_bytes_.store(
        large_bytes_.load(std::memory_order_relaxed) + static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
    return p;
}

void pool_cache::free_large(void* p, std::size_t bytes) noexcept {
    if (p == nullptr) return;
    ::operator delete(p, std::align_val_t{cache_line});
    large_blocks_.store(large_blocks_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    large_bytes_.store(
        large_bytes_.load(std::memory_order_relaxed) - static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
}

pool_stats read_pool_stats() {
    pool_registry& registry = pool_registry::get();
    std::int64_t blocks = 0;
    std::int64_t bytes = 0;
    registry.large_live(blocks, bytes);
    std::uint64_t reserved = 0;
    std::uint64_t given_back = 0;
    for (std::size_t index = 0; index < pool_classes; ++index) {
        depot::figures f;
        for_each_depot_of_class(index, [&f](depot& d) {
            const depot::figures here = d.read();
            f.cut += here.cut;
            f.free += here.free;
            f.reserved += here.reserved;
            f.given_back += here.given_back;
        });
        const auto free = f.free + registry.free_in_caches(index);
        const auto live = static_cast<std::int64_t>(f.cut) - static_cast<std::int64_t>(free);
        blocks += live;
        bytes += live * pool_class_bytes[index];
        reserved += f.reserved;
        given_back += f.given_back;
    }
    return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, blocks)),
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes)), reserved, given_back};
}

namespace {

std::uint64_t free_bytes() noexcept {
    std::uint64_t sum = 0;
    for_each_depot([&sum](depot& d, const block_kind& kind) { sum += d.free_blocks() * kind.bytes; });
    return sum;
}

// A sweep is worth it when so much more is free than the last one had to leave.
constexpr std::uint64_t worth_a_sweep = std::uint64_t{16} << 20;
std::atomic<std::uint64_t> left_by_sweep{0}; // relaxed: a hint
std::atomic<bool> sweeping{false};

} // namespace

bool has_pages_to_give_back() noexcept {
    const std::uint64_t now = free_bytes();
    if (now < left_by_sweep.load(std::memory_order_relaxed)) left_by_sweep.store(now, std::memory_order_relaxed);
    return now >= left_by_sweep.load(std::memory_order_relaxed) + worth_a_sweep;
}

std::size_t give_pages_back(const keep_going& go_on) noexcept {
    if (sweeping.exchange(true, std::memory_order_acquire)) return 0; // another sweeps
    this_thread_pool().flush_free();
    std::size_t given = 0;
    block_store::for_each([](const block_store& s) { s.flush(); });
    for_each_depot([&](depot& d, const block_kind& kind) {
        if (go_on()) given += d.give_back(kind, go_on);
    });
    if (go_on()) left_by_sweep.store(free_bytes(), std::memory_order_relaxed);
    sweeping.store(false, std::memory_order_release);
    return given;
}

} // namespace bastion::detail
