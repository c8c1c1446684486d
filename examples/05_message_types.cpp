// One process that answers questions of several types, and reports what it does not know.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

struct telegram {
    int words;
};

bastion::process polyglot(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto number = msg.asked<int>()) {
            if (*number != 42) bastion::panic("expected the number 42");
            number.reply(101);
        } else if (auto text = msg.asked<std::string>()) {
            if (*text != "marco") bastion::panic("expected the text marco");
            text.reply("polo");
        } else {
            std::printf("I do not know this: a message of type %s\n", std::string(msg.type()).c_str());
            msg.unhandled();  // a dead letter; an asker is told
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    auto child = ctx.spawn(polyglot);

    auto number = co_await child.request<int>(42);
    if (number) std::printf("42? %d\n", *number);

    auto text = co_await child.request<std::string>("marco");
    if (text) std::printf("marco? %s\n", text->c_str());

    child.tell(telegram{3});
    auto unknown = co_await child.request<int>(2.5);
    if (!unknown) std::printf("2.5? %s\n", unknown.error().what().c_str());
}
