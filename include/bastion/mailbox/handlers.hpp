// The third kind of body: a set of handlers over a state, no coroutine, no frame. The fastest and smallest process.
#ifndef BASTION_MAILBOX_HANDLERS_HPP
#define BASTION_MAILBOX_HANDLERS_HPP

#include <bastion/base/type_name.hpp>
#include <bastion/mailbox/arms.hpp>
#include <bastion/process/cold_part.hpp>

#include <tuple>

namespace bastion::detail {

// Invariant: the arms are shared by all elements of a group, so they are called as const; the state is the element's.
template <class State, class... Arms>
class handlers_body final : public process_body {
public:
    explicit handlers_body(Arms... arms) : arms_(std::move(arms)...) {}

    void start(control_block& block) override {
        if constexpr (std::is_constructible_v<State, context>) block.frame = pool_new<State>(context(block));
        else block.frame = pool_new<State>();
        block.own_slot.set(nullptr, nullptr, nullptr, true);  // a stop takes effect between two messages
    }

    void handle(control_block& block, envelope* e) override {
        block.hand = &e->meta();
        message m(e);
        auto* state = static_cast<State*>(block.frame);
        const bool done =
            std::apply([&](const Arms&... arm) { return (arm.try_handle(m, state, context(block)) || ...); }, arms_);
        if (!done) m.unhandled();
    }

    [[nodiscard]] const void* state_type() const noexcept override { return &data_type_tag<State>; }
    [[nodiscard]] std::string_view state_type_name() const noexcept override { return type_name<State>(); }
    void destroy_state(void* state) noexcept override { pool_delete(static_cast<State*>(state)); }

private:
    std::tuple<Arms...> arms_;
};

} // namespace bastion::detail

#endif
