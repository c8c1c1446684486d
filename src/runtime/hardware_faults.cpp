// SIGSEGV, SIGBUS and SIGFPE as exceptions of the process that caused them. docs/internals/hardware_faults.md says which
// faults are thrown and why no others, and goes through the handler call by call.
#include "runtime/hardware_faults.hpp"

#include "executor/stack_overflow.hpp"
#include "runtime/last_words.hpp"

#include <bastion/executor/worker.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/hardware_fault.hpp>
#include <bastion/runtime/hardware_faults.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <link.h>
#include <mutex>
#include <pthread.h>
#include <ucontext.h>

namespace bastion::detail {
namespace {

struct range {
    std::uintptr_t low = 0;
    std::uintptr_t high = 0;
    [[nodiscard]] bool holds(std::uintptr_t p) const noexcept { return low <= p && p < high; }
};

// ---- the code that was built for it: grows only, read by the handler

constexpr std::size_t most_ranges = 64;
std::array<range, most_ranges> built_code;
std::atomic<std::size_t> built_count{0}; // release and acquire: the ranges below it are written
constinit std::mutex building;

bool built_for_it(std::uintptr_t code) noexcept {
    const std::size_t n = built_count.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < n; ++i)
        if (built_code[i].holds(code)) return true;
    return false;
}

range segment(const dl_phdr_info& object, const ElfW(Phdr) & header) noexcept {
    const std::uintptr_t low = object.dlpi_addr + header.p_vaddr;
    return {low, low + header.p_memsz};
}

int note_code_of(dl_phdr_info* object, std::size_t, void* data) {
    const auto here = reinterpret_cast<std::uintptr_t>(data);
    bool found = false;
    for (int i = 0; i < object->dlpi_phnum; ++i)
        found = found || (object->dlpi_phdr[i].p_type == PT_LOAD && segment(*object, object->dlpi_phdr[i]).holds(here));
    if (!found) return 0;
    std::size_t n = built_count.load(std::memory_order_relaxed); // `building` is held
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& header = object->dlpi_phdr[i];
        if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
        const range code = segment(*object, header);
        if (n < most_ranges && !built_for_it(code.low)) built_code[n++] = code;
    }
    built_count.store(n, std::memory_order_release);
    return 1;
}

// ---- what the handler knows of its thread

struct fault_thread {
    bool armed = false; // works for a runtime that asked
    range stack; // empty: unknown
};
// initial-exec: a first access from a signal handler must not allocate.
thread_local constinit fault_thread this_fault_thread __attribute__((tls_model("initial-exec")));

// ---- the handler

constexpr std::array<int, 3> numbers{SIGSEGV, SIGBUS, SIGFPE};
constinit std::mutex installing;
int guards = 0; // guarded by `installing`
std::array<struct sigaction, 3> earlier; // written while no handler of ours is installed

void on_fault(int number, siginfo_t* info, void* context);

void put_back() noexcept {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        struct sigaction now = {};
        // Whoever came after us stays.
        if (sigaction(numbers[i], nullptr, &now) == 0 && now.sa_sigaction == &on_fault)
            sigaction(numbers[i], &earlier[i], nullptr);
    }
}

#if defined(__x86_64__) && defined(__linux__)
struct machine_state {
    std::uintptr_t code;
    std::uintptr_t stack;
};
machine_state state_of(const ucontext_t& c) noexcept {
    return {static_cast<std::uintptr_t>(c.uc_mcontext.gregs[REG_RIP]),
        static_cast<std::uintptr_t>(c.uc_mcontext.gregs[REG_RSP])};
}
// A handler begins with the default rounding and masks, and nobody who leaves by an exception gets the old ones back.
void keep_float_modes(const ucontext_t& c) noexcept {
    if (c.uc_mcontext.fpregs == nullptr) return;
    const std::uint16_t control = c.uc_mcontext.fpregs->cwd;
    __builtin_ia32_ldmxcsr(c.uc_mcontext.fpregs->mxcsr);
    asm volatile("fldcw %0" : : "m"(control));
}

bool overflows(const machine_state& m, std::uintptr_t address, const range& stack) noexcept {
    constexpr std::uintptr_t reach = 65536; // a frame may step over the guard page
    if (stack.high == 0) return false;
    return (m.stack < stack.low && stack.low - m.stack < reach) || (address < stack.low && stack.low - address < reach);
}

// Why this fault cannot become an exception; null: it can.
const char* why_not(const siginfo_t& info, const machine_state& m, const fault_thread& here) noexcept {
    if (info.si_code <= 0) return "sent from outside";
    if (!here.armed) return "on a thread that is no worker with hardware faults";
    if (overflows(m, reinterpret_cast<std::uintptr_t>(info.si_addr), here.stack)) return "stack overflow";
    const thread_state& thread = this_thread();
    if (thread.current_worker == nullptr) return "outside the worker's loop";
    if (!built_for_it(m.code)) return "in code that was not built for hardware faults";
    if (thread.unwinding()) return "while an exception unwinds";
    const control_block* process = running_block(); // null: a forked task
    if (process != nullptr && process->kind == process_kind::system && !thread.callback) return "in supervision itself";
    return nullptr;
}

void on_fault(int number, siginfo_t* info, void* context) {
    if (leave_overflowed(*info, context)) return;
    const auto& interrupted = *static_cast<const ucontext_t*>(context);
    // SI_KERNEL: no address was formed that the kernel could name.
    const hardware_fault fault(number, info->si_addr, info->si_code != SI_KERNEL && info->si_code > 0);
    if (const char* why = why_not(*info, state_of(interrupted), this_fault_thread)) {
        put_back(); // first: what follows may fault itself
        // Also when it was a later handler that called this one: it would do so again, for ever.
        for (std::size_t i = 0; i < numbers.size(); ++i)
            if (numbers[i] == number) sigaction(number, &earlier[i], nullptr);
        say_last_words_of_signal(fault.what(), why);
        // The handler that was there before gets the same fault again, from the instruction. One that was sent has none.
        if (info->si_code <= 0) raise(number);
        return;
    }
    keep_float_modes(interrupted);
    throw hardware_fault(fault);
}
#else
void on_fault(int, siginfo_t*, void*) {} // never installed
#endif

range stack_of_this_thread() noexcept {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
    void* low = nullptr;
    std::size_t size = 0;
    const bool known = pthread_attr_getstack(&attributes, &low, &size) == 0;
    pthread_attr_destroy(&attributes);
    const auto from = reinterpret_cast<std::uintptr_t>(low);
    return known ? range{from, from + size} : range{};
}

} // namespace

bool note_built_for_hardware_faults(const void* here) noexcept {
    const std::lock_guard lock(building);
    // Safety: the callback only compares the address.
    return dl_iterate_phdr(&note_code_of, const_cast<void*>(here)) != 0;
}

const char* why_no_hardware_faults() noexcept {
#if BASTION_ASAN || BASTION_TSAN
    return "bastion: hardware faults are not available: a sanitizer watches these signals";
#elif !defined(__x86_64__) || !defined(__linux__) || !defined(__GLIBC__)
    return "bastion: hardware faults are not available: they need g++ and glibc on Linux for x86-64";
#else
    if (built_count.load(std::memory_order_acquire) != 0) return nullptr;
    return "bastion: hardware faults are not available: the program was not built by g++ with the CMake target "
           "bastion::hardware_faults";
#endif
}

hardware_fault_guard::hardware_fault_guard() {
    const std::lock_guard lock(installing);
    if (guards++ != 0) return;
    struct sigaction action = {};
    action.sa_sigaction = &on_fault;
    sigemptyset(&action.sa_mask);
    // NODEFER: an exception leaves the handler without the return that would unblock the signal.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    for (std::size_t i = 0; i < numbers.size(); ++i) sigaction(numbers[i], nullptr, &earlier[i]);
    for (const int number : numbers) sigaction(number, &action, nullptr);
}

hardware_fault_guard::~hardware_fault_guard() {
    const std::lock_guard lock(installing);
    if (--guards == 0) put_back();
}

void work_with_hardware_faults(worker& w) {
    have_signal_stack(); // so that an overflow of the thread's own stack can be reported
    this_fault_thread = {true, stack_of_this_thread()};
    w.loop();
    this_fault_thread = {};
}

hardware_faults_here::hardware_faults_here() noexcept : before_(this_fault_thread.armed) {
    this_fault_thread.armed = true;
}
hardware_faults_here::~hardware_faults_here() { this_fault_thread.armed = before_; }

} // namespace bastion::detail
