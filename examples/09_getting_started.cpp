// The tour: a supervisor with two groups and a nested supervisor, a late group, messages of every kind at every level,
// and the end of an element, a group, a tree and a runtime, each by a stop and by a kill.
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

// A stop asks: each process ends at its next recv, and has time for that. A kill does not ask.
enum class by { stop, kill };

// Ends it, waits until it has ended, and prints why it has.
template <class Ref>
bastion::task<void> end(bastion::context ctx, const char* what, Ref who, by how) {
    const auto watched = ctx.monitor(who);
    if (how == by::stop) who.stop();
    else who.kill();
    auto gone = co_await ctx.recv<bastion::down>();
    std::printf("%s: %s\n", what, gone.reason().what().c_str());
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

    co_await end(ctx, "one element", child, by::stop);
    co_await end(ctx, "another", four[1], by::kill);
    auto gone = co_await child.request<std::string>("still there?");
    if (!gone) std::printf("after its end: %s\n", gone.error().what().c_str());
    co_await end(ctx, "one group", four, by::stop); // the two that are left
    co_await end(ctx, "another", late, by::kill);
    co_await end(ctx, "one tree", tree, by::stop); // with all that is below it
    auto other = ctx.spawn(bastion::supervisor().with_name("other").with_children(group("few")));
    co_await end(ctx, "another", other, by::kill);
    rt.stop(); // and with it all that is left
}

// Who fails is reported by one line on standard error: its path, the reason, what happens next. There is no backtrace in
// it, so none to hide. Whoever wants the lines elsewhere, or none at all, gives a function that gets the reports.
bastion::config settings() {
    return bastion::config().with_workers(2).with_log([](const bastion::log_record& r) {
        std::printf("%s: %s\n", std::string(r.path).c_str(), r.reason.what().c_str());
    });
}

int main() {
    bastion::runtime rt(settings());
    rt.spawn(tour);
    const int code = rt.wait(); // until somebody calls stop: here the tour does
    std::printf("the runtime has stopped: %d\n", code);

    bastion::runtime second(settings()); // there may be several
    second.spawn(worker);
    second.kill(); // its exit code says so, unless you give another
    std::printf("the second was killed: %d\n", second.wait());
    return code;
}
