// `partitions(f)`: a supervisor whose children are N supervisors made alike, after Elixir's PartitionSupervisor, so that none of them
// has to start, stop and restart everybody's children.
//
//     auto lines = rt.spawn(bastion::partitions([](std::size_t) {
//         return bastion::supervisor()
//             .with_strategy(bastion::strategy::simple_one_for_one)
//             .with_children(bastion::children().with_template(talk)); // bastion::process talk(bastion::context, int socket)
//     }).with_name("lines"));
//     auto child = co_await lines.of(socket).start_child(socket);
//
// The partitions are called "0" to "N-1". One that fails is restarted alone; all are permanent, unless with_own_restart says otherwise.
// Their supervisor is as any other, is given wherever a `supervisor()` may be, and keeps its specs (with_specs_kept), so
// `lines.supervisor().terminate_child("3")` can be followed by `restart_child("3")`. The partitions are made once, with it: refs stay good
// over all restarts, and routing is a modulo, without a lock. One that is stopped by its ref is gone for good.
// Which partition runs where is the scheduler's choice: placing them on NUMA nodes is not there yet.
#ifndef BASTION_SUPERVISION_PARTITIONS_HPP
#define BASTION_SUPERVISION_PARTITIONS_HPP

#include <bastion/executor/task.hpp>
#include <bastion/supervision/look.hpp>
#include <bastion/supervision/spawn.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bastion {
namespace detail {

[[nodiscard]] BASTION_API partitions_ref spawn_partitions(address above, std::unique_ptr<supervisor_spec> spec);

// The same for equal keys. Integers in turn; the hashes of all else are mixed first, as those of pointers and the like are all multiples
// of something.
template <class Key>
[[nodiscard]] std::uint64_t place_of_key(const Key& key) {
    if constexpr (std::is_integral_v<Key>) {
        return static_cast<std::uint64_t>(key);
    } else {
        // A text by its letters, also one that is a const char*.
        using hashed =
            std::conditional_t<std::is_convertible_v<const Key&, std::string_view>, std::string_view, const Key&>;
        const std::uint64_t hash = std::hash<std::remove_cvref_t<hashed>>()(static_cast<hashed>(key));
        return (hash * 0x9e3779b97f4a7c15u) >> 32;
    }
}

} // namespace detail

// Describes them. A value, as `supervisor()` is; setters are of the supervisor above the partitions.
class [[nodiscard]] partitions {
public:
    // `make`, a function bastion::supervisor f(std::size_t), is called once for each partition, with its number, when they are spawned, by
    // who spawns them; what it throws comes out there. What it makes has no name.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, partitions>)
    explicit partitions(F&& make, source_location where = source_location::current()) {
        constexpr bool makes_supervisors = std::is_invocable_r_v<supervisor, std::decay_t<F>&, std::size_t>;
        static_assert(makes_supervisors, "bastion: partitions takes a function bastion::supervisor f(std::size_t)");
        spec_->where = where;
        spec_->partitioned = true;
        spec_->keeps_specs = true;
        spec_->when = restart_when::permanent;
        if constexpr (makes_supervisors)
            spec_->make_partition = [f = std::decay_t<F>(std::forward<F>(make))](
                                        std::size_t i) mutable { return supervisor(f(i)).release(); };
    }

    // 1 to 100,000. Default: one per worker of the runtime.
    partitions& with_partitions(std::size_t n) & { return spec_->partitions = n, *this; }
    partitions& with_partitions(one_per what) & {
        spec_->partitions.reset();
        return spec_->partitioned_by = what, *this;
    }
    partitions& with_name(std::string name) & { return spec_->name = std::move(name), *this; }
    // Of partitions that fail. Default: always.
    partitions& with_restart_strategy(bastion::restart_strategy s) & { return spec_->restart = s, *this; }
    // More than n restarts of partitions within the window: all of them stop, and their supervisor fails upwards.
    partitions& with_intensity(std::uint32_t n, std::chrono::nanoseconds window) & {
        spec_->intensity = n;
        spec_->window = window;
        spec_->bounded = true;
        return *this;
    }
    // Of the whole, as a child of the supervisor above.
    partitions& with_own_restart(restart_when w) & { return spec_->own_when = w, *this; }
    partitions& with_callbacks(bastion::callbacks c) & { return spec_->callbacks = std::move(c), *this; }
    partitions& with_shutdown(bastion::shutdown s) & { return spec_->stop = s, *this; }

    partitions with_partitions(std::size_t n) && { return with_partitions(n), std::move(*this); }
    partitions with_partitions(one_per what) && { return with_partitions(what), std::move(*this); }
    partitions with_name(std::string name) && { return with_name(std::move(name)), std::move(*this); }
    partitions with_restart_strategy(bastion::restart_strategy s) && {
        return with_restart_strategy(s), std::move(*this);
    }
    partitions with_intensity(std::uint32_t n, std::chrono::nanoseconds window) && {
        return with_intensity(n, window), std::move(*this);
    }
    partitions with_own_restart(restart_when w) && { return with_own_restart(w), std::move(*this); }
    partitions with_callbacks(bastion::callbacks c) && { return with_callbacks(std::move(c)), std::move(*this); }
    partitions with_shutdown(bastion::shutdown s) && { return with_shutdown(s), std::move(*this); }

    // For with_supervisor, start_child, reconfigure.
    operator supervisor() && { return supervisor(spec_.release()); }
    [[nodiscard]] std::unique_ptr<detail::supervisor_spec> release() && { return spec_.release(); }

private:
    detail::description<detail::supervisor_spec> spec_;
};

// Names the partitions and their supervisor. A value as other refs: copied freely, safe when stale, usable from any thread.
class partitions_ref {
public:
    using list = std::shared_ptr<const std::vector<supervisor_ref>>;

    partitions_ref() noexcept = default;
    partitions_ref(supervisor_ref above, list all) noexcept : above_(std::move(above)), all_(std::move(all)) {}

    [[nodiscard]] std::size_t size() const noexcept { return all().size(); }
    [[nodiscard]] auto begin() const noexcept { return all().begin(); }
    [[nodiscard]] auto end() const noexcept { return all().end(); }
    // The i-th partition; throws std::out_of_range. What is returned is good as long as this ref or a copy of it.
    [[nodiscard]] const supervisor_ref& operator[](std::size_t i) const { return all().at(i); }
    // The partition of a key, the same for equal keys: integers modulo size(), texts by their letters, all else by std::hash. Of a ref
    // that names nobody: nobody. Writes nothing that is shared, as long as the ref is not copied.
    template <class Key>
    [[nodiscard]] const supervisor_ref& of(const Key& key) const {
        const std::vector<supervisor_ref>& from = all();
        return from.empty() ? above_ : from[static_cast<std::size_t>(detail::place_of_key(key) % from.size())];
    }
    // The supervisor of the partitions: it starts, stops and restarts them.
    [[nodiscard]] const supervisor_ref& supervisor() const noexcept { return above_; }
    [[nodiscard]] bool alive() const noexcept { return above_.alive(); }
    // The sum over the partitions that are there. Errors: noproc: the whole is gone; timeout. Cost: one question to each.
    [[nodiscard]] BASTION_API task<result<child_counts>> count_children() const;

private:
    [[nodiscard]] const std::vector<supervisor_ref>& all() const noexcept {
        static const std::vector<supervisor_ref> none;
        return all_ ? *all_ : none;
    }
    supervisor_ref above_;
    list all_;
};

// Throws bad_spec, and what the function of the partitions throws. Of one that is gone: dead refs, whose started() says why.
inline partitions_ref supervisor_ref::spawn(bastion::partitions&& all) const {
    return detail::spawn_partitions(self_, std::move(all).release());
}
// The partitions of such a supervisor, wherever its ref comes from. Errors: invalid: it is another; noproc. Cost: one question.
inline answer<partitions_ref> supervisor_ref::partitions() const {
    return answer<partitions_ref>(detail::look_at(self_, detail::look::partitions));
}
inline partitions_ref context::spawn(bastion::partitions&& all) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::supervisor_above(*block_).spawn(std::move(all));
}

} // namespace bastion

#endif
