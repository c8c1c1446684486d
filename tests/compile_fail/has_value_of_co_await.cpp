// expect: name the result first
#include <bastion/bastion.hpp>

#include <chrono>

bastion::process wrong(bastion::context ctx) {
    bool there = (co_await ctx.recv<int>().within(std::chrono::seconds(1))).has_value();
    (void)there;
    co_return;
}
