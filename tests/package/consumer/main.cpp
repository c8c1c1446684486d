#include <bastion/bastion.hpp>

#include <cstdio>

bastion::process greeter(bastion::context ctx) {
    auto name = co_await ctx.recv<std::string>();
    std::printf("hello, %s\n", name.c_str());
    ctx.runtime().stop();
}

BASTION_MAIN(bastion::runtime& rt) {
    auto version = bastion::version();
    std::printf("Bastion %.*s\n", static_cast<int>(version.size()), version.data());
    auto g = rt.spawn(greeter);
    g.tell("package");
}
