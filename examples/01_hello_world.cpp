// The shortest program with a name in it: whoever knows the distributor's name asks, one of its members answers.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

bastion::process greet(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<std::string>()) {
            std::printf("asked: %s\n", q->c_str());
            q.reply("hello, world!");
        } else {
            msg.unhandled();
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    ctx.spawn(bastion::children().with_distributor("say_hi").with_exec(greet));

    auto answer = co_await ctx.distributor("say_hi").request<std::string>("hi!");
    if (answer) std::printf("answered: %s\n", answer->c_str());
}
