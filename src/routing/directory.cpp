#include "routing/directory.hpp"

#include <algorithm>

namespace bastion::detail {

bool directory::give(std::string_view name, const child_ref& who, std::uint64_t number) {
    std::string text(name); // not under the lock
    name_shard& shard = shard_of(name);
    const std::lock_guard guard(shard.lock);
    return shard.names.try_emplace(std::move(text), given_name{who, number}).second;
}

void directory::take(std::string_view name, std::uint64_t number) noexcept {
    name_shard& shard = shard_of(name);
    const std::lock_guard guard(shard.lock);
    const auto found = shard.names.find(name);
    if (found != shard.names.end() && found->second.number == number) shard.names.erase(found);
}

child_ref directory::find(std::string_view name) noexcept {
    name_shard& shard = shard_of(name);
    const std::lock_guard guard(shard.lock);
    const auto found = shard.names.find(name);
    return found != shard.names.end() ? found->second.who : child_ref();
}

child_ref directory::take_from_all(std::string_view name, std::uint64_t& number) noexcept {
    name_shard& shard = shard_of(name);
    const std::lock_guard guard(shard.lock);
    const auto found = shard.names.find(name);
    if (found == shard.names.end()) return {};
    const child_ref who = found->second.who;
    number = found->second.number;
    shard.names.erase(found);
    return who;
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
    return found != groups_.end() ? found->second : children_ref();
}

supervisor_ref directory::find_supervisor(std::string_view path) {
    const std::lock_guard guard(paths_lock_);
    const auto found = supervisors_.find(path);
    return found != supervisors_.end() ? found->second : supervisor_ref();
}

void directory::set_table::clean() {
    const auto idle = [](const shared<member_set>& s) { return s->unique() && s->size() == 0; };
    boost::unordered::erase_if(sets, [&](const auto& entry) { return idle(entry.second); });
    std::erase_if(unnamed, idle);
    clean_at = std::max<std::size_t>(64, 2 * (sets.size() + unnamed.size()));
}

shared<member_set> directory::set_of(set_kind kind, std::string_view name) {
    set_table& table = table_of(kind);
    const std::lock_guard guard(table.lock);
    if (const auto found = table.sets.find(name); found != table.sets.end()) return found->second;
    if (table.sets.size() + table.unnamed.size() >= table.clean_at) table.clean();
    auto made = make_shared_object<member_set>(std::string(name));
    table.sets.emplace(std::string(name), made);
    return made;
}

shared<member_set> directory::new_anonymous_dispatcher() {
    set_table& table = table_of(set_kind::dispatcher);
    const std::lock_guard guard(table.lock);
    if (table.sets.size() + table.unnamed.size() >= table.clean_at) table.clean();
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
