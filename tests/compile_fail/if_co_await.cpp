// expect: name the result first
#include <bastion/bastion.hpp>

#include <chrono>

bastion::process wrong(bastion::context ctx) {
    if (co_await ctx.recv<int>().within(std::chrono::seconds(1))) co_return; // lint-allow: must not compile
    co_return;
}
