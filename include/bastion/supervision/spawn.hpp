// Spawning from inside: `ctx.spawn(...)`, and what an element knows of its place in the tree.
#ifndef BASTION_SUPERVISION_SPAWN_HPP
#define BASTION_SUPERVISION_SPAWN_HPP

#include <bastion/mailbox/fiber.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/placement.hpp>
#include <bastion/supervision/refs.hpp>

#include <memory>

namespace bastion {
namespace detail {

// What is done with a process before anybody knows it.
class birth {
public:
    birth() = default;
    birth(const birth&) = delete;
    birth& operator=(const birth&) = delete;
    // May throw; then nothing is spawned.
    virtual void enter(control_block& child) = 0;

protected:
    ~birth() = default;
};

// A temporary element in that implicit group: dead from the start when that is gone; then `at_birth` is not
// asked. Throws bad_spec for a placement that cannot be.
[[nodiscard]] BASTION_API child_ref spawn_plain(const birthplace& at_whose, process (*entry)(context),
    source_location where, bool is_main = false, birth* at_birth = nullptr, const placement& at = {});
[[nodiscard]] BASTION_API child_ref spawn_body(const birthplace& at_whose, shared<process_body> body,
    source_location where, bool is_main = false, birth* at_birth = nullptr, const placement& at = {});
// The supervisor above the group of the running element.
[[nodiscard]] BASTION_API const supervisor_ref& supervisor_above(const control_block& block);
[[nodiscard]] BASTION_API children_ref group_above(const control_block& block);
[[nodiscard]] BASTION_API user_data& data_of(control_block& block);
[[noreturn]] BASTION_API BASTION_COLD void panic_wrong_data(const user_data& has, std::string_view wanted);

template <class F>
[[nodiscard]] child_ref spawn_any(const birthplace& at_whose, F&& f, source_location where, bool is_main = false,
    birth* at_birth = nullptr, const placement& at = {}) {
    check_behaviour<F>();
    if constexpr (fiber_function<F>)
        return spawn_body(at_whose, make_fiber_body(std::forward<F>(f)), where, is_main, at_birth, at);
    else if constexpr (!behaviour<F>) return child_ref();
    else if constexpr (is_plain_behaviour<F>)
        return spawn_plain(at_whose, static_cast<process (*)(context)>(f), where, is_main, at_birth, at);
    else
        return spawn_body(at_whose, shared<process_body>(new coroutine_body<std::decay_t<F>>(std::forward<F>(f))),
            where, is_main, at_birth, at);
}

} // namespace detail

template <class F>
child_ref supervisor_ref::spawn(F&& body, source_location where) const {
    return detail::spawn_any(temporaries(), std::forward<F>(body), where);
}
template <class F>
child_ref supervisor_ref::spawn(F&& body, const placement& at, source_location where) const {
    return detail::spawn_any(temporaries(), std::forward<F>(body), where, false, nullptr, at);
}

template <class F>
child_ref context::spawn(F&& body, source_location where) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::spawn_any(detail::supervisor_above(*block_).temporaries(), std::forward<F>(body), where);
}
template <class F>
child_ref context::spawn(F&& body, const placement& at, source_location where) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::spawn_any(
        detail::supervisor_above(*block_).temporaries(), std::forward<F>(body), where, false, nullptr, at);
}
inline children_ref context::spawn(children&& group) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::supervisor_above(*block_).spawn(std::move(group));
}
inline supervisor_ref context::spawn(bastion::supervisor&& tree) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::supervisor_above(*block_).spawn(std::move(tree));
}
inline children_ref context::parent() const {
    detail::require_running(*block_, "ctx.parent");
    return detail::group_above(*block_);
}
inline supervisor_ref context::supervisor() const {
    detail::require_running(*block_, "ctx.supervisor");
    return detail::supervisor_above(*block_);
}

template <class T>
void context::ready(T&& extra) const {
    using value = std::decay_t<T>;
    detail::require_running(*block_, "ctx.ready");
    if (!block_->started_sent)
        detail::cold_of(*block_).extra = {
            std::make_shared<value>(std::forward<T>(extra)), &detail::data_type_tag<value>, type_name<value>()};
    ready();
}

template <class T>
T& context::data() const {
    detail::require_running(*block_, "ctx.data");
    detail::user_data& data = detail::data_of(*block_);
    if (data.type != &detail::data_type_tag<T>) detail::panic_wrong_data(data, type_name<T>());
    return *static_cast<T*>(data.object.get());
}

} // namespace bastion

#endif
