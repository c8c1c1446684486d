#include <bastion/executor/task.hpp>
#include <bastion/process/panic.hpp>

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

namespace bastion {

void panic(std::string_view text, source_location where) { throw panic_error(std::string(text), where); }

namespace detail {
namespace {

std::string readable(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : type.name();
}

exit_reason from(const panic_error& e) { return exit_reason::panic(e.what(), {}, e.where()); }

exit_reason from(const std::exception& e) {
    if (const auto* p = dynamic_cast<const panic_error*>(&e)) return from(*p);
    if (const auto* l = dynamic_cast<const limit_error*>(&e)) return exit_reason::limit(l->what());
    return exit_reason::panic(e.what(), readable(typeid(e)), {});
}

exit_reason reason_of_current() {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (type == nullptr) return exit_reason::panic("a foreign exception", {}, {});
#if defined(__GLIBCXX__)
    // A look at the exception without throwing it again: a panic costs one throw and one catch.
    const std::exception_ptr current = std::current_exception();
    // Safety: libstdc++'s exception_ptr is one pointer to the thrown object, and __do_catch is how its own handlers
    // decide whether a type is caught as std::exception, adjusting the pointer to that base.
    void* object = nullptr;
    static_assert(sizeof current == sizeof object);
    __builtin_memcpy(static_cast<void*>(&object), static_cast<const void*>(&current), sizeof object);
    if (*type == typeid(panic_error)) return from(*static_cast<const panic_error*>(object)); // what `panic` has thrown
    if (typeid(std::exception).__do_catch(type, &object, 1)) return from(*static_cast<const std::exception*>(object));
#else
    try {
        throw;
    } catch (const std::exception& e) { return from(e); } catch (...) {
    }
#endif
    return exit_reason::panic("an exception of type " + readable(*type), readable(*type), {});
}

} // namespace

exit_reason reason_of_current_exception() noexcept { return reason_or(exit_kind::panic, reason_of_current); }

} // namespace detail
} // namespace bastion
