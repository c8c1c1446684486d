// Code is the user's unless it lies in the libraries that hold locks or half-made structures of the whole program: those that malloc, memcpy,
// a throw, the unwinder and the loader are from, unless that is the program itself, which is linked statically then, or has a sanitizer in it.
// Of this library, linked statically, the sections that its build has given a name of their own (cmake/Library.cmake); else its shared object.
#include "executor/overflow_boundary.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <dlfcn.h>
#include <exception>
#include <link.h>
#include <mutex>
#include <unwind.h>
#include <utility>

namespace bastion::detail {

// Made by the linker, where there are such sections.
extern char text_begin[] asm("__start_bastion_text") __attribute__((weak, visibility("hidden")));
extern char text_end[] asm("__stop_bastion_text") __attribute__((weak, visibility("hidden")));
extern char cold_begin[] asm("__start_bastion_cold") __attribute__((weak, visibility("hidden")));
extern char cold_end[] asm("__stop_bastion_cold") __attribute__((weak, visibility("hidden")));

namespace {

struct range {
    std::uintptr_t low = 0;
    std::uintptr_t high = 0;
    bool unwinds = false; // what throws: it does not return
    [[nodiscard]] bool holds(std::uintptr_t p) const noexcept { return low <= p && p < high; }
};

constexpr std::size_t most_ranges = 32;
std::array<range, most_ranges> ranges;
std::atomic<std::size_t> range_count{0}; // release and acquire: the ranges below it are written
constinit std::mutex learning;

void add(range r) noexcept {
    const std::size_t n = range_count.load(std::memory_order_relaxed); // `learning` is held
    if (n == most_ranges || r.low == r.high) return;
    ranges[n] = r;
    range_count.store(n + 1, std::memory_order_release);
}

template <class T>
std::uintptr_t address_of(const T* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
}
template <class R, class... Args>
std::uintptr_t address_of(R (*p)(Args...)) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
}

struct key {
    std::uintptr_t code;
    bool unwinds;
};
struct keys {
    std::array<key, 6> all;
    bool is_program = true; // the first that is listed
};

int learn_object(dl_phdr_info* object, std::size_t, void* data) {
    auto& wanted = *static_cast<keys*>(data);
    if (std::exchange(wanted.is_program, false)) return 0;
    const auto segment_of = [object](const ElfW(Phdr) & header) {
        const std::uintptr_t low = object->dlpi_addr + header.p_vaddr;
        return range{low, low + header.p_memsz};
    };
    const auto is_code = [](const ElfW(Phdr) & header) {
        return header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0;
    };
    bool holds_any = false;
    bool unwinds = false;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        if (!is_code(object->dlpi_phdr[i])) continue;
        for (const key& k : wanted.all) {
            if (!segment_of(object->dlpi_phdr[i]).holds(k.code)) continue;
            holds_any = true;
            unwinds = unwinds || k.unwinds;
        }
    }
    for (int i = 0; holds_any && i < object->dlpi_phnum; ++i) {
        if (!is_code(object->dlpi_phdr[i])) continue;
        range code = segment_of(object->dlpi_phdr[i]);
        code.unwinds = unwinds;
        add(code);
    }
    return 0;
}

const range* range_of(std::uintptr_t code) noexcept {
    const std::size_t n = range_count.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < n; ++i)
        if (ranges[i].holds(code)) return &ranges[i];
    return nullptr;
}

// Of libstdc++'s: who called it gets no return.
bool is_a_throw(std::uintptr_t function) noexcept {
    return function == address_of(&abi::__cxa_throw) || function == address_of(&abi::__cxa_rethrow) ||
           function == address_of(&std::rethrow_exception);
}

struct look {
    std::uintptr_t interrupted;
    bool inside = false; // frames of the interrupted code have begun: before them there are the handler's
    bool throws = false;
    std::size_t frames = 0;
    overflow_boundary found{overflow_boundary::way::not_here, nullptr};
};

_Unwind_Reason_Code look_at(_Unwind_Context* frame, void* data) {
    constexpr std::size_t most_frames = 256;
    auto& its = *static_cast<look*>(data);
    const std::uintptr_t code = _Unwind_GetIP(frame);
    if (!its.inside && code != its.interrupted) return _URC_NO_REASON;
    const bool is_first = !std::exchange(its.inside, true);
    if (++its.frames > most_frames) return _URC_END_OF_STACK;
    // A return address may lie behind the last instruction of its function.
    const range* const in = range_of(is_first ? code : code - 1);
    if (in != nullptr) {
        its.throws = its.throws || in->unwinds || is_a_throw(_Unwind_GetRegionStart(frame));
        return _URC_NO_REASON;
    }
    if (its.throws) return _URC_END_OF_STACK;
#if defined(__x86_64__)
    // Where the frame below this one was called from is the stack as it was before the call.
    auto** const slot = reinterpret_cast<void**>(_Unwind_GetCFA(frame)) - 1;
    if (reinterpret_cast<std::uintptr_t>(*slot) == code) its.found = {overflow_boundary::way::at_return, slot};
#endif
    return _URC_END_OF_STACK;
}

} // namespace

void learn_what_must_finish() noexcept {
    const std::lock_guard guard(learning);
    if (range_count.load(std::memory_order_relaxed) != 0) return;
    add({address_of(text_begin), address_of(text_end)});
    add({address_of(cold_begin), address_of(cold_end)});
    const std::uintptr_t own =
        range_count.load(std::memory_order_relaxed) == 0 ? address_of(&learn_what_must_finish) : 0;
    keys wanted{{{{address_of(&std::malloc), false},
        {address_of(static_cast<void* (*)(void*, const void*, std::size_t)>(&std::memcpy)), false},
        {address_of(&abi::__cxa_demangle), false}, {address_of(&_Unwind_RaiseException), true},
        {reinterpret_cast<std::uintptr_t>(::dlsym(RTLD_DEFAULT, "__tls_get_addr")), false}, {own, false}}}};
    dl_iterate_phdr(&learn_object, &wanted);
}

overflow_boundary find_overflow_boundary(std::uintptr_t code) noexcept {
    if (range_of(code) == nullptr) return {};
    look its{code};
    _Unwind_Backtrace(&look_at, &its);
    return its.found;
}

} // namespace bastion::detail
