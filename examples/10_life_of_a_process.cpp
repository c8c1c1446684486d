// The life of one process: what is called before it starts and after it has ended, also by a panic; and state that it
// shares with these callbacks.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <memory>
#include <string>

using counter = std::shared_ptr<int>; // used by one at a time: the callbacks frame the life of the process

bastion::callbacks hooks(const char* who, counter count) {
    return bastion::callbacks()
        .before_start([who, count](const bastion::event&) {
            *count += 1;
            std::printf("%s: before_start\n", who);
        })
        .after_stop([who, count](const bastion::event& e) {
            *count += 3;
            std::printf("%s: after_stop, %s\n", who, e.reason().what().c_str());
        });
}

bastion::process completes(bastion::context ctx, counter count) {
    co_await ctx.yield();
    *count += 2;
    std::printf("the first: works, and is done\n");
}

bastion::process panics(bastion::context ctx) {
    co_await ctx.yield();
    std::printf("the second: works\n");
    bastion::panic("it cannot go on");
}

BASTION_MAIN(bastion::context ctx) {
    const auto count = std::make_shared<int>(0);
    auto first = ctx.spawn(bastion::children()
            .with_restart(bastion::temporary)
            .with_callbacks(hooks("the first", count))
            .with_exec([count](bastion::context c) { return completes(c, count); }));
    // Of the group, which ends after its last process and that one's callbacks: a monitor of the process may be told
    // before these are called.
    auto watched = ctx.monitor(first);
    (void)co_await ctx.recv<bastion::down>();
    std::printf("the counter is %d\n", *count);

    auto second = ctx.spawn(bastion::children()
            .with_restart(bastion::temporary)
            .with_callbacks(hooks("the second", std::make_shared<int>(0)))
            .with_exec(panics));
    watched = ctx.monitor(second);
    (void)co_await ctx.recv<bastion::down>();
    std::printf("nobody else was harmed\n");
}
