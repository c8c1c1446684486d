// A process that asks itself, answers itself, and panics: its group is started again, and the second run ends the program.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

const char* to_text(bool b) { return b ? "true" : "false"; }

bastion::process hello(bastion::context ctx) {
    std::puts("Started!");
    if (ctx.incarnation() > 0) {
        std::puts("Already started once. Stopping...");
        ctx.runtime().stop();
        co_return;
    }

    auto nothing = ctx.try_recv(); // does not wait
    std::printf("try_recv.is_some() == %s\n", to_text(nothing.has_value()));

    auto answer = ctx.self().request<std::string>("Hello World!"); // sent now, awaited later

    auto msg = co_await ctx.recv();
    if (auto q = msg.asked<std::string>()) {
        std::printf("msg == \"Hello World!\" => %s\n", to_text(*q == "Hello World!"));
        q.reply("Goodbye!");
    } else {
        msg.unhandled();
    }

    auto reply = co_await answer;
    std::printf("msg == \"Goodbye!\" => %s\n", to_text(reply.value_or("no answer") == "Goodbye!"));

    bastion::panic("Oh no!");
}

BASTION_MAIN(bastion::runtime& rt) { rt.spawn(bastion::children().with_exec(hello)); }
