// The handler has the interrupted thread go on elsewhere, on its signal stack, which nobody uses when the
// handler has returned. From there the fiber is left as if it had come to its end. So the system and the sanitizers see a signal that was
// handled, and a switch as any other. (A jump out of the handler would have to mend the signal mask.)
//
// A function of the C or C++ library or of ours that is in the middle of something gets room to finish, *grace*: the upper part of the guard is
// opened, and the function made to return elsewhere than to the user's code: there the fiber is left. While an exception is thrown there is no
// such place: it goes on, and the guard is closed when the fiber next waits. Who uses the grace up is left wherever he is.
#include "executor/stack_overflow.hpp"

#include "executor/overflow_boundary.hpp"

#include <bastion/executor/fiber.hpp>
#include <bastion/executor/this_thread.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

extern "C" {
__attribute__((visibility("hidden"))) void bastion_left_at_return();
[[noreturn]] __attribute__((visibility("hidden"), used)) void bastion_leave_at_return() noexcept;
}

namespace bastion::detail {
namespace {

// Kept by the thread to its end; what it had before is put back then.
class signal_stack {
public:
    signal_stack() noexcept {
        stack_t there = {};
        if (sigaltstack(nullptr, &there) == 0 && (there.ss_flags & SS_DISABLE) == 0) return; // it has one
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        size_ = most + page;
        memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) return; // then an overflow ends the program without a word
        mprotect(memory_, page, PROT_NONE);
        stack_t mine = {};
        mine.ss_sp = static_cast<char*>(memory_) + page;
        mine.ss_size = most;
        sigaltstack(&mine, &before_);
    }
    signal_stack(const signal_stack&) = delete;
    signal_stack& operator=(const signal_stack&) = delete;
    ~signal_stack() {
        if (memory_ == MAP_FAILED) return;
        sigaltstack(&before_, nullptr);
        munmap(memory_, size_);
    }

private:
    // A throw that ends in std::terminate runs on it: last words, the program's own terminate handler.
    static constexpr std::size_t most = 262144;
    std::size_t size_ = 0;
    void* memory_ = MAP_FAILED;
    stack_t before_ = {};
};

[[noreturn]] void leave_here(fiber* f) noexcept { f->leave_for_good(true); }

// Returned to, instead of to the user's code, by the function that had to finish first.
#if defined(__x86_64__) && defined(__linux__)
asm(R"(
    .pushsection .text
    .globl bastion_left_at_return
    .hidden bastion_left_at_return
    .type bastion_left_at_return, @function
bastion_left_at_return:
    andq $-16, %rsp
    call bastion_leave_at_return
    ud2
    .size bastion_left_at_return, . - bastion_left_at_return
    .popsection
)");
void leave_at_return(void** slot) noexcept { *slot = reinterpret_cast<void*>(&bastion_left_at_return); }
#else
void leave_at_return(void**) noexcept {} // never asked: overflow_boundary.cpp finds no such place
#endif

std::uintptr_t code_of(const ucontext_t& interrupted) noexcept {
#if defined(__x86_64__) && defined(__linux__)
    return static_cast<std::uintptr_t>(interrupted.uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__) && defined(__linux__)
    return interrupted.uc_mcontext.pc;
#else
    (void)interrupted;
    return 0;
#endif
}

// Where the thread goes on when the handler returns. False: nobody knows how, on this machine.
bool go_on_in(ucontext_t& interrupted, void (*where)(fiber*) noexcept, fiber* f) noexcept {
    if (interrupted.uc_stack.ss_size == 0) return false;
    const auto stack = (reinterpret_cast<std::uintptr_t>(interrupted.uc_stack.ss_sp) + interrupted.uc_stack.ss_size) &
                       ~std::uintptr_t{63};
#if defined(__x86_64__) && defined(__linux__)
    auto& registers = interrupted.uc_mcontext.gregs;
    constexpr greg_t direction_flag = 0x400;
    registers[REG_RIP] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(where));
    registers[REG_RSP] = static_cast<greg_t>(stack - 64 - 8); // as behind a call
    registers[REG_RDI] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(f));
    registers[REG_EFL] &= ~direction_flag;
    return true;
#elif defined(__aarch64__) && defined(__linux__)
    interrupted.uc_mcontext.pc = reinterpret_cast<std::uintptr_t>(where);
    interrupted.uc_mcontext.sp = stack - 64;
    interrupted.uc_mcontext.regs[0] = reinterpret_cast<std::uintptr_t>(f);
    return true;
#else
    (void)stack, (void)where, (void)f;
    return false;
#endif
}

constexpr std::array<int, 2> numbers{SIGSEGV, SIGBUS}; // the second is another kernel's word for the first

// What was there before us. A new one each time that somebody else's handler is found in our place; the old ones stay, a handler may read them.
struct earlier_actions {
    std::array<struct sigaction, numbers.size()> of{};
    const earlier_actions* before = nullptr;
};
std::atomic<const earlier_actions*> earlier{nullptr}; // release and acquire: they are written before

void on_fault(int number, siginfo_t* info, void* context);

// What was there before may have been put there over us, and call us: then nobody wants it.
thread_local constinit bool asking_earlier __attribute__((tls_model("initial-exec"))) = false;

void ask_earlier(int number, siginfo_t* info, void* context) {
    const earlier_actions* const there = earlier.load(std::memory_order_acquire);
    struct sigaction before = {};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        if (numbers[i] == number && there != nullptr && !asking_earlier) before = there->of[i];
    class asking {
    public:
        asking() noexcept { asking_earlier = true; }
        asking(const asking&) = delete;
        asking& operator=(const asking&) = delete;
        ~asking() { asking_earlier = false; } // also when it leaves by an exception
    };
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        const asking now;
        return before.sa_sigaction(number, info, context);
    }
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        const asking now;
        return before.sa_handler(number);
    }
    // The same fault again, from the instruction, as if we had never been here. One that was sent has none.
    sigaction(number, &before, nullptr);
    if (info->si_code <= 0) raise(number);
}

void on_fault(int number, siginfo_t* info, void* context) {
    if (!leave_overflowed(*info, context)) ask_earlier(number, info, context);
}

// Again for each thread: whoever keeps the handlers that he has found and puts them back later (a test framework around each test) may have
// put ours away.
void install() noexcept {
    static constinit std::mutex installing;
    const std::lock_guard guard(installing);
    std::unique_ptr<earlier_actions> found(new (std::nothrow) earlier_actions);
    if (found == nullptr) return; // then an overflow ends the program, as below
    bool in_place = true;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        sigaction(numbers[i], nullptr, &found->of[i]);
        in_place = in_place && (found->of[i].sa_flags & SA_SIGINFO) != 0 && found->of[i].sa_sigaction == &on_fault;
    }
    if (in_place) return;
    found->before = earlier.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        if ((found->of[i].sa_flags & SA_SIGINFO) != 0 && found->of[i].sa_sigaction == &on_fault)
            found->of[i] = found->before->of[i];
    earlier.store(found.release(), std::memory_order_release);
    struct sigaction action = {};
    action.sa_sigaction = &on_fault;
    sigemptyset(&action.sa_mask);
    // NODEFER: the handler that was there before may leave by an exception (hardware_faults.cpp).
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    for (const int number : numbers) sigaction(number, &action, nullptr);
}

} // namespace

void meet_overflows(thread_state& thread) noexcept {
    if (thread.meets_overflows) return;
    learn_what_must_finish();
    install();
    have_signal_stack();
    thread.meets_overflows = true;
}

void have_signal_stack() noexcept {
    thread_local const signal_stack stack;
    (void)stack;
}

bool leave_overflowed(const siginfo_t& fault, void* interrupted) noexcept {
    fiber* const here = this_thread().fiber;
    if (fault.si_code <= 0 || here == nullptr || !here->stack().guarded) return false;
    const auto low = reinterpret_cast<std::uintptr_t>(here->stack().low);
    const auto at = reinterpret_cast<std::uintptr_t>(fault.si_addr);
    if (at >= low || low - at > stack_guard_bytes) return false;
    if (low - at <= stack_grace_bytes && !here->is_in_grace()) {
        const overflow_boundary boundary =
            find_overflow_boundary(code_of(*static_cast<const ucontext_t*>(interrupted)));
        if (boundary.how != overflow_boundary::way::now && here->begin_grace()) {
            if (boundary.how == overflow_boundary::way::at_return) leave_at_return(boundary.slot);
            return true; // the same instruction once more
        }
    }
    return go_on_in(*static_cast<ucontext_t*>(interrupted), &leave_here, here);
}

} // namespace bastion::detail

void bastion_leave_at_return() noexcept { bastion::detail::this_thread().fiber->leave_for_good(true); }
