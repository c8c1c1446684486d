// Every awaitable of the library, and a process that is killed while it waits in it: its frame is destroyed, nothing of
// it stays behind, its monitors hear `killed`. tests/process/awaitables.sh fails when an awaitable is missing here:
// the rows name the types of the library that they cover.
#include "support/blocking.hpp"
#include "support/questions.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>

namespace {

// Counts those alive: locals of frames (0) and messages (1).
template <int Kind>
class counted {
public:
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted& operator=(const counted&) = default;
    ~counted() { --alive; }
    static inline std::atomic<int> alive{0};
};
using local = counted<0>;
using thing = counted<1>;

// What the rows wait for: never comes by itself.
struct stage {
    child_ref deaf; // reads nothing
    child_ref full; // a bounded mailbox with policy wait, full
    child_ref unborn; // never calls ctx.ready()
    std::stop_token never;
    test::door* held; // of functions that run
};

// What a row does when it is killed.
enum class kind {
    rests, // ends at once
    restless, // the same, and the clock is never at rest before
    held, // waits for a function that runs
    leaves, // ends at once, while its function runs on
};

struct row {
    std::string_view name;
    std::function<process(context, const stage&)> body;
    kind what = kind::rests;
};

task<> waits_in_a_task(context ctx) {
    const local c;
    co_await ctx.sleep_for(1h);
}
task<> waits_deep(context ctx, int depth) {
    const local c;
    if (depth == 0) co_await ctx.sleep_for(1h);
    else co_await waits_deep(ctx, depth - 1);
}

task<> waits_in_a_function(const stage& s) {
    const local c;
    co_await blocking([&s] { s.held->pass(); });
}
task<int> sleeps() {
    co_await sleep_wait(1h);
    co_return 1;
}
// A task that nobody joins goes on.
template <class T>
class ended_with_us {
public:
    explicit ended_with_us(const join_handle<T>& h) : who_(h.ref()) {}
    ended_with_us(const ended_with_us&) = delete;
    ended_with_us& operator=(const ended_with_us&) = delete;
    ~ended_with_us() { who_.kill(); }

private:
    child_ref who_;
};

#define ROW_OF(kind_of_row, text, ...)                                                                                 \
    row {                                                                                                              \
        text,                                                                                                          \
            [](context ctx, const stage& s) -> process {                                                               \
                const local c;                                                                                         \
                const auto on_heap = std::make_unique<local>();                                                        \
                (void)ctx;                                                                                             \
                (void)s;                                                                                               \
                __VA_ARGS__;                                                                                           \
            },                                                                                                         \
            kind::kind_of_row                                                                                          \
    }
#define ROW(text, ...) ROW_OF(rests, text, __VA_ARGS__)

const row rows[] = {
    // covers: recv_wait
    ROW("recv", (void)co_await ctx.recv()), // lint-allow: the bodies of the rows are lambdas
    // covers: recv_as_wait
    ROW("recv<T>", (void)co_await ctx.recv<thing>()),
    // covers: bounded_wait
    ROW("recv.within", (void)co_await ctx.recv().within(1h)),
    ROW("recv<T>.within", (void)co_await ctx.recv<thing>().within(1h)),
    ROW("sleep_for.within", (void)co_await ctx.sleep_for(1h).within(2h)),
    ROW("recv.until", (void)co_await ctx.recv().until(s.never)),
    ROW("recv.until own stop_token", (void)co_await ctx.sleep_for(1h).until(ctx.stop_token())),
    ROW("recv.within.until", (void)co_await ctx.recv().within(1h).until(s.never)),
    // covers: sleep_wait
    ROW("sleep_for", co_await ctx.sleep_for(1h)),
    // covers: yield_wait
    ROW_OF(restless, "yield", for (;;) co_await ctx.yield()),
    // covers: answer
    ROW("answer", (void)co_await s.deaf.ask(square{1})),
    ROW("answer of ask<q>", (void)co_await s.deaf.ask<greet>("x")),
    ROW("answer.within", (void)co_await s.deaf.ask(square{1}).within(1h)),
    // covers: every_answer
    ROW("when_all of answers", std::vector<answer<int>> all; all.push_back(s.deaf.ask(square{1}));
        (void)co_await when_all(std::move(all))),
    ROW("answer.until", (void)co_await s.deaf.ask(square{1}).until(s.never)),
    ROW("answer<void>", (void)co_await s.deaf.tell_acknowledged(1)),
    ROW("answer<message>", (void)co_await s.deaf.ask(1)),
    ROW("request", (void)co_await s.deaf.request<thing>(thing())),
    // covers: named_answer referred_wait
    ROW("named answer", auto a = s.deaf.ask(greet{"a name of more than 16 letters"}); (void)co_await a),
    ROW("answer by reference", auto a = s.deaf.ask(square{1}); auto& same = a; (void)co_await same),
    // covers: send_wait
    ROW("send", (void)co_await s.full.send(thing())),
    ROW("send.within", (void)co_await s.full.send(thing()).within(1h)),
    ROW("started", (void)co_await s.unborn.started()),
    ROW("started.within", (void)co_await s.unborn.started().within(1h)),
    ROW("started.until", (void)co_await s.unborn.started().until(s.never)),
    // covers: combination
    ROW("when_all", (void)co_await when_all(ctx.recv(), ctx.sleep_for(1h), s.deaf.ask(square{1}))),
    ROW("when_any", (void)co_await when_any(ctx.recv<int>(), ctx.sleep_for(1h), s.full.send(thing()))),
    ROW("when_all of tasks", (void)co_await when_all(waits_in_a_task(ctx), waits_deep(ctx, 3))),
    ROW("when_any, mixed", (void)co_await when_any(waits_in_a_task(ctx), ctx.recv(), s.unborn.started())),
    // covers: task
    ROW("task", co_await waits_in_a_task(ctx)),
    ROW("deep task", co_await waits_deep(ctx, 1'000)),
    // covers: task_wait
    ROW("task.within", (void)co_await waits_in_a_task(ctx).within(1h)),
    ROW("task.until", (void)co_await waits_in_a_task(ctx).until(s.never)),
    ROW("when_any.within", (void)co_await when_any(waits_in_a_task(ctx), ctx.recv()).within(1h)),
    ROW("when_all in when_any", (void)co_await when_any(when_all(ctx.recv(), ctx.sleep_for(1h)), ctx.recv<int>())),
    // covers: join_handle
    ROW("join", auto h = ctx.spawn(sleeps()); const ended_with_us last(h); (void)co_await h),
    ROW("join.within", auto h = ctx.spawn(sleeps()); const ended_with_us last(h);
        (void)co_await std::move(h).within(1h)),
    // covers: blocking_wait
    ROW_OF(held, "blocking", co_await blocking([&s] { s.held->pass(); })),
    ROW_OF(held, "blocking.within", (void)co_await blocking([&s] { s.held->pass(); }).within(1h)),
    ROW_OF(held, "blocking.until", (void)co_await blocking([&s] { s.held->pass(); }).until(s.never)),
    ROW_OF(held, "blocking in a task", co_await waits_in_a_function(s)),
    ROW_OF(held, "blocking in task.within", (void)co_await waits_in_a_function(s).within(1h)),
    ROW_OF(held, "blocking in when_all", (void)co_await when_all(blocking([&s] { s.held->pass(); }), ctx.recv())),
    ROW_OF(held, "blocking in when_any", (void)co_await when_any(waits_in_a_function(s), ctx.recv())),
    ROW_OF(leaves, "blocking_detached", co_await blocking_detached([d = s.held] { d->pass(); })),
    ROW_OF(
        leaves, "blocking_detached.within", (void)co_await blocking_detached([d = s.held] { d->pass(); }).within(1h)),
    // covers: named_blocking
    ROW_OF(leaves, "blocking_detached that owns",
        auto b = blocking_detached([d = s.held, owned = std::make_shared<local>()] { d->pass(); });
        co_await b),
};
#undef ROW
#undef ROW_OF

void kill_in(const row& r, std::size_t workers) {
    std::stop_source never;
    test::world w(workers, config().with_start_timeout(10h));
    test::journal log;
    test::door door;
    stage s;
    s.held = &door;
    s.never = never.get_token();
    s.deaf = w.spawn([](context ctx) -> process { co_await ctx.sleep_for(100h); });
    const auto full =
        w.rt.spawn(children().with_mailbox(mailbox::bounded(1, overflow::wait)).with_exec([](context ctx) -> process {
            co_await ctx.sleep_for(100h);
        }));
    s.full = full[0];
    s.full.tell(0);
    const auto unborn = w.rt.spawn(
        children().with_start(wait_ready).with_exec([](context ctx) -> process { co_await ctx.sleep_for(100h); }));
    s.unborn = unborn[0];
    w.settle();
    const auto blocks = detail::live_blocks();
    const child_ref p = w.spawn([&r, &s](context ctx) { return r.body(ctx, s); });
    std::atomic<bool> watched{false};
    const child_ref watcher = w.spawn([&](context ctx) -> process {
        auto watch = ctx.monitor(p);
        log("watches");
        watched = true;
        auto d = co_await ctx.recv<down>();
        log(d.reason().what());
    });
    const bool runs = r.what == kind::held || r.what == kind::leaves;
    if (r.what == kind::rests) {
        w.settle();
        REQUIRE(local::alive >= 2);
        REQUIRE(p.alive());
    } else {
        while (local::alive < 2 || !watched) std::this_thread::yield();
        if (runs) door.wait_for(1);
    }
    p.kill();
    if (r.what == kind::held) {
        test::wait_until([&] { return test::is_suspended(p); });
        REQUIRE(local::alive >= 2);
    }
    if (r.what == kind::leaves) test::wait_until([&] { return !p.alive(); });
    door.open();
    w.settle();
    REQUIRE_FALSE(p.alive());
    REQUIRE_FALSE(watcher.alive());
    REQUIRE(local::alive == 0);
    REQUIRE(
        log.take() == (r.what == kind::held ? "watches, killed: waited for a blocking function" : "watches, killed"));
    REQUIRE(detail::live_blocks() == blocks);
    REQUIRE(thing::alive == (r.name == "request" ? 1 : 0)); // the question, unread in another's mailbox
}

// Keeps a job busy until the process that forked it is being destroyed.
struct fork_test {
    std::atomic<bool> started{false}, go{false}, child_done{false};
    std::atomic<int> verdict{0};
};
task<> forked_job(fork_test& t) {
    const local c;
    t.started = true;
    while (!t.go) std::this_thread::yield();
    for (int i = 0; i < 2'000; ++i) std::this_thread::yield();
    t.child_done = true;
    co_return;
}
class at_end {
public:
    explicit at_end(std::function<void()> f) : f_(std::move(f)) {}
    at_end(const at_end&) = delete;
    at_end& operator=(const at_end&) = delete;
    ~at_end() { f_(); }

private:
    std::function<void()> f_;
};
// The frame of `job` must outlive the job, whatever ends this task.
task<> joins(fork_test& t) {
    const at_end last([&t] { t.verdict = t.child_done ? 1 : -1; });
    scope s;
    auto job = s.fork(forked_job(t));
    const at_end first([&t] { t.go = true; });
    co_await s.join();
}

} // namespace

TEST_CASE("a process killed in any awaitable leaves nothing behind") {
    const auto each = GENERATE(std::size_t{1}, std::size_t{2});
    kill_in(rows[0], each); // what is made once
    const auto before = detail::read_pool_stats().live_blocks;
    const auto blocks = detail::live_blocks();
    for (const row& r : rows) {
        INFO(r.name << ", workers: " << each);
        kill_in(r, each);
        REQUIRE(thing::alive == 0);
        REQUIRE(detail::live_blocks() == blocks);
        REQUIRE(detail::read_pool_stats().live_blocks == before);
    }
}

// covers: join_wait
TEST_CASE("a kill waits for a join: forked frames outlive their jobs") {
    test::world w(2);
    fork_test t;
    auto p = w.spawn([&](context) -> process { co_await joins(t); });
    while (!t.started) std::this_thread::yield();
    p.kill();
    // The group's owner has passed on the kill when it has answered what came after it.
    auto next = w.spawn([](context) -> process { co_return; });
    (void)w.rt.run(next.started());
    REQUIRE(t.verdict == 0);
    t.go = true;
    w.settle();
    REQUIRE(t.verdict == 1);
    REQUIRE_FALSE(p.alive());
    REQUIRE(local::alive == 0);
}

TEST_CASE("a join in a branch that is abandoned or killed: forked frames outlive their jobs") {
    test::world w(2);
    fork_test t;
    const bool killed = GENERATE(false, true);
    auto p = w.spawn([&](context ctx) -> process { (void)co_await when_any(joins(t), ctx.recv<int>()); });
    while (!t.started) std::this_thread::yield();
    if (killed) p.kill();
    else p.tell(1);
    w.settle();
    REQUIRE(t.verdict == 1);
    REQUIRE_FALSE(p.alive());
    REQUIRE(local::alive == 0);
}
