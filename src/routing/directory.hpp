// The directory of a runtime: its names, the paths of its groups and supervisors, and its sets.
//
// Found through the runtime's home by whoever is inside: its own workers, and strangers in its gate. Any thread.
// Cost: a look-up of a name of at most 47 bytes is a hash and a probe without a lock (name_table.hpp), quickest up to 15;
// of a longer one, or of a path, under a short lock.
#ifndef BASTION_SRC_ROUTING_DIRECTORY_HPP
#define BASTION_SRC_ROUTING_DIRECTORY_HPP

#include "routing/name_table.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/routing/members.hpp>
#include <bastion/supervision/refs.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bastion::detail {

// Of names and paths.
struct text_hash {
    using is_transparent = void;
    using is_avalanching = void; // std::hash of a text is
    [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>()(text);
    }
};

template <class V>
using text_map = boost::unordered_flat_map<std::string, V, text_hash, std::equal_to<>>;

class directory {
public:
    directory() = default;
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;
    ~directory();

    // ---- names
    // False: another process has that name.
    [[nodiscard]] bool give(std::string_view name, const child_ref& who, std::uint64_t number);
    // Whether it still stands for whom it was given to by that giving.
    [[nodiscard]] bool is_given(std::string_view name, std::uint64_t number) noexcept;
    // Only if it still is.
    void take(std::string_view name, std::uint64_t number) noexcept;
    [[nodiscard]] BASTION_INLINE child_ref find(std::string_view name) noexcept {
        if (name.size() <= short_names::name::longest) [[likely]] {
            const short_names::name words(name);
            const std::size_t hash = words.hash();
            if (const found_name found = shard_of(hash).names.find(hash, words)) [[likely]]
                return ref_of(found);
        }
        return find_beyond(name);
    }
    // Who had it, and by which giving; nobody: nobody.
    [[nodiscard]] child_ref take_from_all(std::string_view name, std::uint64_t& number) noexcept;

    // ---- paths, of groups and supervisors
    void place(const std::string& path, const children_ref& group);
    void place(const std::string& path, const supervisor_ref& tree);
    void displace(const std::string& path, address owner) noexcept;
    // What names nobody when there is none.
    [[nodiscard]] children_ref find_children(std::string_view path);
    [[nodiscard]] supervisor_ref find_supervisor(std::string_view path);

    // ---- sets
    [[nodiscard]] shared<member_set> set_of(set_kind kind, std::string_view name, runtime_home& home);
    // A set that can only be found among all.
    [[nodiscard]] shared<member_set> new_anonymous_dispatcher();
    // Without making it; null: there is none.
    [[nodiscard]] shared<member_set> dispatcher_of(std::string_view name);
    [[nodiscard]] std::vector<shared<member_set>> all_dispatchers();

private:
    using short_names = name_table<2>;
    using long_names = name_table<6>;
    // Changed under the lock. A name is in the table for its length, or else among the others.
    struct alignas(cache_line) name_shard {
        template <class Work>
        void in_table(std::string_view name, Work&& work);
        [[nodiscard]] std::optional<named> look(std::size_t hash, std::string_view name);
        void insert(std::size_t hash, std::string_view name, const named& what); // what is not there
        void erase(std::size_t hash, std::string_view name) noexcept; // what is there

        short_names names;
        long_names longer_names;
        std::atomic<std::size_t> others{0}; // so many are
        alignas(cache_line) spin_lock lock;
        text_map<named> other_names; // also read under it: the longest, and who does not fit into a slot
    };
    struct set_table {
        std::mutex lock;
        text_map<shared<member_set>> sets;
        std::vector<shared<member_set>> unnamed;
        std::size_t clean_at = 64; // so many sets: those that nobody needs any more go
        // What goes is put there. It is to end without the lock: with it goes a handler, which is the user's.
        void clean(std::vector<shared<member_set>>& gone);
    };
    static constexpr std::size_t shards = 4; // few, so that many names fill huge pages

    [[nodiscard]] static child_ref ref_of(const found_name& n) noexcept {
        // Safety: `give` has made the number of this address.
        return child_ref({reinterpret_cast<control_block*>(n.block), n.generation});
    }
    // By bits of the hash that the tables use last.
    [[nodiscard]] name_shard& shard_of(std::size_t hash) noexcept { return names_[(hash >> 48) % shards]; }
    // Who is in no table of short names.
    [[nodiscard]] BASTION_COLD child_ref find_beyond(std::string_view name) noexcept;
    [[nodiscard]] static std::size_t hash_of(std::string_view name) noexcept;
    [[nodiscard]] set_table& table_of(set_kind kind) noexcept { return sets_[static_cast<std::size_t>(kind)]; }

    std::array<name_shard, shards> names_;
    std::array<set_table, 3> sets_;
    std::mutex paths_lock_;
    text_map<children_ref> groups_;
    text_map<supervisor_ref> supervisors_;
};

} // namespace bastion::detail

#endif
