// A table of short names that is read without a lock: one writer at a time, any number of readers.
//
// Part of the directory, which has a few and holds a lock around each change. Promises: `find` returns what was entered
// under exactly that name, or nothing; a change that goes on meanwhile was or was not made.
// Cost: a find is a hash that the caller has, a look at 16 tags, which stay in the cache, and one line of memory; its
// branches go the same way nearly always, so that look-ups in a row wait for memory together. It writes nothing.
//
// How: groups of 15 slots with a tag of eight bits each (after Boost's unordered_flat_map and Folly's F14): the 16th byte
// says which hashes had to go on to the next group. A slot is a line; big tables ask for huge pages.
//
// Protocol (a sequence lock): the version is odd while somebody writes.
//  1. A writer makes the version odd, changes words, each by a release store, and makes the version even by another.
//  2. A reader takes an even version (acquire), reads words by acquire loads, and looks at the version again. If a load
//     has returned something that was stored meanwhile, the second look sees the odd version that came before it, or a
//     later one: the reader begins anew.
//  3. A table that is left, because it has become too small or full of marks, stays where it is until the end, for readers
//     that are still in it: the version has changed, so they find out. It may be used again. There are at most two of a size.
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

namespace bastion::detail {

// A name of at most 23 bytes, as three words.
class short_name {
public:
    static constexpr std::size_t longest = 23;

    explicit short_name(std::string_view text) noexcept {
        std::array<char, longest + 1> bytes{};
        std::memcpy(bytes.data(), text.data(), text.size());
        bytes[longest] = static_cast<char>(text.size());
        std::memcpy(words.data(), bytes.data(), bytes.size());
    }
    std::array<std::uint64_t, 3> words;
};

// What a name stands for: the address of a process, and the number of its giving.
struct named {
    std::uintptr_t block = 0;
    std::uint64_t generation = 0;
    std::uint64_t number = 0;
};

// Objects in one piece of memory, on huge pages when they fill most of one.
template <class T, class Atomics>
class page_array {
public:
    explicit page_array(std::size_t n)
        : size_(n), big_(n * sizeof(T) >= huge_page / 2),
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

template <std::size_t FirstGroups = 4, std::size_t GroupSlots = 15, class Atomics = std_atomics>
class basic_name_table {
    static_assert((FirstGroups & (FirstGroups - 1)) == 0 && GroupSlots <= 15);
    using word = typename Atomics::template atomic<std::uint64_t>;

    static constexpr std::size_t group_slots = GroupSlots;
    static constexpr std::uint64_t every_byte = 0x0101010101010101u;

    // Invariant: of 16 bytes, the first 15 are tags (0: an empty slot); in the last a bit is set for hashes that went on.
    struct group {
        std::array<word, 2> tags{};
    };
    struct alignas(cache_line) slot {
        std::array<word, 3> name{};
        word hash{0};
        word block{0};
        word generation{0};
        word number{0};
    };
    struct table {
        explicit table(std::size_t n) : groups(n), slots(n * group_slots) {}
        page_array<group, Atomics> groups;
        page_array<slot, Atomics> slots;
    };
    struct place {
        std::size_t group;
        unsigned index;
        [[nodiscard]] std::size_t slot() const noexcept { return group * group_slots + index; }
    };

public:
    basic_name_table() { move_to(FirstGroups); }
    basic_name_table(const basic_name_table&) = delete;
    basic_name_table& operator=(const basic_name_table&) = delete;

    [[nodiscard]] std::optional<named> find(std::size_t hash, const short_name& name) const noexcept {
        for (;;) {
            const std::uint64_t before = version_.load(std::memory_order_acquire); // pairs with end_write
            if ((before & 1) == 0) [[likely]] {
                const table& t = *table_.load(std::memory_order_acquire); // pairs with move_to
                const std::optional<place> at = place_of(t, hash, name);
                std::optional<named> found;
                if (at) found = read(t.slots[at->slot()]);
                // relaxed: after all the loads above, which acquire.
                if (version_.load(std::memory_order_relaxed) == before) [[likely]]
                    return found;
            }
            Atomics::pause();
        }
    }

    // ---- one at a time
    // False: the name is there.
    [[nodiscard]] bool insert(std::size_t hash, const short_name& name, const named& what) {
        if (place_of(*current_, hash, name)) return false;
        const std::size_t slots = current_->slots.size();
        if (8 * (used_ + 1) > 7 * slots) move_to(2 * current_->groups.size());
        else if (2 * erased_ > slots)
            move_to(current_->groups.size()); // the marks of those that went on stay till then
        begin_write();
        put(*current_, hash, name.words, what);
        end_write();
        ++used_;
        return true;
    }
    // False: it was not there.
    bool erase(std::size_t hash, const short_name& name) noexcept {
        table& t = *current_;
        const std::optional<place> at = place_of(t, hash, name);
        if (!at) return false;
        begin_write();
        set_tag(t.groups[at->group], at->index, 0);
        end_write();
        --used_;
        ++erased_;
        return true;
    }
    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    [[nodiscard]] std::size_t groups() const noexcept { return current_->groups.size(); }
    [[nodiscard]] std::size_t groups_that_overflow() const noexcept {
        std::size_t n = 0;
        for (std::size_t g = 0; g < current_->groups.size(); ++g)
            if ((mine(current_->groups[g].tags[1]) >> 56) != 0) ++n;
        return n;
    }

private:
    // The group is chosen by the lowest bits, the tag by those above 32, the mark of those that went on by the next three.
    [[nodiscard]] static std::uint64_t tag_of(std::size_t hash) noexcept {
        const std::uint64_t tag = (hash >> 32) & 0xff;
        return tag != 0 ? tag : 1;
    }
    [[nodiscard]] static std::uint64_t overflow_bit(std::size_t hash) noexcept {
        return std::uint64_t{1} << (56 + ((hash >> 40) & 7));
    }

    // Calls `try_index` for each slot of the group that has that tag, until it says yes.
    template <class Try>
    [[nodiscard]] static bool any_with_tag(
        const std::array<std::uint64_t, 2>& tags, std::uint64_t tag, Try&& try_index) noexcept {
        for (unsigned half = 0; half < 2; ++half) {
            const std::uint64_t differs = tags[half] ^ (tag * every_byte);
            // The top bit of each byte that is zero. Exactly those: an empty slot still has its last name.
            constexpr std::uint64_t low_bits = every_byte * 0x7f;
            std::uint64_t hits = ~(((differs & low_bits) + low_bits) | differs | low_bits);
            if (half == 1) hits &= ~(std::uint64_t{0xff} << 56); // that byte is no tag
            for (; hits != 0; hits &= hits - 1)
                if (try_index(8 * half + static_cast<unsigned>(std::countr_zero(hits)) / 8)) return true;
        }
        return false;
    }

    [[nodiscard]] static std::optional<place> place_of(
        const table& t, std::size_t hash, const short_name& name) noexcept {
        const std::size_t mask = t.groups.size() - 1;
        std::size_t g = hash & mask;
        // In a table that changes meanwhile the end may be missed: no reader goes round.
        for (std::size_t looked = 0; looked <= mask; ++looked, g = (g + 1) & mask) {
            const group& here = t.groups[g];
            // relaxed: they only say where to look, and do not change while a name stays. Who finds nothing by tags that
            // are changed meanwhile looks for a name that was not there at some instant meanwhile.
            const std::array<std::uint64_t, 2> tags{
                here.tags[0].load(std::memory_order_relaxed), here.tags[1].load(std::memory_order_relaxed)};
            place found{g, 0};
            const bool there = any_with_tag(tags, tag_of(hash), [&](unsigned index) {
                found.index = index;
                return is_called(t.slots[found.slot()], name);
            });
            if (there) return found;
            if ((tags[1] & overflow_bit(hash)) == 0) return {};
        }
        return {};
    }
    [[nodiscard]] static bool is_called(const slot& s, const short_name& name) noexcept { // acquire: pairs with store
        return s.name[0].load(std::memory_order_acquire) == name.words[0] &&
               s.name[1].load(std::memory_order_acquire) == name.words[1] &&
               s.name[2].load(std::memory_order_acquire) == name.words[2];
    }
    [[nodiscard]] static named read(const slot& s) noexcept { // acquire: pairs with store
        return {static_cast<std::uintptr_t>(s.block.load(std::memory_order_acquire)),
            s.generation.load(std::memory_order_acquire), s.number.load(std::memory_order_acquire)};
    }

    // release: who reads it sees that somebody writes.
    static void store(word& w, std::uint64_t value) noexcept { w.store(value, std::memory_order_release); }
    // relaxed: only who writes stores.
    [[nodiscard]] static std::uint64_t mine(const word& w) noexcept { return w.load(std::memory_order_relaxed); }

    static void set_tag(group& g, unsigned index, std::uint64_t tag) noexcept {
        const unsigned shift = 8 * (index % 8);
        word& half = g.tags[index / 8];
        store(half, (mine(half) & ~(std::uint64_t{0xff} << shift)) | (tag << shift));
    }
    static void put(table& t, std::size_t hash, const std::array<std::uint64_t, 3>& name, const named& what) noexcept {
        const std::size_t mask = t.groups.size() - 1;
        for (std::size_t g = hash & mask;; g = (g + 1) & mask) {
            group& here = t.groups[g];
            for (unsigned index = 0; index < group_slots; ++index) {
                if (((mine(here.tags[index / 8]) >> (8 * (index % 8))) & 0xff) != 0) continue;
                slot& s = t.slots[place{g, index}.slot()];
                for (std::size_t k = 0; k < name.size(); ++k) store(s.name[k], name[k]);
                store(s.hash, hash);
                store(s.block, what.block);
                store(s.generation, what.generation);
                store(s.number, what.number);
                set_tag(here, index, tag_of(hash));
                return;
            }
            store(here.tags[1], mine(here.tags[1]) | overflow_bit(hash));
        }
    }

    // To a table of so many groups: one that was left before, or a new one.
    void move_to(std::size_t groups) {
        table* to = nullptr;
        for (const auto& t : tables_)
            if (t.get() != current_ && t->groups.size() == groups) to = t.get();
        if (to == nullptr) to = tables_.emplace_back(std::make_unique<table>(groups)).get();
        for (std::size_t g = 0; g < groups; ++g)
            for (word& tags : to->groups[g].tags) store(tags, 0);
        if (current_ != nullptr) copy(*current_, *to);
        begin_write(); // so that who reads a table that was left, and is used again, begins anew
        current_ = to;
        table_.store(to, std::memory_order_release); // pairs with find
        end_write();
        erased_ = 0;
    }
    static void copy(const table& from, table& to) noexcept {
        for (std::size_t g = 0; g < from.groups.size(); ++g)
            for (unsigned index = 0; index < group_slots; ++index) {
                if (((mine(from.groups[g].tags[index / 8]) >> (8 * (index % 8))) & 0xff) == 0) continue;
                const slot& s = from.slots[place{g, index}.slot()];
                put(to, mine(s.hash), {mine(s.name[0]), mine(s.name[1]), mine(s.name[2])},
                    {static_cast<std::uintptr_t>(mine(s.block)), mine(s.generation), mine(s.number)});
            }
    }
    void begin_write() noexcept { version_.store(mine(version_) + 1, std::memory_order_relaxed); }
    void end_write() noexcept { version_.store(mine(version_) + 1, std::memory_order_release); } // pairs with find

    alignas(cache_line) word version_{0};
    typename Atomics::template atomic<table*> table_{nullptr};
    table* current_ = nullptr; // what `table_` says, for who writes
    std::vector<std::unique_ptr<table>> tables_; // all there have been
    std::size_t used_ = 0;
    std::size_t erased_ = 0; // since the last move
};

using name_table = basic_name_table<>;

} // namespace bastion::detail

#endif
