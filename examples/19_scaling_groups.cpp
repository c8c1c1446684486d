// A group that scales: a resizer adds workers while their mail piles up, up to ten, and takes them away when they idle.
// Whoever is taken away leaves what it has not read to one that stays: no job is lost.
#include <bastion/bastion.hpp>

#include <cstdio>

using namespace std::chrono_literals;

struct job {};
struct done {};

bastion::process worker(bastion::context ctx) {
    for (;;) {
        co_await ctx.recv<job>();
        co_await ctx.sleep_for(2ms); // as if it waited for a disk
        ctx.whereis("main").tell(done());
    }
}

BASTION_MAIN(bastion::context ctx) {
    auto named = ctx.register_name("main");
    if (!named) co_return ctx.fail(named.error());
    auto workers = ctx.spawn(bastion::children()
            .with_name("workers")
            .with_distributor("workers") // jobs go to its members in turn
            .with_exec(worker)
            .with_resizer(bastion::resizer()
                    .with_lower_bound(1)
                    .with_upper_bound(10)
                    .with_mailbox_size_threshold(3) // grow when more than three jobs wait for a worker, on average,
                    .with_upscale_rate(0.5) // by half
                    .with_downscale_threshold(0.3) // shrink when fewer than three in ten have something to do,
                    .with_downscale_rate(0.1) // by a tenth
                    .with_interval(5ms)));
    const auto all = ctx.distributor("workers");
    std::printf("at first: %zu\n", workers.size());

    int given = 0;
    while (workers.current().size() < 10) { // more jobs than they can do
        for (int i = 0; i < 100; ++i) given += all.tell_one(job()) == bastion::delivery::accepted ? 1 : 0;
        co_await ctx.sleep_for(5ms);
    }
    std::printf("under pressure: %zu\n", workers.current().size());

    for (int i = 0; i < given; ++i) co_await ctx.recv<done>();
    std::printf("all jobs are done\n");

    while (workers.current().size() > 1) co_await ctx.sleep_for(5ms);
    std::printf("idle: %zu\n", workers.current().size());
}
