// The tour: a supervisor with two groups and a nested supervisor, a late group, messages of every kind at every level,
// and stopping an element, a group, a tree and the runtime.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

struct heard {}; // to main, from whoever hears a broadcast

bastion::process worker(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<std::string>()) q.reply("you said: " + *q);
        else if (auto* s = msg.told<std::string>()) std::printf("told: %s\n", s->c_str());
        else if (msg.broadcast<std::string>() != nullptr) ctx.whereis("main").tell(heard());
        else msg.unhandled();
    }
}

bastion::children group(const char* name) { return bastion::children().with_name(name).with_exec(worker); }

bastion::task<void> count(bastion::context ctx, const char* what, int expected) {
    for (int i = 0; i < expected; ++i) co_await ctx.recv<heard>();
    std::printf("%s: heard by %d\n", what, expected);
}

bastion::process tour(bastion::context ctx) {
    bastion::runtime& rt = ctx.runtime();
    auto named = ctx.register_name("main");
    if (!named) co_return ctx.fail(named.error());

    auto tree = ctx.spawn(bastion::supervisor()
            .with_name("tree")
            .with_strategy(bastion::strategy::one_for_all)
            .with_children(group("readers"))
            .with_children(group("writers"))
            .with_supervisor(bastion::supervisor().with_name("nested").with_children(group("helpers"))));
    auto late = tree.spawn(group("late")); // on a supervisor that runs
    auto late_started = co_await late.started();
    if (!late_started) co_return ctx.fail(late_started.error());
    auto four = ctx.spawn(group("four").with_redundancy(4));
    auto four_started = co_await four.started();
    if (!four_started) co_return ctx.fail(four_started.error());

    tree.broadcast("to everyone below");
    co_await count(ctx, "supervisor", 4);
    four.broadcast("to all four");
    co_await count(ctx, "group", 4);
    rt.broadcast("to all there are");
    co_await count(ctx, "runtime", 8);

    const auto child = four[0];
    child.tell("just for you");
    auto answer = co_await child.request<std::string>("anybody there?");
    if (answer) std::printf("answer: %s\n", answer->c_str());
    auto below = co_await ctx.whereis("/tree/nested/helpers/0").request<std::string>("found by my path");
    if (below) std::printf("answer: %s\n", below->c_str());

    const auto watched = ctx.monitor(child);
    child.stop();
    auto end = co_await ctx.recv<bastion::down>();
    std::printf("the element: %s\n", end.reason().what().c_str());
    const auto group_watched = ctx.monitor(four);
    four.kill();
    auto group_end = co_await ctx.recv<bastion::down>();
    std::printf("the group: %s\n", group_end.reason().what().c_str());
    const auto tree_watched = ctx.monitor(tree);
    tree.stop();
    auto tree_end = co_await ctx.recv<bastion::down>();
    std::printf("the tree: %s\n", tree_end.reason().what().c_str());
    auto gone = co_await child.request<std::string>("still there?");
    if (!gone) std::printf("after its end: %s\n", gone.error().what().c_str());
    rt.stop();
}

int main() {
    bastion::runtime rt(bastion::config().with_workers(2));
    rt.spawn(tour);
    const int code = rt.wait();
    std::printf("the runtime has stopped: %d\n", code);
    return code;
}
