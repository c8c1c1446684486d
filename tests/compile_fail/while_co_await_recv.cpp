// expect: a received message always is one
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context ctx) {
    while (co_await ctx.recv()) {} // lint-allow: must not compile
    co_return;
}
