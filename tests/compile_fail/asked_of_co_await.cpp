// expect: name the message first
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context ctx) {
    auto q = (co_await ctx.recv()).asked<int>();
    (void)q;
    co_return;
}
