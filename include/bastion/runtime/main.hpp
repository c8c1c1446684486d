// BASTION_MAIN: a `main` that is a process, or a function with a runtime.
//
// BASTION_MAIN(bastion::context ctx) {...}   a process; its end stops the runtime; exit code 0, or 1 after its fault
// BASTION_MAIN(bastion::runtime& rt) {...}   a function; then runs until the runtime is stopped
// BASTION_MAIN() {...}                       the same, with the free functions
// Each may end with `, bastion::args args`. Exit code: 0, 1 on an unhandled fault, or stop(code).
#ifndef BASTION_RUNTIME_MAIN_HPP
#define BASTION_RUNTIME_MAIN_HPP

#include <bastion/runtime/runtime.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bastion {

// The program's arguments, without its name.
class args {
public:
    args() noexcept {}
    args(int argc, char** argv) : program_(argc > 0 ? argv[0] : ""), words_(argv + (argc > 0 ? 1 : 0), argv + argc) {}

    [[nodiscard]] std::size_t size() const noexcept { return words_.size(); }
    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }
    [[nodiscard]] const std::string& operator[](std::size_t i) const { return words_.at(i); }
    [[nodiscard]] auto begin() const noexcept { return words_.begin(); }
    [[nodiscard]] auto end() const noexcept { return words_.end(); }
    [[nodiscard]] const std::string& program() const noexcept { return program_; }

private:
    std::string program_;
    std::vector<std::string> words_;
};

namespace detail {

BASTION_API int run_main_process(process (*body)(context));
BASTION_API int run_main_process(process (*body)(context, args), args words);
BASTION_API int run_main_function(unique_function<void(runtime&)> body);

template <class Signature>
struct main_result {
    static_assert(!std::is_same_v<Signature, Signature>,
        "bastion: BASTION_MAIN takes (bastion::context ctx), (bastion::runtime& rt) or (), each optionally with "
        "bastion::args args as the last parameter");
    using type = void;
};
template <>
struct main_result<void(context)> {
    using type = process;
    static int run(process (*body)(context), args) { return run_main_process(body); }
};
template <>
struct main_result<void(context, args)> {
    using type = process;
    static int run(process (*body)(context, args), args words) { return run_main_process(body, std::move(words)); }
};
template <>
struct main_result<void(runtime&)> {
    using type = void;
    static int run(void (*body)(runtime&), args) { return run_main_function(body); }
};
template <>
struct main_result<void(runtime&, args)> {
    using type = void;
    static int run(void (*body)(runtime&, args), args words) {
        return run_main_function([body, w = std::move(words)](runtime& rt) { body(rt, w); });
    }
};
template <>
struct main_result<void()> {
    using type = void;
    static int run(void (*body)(), args) {
        return run_main_function([body](runtime&) { body(); });
    }
};
template <>
struct main_result<void(args)> {
    using type = void;
    static int run(void (*body)(args), args words) {
        return run_main_function([body, w = std::move(words)](runtime&) { body(w); });
    }
};

} // namespace detail
} // namespace bastion

#define BASTION_MAIN(...)                                                                                              \
    static ::bastion::detail::main_result<void(__VA_ARGS__)>::type bastion_main_body(__VA_ARGS__);                     \
    int main(int argc, char** argv) {                                                                                  \
        return ::bastion::detail::main_result<void(__VA_ARGS__)>::run(                                                 \
            &bastion_main_body, ::bastion::args(argc, argv));                                                          \
    }                                                                                                                  \
    static ::bastion::detail::main_result<void(__VA_ARGS__)>::type bastion_main_body(__VA_ARGS__)

#endif
