// `panic`: the running process cannot go on. It ends with reason `panic`; its supervisor decides what comes next.
//
// An ordinary C++ exception carries it, so destructors run; any other exception that leaves a body is a panic, too.
#ifndef BASTION_PROCESS_PANIC_HPP
#define BASTION_PROCESS_PANIC_HPP

#include <bastion/base/source_location.hpp>
#include <bastion/process/exit_reason.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace bastion {

class panic_error : public std::exception {
public:
    panic_error(std::string text, source_location where) : text_(std::move(text)), where_(where) {}
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
    [[nodiscard]] const source_location& where() const noexcept { return where_; }

private:
    std::string text_;
    source_location where_;
};

// Ends the running process (or, outside one, throws panic_error to the caller). Cost: one throw and one catch; cold, so that the unwinder
// has to read little of the tables of who calls it.
[[noreturn]] BASTION_API BASTION_COLD void panic(
    std::string_view text, source_location where = source_location::current());

namespace detail {

// The reason for the exception being handled now. Inside a catch handler only; throws nothing again for classes
// derived from std::exception.
[[nodiscard]] BASTION_API exit_reason reason_of_current_exception() noexcept;

} // namespace detail
} // namespace bastion

#endif
