// Callbacks in a tree under one_for_all: each event once, in order, with its reason. The upper group's element fails
// once; then everything is stopped.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

struct fail_now {};
struct restarted {}; // told to main by each after_restart

bastion::process member(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (msg.told<fail_now>() != nullptr) bastion::panic("told to fail");
    }
}

bastion::callbacks narrate(const std::string& who, bastion::child_ref main) {
    const auto say = [who](const char* what, const bastion::event& e) {
        std::printf("%-8s %-14s %s\n", who.c_str(), what, e.reason().what().c_str());
    };
    return bastion::callbacks()
        .before_start([say](const bastion::event& e) { say("before_start", e); })
        .after_start([say](const bastion::event& e) { say("after_start", e); })
        .before_restart([say](const bastion::event& e) { say("before_restart", e); })
        .after_restart([say, main](const bastion::event& e) {
            say("after_restart", e);
            main.tell(restarted());
        })
        .after_stop([say](const bastion::event& e) { say("after_stop", e); });
}

bastion::children group(const char* name, bastion::child_ref main) {
    return bastion::children().with_name(name).with_callbacks(narrate(name, main)).with_exec(member);
}

BASTION_MAIN(bastion::context ctx) {
    const auto main = ctx.self();
    auto tree = ctx.spawn(bastion::supervisor()
            .with_name("top")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(bastion::restart_strategy().immediate())
            .with_callbacks(narrate("top", main))
            .with_children(group("upper", main))
            .with_supervisor(bastion::supervisor()
                    .with_name("below")
                    .with_callbacks(narrate("below", main))
                    .with_children(group("lower", main))));
    auto started = co_await tree.started();
    if (!started) co_return ctx.fail(started.error());

    ctx.whereis("/top/upper/0").tell(fail_now());
    for (int i = 0; i < 3; ++i) co_await ctx.recv<restarted>(); // upper, lower and below
    ctx.runtime().stop();
}
