// Memory that wanders between threads, in all interleavings: lists of free blocks through a depot.
#include "model/checked.hpp"

#include "executor/free_lists.hpp"

#include <array>

namespace {

struct free_block {
    model::plain<free_block*> next = nullptr;
    model::plain<free_block*> next_list = nullptr;
    model::plain<std::uint32_t> length = 0;
    model::plain<int> contents = 0;
};
using lists = bastion::detail::free_lists<free_block, model::atomics>;

// A thread's pool as far as its lists: frees blocks into its hand, puts the hand away, takes a list and uses its blocks.
struct cache {
    free_block* hand = nullptr;
    std::uint32_t in_hand = 0;

    void free(free_block& b) {
        b.contents = 0;
        b.next = hand;
        hand = &b;
        ++in_hand;
    }
    void put_hand_away(lists& depot) {
        depot.put(hand, in_hand);
        hand = nullptr;
        in_hand = 0;
    }
    bool refill(lists& depot) {
        std::uint32_t length = 0;
        free_block* const list = depot.take(length);
        if (list == nullptr) return false;
        hand = list;
        in_hand = length;
        return true;
    }
    // Makes something of each block in hand, and frees it again.
    void use() {
        std::uint32_t n = 0;
        for (free_block* b = hand; b != nullptr; b = b->next) {
            model::require(b->contents == 0, "a free block belongs to nobody");
            b->contents = 1;
            b->contents = 0;
            ++n;
        }
        model::require(n == in_hand, "a list comes out as long as it went in");
    }
};

constexpr std::size_t all_blocks = 4;

void all_are_there(lists& depot, const std::array<cache, 3>& caches) {
    std::uint64_t free = depot.blocks();
    for (const cache& c : caches) free += c.in_hand;
    model::require(free == all_blocks, "no block is lost, none is there twice");
}

// Two threads free what they have and take what the others freed; a third one takes twice.
void lists_change_hands(model::run& r) {
    auto& depot = r.make<lists>();
    auto& blocks = r.make<std::array<free_block, all_blocks>>();
    auto& caches = r.make<std::array<cache, 3>>();
    for (std::size_t t : {0u, 1u})
        r.thread([&, t] {
            caches[t].free(blocks[2 * t]);
            caches[t].free(blocks[2 * t + 1]);
            caches[t].put_hand_away(depot);
            if (caches[t].refill(depot)) caches[t].use();
        });
    r.thread([&] {
        for (int n = 0; n < 2; ++n) {
            if (!caches[2].refill(depot)) continue;
            caches[2].use();
            caches[2].put_hand_away(depot);
        }
    });
    r.at_end([&] { all_are_there(depot, caches); });
}

// One takes all lists at once and puts them back, as a sweep does, while two others free and take.
void a_sweep_among_users(model::run& r) {
    auto& depot = r.make<lists>();
    auto& blocks = r.make<std::array<free_block, all_blocks>>();
    auto& caches = r.make<std::array<cache, 3>>();
    for (std::size_t t : {0u, 1u})
        r.thread([&, t] {
            caches[t].free(blocks[2 * t]);
            caches[t].put_hand_away(depot);
            caches[t].free(blocks[2 * t + 1]);
            caches[t].put_hand_away(depot);
            if (caches[t].refill(depot)) caches[t].use();
        });
    r.thread([&] {
        for (free_block* list = depot.take_all(); list != nullptr;) {
            free_block* const next = list->next_list;
            caches[2].hand = list;
            caches[2].in_hand = list->length;
            caches[2].use();
            caches[2].put_hand_away(depot);
            list = next;
        }
    });
    r.at_end([&] { all_are_there(depot, caches); });
}

} // namespace

TEST_CASE("model: a sweep takes all lists of free blocks among those who use them") {
    model::check(a_sweep_among_users, {.stale_reads = 2});
}
TEST_CASE("model: lists of free blocks change hands") { model::check(lists_change_hands, {.stale_reads = 2}); }
