#include "routing/directory.hpp"

#include <algorithm>

namespace bastion::detail {

namespace {

child_ref ref_of(const named& n) noexcept {
    // Safety: `give` has made the number of this address.
    return child_ref({reinterpret_cast<control_block*>(n.block), n.generation});
}

bool is_short(std::string_view name) noexcept { return name.size() <= short_name::longest; }

} // namespace

// Under the lock of the shard.
std::optional<named> directory::find_in(name_shard& shard, std::size_t hash, std::string_view name) noexcept {
    if (is_short(name)) return shard.short_names.find(hash, short_name(name));
    const auto found = shard.long_names.find(name);
    return found != shard.long_names.end() ? std::optional(found->second) : std::nullopt;
}

void directory::erase_in(name_shard& shard, std::size_t hash, std::string_view name) noexcept {
    if (is_short(name)) (void)shard.short_names.erase(hash, short_name(name));
    else if (const auto found = shard.long_names.find(name); found != shard.long_names.end())
        shard.long_names.erase(found);
}

bool directory::give(std::string_view name, const child_ref& who, std::uint64_t number) {
    const std::size_t hash = text_hash()(name);
    const named what{reinterpret_cast<std::uintptr_t>(who.where().block), who.where().generation, number};
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    if (is_short(name)) return shard.short_names.insert(hash, short_name(name), what);
    return shard.long_names.try_emplace(std::string(name), what).second;
}

bool directory::is_given(std::string_view name, std::uint64_t number) noexcept {
    const std::size_t hash = text_hash()(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    const auto found = find_in(shard, hash, name);
    return found && found->number == number;
}

void directory::take(std::string_view name, std::uint64_t number) noexcept {
    const std::size_t hash = text_hash()(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    if (const auto found = find_in(shard, hash, name); found && found->number == number) erase_in(shard, hash, name);
}

child_ref directory::find(std::string_view name) noexcept {
    const std::size_t hash = text_hash()(name);
    name_shard& shard = shard_of(hash);
    std::optional<named> found;
    if (is_short(name)) {
        found = shard.short_names.find(hash, short_name(name));
    } else {
        const std::lock_guard guard(shard.lock);
        found = find_in(shard, hash, name);
    }
    return found ? ref_of(*found) : child_ref();
}

child_ref directory::take_from_all(std::string_view name, std::uint64_t& number) noexcept {
    const std::size_t hash = text_hash()(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    const auto found = find_in(shard, hash, name);
    if (!found) return {};
    number = found->number;
    erase_in(shard, hash, name);
    return ref_of(*found);
}

void directory::place(const std::string& path, const children_ref& group) {
    const std::lock_guard guard(paths_lock_);
    groups_.insert_or_assign(path, group);
}

void directory::place(const std::string& path, const supervisor_ref& tree) {
    const std::lock_guard guard(paths_lock_);
    supervisors_.insert_or_assign(path, tree);
}

void directory::displace(const std::string& path, address owner) noexcept {
    const std::lock_guard guard(paths_lock_);
    const auto erase = [&](auto& places) {
        const auto found = places.find(path);
        if (found != places.end() && found->second.where() == owner) places.erase(found);
    };
    erase(groups_);
    erase(supervisors_);
}

children_ref directory::find_children(std::string_view path) {
    const std::lock_guard guard(paths_lock_);
    const auto found = groups_.find(path);
    return found != groups_.end() ? found->second.current() : children_ref();
}

supervisor_ref directory::find_supervisor(std::string_view path) {
    const std::lock_guard guard(paths_lock_);
    const auto found = supervisors_.find(path);
    return found != supervisors_.end() ? found->second : supervisor_ref();
}

void directory::set_table::clean(std::vector<shared<member_set>>& gone) {
    const auto idle = [](const shared<member_set>& s) { return s->unique() && s->size() == 0; };
    gone.reserve(sets.size() + unnamed.size()); // from here on nothing fails
    for (auto i = sets.begin(); i != sets.end();) {
        const auto at = i++;
        if (!idle(at->second)) continue;
        gone.push_back(std::move(at->second));
        sets.erase(at);
    }
    for (auto& s : unnamed)
        if (idle(s)) gone.push_back(std::move(s));
    std::erase_if(unnamed, [](const auto& s) { return !s; });
    clean_at = std::max<std::size_t>(64, 2 * (sets.size() + unnamed.size()));
}

shared<member_set> directory::set_of(set_kind kind, std::string_view name) {
    set_table& table = table_of(kind);
    std::vector<shared<member_set>> gone;
    const std::lock_guard guard(table.lock);
    if (const auto found = table.sets.find(name); found != table.sets.end()) return found->second;
    if (table.sets.size() + table.unnamed.size() >= table.clean_at) table.clean(gone);
    auto made = make_shared_object<member_set>(std::string(name));
    table.sets.emplace(std::string(name), made);
    return made;
}

shared<member_set> directory::new_anonymous_dispatcher() {
    set_table& table = table_of(set_kind::dispatcher);
    std::vector<shared<member_set>> gone;
    const std::lock_guard guard(table.lock);
    if (table.sets.size() + table.unnamed.size() >= table.clean_at) table.clean(gone);
    table.unnamed.push_back(make_shared_object<member_set>(std::string()));
    return table.unnamed.back();
}

shared<member_set> directory::dispatcher_of(std::string_view name) {
    set_table& table = table_of(set_kind::dispatcher);
    const std::lock_guard guard(table.lock);
    const auto found = table.sets.find(name);
    return found != table.sets.end() ? found->second : shared<member_set>();
}

std::vector<shared<member_set>> directory::all_dispatchers() {
    set_table& table = table_of(set_kind::dispatcher);
    const std::lock_guard guard(table.lock);
    std::vector<shared<member_set>> all = table.unnamed;
    // By name: no order may depend on how a text hashes.
    for (const auto& entry : table.sets) all.push_back(entry.second);
    std::sort(all.begin() + static_cast<std::ptrdiff_t>(table.unnamed.size()), all.end(),
        [](const auto& a, const auto& b) { return a->name() < b->name(); });
    return all;
}

} // namespace bastion::detail
