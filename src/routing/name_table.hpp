// A table of names that is read without a lock: one writer at a time, any number of readers.
//
// Part of the directory, which has a few and holds a lock around each change. Promises: `find` returns what was entered
// under exactly that name, or nothing; a change that goes on meanwhile was or was not made.
// Cost: a find is a look at 16 tags, which stay in the cache, and one line of memory. It is short, and its branches go the
// same way nearly always, so that look-ups in a row wait for memory together. It writes nothing, and reads nothing that the
// change of another name writes, but for the tags of its neighbours.
//
// How: groups of 15 slots with a tag of eight bits each (after Boost's unordered_flat_map and Folly's F14): the 16th byte
// says which hashes had to go on to the next group. A slot has the name and, packed in two words, the address; what only
// writers need stands elsewhere. So 100,000 names of up to 15 bytes fit into a cache of 4 MB. Big tables ask for huge pages.
//
// Protocol (a sequence lock for each slot):
//  1. Who empties a slot stores a new state with the mark `empty` (release). Who fills it stores the words of the name and
//     of the address, each by a release store, then a new state without the mark.
//  2. A reader takes a state without the mark (acquire), reads the words by acquire loads, and looks at the state again. If
//     a load has returned something that was stored meanwhile, the second look sees the mark that came before, or a later
//     state: nothing is there.
//  3. While it has a name, a slot is not moved, its tag stays, and so do the marks of those that went on before it: who is
//     there is found, whatever comes and goes around. Who is not found was not there at some instant.
//  4. A table that has become too small, or full of marks, is left: it stays as it is for readers that are still in it, and
//     what they find was so when it was left. It may be filled again, and then does not hold all names for a while: who
//     finds nothing looks whether a table was filled meanwhile (`moves_`). There are at most two of a size.
#ifndef BASTION_SRC_ROUTING_NAME_TABLE_HPP
#define BASTION_SRC_ROUTING_NAME_TABLE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <sys/mman.h>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bastion::detail {

// A name of fewer bytes than so many words have: its bytes, zeros, and its length in the last one. Made by loads of words
// alone: what is written in bytes and read in words waits for the bytes.
template <std::size_t Words>
class short_name {
public:
    static constexpr std::size_t longest = 8 * Words - 1;

    // At most `longest` bytes.
    explicit short_name(std::string_view text) noexcept {
        const char* const p = text.data();
        const std::size_t n = text.size();
        if (n >= 8) [[likely]] {
            for (std::size_t k = 0; k + 1 < Words; ++k)
                if (8 * (k + 1) <= n) words[k] = load<std::uint64_t>(p + 8 * k);
            // The last bytes, as many as fill no word: the last word of the text, without what stands before.
            words[n / 8] = load<std::uint64_t>(p + n - 8) >> 8 >> 8 * (7 - n % 8);
        } else if (n >= 4) {
            words[0] = load<std::uint32_t>(p) | load<std::uint32_t>(p + n - 4) << 32; // they overlap
        } else if (n != 0) {
            words[0] = load<std::uint8_t>(p) | load<std::uint8_t>(p + n / 2) << 8 | load<std::uint8_t>(p + n - 1) << 16;
        }
        words[Words - 1] |= std::uint64_t{n} << 56;
    }
    // Folded multiplications, as in wyhash: whatever bit differs changes all.
    [[nodiscard]] std::uint64_t hash() const noexcept {
        std::uint64_t h = 0;
        for (std::size_t k = 0; k < Words; k += 2)
            h = folded(words[k] ^ h ^ 0xa0761d6478bd642fu, words[k + 1] ^ 0xe7037ed1a0b428dbu);
        return folded(h ^ 0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u);
    }

    std::array<std::uint64_t, Words> words{};

private:
    static_assert(Words % 2 == 0);
    template <class Word>
    [[nodiscard]] static std::uint64_t load(const char* from) noexcept {
        Word w;
        std::memcpy(&w, from, sizeof w);
        return w;
    }
    [[nodiscard]] static std::uint64_t folded(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using wide = unsigned __int128;
        const wide product = static_cast<wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
};

// What a name stands for: the address of a process...
struct found_name {
    std::uintptr_t block = 0; // null: nobody
    std::uint64_t generation = 0;
    [[nodiscard]] explicit operator bool() const noexcept { return block != 0; }
};
// ... and the number of its giving.
struct named : found_name {
    std::uint64_t number = 0;
};

// Objects in one piece of memory, on huge pages when they fill a good part of one.
template <class T, class Atomics>
class page_array {
public:
    explicit page_array(std::size_t n)
        : size_(n), big_(n * sizeof(T) > huge_page / 4),
          first_(static_cast<T*>(::operator new(bytes(), std::align_val_t(big_ ? huge_page : alignof(T))))) {
        if (big_) (void)::madvise(first_.get(), bytes(), MADV_HUGEPAGE); // a wish
        std::uninitialized_value_construct_n(first_.get(), n);
    }
    page_array(const page_array&) = delete;
    page_array& operator=(const page_array&) = delete;
    ~page_array() {
        std::destroy_n(first_.get(), size_);
        ::operator delete(first_.get(), std::align_val_t(big_ ? huge_page : alignof(T)));
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return first_.get()[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return first_.get()[i]; }

private:
    static constexpr std::size_t huge_page = std::size_t{2} << 20;
    [[nodiscard]] std::size_t bytes() const noexcept {
        return big_ ? (size_ * sizeof(T) + huge_page - 1) / huge_page * huge_page : size_ * sizeof(T);
    }
    const std::size_t size_;
    const bool big_;
    const typename Atomics::template var<T*> first_;
};

// Of names of fewer bytes than so many words have; two words make a slot half a line, six a line.
template <std::size_t NameWords, std::size_t FirstGroups = 4, std::size_t GroupSlots = 15, class Atomics = std_atomics>
class name_table {
    static_assert((FirstGroups & (FirstGroups - 1)) == 0 && GroupSlots <= 15);
    using word = typename Atomics::template atomic<std::uint64_t>;

    static constexpr std::size_t group_slots = GroupSlots;
    static constexpr std::uint64_t every_byte = 0x0101010101010101u;

    // Invariant: of 16 bytes, the first 15 are tags (0: an empty slot); in the last a bit is set for hashes that went on.
    struct alignas(16) group {
        std::array<word, 2> tags{};
    };
    // Invariant: a slot without a tag is marked as empty.
    struct alignas(8 * (NameWords + 2)) slot {
        std::array<word, NameWords> name{};
        word address{0}; // of its address the block, and the lowest bits of the generation
        word state{empty_mark}; // how often it was changed, the mark, and the other bits of the generation
    };
    struct for_writers {
        std::uint64_t hash = 0;
        std::uint64_t number = 0;
    };
    static constexpr unsigned block_bits = 48;
    static constexpr unsigned high_bits = 24;
    static constexpr unsigned generation_bits = 64 - block_bits + high_bits;
    static constexpr std::uint64_t empty_mark = std::uint64_t{1} << high_bits;
    static constexpr std::uint64_t change = 2 * empty_mark;

    struct table {
        explicit table(std::size_t n) : groups(n), slots(n * group_slots), rest(n * group_slots) {}
        page_array<group, Atomics> groups;
        page_array<slot, Atomics> slots;
        page_array<for_writers, Atomics> rest;
    };
    struct place {
        std::size_t group;
        unsigned index;
        [[nodiscard]] std::size_t slot() const noexcept { return group * group_slots + index; }
    };

public:
    using name = short_name<NameWords>;

    name_table() { move_to(FirstGroups); }
    name_table(const name_table&) = delete;
    name_table& operator=(const name_table&) = delete;

    // A null block: there is no such name. Without the number, which who looks up does not need.
    [[nodiscard]] BASTION_INLINE found_name find(std::size_t hash, const name& called) const noexcept {
        const table& t = *table_.load(std::memory_order_acquire); // pairs with move_to
        const std::size_t home = hash & (t.groups.size() - 1);
        // relaxed: a hint; what the slot says holds by itself. The first one with that tag nearly always is it.
        const unsigned hits = with_tag(tags_of(t.groups[home], std::memory_order_relaxed), tag_of(hash));
        const auto index = static_cast<unsigned>(std::countr_zero(hits | 1u << (group_slots - 1))); // no hit: any
        if (const found_name found = read(t.slots[place{home, index}.slot()], called)) [[likely]]
            return found;
        return find_among_all(hash, called);
    }

    // ---- one at a time
    // Whether a slot has room for that address; one of 48 bits, and 10^12 processes in its block, it has.
    [[nodiscard]] static bool fits(const found_name& what) noexcept {
        return what.block >> block_bits == 0 && what.generation >> generation_bits == 0;
    }
    [[nodiscard]] std::optional<named> look(std::size_t hash, const name& called) const noexcept {
        const std::optional<place> at = place_of(*current_, hash, called);
        if (!at) return {};
        return named{read(current_->slots[at->slot()], called), current_->rest[at->slot()].number};
    }
    // Something that fits. False: the name is there.
    [[nodiscard]] bool insert(std::size_t hash, const name& called, const named& what) {
        if (place_of(*current_, hash, called)) return false;
        const std::size_t slots = current_->slots.size();
        if (8 * (used_ + 1) > 7 * slots) move_to(2 * current_->groups.size());
        else if (2 * erased_ > slots && 2 * marked_ >= current_->groups.size())
            move_to(current_->groups.size()); // the marks of those that went on stay till then
        put(*current_, hash, called, what);
        ++used_;
        return true;
    }
    // False: it was not there.
    bool erase(std::size_t hash, const name& called) noexcept {
        table& t = *current_;
        const std::optional<place> at = place_of(t, hash, called);
        if (!at) return false;
        empty(t.slots[at->slot()]);
        set_tag(t.groups[at->group], at->index, 0);
        --used_;
        ++erased_;
        return true;
    }
    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    [[nodiscard]] std::size_t groups() const noexcept { return current_->groups.size(); }
    [[nodiscard]] std::size_t groups_with_marks() const noexcept { return marked_; }
    [[nodiscard]] std::uint64_t moves() const noexcept { return mine(moves_); }

private:
    // The group is chosen by the lowest bits, the tag by those above 32, the mark of those that went on by the next three.
    [[nodiscard]] static std::uint64_t tag_of(std::size_t hash) noexcept {
        const std::uint64_t tag = (hash >> 32) & 0xff;
        return tag != 0 ? tag : 1;
    }
    [[nodiscard]] static std::uint64_t overflow_bit(std::size_t hash) noexcept {
        return std::uint64_t{1} << (56 + ((hash >> 40) & 7));
    }

    // A bit for each of the 15 slots that has that tag.
    [[nodiscard]] BASTION_INLINE static unsigned with_tag(
        const std::array<std::uint64_t, 2>& in, std::uint64_t tag) noexcept {
#if defined(__SSE2__)
        const __m128i tags = _mm_set_epi64x(static_cast<long long>(in[1]), static_cast<long long>(in[0]));
        const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
        return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted))) & 0x7fffu;
#else
        return (bytes_equal(in[0], tag) | bytes_equal(in[1], tag) << 8) & 0x7fffu;
#endif
    }
    // A bit for each byte of the word that has that value.
    [[nodiscard]] static unsigned bytes_equal(std::uint64_t bytes, std::uint64_t value) noexcept {
        constexpr std::uint64_t low_bits = every_byte * 0x7f;
        const std::uint64_t differs = bytes ^ (value * every_byte);
        const std::uint64_t equal = ~(((differs & low_bits) + low_bits) | differs | low_bits); // the top bit of each
        return static_cast<unsigned>((equal >> 7) * 0x0102040810204080u >> 56);
    }

    [[nodiscard]] BASTION_INLINE static std::array<std::uint64_t, 2> tags_of(
        const group& g, std::memory_order order) noexcept {
        return {g.tags[0].load(order), g.tags[1].load(order)};
    }

    [[nodiscard]] BASTION_COLD found_name find_among_all(std::size_t hash, name called) const noexcept {
        for (;;) {
            // acquire, for both: a table that is filled after this look is not the one that is read next, or else the second
            // look sees it. Pairs with move_to.
            const std::uint64_t before = moves_.load(std::memory_order_acquire);
            found_name found;
            visit_places(*table_.load(std::memory_order_acquire), hash, [&](const slot& s, const place&) {
                found = read(s, called);
                return bool(found);
            });
            // relaxed: after the loads of tags, which acquire.
            if (found || moves_.load(std::memory_order_relaxed) == before) return found;
        }
    }
    [[nodiscard]] static std::optional<place> place_of(const table& t, std::size_t hash, const name& called) noexcept {
        std::optional<place> found;
        visit_places(t, hash, [&](const slot& s, const place& at) {
            if (!read(s, called)) return false;
            found = at;
            return true;
        });
        return found;
    }
    // Shows it the slots that may have a name of that hash, until it says that it has.
    template <class IsIt>
    static void visit_places(const table& t, std::size_t hash, IsIt&& is_it) noexcept {
        const std::size_t mask = t.groups.size() - 1;
        std::size_t g = hash & mask;
        // In a table that is filled meanwhile the end may be missed: no reader goes round.
        for (std::size_t looked = 0; looked <= mask; ++looked, g = (g + 1) & mask) {
            // acquire: pairs with set_tag and move_to.
            const std::array<std::uint64_t, 2> tags = tags_of(t.groups[g], std::memory_order_acquire);
            for (unsigned hits = with_tag(tags, tag_of(hash)); hits != 0; hits &= hits - 1) {
                const place at{g, static_cast<unsigned>(std::countr_zero(hits))};
                if (is_it(t.slots[at.slot()], at)) return;
            }
            if ((tags[1] & overflow_bit(hash)) == 0) return;
        }
    }
    // What that slot says of the name; null: nothing, at some instant. One branch for all. acquire: pairs with put and empty.
    [[nodiscard]] BASTION_INLINE static found_name read(const slot& s, const name& called) noexcept {
        const std::uint64_t state = s.state.load(std::memory_order_acquire);
        std::uint64_t other = state & empty_mark;
        for (std::size_t k = 0; k < NameWords; ++k)
            other |= s.name[k].load(std::memory_order_acquire) ^ called.words[k];
        const std::uint64_t address = s.address.load(std::memory_order_acquire);
        // relaxed: after the loads above, which acquire.
        if ((other | (s.state.load(std::memory_order_relaxed) ^ state)) != 0) return {};
        return {static_cast<std::uintptr_t>(address & ((std::uint64_t{1} << block_bits) - 1)),
            address >> block_bits | (state & (empty_mark - 1)) << (64 - block_bits)};
    }

    // release: who reads it sees what was stored before.
    static void store(word& w, std::uint64_t value) noexcept { w.store(value, std::memory_order_release); }
    // relaxed: only who writes stores.
    [[nodiscard]] static std::uint64_t mine(const word& w) noexcept { return w.load(std::memory_order_relaxed); }

    static std::uint64_t next_change(const slot& s) noexcept { return (mine(s.state) & ~(change - 1)) + change; }
    static void empty(slot& s) noexcept { store(s.state, next_change(s) | empty_mark); }
    static void set_tag(group& g, unsigned index, std::uint64_t tag) noexcept {
        const unsigned shift = 8 * (index % 8);
        word& half = g.tags[index / 8];
        store(half, (mine(half) & ~(std::uint64_t{0xff} << shift)) | (tag << shift));
    }
    void put(table& t, std::size_t hash, const name& called, const named& what) noexcept {
        const std::size_t mask = t.groups.size() - 1;
        for (std::size_t g = hash & mask;; g = (g + 1) & mask) {
            group& here = t.groups[g];
            for (unsigned index = 0; index < group_slots; ++index) {
                if (((mine(here.tags[index / 8]) >> (8 * (index % 8))) & 0xff) != 0) continue;
                const std::size_t at = place{g, index}.slot();
                slot& s = t.slots[at];
                for (std::size_t k = 0; k < NameWords; ++k) store(s.name[k], called.words[k]);
                store(s.address, std::uint64_t{what.block} | what.generation << block_bits);
                store(s.state, next_change(s) | what.generation >> (64 - block_bits));
                t.rest[at] = {hash, what.number};
                set_tag(here, index, tag_of(hash));
                return;
            }
            if (mine(here.tags[1]) >> 56 == 0) ++marked_;
            store(here.tags[1], mine(here.tags[1]) | overflow_bit(hash));
        }
    }

    // To a table of so many groups: one that was left before, or a new one.
    void move_to(std::size_t groups) {
        table* to = nullptr;
        for (const auto& t : tables_)
            if (t.get() != current_ && t->groups.size() == groups) to = t.get();
        if (to == nullptr) to = tables_.emplace_back(std::make_unique<table>(groups)).get();
        // release: who reads it reads the table that is left now, or a later one. It stands before all that is stored next.
        moves_.store(mine(moves_) + 1, std::memory_order_release); // pairs with find_among_all
        for (std::size_t g = 0; g < groups; ++g)
            for (word& tags : to->groups[g].tags) store(tags, 0);
        for (std::size_t i = 0; i < to->slots.size(); ++i) empty(to->slots[i]);
        marked_ = 0;
        if (current_ != nullptr) copy(*current_, *to);
        current_ = to;
        table_.store(to, std::memory_order_release); // pairs with find
        erased_ = 0;
    }
    void copy(const table& from, table& to) noexcept {
        for (std::size_t at = 0; at < from.slots.size(); ++at) {
            const slot& s = from.slots[at];
            if ((mine(s.state) & empty_mark) != 0) continue;
            name called{std::string_view()};
            for (std::size_t k = 0; k < NameWords; ++k) called.words[k] = mine(s.name[k]);
            put(to, from.rest[at].hash, called, {read(s, called), from.rest[at].number});
        }
    }

    // What readers need, on a line of their own: it changes when a table is filled.
    alignas(cache_line) typename Atomics::template atomic<table*> table_{nullptr};
    word moves_{0};
    alignas(cache_line) table* current_ = nullptr; // what `table_` says, for who writes
    std::vector<std::unique_ptr<table>> tables_; // all there have been
    std::size_t used_ = 0;
    std::size_t marked_ = 0; // so many of its groups say that some went on
    std::size_t erased_ = 0; // since the last move
};

} // namespace bastion::detail

#endif
