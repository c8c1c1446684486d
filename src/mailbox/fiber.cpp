#include <bastion/mailbox/fiber.hpp>

namespace bastion::detail {
namespace {

// One run of a process' function.
class fiber_run {
public:
    fiber_run(const context& ctx, fiber_call call, const void* function, std::size_t stack_bytes)
        : context_(ctx), call_(call), function_(function), owner_(stack_bytes, &run, this) {}

    [[nodiscard]] fiber& get() const noexcept { return owner_.get(); }

private:
    static void run(fiber& self, void* data) {
        const auto& mine = *static_cast<const fiber_run*>(data);
        try {
            mine.call_(mine.function_, fiber_context(mine.context_, self));
        } catch (const fiber_unwind&) { // its process ends for another reason
        } catch (...) {
            if (!self.is_unwinding()) body_threw();
        }
    }

    context context_;
    fiber_call call_;
    const void* function_;
    fiber_owner owner_;
};

} // namespace

process run_on_fiber(context ctx, fiber_call call, const void* function, std::size_t stack_bytes) {
    const fiber_run its(ctx, call, function, stack_bytes);
    auto turns = drive(its.get());
    co_await turns;
}

context context_for_fiber() {
    control_block* const here = running_block();
    if (here == nullptr)
        throw usage_error(
            "bastion: on_fiber: a function that takes a fiber_context cannot run in a forked task, which has no "
            "process");
    return context(*here);
}

} // namespace bastion::detail
