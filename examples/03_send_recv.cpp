// The program of seed.cpp; here `match` takes the messages apart: the first arm that fits is called.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

const char* to_text(bool b) { return b ? "true" : "false"; }

// What an on_question arm returns is the answer.
std::string reply_to(const std::string& question) {
    std::printf("msg == \"Hello World!\" => %s\n", to_text(question == "Hello World!"));
    return "Goodbye!";
}
void read_reply(const std::string& text) { std::printf("msg == \"Goodbye!\" => %s\n", to_text(text == "Goodbye!")); }
void do_not_know(bastion::message& msg) { msg.unhandled(); }

bastion::process hello(bastion::context ctx) {
    std::puts("Started!");
    if (ctx.incarnation() > 0) {
        std::puts("Already started once. Stopping...");
        ctx.runtime().stop();
        co_return;
    }

    auto nothing = ctx.try_recv();
    std::printf("try_recv.is_some() == %s\n", to_text(nothing.has_value()));

    auto answer = ctx.self().ask("Hello World!"); // the type of the answer is left open: it comes as a message

    auto msg = co_await ctx.recv();
    msg.match(bastion::on_question(reply_to), bastion::otherwise(do_not_know));

    auto reply = co_await answer;
    if (reply) reply->match(bastion::on_tell(read_reply), bastion::otherwise(do_not_know));

    bastion::panic("Oh no!");
}

BASTION_MAIN(bastion::runtime& rt) { rt.spawn(bastion::children().with_exec(hello)); }
