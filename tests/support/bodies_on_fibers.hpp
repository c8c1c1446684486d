// Included before everything else of the supervision tests, for a second program of them: each coroutine that a test gives as a body runs on a fiber.
// Its process is that of a fiber: its coroutines are resumed on the fiber's stack, where they wait the fiber waits, and when the fiber is unwound
// their frames are destroyed there.
#ifndef BASTION_TESTS_SUPPORT_BODIES_ON_FIBERS_HPP
#define BASTION_TESTS_SUPPORT_BODIES_ON_FIBERS_HPP

#include <bastion/bastion.hpp>

#include <coroutine>
#include <functional>
#include <utility>

#define BASTION_TEST_BODIES_ON_FIBERS 1

namespace test {

// Waits for what a coroutine of this process waits for, which has just said so in the process' wait slot.
class waits_as_it_does {
public:
    explicit waits_as_it_does(std::coroutine_handle<>& leaf) noexcept : leaf_(leaf) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> driver) const {
        leaf_ = std::exchange(bastion::detail::running_block()->own_slot.leaf, driver);
    }
    void await_resume() const noexcept {}

private:
    std::coroutine_handle<>& leaf_;
};

class frame_here {
public:
    explicit frame_here(bastion::process&& made) noexcept : handle_(made.release()) {}
    frame_here(const frame_here&) = delete;
    frame_here& operator=(const frame_here&) = delete;
    ~frame_here() { handle_.destroy(); }
    [[nodiscard]] std::coroutine_handle<> handle() const noexcept { return handle_; }

private:
    std::coroutine_handle<> handle_;
};

inline void run_on_this_stack(const bastion::fiber_context& ctx, bastion::process&& made) {
    const frame_here frame(std::move(made));
    bastion::detail::control_block& block = *bastion::detail::running_block();
    std::coroutine_handle<> leaf = frame.handle();
    for (;;) {
        bastion::detail::resume_flat(leaf, bastion::detail::this_thread());
        if (block.body_ended) return;
        ctx.await(waits_as_it_does(leaf));
    }
}

} // namespace test

namespace bastion::detail {

template <class F>
concept any_body = true;

template <class F>
    requires any_body<F>
inline constexpr bool is_plain_behaviour<F> = false;

template <class F>
    requires any_body<F>
class coroutine_body<F> final : public process_body {
public:
    template <class G>
    explicit coroutine_body(G&& f) : function_(std::forward<G>(f)) {}
    void start(control_block& block) override {
        install_frame(block, run_on_fiber(context(block), &call, &function_, 0));
    }

private:
    static void call(const void* function, const fiber_context& ctx) {
        test::run_on_this_stack(ctx, std::invoke(*static_cast<const F*>(function), context(ctx)));
    }

    F function_;
};

} // namespace bastion::detail

#endif
