// expect: name the message first
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context ctx) {
    int* n = (co_await ctx.recv()).told<int>();
    (void)n;
    co_return;
}
