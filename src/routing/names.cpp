#include "routing/directory.hpp"

#include <bastion/routing/names.hpp>
#include <bastion/supervision/monitor.hpp>

#include <charconv>

namespace bastion {
namespace detail {
namespace {

// One name of one process, which holds it.
class held_name final : public membership {
public:
    held_name(directory& names, std::string_view name) : names_(names), name_(name) {}
    void leave(const child_ref&, std::uint64_t number) noexcept override { names_.take(name_, number); }
    [[nodiscard]] std::string_view name_given() const noexcept override { return name_; }

private:
    directory& names_; // leaves come from its runtime
    const std::string name_;
};

// Does `work` with the directory while the runtime stands; else what that says which names nobody.
template <class Work>
BASTION_INLINE auto in_directory(runtime_home& home, Work work) {
    if (at_home(home, this_thread())) [[likely]]
        return work(*home.hooks.names);
    const visit standing(home);
    return standing ? work(*home.hooks.names) : decltype(work(*home.hooks.names))();
}

failure wrong_name(std::string_view name, const char* why) {
    return fail(errc::invalid, "the name \"" + std::string(name) + "\" " + why);
}

// "/pool/workers/3" is the element 3 of "/pool/workers".
child_ref find_element(directory& names, std::string_view path) {
    const std::size_t slash = path.rfind('/');
    const std::string_view digits = path.substr(slash + 1);
    std::size_t index = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return {};
    const children_ref group = names.find_children(path.substr(0, slash));
    return index < group.size() ? group[index] : child_ref();
}

} // namespace

result<void> give_name(runtime_home& home, std::string_view name, const child_ref& who) {
    if (name.empty()) return wrong_name(name, "is empty");
    if (name.front() == '/') return wrong_name(name, "begins with '/', as only paths do");
    const visit standing(home);
    if (!standing) return fail(errc::stopped);
    if (!who.alive()) return fail(errc::noproc);
    if (home_of(who.where()) != &home) return wrong_name(name, "was to be given to a process of another runtime");
    directory& names = *home.hooks.names;
    const std::uint64_t number = new_record_number();
    if (!names.give(name, who, number)) return fail(errc::name_taken);
    const control_block* here = running_block();
    try {
        const auto held = make_shared_object<held_name>(names, name);
        if (leave_at_end(who.where(), *held, number, here != who.where().block)) {
            // Who took it meanwhile has asked to forget a record that was not there yet.
            if (!names.is_given(name, number)) forget_record(who.where(), number);
            return {};
        }
    } catch (...) {
        names.take(name, number);
        throw;
    }
    names.take(name, number);
    return fail(errc::noproc);
}

bool take_name(runtime_home& home, std::string_view name) {
    return in_directory(home, [name](directory& names) {
        std::uint64_t number = 0;
        const child_ref who = names.take_from_all(name, number);
        if (number == 0) return false;
        forget_record(who.where(), number);
        return true;
    });
}

child_ref find_process(runtime_home& home, std::string_view name) {
    return in_directory(home, [name](directory& names) {
        if (!name.empty() && name.front() == '/') [[unlikely]]
            return find_element(names, name);
        return names.find(name);
    });
}

children_ref find_children(runtime_home& home, std::string_view path) {
    return in_directory(home, [path](directory& names) { return names.find_children(path); });
}

supervisor_ref find_supervisor(runtime_home& home, std::string_view path) {
    // The root has an empty path, by which nobody is to find it.
    return in_directory(
        home, [path](directory& names) { return path.empty() ? supervisor_ref() : names.find_supervisor(path); });
}

shared<member_set> find_set(runtime_home& home, set_kind kind, std::string_view name) {
    const visit standing(home);
    if (!standing) return make_shared_object<member_set>(std::string(name));
    return home.hooks.names->set_of(kind, name, home);
}

void list_in(directory& names, home_hooks& hooks) noexcept {
    hooks.names = &names;
    hooks.group_placed = [](directory& d, const std::string& path, const children_ref& g) { d.place(path, g); };
    hooks.supervisor_placed = [](directory& d, const std::string& path, const supervisor_ref& s) { d.place(path, s); };
    hooks.displaced = [](directory& d, const std::string& path, address owner) noexcept { d.displace(path, owner); };
}

} // namespace detail

result<void> context::register_name(std::string_view name) const {
    detail::require_running(*block_, "ctx.register_name");
    return detail::give_name(*block_->home, name, self());
}
bool context::unregister_name(std::string_view name) const { return detail::take_name(*block_->home, name); }
monitor_handle context::monitor(std::string_view name) const {
    const child_ref process = whereis(name);
    if (process.where().block != nullptr || name.empty() || name.front() != '/') return monitor(process);
    if (const auto group = detail::find_children(*block_->home, name); group.where().block != nullptr)
        return monitor(group);
    return monitor(detail::find_supervisor(*block_->home, name));
}
child_ref context::whereis(std::string_view name) const { return detail::find_process(*block_->home, name); }

} // namespace bastion
