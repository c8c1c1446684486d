// Five messages through a named dispatcher: its three elements get them in turn.
#include <bastion/bastion.hpp>

#include <cstdio>

struct job {
    int number;
};
struct handled {};

bastion::process work(bastion::context ctx, int me) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto* j = msg.broadcast<job>()) { // given by a dispatcher: shared and const
            std::printf("element %d: message %d\n", me, j->number);
            ctx.whereis("caller").tell(handled());
        } else {
            msg.unhandled();
        }
    }
}

BASTION_MAIN(bastion::context ctx) {
    auto named = ctx.register_name("caller");
    if (!named) co_return ctx.fail(named.error());
    for (int element = 0; element < 3; ++element)
        ctx.spawn(bastion::children().with_dispatcher("workers").with_exec(
            [element](bastion::context c) { return work(c, element); }));

    for (int number = 0; number < 5; ++number)
        ctx.broadcast_message(bastion::broadcast_target::group("workers"), job{number});
    for (int number = 0; number < 5; ++number) co_await ctx.recv<handled>();
    ctx.runtime().stop();
}
