// A conference: five of the staff, fifty who are interested, and those who will come, who subscribe at run time.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

struct rsvp {
    bool attends;
    bastion::child_ref who;
};
struct schedule {
    std::string start;
};
struct noted {}; // told to main, so that it knows when all is done

bastion::process organize(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<std::string>()) {
            q.reply("next month!");
        } else if (auto* thanks = msg.told<std::string>()) {
            std::printf("one of the staff was told: %s\n", thanks->c_str());
            ctx.whereis("main").tell(noted());
        } else {
            msg.unhandled();
        }
    }
}

bastion::process be_interested(bastion::context ctx, bool has_time) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<std::string>()) q.reply(rsvp{has_time, ctx.self()});
        else if (msg.told<schedule>() != nullptr) ctx.whereis("main").tell(noted());
        else msg.unhandled();
    }
}

bastion::children fans(bool have_time) {
    return bastion::children()
        .with_redundancy(25)
        .with_distributor("enthusiasts")
        .with_exec([have_time](bastion::context ctx) { return be_interested(ctx, have_time); });
}

BASTION_MAIN(bastion::context ctx) {
    auto named = ctx.register_name("main");
    if (!named) co_return ctx.fail(named.error());
    ctx.spawn(bastion::children().with_redundancy(5).with_distributor("staff").with_exec(organize));
    ctx.spawn(fans(true));
    ctx.spawn(fans(false));
    const auto staff = ctx.distributor("staff");
    const auto enthusiasts = ctx.distributor("enthusiasts");
    const auto attendees = ctx.distributor("attendees"); // nobody yet

    auto when = co_await staff.request<std::string>("when is the next conference?");
    if (when) std::printf("the next conference is %s\n", when->c_str());

    int answers = 0;
    for (auto& answer : enthusiasts.ask_everyone<rsvp>("will you be there?")) {
        auto r = co_await answer;
        if (!r) continue;
        ++answers;
        if (r->attends) attendees.subscribe(r->who);
    }
    std::printf("%d answers, %zu attendees\n", answers, attendees.size());

    const auto told = attendees.tell_everyone(schedule{"nine o'clock"});
    for (std::size_t i = 0; i < told; ++i) co_await ctx.recv<noted>();
    std::printf("%zu know the schedule\n", told);

    staff.tell_one("the conference was amazing, thank you!");
    co_await ctx.recv<noted>();
}
