// What a burst has used goes back to the system when the runtime is idle, and the next burst runs as the first.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/executor/pool.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

namespace {

constexpr std::size_t many = 50'000;
constexpr std::size_t bytes_each = 1'000;

// Whatever the compiler makes of a frame.
class room {
public:
    room() : at_(bastion::detail::pool_allocate(bytes_each)) {}
    room(const room&) = delete;
    room& operator=(const room&) = delete;
    ~room() { bastion::detail::pool_free(at_, bytes_each); }

private:
    void* const at_;
};

bastion::process idle(bastion::context ctx) {
    const room mine;
    (void)co_await ctx.recv();
}

void burst(bastion::runtime& rt) {
    const auto group = rt.spawn(bastion::children().with_name("burst").with_redundancy(many).with_exec(idle));
    const auto started = rt.run(group.started());
    REQUIRE(started);
    group.stop();
    while (rt.find_children("/burst").alive()) std::this_thread::yield();
}

std::uint64_t given_back() { return bastion::detail::read_pool_stats().given_back_bytes; }

} // namespace

TEST_CASE("A burst gives its pages back when the runtime is idle") {
    bastion::runtime rt(bastion::config().with_signals(false));
    for (int round = 0; round < 2; ++round) {
        burst(rt);
        // Most of it, and then the sweep ends.
        while (given_back() < many * bytes_each / 2 || bastion::detail::has_pages_to_give_back())
            std::this_thread::yield();
    }
}

TEST_CASE("Timers that come again and again do not keep a burst's pages from the system") {
    // Also when the next one is due before all that is free has been looked through, and nobody else is there for it.
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<bool> end{false};
    bastion::runtime rt(bastion::config().with_signals(false).with_workers(workers));
    for (int i = 0; i < 3; ++i)
        rt.spawn([&end](bastion::context ctx) -> bastion::process {
            while (!end) co_await ctx.sleep_for(std::chrono::milliseconds(5));
        });
    burst(rt);
    while (given_back() < many * bytes_each / 2) std::this_thread::yield();
    end = true;
}
