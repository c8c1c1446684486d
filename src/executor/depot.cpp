#include "executor/depot.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace bastion::detail {
namespace {

// A thread cuts its blocks from runs of its own, so that what it makes lies together.
constexpr std::size_t run_bytes = std::size_t{16} << 10;
// Records of slabs lie apart from these, so that slabs follow one another without a gap.
constexpr std::size_t records_at_once = 32;
// The system is given so much in one call: some milliseconds.
constexpr std::size_t most_at_once = std::size_t{32} << 20;

[[nodiscard]] constexpr std::uint32_t blocks_per_run(std::size_t block_bytes) noexcept {
    return std::max<std::uint32_t>(4, static_cast<std::uint32_t>(run_bytes / block_bytes));
}

// The whole pages between two addresses.
void give_back_pages(char* begin, char* end) noexcept {
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const std::uintptr_t first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) & ~(page - 1);
    const std::uintptr_t last = reinterpret_cast<std::uintptr_t>(end) & ~(page - 1);
    if (first < last) (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

char* reserve(std::size_t bytes, std::size_t alignment, memory_home home) {
    if (alignment == 0) return static_cast<char*>(arena_reserve(bytes, home));
    constexpr std::size_t before = 2 * cache_line;
    char* const piece = static_cast<char*>(arena_reserve(bytes + alignment + before, home)) + before;
    return piece + (-reinterpret_cast<std::uintptr_t>(piece) & (alignment - 1));
}

} // namespace

// Under the lock.
depot::slab& depot::new_slab(const block_kind& kind, memory_home home) {
    if (spare_records_ == nullptr) {
        auto* const records = static_cast<slab*>(arena_reserve(records_at_once * sizeof(slab), home));
        for (std::size_t i = 0; i < records_at_once; ++i) {
            slab* const record = ::new (static_cast<void*>(records + i)) slab;
            record->next = spare_records_;
            spare_records_ = record;
        }
    }
    slab& s = *spare_records_;
    s.bytes = std::max(next_slab_bytes_, kind.bytes);
    s.begin = reserve(s.bytes, kind.alignment, home);
    s.end = s.begin + s.bytes / kind.bytes * kind.bytes;
    poison_memory(s.begin, s.bytes);
    spare_records_ = s.next;
    s.next = all_;
    all_ = &s;
    ++slabs_;
    reserved_ += s.bytes;
    next_slab_bytes_ = std::min(2 * next_slab_bytes_, kind.biggest_slab);
    return s;
}

// Under the lock. False: no slab's pages were given back.
bool depot::take_empty() noexcept {
    slab* const from = empty_;
    if (from == nullptr) return false;
    empty_ = from->next_empty;
    given_back_ -= from->bytes;
    at_ = from->begin;
    cutting_ = from;
    return true;
}

// Under the lock; there is a rest.
depot::run depot::cut_some(const block_kind& kind) noexcept {
    const std::size_t left = static_cast<std::size_t>(cutting_->end - at_) / kind.bytes;
    const auto blocks = static_cast<std::uint32_t>(std::min<std::size_t>(left, blocks_per_run(kind.bytes)));
    const run r{at_, blocks, cutting_->again, cutting_->kept};
    at_ += blocks * kind.bytes;
    cut_ += blocks;
    return r;
}

depot::run depot::cut(const block_kind& kind, memory_home home) {
    const std::lock_guard guard(lock_);
    if (!has_rest() && !take_empty()) {
        slab& from = new_slab(kind, home);
        at_ = from.begin;
        cutting_ = &from;
    }
    return cut_some(kind);
}

depot::run depot::cut_again(const block_kind& kind) noexcept {
    const std::lock_guard guard(lock_);
    if ((has_rest() && cutting_->again) || (!has_rest() && take_empty())) return cut_some(kind);
    return {};
}

void depot::count_one(std::size_t block_bytes) noexcept {
    const std::lock_guard guard(lock_);
    ++cut_;
    reserved_ += block_bytes;
}

depot::figures depot::read() noexcept {
    const std::uint64_t free = lists_.blocks();
    const std::lock_guard guard(lock_);
    return {cut_, free, reserved_, given_back_};
}

void depot::put_in_lists(free_list blocks, std::size_t unused) noexcept {
    while (blocks.first != nullptr) {
        free_list some;
        while (blocks.first != nullptr && some.length < pool_batch) some.push(blocks.pop(unused), unused);
        put(some.first, some.length);
    }
}

// Whole slabs one after another, without a gap: in one piece, so that few huge pages are split.
void depot::make_fresh(slab* const* first, slab* const* last, const block_kind& kind) noexcept {
    for (slab* const* s = first; s != last; ++s) {
        (*s)->again = true;
        if (kind.kept != nullptr) (*s)->kept = kind.kept((*s)->begin, (*s)->end);
    }
    give_back_pages((*first)->begin, (*(last - 1))->begin + (*(last - 1))->bytes);
    const std::lock_guard guard(lock_);
    for (slab* const* s = last; s != first;) {
        --s;
        cut_ -= static_cast<std::size_t>((*s)->end - (*s)->begin) / kind.bytes;
        given_back_ += (*s)->bytes;
        (*s)->next_empty = empty_;
        empty_ = *s;
    }
}

// What of a slab lies in the lists.
struct depot::sweep {
    struct share {
        slab* of;
        free_list blocks;
    };
    std::vector<share> shares; // by address
    share* last_found = nullptr;

    [[nodiscard]] share* find(const void* block) noexcept {
        const auto* const at = static_cast<const char*>(block);
        const auto holds = [at](const share& s) { return s.of->begin <= at && at < s.of->end; };
        if (last_found != nullptr && holds(*last_found)) return last_found;
        const auto after = std::upper_bound(
            shares.begin(), shares.end(), at, [](const char* p, const share& s) { return p < s.of->begin; });
        if (after == shares.begin() || !holds(*(after - 1))) return nullptr;
        return last_found = &*(after - 1);
    }
};

std::size_t depot::give_back(const block_kind& kind, const keep_going& go_on) noexcept {
    sweep all;
    std::vector<slab*> whole;
    try {
        std::size_t most = 0;
        {
            const std::lock_guard guard(lock_);
            most = slabs_;
        }
        all.shares.reserve(most);
        whole.reserve(most);
        const std::lock_guard guard(lock_);
        for (slab* s = all_; s != nullptr; s = s->next)
            if (all.shares.size() < most)
                all.shares.push_back({s, {}}); // of later ones no block is free yet, or it stays
    } catch (const std::bad_alloc&) { return 0; }
    std::sort(all.shares.begin(), all.shares.end(),
        [](const sweep::share& a, const sweep::share& b) { return a.of->begin < b.of->begin; });

    free_list others; // of no slab that is known here
    bool goes_on = true;
    for (pool_block* list = lists_.take_all(); list != nullptr;) {
        unpoison_memory(list, sizeof(pool_block));
        pool_block* const next_list = list->next_list;
        free_list blocks{list, list->length};
        poison_memory(list, sizeof(pool_block));
        goes_on = goes_on && go_on();
        if (!goes_on) {
            put(blocks.first, blocks.length);
        } else {
            while (blocks.length > 0) {
                void* const block = blocks.pop(kind.unused);
                sweep::share* const in = all.find(block);
                (in != nullptr ? in->blocks : others).push(block, kind.unused);
            }
        }
        list = next_list;
    }
    std::size_t given = 0;
    const auto flush = [&] {
        if (whole.empty()) return;
        make_fresh(whole.data(), whole.data() + whole.size(), kind);
        for (const slab* s : whole) given += s->bytes;
        whole.clear();
    };
    for (sweep::share& s : all.shares) {
        const auto in_all = static_cast<std::size_t>(s.of->end - s.of->begin) / kind.bytes;
        if (!goes_on || s.blocks.length != in_all) {
            put_in_lists(s.blocks, kind.unused);
            continue;
        }
        const bool is_next = !whole.empty() && whole.back()->begin + whole.back()->bytes == s.of->begin;
        if (!is_next || static_cast<std::size_t>(s.of->begin - whole.front()->begin) >= most_at_once) {
            flush();
            goes_on = go_on();
        }
        if (goes_on) whole.push_back(s.of);
        else put_in_lists(s.blocks, kind.unused);
    }
    flush();
    put_in_lists(others, kind.unused);
    return given;
}

} // namespace bastion::detail
