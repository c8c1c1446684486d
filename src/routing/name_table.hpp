// A table of short names that is read without a lock: one writer at a time, any number of readers.
//
// Part of the directory, which has many and holds a lock around each change. Promises: `find` returns what was entered
// under exactly that name, or nothing; a change that goes on meanwhile was or was not made.
// Cost: a find is a hash that the caller has, and one or two cache lines; it writes nothing. A slot is a line, and big
// tables ask for huge pages: with 100,000 names the misses of the translation cache cost more than those of the cache.
//
// Protocol (a sequence lock): the version is odd while somebody writes.
//  1. A writer makes the version odd, changes slots, each by a release store, and makes the version even by another.
//  2. A reader takes an even version (acquire), reads slots by acquire loads, and looks at the version again. If a load
//     has returned something that was stored meanwhile, the second look sees the odd version that came before it, or a
//     later one: the reader begins anew.
//  3. A table that has become too small stays where it is until the end, for readers that are still in it. All of them
//     together are no bigger than the last.
#ifndef BASTION_SRC_ROUTING_NAME_TABLE_HPP
#define BASTION_SRC_ROUTING_NAME_TABLE_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>

#include <array>
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
        std::array<char, 24> bytes{};
        std::memcpy(bytes.data(), text.data(), text.size());
        bytes[longest] = static_cast<char>(text.size() + 1); // no name is all zero
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

template <std::size_t FirstSlots = 64, class Atomics = std_atomics>
class basic_name_table {
    static_assert((FirstSlots & (FirstSlots - 1)) == 0);
    using word = typename Atomics::template atomic<std::uint64_t>;

public:
    basic_name_table() { grow_to(FirstSlots); }
    basic_name_table(const basic_name_table&) = delete;
    basic_name_table& operator=(const basic_name_table&) = delete;

    [[nodiscard]] std::optional<named> find(std::size_t hash, const short_name& name) const noexcept {
        for (;;) {
            const std::uint64_t before = version_.load(std::memory_order_acquire); // pairs with end_write
            if ((before & 1) == 0) {
                const table& t = *table_.load(std::memory_order_acquire); // pairs with grow_to
                const std::optional<std::size_t> at = place_of(t, hash, name);
                std::optional<named> found;
                if (at) found = read(t.slots[*at]);
                if (version_.load(std::memory_order_relaxed) == before) return found; // after all loads: they acquire
            }
            Atomics::pause();
        }
    }

    // ---- one at a time
    // False: the name is there.
    [[nodiscard]] bool insert(std::size_t hash, const short_name& name, const named& what) {
        if (place_of(*tables_.back(), hash, name)) return false;
        if (4 * (used_ + 1) > 3 * tables_.back()->slots.size()) grow_to(2 * tables_.back()->slots.size());
        begin_write();
        put(*tables_.back(), hash, name.words, what);
        end_write();
        ++used_;
        return true;
    }
    // False: it was not there.
    bool erase(std::size_t hash, const short_name& name) noexcept {
        table& t = *tables_.back();
        const std::optional<std::size_t> at = place_of(t, hash, name);
        if (!at) return false;
        begin_write();
        close_gap(t, *at);
        end_write();
        --used_;
        return true;
    }
    [[nodiscard]] std::size_t size() const noexcept { return used_; }

private:
    struct alignas(cache_line) slot {
        std::array<word, 3> name{}; // the last word is 0 in an empty one
        word hash{0};
        word block{0};
        word generation{0};
        word number{0};
    };
    // So many slots, on huge pages when they fill one.
    class slot_array {
    public:
        explicit slot_array(std::size_t n)
            : size_(n), align_(n * sizeof(slot) >= huge_page ? huge_page : alignof(slot)),
              first_(static_cast<slot*>(::operator new(n * sizeof(slot), std::align_val_t(align_)))) {
            if (align_ == huge_page) (void)::madvise(first_, n * sizeof(slot), MADV_HUGEPAGE); // a wish
            std::uninitialized_value_construct_n(first_, n);
        }
        slot_array(const slot_array&) = delete;
        slot_array& operator=(const slot_array&) = delete;
        ~slot_array() {
            std::destroy_n(first_, size_);
            ::operator delete(first_, std::align_val_t(align_));
        }
        [[nodiscard]] std::size_t size() const noexcept { return size_; }
        [[nodiscard]] slot& operator[](std::size_t i) noexcept { return first_[i]; }
        [[nodiscard]] const slot& operator[](std::size_t i) const noexcept { return first_[i]; }
        [[nodiscard]] const slot* begin() const noexcept { return first_; }
        [[nodiscard]] const slot* end() const noexcept { return first_ + size_; }

    private:
        static constexpr std::size_t huge_page = std::size_t{2} << 20;
        const std::size_t size_;
        const std::size_t align_;
        slot* const first_;
    };
    struct table {
        explicit table(std::size_t n) : slots(n) {}
        slot_array slots;
    };

    [[nodiscard]] static std::size_t next(const table& t, std::size_t i) noexcept {
        return (i + 1) & (t.slots.size() - 1);
    }
    [[nodiscard]] static std::optional<std::size_t> place_of(
        const table& t, std::size_t hash, const short_name& name) noexcept {
        std::size_t i = hash & (t.slots.size() - 1);
        // In a table that changes meanwhile the end may be missed: no reader goes round.
        for (std::size_t looked = 0; looked < t.slots.size(); ++looked, i = next(t, i)) {
            const slot& s = t.slots[i];
            const std::uint64_t last = s.name[2].load(std::memory_order_acquire); // as the next two: pair with store
            if (last == 0) return {};
            if (last == name.words[2] && s.name[0].load(std::memory_order_acquire) == name.words[0] &&
                s.name[1].load(std::memory_order_acquire) == name.words[1])
                return i;
        }
        return {};
    }
    [[nodiscard]] static named read(const slot& s) noexcept { // acquire: pairs with store
        return {static_cast<std::uintptr_t>(s.block.load(std::memory_order_acquire)),
            s.generation.load(std::memory_order_acquire), s.number.load(std::memory_order_acquire)};
    }
    // release: who reads it sees that somebody writes.
    static void store(word& w, std::uint64_t value) noexcept { w.store(value, std::memory_order_release); }

    static void put(table& t, std::size_t hash, const std::array<std::uint64_t, 3>& name, const named& what) noexcept {
        std::size_t i = hash & (t.slots.size() - 1);
        // relaxed, here and below: only who writes stores.
        while (t.slots[i].name[2].load(std::memory_order_relaxed) != 0) i = next(t, i);
        slot& s = t.slots[i];
        for (std::size_t k = 0; k < name.size(); ++k) store(s.name[k], name[k]);
        store(s.hash, hash);
        store(s.block, what.block);
        store(s.generation, what.generation);
        store(s.number, what.number);
    }
    // What lies behind the gap moves up, unless it would come before its own place (Knuth 6.4, algorithm R).
    static void close_gap(table& t, std::size_t gap) noexcept {
        const std::size_t mask = t.slots.size() - 1;
        for (std::size_t i = next(t, gap); t.slots[i].name[2].load(std::memory_order_relaxed) != 0; i = next(t, i)) {
            const std::size_t own = t.slots[i].hash.load(std::memory_order_relaxed) & mask;
            if (((i - own) & mask) < ((i - gap) & mask)) continue;
            move(t.slots[i], t.slots[gap]);
            gap = i;
        }
        store(t.slots[gap].name[2], 0);
    }
    static void move(const slot& from, slot& to) noexcept {
        for (std::size_t k = 0; k < from.name.size(); ++k)
            store(to.name[k], from.name[k].load(std::memory_order_relaxed));
        store(to.hash, from.hash.load(std::memory_order_relaxed));
        store(to.block, from.block.load(std::memory_order_relaxed));
        store(to.generation, from.generation.load(std::memory_order_relaxed));
        store(to.number, from.number.load(std::memory_order_relaxed));
    }

    void grow_to(std::size_t slots) {
        auto bigger = std::make_unique<table>(slots);
        if (!tables_.empty())
            for (const slot& s : tables_.back()->slots) {
                if (s.name[2].load(std::memory_order_relaxed) == 0) continue;
                std::array<std::uint64_t, 3> name{};
                for (std::size_t k = 0; k < name.size(); ++k) name[k] = s.name[k].load(std::memory_order_relaxed);
                const named what{static_cast<std::uintptr_t>(s.block.load(std::memory_order_relaxed)),
                    s.generation.load(std::memory_order_relaxed), s.number.load(std::memory_order_relaxed)};
                put(*bigger, s.hash.load(std::memory_order_relaxed), name, what);
            }
        tables_.push_back(std::move(bigger));
        // The old one is as good until something changes: no version is needed.
        table_.store(tables_.back().get(), std::memory_order_release); // pairs with find
    }
    void begin_write() noexcept {
        version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void end_write() noexcept {
        version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    word version_{0};
    typename Atomics::template atomic<table*> table_{nullptr};
    std::vector<std::unique_ptr<table>> tables_; // the last one is in use
    std::size_t used_ = 0;
};

using name_table = basic_name_table<>;

} // namespace bastion::detail

#endif
