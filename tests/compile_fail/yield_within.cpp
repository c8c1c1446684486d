// expect: a yield waits for nothing
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context ctx) { (void)co_await ctx.yield().within(std::chrono::seconds(1)); }
