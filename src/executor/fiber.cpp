#include <bastion/executor/fiber.hpp>

#include "executor/stack_overflow.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/executor/worker.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <new>
#include <string>

#if BASTION_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if BASTION_TSAN
#include <sanitizer/tsan_interface.h>
#define BASTION_NOT_WATCHED_BY_TSAN __attribute__((no_sanitize("thread")))
#else
#define BASTION_NOT_WATCHED_BY_TSAN
#endif

namespace bastion::detail {
namespace fcontext = boost::context::detail;
namespace {

// With those of this thread, which is a worker's. The compiler does not know where they are: a function that looks for that may take it for
// the same before and after a switch.
BASTION_INLINE void exchange_exceptions(thread_state& thread, exceptions_in_flight& mine) noexcept {
    exceptions_in_flight of_thread;
    std::memcpy(static_cast<void*>(&of_thread), thread.exceptions, sizeof of_thread);
    std::memcpy(thread.exceptions, static_cast<const void*>(&mine), sizeof mine);
    mine = of_thread;
}

#if defined(__x86_64__) && defined(__linux__) && !defined(__AVX512F__) && !BASTION_ASAN && !BASTION_TSAN
// By a jump: jump_fcontext goes on by a jump, too, and the return address of a call that nobody returns to would stay with the processor, which
// then predicts all returns behind it wrongly. The registers are those that a call may change; 128 bytes below the stack's end are the
// compiler's.
BASTION_INLINE fcontext::transfer_t switch_to(fcontext::fcontext_t to, void* data) noexcept {
    fcontext::fcontext_t from = nullptr;
    void* given = nullptr;
    asm volatile("leaq -128(%%rsp), %%rsp\n\t"
                 "leaq 1f(%%rip), %%rax\n\t"
                 "pushq %%rax\n\t"
                 "jmp *jump_fcontext@GOTPCREL(%%rip)\n"
                 "1:\n\t"
                 "leaq 128(%%rsp), %%rsp"
        : "=&a"(from), "=&d"(given), "+D"(to), "+S"(data)
        :
        : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
        "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6",
        "mm7", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc", "memory");
    return {from, given};
}
#else
BASTION_INLINE fcontext::transfer_t switch_to(fcontext::fcontext_t to, void* data) noexcept {
    return fcontext::jump_fcontext(to, data);
}
#endif

[[noreturn]] BASTION_COLD void end_overflowed_program(const stack_memory& stack) noexcept {
    const thread_state& thread = this_thread();
    std::string who;
    if (thread.current_worker != nullptr && thread.current != nullptr)
        who = thread.current_worker->owner().name_of(thread.current);
    std::fprintf(stderr,
        "bastion: %s: a fiber has run over the end of its stack of %zu KiB, which has no guard: the program "
        "ends. Give it a bigger one, or allow more stacks with guards (config::with_stacks)\n",
        who.empty() ? "a task" : who.c_str(), (stack.size() + 1023) / 1024);
    std::abort();
}

stack_limits limits_here(const thread_state& thread) noexcept {
    return thread.current_worker != nullptr ? thread.current_worker->owner().stacks() : stack_limits();
}

// Of the node that the process is at home on, or of this worker's.
memory_home memory_here(const thread_state& thread) noexcept {
    if (thread.current_worker == nullptr) return no_home;
    const executor& all = thread.current_worker->owner();
    const strand* const s = thread.current;
    if (s != nullptr && s->node != 0) return all.memory_of(s->node);
    return thread.blocks().home();
}

// False: nobody charged for it.
bool charge(const thread_state& thread, std::size_t bytes) {
    if (thread.current == nullptr || thread.current->meter == nullptr) return false;
    if (!thread.current->meter->charge(bytes)) throw_out_of_memory(thread.current->meter->limit);
    return true;
}
void discharge(std::size_t bytes) noexcept {
    const thread_state& thread = this_thread();
    if (bytes != 0 && thread.current != nullptr && thread.current->meter != nullptr)
        thread.current->meter->discharge(bytes);
}

} // namespace

BASTION_NOT_WATCHED_BY_TSAN BASTION_INLINE void fiber::leave() noexcept {
#if BASTION_TSAN
    __tsan_switch_to_fiber(marks_.outside_thread, 0);
#endif
#if BASTION_ASAN
    __sanitizer_start_switch_fiber(
        state_ == state::waiting ? &marks_.fake_stack : nullptr, marks_.outside_low, marks_.outside_size);
#endif
    outside_ = switch_to(outside_, nullptr).fctx;
#if BASTION_ASAN
    __sanitizer_finish_switch_fiber(marks_.fake_stack, &marks_.outside_low, &marks_.outside_size);
#endif
}

struct fiber::beginning {
    BASTION_NOT_WATCHED_BY_TSAN static void run(fcontext::transfer_t from) {
        fiber& self = *static_cast<fiber*>(from.data);
        self.outside_ = from.fctx;
#if BASTION_ASAN
        __sanitizer_finish_switch_fiber(nullptr, &self.marks_.outside_low, &self.marks_.outside_size);
#endif
        self.entry_(self, self.data_);
        self.state_ = state::returned;
        self.leave();
        std::abort(); // nobody enters one that has returned
    }
};

fiber::fiber(const stack_memory& stack, std::size_t charged, entry start, void* data) noexcept
    : stack_(stack), entry_(start), data_(data), charged_(charged) {}

fiber& fiber::make(std::size_t stack_bytes, entry start, void* data) {
    const thread_state& thread = this_thread();
    const stack_limits limits = limits_here(thread);
    const std::size_t bytes = stack_bytes != 0 ? stack_bytes : limits.bytes;
    const std::size_t charged = charge(thread, bytes) ? bytes : 0;
    stack_memory stack;
    try {
        stack = take_stack(bytes, limits.most_guarded, memory_here(thread));
    } catch (...) {
        discharge(charged);
        throw;
    }
    constexpr std::size_t record = (sizeof(fiber) + cache_line - 1) / cache_line * cache_line;
    char* const top = stack.high - record;
    auto* const self = ::new (static_cast<void*>(top)) fiber(stack, charged, start, data);
    self->context_ = fcontext::make_fcontext(top, static_cast<std::size_t>(top - stack.low), &beginning::run);
#if BASTION_TSAN
    self->marks_.thread = __tsan_create_fiber(0);
#endif
    return *self;
}

BASTION_INLINE void fiber::look_for_overflow() noexcept {
    if (state_ == state::overflowed) return; // left from elsewhere
    if (in_grace_) [[unlikely]] {
        if (context_ < stack_.low) return; // it waits there
        in_grace_ = !set_grace(stack_, false);
    }
    if (!stack_.holds(context_) || !canary_lives(stack_)) [[unlikely]]
        end_overflowed_program(stack_);
}

BASTION_NOT_WATCHED_BY_TSAN BASTION_INLINE void fiber::run() noexcept {
    thread_state& thread = this_thread();
    if (!thread.meets_overflows) [[unlikely]]
        meet_overflows(thread);
    outer_ = std::exchange(thread.fiber, this);
    state_ = state::running;
    exchange_exceptions(thread, exceptions_); // the thread's, while it runs
#if BASTION_TSAN
    marks_.outside_thread = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(marks_.thread, 0);
#endif
#if BASTION_ASAN
    __sanitizer_start_switch_fiber(&marks_.outside_fake_stack, stack_.low, stack_.size());
#endif
    context_ = switch_to(context_, this).fctx;
#if BASTION_ASAN
    __sanitizer_finish_switch_fiber(marks_.outside_fake_stack, nullptr, nullptr);
#endif
    exchange_exceptions(thread, exceptions_);
    thread.fiber = outer_;
    look_for_overflow();
}

void fiber::destroy() noexcept {
    if (state_ == state::waiting) {
        unwinding_ = true;
        run();
    }
#if BASTION_TSAN
    __tsan_destroy_fiber(marks_.thread);
#endif
    discharge(charged_);
    const stack_memory stack = stack_;
    if (state_ == state::abandoned || state_ == state::overflowed) return abandon_stack(stack);
    this->~fiber();
    put_stack(stack);
}

void fiber::leave_for_good(bool overflowed) noexcept {
    state_ = overflowed ? state::overflowed : state::abandoned;
    leave();
    std::abort(); // nobody enters it any more
}

void fiber::wait(suspension how, void* awaiter) {
    how_ = how;
    awaiter_ = awaiter;
    state_ = state::waiting;
    leave();
    if (unwinding_) throw fiber_unwind();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

BASTION_INLINE std::coroutine_handle<> fiber::begin_waiting(driver handle) noexcept {
    try {
        return how_(awaiter_, handle);
    } catch (...) { failure_ = std::current_exception(); }
    return transfer(handle);
}

void fiber::insist() {
    constexpr std::uint8_t patience = 3;
    if (++swallowed_ == patience) leave_for_good(false);
    throw fiber_unwind();
}

void throw_outside_fiber() {
    throw usage_error("bastion: a fiber_context was used outside its fiber: in a coroutine that a fiber awaits take a "
                      "bastion::context, and co_await");
}

void throw_while_unwinding() {
    throw usage_error(
        "bastion: a fiber cannot wait while an exception unwinds its stack: a destructor awaited something");
}

namespace {

// Runs the fiber in the turns of a coroutine.
class fiber_turn {
public:
    explicit fiber_turn(fiber& f) noexcept : fiber_(&f) {}
    [[nodiscard]] BASTION_INLINE bool await_ready() const noexcept {
        fiber_->run();
        return fiber_->is_over();
    }
    [[nodiscard]] BASTION_INLINE std::coroutine_handle<> await_suspend(fiber::driver h) const noexcept {
        return fiber_->begin_waiting(h);
    }
    void await_resume() const noexcept {}

private:
    fiber* fiber_;
};

} // namespace

task<void> drive(fiber& f) {
    while (!f.is_over()) co_await fiber_turn(f);
    if (f.has_overflowed())
        throw limit_error(limit_error::kind::stack,
            "stack: a fiber needs more than " + std::to_string((f.stack().size() + 1023) / 1024) + " KiB");
}

} // namespace bastion::detail
