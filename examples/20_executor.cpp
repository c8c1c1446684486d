// Tasks from plain code: `run` blocks for a result, `spawn` gives a handle to join, also when the task panics.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <string>

bastion::task<int> sum_to(int n) {
    int sum = 0;
    for (int i = 1; i <= n; ++i) sum += i;
    co_return sum;
}

bastion::task<std::string> read_slowly() {
    // A function that blocks does so on a thread of its own, not on a worker.
    std::string text = co_await bastion::blocking([] { return std::string("what was read"); });
    co_return text;
}

bastion::task<int> fails() {
    bastion::panic("this task cannot go on");
    co_return 0;
}

// In a process a handle is awaited.
bastion::process joins(bastion::context ctx) {
    auto good = ctx.spawn(sum_to(10));
    auto bad = ctx.spawn(fails());
    auto sum = co_await good;
    auto nothing = co_await bad;
    std::printf("in a process: %d, and %s\n", sum ? *sum : 0, nothing ? "?" : nothing.error().what().c_str());
    ctx.runtime().stop();
}

int main() {
    bastion::runtime rt(bastion::config().with_log([](const bastion::log_record&) {}));

    const int sum = rt.run(sum_to(100));
    std::printf("run: %d\n", sum);
    const std::string text = rt.run(read_slowly());
    std::printf("run: %s\n", text.c_str());

    auto spawned = rt.spawn(sum_to(1000));
    auto joined = rt.run(std::move(spawned));
    std::printf("joined: %d\n", joined ? *joined : 0);

    auto broken = rt.spawn(fails());
    auto none = rt.run(std::move(broken));
    if (!none) std::printf("joined: %s\n", none.error().reason().what().c_str());

    rt.spawn(joins);
    return rt.wait();
}
