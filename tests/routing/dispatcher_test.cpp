// Dispatchers: named and anonymous, in turn, with handlers of one's own.
#include "support/acceptance.hpp"
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace bastion;
using testing::simulation;

namespace {

struct job {
    int n;
};

using record = std::map<std::string, std::map<int, std::vector<int>>>;

auto worker(record& r, std::string group) {
    return [&r, group](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (auto* j = msg.broadcast<job>()) r[group][static_cast<int>(ctx.block().index)].push_back(j->n);
        }
    };
}

// Gives even numbers to all, odd ones to nobody; counts who comes and goes.
class even_to_all final : public dispatcher_handler {
public:
    void notify(const child_ref&, const recipients& members, notification what) override {
        ++seen[what];
        size = members.size();
        if (what == notification::attention) throw std::runtime_error("from a handler");
    }
    std::size_t broadcast_message(const recipients& members, const dispatched_message& message) override {
        const job* j = message.get<job>();
        if (j == nullptr || j->n % 2 != 0) return 0;
        std::size_t taken = 0;
        for (const child_ref& who : members.all())
            if (message.to(who) == delivery::accepted) ++taken;
        return taken;
    }
    std::map<notification, int> seen;
    std::size_t size = 0;
};

} // namespace

TEST_CASE("A named dispatcher gives each message to the next of its group in turn") {
    test::acceptance("B10");
    simulation sim(1);
    auto& rt = sim.runtime();
    record r;
    (void)rt.spawn(children().with_redundancy(3).with_dispatcher("first").with_exec(worker(r, "first")));
    (void)rt.spawn(children().with_redundancy(2).with_dispatcher("second").with_exec(worker(r, "second")));
    for (int i = 0; i < 6; ++i) CHECK(rt.broadcast_message(broadcast_target::group("first"), job{i}) == 1);
    sim.settle();
    CHECK(r == record{{"first", {{0, {0, 3}}, {1, {1, 4}}, {2, {2, 5}}}}});
}

TEST_CASE("What a dispatcher without members is told is one dead letter, whoever tells it") {
    simulation sim(1);
    auto& rt = sim.runtime();
    record r;
    auto lost = [&rt, before = rt.dead_letters(drop_reason::noproc)]() mutable {
        return rt.dead_letters(drop_reason::noproc) - std::exchange(before, rt.dead_letters(drop_reason::noproc));
    };
    const auto from_inside = [&](const broadcast_target& target) {
        auto caller = rt.spawn([target](context ctx) -> process {
            const auto taken = ctx.broadcast_message(target, job{2});
            testing::expect(taken == 0, "nobody");
            co_return;
        });
        (void)sim.expect_exit(caller);
    };
    const auto unknown = broadcast_target::group("unknown");
    CHECK(rt.broadcast_message(unknown, job{1}) == 0);
    CHECK(lost() == 1);
    from_inside(unknown);
    CHECK(lost() == 1);
    CHECK(rt.broadcast_message(broadcast_target::all(), job{1}) == 0);
    CHECK(lost() == 1);

    const auto handler = std::make_shared<even_to_all>();
    std::vector<children_ref> groups;
    for (const auto& d : {dispatcher::named("usual"), dispatcher::named("own").with_handler(handler)})
        groups.push_back(rt.spawn(children().with_dispatcher(d).with_exec(worker(r, "w"))));
    CHECK(rt.broadcast_message(broadcast_target::group("own"), job{1}) == 0);
    CHECK(lost() == 0); // its handler gives it to nobody
    groups[0].stop();
    sim.settle();
    CHECK(rt.broadcast_message(broadcast_target::group("usual"), job{1}) == 0);
    CHECK(lost() == 1);
    from_inside(broadcast_target::group("usual"));
    CHECK(lost() == 1);
    CHECK(rt.broadcast_message(broadcast_target::all(), job{2}) == 1);
    CHECK(lost() == 0); // somebody has got it
    CHECK(rt.broadcast_message(broadcast_target::all(), job{1}) == 0);
    CHECK(lost() == 0); // the only one that has members gives it to none of them
    groups[1].stop();
    sim.settle();
    CHECK(rt.broadcast_message(broadcast_target::group("own"), job{2}) == 0);
    CHECK(lost() == 1);
    from_inside(broadcast_target::group("own"));
    CHECK(lost() == 1);
    CHECK(rt.broadcast_message(broadcast_target::all(), job{1}) == 0);
    CHECK(lost() == 1);
}

TEST_CASE("All dispatchers: one of each group, those without a name too") {
    simulation sim(1);
    auto& rt = sim.runtime();
    record r;
    (void)rt.spawn(children().with_redundancy(2).with_dispatcher("named").with_exec(worker(r, "named")));
    for (const char* name : {"x", "y"})
        (void)rt.spawn(
            children().with_redundancy(2).with_dispatcher(dispatcher::anonymous()).with_exec(worker(r, name)));
    auto caller = rt.spawn([](context ctx) -> process {
        for (int i = 0; i < 2; ++i) {
            const auto taken = ctx.broadcast_message(broadcast_target::all(), job{i});
            testing::expect(taken == 3, "one of each");
        }
        co_return;
    });
    (void)sim.expect_exit(caller);
    sim.settle();
    const std::map<int, std::vector<int>> in_turn{{0, {0}}, {1, {1}}};
    CHECK(r == record{{"named", in_turn}, {"x", in_turn}, {"y", in_turn}});
}

TEST_CASE("Groups of one dispatcher share it, and a restarted element stays in it") {
    simulation sim(1);
    auto& rt = sim.runtime();
    record r;
    auto a = rt.spawn(children().with_dispatcher("both").with_exec(worker(r, "a")));
    auto b = rt.spawn(children().with_dispatcher("both").with_exec(worker(r, "b")));
    sim.panic_at(a[0], 1);
    for (int i = 0; i < 4; ++i) CHECK(rt.broadcast_message(broadcast_target::group("both"), job{i}) == 1);
    (void)sim.expect_restart(a[0]);
    sim.settle();
    CHECK(r == record{{"a", {{0, {2}}}}, {"b", {{0, {1, 3}}}}});
    b.stop();
    sim.settle();
    CHECK(rt.broadcast_message(broadcast_target::group("both"), job{4}) == 1);
    sim.settle();
    CHECK(r["a"][0] == std::vector{2, 4});
}

TEST_CASE("A handler of one's own decides who gets a message, and hears who comes and goes") {
    simulation sim(1);
    auto& rt = sim.runtime();
    record r;
    const auto handler = std::make_shared<even_to_all>();
    auto group = rt.spawn(children()
            .with_redundancy(3)
            .with_dispatcher(dispatcher::named("even").with_handler(handler))
            .with_exec(worker(r, "even")));
    CHECK(handler->seen[notification::joined] == 3);
    CHECK(rt.broadcast_message(broadcast_target::group("even"), job{1}) == 0);
    CHECK(rt.broadcast_message(broadcast_target::group("even"), job{2}) == 3);
    CHECK(rt.broadcast_message(broadcast_target::group("even"), std::string("no job")) == 0);
    sim.settle();
    CHECK(r == record{{"even", {{0, {2}}, {1, {2}}, {2, {2}}}}});
    auto caller = rt.spawn([](context ctx) -> process {
        ctx.notify(broadcast_target::group("even"));
        co_return;
    });
    CHECK(sim.expect_exit(caller).kind() == exit_kind::normal); // what it throws is not the caller's
    CHECK(handler->seen[notification::attention] == 1);
    group.stop();
    sim.settle();
    CHECK(handler->seen[notification::left] == 3);
    CHECK(handler->size == 0);
}

namespace {

// Looks, when a member leaves, whether a process that waits for mail has been told something already.
class looks_at_mail final : public dispatcher_handler {
public:
    void notify(const child_ref&, const recipients&, notification what) override {
        if (what != notification::left) return;
        ++left;
        told_before = told_before || watcher.where().block->mail != nullptr; // handed over to who waits
    }
    child_ref watcher;
    int left = 0;
    bool told_before = false;
};

} // namespace

TEST_CASE("A member has left before its monitors are told") {
    simulation sim(1);
    auto& rt = sim.runtime();
    const auto handler = std::make_shared<looks_at_mail>();
    auto group = rt.spawn(
        children().with_dispatcher(dispatcher::named("d").with_handler(handler)).with_exec([](context ctx) -> process {
            (void)co_await ctx.recv<int>();
        }));
    bool told = false;
    handler->watcher = rt.spawn([&told, group](context ctx) -> process {
        const auto watch = ctx.monitor(group[0]);
        auto end = co_await ctx.recv<down>();
        told = end.who() == group[0];
    });
    sim.settle();
    group[0].tell(1);
    sim.settle();
    CHECK(told);
    CHECK(handler->left == 1);
    CHECK_FALSE(handler->told_before);
}

namespace {

// Throws when it is to give a message to somebody, and when it is called by ctx.notify.
class throws_when_used final : public dispatcher_handler {
public:
    void notify(const child_ref&, const recipients&, notification what) override {
        if (what == notification::attention) throw std::runtime_error("no attention");
    }
    std::size_t broadcast_message(const recipients& members, const dispatched_message& message) override {
        (void)message.to(members.next());
        throw std::runtime_error("no message");
    }
};

} // namespace

TEST_CASE("A handler that throws at a message or a notice is reported: other dispatchers and the sender go on") {
    std::vector<std::string> lines;
    simulation sim(1);
    auto& rt = sim.runtime(sim.runtime_config().with_log([&lines](const log_record& r) {
        lines.push_back(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
    }));
    record r;
    const auto faulty = std::make_shared<throws_when_used>();
    const auto sound = std::make_shared<even_to_all>();
    (void)rt.spawn(children().with_dispatcher(dispatcher::anonymous().with_handler(faulty)).with_exec(worker(r, "u")));
    (void)rt.spawn(children().with_dispatcher(dispatcher::named("a").with_handler(faulty)).with_exec(worker(r, "a")));
    (void)rt.spawn(children().with_dispatcher("b").with_exec(worker(r, "b")));
    (void)rt.spawn(children().with_dispatcher(dispatcher::named("c").with_handler(sound)).with_exec(worker(r, "c")));
    const std::string message = "panic: no message; its handler threw; it counts as having taken nothing";
    const std::vector<std::string> both{"a dispatcher without a name: " + message, "the dispatcher \"a\": " + message};
    CHECK(rt.broadcast_message(broadcast_target::all(), job{2}) == 2); // "b" and "c"
    CHECK(std::exchange(lines, {}) == both);
    std::size_t taken = 9;
    auto sender = rt.spawn([&taken](context ctx) -> process {
        taken = ctx.broadcast_message(broadcast_target::group("a"), job{4});
        co_return;
    });
    CHECK(sim.expect_exit(sender).kind() == exit_kind::normal);
    CHECK(taken == 0);
    CHECK(std::exchange(lines, {}) == std::vector<std::string>{both[1]});
    sim.settle();
    CHECK(r == record{{"a", {{0, {2, 4}}}}, {"b", {{0, {2}}}}, {"c", {{0, {2}}}}, {"u", {{0, {2}}}}});

    auto caller = rt.spawn([](context ctx) -> process {
        ctx.notify(broadcast_target::all());
        co_return;
    });
    CHECK(sim.expect_exit(caller).kind() == exit_kind::normal);
    CHECK(sound->seen[notification::attention] == 1);
    const std::string notice = "panic: no attention; its handler threw; the notice goes on to the others";
    CHECK(lines ==
          std::vector<std::string>{"a dispatcher without a name: " + notice, "the dispatcher \"a\": " + notice,
              "the dispatcher \"c\": panic: from a handler; its handler threw; the notice goes on to the others"});
    CHECK(rt.dead_letters() == 0);
}

namespace {

class throws_always final : public dispatcher_handler {
public:
    void notify(const child_ref&, const recipients&, notification what) override {
        if (what == notification::joined) panic("not this one");
        throw std::runtime_error("gone?");
    }
};

// Sends to everybody when it ends, which takes the lock of the sets.
class sends_at_its_end final : public dispatcher_handler {
public:
    sends_at_its_end(runtime*& rt, int& ended) : rt_(rt), ended_(ended) {}
    ~sends_at_its_end() override {
        if (rt_ == nullptr) return;
        ++ended_;
        (void)rt_->broadcast_message(broadcast_target::all(), job{0});
    }

private:
    runtime*& rt_; // null when the test is over
    int& ended_;
};

} // namespace

TEST_CASE("What a handler throws when somebody comes or goes is reported, and nothing else comes of it") {
    std::vector<std::string> lines;
    simulation sim(1);
    auto& rt = sim.runtime(sim.runtime_config().with_log([&lines](const log_record& r) {
        lines.push_back(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
    }));
    record r;
    const auto handler = std::make_shared<throws_always>();
    auto named =
        rt.spawn(children().with_dispatcher(dispatcher::named("d").with_handler(handler)).with_exec(worker(r, "d")));
    auto unnamed =
        rt.spawn(children().with_dispatcher(dispatcher::anonymous().with_handler(handler)).with_exec(worker(r, "u")));
    CHECK(rt.broadcast_message(broadcast_target::all(), job{1}) == 2);
    sim.settle();
    CHECK(r == record{{"d", {{0, {1}}}}, {"u", {{0, {1}}}}});
    named.stop();
    sim.settle();
    unnamed.stop();
    sim.settle();
    const std::string joined = "panic: not this one; its handler threw; the member has joined all the same";
    const std::string left = "panic: gone?; its handler threw; the member has left all the same";
    CHECK(lines == std::vector<std::string>{"the dispatcher \"d\": " + joined, "a dispatcher without a name: " + joined,
                       "the dispatcher \"d\": " + left, "a dispatcher without a name: " + left});
    CHECK_FALSE(named.alive());
}

TEST_CASE("A handler that ends with its dispatcher may use the dispatchers") {
    record r;
    int ended = 0;
    runtime* open = nullptr;
    simulation sim(1);
    auto& rt = sim.runtime();
    open = &rt;
    const auto come_and_go = [&](const dispatcher& d) {
        auto group = rt.spawn(children().with_dispatcher(d).with_exec(worker(r, "short")));
        group.stop();
        sim.settle();
    };
    // Those that nobody needs any more go by and by.
    for (int i = 0; i < 200; ++i)
        come_and_go(dispatcher::anonymous().with_handler(std::make_shared<sends_at_its_end>(open, ended)));
    const int anonymous = ended;
    CHECK(anonymous >= 100);
    for (int i = 0; i < 200; ++i)
        come_and_go(dispatcher::named(std::to_string(i)).with_handler(std::make_shared<sends_at_its_end>(open, ended)));
    CHECK(ended - anonymous >= 100);
    open = nullptr;
}
