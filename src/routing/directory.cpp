#include "routing/directory.hpp"

#include <algorithm>

namespace bastion::detail {

// Handles may keep sets for longer. One who has just looked where a set belongs finds the gate closed; or, if another
// runtime stands there by then, that one counts the dead letter.
directory::~directory() {
    for (set_table& table : sets_)
        for (const auto& entry : table.sets) entry.second->leave_home();
}

std::size_t directory::hash_of(std::string_view name) noexcept {
    if (name.size() <= short_names::name::longest) return short_names::name(name).hash();
    if (name.size() <= long_names::name::longest) return long_names::name(name).hash();
    return text_hash()(name);
}

// Calls it with the table for names so long, and with the name as that takes it; not when it is too long for both.
template <class Work>
void directory::name_shard::in_table(std::string_view name, Work&& work) {
    if (name.size() <= short_names::name::longest) work(names, short_names::name(name));
    else if (name.size() <= long_names::name::longest) work(longer_names, long_names::name(name));
}

// These three under the lock.
std::optional<named> directory::name_shard::look(std::size_t hash, std::string_view name) {
    std::optional<named> there;
    in_table(name, [&](const auto& table, const auto& called) { there = table.look(hash, called); });
    if (there) return there;
    const auto other = other_names.find(name);
    return other != other_names.end() ? std::optional(other->second) : std::nullopt;
}

void directory::name_shard::insert(std::size_t hash, std::string_view name, const named& what) {
    bool inserted = false;
    in_table(name,
        [&](auto& table, const auto& called) { inserted = table.fits(what) && table.insert(hash, called, what); });
    if (inserted) return;
    other_names.emplace(std::string(name), what);
    others.store(
        other_names.size(), std::memory_order_relaxed); // who looks later, by the order of what it does, sees it
}

void directory::name_shard::erase(std::size_t hash, std::string_view name) noexcept {
    bool erased = false;
    in_table(name, [&](auto& table, const auto& called) { erased = table.erase(hash, called); });
    if (erased) return;
    if (const auto other = other_names.find(name); other != other_names.end()) other_names.erase(other);
    others.store(other_names.size(), std::memory_order_relaxed);
}

bool directory::give(std::string_view name, const child_ref& who, std::uint64_t number) {
    const std::size_t hash = hash_of(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    if (shard.look(hash, name)) return false;
    const address where = who.where();
    shard.insert(hash, name, {{reinterpret_cast<std::uintptr_t>(where.block), where.generation}, number});
    return true;
}

bool directory::is_given(std::string_view name, std::uint64_t number) noexcept {
    const std::size_t hash = hash_of(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    const auto found = shard.look(hash, name);
    return found && found->number == number;
}

void directory::take(std::string_view name, std::uint64_t number) noexcept {
    const std::size_t hash = hash_of(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    if (const auto found = shard.look(hash, name); found && found->number == number) shard.erase(hash, name);
}

child_ref directory::find_beyond(std::string_view name) noexcept {
    const std::size_t hash = hash_of(name);
    name_shard& shard = shard_of(hash);
    found_name found;
    shard.in_table(name, [&](const auto& table, const auto& called) { found = table.find(hash, called); });
    if (found || shard.others.load(std::memory_order_relaxed) == 0) return ref_of(found);
    const std::lock_guard guard(shard.lock);
    const std::optional<named> there = shard.look(hash, name);
    return there ? ref_of(*there) : child_ref();
}

child_ref directory::take_from_all(std::string_view name, std::uint64_t& number) noexcept {
    const std::size_t hash = hash_of(name);
    name_shard& shard = shard_of(hash);
    const std::lock_guard guard(shard.lock);
    const auto found = shard.look(hash, name);
    if (!found) return {};
    number = found->number;
    shard.erase(hash, name);
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

shared<member_set> directory::set_of(set_kind kind, std::string_view name, runtime_home& home) {
    set_table& table = table_of(kind);
    std::vector<shared<member_set>> gone;
    const std::lock_guard guard(table.lock);
    if (const auto found = table.sets.find(name); found != table.sets.end()) return found->second;
    if (table.sets.size() + table.unnamed.size() >= table.clean_at) table.clean(gone);
    auto made = make_shared_object<member_set>(std::string(name), &home);
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
