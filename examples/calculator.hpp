// What both calculators speak, and a client that tears its expressions in pieces.
#ifndef BASTION_EXAMPLES_CALCULATOR_HPP
#define BASTION_EXAMPLES_CALCULATOR_HPP

#include <bastion/bastion.hpp>

#include <cctype>
#include <cstdio>
#include <stdexcept>
#include <string>

struct input { // a piece of text; an expression ends with ';'
    std::string text;
    bastion::child_ref from;
};
struct value {
    double is;
};
struct mistake {
    std::string what;
};

inline std::runtime_error unexpected(const char* wanted, char found) {
    return std::runtime_error(std::string(wanted) + " was expected, not '" + found + "'");
}
inline bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

inline bastion::task<void> use_calculator(bastion::context ctx, bastion::child_ref server) {
    for (const char* piece : {"1 + 2 * ", "3; (1", "0 - 4) / -", "(2+1);", "2 * (3 + ;", "7;"})
        server.tell(input{piece, ctx.self()});
    for (int i = 0; i < 4; ++i) {
        auto m = co_await ctx.recv();
        if (auto* v = m.told<value>()) std::printf("%g\n", v->is);
        else if (auto* wrong = m.told<mistake>()) std::printf("mistake: %s\n", wrong->what.c_str());
    }
    // Nested too deep: that process fails, and is started again.
    const auto watch = ctx.monitor(server);
    server.tell(input{std::string(1'000'000, '('), ctx.self()});
    auto end = co_await ctx.recv<bastion::down>();
    std::printf("the calculator ended%s\n", end.reason().kind() == bastion::exit_kind::limit ? ": limit" : "");
    server.tell(input{"6 * 7;", ctx.self()});
    auto answer = co_await ctx.recv<value>();
    std::printf("%g\n", answer.is);
}

#endif
