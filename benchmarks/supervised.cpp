// Beside the card: n children of one supervisor, all started and all stopped. The op is a child, its process
// included; how its time moves with n says whether a tree of any size costs the same for each child. children_*:
// named groups of one, whose specs are kept. dynamic_*: made from a template. *_start: described with their
// supervisor. *_ask: each by start_child, all asked before the first answer is awaited. *_stop: by the stop of their
// supervisor. *_end: each by terminate_child, all asked at once. *_drop: each by terminate_child, and then each by
// delete_child, which waits for the end: all asked at once. Only what the row is named after is timed. The bytes are
// those of a started child, and what of them stays with the program when all is over.

#include "rows.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace bench {
namespace {

std::atomic<std::uint64_t> alive{0};

// Counts itself while its process lives.
class counted {
public:
    counted() { alive.fetch_add(1, std::memory_order_relaxed); }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { alive.fetch_sub(1, std::memory_order_relaxed); }
};

bastion::process wait(bastion::context ctx) {
    const counted here;
    auto m = co_await ctx.recv();
    m.unhandled();
}

bastion::process wait_made(bastion::context ctx, std::uint64_t) {
    const counted here;
    auto m = co_await ctx.recv();
    m.unhandled();
}

std::string name_of(std::uint64_t i) { return "c" + std::to_string(i); }
bastion::children child(std::uint64_t i) { return bastion::children().with_name(name_of(i)).with_exec(wait); }

enum class kind : std::uint8_t { described, asked, dynamic };
enum class part : std::uint8_t { start, stop, end, drop };

// All children of a row, started.
struct tree {
    explicit tree(std::uint64_t n) : refs(n) {}
    bastion::supervisor_ref top;
    std::vector<bastion::child_ref> refs; // of dynamic children; its pages are there before the first reading
};

bastion::task<void> start_described(bastion::context ctx, tree& made) {
    auto spec = bastion::supervisor().with_specs_kept();
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) spec = std::move(spec).with_children(child(i));
    made.top = ctx.spawn(std::move(spec));
    auto started = co_await made.top.started();
    check(started.has_value(), "children: the supervisor did not start");
}

bastion::task<void> start_asked(bastion::context ctx, tree& made) {
    made.top = ctx.spawn(bastion::supervisor().with_specs_kept());
    std::vector<bastion::answer<bastion::child_info>> answers;
    answers.reserve(made.refs.size());
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) answers.push_back(made.top.start_child(child(i)));
    for (auto& each : answers) {
        auto info = co_await std::move(each);
        check(info.has_value(), "children: a child did not start");
    }
}

bastion::task<void> start_dynamic(bastion::context ctx, tree& made) {
    made.top = ctx.spawn(bastion::supervisor()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_children(bastion::children().with_template(wait_made)));
    std::vector<bastion::answer<bastion::child_info>> answers;
    answers.reserve(made.refs.size());
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) answers.push_back(made.top.start_child(i));
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) {
        auto info = co_await std::move(answers[i]);
        check(info.has_value(), "children: a dynamic child did not start");
        made.refs[i] = info->element;
    }
}

// One after the other, by order.
bastion::task<void> end_all(tree& made, kind what) {
    std::vector<bastion::answer<void>> answers;
    answers.reserve(made.refs.size());
    for (std::uint64_t i = 0; i < made.refs.size(); ++i)
        answers.push_back(
            what == kind::dynamic ? made.top.terminate_child(made.refs[i]) : made.top.terminate_child(name_of(i)));
    for (auto& each : answers) {
        auto ended = co_await std::move(each);
        check(ended.has_value(), "children: a child did not end");
    }
}

bastion::task<void> drop_all(tree& made) {
    std::vector<bastion::answer<void>> answers;
    answers.reserve(made.refs.size() * 2);
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) answers.push_back(made.top.terminate_child(name_of(i)));
    for (std::uint64_t i = 0; i < made.refs.size(); ++i) answers.push_back(made.top.delete_child(name_of(i)));
    for (auto& each : answers) {
        auto done = co_await std::move(each);
        check(done.has_value(), "children: a child was not dropped");
    }
}

bastion::task<void> stop(bastion::context ctx, tree& made) {
    auto watch = ctx.monitor(made.top);
    made.top.stop();
    auto over = co_await ctx.recv<bastion::down>();
    check(over.is_of(watch), "children: whose end it is");
}

template <kind what, part timed>
bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    tree made(n);
    figure found{.ops = n};
    const double before = resident_bytes();
    {
        const stopwatch clock;
        if constexpr (what == kind::described) co_await start_described(ctx, made);
        else if constexpr (what == kind::asked) co_await start_asked(ctx, made);
        else co_await start_dynamic(ctx, made);
        if constexpr (timed == part::start) found.ns = clock.ns();
    }
    check(alive == n, "children: how many run");
    const double bytes = resident_bytes() - before;
    {
        const stopwatch clock;
        if constexpr (timed == part::end || timed == part::drop) {
            if constexpr (timed == part::drop) co_await drop_all(made);
            else co_await end_all(made, what);
            found.ns = clock.ns();
            check(alive == 0, "children: how many were ended");
        }
        co_await stop(ctx, made);
        if constexpr (timed == part::stop) found.ns = clock.ns();
    }
    check(alive == 0, "children: how many are left");
    found.bytes_per_actor = bytes / static_cast<double>(n);
    found.bytes_left = (resident_bytes() - before) / static_cast<double>(n);
    co_return found;
}

} // namespace

figure children_start(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::described, part::start>);
}
figure children_stop(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::described, part::stop>);
}
figure children_ask(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::asked, part::start>);
}
figure children_end(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::asked, part::end>);
}
figure children_drop(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::asked, part::drop>);
}
figure dynamic_ask(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::dynamic, part::start>);
}
figure dynamic_stop(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::dynamic, part::stop>);
}
figure dynamic_end(unsigned threads, std::uint64_t n) {
    return run_in_runtime(threads, n, measure<kind::dynamic, part::end>);
}

} // namespace bench
